//! POSIX shell words. The one place that turns an argument vector into shell text.

/// Quotes one word so that a POSIX shell reads back exactly `word`.
///
/// Everything outside a small safe set is put into single quotes, in which
/// nothing is special but the single quote itself (POSIX.1-2024, XCU 2.2.2).
///
/// # Errors
/// A NUL byte cannot be in an argument of any process.
pub fn quote(word: &str) -> Result<String, Unquotable> {
    if word.contains('\0') {
        return Err(Unquotable);
    }
    let safe = |c: char| c.is_ascii_alphanumeric() || "_-./:,+@".contains(c);
    if !word.is_empty() && word.chars().all(safe) {
        return Ok(word.to_owned());
    }
    Ok(format!("'{}'", word.replace('\'', r"'\''")))
}

/// Quotes an argument vector into one shell command line.
///
/// # Errors
/// When any word holds a NUL byte.
pub fn quote_all<S: AsRef<str>>(argv: impl IntoIterator<Item = S>) -> Result<String, Unquotable> {
    let words: Result<Vec<_>, _> = argv.into_iter().map(|word| quote(word.as_ref())).collect();
    Ok(words?.join(" "))
}

/// The value holds a NUL byte, which no process argument can carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a NUL byte cannot be part of a command's argument")]
pub struct Unquotable;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read_back(shell: &str, line: &str) -> Vec<u8> {
        let script = format!("printf '%s\\0' {line}");
        std::process::Command::new(shell).arg("-c").arg(script).output().unwrap().stdout
    }

    #[test]
    fn plain_words_stay_readable() {
        assert_eq!(quote_all(["ls", "-l", "/etc/a b"]).unwrap(), "ls -l '/etc/a b'");
        assert_eq!(quote("").unwrap(), "''");
        assert_eq!(quote("it's").unwrap(), r"'it'\''s'");
        assert_eq!(quote("a\0b"), Err(Unquotable));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn real_shells_read_back_the_same_words(words in prop::collection::vec("[^\0]{0,24}", 1..6)) {
            let line = quote_all(&words).unwrap();
            let expected: Vec<u8> = words.iter().flat_map(|w| w.bytes().chain([0])).collect();
            for shell in ["dash", "bash"] {
                prop_assert_eq!(&read_back(shell, &line), &expected);
            }
        }
    }
}
