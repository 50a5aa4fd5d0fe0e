//! Tilde and percent tokens, and defaults.

use std::path::PathBuf;

use super::{IdentityAgent, Problem, Raw, Settings, Surroundings};

/// Values that tokens stand for.
struct Tokens<'a> {
    surroundings: &'a Surroundings,
    name: &'a str,
    host_name: &'a str,
    user: &'a str,
    port: u16,
    alias: &'a str,
}

/// Makes settings of the values as written.
pub(super) fn finish(raw: Raw, name: &str, surroundings: &Surroundings, problems: &mut Vec<Problem>) -> Settings {
    let mut complain = |what: &str, why: String| {
        problems.push(Problem { file: PathBuf::from("ssh_config"), line: 0, text: format!("{what}: {why}") });
    };
    let host_name = match raw.host_name {
        // Only %h and %% have a meaning here (ssh_config(5) TOKENS); %n is taken for the same.
        Some(text) => {
            percent(&text, |token| matches!(token, 'h' | 'n').then(|| name.to_owned())).unwrap_or_else(|why| {
                complain("HostName", why);
                name.to_owned()
            })
        }
        None => name.to_owned(),
    };
    let host_name = host_name.to_ascii_lowercase();
    let port = raw.port.unwrap_or(22);
    let user = raw.user.unwrap_or_else(|| surroundings.user.clone());
    let alias = raw.host_key_alias.clone().unwrap_or_else(|| name.to_owned());
    let tokens = Tokens { surroundings, name, host_name: &host_name, user: &user, port, alias: &alias };
    let mut paths = |what: &str, list: Vec<String>| -> Vec<PathBuf> {
        let mut paths = Vec::new();
        for text in list.into_iter().filter(|text| !text.eq_ignore_ascii_case("none")) {
            match path(&text, &tokens) {
                Ok(path) => paths.push(path),
                Err(why) => complain(what, why),
            }
        }
        paths
    };
    let default = |names: [&str; 2]| names.map(str::to_owned).to_vec();
    let user_known_hosts =
        raw.user_known_hosts.unwrap_or_else(|| default(["~/.ssh/known_hosts", "~/.ssh/known_hosts2"]));
    let global_known_hosts =
        raw.global_known_hosts.unwrap_or_else(|| default(["/etc/ssh/ssh_known_hosts", "/etc/ssh/ssh_known_hosts2"]));
    let named = !raw.identity_files.is_empty();
    let identity_files = paths("IdentityFile", raw.identity_files);
    let certificate_files = paths("CertificateFile", raw.certificate_files);
    let user_known_hosts = paths("UserKnownHostsFile", user_known_hosts);
    let global_known_hosts = paths("GlobalKnownHostsFile", global_known_hosts);
    let identity_agent = match raw.identity_agent.as_deref() {
        None | Some("SSH_AUTH_SOCK") => IdentityAgent::Session,
        Some(text) if text.eq_ignore_ascii_case("none") => IdentityAgent::None,
        Some(text) => match paths("IdentityAgent", vec![text.to_owned()]).pop() {
            Some(socket) => IdentityAgent::Socket(socket),
            None => IdentityAgent::Session,
        },
    };
    Settings {
        identity_files: named.then_some(identity_files),
        certificate_files,
        identities_only: raw.identities_only.unwrap_or(false),
        identity_agent,
        jumps: raw.jumps.unwrap_or_default(),
        user_known_hosts,
        global_known_hosts,
        hash_known_hosts: raw.hash_known_hosts.unwrap_or(false),
        host_key_alias: raw.host_key_alias,
        problems: Vec::new(),
        host_name,
        user,
        port,
    }
}

fn path(text: &str, tokens: &Tokens<'_>) -> Result<PathBuf, String> {
    if text.contains("${") || text.starts_with('$') {
        return Err(format!("{text}: Slipway does not read environment variables here"));
    }
    let text = home(text, tokens.surroundings)?;
    let expanded = percent(&text, |token| match token {
        'd' => Some(tokens.surroundings.home.display().to_string()),
        'h' => Some(tokens.host_name.to_owned()),
        'n' => Some(tokens.name.to_owned()),
        'k' => Some(tokens.alias.to_owned()),
        'p' => Some(tokens.port.to_string()),
        'r' => Some(tokens.user.to_owned()),
        'u' => Some(tokens.surroundings.user.clone()),
        _ => None,
    })?;
    Ok(PathBuf::from(expanded))
}

/// Replaces a leading `~` or `~/`.
pub(super) fn home(text: &str, surroundings: &Surroundings) -> Result<String, String> {
    match text.strip_prefix('~') {
        None => Ok(text.to_owned()),
        Some(rest) if rest.is_empty() || rest.starts_with('/') => Ok(format!("{}{rest}", surroundings.home.display())),
        Some(_) => Err(format!("{text}: Slipway does not look up other people's homes")),
    }
}

fn percent(text: &str, value: impl Fn(char) -> Option<String>) -> Result<String, String> {
    let mut expanded = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c != '%' {
            expanded.push(c);
            continue;
        }
        match chars.next() {
            Some('%') => expanded.push('%'),
            Some(token) => match value(token) {
                Some(value) => expanded.push_str(&value),
                None => return Err(format!("{text}: Slipway does not know the token %{token} here")),
            },
            None => return Err(format!("{text}: a lone % at the end")),
        }
    }
    Ok(expanded)
}
