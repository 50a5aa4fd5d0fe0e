//! Users and commands of sudoers files, read by sudo's own parser.

use std::process::Command;

use serde_json::Value;
use slipway_core::encode::sudoers::{command, user};

use super::generate::Values;
use super::{Tally, can_judge, cases, judge};

#[test]
fn sudo_reads_the_rules_that_were_sent() {
    if !can_judge(&["cvtsudoers", "visudo"]) {
        return;
    }
    let (mut values, mut tally) = (Values::new(), Tally::default());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rules");
    let total = cases(100_000);
    while tally.sent < total {
        let (mut text, mut sent) = (String::new(), Vec::new());
        while sent.len() < 2_500 && tally.sent < total {
            // Half of the names and words are of signs that are meant to be held.
            let name = if values.below(2) == 0 { values.text() } else { values.of("abAB0_-.@\\", 9) };
            let mut words = vec![format!("/{}", values.of("ab/.,:=\\-_@+%", 8))];
            for _ in 0..values.below(3) {
                words.push(if values.below(3) == 0 { values.text() } else { values.of("ab/.,:=\\-_@+%", 8) });
            }
            let argv: Vec<&str> = words.iter().map(String::as_str).collect();
            let (name, rule) = (tally.count(user(&name)).map(|encoded| (name, encoded)), tally.count(command(&argv)));
            match (name, rule) {
                (Some((name, encoded)), Some(rule)) => {
                    text.push_str(&format!("{encoded} ALL=(root) {rule}\n"));
                    sent.push((name, words.clone()));
                    tally.judged += 2;
                }
                (Some((name, encoded)), None) => {
                    text.push_str(&format!("{encoded} ALL=(root) /bin/true\n"));
                    sent.push((name, vec!["/bin/true".to_owned(), String::new()]));
                    tally.judged += 1;
                }
                (None, Some(rule)) => {
                    text.push_str(&format!("nobody ALL=(root) {rule}\n"));
                    sent.push(("nobody".to_owned(), words.clone()));
                    tally.judged += 1;
                }
                (None, None) => {}
            }
        }
        std::fs::write(&path, text).unwrap();
        judge(Command::new("visudo").args(["-c", "-f"]).arg(&path));
        let output = judge(Command::new("cvtsudoers").args(["-f", "json"]).arg(&path));
        let rules: Value = serde_json::from_slice(&output).unwrap();
        assert_eq!(rules.as_object().unwrap().keys().collect::<Vec<_>>(), ["User_Specs"], "more than rules");
        let rules = rules["User_Specs"].as_array().unwrap();
        assert_eq!(rules.len(), sent.len());
        for (rule, (name, words)) in rules.iter().zip(&sent) {
            check(rule, name, words);
        }
    }
    tally.close("sudoers", "visudo, cvtsudoers");
}

fn check(rule: &Value, name: &str, words: &[String]) {
    let only = |list: &Value| -> Value {
        let list = list.as_array().unwrap();
        assert_eq!(list.len(), 1, "{name:?} {words:?}: {rule}");
        list[0].clone()
    };
    assert_eq!(only(&rule["User_List"])["username"], *name, "{words:?}: {rule}");
    let spec = only(&rule["Cmnd_Specs"]);
    assert_eq!(spec["runasusers"], serde_json::json!([{ "username": "root" }]), "{rule}");
    assert_eq!(spec.get("Options"), None, "{rule}");
    // Without arguments none are allowed, which is written "".
    let expected = match words {
        [program] => format!("{program} \"\""),
        [program, empty] if empty.is_empty() => program.clone(),
        words => words.join(" "),
    };
    assert_eq!(only(&spec["Commands"])["command"], expected, "{rule}");
}
