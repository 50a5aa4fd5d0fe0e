//! Python literals (Python language reference, 2.4.1): ASCII only, so that no source encoding matters.

use std::fmt::Write as _;

/// A string literal that evaluates to exactly `text`. Holds everything.
pub fn string(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            ' '..='~' => out.push(c),
            c if u32::from(c) <= 0xffff => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => {
                let _ = write!(out, "\\U{:08x}", u32::from(c));
            }
        }
    }
    out.push('"');
    out
}

/// `True` or `False`.
pub fn boolean(value: bool) -> &'static str {
    if value { "True" } else { "False" }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4))]
        #[test]
        fn python_reads_back_the_same_text(texts in prop::collection::vec(".{0,24}|[\\x00-\\x20\"'\\\\$%{}]{0,12}", 64)) {
            let list: Vec<String> = texts.iter().map(|t| string(t)).collect();
            let script = format!("import sys,json; sys.stdout.write(json.dumps([{}]))", list.join(","));
            let Ok(output) = std::process::Command::new("python3").arg("-c").arg(script).output() else {
                eprintln!("not run: no python3 on this machine");
                return Ok(());
            };
            let back: Vec<String> = serde_json::from_slice(&output.stdout).unwrap();
            prop_assert_eq!(back, texts);
        }
    }
}
