//! The real `slipway` at a terminal of its own: what it asks is answered there, what it prints is kept.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, mpsc};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, tcgetattr};

/// Longest that anything here may take.
const LIMIT: Duration = Duration::from_secs(300);

/// The program, which the workspace's build puts beside the test programs' folder.
fn slipway() -> PathBuf {
    let own = std::env::current_exe().unwrap();
    let path = own.parent().and_then(|deps| deps.parent()).unwrap().join("slipway");
    assert!(path.exists(), "{} is not there: run `cargo build --workspace` first", path.display());
    path
}

/// A computer that `slipway` runs on: folders of its own, an environment, and somebody who answers.
pub(crate) struct Computer {
    folder: tempfile::TempDir,
    /// More variables of its environment.
    pub(crate) environment: Vec<(String, String)>,
    /// Part of a question, and the answer.
    pub(crate) answers: Vec<(&'static str, String)>,
    printed: Arc<Mutex<Vec<u8>>>,
    processes: Mutex<Vec<u32>>,
}

impl Computer {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        for name in ["input", "work", "user", "tmp"] {
            std::fs::create_dir(folder.path().join(name)).unwrap();
        }
        Self {
            folder,
            environment: Vec::new(),
            answers: Vec::new(),
            printed: Arc::default(),
            processes: Mutex::default(),
        }
    }

    /// A folder: `input` for what the person has, `work` for the site file, `home`, `user` and `tmp` for slipway.
    pub(crate) fn folder(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The folders that slipway writes to.
    pub(crate) fn written(&self) -> [PathBuf; 4] {
        ["work", "home", "user", "tmp"].map(|name| self.folder(name))
    }

    /// Everything that was printed to pipes and to the terminal.
    pub(crate) fn printed(&self) -> Vec<u8> {
        self.printed.lock().unwrap().clone()
    }

    /// The processes that were started here.
    pub(crate) fn processes(&self) -> Vec<u32> {
        self.processes.lock().unwrap().clone()
    }

    /// Starts `slipway` with as much core dump as it wants.
    pub(crate) fn start(&self, arguments: &[&str]) -> Running {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap().into_string().unwrap();
        let terminal = File::options().read(true).write(true).open(name).unwrap();
        let master = File::from(master);

        let mut child = Command::new("setsid")
            .args(["--ctty", "prlimit", "--core=unlimited:unlimited"])
            .arg(slipway())
            .args(["--secrets-from-env", "CANARY"])
            .args(arguments)
            .current_dir(self.folder("work"))
            .env_clear()
            .env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
            .env("HOME", self.folder("user"))
            .env("TMPDIR", self.folder("tmp"))
            .env("SLIPWAY_HOME", self.folder("home"))
            .env("TERM", "xterm")
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::from(terminal))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        self.processes.lock().unwrap().push(child.id());

        let (told, lines) = mpsc::channel();
        let output = keep_lines(child.stdout.take().unwrap(), self.printed.clone(), Some(told));
        let complaints = keep_lines(child.stderr.take().unwrap(), self.printed.clone(), None);
        let person = answer(master, self.answers.clone(), self.printed.clone());
        Running { child, lines, readers: vec![output, complaints], person: Some(person) }
    }

    /// Runs `slipway` to its end, insists on an exit status and returns its standard output.
    pub(crate) fn expect(&self, status: i32, arguments: &[&str]) -> String {
        let before = self.printed().len();
        let mut running = self.start(arguments);
        let (ended, output) = running.finish();
        let printed = String::from_utf8_lossy(&self.printed()[before..]).into_owned();
        assert_eq!(ended.code(), Some(status), "slipway {arguments:?}\n{printed}");
        output
    }

    /// Writes a file and returns its path as text.
    pub(crate) fn write(&self, folder: &str, name: &str, text: impl AsRef<[u8]>) -> String {
        let path = self.folder(folder).join(name);
        std::fs::create_dir_all(path.parent().unwrap_or(Path::new("/"))).unwrap();
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    }
}

/// A `slipway` that runs.
pub(crate) struct Running {
    child: Child,
    lines: mpsc::Receiver<String>,
    readers: Vec<JoinHandle<()>>,
    person: Option<JoinHandle<()>>,
}

impl Running {
    /// Waits until it prints a line of which `wanted` says yes.
    pub(crate) fn until(&self, wanted: impl Fn(&str) -> bool) -> String {
        loop {
            match self.lines.recv_timeout(LIMIT) {
                Ok(line) if wanted(&line) => return line,
                Ok(_) => {}
                Err(error) => panic!("the line that was waited for never came: {error}"),
            }
        }
    }

    /// Ends it by a signal, and tells how it went.
    pub(crate) fn kill(mut self, signal: Signal) -> ExitStatus {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
        let (status, _) = self.finish();
        assert_eq!(status.signal(), Some(signal.as_raw()), "it ended by itself: {status}");
        status
    }

    /// Waits for its end.
    pub(crate) fn ended(mut self) -> ExitStatus {
        self.finish().0
    }

    fn finish(&mut self) -> (ExitStatus, String) {
        let status = self.child.wait().unwrap();
        self.readers.drain(..).for_each(|reader| reader.join().unwrap());
        self.person.take().into_iter().for_each(|person| person.join().unwrap());
        (status, self.lines.try_iter().fold(String::new(), |text, line| text + &line + "\n"))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // After a failed expectation; otherwise it has ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn keep_lines(
    from: impl std::io::Read + Send + 'static,
    printed: Arc<Mutex<Vec<u8>>>,
    told: Option<mpsc::Sender<String>>,
) -> JoinHandle<()> {
    std::thread::spawn(move || {
        let mut from = BufReader::new(from);
        let mut line = Vec::new();
        while from.read_until(b'\n', &mut line).unwrap_or(0) > 0 {
            printed.lock().unwrap().extend_from_slice(&line);
            if let Some(told) = &told {
                let _ = told.send(String::from_utf8_lossy(&line).trim_end().to_owned());
            }
            line.clear();
        }
    })
}

/// Reads the terminal and answers the questions there, once nothing is echoed.
fn answer(mut terminal: File, answers: Vec<(&'static str, String)>, printed: Arc<Mutex<Vec<u8>>>) -> JoinHandle<()> {
    std::thread::spawn(move || {
        let (mut asked, mut buffer) = (String::new(), [0; 4096]);
        // A terminal that nobody holds any more answers EIO.
        while let Ok(count @ 1..) = terminal.read(&mut buffer) {
            printed.lock().unwrap().extend_from_slice(&buffer[..count]);
            asked.push_str(&String::from_utf8_lossy(&buffer[..count]));
            let Some((_, answer)) = answers.iter().find(|(question, _)| asked.contains(question)) else { continue };
            let start = Instant::now();
            while tcgetattr(&terminal).unwrap().local_modes.contains(LocalModes::ECHO) {
                assert!(start.elapsed() < LIMIT, "the answer would have been echoed");
                std::thread::yield_now();
            }
            writeln!(terminal, "{answer}").unwrap();
            asked.clear();
        }
    })
}
