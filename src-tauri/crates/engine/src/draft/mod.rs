//! Half-finished sites: what the set-up wizard keeps between its steps, and over a restart.
//!
//! The truth of a draft is the text of its site file. An answer is an edit of that text, so that what the person
//! typed and the comments stay. Drafts are private files of the local folder; each change is made under a lock, so that
//! two windows never mix theirs, and a text that was typed against an older state is refused.

mod edit;
mod finish;
mod profiles;
mod store;

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use slipway_core::detect::Detected;
use slipway_core::site::blueprint::{self, Answers, Code as SourceCode};
use slipway_core::site::{Diagnostic, MAX_BYTES, Name, Site, parse, values};

use crate::desk::Desk;
use crate::failure::{Code, Failure, Outcome};
use crate::inventory::HostName;

pub use edit::apply as edit_text;
pub use profiles::{SizeProfile, profiles};
pub use slipway_core::detect::Edit;
pub use store::DraftId;

/// Keys whose values are paths of this computer.
const PATHS: [[&str; 2]; 3] = [["source", "folder"], ["source", "archive"], ["tls", "certificate"]];
/// Most characters of a step's name.
const LONGEST_STEP: usize = 64;

/// A half-finished site.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Draft {
    /// Version of this form; 1.
    pub schema: u32,
    /// Which draft.
    pub id: DraftId,
    /// Counts the changes: what a window shows is the draft of one revision.
    pub revision: u64,
    /// The host that is to run it.
    pub host: Option<HostName>,
    /// Where the wizard stands; its own word.
    pub step: String,
    /// The site file.
    pub text: String,
    /// When it was begun.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// What was found in the source, when it was looked at.
    pub detected: Option<Detected>,
    /// Paths of this computer that the person chose, as the answers name them. A text that is pasted chooses none.
    #[serde(default)]
    pub chosen: BTreeSet<String>,
}

/// A draft as a wizard shows it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DraftView {
    /// The draft.
    pub draft: Draft,
    /// The site file as JSON, as far as it can be read, also when it is no site yet.
    pub values: Value,
    /// Errors and warnings with their places, in the order of the text.
    pub diagnostics: Vec<Diagnostic>,
    /// The site, when the text has no errors.
    pub site: Option<Site>,
}

impl From<Draft> for DraftView {
    fn from(draft: Draft) -> Self {
        let values = values(&draft.text).unwrap_or_else(|| json!({}));
        let (site, diagnostics) = match parse(&draft.text) {
            Ok(parsed) => (Some(parsed.site), parsed.warnings),
            Err(diagnostics) => (None, diagnostics),
        };
        Self { draft, values, diagnostics, site }
    }
}

/// Every draft of this computer.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Drafts {
    /// Those that can be read, the last changed first.
    pub drafts: Vec<Draft>,
    /// Those that cannot, with why; each can be removed by its id.
    pub unreadable: Vec<(DraftId, Failure)>,
}

impl Desk {
    /// Every draft.
    ///
    /// # Errors
    /// When the folder of drafts cannot be read.
    pub fn drafts(&self) -> Outcome<Drafts> {
        store::all(&self.home)
    }

    /// One draft.
    ///
    /// # Errors
    /// When there is none of that id, or it cannot be read.
    pub fn draft(&self, id: &str) -> Outcome<DraftView> {
        store::read(&self.home, &DraftId::parse(id)?).map(DraftView::from)
    }

    /// Begins a draft.
    ///
    /// # Errors
    /// When the host is not known, or the folder of drafts cannot be written to.
    pub fn new_draft(&self, host: Option<&HostName>) -> Outcome<DraftView> {
        if let Some(host) = host {
            self.inventory.host(host)?;
        }
        let now = self.clock.now();
        let draft = Draft {
            schema: 1,
            id: DraftId::random()?,
            revision: 0,
            host: host.cloned(),
            step: String::new(),
            text: "schema = 1                        # version of this file's format\n".to_owned(),
            created_at: now,
            updated_at: now,
            detected: None,
            chosen: BTreeSet::new(),
        };
        store::create(&self.home, &draft)?;
        Ok(draft.into())
    }

    fn change(&self, id: &str, change: impl FnOnce(&mut Draft) -> Outcome<()>) -> Outcome<DraftView> {
        let now = self.clock.now();
        let draft = store::change(&self.home, &DraftId::parse(id)?, |draft| {
            change(draft)?;
            draft.revision += 1;
            draft.updated_at = now;
            Ok(())
        })?;
        Ok(draft.into())
    }

    /// Changes values of the site file; all of the edits, or none. Comments and everything else in the text stay.
    ///
    /// # Errors
    /// When the text is not TOML (where), or an edit does not fit it (which).
    pub fn edit_draft(&self, id: &str, edits: &[Edit]) -> Outcome<DraftView> {
        self.change(id, |draft| {
            draft.text = edit_text(&draft.text, edits)?;
            let paths = edits.iter().filter(|edit| PATHS.iter().any(|keys| edit.path == *keys));
            draft.chosen.extend(paths.filter_map(|edit| edit.value.as_ref()?.as_str().map(str::to_owned)));
            Ok(())
        })
    }

    /// Replaces the text of the site file. It need not be right, or even TOML.
    ///
    /// `seen` is the revision that the text was typed against; with `None` it replaces whatever is there.
    ///
    /// # Errors
    /// `Stale` when the draft has changed since, for example in another window; when the text is far too long.
    pub fn set_draft_text(&self, id: &str, text: &str, seen: Option<u64>) -> Outcome<DraftView> {
        if text.len() > MAX_BYTES {
            return Err(Failure::new(
                Code::Usage,
                format!("the text has {} bytes; at most {MAX_BYTES} are read", text.len()),
            )
            .because("the draft is as it was")
            .hint("a site file describes a site; data belongs in its source"));
        }
        self.change(id, |draft| {
            if seen.is_some_and(|seen| seen != draft.revision) {
                return Err(Failure::new(Code::Stale, "the draft was changed in another window in the meantime")
                    .because("the draft is as that window left it; the typed text was not kept")
                    .hint("look at the draft again, and make the change there"));
            }
            text.clone_into(&mut draft.text);
            Ok(())
        })
    }

    /// Remembers where the wizard stands.
    ///
    /// # Errors
    /// When the name is no short word.
    pub fn set_draft_step(&self, id: &str, step: &str) -> Outcome<DraftView> {
        if step.len() > LONGEST_STEP || step.chars().any(char::is_control) {
            return Err(Failure::new(Code::Usage, "a step of the wizard has a short name"));
        }
        self.change(id, |draft| {
            step.clone_into(&mut draft.step);
            Ok(())
        })
    }

    /// Chooses the host.
    ///
    /// # Errors
    /// When it is not in the inventory.
    pub fn set_draft_host(&self, id: &str, host: Option<&HostName>) -> Outcome<DraftView> {
        if let Some(host) = host {
            self.inventory.host(host)?;
        }
        self.change(id, |draft| {
            draft.host = host.cloned();
            Ok(())
        })
    }

    /// Begins the text anew from a blueprint. Name, domains, hosts and source that were answered already are kept.
    ///
    /// # Errors
    /// When there is no such blueprint.
    pub fn apply_blueprint(&self, id: &str, name: &str) -> Outcome<DraftView> {
        self.change(id, |draft| {
            draft.text = from_blueprint(name, &draft.text)?;
            Ok(())
        })
    }

    /// Remembers what was found in the source, and changes nothing else.
    ///
    /// # Errors
    /// When there is no such draft, or it cannot be written.
    pub fn note_detected(&self, id: &str, detected: &Detected) -> Outcome<DraftView> {
        self.change(id, |draft| {
            draft.detected = Some(detected.clone());
            Ok(())
        })
    }

    /// Remembers what was found in the source and makes its edits.
    ///
    /// # Errors
    /// As [`Desk::edit_draft`].
    pub fn apply_detected(&self, id: &str, detected: &Detected) -> Outcome<DraftView> {
        self.change(id, |draft| {
            draft.text = edit_text(&draft.text, &detected.edits())?;
            draft.detected = Some(detected.clone());
            Ok(())
        })
    }

    /// Removes a draft, also one that cannot be read.
    ///
    /// # Errors
    /// When there is none of that id.
    pub fn remove_draft(&self, id: &str) -> Outcome<()> {
        store::remove(&self.home, &DraftId::parse(id)?)
    }
}

/// The text of blueprint `name` with what `text` answers already.
fn from_blueprint(name: &str, text: &str) -> Outcome<String> {
    let answered = values(text).unwrap_or_else(|| json!({}));
    let word = |path: &str| answered.pointer(path).and_then(Value::as_str).map(str::to_owned);
    let site: Option<Name> = word("/name").and_then(|name| name.try_into().ok());
    let example: Name = "my-app".to_owned().try_into().map_err(|why: String| Failure::new(Code::Local, why))?;
    let domains = answered.get("domains").and_then(Value::as_array);
    let domain = domains.and_then(|list| list.first()).and_then(Value::as_str);
    let code = word("/source/folder")
        .map(SourceCode::Folder)
        .or_else(|| word("/source/archive").map(SourceCode::Archive))
        .or_else(|| word("/source/git").map(|url| SourceCode::Git { url, reference: word("/source/ref") }));
    let answers = Answers {
        name: site.unwrap_or(example),
        domain: domain.and_then(|domain| domain.to_owned().try_into().ok()),
        code,
    };
    let fresh = blueprint::instantiate(name, &answers).map_err(|error| {
        let names: Vec<&str> = blueprint::list().iter().map(|blueprint| blueprint.name).collect();
        Failure::new(Code::Usage, error.to_string()).hint(format!("there are {}", names.join(", ")))
    })?;
    // What `instantiate` has no place for, and answers that are not right yet.
    let mut edits: Vec<Edit> = ["name", "domains", "hosts"]
        .into_iter()
        .filter_map(|key| Some(Edit::set(&[key], answered.get(key)?.clone())))
        .collect();
    let source = answered.get("source").and_then(Value::as_object);
    edits.extend(source.into_iter().flatten().map(|(key, value)| Edit::set(&["source", key], value.clone())));
    edit_text(&fresh, &edits)
}

#[cfg(test)]
mod tests;
