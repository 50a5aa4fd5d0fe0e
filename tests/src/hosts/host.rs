//! One disposable host: what tests do with it.

use std::fmt;
use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::base::bake;
use super::cache::Cache;
use super::command::{command, last_lines, poll};
use super::distribution::Distribution;
use super::error::{FileContext, HostError};
use super::network::{self, LinkState};
use super::record::{self, HostRecord, ProcessId, collect_garbage};
use super::wheels::fill_wheelhouse;
use super::{checkpoint, container, inside, keys, packages, setup};

/// How long a host may take from power-on until it can be used.
const BOOT_LIMIT: Duration = Duration::from_secs(90);

/// What a test may choose about a host.
#[derive(Debug, Clone)]
pub struct HostOptions {
    /// The host's name; by default one made from its number.
    pub name: Option<String>,
    /// The password of the user `operator`, who needs it for sudo.
    pub sudo_password: String,
    /// The port sshd listens on.
    pub ssh_port: u16,
    /// More lines for sshd's configuration, ahead of the distribution's own.
    pub sshd_settings: Vec<String>,
    /// Keeps the host when this process ends; `host down` or [`Host::attach`] and [`Host::remove`] end it.
    pub detached: bool,
}

impl Default for HostOptions {
    fn default() -> Self {
        Self {
            name: None,
            sudo_password: "correct horse".to_owned(),
            ssh_port: 22,
            sshd_settings: Vec::new(),
            detached: false,
        }
    }
}

/// What a command inside a host printed, and how it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// The exit status; 128 + the signal's number when a signal ended it.
    pub status: i32,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl Output {
    /// Whether the exit status is 0.
    pub fn is_success(&self) -> bool {
        self.status == 0
    }
}

impl fmt::Display for Output {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "status {}\nstdout: {}\nstderr: {}", self.status, self.stdout, self.stderr)
    }
}

/// A running host. Dropping it removes everything it had, also when a test panics.
#[derive(Debug)]
pub struct Host {
    record: Mutex<HostRecord>,
    /// Kept to be waited for, so that no zombie stays.
    supervisor: Mutex<Option<Child>>,
    removes_itself: bool,
    host_key: String,
    fingerprint: String,
}

impl Host {
    /// Boots a fresh host and waits until it can be used.
    ///
    /// Makes the base tree and the wheelhouse first when the cache has not got them, which takes a minute or two, and
    /// removes what processes that are gone left behind.
    pub fn boot(distribution: Distribution, options: HostOptions) -> Result<Self, HostError> {
        super::prerequisites::Prerequisites::require()?;
        let base = bake(distribution)?.root;
        let wheelhouse = fill_wheelhouse()?.folder;
        let cache = Cache::open()?;
        collect_garbage()?;
        let record = record::reserve(|index| {
            let name = options.name.clone().unwrap_or_else(|| format!("{distribution}-{index}"));
            HostRecord {
                directory: cache.hosts().join(&name),
                name,
                distribution: distribution.name().to_owned(),
                address: network::address(index),
                ssh_port: options.ssh_port,
                detached: false,
                index,
                owner: ProcessId::own(),
                supervisor: None,
                base,
                wheelhouse,
            }
        })?;
        let mut host = Self {
            record: Mutex::new(record.clone()),
            supervisor: Mutex::new(None),
            // From here on a failure removes what was made so far.
            removes_itself: true,
            host_key: String::new(),
            fingerprint: String::new(),
        };
        mount(&record, &cache, distribution)?;
        setup::prepare(&record, &options)?;
        host.read_keys()?;
        network::connect(record.index)?;
        host.start()?;
        if options.detached {
            host.record().detached = true;
            host.record().save()?;
            host.removes_itself = false;
        }
        Ok(host)
    }

    /// Takes hold of a host that another process booted; dropping it leaves the host running.
    pub fn attach(name: &str) -> Result<Self, HostError> {
        let mut host = Self {
            record: Mutex::new(HostRecord::find(name)?),
            supervisor: Mutex::new(None),
            removes_itself: false,
            host_key: String::new(),
            fingerprint: String::new(),
        };
        host.read_keys()?;
        Ok(host)
    }

    /// Stops the host and removes everything it had.
    pub fn remove(mut self) {
        self.removes_itself = true;
    }

    /// The host's name, which is also its host name inside.
    pub fn name(&self) -> String {
        self.record().name.clone()
    }

    /// The host's address, reachable from the outer machine and from other hosts.
    pub fn address(&self) -> Ipv4Addr {
        self.record().address
    }

    /// The port sshd listens on.
    pub fn ssh_port(&self) -> u16 {
        self.record().ssh_port
    }

    /// The private key that `root`, `deploy` (sudo without a password) and `operator` (with one) accept.
    pub fn client_key(&self) -> PathBuf {
        self.record().directory.join("id_ed25519")
    }

    /// The host's ed25519 key as a line for a known_hosts file (sshd(8), SSH_KNOWN_HOSTS FILE FORMAT).
    pub fn known_hosts_line(&self) -> String {
        format!("{} {}", self.known_hosts_name(), self.host_key)
    }

    /// The `SHA256:…` fingerprint of the host's ed25519 key.
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// Whether the host has a running init.
    pub fn is_running(&self) -> bool {
        container::leader(&self.record()).is_some()
    }

    /// Runs a command inside the host as root, without SSH, and returns whatever came of it.
    ///
    /// Enters the host's namespaces with nsenter(1), so it works with sshd stopped or the link cut.
    ///
    /// # Panics
    /// When the host is off: a test that asks an absent host has a mistake in it.
    pub fn exec<S: AsRef<std::ffi::OsStr>>(&self, arguments: &[S]) -> Output {
        let output = inside::run(self.enter(arguments), b"");
        let output = output.unwrap_or_else(|error| panic!("could not run nsenter: {error}"));
        Output {
            status: exit_status(output.status),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Runs a shell script inside the host as root; see [`Host::exec`].
    pub fn shell(&self, script: &str) -> Output {
        self.exec(&["sh", "-c", script])
    }

    /// The command that runs `arguments` inside the host, for callers that want its streams.
    ///
    /// # Panics
    /// When the host is off.
    pub fn enter<S: AsRef<std::ffi::OsStr>>(&self, arguments: &[S]) -> Command {
        let record = self.record();
        let leader = container::leader(&record).unwrap_or_else(|| panic!("{} is not running", record.name));
        inside::enter(leader, arguments)
    }

    /// Reads a file of the host; `path` is absolute inside it.
    pub fn read_file(&self, path: &str) -> Result<Vec<u8>, HostError> {
        self.done(&["cat", "--", path], b"").map(|output| output.stdout)
    }

    /// Writes a file of the host, keeping its mode and owner when it exists; missing folders are made.
    pub fn write_file(&self, path: &str, content: impl AsRef<[u8]>) -> Result<(), HostError> {
        let script = r#"mkdir -p "$(dirname "$1")" && cat > "$1""#;
        self.done(&["sh", "-c", script, "sh", path], content.as_ref()).map(drop)
    }

    fn done(&self, arguments: &[&str], input: &[u8]) -> Result<std::process::Output, HostError> {
        match inside::run(self.enter(arguments), input) {
            Ok(output) if output.status.success() => Ok(output),
            Ok(output) => Err(HostError::Other(String::from_utf8_lossy(&output.stderr).trim().to_owned())),
            Err(error) => Err(HostError::Other(format!("could not run nsenter: {error}"))),
        }
    }

    /// Shuts the host down in order, then boots it again with the same disk, address and keys.
    pub fn reboot(&self) -> Result<(), HostError> {
        self.power_off()?;
        self.start()
    }

    /// Shuts the host down in order.
    pub fn power_off(&self) -> Result<(), HostError> {
        let reaper = Reaper(&self.supervisor);
        let result = container::shut_down(&self.record());
        drop(reaper);
        result
    }

    /// Takes the host's power away; what was written to files stays, as the outer machine keeps running.
    pub fn power_off_hard(&self) {
        let reaper = Reaper(&self.supervisor);
        container::kill(&self.record());
        drop(reaper);
    }

    /// Boots the host again after it was powered off.
    pub fn start(&self) -> Result<(), HostError> {
        let mut record = self.record();
        if !container::is_off(&record) {
            return Err(HostError::Other(format!("{} is running already", record.name)));
        }
        let child = container::start(&record)?;
        record.supervisor = i32::try_from(child.id()).ok().and_then(ProcessId::of);
        *self.supervisor.lock().unwrap_or_else(PoisonError::into_inner) = Some(child);
        record.save()?;
        drop(record);
        self.wait_until_ready()
    }

    /// Waits until sshd answers and systemd has finished booting, as after a reboot from inside.
    pub fn wait_until_ready(&self) -> Result<(), HostError> {
        let deadline = Instant::now() + BOOT_LIMIT;
        let record = self.record().clone();
        let mut last = "systemd never answered".to_owned();
        let ready = poll(BOOT_LIMIT, || {
            if container::is_off(&record) {
                return Some(Err("the container ended".to_owned()));
            }
            container::leader(&record)?;
            let state = self.exec(&["systemctl", "is-system-running"]);
            match state.stdout.trim() {
                "running" | "degraded" => Some(Ok(())),
                other => {
                    last = format!("systemd is still `{other}` {}", state.stderr.trim());
                    None
                }
            }
        });
        let ready = match ready {
            Some(Ok(())) => {
                let left = deadline.saturating_duration_since(Instant::now());
                poll(left, || self.greeting()).map(drop).ok_or_else(|| self.why_sshd_is_silent())
            }
            Some(Err(reason)) => Err(reason),
            None => Err(last),
        };
        ready.map_err(|reason| HostError::Boot {
            distribution: record.distribution.clone(),
            name: record.name.clone(),
            reason,
            console: self.console(20),
        })
    }

    /// The last `lines` lines that the host's init printed.
    pub fn console(&self, lines: usize) -> String {
        let text = fs::read(self.record().directory.join("console.log")).unwrap_or_default();
        last_lines(&String::from_utf8_lossy(&text), lines)
    }

    /// Stops every process of the host in its tracks; connections stay open and silent.
    pub fn pause(&self) -> Result<(), HostError> {
        container::freeze(&self.record())
    }

    /// Lets a paused host go on.
    pub fn resume(&self) {
        container::thaw(&self.record());
    }

    /// Unplugs the host's network cable: packets vanish and neither side is told.
    pub fn cut_link(&self) -> Result<(), HostError> {
        network::set_link(self.record().index, LinkState::Down)
    }

    /// Plugs the cable in again.
    pub fn restore_link(&self) -> Result<(), HostError> {
        network::set_link(self.record().index, LinkState::Up)
    }

    /// A command that runs OpenSSH's client against this host as `user`, checking its host key.
    pub fn ssh(&self, user: &str) -> Command {
        self.ssh_through(SocketAddr::from((self.address(), self.ssh_port())), user)
    }

    /// Like [`Host::ssh`], but connects to `relay`, from where the host's sshd must answer.
    pub fn ssh_through(&self, relay: SocketAddr, user: &str) -> Command {
        let directory = self.record().directory.clone();
        let mut ssh = command("ssh");
        ssh.args(["-F", "none", "-o", "BatchMode=yes", "-o", "IdentitiesOnly=yes", "-o", "StrictHostKeyChecking=yes"])
            .args(["-o", "GlobalKnownHostsFile=/dev/null", "-o", "HostKeyAlgorithms=ssh-ed25519"])
            .arg("-o")
            .arg(format!("UserKnownHostsFile={}", directory.join("known_hosts").display()))
            .arg("-o")
            .arg(format!("HostKeyAlias={}", self.known_hosts_name()))
            .arg("-i")
            .arg(self.client_key())
            .args(["-p", &relay.port().to_string()])
            .arg(format!("{user}@{}", relay.ip()));
        ssh
    }

    fn known_hosts_name(&self) -> String {
        let (address, port) = (self.address(), self.ssh_port());
        if port == 22 { address.to_string() } else { format!("[{address}]:{port}") }
    }

    pub(crate) fn record(&self) -> MutexGuard<'_, HostRecord> {
        self.record.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What a person would look at first, from outside and from inside.
    fn why_sshd_is_silent(&self) -> String {
        let address = SocketAddr::from((self.address(), self.ssh_port()));
        let outside = match TcpStream::connect_timeout(&address, Duration::from_secs(1)) {
            Ok(_) => "it takes connections".to_owned(),
            Err(error) => error.to_string(),
        };
        let look = "systemctl list-units --failed --no-legend; systemctl list-jobs --no-legend; ip -brief address; \
                    ss -ltn; systemctl status ssh sshd; journalctl -b -q --no-pager -n 40";
        let inside = self.exec(&["sh", "-c", look]);
        format!("sshd never answered at {address}: {outside}\n{}{}", inside.stdout, inside.stderr)
    }

    fn greeting(&self) -> Option<()> {
        let address = SocketAddr::from((self.address(), self.ssh_port()));
        let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(1)).ok()?;
        stream.set_read_timeout(Some(Duration::from_secs(2))).ok()?;
        let mut start = [0; 4];
        stream.read_exact(&mut start).ok()?;
        // A polite goodbye keeps sshd's log free of a complaint.
        stream.write_all(b"SSH-2.0-testkit\r\n").ok();
        (&start == b"SSH-").then_some(())
    }

    fn read_keys(&mut self) -> Result<(), HostError> {
        let record = self.record().clone();
        let public = record.root().join("etc/ssh/ssh_host_ed25519_key.pub");
        let line = fs::read_to_string(&public).context("read", &public)?;
        self.host_key = line.split_whitespace().take(2).collect::<Vec<_>>().join(" ");
        self.fingerprint = keys::fingerprint(&public)?;
        let known_hosts = record.directory.join("known_hosts");
        fs::write(&known_hosts, format!("{}\n", self.known_hosts_line())).context("write", &known_hosts)
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        if self.removes_itself {
            let reaper = Reaper(&self.supervisor);
            let record = self.record().clone();
            record.dismantle();
            drop(reaper);
        }
    }
}

/// Waits for the supervisor when it goes out of scope, by which time the supervisor has been ended.
struct Reaper<'a>(&'a Mutex<Option<Child>>);

impl Drop for Reaper<'_> {
    fn drop(&mut self) {
        if let Some(mut child) = self.0.lock().unwrap_or_else(PoisonError::into_inner).take() {
            child.wait().ok();
        }
    }
}

fn mount(record: &HostRecord, cache: &Cache, distribution: Distribution) -> Result<(), HostError> {
    let directory = &record.directory;
    if directory.exists() {
        // Nobody's: the name is free. The machine was switched off while a host of this name ran.
        fs::remove_dir_all(directory).context("remove", directory)?;
    }
    for folder in ["upper", "work", "root"] {
        let path = directory.join(folder);
        fs::create_dir_all(&path).context("create", &path)?;
    }
    packages::share(cache, distribution, &directory.join("upper"))?;
    checkpoint::mount(record)
}

fn exit_status(status: std::process::ExitStatus) -> i32 {
    use std::os::unix::process::ExitStatusExt;
    status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or_default())
}
