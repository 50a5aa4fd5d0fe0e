//! Secrets that can be told from every other text, and the places where nobody may find one.
//!
//! A test sends canaries through the product while a [`Watcher`] looks at every process, and afterwards looks at the
//! host ([`inside_host`]), at folders ([`below`]) and at whatever was printed.

mod look;
mod watcher;

use std::collections::BTreeSet;

use base64::Engine as _;

pub use look::{below, inside_host, with_words};
pub use watcher::{Seen, Sighting, Watcher};

/// Secrets and what gives one away.
pub struct Canaries {
    all: Vec<(String, String)>,
    mark: String,
}

impl Default for Canaries {
    fn default() -> Self {
        Self::new()
    }
}

impl Canaries {
    /// None yet; those to come hold a word that no other run has.
    pub fn new() -> Self {
        let random = std::fs::read_to_string("/proc/sys/kernel/random/uuid").unwrap();
        Self { all: Vec::new(), mark: format!("canary{}", &random.replace('-', "")[..12]) }
    }

    /// Makes one of this name.
    pub fn add(&mut self, name: &str) {
        let value = format!("{}.{}.end", self.mark, name.to_lowercase());
        self.keep(name, value);
    }

    /// Takes one that was made elsewhere: a key, of at least three lines.
    pub fn keep(&mut self, name: &str, value: String) {
        self.all.push((name.to_owned(), value));
    }

    /// The value of the canary of this name.
    pub fn value(&self, name: &str) -> &str {
        let found = self.all.iter().find(|(own, _)| own == name);
        &found.unwrap_or_else(|| panic!("no canary {name}")).1
    }

    /// Names and values.
    pub fn all(&self) -> &[(String, String)] {
        &self.all
    }

    /// Everything by which a canary is known, also when it went through base64, hexadecimal or decimal digits.
    pub fn words(&self) -> Vec<String> {
        let digits = |of: fn(u8) -> String, between: &str| self.mark.bytes().map(of).collect::<Vec<_>>().join(between);
        let mut words = vec![self.mark.clone(), digits(|byte| format!("{byte:02x}"), "")];
        // As lists of bytes are printed by Rust and written as JSON.
        words.extend([", ", ","].map(|between| digits(|byte| byte.to_string(), between)));
        for shift in 0..3 {
            let text = format!("{}{}", &"   "[..shift], self.mark);
            let encoded = base64::engine::general_purpose::STANDARD_NO_PAD.encode(&text);
            // What depends on the neighbours is left out at both ends.
            words.push(encoded[(shift * 4).div_ceil(3)..encoded.len() - 2].to_owned());
        }
        // A line from the middle of each key.
        let keys = self.all.iter().filter(|(_, value)| !value.contains(&self.mark));
        words.extend(keys.map(|(_, value)| value.lines().nth(2).unwrap().to_owned()));
        words
    }

    /// Which of them are in `text`.
    pub fn within(&self, text: &str) -> BTreeSet<&str> {
        let all = self.all.iter().filter(|(_, value)| text.contains(value.trim()));
        all.map(|(name, _)| name.as_str()).collect()
    }
}
