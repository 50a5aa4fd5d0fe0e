//! Version numbers as the tools of a host print them: dotted numbers, compared part by part.

use serde::{Deserialize, Serialize};

/// A dotted version such as `1.25.1`; `1.2` and `1.2.0` differ in text and are equal in order of age.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Version(Vec<u32>);

impl Version {
    /// The version made of these parts.
    pub fn new(parts: impl IntoIterator<Item = u32>) -> Self {
        Self(parts.into_iter().collect())
    }

    /// The part at `index`, 0 when the version has fewer.
    pub fn part(&self, index: usize) -> u32 {
        self.0.get(index).copied().unwrap_or(0)
    }

    /// How many parts it is written with.
    pub fn parts(&self) -> usize {
        self.0.len()
    }

    /// Whether the first parts are those of `prefix`: `9.4` starts with `9`.
    pub fn starts_with(&self, prefix: &Self) -> bool {
        self.0.starts_with(&prefix.0)
    }

    /// Reads the leading dotted number of `text`: `3.0.2-0ubuntu1` is `3.0.2`, `1.1.1k` is `1.1.1`.
    ///
    /// At most eight parts of at most nine digits; `None` when `text` does not start with a digit.
    pub fn leading(text: &str) -> Option<Self> {
        let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
        text.get(..end)?.trim_end_matches('.').parse().ok()
    }

    /// Reads the upstream version out of a package version: `1:1.22.1-9+deb12u2` is `1.22.1` (an epoch is dropped).
    pub fn of_package(text: &str) -> Option<Self> {
        let upstream = match text.split_once(':') {
            Some((epoch, rest)) if epoch.bytes().all(|b| b.is_ascii_digit()) => rest,
            Some(_) | None => text,
        };
        Self::leading(upstream)
    }

    fn trimmed(&self) -> &[u32] {
        let end = self.0.iter().rposition(|&part| part != 0).map_or(0, |last| last + 1);
        self.0.get(..end).unwrap_or(&self.0)
    }
}

impl PartialEq for Version {
    fn eq(&self, other: &Self) -> bool {
        self.trimmed() == other.trimmed()
    }
}

impl Eq for Version {}

impl std::hash::Hash for Version {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.trimmed().hash(state);
    }
}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Version {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.trimmed().cmp(other.trimmed())
    }
}

impl std::fmt::Display for Version {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (index, part) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str(".")?;
            }
            write!(f, "{part}")?;
        }
        Ok(())
    }
}

impl From<Version> for String {
    fn from(version: Version) -> Self {
        version.to_string()
    }
}

impl TryFrom<String> for Version {
    type Error = NotAVersion;
    fn try_from(text: String) -> Result<Self, NotAVersion> {
        text.parse()
    }
}

impl std::str::FromStr for Version {
    type Err = NotAVersion;
    fn from_str(text: &str) -> Result<Self, NotAVersion> {
        let part = |part: &str| {
            let digits = (1..=9).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
            if digits { part.parse().map_err(|_| NotAVersion) } else { Err(NotAVersion) }
        };
        let parts = text.split('.').map(part).collect::<Result<Vec<u32>, _>>()?;
        if parts.len() <= 8 { Ok(Self(parts)) } else { Err(NotAVersion) }
    }
}

/// The text is not numbers separated by dots.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a version (numbers separated by dots, for example 1.25.1)")]
pub struct NotAVersion;

#[cfg(test)]
mod tests {
    use super::*;

    fn version(text: &str) -> Version {
        text.parse().unwrap()
    }

    #[test]
    fn order_is_numeric_and_ignores_trailing_zeros() {
        assert!(version("1.9") < version("1.25.1"));
        assert!(version("3.11") > version("3.9.18"));
        assert_eq!(version("1.2"), version("1.2.0"));
        assert_eq!(version("1.2.0").to_string(), "1.2.0");
    }

    #[test]
    fn package_versions_give_their_upstream_part() {
        assert_eq!(Version::of_package("1:1.22.1-9+deb12u2"), Some(version("1.22.1")));
        assert_eq!(Version::of_package("0:1.20.1-14.el9"), Some(version("1.20.1")));
        assert_eq!(Version::leading("1.1.1k  FIPS"), Some(version("1.1.1")));
        assert_eq!(Version::leading("v1"), None);
        assert_eq!(Version::leading("99999999999"), None);
        assert!("1..2".parse::<Version>().is_err());
    }
}
