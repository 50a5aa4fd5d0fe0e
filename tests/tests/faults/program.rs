//! The real `slipway`, started, killed and listened to.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::program;

/// How long a run may take to end after a fault: it looks for a lost host for two minutes.
pub(crate) const PATIENCE: Duration = Duration::from_secs(400);

/// A `slipway` at work.
pub(crate) struct Slipway {
    child: Child,
    lines: Arc<Mutex<Vec<Value>>>,
    reader: std::thread::JoinHandle<()>,
    errors: std::thread::JoinHandle<String>,
}

/// How it ended.
#[derive(Debug)]
pub(crate) struct Ended {
    /// None when it was killed.
    pub(crate) status: Option<i32>,
    pub(crate) lines: Vec<Value>,
    pub(crate) errors: String,
}

impl Ended {
    /// What it found out before it began, as it told people.
    pub(crate) fn notices(&self) -> Vec<String> {
        let planned = self.lines.iter().find(|line| line["event"] == "planned").map(|line| &line["plan"]);
        // What is only planned is the result alone.
        let plan = planned.or_else(|| self.lines.last().map(|line| &line["result"]));
        let notices = plan.and_then(|plan| plan["notices"].as_array()).cloned().unwrap_or_default();
        notices.iter().filter_map(|notice| notice["text"].as_str()).map(str::to_owned).collect()
    }

    pub(crate) fn words(&self) -> String {
        let last = self.lines.last();
        let text = |path: &str| last.and_then(|line| line.pointer(path)).and_then(Value::as_str).map(str::to_owned);
        text("/result/summary").or_else(|| text("/error/message")).unwrap_or_else(|| self.errors.clone())
    }

    /// All that it said at its end, but for the last lines of others.
    pub(crate) fn all_words(&self) -> String {
        let Some(last) = self.lines.last() else { return String::new() };
        let mut words = Vec::new();
        for place in
            ["/result/summary", "/result/evidence", "/result/hint", "/error/message", "/error/causes", "/error/hint"]
        {
            match last.pointer(place) {
                Some(Value::String(text)) => words.push(text.clone()),
                Some(Value::Array(all)) => words.extend(all.iter().filter_map(Value::as_str).map(str::to_owned)),
                _ => {}
            }
        }
        words.join(". ")
    }

    pub(crate) fn verdict(&self) -> String {
        match self.status {
            None => "killed".to_owned(),
            Some(0) => "succeeded".to_owned(),
            Some(6) => "unreachable".to_owned(),
            Some(9) => "locked".to_owned(),
            Some(10) => "stale".to_owned(),
            Some(20) => "failed, intact".to_owned(),
            Some(21) => "rolled back".to_owned(),
            Some(22) => "split".to_owned(),
            Some(23) => "unknown".to_owned(),
            Some(31) => "host failed".to_owned(),
            Some(other) => format!("status {other}"),
        }
    }
}

impl Slipway {
    /// Starts it in a folder with a site file, for the host `far` of that home.
    pub(crate) fn start(folder: &Path, home: &Path, arguments: &[&str]) -> Self {
        let mut child = Command::new(program())
            .args(["--json", "--secrets-from-env", "TEST", "--host", "far"])
            .args(arguments)
            .current_dir(folder)
            .env_remove("SSH_AUTH_SOCK")
            .env("HOME", home)
            .env("SLIPWAY_HOME", home)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let lines: Arc<Mutex<Vec<Value>>> = Arc::default();
        let (output, errors) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
        let sink = lines.clone();
        let reader = std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                // A line that was cut off by the end of the program is no line.
                sink.lock().unwrap().extend(serde_json::from_str(&line));
            }
        });
        let errors = std::thread::spawn(move || std::io::read_to_string(errors).unwrap_or_default());
        Self { child, lines, reader, errors }
    }

    /// Ends it with `kill -9`.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
    }

    pub(crate) fn is_over(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// Waits for its end.
    pub(crate) fn end(mut self) -> Ended {
        let deadline = Instant::now() + PATIENCE;
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            if Instant::now() > deadline {
                self.child.kill().unwrap();
                panic!("it does not end: {:#?}", self.lines.lock().unwrap());
            }
            std::thread::sleep(Duration::from_millis(50));
        };
        self.reader.join().unwrap();
        let lines = self.lines.lock().unwrap().clone();
        Ended { status: status.code(), lines, errors: self.errors.join().unwrap() }
    }
}
