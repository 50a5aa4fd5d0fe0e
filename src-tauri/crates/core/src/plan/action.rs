//! The closed set of things that a step can do, and the commands that do them.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::activation::Activation;
use crate::command::{Command, Stdin};
use crate::digest::Digest;
use crate::profile::FirewallKind;
use crate::release::{ReleaseId, ReleaseRecord};
use crate::secret::Secret;
use crate::site::Name;
use crate::task::Task;

const WRITE_FILE: &str = concat!(include_str!("../onhost/files.sh"), include_str!("../onhost/write_file.sh"));
const MAKE_DIRECTORY: &str = include_str!("../onhost/make_directory.sh");
const INSTALL_NGINX: &str = concat!(
    include_str!("../onhost/files.sh"),
    include_str!("../onhost/nginx.sh"),
    include_str!("../onhost/install_nginx.sh")
);
const REMOVE_NGINX: &str = concat!(
    include_str!("../onhost/files.sh"),
    include_str!("../onhost/nginx.sh"),
    include_str!("../onhost/remove_nginx.sh")
);
const REMOVE_FILE: &str = include_str!("../onhost/remove_file.sh");
const REMOVE_TREE: &str = include_str!("../onhost/remove_tree.sh");
const REMOVE_USER: &str = include_str!("../onhost/remove_user.sh");
const STOP_UNITS: &str = include_str!("../onhost/stop_units.sh");
const SEAL: &str = concat!(include_str!("../onhost/take.sh"), include_str!("../onhost/seal.sh"));
const KEEP_ENVIRONMENT: &str =
    concat!(include_str!("../onhost/take.sh"), include_str!("../onhost/keep_environment.sh"));

/// How long processes may take to end: the longest grace that a site file can ask for, and some more.
const STOPPING: Duration = Duration::from_secs(900);
/// How long emptying directories may take.
const REMOVING: Duration = Duration::from_secs(1800);

/// Where nginx files wait until the whole tree has been rehearsed.
pub const NGINX_STAGE: &str = "/run/slipway/nginx-stage";

/// What a step does.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "kebab-case")]
pub enum Action {
    /// Installs packages.
    InstallPackages {
        /// Names.
        packages: Vec<String>,
        /// The commands, in order: refreshing lists if needed, then installing.
        commands: Vec<Vec<String>>,
    },
    /// Creates the site's system user and group.
    CreateUser {
        /// User and group.
        name: Name,
        /// Home directory.
        home: String,
        /// Shell that refuses logins.
        shell: String,
    },
    /// Makes a directory or corrects its owner and mode.
    MakeDirectory {
        /// Path; its parent exists by then.
        path: String,
        /// Octal mode.
        mode: u32,
        /// Owner.
        owner: String,
        /// Group.
        group: String,
    },
    /// Makes a self-signed certificate on the desktop and puts it and its key in place.
    Certificate {
        /// Directory for `fullchain.pem` and `privkey.pem`.
        directory: String,
        /// DNS names and addresses.
        names: Vec<String>,
        /// Days until it expires.
        days: u32,
    },
    /// Writes one file, atomically.
    WriteFile(FileWrite),
    /// Removes a file of the bundle that is no longer wanted.
    RemoveFile {
        /// Path.
        path: String,
        /// What must be there.
        expected: Digest,
        /// Directory that keeps what was there, when it was not as Slipway wrote it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        keep: Option<String>,
    },
    /// Rehearses nginx without these files, removes them, and makes nginx take that up.
    RemoveNginx {
        /// Paths, and what must be there.
        files: BTreeMap<String, Digest>,
        /// Directory that keeps what was there, when some of it was not as Slipway wrote it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        keep: Option<String>,
    },
    /// Stops units for good.
    StopUnits {
        /// Names.
        units: Vec<String>,
    },
    /// Removes directories with everything in them; not what is mounted there.
    RemoveTrees {
        /// Holds what is going away, next to it.
        trash: String,
        /// Paths.
        paths: Vec<String>,
    },
    /// Removes log files of nginx, and what became of them by rotation.
    RemoveLogs {
        /// Directory.
        directory: String,
        /// What their names begin with.
        names: Vec<String>,
    },
    /// Removes those of these directories that are empty.
    RemoveEmpty {
        /// Paths, the deepest first.
        paths: Vec<String>,
    },
    /// Removes the site's system user and group.
    RemoveUser {
        /// User and group.
        name: Name,
    },
    /// Removes the record of what Slipway owns for the site. The audit log stays.
    Forget,
    /// Rehearses and installs nginx's files, and makes nginx take them up.
    InstallNginx {
        /// The files.
        files: Vec<FileWrite>,
    },
    /// Makes systemd read its units again and enables some.
    Units {
        /// To enable.
        enable: Vec<String>,
    },
    /// Allows services in the firewall, now and after a reboot.
    OpenFirewall {
        /// Which firewall.
        firewall: FirewallKind,
        /// `http`, `https`.
        services: Vec<String>,
    },
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
    CloneRelease {
        /// Whose code.
        from: ReleaseId,
        /// Release that it becomes.
        release: ReleaseId,
    },
    /// Builds the environment that this lock state needs.
    BuildEnvironment {
        /// Directory; made anew if it is not whole.
        directory: String,
        /// The work, one task after the other, as the site's user.
        tasks: Vec<Task>,
    },
    /// Runs one task in the new release.
    Run(Task),
    /// Keeps one file of the bundle with the release; it goes live with the switch.
    KeepFile(FileWrite),
    /// Keeps files of the bundle that do not change with the release.
    KeepFiles {
        /// Them.
        files: Vec<FileWrite>,
    },
    /// Makes the release unchangeable and gives it its name.
    Seal {
        /// The record kept with it.
        record: ReleaseRecord,
        /// Its environment's directory.
        environment: Option<String>,
        /// Links inside the code to shared directories: link and target.
        links: Vec<(String, String)>,
    },
    /// Turns a release live: one program on the host.
    Activate(Box<Activation>),
    /// Part of the activation that goes before it in the plan.
    Phase {
        /// As the program reports it.
        key: String,
    },
    /// Removes releases that never proved themselves.
    Prune {
        /// Them.
        releases: Vec<ReleaseId>,
        /// What was begun of releases that were never sealed.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        unfinished: Vec<ReleaseId>,
    },
}

/// A file to write.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileWrite {
    /// Path on the host.
    pub path: String,
    /// Octal mode.
    pub mode: u32,
    /// Owner.
    pub owner: String,
    /// Group.
    pub group: String,
    /// Content.
    pub content: FileContent,
    /// What is there now: none for nothing.
    pub expected: Option<Digest>,
    /// Directory that keeps what was there, when it was not Slipway's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keep: Option<String>,
}

/// A file's content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "content", rename_all = "kebab-case")]
pub enum FileContent {
    /// Text that may be shown.
    Text {
        /// The text.
        text: String,
    },
    /// Text with secrets in it; they are filled in when the plan is applied.
    Secret {
        /// The text with every secret replaced by its keyed fingerprint: two equal ones hold equal secrets.
        masked: String,
    },
}

/// Contents with secrets, by path, held in memory only.
pub type Payloads = BTreeMap<String, Secret>;

/// A step's payload is missing: the plan holds a file with secrets that was not rendered again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the content of {0} was not rendered")]
pub struct NoPayload(pub String);

impl FileWrite {
    /// The command that writes it; `base` is put in front of the path (the release's or stage's directory).
    fn command(&self, payloads: &Payloads, base: &str) -> Result<Command, NoPayload> {
        let elsewhere = !base.is_empty();
        let expected = match &self.expected {
            _ if elsewhere => "any",
            Some(digest) => digest.as_str(),
            None => "-",
        };
        // A digest of a secret tells something of it, and arguments are seen by every process on the host.
        let after_expected = |content: &[u8]| [expected.as_bytes(), b"\n", content].concat();
        let stdin = match &self.content {
            FileContent::Text { text } => Stdin::Bytes(after_expected(text.as_bytes())),
            FileContent::Secret { .. } => {
                let secret = payloads.get(&self.path).ok_or_else(|| NoPayload(self.path.clone()))?;
                Stdin::Secret(Secret::new(after_expected(secret.expose())))
            }
        };
        let arguments = [
            format!("{base}{}", self.path),
            format!("{:o}", self.mode),
            self.owner.clone(),
            self.group.clone(),
            if elsewhere { None } else { self.keep.clone() }.unwrap_or_else(|| "-".to_owned()),
            if elsewhere { "parents" } else { "-" }.to_owned(),
        ];
        Ok(Command::script(WRITE_FILE, arguments).stdin(stdin))
    }

    /// Its line in a configuration directory's index.
    pub fn index_line(&self) -> String {
        format!("{:o} {} {} {}\n", self.mode, self.owner, self.group, self.path)
    }
}

/// Writes an index file of a configuration directory.
pub fn write_index(directory: &str, files: &[FileWrite]) -> Command {
    let text: String = files.iter().map(FileWrite::index_line).collect();
    let write = FileWrite {
        path: "/.index".to_owned(),
        mode: 0o644,
        owner: "root".to_owned(),
        group: "root".to_owned(),
        content: FileContent::Text { text },
        expected: None,
        keep: None,
    };
    // A text content needs no payload.
    write.command(&Payloads::new(), directory).unwrap_or_else(|_| Command::new(["false"]))
}

impl Action {
    /// The commands of an action that is nothing but commands; none for those that the engine drives
    /// (uploads, tasks, certificates, activations).
    ///
    /// # Errors
    /// When the content of a file with secrets is missing.
    pub fn commands(&self, site: &Name, payloads: &Payloads) -> Result<Option<Vec<Command>>, NoPayload> {
        let layout = crate::release::Layout::new(site);
        let commands = match self {
            Self::CreateUser { name, home, shell } => vec![Command::new([
                "useradd",
                "--system",
                "--user-group",
                "--no-create-home",
                "--home-dir",
                home,
                "--shell",
                shell,
                name,
            ])],
            Self::MakeDirectory { path, mode, owner, group } => {
                vec![Command::script(MAKE_DIRECTORY, [path.clone(), format!("{mode:o}"), owner.clone(), group.clone()])]
            }
            Self::WriteFile(file) => vec![file.command(payloads, "")?],
            Self::RemoveFile { path, expected, keep } => {
                let keep = keep.as_deref().unwrap_or("-");
                vec![
                    Command::script(REMOVE_FILE, [path.as_str(), keep])
                        .stdin(Stdin::Bytes(format!("{}\n", expected.as_str()).into_bytes())),
                ]
            }
            Self::RemoveNginx { files, keep } => {
                let digests: String =
                    files.iter().map(|(path, digest)| format!("{}  {path}\n", digest.as_str())).collect();
                let arguments = std::iter::once(keep.as_deref().unwrap_or("-")).chain(files.keys().map(String::as_str));
                vec![Command::script(REMOVE_NGINX, arguments).stdin(Stdin::Bytes(digests.into_bytes()))]
            }
            Self::StopUnits { units } => vec![Command::script(STOP_UNITS, units.clone()).timeout(STOPPING)],
            Self::RemoveTrees { trash, paths } => {
                let arguments = std::iter::once(trash.clone()).chain(paths.iter().cloned());
                vec![Command::script(REMOVE_TREE, arguments).timeout(REMOVING)]
            }
            Self::RemoveLogs { directory, names } => vec![Command::new(remove_logs(directory, names))],
            Self::RemoveEmpty { paths } => {
                let argv = ["rmdir", "--ignore-fail-on-non-empty", "--"].into_iter().map(str::to_owned);
                vec![Command::new(argv.chain(paths.iter().cloned()))]
            }
            Self::RemoveUser { name } => vec![Command::script(REMOVE_USER, [name.as_str()])],
            // The manifest goes last: as long as it is there, what is left is known as Slipway's.
            Self::Forget => vec![
                Command::new(["rm", "-f", "--", &layout.ledger()]),
                Command::new(["rm", "-f", "--", &layout.manifest()]),
            ],
            Self::InstallNginx { files } => {
                let mut commands = vec![Command::new(["rm", "-rf", "--", NGINX_STAGE])];
                for file in files {
                    commands.push(file.command(payloads, NGINX_STAGE)?);
                }
                commands.push(write_index(NGINX_STAGE, files));
                commands.push(Command::script(INSTALL_NGINX, [NGINX_STAGE]));
                commands
            }
            Self::Units { enable } => {
                let mut commands = vec![Command::new(["systemctl", "daemon-reload"])];
                if !enable.is_empty() {
                    let argv = ["systemctl", "enable", "--quiet"].into_iter().map(str::to_owned);
                    commands.push(Command::new(argv.chain(enable.iter().cloned())));
                }
                commands
            }
            Self::OpenFirewall { firewall, services } => open_firewall(*firewall, services),
            Self::CloneRelease { from, release } => {
                let building = layout.building(release);
                vec![
                    Command::new(["rm", "-rf", "--", &building]),
                    Command::new(["mkdir", "-m", "0700", &building]),
                    Command::script(include_str!("../onhost/clone_code.sh"), [&layout.release(from), &building]),
                ]
            }
            Self::KeepFile(_) | Self::KeepFiles { .. } | Self::Seal { .. } => return Ok(None),
            Self::Prune { releases, unfinished } => {
                let sealed = releases.iter().map(|id| layout.release(id));
                let paths = sealed.chain(unfinished.iter().map(|id| layout.building(id)));
                let remove = |path: String| Command::new(["rm", "-rf", "--", &path]);
                paths.map(remove).chain([sweep_environments(&layout)]).collect()
            }
            Self::InstallPackages { .. }
            | Self::Certificate { .. }
            | Self::Upload { .. }
            | Self::CheckOut { .. }
            | Self::BuildEnvironment { .. }
            | Self::Run(_)
            | Self::Activate(_)
            | Self::Phase { .. } => return Ok(None),
        };
        Ok(Some(commands))
    }
}

/// Commands that keep `files` with the release that grows in `building`.
///
/// # Errors
/// When the content of a file with secrets is missing.
pub fn keep_files(building: &str, files: &[FileWrite], payloads: &Payloads) -> Result<Vec<Command>, NoPayload> {
    files.iter().map(|file| file.command(payloads, &format!("{building}/config"))).collect()
}

/// The command that seals the release in `building`.
pub fn seal(
    layout: &crate::release::Layout,
    site: &Name,
    record: &ReleaseRecord,
    environment: Option<&str>,
    links: &[(String, String)],
) -> Command {
    let mut arguments = vec![
        layout.building(&record.id),
        layout.release(&record.id),
        site.as_str().to_owned(),
        environment.unwrap_or("-").to_owned(),
    ];
    for (link, target) in links {
        arguments.extend([link.clone(), target.clone()]);
    }
    Command::script(SEAL, arguments).timeout(Duration::from_secs(600))
}

/// The command that makes the environment which was built in `directory` root's, and whole.
pub fn keep_environment(site: &Name, directory: &str) -> Command {
    Command::script(KEEP_ENVIRONMENT, [directory, site.as_str()]).timeout(Duration::from_secs(600))
}

/// The command that removes environments which no release uses any more.
pub fn sweep_environments(layout: &crate::release::Layout) -> Command {
    let script = include_str!("../onhost/sweep_environments.sh");
    Command::script(script, [layout.releases(), layout.environments()]).timeout(Duration::from_secs(300))
}

pub(super) fn remove_logs(directory: &str, names: &[String]) -> Vec<String> {
    let mut argv: Vec<String> = ["find", directory, "-maxdepth", "1", "-type", "f", "("].map(str::to_owned).to_vec();
    for (index, name) in names.iter().enumerate() {
        argv.extend((index > 0).then(|| "-o".to_owned()));
        argv.extend(["-name".to_owned(), format!("{name}*")]);
    }
    argv.extend([")", "-delete"].map(str::to_owned));
    argv
}

pub(super) fn open_firewall(firewall: FirewallKind, services: &[String]) -> Vec<Command> {
    let mut commands = Vec::new();
    for service in services {
        match firewall {
            FirewallKind::Firewalld => {
                let add = format!("--add-service={service}");
                commands.push(Command::new(["firewall-cmd", "--quiet", "--permanent", &add]));
                commands.push(Command::new(["firewall-cmd", "--quiet", &add]));
            }
            FirewallKind::Ufw => {
                let port = if service == "https" { "443/tcp" } else { "80/tcp" };
                commands.push(Command::new(["ufw", "allow", port, "comment", "slipway"]));
            }
            // Rules of a hand-written nftables set have no place that is safe to add to; planning says so instead.
            FirewallKind::Nftables => {}
        }
    }
    commands
}
