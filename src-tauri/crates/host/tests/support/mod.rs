//! A private `sshd` on a loopback port, with its own keys and configuration, for one test.

#![allow(dead_code)]

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use slipway_host::{ConnectError, Connection, Decision, NoCredentials, Step, Target, connect};

/// Runs `program` and expects success.
pub fn must(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).stdin(Stdio::null()).output().unwrap();
    assert!(output.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Whether a private sshd can run here. Says why not.
pub fn can_run() -> bool {
    let root = must("id", &["-u"]).trim() == "0";
    if !root || !Path::new("/usr/sbin/sshd").exists() {
        eprintln!("not run: needs root and /usr/sbin/sshd");
        return false;
    }
    std::fs::create_dir_all("/run/sshd").unwrap();
    true
}

pub struct Server {
    pub folder: tempfile::TempDir,
    pub port: u16,
    child: Child,
}

impl Server {
    /// Starts an sshd with an ed25519 and an RSA host key, and one authorised ed25519 key; `extra` goes first in its configuration.
    pub fn start(extra: &str) -> Self {
        Self::start_with(extra, |_| Command::new("/usr/sbin/sshd"))
    }

    /// Starts it by the command that `program` makes of its folder; sshd's arguments are added.
    pub fn start_with(extra: &str, program: impl FnOnce(&Path) -> Command) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name).display().to_string();
        must("ssh-keygen", &["-q", "-t", "ed25519", "-N", "", "-f", &at("host_ed25519")]);
        must("ssh-keygen", &["-q", "-t", "rsa", "-b", "2048", "-N", "", "-f", &at("host_rsa")]);
        must("ssh-keygen", &["-q", "-t", "ed25519", "-N", "", "-C", "test", "-f", &at("id_ed25519")]);
        std::fs::copy(at("id_ed25519.pub"), at("authorized_keys")).unwrap();
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let config = format!(
            "{extra}\nPort {port}\nListenAddress 127.0.0.1\nHostKey {}\nHostKey {}\nAuthorizedKeysFile {}\nPidFile none\n\
             PermitRootLogin yes\nStrictModes no\nUsePAM no\nPasswordAuthentication no\nKbdInteractiveAuthentication no\n\
             AllowTcpForwarding yes\nMaxStartups 100\nSubsystem sftp internal-sftp\n",
            at("host_ed25519"),
            at("host_rsa"),
            at("authorized_keys"),
        );
        std::fs::write(at("sshd_config"), config).unwrap();
        let log = std::fs::File::create(at("log")).unwrap();
        let child = program(folder.path())
            .args(["-D", "-e", "-f", &at("sshd_config")])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        let server = Self { folder, port, child };
        for _ in 0..500 {
            if std::net::TcpStream::connect(("127.0.0.1", port)).is_ok() {
                return server;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("sshd did not start: {}", server.log());
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn log(&self) -> String {
        std::fs::read_to_string(self.path("log")).unwrap_or_default()
    }

    /// Allows another public key.
    pub fn authorize(&self, public: &Path) {
        let mut text = std::fs::read_to_string(self.path("authorized_keys")).unwrap();
        text.push_str(&std::fs::read_to_string(public).unwrap());
        std::fs::write(self.path("authorized_keys"), text).unwrap();
    }

    /// A line for `known_hosts` with the given public key file.
    pub fn known_line(&self, key: &str) -> String {
        let text = std::fs::read_to_string(self.path(key)).unwrap();
        let words: Vec<&str> = text.split(' ').collect();
        format!("[127.0.0.1]:{} {} {}\n", self.port, words[0], words[1].trim())
    }

    /// Root through this sshd, with the authorised key and the host key recorded.
    pub fn target(&self) -> Target {
        let known = self.path("known_hosts");
        if !known.exists() {
            std::fs::write(&known, self.known_line("host_ed25519.pub")).unwrap();
        }
        let mut target = Target::new("127.0.0.1", "root");
        target.port = self.port;
        target.identities = vec![self.path("id_ed25519")];
        target.known_hosts = vec![known.clone()];
        target.remember_in = Some(known);
        target
    }

    pub async fn connect(&self) -> Connection {
        open(&self.target()).await.unwrap_or_else(|error| panic!("{error}\n{}", self.log()))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Connects without credentials; unknown keys are rejected.
pub async fn open(target: &Target) -> Result<Connection, ConnectError> {
    connect(target, Arc::new(NoCredentials), Arc::new(Decision::Reject), Arc::new(|_: Step| {})).await
}

/// Keeps the steps it sees.
#[derive(Clone, Default)]
pub struct Steps(pub Arc<Mutex<Vec<Step>>>);

impl slipway_host::Observer for Steps {
    fn step(&self, step: Step) {
        self.0.lock().unwrap().push(step);
    }
}
