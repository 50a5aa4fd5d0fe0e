//! Real desktop sessions for tests: a private bus and a private gnome-keyring, in folders of their own. A test runs
//! itself a second time inside such a session.

use std::path::Path;
use std::process::{Command, Stdio};

/// Set for the inner run.
const INSIDE: &str = "SLIPWAY_TEST_SESSION";
/// Set to 1 to make a missing keyring a failure.
const REQUIRE: &str = "SLIPWAY_REQUIRE_KEYRING";
/// The password of the keyring in tests.
pub(super) const PASSWORD: &str = "pw";

/// A kind of session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Session {
    /// A bus with an unlocked keyring.
    Unlocked,
    /// A bus with a keyring program, but no keyring was ever made.
    NeverMade,
    /// A bus where nothing keeps secrets and nothing can be started to.
    BusOnly,
    /// A bus address where nobody listens.
    DeadBus,
    /// No bus at all.
    Nothing,
    /// No bus, but all that is needed to follow the advice.
    Advised,
}

/// Which run of the test this is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Run {
    /// The inner one: do the work.
    Inside,
    /// The outer one: the inner has been run and has passed, or cannot run here. Return.
    Outside,
}

/// Runs the test `name` (its last path segment) again inside `session`, unless this is that run.
pub(super) fn enter(session: Session, name: &str) -> Run {
    if std::env::var_os(INSIDE).is_some() {
        return Run::Inside;
    }
    if let Some(tool) = missing(session) {
        assert!(std::env::var(REQUIRE).as_deref() != Ok("1"), "{REQUIRE}=1 and {tool} is not installed");
        println!("not run: {tool} is not installed");
        return Run::Outside;
    }
    let folder = tempfile::tempdir().unwrap();
    let output = prepare(session, name, folder.path()).stdin(Stdio::null()).output().unwrap();
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "inside the session:\n{text}");
    assert!(text.contains("1 passed"), "the test did not run inside the session:\n{text}");
    Run::Outside
}

fn missing(session: Session) -> Option<&'static str> {
    let tools: &[&str] = match session {
        Session::Unlocked | Session::NeverMade | Session::Advised => {
            &["bash", "dbus-run-session", "dbus-send", "gnome-keyring-daemon", "secret-tool"]
        }
        Session::BusOnly => &["dbus-run-session"],
        Session::DeadBus | Session::Nothing => &[],
    };
    let installed = |tool: &str| {
        let path = std::env::var_os("PATH").unwrap_or_default();
        std::env::split_paths(&path).any(|folder| folder.join(tool).is_file())
    };
    tools.iter().copied().find(|tool| !installed(tool))
}

fn prepare(session: Session, name: &str, folder: &Path) -> Command {
    let runtime = folder.join("run");
    std::fs::create_dir(&runtime).unwrap();
    std::fs::set_permissions(&runtime, std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
    let test = std::env::current_exe().unwrap();
    let arguments = ["--exact".to_owned(), format!("secrets::session_tests::{name}"), "--nocapture".to_owned()];
    let mut command = match session {
        Session::Unlocked => in_session(
            &[],
            &format!(
                "printf {PASSWORD} | gnome-keyring-daemon --unlock --components=secrets >/dev/null && exec \"$0\" \"$@\""
            ),
        ),
        Session::NeverMade => in_session(&[], "exec \"$0\" \"$@\""),
        Session::BusOnly => {
            let configuration = folder.join("bus.conf");
            std::fs::write(&configuration, bare_bus(folder)).unwrap();
            in_session(&["--config-file", configuration.to_str().unwrap()], "exec \"$0\" \"$@\"")
        }
        Session::DeadBus | Session::Nothing | Session::Advised => Command::new(&test),
    };
    if command.get_program() != test.as_os_str() {
        command.arg(&test);
    }
    command.args(arguments);
    // Nothing of the session that the tests are started from may be found.
    for variable in ["DBUS_SESSION_BUS_ADDRESS", "DISPLAY", "WAYLAND_DISPLAY", "GNOME_KEYRING_CONTROL"] {
        command.env_remove(variable);
    }
    if session == Session::DeadBus {
        command.env("DBUS_SESSION_BUS_ADDRESS", format!("unix:path={}", folder.join("nobody").display()));
    }
    for (variable, place) in
        [("HOME", "home"), ("XDG_DATA_HOME", "data"), ("XDG_CONFIG_HOME", "config"), ("XDG_CACHE_HOME", "cache")]
    {
        std::fs::create_dir(folder.join(place)).unwrap();
        command.env(variable, folder.join(place));
    }
    command.env("XDG_RUNTIME_DIR", runtime).env(INSIDE, "1");
    command
}

fn in_session(options: &[&str], script: &str) -> Command {
    let mut command = Command::new("dbus-run-session");
    command.args(options).args(["--", "sh", "-c", script]);
    command
}

/// A bus that can start nothing: no service folders.
fn bare_bus(folder: &Path) -> String {
    format!(
        r#"<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-BUS Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>session</type><listen>unix:dir={}</listen><auth>EXTERNAL</auth>
<policy context="default"><allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/></policy>
</busconfig>"#,
        folder.join("run").display()
    )
}

/// Runs a program inside the session, with `input` on its stdin; what it wrote, if it succeeded.
pub(super) fn run(program: &[&str], input: &str) -> Option<Vec<u8>> {
    use std::io::Write as _;
    let mut child = Command::new(program[0])
        .args(&program[1..])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    output.status.success().then_some(output.stdout)
}
