//! Texts that hold secrets, built together with their masked twins.

use hmac::{Hmac, Mac as _};
use sha2::Sha256;
use zeroize::Zeroizing;

use super::output::{Content, SecretContent};
use crate::digest::hex;
use crate::secret::Secret;

/// First eight hexadecimal digits of HMAC-SHA256 (RFC 2104) of `secret` under `key`.
///
/// Equal secrets have equal fingerprints; without the key a fingerprint tells nothing about the value.
pub fn fingerprint(key: &Secret, secret: &[u8]) -> String {
    // HMAC takes keys of any length, so this never fails.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key.expose()) else { return String::from("????????") };
    mac.update(secret);
    let digits = hex(&mac.finalize().into_bytes());
    digits.get(..8).unwrap_or_default().to_owned()
}

/// What stands for a secret in a review.
pub(super) fn mask(key: &Secret, secret: &[u8]) -> String {
    format!("•••••• (fingerprint {})", fingerprint(key, secret))
}

/// A text under construction and its masked twin.
#[derive(Default)]
pub(super) struct MaskedText {
    real: Zeroizing<String>,
    masked: String,
    secret: bool,
}

impl MaskedText {
    /// Adds text that may be seen.
    pub(super) fn push(&mut self, text: &str) {
        self.real.push_str(text);
        self.masked.push_str(text);
    }

    /// Adds text that holds a secret, and what stands for it.
    pub(super) fn push_secret(&mut self, real: &str, masked: &str) {
        self.real.push_str(real);
        self.masked.push_str(masked);
        self.secret = true;
    }

    pub(super) fn into_content(self) -> Content {
        if self.secret {
            Content::Secret(SecretContent { value: Secret::new(self.real.as_bytes()), masked: self.masked })
        } else {
            Content::Text(self.masked)
        }
    }
}
