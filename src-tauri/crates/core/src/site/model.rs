//! The shape of `slipway.toml`. Unknown keys are errors; defaults are what an expert would choose.
//!
//! Doc comments here are the descriptions in the exported JSON Schema, so they speak to the person
//! who edits the file. Rules that span several fields live in validation, not here.

mod process;

use std::collections::BTreeMap;

pub use process::*;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::text::{Domain, EnvName, Mode, Name, Network, Pointer, RelativePath, Size, Span, UrlPath};

/// One web application and how it is run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Site {
    /// Version of this file's format; always 1.
    #[schemars(range(min = 1, max = 1))]
    pub schema: u32,
    /// Short name: becomes the system user, the directory under /opt and the prefix of the units.
    #[schemars(example = "my-app")]
    pub name: Name,
    /// Names under which the site is reached; the first is the canonical one.
    #[serde(default)]
    pub domains: Vec<Domain>,
    /// Hosts (names from `slipway host list`) that run this site.
    #[serde(default)]
    pub hosts: Vec<String>,
    /// Where the code comes from.
    pub source: Source,
    /// What the code needs to run.
    #[serde(default)]
    pub runtime: Runtime,
    /// Operating-system packages beyond those that the runtime needs.
    #[serde(default)]
    pub packages: Packages,
    /// Commands that turn the source into something that can run (front-end builds, asset compilation).
    #[serde(default)]
    pub build: Vec<BuildStep>,
    /// Long-running processes by name. One that serves HTTP is usually called `web`.
    #[serde(default)]
    pub process: BTreeMap<Name, Process>,
    /// Plain environment variables. Values that must not be seen belong under `secret`.
    #[serde(default)]
    pub environment: BTreeMap<EnvName, String>,
    /// Secret environment variables: only how to make them; values live in the OS keyring.
    #[serde(default)]
    pub secret: BTreeMap<EnvName, SecretSource>,
    /// Secret files (credentials, keys), delivered readable by the site's user alone.
    #[serde(default)]
    pub secret_file: BTreeMap<RelativePath, SecretFile>,
    /// Configuration files rendered from a template in the source, secrets filled in on the host.
    #[serde(default)]
    pub config_file: BTreeMap<RelativePath, ConfigFile>,
    /// Directories that outlive releases: sessions, uploads, databases, caches.
    #[serde(default)]
    pub shared: BTreeMap<RelativePath, SharedDirectory>,
    /// How URLs map to processes and files. Without any, `/` goes to the process `web`.
    #[serde(default)]
    pub route: Vec<Route>,
    /// Whether one client stays on one instance.
    #[serde(default)]
    pub affinity: Affinity,
    /// Limits per client.
    #[serde(default)]
    pub limits: Limits,
    /// Who may reach the site at all.
    #[serde(default)]
    pub access: Access,
    /// Encryption towards the browser.
    #[serde(default)]
    pub tls: Tls,
    /// Log files and their rotation.
    #[serde(default)]
    pub logs: Logs,
    /// How to tell that an instance works.
    #[serde(default)]
    pub health: Health,
    /// Commands at fixed points of a deployment, run as the site's user in the new release.
    #[serde(default)]
    pub hooks: Hooks,
    /// How strictly systemd fences the site's processes in.
    #[serde(default)]
    pub hardening: Hardening,
    /// How releases are kept.
    #[serde(default)]
    pub releases: Releases,
    /// Whether Slipway opens the host's firewall for http and https.
    #[serde(default)]
    pub firewall: Firewall,
}

/// Where the code comes from: exactly one of `git`, `folder` and `archive`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// URL of a git repository, fetched on the host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub git: Option<String>,
    /// Branch, tag or commit; `slipway deploy --ref` overrides it. Default: the repository's default branch.
    #[serde(default, rename = "ref", skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// Secret name (in the keyring) of an SSH private key that may read the repository.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deploy_key: Option<EnvName>,
    /// Known-hosts lines of the git server, required with an ssh URL.
    #[serde(default)]
    pub git_known_hosts: Vec<String>,
    /// Folder on this computer, relative to the site file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub folder: Option<String>,
    /// Archive (.tar, .tar.gz, .tgz, .zip) on this computer, relative to the site file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub archive: Option<String>,
    /// Part of the source that holds the application.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subdirectory: Option<RelativePath>,
    /// Patterns (as in .gitignore) that are not uploaded from a folder, beside .git, .venv, node_modules and __pycache__.
    #[serde(default)]
    pub exclude: Vec<String>,
}

/// What the code needs to run.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Runtime {
    /// Kind of runtime.
    #[serde(default)]
    pub kind: RuntimeKind,
    /// Oldest acceptable version, for example "3.9"; the newest one that the distribution offers is used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// python: requirement files to install, relative to the source. Default: requirements.txt.
    #[serde(default)]
    pub requirements: Vec<RelativePath>,
    /// python: further packages, for example "gunicorn>=22".
    #[serde(default)]
    pub extra_packages: Vec<String>,
    /// python: also install the source itself (pyproject.toml or setup.py).
    #[serde(default)]
    pub install_project: bool,
    /// python: modules that must import before the release goes live, for example "wsgi".
    #[serde(default)]
    pub import_check: Vec<String>,
    /// Secrets that pip and `npm ci` get as environment variables, such as PIP_INDEX_URL with a private index's token. Named
    /// here, a secret is for them and the build steps that name it, and the application does not get it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub secrets: Vec<EnvName>,
}

/// Kind of runtime.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RuntimeKind {
    /// A Python virtual environment made from requirement files.
    Python,
    /// Node.js with `npm ci`.
    Node,
    /// Only files; no process.
    Static,
    /// The source brings its own program.
    #[default]
    Command,
}

/// Operating-system packages, by the family whose names they are.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Packages {
    /// Names on Debian and Ubuntu.
    #[serde(default)]
    pub debian: Vec<String>,
    /// Names on RHEL, AlmaLinux, Rocky Linux and CentOS Stream.
    #[serde(default)]
    pub rhel: Vec<String>,
}

/// One build command, run as the site's user in the fresh release.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BuildStep {
    /// Program and arguments, for example ["npm", "ci"].
    pub run: Vec<String>,
    /// Where, relative to the source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub directory: Option<RelativePath>,
    /// Longest time it may take.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Span>,
    /// Environment variables for this command only.
    #[serde(default)]
    pub environment: BTreeMap<EnvName, String>,
    /// Secrets that this command gets as environment variables. Named here, a secret is for the build steps that name it, and
    /// the application does not get it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub secrets: Vec<EnvName>,
}

/// How a secret comes into being. `{}`: the operator supplies it with `slipway secret set`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SecretSource {
    /// Make a fresh random value the first time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generate: Option<Generator>,
    /// Random bytes (hex, base64) or characters (password). Default: 32.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1024))]
    pub length: Option<u32>,
    /// What else breaks when it changes; shown before a rotation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rotation_warning: Option<String>,
}

/// Format of a generated secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Generator {
    /// Hexadecimal digits.
    Hex,
    /// URL-safe base64 without padding.
    Base64,
    /// A Fernet key: 32 bytes in URL-safe base64 with padding.
    Fernet,
    /// Letters and digits that are not mistaken for each other.
    Password,
}

/// A secret file.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SecretFile {
    /// Environment variable that tells the application the file's path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub env: Option<EnvName>,
}

/// A configuration file of the application, rendered from a template.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ConfigFile {
    /// The document; a string value `{secret:NAME}` is replaced by that secret.
    pub json: Value,
    /// Environment variable that tells the application the file's path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub env: Option<EnvName>,
}

/// A directory that outlives releases, under /opt/SITE/shared.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SharedDirectory {
    /// Its mode. Default: 0750.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<Mode>,
    /// Environment variable that tells the application its path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub env: Option<EnvName>,
    /// Where the application expects it, relative to its code: a symbolic link is put there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<RelativePath>,
    /// Files in it that nobody has touched for this long are removed every day, for example `30d`. Default: they stay.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keep: Option<Span>,
}

/// One part of the URL space: exactly one of `to`, `files`, `spa` and `redirect`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Route {
    /// Prefix of the path; the longest match wins.
    #[serde(default = "root")]
    pub path: UrlPath,
    /// Only this exact path.
    #[serde(default)]
    pub exact: bool,
    /// Proxy to this process.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<Name>,
    /// Serve files from this directory of the release.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub files: Option<RelativePath>,
    /// Serve a single-page application from this directory: unknown paths get its index.html, which is never cached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spa: Option<RelativePath>,
    /// Redirect here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redirect: Option<String>,
    /// Pass WebSocket upgrades on, without buffering and with long timeouts.
    #[serde(default)]
    pub websocket: bool,
    /// How long nginx waits for the application. Default: 60s, 1h with `websocket`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Span>,
    /// Largest request body. Default: `limits.body`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<Size>,
    /// How long browsers may keep files without asking again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache: Option<Span>,
    /// Further response headers.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// Leave requests here out of the access log.
    #[serde(default)]
    pub quiet: bool,
}

fn root() -> UrlPath {
    UrlPath::slash()
}

/// Whether one client stays on one instance. Socket.IO and NiceGUI need it with more than one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Affinity {
    /// Any instance, the least busy first.
    #[default]
    None,
    /// By a cookie that nginx sets.
    Cookie,
    /// By the client's address.
    Ip,
}

/// Limits per client address. 0 or absent: none.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// Requests a minute; more get 429.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requests_per_minute: Option<u32>,
    /// Requests above the rate that are still let through at once. Default: a third of the rate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub burst: Option<u32>,
    /// Connections at the same time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connections: Option<u32>,
    /// Largest request body. Default: 10M.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<Size>,
}

/// Who may reach the site.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Access {
    /// Only these networks.
    #[serde(default)]
    pub allow: Vec<Network>,
    /// HTTP basic authentication: user name to the secret that holds the password.
    #[serde(default)]
    pub basic: BTreeMap<String, EnvName>,
    /// Networks that the site's processes may open connections to, beside the host itself. Empty: any.
    #[serde(default)]
    pub outbound: Vec<Network>,
    /// Login on the host that may start, stop and restart the site's processes and reload nginx with sudo, without a
    /// password, and nothing else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operator: Option<String>,
}

/// Encryption towards the browser.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Tls {
    /// Where the certificate comes from.
    #[serde(default)]
    pub mode: TlsMode,
    /// own: certificate chain in PEM, a file on this computer relative to the site file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate: Option<String>,
    /// own: secret that holds the private key in PEM.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<EnvName>,
    /// certbot: address for notices of expiry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// Seconds that browsers remember to use https only. Default: a year; none with a self-signed certificate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hsts: Option<Span>,
}

/// Where the certificate comes from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum TlsMode {
    /// Made by Slipway on this computer; browsers warn.
    #[default]
    SelfSigned,
    /// From an ACME authority, nginx keeps running.
    CertbotWebroot,
    /// From an ACME authority, certbot answers on port 80 itself.
    CertbotStandalone,
    /// The operator's own.
    Own,
    /// Plain HTTP, for a private network only.
    None,
}

/// Log files and their rotation. Standard output goes to the journal in any case.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Logs {
    /// Give the site a directory /var/log/SITE; its files *.log are rotated.
    #[serde(default)]
    pub directory: bool,
    /// Environment variable that tells the application that directory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub env: Option<EnvName>,
    /// How often.
    #[serde(default)]
    pub rotate: Rotate,
    /// How many old files are kept. Default: 14.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1000))]
    pub keep: Option<u32>,
    /// Rotate earlier when a file grows beyond this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_size: Option<Size>,
}

/// How often logs are rotated.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs)]
pub enum Rotate {
    #[default]
    Daily,
    Weekly,
    Monthly,
}

/// How to tell that an instance works.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Health {
    /// Path that is asked. Without one, an open port is enough.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<UrlPath>,
    /// Status that it must answer. Default: 200.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 100, max = 599))]
    pub status: Option<u16>,
    /// Time for one answer. Default: 5s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Span>,
    /// Time from start until it must be healthy. Default: 60s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_within: Option<Span>,
    /// Time that every instance must stay healthy after the switch before the release counts as good. Default: 3s; 10s
    /// where a process has neither a port nor a `check`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settle: Option<Span>,
    /// JSON pointers into the answer and the values that must be there; `"*"` accepts any value but null and false.
    #[serde(default)]
    pub json: BTreeMap<Pointer, Value>,
}

/// Commands at fixed points of a deployment.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Hooks {
    /// Run once per release before the switch: the point of no return for data.
    #[serde(default)]
    pub migrate: Vec<Vec<String>>,
    /// When `migrate` runs. While nothing is live yet, it runs before the gate in any case.
    #[serde(default)]
    pub migrate_before: MigrateBefore,
    /// Run right before the switch; failing stops the deployment.
    #[serde(default)]
    pub before_switch: Vec<Vec<String>>,
    /// Run after every instance has been replaced; failing rolls back.
    #[serde(default)]
    pub after_switch: Vec<Vec<String>>,
}

/// When migrations run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum MigrateBefore {
    /// Once the new release has proved that it starts: it must start with the data as they were.
    #[default]
    Switch,
    /// Before the new release is proved: the old release must work with the data as they become, also when the new one
    /// fails.
    Gate,
}

/// How strictly systemd fences the site's processes in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Hardening {
    /// Everything that a network service can do without.
    #[default]
    Strict,
    /// Without the restrictions that break just-in-time compilers and unusual system calls.
    Standard,
    /// Only an own user and a private /tmp.
    Minimal,
}

/// How releases are kept.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Releases {
    /// Failed and never-used releases kept for inspection. Known-good ones are never removed by count. Default: 3.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 100))]
    pub keep: Option<u32>,
    /// Free space that must remain on the disk of /opt before a build starts. Default: 1G.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_free: Option<Size>,
}

/// Whether the host's firewall is opened.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Firewall {
    /// Allow http and https in the firewall that is there; none is installed.
    #[default]
    Open,
    /// Leave it alone.
    Leave,
}
