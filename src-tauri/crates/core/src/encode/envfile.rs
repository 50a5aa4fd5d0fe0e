//! systemd's EnvironmentFile= format (systemd.exec(5), src/basic/env-file.c): shell-like assignments without a shell.

use super::{CannotEncode, has_control};

/// `NAME="value"` and nothing else on the line.
///
/// Inside double quotes a backslash escapes `"`, `\`, `` ` `` and `$`; a tab and a line break stand for themselves.
///
/// # Errors
/// Control characters but tab and line break: systemd drops such an assignment with a warning (`env_value_is_valid`).
pub fn assignment(name: &str, value: &str) -> Result<String, CannotEncode> {
    if has_control(value, &['\t', '\n']) {
        return Err(CannotEncode("systemd drops environment variables that hold control characters"));
    }
    let mut text = String::with_capacity(name.len() + value.len() + 3);
    text.push_str(name);
    text.push_str("=\"");
    for c in value.chars() {
        if matches!(c, '"' | '\\' | '`' | '$') {
            text.push('\\');
        }
        text.push(c);
    }
    text.push('"');
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The DOUBLE_QUOTE_VALUE states of systemd's `parse_env_file_internal`.
    fn read(line: &str) -> (String, String) {
        let (name, rest) = line.split_once('=').unwrap();
        let mut chars = rest.chars();
        assert_eq!(chars.next(), Some('"'));
        let mut value = String::new();
        loop {
            match chars.next().expect("an open quote") {
                '"' => break,
                '\\' => match chars.next().unwrap() {
                    c @ ('"' | '\\' | '`' | '$') => value.push(c),
                    '\n' => {}
                    c => value.extend(['\\', c]),
                },
                c => value.push(c),
            }
        }
        assert_eq!(chars.next(), None, "text after the closing quote");
        (name.to_owned(), value)
    }

    #[test]
    fn shells_agree_on_ordinary_values() {
        for value in
            ["plain", "a b", "it's", "say \"hi\"", "$HOME `id` \\n", "two\nlines", "%n", "", "#no comment", "é"]
        {
            let script = format!("{}\nprintf %s \"$V\"", assignment("V", value).unwrap());
            let output = std::process::Command::new("sh").arg("-c").arg(script).output().unwrap();
            assert_eq!(String::from_utf8(output.stdout).unwrap(), value);
        }
    }

    proptest! {
        #[test]
        fn values_read_back(value in "[^\\x00-\\x08\\x0b-\\x1f\\x7f]{0,40}") {
            let line = assignment("NAME", &value).unwrap();
            prop_assert_eq!(read(&line), ("NAME".to_owned(), value));
        }

        #[test]
        fn control_characters_are_refused(before in "[a-z]{0,4}", bad in "[\\x00-\\x08\\x0b-\\x1f\\x7f]") {
            let value = before + &bad;
            prop_assert!(assignment("NAME", &value).is_err());
        }
    }
}
