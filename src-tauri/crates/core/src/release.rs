//! Releases: where they live on a host, what they are called, and the ledger of what became of them.

use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::site::{Name, RelativePath};

/// A release's name: `20261121T104500Z-1a2b3c`, sortable by time, safe as a path component.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ReleaseId(String);

impl ReleaseId {
    /// Makes an id from a UTC time stamp (`YYYYMMDDTHHMMSSZ`) and what makes it unique.
    ///
    /// # Errors
    /// When the stamp does not have that shape.
    pub fn new(stamp: &str, unique: &Digest) -> Result<Self, String> {
        let tail = unique.as_str().get(..6).unwrap_or_default();
        format!("{stamp}-{tail}").try_into()
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for ReleaseId {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        let bytes = text.as_bytes();
        let shape = bytes.len() == 23
            && bytes.iter().enumerate().all(|(at, byte)| match at {
                8 => *byte == b'T',
                15 => *byte == b'Z',
                16 => *byte == b'-',
                17.. => byte.is_ascii_digit() || (b'a'..=b'f').contains(byte),
                _ => byte.is_ascii_digit(),
            });
        if shape {
            Ok(Self(text))
        } else {
            Err(format!("{text:?} is not a release id such as 20261121T104500Z-1a2b3c"))
        }
    }
}

impl std::str::FromStr for ReleaseId {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        text.to_owned().try_into()
    }
}

impl From<ReleaseId> for String {
    fn from(id: ReleaseId) -> Self {
        id.0
    }
}

impl std::fmt::Display for ReleaseId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// Paths of one site on a host.
#[derive(Debug, Clone)]
pub struct Layout {
    site: String,
}

impl Layout {
    /// The layout of `site`.
    pub fn new(site: &Name) -> Self {
        Self { site: site.as_str().to_owned() }
    }

    /// `/opt/SITE`: root's, readable by all.
    pub fn root(&self) -> String {
        format!("/opt/{}", self.site)
    }

    /// `/opt/SITE/releases`.
    pub fn releases(&self) -> String {
        format!("/opt/{}/releases", self.site)
    }

    /// `/opt/SITE/releases/ID`.
    pub fn release(&self, id: &ReleaseId) -> String {
        format!("/opt/{}/releases/{id}", self.site)
    }

    /// `/opt/SITE/releases/ID.building`: where a release grows until it is sealed.
    pub fn building(&self, id: &ReleaseId) -> String {
        format!("/opt/{}/releases/{id}.building", self.site)
    }

    /// `/opt/SITE/envs/HASH`.
    pub fn environment(&self, key: &Digest) -> String {
        format!("/opt/{}/envs/{}", self.site, key.short())
    }

    /// `/opt/SITE/envs`.
    pub fn environments(&self) -> String {
        format!("/opt/{}/envs", self.site)
    }

    /// `/opt/SITE/shared`.
    pub fn shared(&self) -> String {
        format!("/opt/{}/shared", self.site)
    }

    /// `/opt/SITE/current`, a symbolic link to the active release.
    pub fn current(&self) -> String {
        format!("/opt/{}/current", self.site)
    }

    /// The release that `current` names when it is a link to `target`.
    pub fn release_of(&self, target: &str) -> Option<ReleaseId> {
        target.strip_prefix("releases/")?.parse().ok()
    }

    /// `/opt/SITE/cache`: the site user's own: home directory.
    pub fn cache(&self) -> String {
        format!("/opt/{}/cache", self.site)
    }

    /// `/opt/SITE/build`: what one build leaves to the next.
    pub fn build(&self) -> String {
        format!("/opt/{}/build", self.site)
    }

    /// `/opt/SITE/build/source.git`: the mirror of the repository. Only what fetches may write there.
    pub fn mirror(&self) -> String {
        format!("{}/source.git", self.build())
    }

    /// `/opt/SITE/build/npm`: packages that npm has downloaded. Only `npm ci`, which compares each with the lock file, gets it.
    pub fn npm_cache(&self) -> String {
        format!("{}/npm", self.build())
    }

    /// The user as whom the source is fetched and built: not the application's, so that neither is at the other's mercy.
    pub fn builder(&self) -> String {
        format!("{}-build", self.site)
    }

    /// What no build has business with, whatever its modes are.
    pub fn hidden_from_builds(&self) -> Vec<String> {
        let slipways = ["/etc/slipway", "/var/lib/slipway"].map(str::to_owned);
        slipways.into_iter().chain([self.etc(), self.shared(), self.cache(), self.logs()]).collect()
    }

    /// The home of a build: as old as the release, and gone with its end.
    pub fn build_home(&self, id: &ReleaseId) -> String {
        format!("{}/home", self.building(id))
    }

    /// `/etc/SITE`.
    pub fn etc(&self) -> String {
        format!("/etc/{}", self.site)
    }

    /// `/etc/SITE/secrets/PATH`.
    pub fn secret_file(&self, path: &RelativePath) -> String {
        format!("/etc/{}/secrets/{path}", self.site)
    }

    /// `/etc/SITE/config/PATH`.
    pub fn config_file(&self, path: &RelativePath) -> String {
        format!("/etc/{}/config/{path}", self.site)
    }

    /// `/etc/SITE/environment`.
    pub fn environment_file(&self) -> String {
        format!("/etc/{}/environment", self.site)
    }

    /// `/etc/SITE/environment-PROCESS`: variables of one process, read after the site's.
    pub fn process_environment(&self, process: &str) -> String {
        format!("/etc/{}/environment-{process}", self.site)
    }

    /// `/etc/SITE/gunicorn-PROCESS.py`.
    pub fn gunicorn(&self, process: &str) -> String {
        format!("/etc/{}/gunicorn-{process}.py", self.site)
    }

    /// `/var/log/SITE`.
    pub fn logs(&self) -> String {
        format!("/var/log/{}", self.site)
    }

    /// `/var/lib/slipway/SITE`: manifest, ledger, audit log; root only.
    pub fn state(&self) -> String {
        format!("/var/lib/slipway/{}", self.site)
    }

    /// `/var/lib/slipway/SITE/manifest.json`.
    pub fn manifest(&self) -> String {
        format!("{}/manifest.json", self.state())
    }

    /// `/var/lib/slipway/SITE/confirmed`: what a run that is not over, or was cut off, has done.
    pub fn confirmed(&self) -> String {
        format!("{}/confirmed", self.state())
    }

    /// `/var/lib/slipway/host.json`: what several sites may use.
    pub fn host_manifest() -> String {
        "/var/lib/slipway/host.json".to_owned()
    }

    /// `/var/lib/slipway/SITE/ledger`.
    pub fn ledger(&self) -> String {
        format!("{}/ledger", self.state())
    }

    /// `/var/lib/slipway/SITE/audit.jsonl`.
    pub fn audit(&self) -> String {
        format!("{}/audit.jsonl", self.state())
    }

    /// `/etc/slipway/tls`.
    pub fn tls_parent(&self) -> String {
        "/etc/slipway/tls".to_owned()
    }

    /// `/etc/slipway/tls/SITE`.
    pub fn tls(&self) -> String {
        format!("/etc/slipway/tls/{}", self.site)
    }
}

/// What is recorded about a release inside it (`release.json`) when it is sealed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReleaseRecord {
    /// Its id.
    pub id: ReleaseId,
    /// Where the code came from, for a person: URL or folder name.
    pub source: String,
    /// Branch, tag or commit that was asked for.
    #[serde(default)]
    pub reference: Option<String>,
    /// The commit, when the source is a git repository.
    #[serde(default)]
    pub commit: Option<String>,
    /// First line of the commit's message. Untrusted text.
    #[serde(default)]
    pub subject: Option<String>,
    /// Digest of the uploaded tree or archive.
    #[serde(default)]
    pub tree: Option<Digest>,
    /// Key of its environment.
    #[serde(default)]
    pub environment: Option<Digest>,
    /// Digest of its rendered configuration.
    pub config: Digest,
    /// Who made it.
    pub author: String,
    /// When, RFC 3339, the desktop's clock.
    pub created: String,
    /// The release whose code it shares, when only the configuration changed.
    #[serde(default)]
    pub code_of: Option<ReleaseId>,
}

/// One line of the ledger: `EPOCH EVENT RELEASE TEXT`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerEntry {
    /// Seconds since 1970 by the host's clock.
    pub at: u64,
    /// What happened.
    pub event: LedgerEvent,
    /// To which release.
    pub release: ReleaseId,
    /// Why or by whom; untrusted text.
    pub text: String,
}

/// What can happen to a release.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum LedgerEvent {
    /// Its activation began.
    Begin,
    /// It is active and proved itself.
    Good,
    /// It did not prove itself, and going back to the release before it began; the text says why.
    Back,
    /// It did not prove itself, and that has been dealt with; the text says why.
    Failed,
    /// It was made active again because the next one failed.
    Restored,
    /// Its files were removed.
    Removed,
}

/// What became of one release, folded from the ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ReleaseState {
    /// Its id.
    pub id: ReleaseId,
    /// Whether it ever proved itself.
    pub known_good: bool,
    /// The last thing that happened to it.
    pub last: LedgerEvent,
    /// When that was, seconds since 1970.
    pub at: u64,
    /// What the ledger said then. Untrusted text.
    pub text: String,
    /// Whether its files are still there according to the ledger.
    pub removed: bool,
}

/// The ledger of a site.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ledger {
    /// Entries, oldest first.
    pub entries: Vec<LedgerEntry>,
    /// Lines that could not be read (their numbers, from 1): a cut last line after a power loss is normal.
    pub unreadable: Vec<usize>,
}

impl Ledger {
    /// Reads a ledger; lines that are not whole are kept apart, never guessed at.
    pub fn parse(text: &str) -> Self {
        let mut ledger = Self::default();
        for (number, line) in text.lines().enumerate() {
            if line.is_empty() {
                continue;
            }
            match parse_entry(line) {
                Some(entry) => ledger.entries.push(entry),
                None => ledger.unreadable.push(number + 1),
            }
        }
        ledger
    }

    /// What became of each release, newest id first.
    pub fn releases(&self) -> Vec<ReleaseState> {
        let mut states: std::collections::BTreeMap<&ReleaseId, ReleaseState> = std::collections::BTreeMap::new();
        for entry in &self.entries {
            let state = states.entry(&entry.release).or_insert_with(|| ReleaseState {
                id: entry.release.clone(),
                known_good: false,
                last: entry.event,
                at: entry.at,
                text: String::new(),
                removed: false,
            });
            state.known_good |= matches!(entry.event, LedgerEvent::Good | LedgerEvent::Restored);
            state.removed = entry.event == LedgerEvent::Removed;
            state.last = entry.event;
            state.at = entry.at;
            state.text.clone_from(&entry.text);
        }
        states.into_values().rev().collect()
    }

    /// The release whose activation, or going back from it, began but never ended, if the last entry says so.
    pub fn interrupted(&self) -> Option<&ReleaseId> {
        let open = |entry: &&LedgerEntry| matches!(entry.event, LedgerEvent::Begin | LedgerEvent::Back);
        self.entries.last().filter(open).map(|entry| &entry.release)
    }

    /// The release to go back to from `current`: the one that was good most recently before it.
    pub fn previous_good(&self, current: Option<&ReleaseId>) -> Option<ReleaseId> {
        let removed: Vec<ReleaseId> =
            self.releases().into_iter().filter(|state| state.removed).map(|state| state.id).collect();
        let good = |entry: &&LedgerEntry| matches!(entry.event, LedgerEvent::Good | LedgerEvent::Restored);
        let began = current.and_then(|id| self.entries.iter().position(|entry| &entry.release == id && good(&entry)));
        let before = began.unwrap_or(self.entries.len());
        self.entries
            .iter()
            .take(before)
            .rev()
            .filter(good)
            .map(|entry| &entry.release)
            .find(|id| Some(*id) != current && !removed.contains(id))
            .cloned()
    }
}

fn parse_entry(line: &str) -> Option<LedgerEntry> {
    let mut parts = line.splitn(4, ' ');
    let at = parts.next()?.parse().ok()?;
    let event = match parts.next()? {
        "begin" => LedgerEvent::Begin,
        "good" => LedgerEvent::Good,
        "back" => LedgerEvent::Back,
        "failed" => LedgerEvent::Failed,
        "restored" => LedgerEvent::Restored,
        "removed" => LedgerEvent::Removed,
        _ => return None,
    };
    let release = parts.next()?.parse().ok()?;
    Some(LedgerEntry { at, event, release, text: parts.next().unwrap_or_default().to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "20261121T100000Z-aaaaaa";
    const B: &str = "20261121T110000Z-bbbbbb";
    const C: &str = "20261121T120000Z-cccccc";

    #[test]
    fn a_ledger_tells_what_became_of_each_release() {
        let text = format!(
            "1 begin {A} x\n2 good {A} \n3 begin {B} x\n4 failed {B} health\n5 restored {A} \n6 begin {C} x\n7 go"
        );
        let ledger = Ledger::parse(&text);
        assert_eq!(ledger.unreadable, [7]);
        let states = ledger.releases();
        assert_eq!(
            states.iter().map(|s| (s.id.as_str(), s.known_good)).collect::<Vec<_>>(),
            [(C, false), (B, false), (A, true)]
        );
        assert_eq!(ledger.interrupted().map(ReleaseId::as_str), Some(C));
        assert_eq!(ledger.previous_good(Some(&C.parse().unwrap())).unwrap().as_str(), A);
        assert_eq!(ledger.previous_good(Some(&A.parse().unwrap())), None);
    }

    #[test]
    fn going_back_that_never_ended_is_an_interruption() {
        let begun = format!("1 good {A} \n2 begin {B} x\n3 back {B} health\n");
        let ledger = Ledger::parse(&begun);
        assert!(ledger.unreadable.is_empty());
        assert_eq!(ledger.interrupted().map(ReleaseId::as_str), Some(B));
        assert!(!ledger.releases().iter().any(|state| state.id.as_str() == B && state.known_good));
        let ended = Ledger::parse(&format!("{begun}4 failed {B} health\n5 restored {A} health"));
        assert_eq!(ended.interrupted(), None);
        assert_eq!(ended.previous_good(None).unwrap().as_str(), A);
    }

    #[test]
    fn rolling_back_twice_goes_further_back_and_never_forward() {
        let ledger = Ledger::parse(&format!("1 good {A} \n2 good {B} \n3 good {C} \n4 good {B} rollback"));
        assert_eq!(ledger.previous_good(Some(&B.parse().unwrap())).unwrap().as_str(), A);
    }

    #[test]
    fn ids_that_could_leave_the_directory_are_refused() {
        for bad in ["../../../etc/passwd-aaaa", "20261121T100000Z-AAAAAA", "", "20261121T100000Z-aaaaa/"] {
            assert!(bad.parse::<ReleaseId>().is_err(), "{bad}");
        }
    }
}
