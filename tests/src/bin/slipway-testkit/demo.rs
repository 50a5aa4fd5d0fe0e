//! The demo: a disposable host, the sample application, and the real `slipway` doing everything.

use std::path::{Path, PathBuf};
use std::process::Command;

use slipway_tests::hosts::{Distribution, Host, HostError, HostOptions, Prerequisites};

const SITE: &str = include_str!("demo.toml");

/// How the demo is run.
pub(crate) struct Options {
    pub(crate) distribution: Distribution,
    /// Ends after the tour instead of waiting for Ctrl-C.
    pub(crate) once: bool,
    pub(crate) face: Face,
}

/// With what the demo is shown.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Face {
    /// Everything with the command.
    Command,
    /// The first release with the command, everything else in the window. Secrets are in the session's keyring.
    Window,
}

/// Runs the tour, then keeps the host until Ctrl-C.
pub(crate) fn run(options: &Options) -> Result<(), HostError> {
    let prerequisites = Prerequisites::check();
    if !prerequisites.is_met() {
        return Err(HostError::Other(format!("{}\n{}", prerequisites.reason(), own_server())));
    }
    let other = |error: std::io::Error| HostError::Other(error.to_string());
    let slipway = build()?;
    let folder = tempfile::tempdir().map_err(other)?;
    let runtime = tokio::runtime::Runtime::new().map_err(other)?;
    let interrupted = runtime.spawn(tokio::signal::ctrl_c());
    println!("Booting a bare {} host …", options.distribution);
    let host = Host::boot(options.distribution, HostOptions::default())?;
    println!("It runs at {}; nothing but SSH is installed on it.\n", host.address());
    let folder = folder.path().to_owned();
    let tour = Tour { slipway, folder, host: &host, interrupted: &interrupted, face: options.face };
    tour.begin()?;
    if options.face == Face::Window {
        return runtime.block_on(tour.open_window());
    }
    tour.go_on()?;
    if options.once || interrupted.is_finished() {
        return Ok(());
    }
    println!("\nThe host stays until Ctrl-C.");
    runtime.block_on(interrupted).ok();
    println!("\nRemoving the host.");
    Ok(())
}

fn own_server() -> &'static str {
    "The demo needs root and systemd-nspawn for its disposable host. Without them, use any Debian or RHEL server of \
     your own that you reach over SSH:\n    cargo run -p slipway-cli -- host add web1 USER@ADDRESS\n    \
     cargo run -p slipway-cli -- site new --blueprint flask-socketio"
}

/// Builds the command line and says where it is.
fn build() -> Result<PathBuf, HostError> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(cargo)
        .args(["build", "--quiet", "-p", "slipway-cli"])
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
        .status()
        .map_err(|error| HostError::Other(format!("could not run cargo: {error}")))?;
    if !status.success() {
        return Err(HostError::Other("slipway did not build".to_owned()));
    }
    let own = std::env::current_exe().map_err(|error| HostError::Other(error.to_string()))?;
    Ok(own.with_file_name("slipway"))
}

struct Tour<'a> {
    slipway: PathBuf,
    folder: PathBuf,
    host: &'a Host,
    interrupted: &'a tokio::task::JoinHandle<std::io::Result<()>>,
    face: Face,
}

impl Tour<'_> {
    /// Says where a browser finds the application: by its name, since nginx answers to no other.
    fn say_where(&self) {
        println!(
            "\nThe application is at https://parlour.test/ once /etc/hosts has the line \"{} parlour.test\". Its certificate \
             signs itself; sign in with any name and the password “parlour”.",
            self.host.address()
        );
    }

    fn begin(&self) -> Result<(), HostError> {
        let address = self.host.address().to_string();
        let key = self.host.client_key().display().to_string();
        for version in ["v1", "v2", "v4"] {
            self.assemble(version)?;
        }
        self.site("v1")?;
        let login = format!("deploy@{address}");
        self.step(
            "A host, with its key compared against what the host itself says",
            &["host", "add", "web1", &login, "--identity", &key, "--accept-host-key", self.host.fingerprint()],
            0,
        )?;
        self.step("What is going to happen", &["plan"], 3)?;
        self.step("Do it: server set-up", &["apply", "--yes"], 0)?;
        self.step("The first release", &["deploy", "--yes"], 0)
    }

    fn go_on(&self) -> Result<(), HostError> {
        self.step("Nothing is left to do", &["plan"], 0)?;
        self.site("v2")?;
        self.step("A new version, instance by instance", &["deploy", "--yes"], 0)?;
        self.site("v4")?;
        self.step("A version whose health check fails: it never gets traffic", &["deploy", "--yes"], 20)?;
        self.site("v2")?;
        self.step("And what is running is still the good one", &["status"], 0)?;
        self.say_where();
        println!("Try, in another terminal:\n");
        println!("    export SLIPWAY_HOME={0}/home PARLOUR_SECRET_KEY={1}", self.folder.display(), self.secret());
        println!("    cd {}", self.folder.display());
        let slipway = self.slipway.display();
        println!("    alias slipway='{slipway} --secrets-from-env PARLOUR'");
        for command in ["status", "releases", "rollback", "logs -f", "history", "facts web1"] {
            println!("    slipway {command}");
        }
        Ok(())
    }

    /// Opens the window on what was set up; ends with it, or on Ctrl-C.
    async fn open_window(&self) -> Result<(), HostError> {
        let failed = |error: std::io::Error| HostError::Other(format!("the window could not be opened: {error}"));
        let folder = self.folder.display();
        self.say_where();
        println!(
            "The window opens on it. Try there: in the site's file set folder = \"v2\" and deploy; then \"v4\", whose"
        );
        println!(
            "health check fails; roll back; Hosts, Add, Try it on a disposable host. The site file is in {folder}."
        );
        println!("Closing the window, or Ctrl-C here, removes the host.");
        let mut window = tokio::process::Command::new(self.slipway.with_file_name("slipway-desktop"))
            .current_dir(&self.folder)
            .env("SLIPWAY_HOME", self.folder.join("home"))
            .env("SLIPWAY_TESTKIT", std::env::current_exe().map_err(failed)?)
            .kill_on_drop(true)
            .spawn()
            .map_err(failed)?;
        let interrupted = async {
            while !self.interrupted.is_finished() {
                tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            }
        };
        let status = tokio::select! {
            status = window.wait() => status.map_err(failed)?,
            () = interrupted => return Ok(()),
        };
        if status.success() { Ok(()) } else { Err(HostError::Other(format!("the window ended with {status}"))) }
    }

    fn secret(&self) -> String {
        // Of this demo alone: it ends with the host.
        format!("{:0>64}", self.host.fingerprint().bytes().map(|byte| format!("{byte:02x}")).collect::<String>())
            .chars()
            .rev()
            .take(64)
            .collect()
    }

    fn assemble(&self, version: &str) -> Result<(), HostError> {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("apps/parlour/assemble");
        let status = Command::new(script)
            .args([version.as_ref(), self.folder.join(version).as_os_str()])
            .status()
            .map_err(|error| HostError::Other(error.to_string()))?;
        if status.success() { Ok(()) } else { Err(HostError::Other("the sample was not assembled".to_owned())) }
    }

    fn site(&self, version: &str) -> Result<(), HostError> {
        let text = SITE.replace("folder = \"v1\"", &format!("folder = \"{version}\""));
        std::fs::write(self.folder.join("slipway.toml"), text).map_err(|error| HostError::Other(error.to_string()))
    }

    fn step(&self, title: &str, arguments: &[&str], expected: i32) -> Result<(), HostError> {
        if self.interrupted.is_finished() {
            return Err(HostError::Other("stopped".to_owned()));
        }
        println!("\n── {title}\n$ slipway {}", arguments.join(" "));
        let mut slipway = Command::new(&self.slipway);
        if self.face == Face::Command {
            slipway.args(["--secrets-from-env", "PARLOUR"]).env("PARLOUR_SECRET_KEY", self.secret());
        }
        let status = slipway
            .args(arguments)
            .current_dir(&self.folder)
            .env("SLIPWAY_HOME", self.folder.join("home"))
            .status()
            .map_err(|error| HostError::Other(format!("slipway could not be run: {error}")))?;
        match status.code() {
            Some(code) if code == expected => Ok(()),
            code => {
                Err(HostError::Other(format!("slipway {} ended with {code:?}, not {expected}", arguments.join(" "))))
            }
        }
    }
}
