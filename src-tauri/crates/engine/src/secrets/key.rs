//! Names under which secrets are kept.

use std::borrow::Cow;

use slipway_core::site::{EnvName, Name, RelativePath};

use crate::inventory::HostName;

/// Marks the value before the current one.
const PREVIOUS: &str = " (previous)";
/// Tells a secret file whose path looks like a variable's name from that variable.
const FILE: &str = "file:";
/// Stands in place of a site for Slipway's own entries; no site can have this name.
const OWN: &str = "*";
/// In front of a host's name; no site's name holds it.
const HOST: char = '@';

/// Whose secrets.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// A site's.
    Site(Name),
    /// Slipway's own.
    Slipway,
    /// What is needed to reach a host.
    Host(HostName),
}

impl Scope {
    /// The word stored in a keyring: the site's name, `*`, or `@` and the host's name.
    pub fn word(&self) -> Cow<'_, str> {
        match self {
            Self::Site(name) => name.as_str().into(),
            Self::Slipway => OWN.into(),
            Self::Host(name) => format!("{HOST}{name}").into(),
        }
    }

    fn from_word(word: &str) -> Option<Self> {
        match word.strip_prefix(HOST) {
            Some(host) => host.parse().ok().map(Self::Host),
            None if word == OWN => Some(Self::Slipway),
            None => word.parse().ok().map(Self::Site),
        }
    }
}

impl From<&Name> for Scope {
    fn from(site: &Name) -> Self {
        Self::Site(site.clone())
    }
}

/// What a secret is called within its site, as in the site file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SecretName {
    /// A secret environment variable, deploy key, password: anything the site file calls by a variable's name.
    Variable(EnvName),
    /// A secret file. Made with [`SecretName::file`].
    File(RelativePath),
}

impl SecretName {
    /// The name of a secret file.
    ///
    /// # Errors
    /// When the path ends like the name of a previous value.
    pub fn file(path: RelativePath) -> Result<Self, BadSecretName> {
        if path.as_str().ends_with(PREVIOUS) { Err(BadSecretName) } else { Ok(Self::File(path)) }
    }
}

impl From<EnvName> for SecretName {
    fn from(name: EnvName) -> Self {
        Self::Variable(name)
    }
}

impl std::fmt::Display for SecretName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Variable(name) => f.write_str(name),
            Self::File(path) if path.parse::<EnvName>().is_ok() || path.starts_with(FILE) => write!(f, "{FILE}{path}"),
            Self::File(path) => f.write_str(path),
        }
    }
}

impl std::str::FromStr for SecretName {
    type Err = BadSecretName;

    /// Reads a name as typed: a variable's name is a variable, anything else the path of a secret file;
    /// `file:` in front forces the latter.
    fn from_str(text: &str) -> Result<Self, BadSecretName> {
        if let Ok(name) = text.parse::<EnvName>() {
            return Ok(Self::Variable(name));
        }
        let path = text.strip_prefix(FILE).unwrap_or(text);
        path.parse::<RelativePath>().map_err(|_| BadSecretName).and_then(Self::file)
    }
}

/// The text does not name a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "a secret is named like an environment variable (SECRET_KEY) or by the relative path of a secret file \
     (certs/key.pem), which must not end in \"(previous)\""
)]
pub struct BadSecretName;

/// Which value of a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Version {
    /// The one in use.
    Current,
    /// The one before the last rotation, for rollbacks.
    Previous,
}

/// Names one stored value.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SecretKey {
    /// Whose.
    pub scope: Scope,
    /// What it is called there.
    pub name: SecretName,
    /// Which of its values.
    pub version: Version,
}

impl SecretKey {
    /// The value in use of the site's secret `name`.
    pub fn new(site: &Name, name: impl Into<SecretName>) -> Self {
        Self { scope: site.into(), name: name.into(), version: Version::Current }
    }

    /// The same secret's previous value.
    pub fn previous(&self) -> Self {
        Self { version: Version::Previous, ..self.clone() }
    }

    /// The name with the mark of its version: `SECRET_KEY` or `SECRET_KEY (previous)`.
    pub fn title(&self) -> String {
        match self.version {
            Version::Current => self.name.to_string(),
            Version::Previous => format!("{}{PREVIOUS}", self.name),
        }
    }

    /// What the operator does to put it in the keyring: a command, or what to do in the window.
    pub(super) fn command(&self) -> String {
        match &self.scope {
            Scope::Site(_) | Scope::Slipway => format!("slipway secret set {}", self.name),
            Scope::Host(host) => format!("connect to {host} in the window and let it be remembered"),
        }
    }

    /// The whole key in one string, `site/title`; unique, because neither a site's nor a host's name holds a `/`.
    pub(super) fn path(&self) -> String {
        format!("{}/{}", self.scope.word(), self.title())
    }

    /// Reads what [`SecretKey::path`] wrote; `None` for anything else.
    pub(super) fn from_path(path: &str) -> Option<Self> {
        let (scope, title) = path.split_once('/')?;
        let scope = Scope::from_word(scope)?;
        let (name, version) = match title.strip_suffix(PREVIOUS) {
            Some(name) => (name, Version::Previous),
            None => (title, Version::Current),
        };
        Some(Self { scope, name: name.parse().ok()?, version })
    }
}

impl std::fmt::Display for SecretKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.scope {
            Scope::Site(site) => write!(f, "secret {} of site {site}", self.title()),
            Scope::Slipway => write!(f, "Slipway's own {}", self.title()),
            Scope::Host(host) => write!(f, "{} of host {host}", self.title()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_survive_the_round_trip_through_text() {
        let site: Name = "shop".parse().unwrap();
        for (name, title) in [
            (SecretName::Variable("SECRET_KEY".parse().unwrap()), "SECRET_KEY"),
            (SecretName::file("certs/key.pem".parse().unwrap()).unwrap(), "certs/key.pem"),
            (SecretName::file("SECRET_KEY".parse().unwrap()).unwrap(), "file:SECRET_KEY"),
            (SecretName::file("file:x".parse().unwrap()).unwrap(), "file:file:x"),
        ] {
            let key = SecretKey::new(&site, name.clone());
            assert_eq!(key.title(), title);
            assert_eq!(title.parse::<SecretName>().as_ref(), Ok(&name));
            assert_eq!(SecretKey::from_path(&key.path()), Some(key.clone()));
            assert_eq!(SecretKey::from_path(&key.previous().path()), Some(key.previous()));
        }
        let own = SecretKey { scope: Scope::Slipway, name: "KEY".parse().unwrap(), version: Version::Current };
        assert_eq!(own.path(), "*/KEY");
        let host = SecretKey { scope: Scope::Host("web-1".parse().unwrap()), ..own.clone() };
        assert_eq!(host.path(), "@web-1/KEY");
        assert_eq!(SecretKey::from_path("@web-1/KEY"), Some(host));
        assert_eq!(SecretKey::from_path("*/KEY"), Some(own));
    }

    #[test]
    fn what_is_not_a_key_is_refused() {
        for path in [
            "",
            "shop",
            "Shop/KEY",
            "@/KEY",
            "@Web/KEY",
            "@*/KEY",
            "shop/",
            "shop//etc",
            "shop/a (previous) (previous)",
        ] {
            assert_eq!(SecretKey::from_path(path), None, "{path}");
        }
        assert_eq!("a (previous)".parse::<SecretName>(), Err(BadSecretName));
        assert_eq!("../x".parse::<SecretName>(), Err(BadSecretName));
    }
}
