//! systemd's EnvironmentFile= format (systemd.exec(5), src/basic/env-file.c): shell-like assignments without a shell.

use super::{CannotEncode, NONCHARACTER, has_control, has_noncharacter};

/// `NAME="value"` and nothing else on the line.
///
/// Inside double quotes a backslash escapes `"`, `\`, `` ` `` and `$`; a tab and a line break stand for themselves.
///
/// # Errors
/// Control characters but tab and line break: systemd drops such an assignment with a warning (`env_value_is_valid`).
/// Noncharacters of Unicode: systemd then refuses the whole file, and the unit does not start.
pub fn assignment(name: &str, value: &str) -> Result<String, CannotEncode> {
    if has_control(value, &['\t', '\n']) {
        return Err(CannotEncode("systemd drops environment variables that hold control characters"));
    }
    if has_noncharacter(value) {
        return Err(NONCHARACTER);
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

    #[test]
    fn what_systemd_does_not_take_for_text_is_refused() {
        for bad in ["\u{fdd0}", "a\u{fffe}", "\u{ffff}", "\u{1fffe}", "\u{10ffff}"] {
            assert!(assignment("V", bad).is_err(), "{bad:?}");
        }
        assert!(assignment("V", "\u{fffd}\u{e000}\u{feff}").is_ok());
    }

    proptest! {
        #[test]
        fn values_read_back(value in "[^\\x00-\\x08\\x0b-\\x1f\\x7f]{0,40}") {
            prop_assume!(!has_noncharacter(&value));
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
