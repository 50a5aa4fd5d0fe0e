//! Files that belong to the person: site files and exported inventories. Each is written whole or not at all.

use std::io::Write as _;
use std::path::Path;

use slipway_core::site::parse;

use super::Desk;
use crate::failure::{Code, Failure, Outcome};
use crate::inventory::{Export, ImportReport, OnConflict};

/// Largest inventory that is read, in bytes.
const LARGEST_INVENTORY: u64 = 32 << 20;

/// Writes a file whole or not at all.
///
/// # Errors
/// Those of the file system; the file is then as it was.
pub fn write_atomically(path: &Path, content: &[u8]) -> std::io::Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.tmp", std::process::id()));
    let temporary = path.with_file_name(name);
    let written = std::fs::File::create_new(&temporary)
        .and_then(|mut file| {
            // What others may read, and whether it can be run, stays as it was.
            if let Ok(meta) = std::fs::metadata(path) {
                file.set_permissions(meta.permissions())?;
            }
            file.write_all(content).and_then(|()| file.sync_all())
        })
        .and_then(|()| std::fs::rename(&temporary, path));
    if written.is_err() {
        let _ = std::fs::remove_file(&temporary);
    }
    written
}

/// Replaces the text of a site file that still says `was`. A text with mistakes is kept too: a person may be half-way.
///
/// # Errors
/// When the file says something else by now, is no longer there, or cannot be written; it is then as it was.
pub fn replace_site_text(path: &Path, was: &str, text: &str) -> Outcome<()> {
    let failed = |why: String| {
        Failure::new(Code::Local, format!("{} cannot be written: {why}", path.display())).because("it is as it was")
    };
    let now = std::fs::read(path).map_err(|error| failed(error.to_string()))?;
    if now != was.as_bytes() {
        let failure = Failure::new(Code::Stale, format!("{} was changed by something else", path.display()));
        return Err(failure
            .because("nothing was written")
            .hint("copy what you wrote, read the file again, and put it in"));
    }
    if text.len() > slipway_core::site::MAX_BYTES {
        return Err(failed("it is far too large to be a site file".to_owned()));
    }
    // The name is what the site is known by: another one would be another site.
    let name = |text: &str| parse(text).ok().map(|parsed| parsed.site.name);
    if let (Some(before), Some(after)) = (name(was), name(text))
        && before != after
    {
        let failure = Failure::new(Code::Usage, format!("this would make the site {before} a site {after}"));
        return Err(failure.because("nothing was written").hint("a site keeps its name; begin a new one for another"));
    }
    write_atomically(path, text.as_bytes()).map_err(|error| failed(error.to_string()))
}

impl Desk {
    /// Writes hosts and sites, without secrets, for another computer.
    ///
    /// # Errors
    /// When the database fails or the file cannot be written.
    pub fn export_inventory(&self, path: &Path) -> Outcome<Export> {
        let export = self.inventory.export(self.clock.now())?;
        let failed = |why: String| Failure::new(Code::Local, format!("{} cannot be written: {why}", path.display()));
        let mut text = serde_json::to_string_pretty(&export).map_err(|error| failed(error.to_string()))?;
        text.push('\n');
        write_atomically(path, text.as_bytes()).map_err(|error| failed(error.to_string()))?;
        Ok(export)
    }

    /// Takes over what [`Desk::export_inventory`] wrote.
    ///
    /// # Errors
    /// When the file cannot be read or is none of those, or the database fails; nothing is taken over then.
    pub fn import_inventory(&self, path: &Path, on_conflict: OnConflict) -> Outcome<ImportReport> {
        let wrong = |why: String| Failure::new(Code::Usage, format!("{} cannot be taken over: {why}", path.display()));
        let meta = std::fs::metadata(path).map_err(|error| wrong(error.to_string()))?;
        if meta.len() > LARGEST_INVENTORY {
            return Err(wrong("it is far too large to be an inventory".to_owned()));
        }
        let text = std::fs::read(path).map_err(|error| wrong(error.to_string()))?;
        let export: Export = serde_json::from_slice(&text).map_err(|error| wrong(error.to_string()))?;
        self.inventory.import(&export, on_conflict, self.clock.now()).map_err(Failure::from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_site_file_is_replaced_only_when_it_is_what_was_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("slipway.toml");
        let text = |name: &str| {
            format!(
                "schema = 1\nname = \"{name}\"\n[source]\nfolder = \"app\"\n[runtime]\nkind = \"static\"\n[[route]]\npath = \"/\"\nfiles = \".\"\n"
            )
        };
        std::fs::write(&path, text("shop")).unwrap();
        replace_site_text(&path, &text("shop"), "half way [").unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "half way [");
        let stale = replace_site_text(&path, &text("shop"), &text("shop")).unwrap_err();
        assert_eq!(stale.code, Code::Stale);
        replace_site_text(&path, "half way [", &text("shop")).unwrap();
        let renamed = replace_site_text(&path, &text("shop"), &text("other")).unwrap_err();
        assert_eq!(renamed.message, "this would make the site shop a site other");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), text("shop"));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left over");
    }
}
