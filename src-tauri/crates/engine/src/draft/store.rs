//! The files of drafts: one each, private, whole or not at all, changed by one window at a time.

use std::fs::File;

use serde::{Deserialize, Serialize};

use super::{Draft, Drafts};
use crate::failure::{Code, Failure, Outcome};
use crate::home::{Created, Home, private};

/// Largest file that is read, bytes.
const LARGEST: u64 = 16 << 20;
/// Digits of an id.
const DIGITS: usize = 16;

/// Which draft: hexadecimal digits, so that it can only be a file's name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct DraftId(String);

impl DraftId {
    /// Reads an id.
    ///
    /// # Errors
    /// When the text cannot be one.
    pub fn parse(text: &str) -> Outcome<Self> {
        Self::try_from(text.to_owned()).map_err(|_| {
            let shown: String = text.chars().filter(|c| !c.is_control()).take(40).collect();
            Failure::new(Code::Usage, format!("{shown:?} is not the id of a draft"))
        })
    }

    /// A new one.
    pub(super) fn random() -> Outcome<Self> {
        let mut bytes = [0_u8; DIGITS / 2];
        getrandom::fill(&mut bytes)
            .map_err(|error| Failure::new(Code::Local, format!("no random number could be had: {error}")))?;
        Ok(Self(bytes.iter().map(|byte| format!("{byte:02x}")).collect()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for DraftId {
    type Error = &'static str;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        let good = text.len() == DIGITS && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        if good { Ok(Self(text)) } else { Err("the id of a draft is 16 hexadecimal digits") }
    }
}

impl From<DraftId> for String {
    fn from(id: DraftId) -> Self {
        id.0
    }
}

fn path(home: &Home, id: &DraftId) -> std::path::PathBuf {
    home.drafts().join(format!("{}.json", id.0))
}

fn local(doing: &str, error: &std::io::Error) -> Failure {
    Failure::new(Code::Local, format!("the draft could not be {doing}: {error}"))
        .hint("check the disk and the folder of Slipway's local state")
}

/// Holds the lock of all drafts; letting go of it unlocks.
fn lock(home: &Home) -> Outcome<File> {
    let mut options = File::options();
    options.create(true).truncate(false).write(true);
    private(&mut options);
    let file = options.open(home.drafts().join(".lock")).map_err(|error| local("locked", &error))?;
    file.lock().map_err(|error| local("locked", &error))?;
    Ok(file)
}

pub(super) fn create(home: &Home, draft: &Draft) -> Outcome<()> {
    let bytes = encode(draft)?;
    match home.create_private(&path(home, &draft.id), &bytes)? {
        Created::Now => Ok(()),
        Created::Before => Err(Failure::new(Code::Local, "a draft of that id is there already").hint("try again")),
    }
}

fn encode(draft: &Draft) -> Outcome<Vec<u8>> {
    serde_json::to_vec(draft)
        .map_err(|error| Failure::new(Code::Local, format!("the draft cannot be written: {error}")))
}

pub(super) fn read(home: &Home, id: &DraftId) -> Outcome<Draft> {
    let path = path(home, id);
    let broken = |why: String| {
        Failure::new(Code::Local, format!("the draft {} cannot be read: {why}", id.0))
            .hint(format!("remove it and begin anew; its file is {}", path.display()))
    };
    let meta = match std::fs::symlink_metadata(&path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err(Failure::new(Code::Usage, format!("there is no draft {}", id.0))
                .hint("it was finished or removed, perhaps in another window"));
        }
        other => other.map_err(|error| broken(error.to_string()))?,
    };
    if !meta.is_file() || meta.len() > LARGEST {
        return Err(broken("it is not a file of Slipway's".to_owned()));
    }
    let bytes = std::fs::read(&path).map_err(|error| broken(error.to_string()))?;
    let draft: Draft = serde_json::from_slice(&bytes).map_err(|error| broken(error.to_string()))?;
    if draft.schema != 1 {
        return Err(broken(format!("it has form {}, and this Slipway reads form 1", draft.schema)));
    }
    if draft.id != *id {
        return Err(broken("it says that it is another draft".to_owned()));
    }
    Ok(draft)
}

pub(super) fn all(home: &Home) -> Outcome<Drafts> {
    let entries = std::fs::read_dir(home.drafts()).map_err(|error| local("listed", &error))?;
    let mut found = Drafts { drafts: Vec::new(), unreadable: Vec::new() };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let id = name.to_str().and_then(|name| name.strip_suffix(".json")).and_then(|id| DraftId::parse(id).ok());
        let Some(id) = id else { continue };
        match read(home, &id) {
            Ok(draft) => found.drafts.push(draft),
            // Removed since the folder was listed.
            Err(failure) if failure.code == Code::Usage => {}
            Err(failure) => found.unreadable.push((id, failure)),
        }
    }
    found.drafts.sort_by(|a, b| b.updated_at.cmp(&a.updated_at).then_with(|| a.id.cmp(&b.id)));
    found.unreadable.sort_by(|a, b| a.0.cmp(&b.0));
    Ok(found)
}

/// Changes a draft while nobody else does; when `change` fails, the file stays as it is.
pub(super) fn change(home: &Home, id: &DraftId, change: impl FnOnce(&mut Draft) -> Outcome<()>) -> Outcome<Draft> {
    let _lock = lock(home)?;
    let mut draft = read(home, id)?;
    change(&mut draft)?;
    home.write_private(&path(home, id), &encode(&draft)?)?;
    Ok(draft)
}

pub(super) fn remove(home: &Home, id: &DraftId) -> Outcome<()> {
    let _lock = lock(home)?;
    match std::fs::remove_file(path(home, id)) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            Err(Failure::new(Code::Usage, format!("there is no draft {}", id.0)))
        }
        Err(error) => Err(local("removed", &error)),
    }
}
