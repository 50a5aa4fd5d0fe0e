//! A desktop for one window: a display, a session bus with an unlocked keyring, folders, and the driver.
//!
//! Nothing of the person who runs the tests is used, and nothing stays behind, also when a test panics.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant, SystemTime};

use slipway_tests::hosts::Host;

/// How long something of the desktop may take to come up.
const PATIENCE: Duration = Duration::from_secs(30);
/// Processes of one desktop carry this in their environment, so that all of them are found in the end.
const MARK: &str = "SLIPWAY_TEST_DESKTOP";

/// The session bus starts nothing by itself: no service of the machine gets into a test.
const BUS: &str = r#"<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>session</type><listen>unix:dir=/tmp</listen><auth>EXTERNAL</auth>
<policy context="default"><allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/></policy>
</busconfig>"#;

/// The program under test.
pub(crate) fn program() -> PathBuf {
    beside("slipway-desktop")
}

/// A program of this workspace; those of `SLIPWAY_PROGRAMS`, if that is a folder.
pub(crate) fn beside(name: &str) -> PathBuf {
    if let Some(folder) = std::env::var_os("SLIPWAY_PROGRAMS") {
        return PathBuf::from(folder).join(name);
    }
    // This test is target/debug/deps/window-…
    std::env::current_exe().unwrap().ancestors().nth(2).unwrap().join(name)
}

/// Whether windows can be driven here; says `not run: …` when not, and fails when `CI=true`.
pub(crate) fn or_not_run() -> bool {
    match missing() {
        None => true,
        Some(reason) => {
            assert!(std::env::var_os("CI").is_none_or(|value| value != "true"), "{reason}");
            eprintln!("not run: {reason}");
            false
        }
    }
}

fn missing() -> Option<String> {
    const PROGRAMS: [(&str, &str); 4] = [
        ("Xvfb", "apt-get install xvfb"),
        ("WebKitWebDriver", "apt-get install webkit2gtk-driver"),
        ("dbus-daemon", "apt-get install dbus-daemon"),
        ("gnome-keyring-daemon", "apt-get install gnome-keyring"),
    ];
    for (name, how) in PROGRAMS {
        if found(name).is_none() {
            return Some(format!("missing: {name}; run: {how}"));
        }
    }
    let build = "(cd ui && npm ci && npm run build) && cargo build -p slipway-desktop --features custom-protocol";
    // Built pages are called by what is in them, so the names tell whether the program has these.
    let pages = Path::new(env!("CARGO_MANIFEST_DIR")).join("../ui/dist/index.html");
    let text = std::fs::read_to_string(pages).unwrap_or_default();
    let script = text.split('"').find(|word| word.ends_with(".js"));
    let Some(script) = script.filter(|_| program().exists()) else {
        return Some(format!("missing: the desktop program with its pages; run: {build}"));
    };
    let has = Command::new("grep").args(["-qF", script.trim_start_matches('.')]).arg(program()).status();
    (!has.is_ok_and(|status| status.success()))
        .then(|| format!("the desktop program has not the pages of ui/dist; run: {build}"))
}

/// A program in PATH.
fn found(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|path| path.is_file())
}

/// What one window lives in.
pub(crate) struct Desktop {
    pub(crate) folder: tempfile::TempDir,
    /// More variables of the environment of what is started from now on.
    pub(crate) environment: Vec<(&'static str, String)>,
    mark: String,
    language: &'static str,
    display: String,
    bus: String,
    children: Vec<Child>,
}

impl Desktop {
    pub(crate) fn new() -> Self {
        Self::speaking("en_US.UTF-8")
    }

    /// A desktop with this `LANG`.
    pub(crate) fn speaking(language: &'static str) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let folder = tempfile::tempdir().unwrap();
        for name in ["home/.ssh", "runtime", "data"] {
            let path = folder.path().join(name);
            std::fs::create_dir_all(&path).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o700)).unwrap();
        }
        let mark = format!("{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::SeqCst));
        let mut desktop = Self {
            folder,
            environment: Vec::new(),
            mark,
            language,
            display: String::new(),
            bus: String::new(),
            children: Vec::new(),
        };
        desktop.start_display();
        desktop.start_bus();
        desktop.start_keyring();
        desktop
    }

    pub(crate) fn home(&self) -> PathBuf {
        self.folder.path().join("home")
    }

    pub(crate) fn display(&self) -> &str {
        &self.display
    }

    /// Where Slipway keeps what it knows.
    pub(crate) fn slipway_home(&self) -> PathBuf {
        self.folder.path().join("slipway")
    }

    /// Puts the key that opens `host` where ssh looks for one.
    pub(crate) fn key(&self, host: &Host) {
        let place = self.home().join(".ssh/id_ed25519");
        std::fs::copy(host.client_key(), &place).unwrap();
        std::fs::set_permissions(&place, std::fs::Permissions::from_mode(0o600)).unwrap();
    }

    /// Assembles a version of the sample application, in place of the one that is there.
    pub(crate) fn assemble(&self, version: &str) -> PathBuf {
        let place = self.folder.path().join("parlour");
        if place.exists() {
            std::fs::remove_dir_all(&place).unwrap();
        }
        let script = crate::support::tests_folder().join("apps/parlour/assemble");
        assert!(Command::new(script).arg(version).arg(&place).status().unwrap().success());
        place
    }

    /// A command in this desktop.
    pub(crate) fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        let of = |name: &str| self.folder.path().join(name);
        command
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("USER", "tester")
            .env("LANG", self.language)
            .env("HOME", self.home())
            .env("SLIPWAY_HOME", self.slipway_home())
            .env("XDG_RUNTIME_DIR", of("runtime"))
            .env("XDG_DATA_HOME", of("data"))
            .env("XDG_CONFIG_HOME", of("config"))
            .env("XDG_CACHE_HOME", of("cache"))
            .env("DISPLAY", &self.display)
            .env("GDK_BACKEND", "x11")
            .env("DBUS_SESSION_BUS_ADDRESS", &self.bus)
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .env(MARK, &self.mark);
        command
    }

    fn start_display(&mut self) {
        let mut command = self.command(found("Xvfb").unwrap());
        command.args(["-displayfd", "1", "-screen", "0", "1400x900x24", "-nolisten", "tcp"]);
        let number = self.spawn(command.stderr(Stdio::null()));
        self.display = format!(":{number}");
    }

    fn start_bus(&mut self) {
        let settings = self.folder.path().join("bus.conf");
        std::fs::write(&settings, BUS).unwrap();
        let mut command = self.command(found("dbus-daemon").unwrap());
        command.args(["--nofork", "--print-address=1", "--config-file"]).arg(settings);
        self.bus = self.spawn(command.stderr(Stdio::null()));
    }

    fn start_keyring(&mut self) {
        let mut command = self.command(found("gnome-keyring-daemon").unwrap());
        command.args(["--foreground", "--unlock", "--components=secrets"]);
        let mut keyring = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        // The password ends where the input ends.
        keyring.stdin.take().unwrap().write_all(b"slipway-tests").unwrap();
        self.children.push(keyring);
        let deadline = Instant::now() + PATIENCE;
        loop {
            let name = ["string:org.freedesktop.secrets"];
            let mut ask = self.command("dbus-send");
            ask.args(["--session", "--print-reply", "--dest=org.freedesktop.DBus", "/org/freedesktop/DBus"]);
            let told = ask.arg("org.freedesktop.DBus.NameHasOwner").args(name).output().unwrap();
            if String::from_utf8_lossy(&told.stdout).contains("boolean true") {
                return;
            }
            assert!(Instant::now() < deadline, "the keyring did not come up");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Starts the driver, and returns the address at which it listens.
    pub(crate) fn start_driver(&mut self) -> String {
        // It is free when the driver asks for it, but for an accident.
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut command = self.command(found("WebKitWebDriver").unwrap());
        command.arg(format!("--port={port}")).arg("--host=127.0.0.1");
        // The program, which the driver starts, lets itself be driven only when this tells it to.
        command.env("TAURI_WEBVIEW_AUTOMATION", "true");
        let log = self.folder.path().join("driver.log");
        let log = std::fs::File::options().create(true).append(true).open(log).unwrap();
        command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        self.children.push(command.spawn().unwrap());
        let deadline = Instant::now() + PATIENCE;
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(Instant::now() < deadline, "the driver did not come up: {}", self.driver_log());
            std::thread::sleep(Duration::from_millis(20));
        }
        format!("http://127.0.0.1:{port}")
    }

    /// Keeps everything that is said on the session bus from now on in `bus.log`.
    pub(crate) fn record_bus(&mut self) {
        let log = self.folder.path().join("bus.log");
        let mut command = self.command(found("dbus-monitor").unwrap());
        command.arg("--session").stdin(Stdio::null()).stdout(std::fs::File::create(&log).unwrap());
        self.children.push(command.stderr(Stdio::null()).spawn().unwrap());
        let deadline = Instant::now() + PATIENCE;
        // It is told the name that it loses when it becomes a monitor.
        while std::fs::read(&log).unwrap().is_empty() {
            assert!(Instant::now() < deadline, "the bus is not recorded");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// What the driver and the program printed.
    pub(crate) fn driver_log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("driver.log")).unwrap_or_default()
    }

    /// Starts a program and returns the first line that it prints.
    fn spawn(&mut self, command: &mut Command) -> String {
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        self.children.push(child);
        line.trim().to_owned()
    }

    /// The processes of this desktop whose program has this name.
    pub(crate) fn running(&self, name: &str) -> Vec<u32> {
        let named = |pid: &u32| {
            std::fs::read_link(format!("/proc/{pid}/exe")).is_ok_and(|exe| exe.file_name().is_some_and(|is| is == name))
        };
        self.processes().into_iter().filter(named).collect()
    }

    pub(crate) fn processes(&self) -> Vec<u32> {
        let mark = format!("{MARK}={}", self.mark);
        let ours = |pid: &u32| {
            let environment = std::fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
            environment.split(|byte| *byte == 0).any(|variable| variable == mark.as_bytes())
        };
        let entries = std::fs::read_dir("/proc").unwrap().flatten();
        entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).filter(ours).collect()
    }

    fn kill(&self) {
        self.processes().into_iter().for_each(kill);
    }

    /// Ends the program as a crash does, in the middle of whatever it does.
    pub(crate) fn kill_program(&self) {
        let running = self.running("slipway-desktop");
        assert_eq!(running.len(), 1, "it has ended by itself");
        running.into_iter().for_each(kill);
    }

    /// Ends the driver and the program with it.
    pub(crate) fn end_driver(&mut self) {
        let deadline = Instant::now() + PATIENCE;
        if let Some(mut driver) = self.children.pop() {
            let _ = driver.kill();
            let _ = driver.wait();
        }
        self.running("slipway-desktop").into_iter().for_each(kill);
        while !self.running("slipway-desktop").is_empty() {
            assert!(Instant::now() < deadline, "the program did not end");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Desktop {
    fn drop(&mut self) {
        self.kill();
        for child in &mut self.children {
            let _ = child.kill();
            let _ = child.wait();
        }
        // What was just being started when the others were ended.
        self.kill();
    }
}

fn kill(pid: u32) {
    if let Some(pid) = i32::try_from(pid).ok().and_then(rustix::process::Pid::from_raw) {
        // It may have ended meanwhile.
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
    }
}

/// Where pictures go: `SLIPWAY_PICTURES`, or nowhere.
pub(crate) fn pictures() -> Option<PathBuf> {
    let folder = PathBuf::from(std::env::var_os("SLIPWAY_PICTURES")?);
    std::fs::create_dir_all(&folder).unwrap();
    Some(folder)
}

/// A name for the picture of a failure that no other failure has.
pub(crate) fn picture_of_failure() -> PathBuf {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    std::env::temp_dir().join(format!("slipway-window-{}-{}.png", std::process::id(), now.as_millis()))
}
