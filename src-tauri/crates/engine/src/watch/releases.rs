//! Releases of a site on a host: what is known of them, and removing one.

use serde::Serialize;
use slipway_core::command::Command;
use slipway_core::plan::release_step::sweep_environments;
use slipway_core::release::{Layout, Ledger, ReleaseId, ReleaseRecord, ReleaseState};
use slipway_core::site::Name;
use slipway_host::Batch;

use crate::asked::Asked;
use crate::failure::{Code, Failure, Outcome};
use crate::link::Link;
use crate::lock::Lock;

/// A release with everything that is known of it.
#[derive(Debug, Clone, Serialize)]
pub struct KnownRelease {
    /// What was recorded when it was made.
    pub record: Option<ReleaseRecord>,
    /// What became of it.
    pub state: Option<ReleaseState>,
    /// Its id.
    pub id: ReleaseId,
    /// Whether it is the active one.
    pub active: bool,
    /// Bytes of its own files on the host (shared environments not counted).
    pub bytes: Option<u64>,
}

/// Directory of releases, ledger, link to the active release: what the scripts below are given.
fn paths(layout: &Layout) -> [String; 3] {
    [layout.releases(), layout.ledger(), layout.current()]
}

// What every answer begins with: the ledger, and where the link leads.
macro_rules! ledger {
    () => {
        r#"
set -u
if [ -e "$2" ]; then tail -c 262144 "$2"; fi
current="$(readlink "$3" 2>/dev/null)"
printf '\n=current %s\n' "$current"
"#
    };
}

/// All releases. Their sizes are measured, which takes as long as they have files.
const ALL: &str = concat!(
    ledger!(),
    r#"
for directory in "$1"/*/; do
    [ -e "$directory/release.json" ] || continue
    printf '=release %s %s ' "$(basename "$directory")" "$(du -sb "$directory" 2>/dev/null | cut -f1)"
    head -c 8192 "$directory/release.json" | tr -d '\n'
    printf '\n'
done
echo =end
"#
);

/// The active release alone. It is asked for every few seconds while a page is open, so nothing is measured.
const ACTIVE: &str = concat!(
    ledger!(),
    r#"
directory="$1/${current#releases/}"
if [ -n "$current" ] && [ -e "$directory/release.json" ]; then
    printf '=release %s - ' "$(basename "$directory")"
    head -c 8192 "$directory/release.json" | tr -d '\n'
    printf '\n'
fi
echo =end
"#
);

/// Asks for the ledger and the active release.
pub(super) fn active_command(layout: &Layout) -> Command {
    Command::script(ACTIVE, paths(layout))
}

/// Reads the answer to [`active_command`]: the release without its size, if there is one.
///
/// # Errors
/// What is wrong with the answer.
pub(super) fn parse_active(text: &str) -> Result<(Ledger, Option<KnownRelease>), String> {
    let (ledger, known) = parse(text)?;
    Ok((ledger, known.into_iter().find(|release| release.active)))
}

/// Releases of a site, newest first: one round trip.
///
/// # Errors
/// When the host cannot be asked.
pub async fn releases(link: &Link, site: &Name) -> Outcome<Vec<KnownRelease>> {
    let layout = Layout::new(site);
    let output = link.run(Command::script(ALL, paths(&layout))).await?;
    let strange = |why: String| {
        Failure::new(Code::Host, format!("{}: the releases of {site} cannot be read: {why}", link.name()))
    };
    if !output.success() || output.truncated {
        return Err(strange(output.complaint()));
    }
    parse(&output.text()).map(|(_, releases)| releases).map_err(strange)
}

fn parse(text: &str) -> Result<(Ledger, Vec<KnownRelease>), String> {
    let (ledger, rest) = text.split_once("\n=current ").ok_or("the reply has no active release")?;
    let ledger = Ledger::parse(ledger);
    let states = ledger.releases();
    let mut lines = rest.lines();
    let current: Option<ReleaseId> =
        lines.next().and_then(|line| line.strip_prefix("releases/")).and_then(|id| id.parse().ok());
    let mut releases = Vec::new();
    let mut ended = false;
    for line in lines {
        if line == "=end" {
            ended = true;
            break;
        }
        let strange = || format!("strange line {line:?}");
        let mut parts = line.strip_prefix("=release ").ok_or_else(strange)?.splitn(3, ' ');
        let Some(id) = parts.next().and_then(|id| id.parse::<ReleaseId>().ok()) else { continue };
        let bytes = parts.next().and_then(|bytes| bytes.parse().ok());
        let record = parts.next().and_then(|json| serde_json::from_str(json).ok());
        let state = states.iter().find(|state| state.id == id).cloned();
        releases.push(KnownRelease { record, state, active: current.as_ref() == Some(&id), id, bytes });
    }
    releases.sort_by(|a, b| b.id.cmp(&a.id));
    if ended { Ok((ledger, releases)) } else { Err("the reply was cut off".to_owned()) }
}

/// Removes a release's files. The active one and the one to go back to are refused.
///
/// # Errors
/// When it must not be removed or is not there.
pub async fn remove_release(link: &Link, site: &Name, id: &ReleaseId, asked: &Asked) -> Outcome<()> {
    let lock = Lock::acquire(link, &asked.run, asked, &format!("remove release {id} of {site}")).await?;
    let result = remove_locked(link, site, id).await;
    lock.release(link).await;
    result
}

async fn remove_locked(link: &Link, site: &Name, id: &ReleaseId) -> Outcome<()> {
    let layout = Layout::new(site);
    let all = releases(link, site).await?;
    let refuse =
        |why: String| Failure::new(Code::Usage, format!("{}: {why}", link.name())).because("nothing was removed");
    let release =
        all.iter().find(|release| &release.id == id).ok_or_else(|| refuse(format!("there is no release {id}")))?;
    if release.active {
        return Err(refuse(format!("release {id} is the active one")));
    }
    let script = r#"
rm -rf -- "$1" && printf '%s removed %s by request\n' "$(date +%s)" "$3" >>"$2"
"#;
    let remove = Command::script(script, [layout.release(id), layout.ledger(), id.to_string()]);
    let outputs = link.batch(Batch::until_failure([remove, sweep_environments(&layout)])).await?;
    match outputs.iter().find(|output| !output.success()) {
        None => Ok(()),
        Some(output) => Err(Failure::new(Code::Host, format!("{}: {}", link.name(), output.complaint()))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RECORD: &str = r#"{"id":"20261121T104500Z-1a2b3c","source":"/srv/shop","config":"CONFIG","author":"ann@desk","created":"2026-11-21T10:45:00Z"}"#;

    /// What a host answers whose active release is the newer of two.
    fn answer(script: &str) -> String {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
        let config = slipway_core::digest::Digest::of(b"");
        for id in ["20261120T104500Z-1a2b3c", "20261121T104500Z-1a2b3c"] {
            std::fs::create_dir_all(at(&format!("releases/{id}"))).unwrap();
            let record = RECORD.replace("CONFIG", config.as_str()).replace("20261121T104500Z-1a2b3c", id);
            std::fs::write(at(&format!("releases/{id}/release.json")), record).unwrap();
        }
        std::fs::write(at("ledger"), "1 good 20261121T104500Z-1a2b3c proven\n").unwrap();
        std::os::unix::fs::symlink("releases/20261121T104500Z-1a2b3c", at("current")).unwrap();
        let paths = [at("releases"), at("ledger"), at("current")];
        let output = std::process::Command::new("sh").args(["-c", script, "sh"]).args(paths).output().unwrap();
        assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    #[test]
    fn sizes_are_measured_when_releases_are_listed() {
        let (_, known) = parse(&answer(ALL)).unwrap();
        let seen: Vec<_> = known.iter().map(|release| (release.active, release.bytes.is_some())).collect();
        assert_eq!(seen, [(true, true), (false, true)]);
    }

    #[test]
    fn sizes_are_not_measured_for_the_status() {
        let layout = Layout::new(&"shop".parse().unwrap());
        let asked = format!("{:?}", active_command(&layout));
        assert!(asked.contains("release.json") && !asked.contains("du "), "{asked}");
        let (ledger, active) = parse_active(&answer(ACTIVE)).unwrap();
        let active = active.unwrap();
        assert!(active.bytes.is_none() && active.state.unwrap().known_good && active.record.is_some());
        assert!(ledger.interrupted().is_none());
        let (_, none) = parse_active("\n=current \n=end\n").unwrap();
        assert!(none.is_none());
        assert!(parse_active("\n=current releases/20261121T104500Z-1a2b3c\n").is_err(), "it was cut off");
    }
}
