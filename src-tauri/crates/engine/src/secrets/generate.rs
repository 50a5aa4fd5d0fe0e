//! Random secrets in the formats that applications ask for, from the operating system's generator.

use base64::Engine as _;
use base64::engine::general_purpose::{URL_SAFE, URL_SAFE_NO_PAD};
use slipway_core::secret::Secret;
use slipway_core::site::Generator;
use zeroize::Zeroizing;

use super::SecretsError;

/// Length when the site file gives none: bytes, or characters of a password.
pub const DEFAULT_LENGTH: u32 = 32;

/// Least length: 128 bits of hex or base64, and over 90 bits in a password.
const SHORTEST: u32 = 16;
/// Greatest length: far beyond any use, and small beside what a keyring takes.
const LONGEST: u32 = 1024;
/// Bytes of a Fernet key (Fernet specification, "Key Format": 128 bits to sign and 128 to encrypt).
const FERNET: usize = 32;

/// Letters and digits without those mistaken for each other: 0 O o, 1 I l, 2 Z z, 5 S s, 8 B, and u v, which look
/// alike in some typefaces.
const ALPHABET: &[u8] = b"34679ACDEFGHJKLMNPQRTUVWXYabcdefghijkmnpqrtwxy";

/// Makes a fresh value. `length` counts bytes before encoding (hex, base64) or characters (password); a Fernet key
/// has only one length.
///
/// # Errors
/// [`SecretsError::BadLength`], or [`SecretsError::Failed`] when the system has no randomness to give.
pub fn generate(generator: Generator, length: Option<u32>) -> Result<Secret, SecretsError> {
    let wanted = length.unwrap_or(DEFAULT_LENGTH);
    let (shortest, longest) = match generator {
        Generator::Hex | Generator::Base64 | Generator::Password => (SHORTEST, LONGEST),
        Generator::Fernet => (DEFAULT_LENGTH, DEFAULT_LENGTH),
    };
    if !(shortest..=longest).contains(&wanted) {
        return Err(SecretsError::BadLength { length: wanted, shortest, longest });
    }
    // At most LONGEST: fits.
    let count = wanted as usize;
    let text = match generator {
        Generator::Hex => slipway_core::digest::hex(&random(count)?),
        Generator::Base64 => URL_SAFE_NO_PAD.encode(&*random(count)?),
        Generator::Fernet => URL_SAFE.encode(&*random(FERNET)?),
        Generator::Password => return password(count),
    };
    Ok(Secret::new(text))
}

/// `count` random bytes, wiped on drop.
pub(super) fn random(count: usize) -> Result<Zeroizing<Vec<u8>>, SecretsError> {
    let mut bytes = Zeroizing::new(vec![0; count]);
    getrandom::fill(&mut bytes)
        .map_err(|error| SecretsError::Failed { detail: format!("the system gives no randomness: {error}") })?;
    Ok(bytes)
}

/// Characters picked with equal chance: bytes beyond the last whole multiple of the alphabet are thrown away,
/// since a plain remainder would favour its first letters.
fn password(count: usize) -> Result<Secret, SecretsError> {
    let fair = 256 - 256 % ALPHABET.len();
    // Reserved at once: growing would leave copies of the beginning in freed memory.
    let mut text = Zeroizing::new(Vec::with_capacity(count));
    while text.len() < count {
        for byte in random(count)?.iter().map(|byte| usize::from(*byte)).filter(|byte| *byte < fair) {
            if let Some(letter) = ALPHABET.get(byte % ALPHABET.len())
                && text.len() < count
            {
                text.push(*letter);
            }
        }
    }
    Ok(Secret::new(std::mem::take(&mut *text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(generator: Generator, length: Option<u32>) -> String {
        generate(generator, length).unwrap().expose_str().unwrap().to_owned()
    }

    #[test]
    fn every_format_has_its_shape() {
        let hex = text(Generator::Hex, None);
        assert!(hex.len() == 64 && hex.bytes().all(|b| b.is_ascii_hexdigit()));
        let base64 = text(Generator::Base64, Some(33));
        assert_eq!(URL_SAFE_NO_PAD.decode(&base64).unwrap().len(), 33);
        let fernet = text(Generator::Fernet, None);
        assert!(fernet.len() == 44 && fernet.ends_with('=') && URL_SAFE.decode(&fernet).unwrap().len() == 32);
        let password = text(Generator::Password, Some(200));
        assert!(password.len() == 200 && !password.contains(['0', 'O', 'o', '1', 'I', 'l', '5', 'S']));
        assert_ne!(text(Generator::Hex, None), text(Generator::Hex, None));
    }

    #[test]
    fn impossible_lengths_are_refused() {
        assert!(matches!(generate(Generator::Hex, Some(15)), Err(SecretsError::BadLength { shortest: 16, .. })));
        assert!(generate(Generator::Password, Some(1025)).is_err());
        assert!(generate(Generator::Fernet, Some(16)).is_err());
        assert!(generate(Generator::Fernet, Some(32)).is_ok());
    }

    #[test]
    fn passwords_use_every_letter_about_equally() {
        let letters = 400_000;
        let mut counts = [0_u32; 256];
        for _ in 0..letters / 1000 {
            text(Generator::Password, Some(1000)).bytes().for_each(|b| counts[usize::from(b)] += 1);
        }
        // Pearson's statistic with 45 degrees of freedom exceeds 110 once in about ten million runs.
        let expected = f64::from(letters) / ALPHABET.len() as f64;
        let chi: f64 =
            ALPHABET.iter().map(|b| (f64::from(counts[usize::from(*b)]) - expected).powi(2) / expected).sum();
        assert!(chi < 110.0, "{chi}");
        assert_eq!(ALPHABET.iter().collect::<std::collections::BTreeSet<_>>().len(), ALPHABET.len());
    }
}
