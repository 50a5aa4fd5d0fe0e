//! nginx's auth_basic_user_file: `user:hash` lines with crypt(3) hashes.
//!
//! SHA-512-crypt (`$6$`) is the strongest scheme that crypt(3) has on every supported distribution and that
//! costs little enough (5000 rounds) to be computed by nginx on each request.

use zeroize::Zeroizing;

use super::{CannotEncode, has_control};
use crate::secret::Secret;

/// `user:$6$salt$hash`.
///
/// # Errors
/// A user with a colon, a comment sign in front or control characters; a salt that is not 8 to 16 characters of `[./0-9A-Za-z]`.
pub fn line(user: &str, password: &Secret, salt: &str) -> Result<Zeroizing<String>, CannotEncode> {
    let user = user_name(user)?;
    let digits = |c: char| c.is_ascii_alphanumeric() || c == '.' || c == '/';
    if !(8..=16).contains(&salt.len()) || !salt.chars().all(digits) {
        return Err(CannotEncode("a salt is 8 to 16 characters of [./0-9A-Za-z]"));
    }
    Ok(Zeroizing::new(format!("{user}:$6${salt}${}", digest(password.expose(), salt))))
}

/// Checks a user's name (RFC 7617, section 2: no colon).
///
/// # Errors
/// As [`line()`].
pub fn user_name(user: &str) -> Result<&str, CannotEncode> {
    if user.is_empty() || user.contains(':') || user.starts_with('#') || has_control(user, &[]) {
        return Err(CannotEncode(
            "a user name is not empty, holds no colon or control character and does not start with #",
        ));
    }
    Ok(user)
}

/// The 86 characters after the salt of a SHA-512-crypt hash with the default 5000 rounds.
fn digest(password: &[u8], salt: &str) -> String {
    const DIGITS: &[u8; 64] = b"./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let bytes = sha_crypt::sha512_crypt(password, salt.as_bytes(), sha_crypt::Params::RECOMMENDED);
    let byte = |index: usize| u32::from(bytes.get(index).copied().unwrap_or_default());
    let mut text = String::with_capacity(86);
    let mut push = |mut word: u32, count: usize| {
        for _ in 0..count {
            let digit = DIGITS.get(word as usize & 63).copied().unwrap_or(b'.');
            text.push(char::from(digit));
            word >>= 6;
        }
    };
    // The byte order of the specification: columns 0, 21, 42, rotated by one each row.
    let (mut a, mut b, mut c) = (0, 21, 42);
    for _ in 0..21 {
        push(byte(a) << 16 | byte(b) << 8 | byte(c), 4);
        (a, b, c) = (b + 1, c + 1, a + 1);
    }
    push(byte(63), 2);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From "Unix crypt using SHA-256 and SHA-512", U. Drepper, test vectors.
    #[test]
    fn reference_vector() {
        let line = line("u", &Secret::new(*b"Hello world!"), "saltstring").unwrap();
        let hash = "svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1";
        assert_eq!(*line, format!("u:$6$saltstring${hash}"));
    }

    #[test]
    fn refused() {
        let password = Secret::new(*b"x");
        assert!(line("a:b", &password, "saltstring").is_err());
        assert!(line("a", &password, "salt string").is_err());
        assert!(line("a\nb", &password, "saltstring").is_err());
    }
}
