//! The configuration that a release on the host carries: its files and its instances, as they are read back for a rollback.

use crate::activation::Instance;
use crate::command::{Command, Output};
use crate::digest::Digest;
use crate::resource::file::{File, FileContent};
use crate::resource::{Effect, Heading};
use crate::site::Name;
use crate::units;

const READ: &str = r#"
set -u
cd "$1/config" || exit 1
cat .index || exit 1
echo =readers
if [ -e .readers ]; then cat .readers || exit 1; fi
echo =digests
while read -r mode owner group path; do sha256sum ".$path" || exit 1; done <.index
echo =instances
cat .instances || exit 1
printf '\n=end\n'
"#;

/// Asks for the configuration of the release in `directory`.
pub fn command(directory: &str) -> Command {
    Command::script(READ, [directory]).output_limit(8 << 20)
}

/// Reads the reply to [`command`]. Texts of the files are not in it.
///
/// # Errors
/// What is wrong with it, also when it was cut.
pub fn parse(output: &Output, site: &Name) -> Result<(Vec<File>, Vec<Instance>), String> {
    if !output.success() || output.truncated {
        return Err(output.complaint());
    }
    let text = output.text();
    let cut = || "the reply was cut off".to_owned();
    let (index, rest) = text.split_once("=readers\n").ok_or_else(cut)?;
    let (readers, rest) = rest.split_once("=digests\n").ok_or_else(cut)?;
    let (digests, rest) = rest.split_once("=instances\n").ok_or_else(cut)?;
    let instances = rest.strip_suffix("\n=end\n").ok_or_else(cut)?;
    let instances = serde_json::from_str(instances).map_err(|error| format!("its instances: {error}"))?;
    let mut readers = readers.lines();
    let mut files = Vec::new();
    for (line, sum) in index.lines().zip(digests.lines()) {
        files.push(file(line, readers.next(), sum, site).ok_or_else(|| format!("it has a strange line: {line:?}"))?);
    }
    if files.len() != index.lines().count() {
        return Err(cut());
    }
    Ok((files, instances))
}

fn file(line: &str, reader: Option<&str>, sum: &str, site: &Name) -> Option<File> {
    let parts: Vec<&str> = line.splitn(4, ' ').collect();
    let [mode, owner, group, path] = parts.as_slice() else { return None };
    let (digest, summed) = sum.split_once("  .")?;
    if summed != *path {
        return None;
    }
    let effects = match reader {
        Some("systemd") => vec![Effect::Systemd],
        Some("nginx") => vec![Effect::Nginx],
        Some("rules") => vec![Effect::Rules(units::guard(site))],
        Some("processes") => vec![Effect::Processes],
        Some("sudo") => vec![Effect::Sudo],
        Some(_) => Vec::new(),
        None => crate::manifest::effects_of_old(path, site),
    };
    Some(File {
        path: (*path).to_owned(),
        mode: u32::from_str_radix(mode, 8).ok()?,
        owner: (*owner).to_owned(),
        group: (*group).to_owned(),
        content: FileContent::Text { text: String::new() },
        digest: digest.parse::<Digest>().ok()?,
        needs: Vec::new(),
        outlived_by: Vec::new(),
        effects,
        heading: Heading::Configuration,
    })
}
