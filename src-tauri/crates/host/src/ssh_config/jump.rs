//! `ProxyJump`.

/// A host to go through, as the configuration names it. The name is resolved like any other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JumpHost {
    /// Name.
    pub host: String,
    /// Login name, when it is given here.
    pub user: Option<String>,
    /// TCP port, when it is given here.
    pub port: Option<u16>,
}

/// Reads `none` or a comma list of `[user@]host[:port]` or `ssh://[user@]host[:port]`, first hop first.
pub(super) fn parse(value: &str) -> Result<Vec<JumpHost>, String> {
    if value.eq_ignore_ascii_case("none") {
        return Ok(Vec::new());
    }
    value.split(',').map(|hop| parse_hop(hop).ok_or_else(|| format!("{hop} is not a host to jump through"))).collect()
}

/// Reads `[user@]host[:port]`, an IPv6 address with a port in brackets.
pub(super) fn parse_hop(hop: &str) -> Option<JumpHost> {
    let hop = hop.strip_prefix("ssh://").map_or(hop, |rest| rest.strip_suffix('/').unwrap_or(rest));
    // A user name may hold an @ itself.
    let (user, place) = match hop.rsplit_once('@') {
        Some((user, place)) => (Some(user.to_owned()), place),
        None => (None, hop),
    };
    let (host, port) = match place.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((host, rest)) => (host, rest.strip_prefix(':').or_else(|| rest.is_empty().then_some(""))?),
        None => match place.split_once(':') {
            Some((_, rest)) if rest.contains(':') => return None,
            Some((_, "")) => return None,
            Some((host, port)) => (host, port),
            None => (place, ""),
        },
    };
    let port = match port {
        "" => None,
        text => Some(text.parse::<u16>().ok().filter(|port| *port != 0)?),
    };
    let wrong = host.is_empty() || host.starts_with('-') || user.as_deref().is_some_and(str::is_empty);
    (!wrong).then(|| JumpHost { host: host.to_owned(), user, port })
}
