//! Shell words, read by dash and bash.

use std::process::Command;

use slipway_core::encode::shell::quote;

use super::generate::Values;
use super::{Tally, can_judge, cases, judge, same, split_nul};

#[test]
fn shells_read_what_was_sent() {
    if !can_judge(&["dash", "bash"]) {
        return;
    }
    let (mut values, mut tally) = (Values::new(), Tally::default());
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("script");
    let total = cases(100_000);
    while tally.sent < total {
        let (mut text, mut sent) = (String::new(), Vec::new());
        for _ in 0..5_000.min(total - tally.sent) {
            let value = values.text();
            if let Some(word) = tally.count(quote(&value)) {
                // One command for each: a word that ends early runs something that prints more.
                text.push_str(&format!("printf '%s\\0' {word}\n"));
                sent.push(value);
            }
        }
        std::fs::write(&script, text).unwrap();
        for shell in ["dash", "bash"] {
            let output = judge(Command::new(shell).arg(&script).current_dir(folder.path()));
            same(&split_nul(&output), &sent);
        }
        tally.judged += sent.len();
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "a command wrote a file");
    tally.close("shell", "dash, bash");
}
