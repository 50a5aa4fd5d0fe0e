//! From a draft to a site file that is remembered.

use std::path::{Path, PathBuf};

use serde_json::Value;
use slipway_core::site::{Name, parse, values};

use super::{Desk, Draft, DraftId, Edit, PATHS, edit_text, store};
use crate::failure::{Code, Failure, Outcome};
use crate::home::Created;
use crate::inventory::{HostName, InventoryError, KnownSite};
use crate::site_file::{SiteFile, SiteFileError, read_site_file};

/// The name that site files have.
const FILE: &str = "slipway.toml";

/// Whether a site has its file somewhere else, and it is still there.
fn is_elsewhere(known: &KnownSite, path: &Path) -> bool {
    Path::new(&known.file) != path && Path::new(&known.file).exists()
}

/// The path of this computer that a site file has under `key`.
fn path_at<'a>(said: &'a Value, key: [&str; 2]) -> Option<&'a str> {
    said.pointer(&format!("/{}", key.join("/"))).and_then(Value::as_str)
}

impl Desk {
    /// Writes the site file, remembers the site with its host, and removes the draft.
    ///
    /// The file goes to `folder`, or into a folder of Slipway's own named after the site. In the latter, paths on this
    /// computer must be absolute, because nothing is beside the file; `~/` is written out. Finishing again after an
    /// interruption goes on where it stopped.
    ///
    /// # Errors
    /// When the text has mistakes, the file would replace another one, or a site of that name is known elsewhere.
    pub fn finish_draft(&self, id: &str, folder: Option<&Path>) -> Outcome<SiteFile> {
        let id = DraftId::parse(id)?;
        let draft = store::read(&self.home, &id)?;
        let kept = |failure: Failure| failure.because("the draft is as it was");
        let wrong = |text: &str, path: PathBuf, diagnostics| {
            kept(SiteFileError::Wrong { path, text: text.to_owned(), diagnostics }.into())
        };
        let parsed = parse(&draft.text).map_err(|found| wrong(&draft.text, "the site file".into(), found))?;
        let (place, text) = match folder {
            Some(folder) => {
                let folder = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
                if !folder.is_dir() {
                    let failure = Failure::new(Code::Usage, format!("{} is not a folder", folder.display()));
                    return Err(kept(failure.hint("choose a folder that is there")));
                }
                (folder, draft.text.clone())
            }
            None => (
                self.home.sites().join(parsed.site.name.as_str()),
                self.with_absolute_paths(&draft.text).map_err(kept)?,
            ),
        };
        let path = place.join(FILE);
        parse(&text).map_err(|found| wrong(&text, path.clone(), found))?;
        let hosts = self.hosts_of(draft.host.as_ref(), &parsed.site.hosts)?;
        let before = self.known_before(&parsed.site.name)?;
        if let Some(known) = before.as_ref().filter(|known| is_elsewhere(known, &path)) {
            let failure = Failure::new(
                Code::Usage,
                format!("there is a site {} already; its file is {}", known.name, known.file),
            );
            return Err(kept(failure.hint("give this one another name, or forget that one first")));
        }
        if folder.is_none() {
            self.home.create_private_folder(&place).map_err(|error| kept(Failure::from(error)))?;
        }
        self.write_new(&path, &text).map_err(kept)?;
        let file = read_site_file(&path).map_err(Failure::from)?;
        let mut all: Vec<HostName> = before.map(|known| known.hosts).unwrap_or_default();
        all.extend(hosts.into_iter().filter(|host| !all.contains(host)).collect::<Vec<_>>());
        let site = KnownSite {
            name: file.site.name.clone(),
            file: path.display().to_string(),
            hosts: all,
            added_at: self.clock.now(),
        };
        self.inventory.put_site(&site).map_err(|error| {
            Failure::from(error).because(format!("{} was written; the draft is as it was", path.display()))
        })?;
        self.allow_chosen(&file, &draft)?;
        self.claim_secrets(&file)?;
        // A change that another window made while this one finished is not thrown away.
        if store::read(&self.home, &id).is_ok_and(|now| now.revision == draft.revision) {
            store::remove(&self.home, &id)?;
        }
        Ok(file)
    }

    /// Lets the site file read what the person chose for it.
    fn allow_chosen(&self, file: &SiteFile, draft: &Draft) -> Outcome<()> {
        let (answered, said) = (values(&draft.text).unwrap_or_default(), values(&file.text).unwrap_or_default());
        for key in PATHS {
            if let (Some(answer), Some(path)) = (path_at(&answered, key), path_at(&said, key))
                && draft.chosen.contains(answer)
            {
                self.allow_outside_path(file, path)?;
            }
        }
        Ok(())
    }

    /// The site of this name that is known from before.
    fn known_before(&self, name: &Name) -> Outcome<Option<KnownSite>> {
        match self.inventory.site(name) {
            Ok(known) => Ok(Some(known)),
            Err(InventoryError::NoSuchSite(_)) => Ok(None),
            Err(error) => Err(Failure::from(error)),
        }
    }

    /// Writes a file that is not there yet, or is there with the same text.
    fn write_new(&self, path: &Path, text: &str) -> Outcome<()> {
        let made = self.home.create_private(path, text.as_bytes())?;
        if made == Created::Before && std::fs::read(path).ok().as_deref() != Some(text.as_bytes()) {
            let failure =
                Failure::new(Code::Usage, format!("{} is there already and says something else", path.display()));
            return Err(failure.hint("choose another folder or name, or move that file away"));
        }
        Ok(())
    }

    /// The hosts to remember: the chosen one, and those of the file that are known here.
    fn hosts_of(&self, chosen: Option<&HostName>, named: &[String]) -> Outcome<Vec<HostName>> {
        let known = self.inventory.hosts()?;
        let mut hosts: Vec<HostName> = chosen.cloned().into_iter().collect();
        for host in known {
            if named.iter().any(|name| name == host.name.as_str()) && !hosts.contains(&host.name) {
                hosts.push(host.name);
            }
        }
        match chosen {
            Some(host) => self.inventory.host(host).map(|_| hosts).map_err(Failure::from),
            None => Ok(hosts),
        }
    }

    /// The text with paths of this computer that do not depend on where the file is.
    fn with_absolute_paths(&self, text: &str) -> Outcome<String> {
        let said = values(text).unwrap_or_default();
        let mut edits = Vec::new();
        for key in PATHS {
            let Some(path) = path_at(&said, key) else { continue };
            if Path::new(path).is_absolute() {
                continue;
            }
            let home = self.surroundings.person_home().filter(|home| home.is_absolute());
            let below = path.strip_prefix("~/").or((path == "~").then_some(""));
            let Some(absolute) = below.zip(home).map(|(below, home)| home.join(below)) else {
                let failure = Failure::new(
                    Code::BadSiteFile,
                    format!("{} is {path:?}, which is relative to no folder yet", key.join(".")),
                );
                return Err(failure.hint("write the whole path, or choose a folder for the site file"));
            };
            let Some(absolute) = absolute.to_str() else {
                return Err(Failure::new(Code::Local, format!("{} is not text", absolute.display())));
            };
            edits.push(Edit::set(&key, absolute));
        }
        if edits.is_empty() { Ok(text.to_owned()) } else { edit_text(text, &edits) }
    }
}
