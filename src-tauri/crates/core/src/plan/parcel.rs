//! A source that this computer sends, as a person reviews it: where it comes from, what is left out of it, and what in it is
//! perhaps not meant to be sent.

use serde::{Deserialize, Serialize};

/// Most names that are shown.
const MOST_NAMES: usize = 8;

/// A source that is sent.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parcel {
    /// Canonical path of the folder or archive.
    #[serde(default)]
    pub from: String,
    /// What is never sent and was left out.
    #[serde(default, skip_serializing_if = "FirstNames::is_empty")]
    pub left_out: FirstNames,
    /// What is sent and looks like a secret or a database.
    #[serde(default, skip_serializing_if = "FirstNames::is_empty")]
    pub doubtful: FirstNames,
}

/// How many there are, and the first of their names.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FirstNames {
    /// All of them.
    pub count: usize,
    /// Those that are shown.
    pub names: Vec<String>,
}

impl FirstNames {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// `a, b and 3 more`.
    pub fn words(&self) -> String {
        let shown = self.names.join(", ");
        match self.count.saturating_sub(self.names.len()) {
            0 => shown,
            more => format!("{shown} and {more} more"),
        }
    }
}

impl<'a> FromIterator<&'a str> for FirstNames {
    fn from_iter<I: IntoIterator<Item = &'a str>>(names: I) -> Self {
        let mut first = Self::default();
        for name in names {
            first.count += 1;
            if first.names.len() < MOST_NAMES {
                first.names.push(name.to_owned());
            }
        }
        first
    }
}

/// Endings of files that hold keys, certificates or data.
const ENDINGS: [&str; 14] = [
    ".pem",
    ".key",
    ".p12",
    ".pfx",
    ".jks",
    ".keystore",
    ".ppk",
    ".ovpn",
    ".kdbx",
    ".sqlite",
    ".sqlite3",
    ".db",
    ".sql",
    ".dump",
];

/// Files in which programs keep what they log in with.
const NAMES: [&str; 6] = [".env", ".htpasswd", ".netrc", ".npmrc", ".pgpass", ".pypirc"];

/// Endings of code and pages, in which a word of the name says nothing.
const CODE: [&str; 22] = [
    "c", "cs", "css", "go", "h", "html", "java", "js", "jsx", "map", "md", "mjs", "php", "png", "py", "rb", "rs",
    "svelte", "svg", "ts", "tsx", "vue",
];

/// Whether a file's path looks like that of a secret or a database.
pub fn looks_private(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or_default().to_ascii_lowercase();
    if ENDINGS.iter().any(|ending| name.ends_with(ending)) {
        return true;
    }
    if NAMES.contains(&name.as_str()) || name.starts_with(".env.") && name != ".env.example" {
        return true;
    }
    let code = name.rsplit_once('.').is_some_and(|(_, ending)| CODE.contains(&ending));
    !code && (name.starts_with("id_") || name.starts_with("credentials") || name.contains("token"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_databases_are_told_from_code() {
        for path in [
            "tls/server.PEM",
            "a.key",
            "instance/app.sqlite3",
            "dump.sql",
            "passwords.kdbx",
            "deploy/id_ed25519_shop",
            "credentials.json",
            ".aws-credentials/credentials",
            "api_token.txt",
            "token",
            ".npmrc",
            "conf/.env.production",
        ] {
            assert!(looks_private(path), "{path}");
        }
        for path in
            ["app.py", "static/tokenizer.js", "id_card.svg", "credentials.py", ".env.example", "keys.txt", "db/x"]
        {
            assert!(!looks_private(path), "{path}");
        }
    }

    #[test]
    fn the_first_names_stand_for_all() {
        let names: Vec<String> = (0..11).map(|number| format!("n{number}")).collect();
        let first: FirstNames = names.iter().map(String::as_str).collect();
        assert_eq!(first.words(), "n0, n1, n2, n3, n4, n5, n6, n7 and 3 more");
        let two: FirstNames = ["a", "b"].into_iter().collect();
        assert_eq!(two.words(), "a, b");
        assert!(FirstNames::default().is_empty() && !two.is_empty());
    }
}
