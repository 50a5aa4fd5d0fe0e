//! Two releases of a site side by side: commits, files of the code, configuration. Compared on the host; what may hold
//! secrets never leaves it.

mod reply;

use std::time::Duration;

use serde::Serialize;
use slipway_core::command::Command;
use slipway_core::diff::FileChange;
use slipway_core::manifest::Manifest;
use slipway_core::release::{Layout, ReleaseId, ReleaseRecord};
use slipway_core::site::Site;

use crate::asked::Asked;
use crate::failure::{Code, Failure, Outcome};
use crate::link::Link;
use crate::refs::{self, Commits, Freshness};

/// Lines of each list that the host gives.
const MOST_FILES: usize = 5_000;
/// Commits that are listed.
const MOST_COMMITS: u32 = 200;

/// How `newer` differs from `older`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Comparison {
    /// The one.
    pub older: ReleaseId,
    /// The other.
    pub newer: ReleaseId,
    /// What was recorded when they were made: of the older and of the newer one.
    pub records: (Option<ReleaseRecord>, Option<ReleaseRecord>),
    /// Commits between them, when both come from git.
    pub commits: Option<Commits>,
    /// Why there are no commits, when both come from git.
    pub no_commits: Option<String>,
    /// Files of the code that differ, by path.
    pub code: Vec<CodeChange>,
    /// Whether more differ than are listed.
    pub more: bool,
    /// Files whose names have line ends in them: they are not compared.
    pub odd_names: u64,
    /// Files of the configuration that differ.
    pub configuration: Vec<FileChange>,
}

/// What became of a file of the code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Change {
    /// It is new.
    Added,
    /// It is gone.
    Removed,
    /// It is another.
    Changed,
}

/// A file of the code that differs. Its path is untrusted text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CodeChange {
    /// Path in the release.
    pub path: String,
    /// What became of it.
    pub change: Change,
    /// Bytes in the older release; none for links.
    pub old_bytes: Option<u64>,
    /// Bytes in the newer one.
    pub new_bytes: Option<u64>,
    /// Where it pointed, for a link.
    pub old_link: Option<String>,
    /// Where it points.
    pub new_link: Option<String>,
}

/// Compares two releases of a site: one round trip, and a few more for the commits of a git site. `manifest` says which
/// files hold secrets.
///
/// # Errors
/// When one of them is not there, or the host cannot be asked.
pub async fn compare(
    link: &Link,
    site: &Site,
    manifest: Option<&Manifest>,
    older: &ReleaseId,
    newer: &ReleaseId,
    asked: &Asked,
) -> Outcome<Comparison> {
    let layout = Layout::new(&site.name);
    let mut arguments = vec![layout.release(older), layout.release(newer), MOST_FILES.to_string()];
    let files = manifest.iter().flat_map(|manifest| manifest.files());
    arguments.extend(files.filter(|(_, file)| file.masked.is_some()).map(|(path, _)| path.to_owned()));
    let command =
        Command::script(include_str!("compare.sh"), arguments).timeout(Duration::from_secs(180)).output_limit(32 << 20);
    let output = link.run(command).await?;
    let failed = |why: String| {
        Failure::new(
            Code::Host,
            format!("{}: releases {older} and {newer} of {} cannot be compared: {why}", link.name(), site.name),
        )
        .because("nothing was changed")
    };
    if !output.success() || output.truncated {
        return Err(failed(output.complaint()).hint("slipway releases shows what there is"));
    }
    let seen = reply::parse(&output.stdout, MOST_FILES, &layout.etc()).map_err(failed)?;
    let commit = |record: &Option<ReleaseRecord>| record.as_ref().and_then(|record| record.commit.clone());
    let (commits, no_commits) = match (commit(&seen.records.0), commit(&seen.records.1), &site.source.git) {
        (Some(from), Some(to), Some(_)) => {
            match refs::commits(link, site, Some(&from), &to, MOST_COMMITS, asked, Freshness::AsIs).await {
                Ok(commits) => (Some(commits), None),
                Err(failure) => (None, Some(failure.message)),
            }
        }
        _ => (None, None),
    };
    Ok(Comparison {
        older: older.clone(),
        newer: newer.clone(),
        records: seen.records,
        commits,
        no_commits,
        code: seen.code,
        more: seen.more,
        odd_names: seen.odd,
        configuration: seen.configuration,
    })
}
