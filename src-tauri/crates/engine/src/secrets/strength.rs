//! How hard a typed secret is to guess, by zxcvbn's estimate.

use zxcvbn::{Score, zxcvbn};

/// An estimate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Strength {
    /// 0 (none) to 4 (strong).
    pub score: u8,
    /// In words.
    pub words: &'static str,
}

/// Characters that are looked at: longer secrets are not stronger for a person to guess.
const MOST: usize = 100;

/// Estimates how hard `value` is to guess.
pub fn strength(value: &str) -> Strength {
    if value.is_empty() {
        return Strength { score: 0, words: "nothing yet" };
    }
    let looked_at: String = value.chars().take(MOST).collect();
    let (score, words) = match zxcvbn(&looked_at, &["slipway"]).score() {
        Score::Zero => (0, "guessed at once"),
        Score::One => (1, "guessed in minutes"),
        Score::Two => (2, "guessed in hours by somebody who has its hash"),
        Score::Three => (3, "hard to guess"),
        Score::Four => (4, "very hard to guess"),
        // The list is open in the library.
        _ => (0, "not known"),
    };
    Strength { score, words }
}

/// How strong a value is that Slipway makes, in words: 32 random bytes, or characters of a password.
pub fn strength_of(generator: slipway_core::site::Generator) -> &'static str {
    use slipway_core::site::Generator;
    match generator {
        Generator::Hex | Generator::Base64 | Generator::Fernet => "256 random bits",
        Generator::Password => "random letters and digits",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn common_words_are_weak_and_random_ones_are_not() {
        assert_eq!(strength("").score, 0);
        assert_eq!(strength("password1").score, 0);
        assert!(strength("slipway").score <= 1);
        assert_eq!(strength("vZ8#kQ2m!xR7pL4w").score, 4);
        assert_eq!(strength(&"vZ8#kQ2m!xR7pL4w".repeat(5000)).score, 4);
    }
}
