//! Validated words of the site file: each says in its error what would be right.

use serde::{Deserialize, Serialize};

macro_rules! word {
    ($(#[$doc:meta])* $name:ident, $format:literal, $example:literal, $pattern:literal, $check:path) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            const FORMAT: &'static str = $format;
            const PATTERN: &'static str = $pattern;

            /// The text as written.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = String;
            fn try_from(text: String) -> Result<Self, String> {
                $check(&text)?;
                Ok(Self(text))
            }
        }

        impl std::str::FromStr for $name {
            type Err = String;
            fn from_str(text: &str) -> Result<Self, String> {
                Self::try_from(text.to_owned())
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

        impl std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl std::ops::Deref for $name {
            type Target = str;
            fn deref(&self) -> &str {
                &self.0
            }
        }

        impl schemars::JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }
            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({ "type": "string", "format": Self::FORMAT, "pattern": Self::PATTERN, "examples": [$example] })
            }
        }
    };
}

word!(
    /// A name for a site, a process or a secret file's owner: it becomes a user, unit and directory name.
    /// Lower-case letter first, then lower-case letters, digits and single hyphens; at most 24 characters,
    /// so that `useradd` (32) and unit names hold it with a suffix.
    Name, "slipway:name", "web",
    r"^[a-z](?:-?[a-z0-9])*$",
    check_name
);
word!(
    /// A DNS name, without scheme or port; `*.example.com` is allowed as the first label.
    Domain, "slipway:domain", "app.example.com",
    r"^(?:\*\.)?[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*$",
    check_domain
);
word!(
    /// The name of an environment variable: `[A-Za-z_][A-Za-z0-9_]*` (POSIX.1-2024, XBD 8.1).
    EnvName, "slipway:env-name", "SECRET_KEY",
    r"^[A-Za-z_][A-Za-z0-9_]{0,127}$",
    check_env_name
);
word!(
    /// A path inside the release or the shared directory: relative, `/`-separated, no `..`, no empty part.
    RelativePath, "slipway:relative-path", "static/css",
    r"^(?:\.|(?!\.{1,2}(?:/|$))[^/\\\x00-\x1f\x7f]+(?:/(?!\.{1,2}(?:/|$))[^/\\\x00-\x1f\x7f]+)*)$",
    check_relative_path
);
word!(
    /// A URL path prefix of a route: starts with `/`, no spaces, no query.
    UrlPath, "slipway:url-path", "/api/",
    r"^(?!.*//)(?!.*/\.{1,2}(?:/|$))/[A-Za-z0-9/._~!$&'()*+,=:@%-]*$",
    check_url_path
);
word!(
    /// A length of time: a number and `s`, `m`, `h` or `d`, for example `30s`.
    Span, "slipway:span", "30s",
    r"^[0-9]{1,12}[smhd]$",
    check_span
);
word!(
    /// A size in bytes: a number and optionally `K`, `M` or `G` (powers of 1024), for example `100M`.
    Size, "slipway:size", "100M",
    r"^[0-9]{1,12}[KMG]?$",
    check_size
);
word!(
    /// An octal mode of three or four digits, for example `0750`.
    Mode, "slipway:mode", "0750",
    r"^[0-7]{3,4}$",
    check_mode
);
word!(
    /// An address or network: `192.0.2.7`, `10.0.0.0/8`, `2001:db8::/32`.
    Network, "slipway:network", "10.0.0.0/8",
    r"^(?:[0-9]{1,3}(?:\.[0-9]{1,3}){3}(?:/[0-9]{1,2})?|[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*(?:/[0-9]{1,3})?)$",
    check_network
);
word!(
    /// A JSON pointer (RFC 6901), for example `/status`.
    Pointer, "slipway:pointer", "/status",
    r"^(?:/(?:[^~/]|~[01])*)*$",
    check_pointer
);

/// Checks a word by the name of its format in the schema; an unknown format accepts everything.
pub(crate) fn check_format(format: &str, text: &str) -> Result<(), String> {
    match format {
        "slipway:name" => check_name(text),
        "slipway:domain" => check_domain(text),
        "slipway:env-name" => check_env_name(text),
        "slipway:relative-path" => check_relative_path(text),
        "slipway:url-path" => check_url_path(text),
        "slipway:span" => check_span(text),
        "slipway:size" => check_size(text),
        "slipway:mode" => check_mode(text),
        "slipway:network" => check_network(text),
        "slipway:pointer" => check_pointer(text),
        _ => Ok(()),
    }
}

/// The format of the word with this pattern in the schema: keys of maps carry only the pattern there.
pub(crate) fn format_of_pattern(pattern: &str) -> Option<&'static str> {
    let words = [
        (Name::PATTERN, Name::FORMAT),
        (Domain::PATTERN, Domain::FORMAT),
        (EnvName::PATTERN, EnvName::FORMAT),
        (RelativePath::PATTERN, RelativePath::FORMAT),
        (UrlPath::PATTERN, UrlPath::FORMAT),
        (Span::PATTERN, Span::FORMAT),
        (Size::PATTERN, Size::FORMAT),
        (Mode::PATTERN, Mode::FORMAT),
        (Network::PATTERN, Network::FORMAT),
        (Pointer::PATTERN, Pointer::FORMAT),
    ];
    words.into_iter().find_map(|(known, format)| (known == pattern).then_some(format))
}

impl UrlPath {
    /// The path `/`.
    pub fn slash() -> Self {
        Self("/".into())
    }
}

impl Default for UrlPath {
    fn default() -> Self {
        Self::slash()
    }
}

impl Span {
    /// Whole seconds.
    pub fn seconds(&self) -> u64 {
        let (digits, unit) = self.0.split_at(self.0.len().saturating_sub(1));
        let factor = match unit {
            "m" => 60,
            "h" => 3600,
            "d" => 86_400,
            _ => 1,
        };
        digits.parse::<u64>().unwrap_or(0).saturating_mul(factor)
    }
}

impl Size {
    /// Bytes.
    pub fn bytes(&self) -> u64 {
        let digits = self.0.trim_end_matches(['K', 'M', 'G']);
        let shift = match self.0.as_bytes().last() {
            Some(b'K') => 10,
            Some(b'M') => 20,
            Some(b'G') => 30,
            _ => 0,
        };
        digits.parse::<u64>().unwrap_or(0).saturating_mul(1 << shift)
    }
}

fn check_name(text: &str) -> Result<(), String> {
    let body = text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
    let ends = text.starts_with(|c: char| c.is_ascii_lowercase()) && !text.ends_with('-') && !text.contains("--");
    if body && ends && text.len() <= 24 {
        Ok(())
    } else {
        Err("a name is lower-case letters, digits and single hyphens, starts with a letter and has at most 24 characters".into())
    }
}

fn check_domain(text: &str) -> Result<(), String> {
    let rest = text.strip_prefix("*.").unwrap_or(text);
    let label = |l: &str| {
        (1..=63).contains(&l.len())
            && l.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
            && !l.starts_with('-')
            && !l.ends_with('-')
    };
    if text.len() <= 253 && !rest.is_empty() && rest.split('.').all(label) {
        Ok(())
    } else {
        Err("a domain is a DNS name such as app.example.com, without scheme, port or path (write international names in their xn-- form)".into())
    }
}

fn check_env_name(text: &str) -> Result<(), String> {
    let ok = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        && text.len() <= 128;
    if ok {
        Ok(())
    } else {
        Err("an environment variable's name is letters, digits and underscores and does not start with a digit".into())
    }
}

fn check_relative_path(text: &str) -> Result<(), String> {
    let part = |p: &str| !p.is_empty() && p != "." && p != ".." && p.chars().all(|c| !c.is_control() && c != '\\');
    if text == "." || (text.len() <= 512 && text.split('/').all(part)) {
        Ok(())
    } else {
        Err("a path here is relative, with / between its parts and without .., for example static/css".into())
    }
}

fn check_url_path(text: &str) -> Result<(), String> {
    let ok = text.starts_with('/')
        && text.len() <= 512
        && !text.contains("//")
        && !text.split('/').any(|p| p == ".." || p == ".")
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "/-._~!$&'()*+,=:@%".contains(c));
    if ok {
        Ok(())
    } else {
        Err("a route's path starts with / and holds only URL path characters, for example /api/".into())
    }
}

fn number_with_unit(text: &str, units: &str, unit_needed: bool) -> bool {
    let digits = text.trim_end_matches(|c| units.contains(c));
    let unit_len = text.len() - digits.len();
    unit_len <= 1
        && (unit_len == 1 || !unit_needed)
        && (1..=12).contains(&digits.len())
        && digits.bytes().all(|b| b.is_ascii_digit())
}

fn check_span(text: &str) -> Result<(), String> {
    if number_with_unit(text, "smhd", true) {
        Ok(())
    } else {
        Err("a length of time is a number and s, m, h or d, for example \"30s\"".into())
    }
}

fn check_size(text: &str) -> Result<(), String> {
    if number_with_unit(text, "KMG", false) {
        Ok(())
    } else {
        Err("a size is a number and K, M or G, for example \"100M\"".into())
    }
}

fn check_mode(text: &str) -> Result<(), String> {
    let ok = (3..=4).contains(&text.len()) && text.bytes().all(|b| (b'0'..=b'7').contains(&b));
    if ok { Ok(()) } else { Err("a mode is three or four octal digits, for example \"0750\"".into()) }
}

fn check_network(text: &str) -> Result<(), String> {
    let (address, bits) = match text.split_once('/') {
        Some((address, bits)) => (address, Some(bits)),
        None => (text, None),
    };
    let parsed: Option<std::net::IpAddr> = address.parse().ok();
    let fits = |max: u8| bits.is_none_or(|b| !b.starts_with('+') && b.parse::<u8>().is_ok_and(|b| b <= max));
    let ok = match parsed {
        Some(std::net::IpAddr::V4(_)) => fits(32),
        Some(std::net::IpAddr::V6(_)) => fits(128),
        None => false,
    };
    if ok {
        Ok(())
    } else {
        Err("a network is an address with an optional prefix length, for example 10.0.0.0/8".into())
    }
}

fn check_pointer(text: &str) -> Result<(), String> {
    let escapes = text.split('~').skip(1).all(|rest| rest.starts_with(['0', '1']));
    if (text.is_empty() || text.starts_with('/')) && escapes && !text.contains(char::is_control) {
        Ok(())
    } else {
        Err("a JSON pointer starts with /, for example \"/status\"".into())
    }
}
