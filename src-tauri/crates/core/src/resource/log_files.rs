//! Log files that another program writes for the site, with what becomes of them by rotation.

use serde::{Deserialize, Serialize};

use super::difference::{Difference, Removal};
use super::review::{Heading, Risk, Verb};
use super::{Context, Id, Kind, NoPayload, Payloads, Recorded, Scope, Work};
use crate::command::Command;
use crate::notice::Notices;
use crate::seen::Questions;

/// Log files of nginx about one site.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogFiles {
    /// Directory, with the beginning of their names: `/var/log/nginx/shop`.
    pub stem: String,
}

/// What is recorded: nothing but that they are there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogFilesRecord {}

/// Removes them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogFilesChange {
    /// Directory.
    pub directory: String,
    /// What their names begin with.
    pub names: Vec<String>,
}

impl LogFilesChange {
    fn argv(&self) -> Vec<String> {
        let mut argv: Vec<String> =
            ["find", &self.directory, "-maxdepth", "1", "-type", "f", "("].map(str::to_owned).to_vec();
        for (index, name) in self.names.iter().enumerate() {
            argv.extend((index > 0).then(|| "-o".to_owned()));
            argv.extend(["-name".to_owned(), format!("{name}*")]);
        }
        argv.extend([")", "-delete"].map(str::to_owned));
        argv
    }
}

impl Kind for LogFiles {
    const NAME: &'static str = "log-files";
    type Record = LogFilesRecord;
    type Change = LogFilesChange;

    fn name(&self) -> String {
        self.stem.clone()
    }

    fn scope(&self) -> Scope {
        Scope::Site
    }

    fn needs(&self) -> Vec<Id> {
        Vec::new()
    }

    fn record(&self) -> LogFilesRecord {
        LogFilesRecord {}
    }

    fn ask(&self, _recorded: Recorded<'_, LogFilesRecord>, _questions: &mut Questions) {}

    fn ask_of(_name: &str, _recorded: Recorded<'_, LogFilesRecord>, _questions: &mut Questions) {}

    fn put(
        &self,
        _recorded: Recorded<'_, LogFilesRecord>,
        _context: &Context<'_>,
        _notices: &mut Notices,
    ) -> Option<Difference<LogFilesChange>> {
        // The program that writes them makes them.
        None
    }

    fn remove(
        name: &str,
        _recorded: Recorded<'_, LogFilesRecord>,
        context: &Context<'_>,
        _notices: &mut Notices,
    ) -> Removal<LogFilesChange> {
        let (Some(leaving), Some((directory, stem))) = (context.leaving, name.rsplit_once('/')) else {
            return Removal::Stays;
        };
        if !leaving.data {
            return Removal::Stays;
        }
        let change = LogFilesChange {
            directory: directory.to_owned(),
            names: ["access", "error"].map(|kind| format!("{stem}.{kind}.log")).to_vec(),
        };
        let title = format!("Remove nginx's log files of the site from {directory}");
        let reason = "they tell who used it: as asked for";
        let mut difference =
            Difference::new(Self::id_of(name), Heading::Directories, Verb::Remove, title, reason, change);
        difference.risk = Risk::Data;
        Removal::Change(Box::new(difference))
    }

    fn work(change: &LogFilesChange, _payloads: &Payloads) -> Result<Work, NoPayload> {
        Ok(Work::Commands(vec![Command::new(change.argv())]))
    }

    fn about(_change: &LogFilesChange) -> Vec<String> {
        Vec::new()
    }

    fn shown(change: &LogFilesChange) -> Vec<Vec<String>> {
        vec![change.argv()]
    }
}
