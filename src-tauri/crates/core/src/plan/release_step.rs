//! Steps that make a release and make it live, and the commands of those that are nothing but commands.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::activation::Activation;
use crate::command::Command;
use crate::diff::{FileChange, FileDiff, FileKind};
use crate::digest::Digest;
use crate::plan::parcel::Parcel;
use crate::release::{Layout, ReleaseId, ReleaseRecord};
use crate::resource::file::{FileContent, FileWrite};
use crate::resource::{Heading, NoPayload, Payloads, Verb};
use crate::site::Name;
use crate::task::Task;
use crate::words;

const SEAL: &str =
    concat!(include_str!("../onhost/take.sh"), include_str!("../onhost/links.sh"), include_str!("../onhost/seal.sh"));
const KEEP_ENVIRONMENT: &str =
    concat!(include_str!("../onhost/take.sh"), include_str!("../onhost/keep_environment.sh"));

/// What a step of a release does.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "does", rename_all = "kebab-case")]
pub enum ReleaseStep {
    /// Sends the source from this computer.
    Upload {
        /// Release that it becomes.
        release: ReleaseId,
        /// Digest of the tree.
        tree: Digest,
        /// Files.
        files: u64,
        /// Bytes, uncompressed.
        bytes: u64,
        /// What a person reviews of it.
        #[serde(default)]
        parcel: Parcel,
    },
    /// Checks a commit out from the site's git mirror on the host.
    CheckOut {
        /// Release that it becomes.
        release: ReleaseId,
        /// The commit.
        commit: String,
        /// Part of the repository that holds the application.
        subdirectory: Option<String>,
    },
    /// Takes the code of an existing release over, without copying its bytes.
    Clone {
        /// Whose code.
        from: ReleaseId,
        /// Release that it becomes.
        release: ReleaseId,
    },
    /// Builds the environment that this lock state needs.
    BuildEnvironment {
        /// Directory; made anew if it is not whole.
        directory: String,
        /// The work, one task after the other, as the site's builder.
        tasks: Vec<Task>,
    },
    /// Runs one task in the new release.
    Run {
        /// The task.
        task: Box<Task>,
    },
    /// Keeps files of the bundle with the release; they go live with the switch.
    KeepFiles {
        /// The release.
        release: ReleaseId,
        /// Files of the bundle.
        files: Vec<FileWrite>,
        /// Whether they differ from what is in place, so that each is shown by itself.
        changed: bool,
    },
    /// Makes the release unchangeable and gives it its name.
    Seal {
        /// The record kept with it.
        record: Box<ReleaseRecord>,
        /// Its environment's directory.
        environment: Option<String>,
        /// Links inside the code to shared directories: link and target.
        links: Vec<(String, String)>,
        /// Paths of the code that nginx serves: no link that it comes by there may lead out.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        served: Vec<String>,
        /// All files of the bundle that it carries.
        files: Vec<CarriedFile>,
        /// Units of the gate, kept beside them.
        gate: Vec<FileWrite>,
    },
    /// Turns a release live: one program on the host.
    Activate {
        /// What it needs.
        activation: Box<Activation>,
    },
    /// Removes releases that never proved themselves.
    Prune {
        /// They.
        releases: Vec<ReleaseId>,
        /// What was begun of releases that were never sealed.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        unfinished: Vec<ReleaseId>,
    },
}

/// A file that a release carries, as its index names it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CarriedFile {
    /// Octal mode.
    pub mode: u32,
    /// Owner.
    pub owner: String,
    /// Group.
    pub group: String,
    /// Who reads it, in a word; `-` for nobody who has to be told.
    pub reader: String,
    /// Path on the host.
    pub path: String,
}

impl ReleaseStep {
    /// Heading of a review.
    pub fn heading(&self) -> Heading {
        match self {
            Self::Upload { .. } | Self::CheckOut { .. } | Self::Clone { .. } => Heading::Source,
            Self::BuildEnvironment { .. } | Self::Run { .. } => Heading::Build,
            Self::KeepFiles { .. } => Heading::Configuration,
            Self::Seal { .. } | Self::Activate { .. } | Self::Prune { .. } => Heading::Release,
        }
    }

    /// What it does to what it is about.
    pub fn verb(&self) -> Verb {
        match self {
            Self::Prune { .. } => Verb::Remove,
            Self::Upload { .. }
            | Self::CheckOut { .. }
            | Self::Clone { .. }
            | Self::BuildEnvironment { .. }
            | Self::Run { .. }
            | Self::KeepFiles { .. }
            | Self::Seal { .. }
            | Self::Activate { .. } => Verb::Run,
        }
    }

    /// The activation, when it is one.
    pub fn activation(&self) -> Option<&Activation> {
        match self {
            Self::Activate { activation } => Some(activation),
            Self::Upload { .. }
            | Self::CheckOut { .. }
            | Self::Clone { .. }
            | Self::BuildEnvironment { .. }
            | Self::Run { .. }
            | Self::KeepFiles { .. }
            | Self::Seal { .. }
            | Self::Prune { .. } => None,
        }
    }

    /// The record of the release that it seals.
    pub fn sealed(&self) -> Option<&ReleaseRecord> {
        match self {
            Self::Seal { record, .. } => Some(record),
            Self::Upload { .. }
            | Self::CheckOut { .. }
            | Self::Clone { .. }
            | Self::BuildEnvironment { .. }
            | Self::Run { .. }
            | Self::KeepFiles { .. }
            | Self::Activate { .. }
            | Self::Prune { .. } => None,
        }
    }

    /// Tasks of builds.
    pub fn tasks(&self) -> &[Task] {
        match self {
            Self::BuildEnvironment { tasks, .. } => tasks,
            Self::Run { task } => std::slice::from_ref(task.as_ref()),
            Self::Upload { .. }
            | Self::CheckOut { .. }
            | Self::Clone { .. }
            | Self::KeepFiles { .. }
            | Self::Seal { .. }
            | Self::Activate { .. }
            | Self::Prune { .. } => &[],
        }
    }

    /// What a person reads beside title and reason, and commands for reading.
    pub fn about(&self) -> (Vec<String>, Vec<Vec<String>>) {
        let none = Vec::new;
        match self {
            Self::Upload { files, bytes, parcel, .. } => {
                let files = words::count(usize::try_from(*files).unwrap_or(usize::MAX), "file");
                let mut lines = vec![format!("{files}, {}; only what the host lacks is sent", words::bytes(*bytes))];
                if !parcel.left_out.is_empty() {
                    let (count, names) = (parcel.left_out.count, parcel.left_out.words());
                    lines.push(format!("{count} left out, never sent: {names}"));
                }
                (lines, none())
            }
            Self::CheckOut { commit, .. } => (vec![format!("commit {commit}")], none()),
            Self::Clone { from, .. } => (vec![format!("from release {from}")], none()),
            Self::BuildEnvironment { directory, tasks } => {
                (vec![format!("in {directory}")], tasks.iter().map(|task| task.argv.clone()).collect())
            }
            Self::Run { task } => (Vec::new(), vec![task.argv.clone()]),
            Self::KeepFiles { files, changed: true, .. } => (files.iter().map(FileWrite::ownership).collect(), none()),
            Self::KeepFiles { files, changed: false, .. } => {
                (files.iter().map(|file| format!("{}  {}", file.path, file.ownership())).collect(), none())
            }
            Self::Seal { environment, links, .. } => {
                let environment = environment.iter().map(|path| format!("uses {path}"));
                (environment.chain(links.iter().map(|(from, to)| format!("{from} → {to}"))).collect(), none())
            }
            Self::Activate { activation } => {
                let hooks = [&activation.migrate, &activation.before_switch, &activation.after_switch];
                (Vec::new(), hooks.into_iter().flatten().cloned().collect())
            }
            Self::Prune { releases, unfinished } => {
                (releases.iter().chain(unfinished).map(ToString::to_string).collect(), none())
            }
        }
    }

    /// Files that it keeps with the release.
    pub fn files(&self, diff: Option<&FileDiff>) -> Vec<FileChange> {
        match self {
            Self::KeepFiles { files, changed: true, .. } => {
                files.iter().map(|file| file.shown(FileKind::Create, diff)).collect()
            }
            Self::KeepFiles { files, changed: false, .. } => {
                files.iter().map(|file| file.shown(FileKind::Same, None)).collect()
            }
            Self::Upload { .. }
            | Self::CheckOut { .. }
            | Self::Clone { .. }
            | Self::BuildEnvironment { .. }
            | Self::Run { .. }
            | Self::Seal { .. }
            | Self::Activate { .. }
            | Self::Prune { .. } => Vec::new(),
        }
    }

    /// The commands of a step that is nothing but commands; none for those that the engine drives (uploads, tasks,
    /// activations) or completes (sealing).
    ///
    /// # Errors
    /// When the content of a file with secrets is missing.
    pub fn commands(&self, layout: &Layout, payloads: &Payloads) -> Result<Option<Vec<Command>>, NoPayload> {
        Ok(match self {
            Self::Clone { from, release } => {
                let building = layout.building(release);
                Some(vec![
                    Command::new(["rm", "-rf", "--", &building]),
                    Command::new(["mkdir", "-m", "0700", &building]),
                    Command::script(include_str!("../onhost/clone_code.sh"), [&layout.release(from), &building]),
                ])
            }
            Self::KeepFiles { release, files, .. } => Some(keep_files(&layout.building(release), files, payloads)?),
            Self::Prune { releases, unfinished } => {
                let sealed = releases.iter().map(|id| layout.release(id));
                let paths = sealed.chain(unfinished.iter().map(|id| layout.building(id)));
                let remove = |path: String| Command::new(["rm", "-rf", "--", &path]);
                Some(paths.map(remove).chain([sweep_environments(layout)]).collect())
            }
            Self::Upload { .. }
            | Self::CheckOut { .. }
            | Self::BuildEnvironment { .. }
            | Self::Run { .. }
            | Self::Seal { .. }
            | Self::Activate { .. } => None,
        })
    }
}

/// Commands that keep `files` with the release that grows in `building`.
///
/// # Errors
/// When the content of a file with secrets is missing.
fn keep_files(building: &str, files: &[FileWrite], payloads: &Payloads) -> Result<Vec<Command>, NoPayload> {
    files.iter().map(|file| file.command_below(&format!("{building}/config"), payloads)).collect()
}

/// Commands that complete the configuration of the release in `building`: units of the gate, the index, and who reads each
/// file of it, line by line.
///
/// # Errors
/// When the content of a file with secrets is missing.
pub fn keep_index(
    building: &str,
    release: &ReleaseId,
    files: &[CarriedFile],
    gate: &[FileWrite],
    payloads: &Payloads,
) -> Result<Vec<Command>, NoPayload> {
    let own = |path: &str, text: String| FileWrite {
        path: path.to_owned(),
        mode: 0o644,
        owner: "root".to_owned(),
        group: "root".to_owned(),
        content: FileContent::Text { text },
        effects: Vec::new(),
        expected: None,
        keep: None,
        stage: None,
    };
    let line = |file: &CarriedFile| format!("{:o} {} {} {}\n", file.mode, file.owner, file.group, file.path);
    let index = own("/.index", files.iter().map(line).collect());
    let readers = own("/.readers", files.iter().map(|file| format!("{}\n", file.reader)).collect());
    // For its processes: in a unit's name it may have a number behind it.
    let name = own("/.release", format!("SLIPWAY_RELEASE={release}\n"));
    let mut commands = keep_files(building, gate, payloads)?;
    for file in [name, readers, index] {
        commands.push(file.command_below(&format!("{building}/config"), payloads)?);
    }
    Ok(commands)
}

/// The command that seals the release in `building`, with its links to shared directories and what nginx serves of its code.
pub fn seal(
    layout: &Layout,
    site: &Name,
    record: &ReleaseRecord,
    environment: Option<&str>,
    links: &[(String, String)],
    served: &[String],
) -> Command {
    let mut arguments = vec![
        layout.building(&record.id),
        layout.release(&record.id),
        site.as_str().to_owned(),
        layout.builder(),
        environment.unwrap_or("-").to_owned(),
    ];
    for (link, target) in links {
        arguments.extend([link.clone(), target.clone()]);
    }
    for path in served {
        arguments.extend([path.clone(), String::new()]);
    }
    Command::script(SEAL, arguments).timeout(Duration::from_secs(600))
}

/// The command that makes the environment which was built in `directory` root's, and whole.
pub fn keep_environment(layout: &Layout, directory: &str) -> Command {
    Command::script(KEEP_ENVIRONMENT, [directory.to_owned(), layout.builder()]).timeout(Duration::from_secs(600))
}

/// The command that removes environments which no release uses any more.
pub fn sweep_environments(layout: &Layout) -> Command {
    let script = include_str!("../onhost/sweep_environments.sh");
    Command::script(script, [layout.releases(), layout.environments()]).timeout(Duration::from_secs(300))
}
