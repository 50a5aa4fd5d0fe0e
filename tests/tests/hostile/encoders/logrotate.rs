//! Paths of logrotate files, read by logrotate.

use std::process::Command;

use slipway_core::encode::logrotate::path;

use super::generate::Values;
use super::{Tally, can_judge, cases, same};

#[test]
fn logrotate_reads_the_paths_that_were_sent() {
    if !can_judge(&["logrotate"]) {
        return;
    }
    let (mut values, mut tally) = (Values::new(), Tally::default());
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("judged");
    let total = cases(100_000);
    while tally.sent < total {
        let (mut text, mut sent) = (String::new(), Vec::new());
        while sent.len() < 5_000 && tally.sent < total {
            // The number keeps two entries from being the same, which logrotate refuses.
            let value = values.text();
            let value = if values.below(8) == 0 { value } else { format!("/{}{value}", tally.sent) };
            if let Some(word) = tally.count(path(&value)) {
                text.push_str(&format!("{word} {{\n    missingok\n}}\n"));
                sent.push(value);
            }
        }
        std::fs::write(&file, text).unwrap();
        // -d tells what it reads and changes nothing; complaints end it with another status.
        let mut command = Command::new("logrotate");
        command.args(["-d", "-s", "/dev/null"]).arg(&file).stdin(std::process::Stdio::null());
        let output = command.env("LC_ALL", "C.UTF-8").output().unwrap();
        let told = String::from_utf8(output.stderr).unwrap();
        let complaints: Vec<&str> = told.lines().filter(|line| line.starts_with("error:")).take(5).collect();
        assert!(output.status.success() && complaints.is_empty(), "{complaints:#?}");
        let all = |start: &str| told.split('\n').filter_map(|line| line.strip_prefix(start)).collect::<Vec<_>>();
        let patterns = all("rotating pattern: ");
        assert_eq!(patterns.len(), sent.len(), "entries");
        // The last such line before the next entry would be another file of the same entry.
        same(&all("considering log "), &sent);
        tally.judged += sent.len();
    }
    tally.close("logrotate", "logrotate -d");
}
