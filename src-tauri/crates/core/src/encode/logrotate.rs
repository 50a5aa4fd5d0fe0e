//! logrotate's configuration (logrotate(8)): paths, which are shell globs.

use super::{CannotEncode, has_control};

/// A path in double quotes; the caller adds glob signs of its own outside of it.
///
/// # Errors
/// A slash at the end, which logrotate drops; control characters, quotes and backslashes (logrotate has no escape for a quote), glob signs, a path that is not absolute.
pub fn path(text: &str) -> Result<String, CannotEncode> {
    if !text.starts_with('/') {
        return Err(CannotEncode("a path in a logrotate file is absolute"));
    }
    if text.ends_with('/') {
        return Err(CannotEncode("logrotate drops a slash at the end of a path"));
    }
    if has_control(text, &[]) || text.contains(['"', '\'', '\\']) {
        return Err(CannotEncode("logrotate cannot hold quotes, backslashes or control characters in a path"));
    }
    if text.contains(['*', '?', '[', ']', '{', '}', '~']) {
        return Err(CannotEncode("logrotate reads * ? [ ] { } ~ in a path as a pattern"));
    }
    let safe = |c: char| c.is_ascii_alphanumeric() || "/._-".contains(c);
    Ok(if text.chars().all(safe) { text.to_owned() } else { format!("\"{text}\"") })
}

/// A user's or group's name for su and create.
///
/// # Errors
/// Anything that useradd would refuse.
pub fn account(text: &str) -> Result<String, CannotEncode> {
    let ok = text.starts_with(|c: char| c.is_ascii_lowercase() || c == '_')
        && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_');
    if ok { Ok(text.to_owned()) } else { Err(CannotEncode("not a user's or group's name")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths() {
        assert_eq!(path("/var/log/shop"), Ok("/var/log/shop".into()));
        assert_eq!(path("/var/log/a b"), Ok("\"/var/log/a b\"".into()));
        for bad in ["x", "/a/", "/a\"b", "/a\nb", "/a*", "/a{b}"] {
            assert!(path(bad).is_err(), "{bad:?}");
        }
        assert!(account("shop").is_ok());
        assert!(account("a b").is_err());
    }
}
