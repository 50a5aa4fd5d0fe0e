//! Validated words of the inventory.

use serde::{Deserialize, Serialize};

macro_rules! word {
    ($(#[$doc:meta])* $name:ident, $error:ident, $message:literal, $check:path) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The text as written.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = $error;
            fn try_from(text: String) -> Result<Self, $error> {
                if $check(&text) { Ok(Self(text)) } else { Err($error) }
            }
        }

        impl std::str::FromStr for $name {
            type Err = $error;
            fn from_str(text: &str) -> Result<Self, $error> {
                text.to_owned().try_into()
            }
        }

        impl From<$name> for String {
            fn from(word: $name) -> String {
                word.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }

        #[doc = concat!("The text is no [`", stringify!($name), "`].")]
        #[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
        #[error($message)]
        pub struct $error;
    };
}

word!(
    /// What the operator calls a host on the command line and in site files: lower-case letters, digits, `.`, `_`
    /// and `-`, first and last a letter or digit, at most 64. No `@`, `:` or `/`, which would make `user@host:port`
    /// and paths ambiguous; no capitals, so that two names never differ only by them.
    HostName, BadHostName,
    "a host's name is lower-case letters, digits, dots, underscores and hyphens, starts and ends with a letter or \
     digit and has at most 64 characters, for example web-1",
    is_host_name
);
word!(
    /// A label to select hosts by, shaped like a [`HostName`] and at most 32 long.
    Tag, BadTag,
    "a tag is lower-case letters, digits, dots, underscores and hyphens, starts and ends with a letter or digit and \
     has at most 32 characters, for example production",
    is_tag
);

fn is_host_name(text: &str) -> bool {
    let end = |c: Option<char>| c.is_some_and(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
    text.len() <= 64
        && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "._-".contains(c))
        && end(text.chars().next())
        && end(text.chars().next_back())
}

fn is_tag(text: &str) -> bool {
    text.len() <= 32 && is_host_name(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_what_can_be_typed() {
        for good in ["web-1", "a", "10.0.0.7", "db.example.com", "x_y"] {
            assert!(good.parse::<HostName>().is_ok(), "{good}");
        }
        for bad in ["", "-x", "x-", "Web", "a b", "u@h", "h:22", "../x", "é", &"a".repeat(65)] {
            assert!(bad.parse::<HostName>().is_err(), "{bad}");
        }
        assert!("a".repeat(33).parse::<Tag>().is_err());
    }
}
