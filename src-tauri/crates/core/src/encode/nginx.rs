//! nginx's configuration language (src/core/ngx_conf_file.c `ngx_conf_read_token`).
//!
//! A token may be put into double quotes, in which `\"` and `\\` are the quote and the backslash. A `$`
//! starts a variable in most directives and has no escape at all, so where variables are read it is refused.

use super::{CannotEncode, has_control};

const CONTROL: CannotEncode =
    CannotEncode("nginx configuration cannot hold line breaks or other control characters here");
const DOLLAR: CannotEncode = CannotEncode("nginx reads $ as the start of a variable and has no way to escape it");

/// A value of a directive in which nginx reads variables (add_header, return, root, alias, proxy_set_header).
///
/// # Errors
/// Control characters and `$`.
pub fn value(text: &str) -> Result<String, CannotEncode> {
    if text.contains('$') {
        return Err(DOLLAR);
    }
    literal(text)
}

/// A value in which nginx reads no variables (a location's prefix, a server name).
///
/// # Errors
/// Control characters.
pub fn literal(text: &str) -> Result<String, CannotEncode> {
    if has_control(text, &[]) {
        return Err(CONTROL);
    }
    let safe = |c: char| c.is_ascii_alphanumeric() || "_-./:,+@=%?&!*()[]<>^|".contains(c);
    if text.chars().all(safe) && text.starts_with(|c: char| c.is_ascii_alphanumeric() || "/_*.[%".contains(c)) {
        return Ok(text.to_owned());
    }
    Ok(format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"")))
}

/// The prefix or exact path of a `location`: nginx compares it with the request's path after percent-decoding.
///
/// # Errors
/// A path that does not start with `/`, a percent sign that is no percent-encoding, control characters.
pub fn location(path: &str) -> Result<String, CannotEncode> {
    literal(&decoded(path)?)
}

/// The path of a URL as nginx compares it with locations: after percent-decoding.
///
/// # Errors
/// A path that does not start with `/`, a percent sign that is no percent-encoding.
pub fn decoded(path: &str) -> Result<String, CannotEncode> {
    if !path.starts_with('/') {
        return Err(CannotEncode("a location starts with /"));
    }
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digit = |b: Option<u8>| b.and_then(|b| char::from(b).to_digit(16));
        let (Some(high), Some(low)) = (digit(rest.next()), digit(rest.next())) else {
            return Err(CannotEncode("a percent sign in a path is followed by two hexadecimal digits"));
        };
        bytes.push(u8::try_from(high * 16 + low).unwrap_or_default());
    }
    String::from_utf8(bytes).map_err(|_| CannotEncode("a path's percent-encoding is UTF-8"))
}

/// A path of files as part of a URL's path (RFC 3986, section 2.1).
pub fn percent(path: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte);
    let one = |byte: u8| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    path.bytes().map(one).collect()
}

/// A name of the DNS, or a wildcard, for server_name: never a regular expression.
///
/// # Errors
/// Anything but letters, digits, `-`, single `.` inside and a leading `*.`: with a dot in front, nginx would serve the
/// name and all names below it.
pub fn server_name(name: &str) -> Result<String, CannotEncode> {
    let rest = name.strip_prefix("*.").unwrap_or(name);
    let label = |label: &str| !label.is_empty() && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    let ok = rest.split('.').all(label);
    if ok { Ok(name.to_ascii_lowercase()) } else { Err(CannotEncode("not a DNS name")) }
}

/// A header's name (RFC 9110, section 5.6.2 `token`).
///
/// # Errors
/// Anything that is not a token, and `$`, which nginx would read as a variable.
pub fn header_name(name: &str) -> Result<String, CannotEncode> {
    let token = |c: char| c.is_ascii_alphanumeric() || "!#%&'*+-.^_`|~".contains(c);
    if name.is_empty() || !name.chars().all(token) {
        return Err(CannotEncode("a header's name is letters, digits and hyphens"));
    }
    value(name)
}

/// Part of a variable's, zone's or upstream's name: hyphens become underscores.
///
/// # Errors
/// Anything but letters, digits, `-` and `_`.
pub fn identifier(name: &str) -> Result<String, CannotEncode> {
    let ok = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if name.is_empty() || !name.chars().all(ok) {
        return Err(CannotEncode("an nginx name is letters, digits and underscores"));
    }
    Ok(name.replace('-', "_"))
}

/// An address or network for allow and deny.
///
/// # Errors
/// Anything but the characters of addresses.
pub fn network(text: &str) -> Result<String, CannotEncode> {
    let ok = |c: char| c.is_ascii_hexdigit() || c == '.' || c == ':' || c == '/';
    if text.is_empty() || !text.chars().all(ok) {
        return Err(CannotEncode("not an address or network"));
    }
    Ok(text.to_owned())
}

#[cfg(test)]
#[path = "nginx_tests.rs"]
mod tests;
