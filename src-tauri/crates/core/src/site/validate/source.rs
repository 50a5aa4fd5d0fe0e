//! Where the code comes from. A git URL reaches `git fetch` on the host, so transports that run programs are refused.

use super::Rule;
use crate::site::findings::Findings;
use crate::site::model::{Site, Source};
use crate::site::place::at;
use crate::site::words::{listed, quoted};

pub(super) const RULES: &[Rule] = &[
    Rule { reads: &["source"], check: one_source },
    Rule { reads: &["source"], check: git_url },
    Rule { reads: &["source"], check: git_reference },
    Rule { reads: &["source"], check: git_only_keys },
    Rule { reads: &["source"], check: local_source },
];

/// How a git URL reaches its server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Transport {
    Https,
    Ssh,
}

fn one_source(site: &Site, findings: &mut Findings<'_>) {
    let Source { git, folder, archive, .. } = &site.source;
    let given: Vec<&str> = [("git", git), ("folder", folder), ("archive", archive)]
        .into_iter()
        .filter_map(|(key, value)| value.as_ref().map(|_| key))
        .collect();
    match given.as_slice() {
        [_] => {}
        [] => {
            let hint = "add one of `git = \"https://…\"`, `folder = \".\"` and `archive = \"app.tar.gz\"`";
            findings.error(&at!["source"], "`source` does not say where the code comes from", hint);
        }
        several => {
            let message = format!("`source` has {}: the code comes from one place", listed(several.iter().copied(), 3));
            findings.error(&at!["source"], message, "keep one of them");
        }
    }
}

fn git_url(site: &Site, findings: &mut Findings<'_>) {
    let Some(url) = &site.source.git else { return };
    match transport(url) {
        Err((message, hint)) => findings.error(&at!["source", "git"], message, hint),
        Ok(Transport::Ssh) if site.source.git_known_hosts.is_empty() => {
            let host = host_of(url);
            let hint = format!(
                "add `git_known_hosts = [\"{host} ssh-ed25519 AAAA…\"]`; `ssh-keyscan {host}` prints it, compare it with what the server's operator publishes"
            );
            findings.error(
                &at!["source", "git"],
                "an ssh URL needs `git_known_hosts`, so that the server can be recognised",
                hint,
            );
        }
        Ok(Transport::Https) if site.source.deploy_key.is_some() => {
            let hint = "use the repository's ssh URL, such as `git@example.com:team/app.git`";
            findings.error(&at!["source", "deploy_key"], "`deploy_key` is an SSH key, but `git` is an https URL", hint);
        }
        Ok(_) => {}
    }
}

type Refusal = (String, &'static str);

/// Accepts `https://host/path`, `ssh://[user@]host[:port]/path` and `[user@]host:path` (gitremote-helpers(7), git-clone(1)).
fn transport(url: &str) -> Result<Transport, Refusal> {
    const SHAPES: &str = "write `https://example.com/team/app.git`, `ssh://git@example.com/team/app.git` or `git@example.com:team/app.git`";
    let refuse = |message: &str| (format!("{} {message}", quoted(url)), SHAPES);
    if url.starts_with('-') {
        return Err(refuse("would be read as an option by git"));
    }
    let helper = url
        .split_once("::")
        .is_some_and(|(helper, _)| helper.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c)));
    if helper {
        return Err(refuse("names a transport helper of git, which can run any program"));
    }
    if url.is_empty()
        || url.chars().any(|c| c.is_control() || c.is_whitespace() || matches!(c, '\\' | '\'' | '"' | '`'))
    {
        return Err(refuse("is not a git URL"));
    }
    let scheme = url.split_once("://");
    let (kind, rest) = match scheme {
        Some(("https", rest)) => (Transport::Https, rest),
        Some(("ssh" | "git+ssh" | "ssh+git", rest)) => (Transport::Ssh, rest),
        Some(("http" | "git" | "ftp" | "ftps", _)) => {
            return Err(refuse("is not encrypted: anyone on the way can change the code"));
        }
        Some(("file", _)) => {
            return Err((
                format!("{} is a path on the host", quoted(url)),
                "use `folder` for a folder on this computer",
            ));
        }
        Some(_) => return Err(refuse("uses a transport that is not allowed")),
        None => match url.split_once(':') {
            Some((server, path)) if !server.contains('/') && !path.is_empty() => {
                return if valid_server(server.rsplit('@').next().unwrap_or_default()) && !path.starts_with('-') {
                    Ok(Transport::Ssh)
                } else {
                    Err(refuse("does not name a server"))
                };
            }
            _ => {
                return Err((
                    format!("{} is not a git URL", quoted(url)),
                    "use `folder` for a folder on this computer, or a URL with its scheme",
                ));
            }
        },
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let (user, server) = authority.rsplit_once('@').map_or((None, authority), |(user, server)| (Some(user), server));
    let path = rest.strip_prefix(authority).unwrap_or_default();
    let secret = match kind {
        Transport::Https => user.is_some(),
        Transport::Ssh => user.is_some_and(|user| user.contains(':')),
    };
    if secret {
        let hint = "put an SSH key into the keyring and name it in `deploy_key`, with the repository's ssh URL";
        return Err(("the URL holds credentials, which would end up in logs and on the host".into(), hint));
    }
    if user.is_some_and(|user| user.is_empty() || user.starts_with('-')) || !valid_server(server) {
        return Err(refuse("does not name a server"));
    }
    if path.len() < 2 { Err(refuse("does not name a repository")) } else { Ok(kind) }
}

fn valid_server(server: &str) -> bool {
    let (name, port) = match server.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, port)) => (address, port.strip_prefix(':').or((port.is_empty()).then_some("22"))),
        None => server.split_once(':').map_or((server, Some("22")), |(name, port)| (name, Some(port))),
    };
    let port = port.and_then(|port| port.parse::<u16>().ok()).is_some_and(|port| port > 0);
    port && name.starts_with(|c: char| c.is_ascii_alphanumeric() || c == ':')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':'))
}

fn host_of(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let rest = rest.split_once('@').map_or(rest, |(_, rest)| rest);
    rest.split(['/', ':']).next().unwrap_or_default()
}

fn git_reference(site: &Site, findings: &mut Findings<'_>) {
    let Some(reference) = &site.source.reference else { return };
    if let Some(rule) = broken_reference_rule(reference) {
        let message = format!("{} is not a branch, tag or commit", quoted(reference));
        findings.error(&at!["source", "ref"], message, format!("it {rule}"));
    }
}

/// The rules of git-check-ref-format(1), with those for branch names.
fn broken_reference_rule(reference: &str) -> Option<&'static str> {
    let part = |p: &str| p.is_empty() || p.starts_with('.') || p.ends_with(".lock");
    let rules = [
        (reference.is_empty(), "cannot be empty"),
        (reference.starts_with('-'), "cannot start with `-`, which git would read as an option"),
        (reference.len() > 244, "is longer than a file name may be"),
        (reference.contains(".."), "cannot hold `..`"),
        (reference.contains("@{") || reference == "@", "cannot be `@` or hold `@{`"),
        (reference.ends_with('.'), "cannot end with a dot"),
        (
            reference.chars().any(|c| c.is_control() || " ~^:?*[\\".contains(c)),
            "cannot hold spaces or any of ~ ^ : ? * [ \\",
        ),
        (reference.split('/').any(part), "cannot have an empty part, or one that starts with a dot or ends with .lock"),
    ];
    rules.into_iter().find_map(|(broken, rule)| broken.then_some(rule))
}

fn git_only_keys(site: &Site, findings: &mut Findings<'_>) {
    let source = &site.source;
    if source.git.is_none() && (source.folder.is_some() || source.archive.is_some()) {
        let given = [
            ("ref", source.reference.is_some()),
            ("deploy_key", source.deploy_key.is_some()),
            ("git_known_hosts", !source.git_known_hosts.is_empty()),
        ];
        for (key, _) in given.into_iter().filter(|(_, given)| *given) {
            findings.error(&at!["source", key], format!("`{key}` means nothing without `git`"), "remove it");
        }
    }
    if source.folder.is_none() && !source.exclude.is_empty() {
        findings.error(&at!["source", "exclude"], "`exclude` means nothing without `folder`", "remove it");
    }
    for (index, line) in source.git_known_hosts.iter().enumerate() {
        let fields = line.split_whitespace().filter(|field| !field.starts_with('@')).count();
        if line.chars().any(char::is_control) || fields < 3 {
            let hint = "write the host, the type and the key: `example.com ssh-ed25519 AAAA…`";
            findings.error(&at!["source", "git_known_hosts", index], "this is not a line of a known_hosts file", hint);
        }
    }
}

fn local_source(site: &Site, findings: &mut Findings<'_>) {
    for (key, value) in [("folder", &site.source.folder), ("archive", &site.source.archive)] {
        if value.as_ref().is_some_and(|path| path.is_empty() || path.chars().any(char::is_control)) {
            findings.error(
                &at!["source", key],
                format!("`{key}` is not a path"),
                "write a path relative to the site file, for example `.`",
            );
        }
    }
    if let Some(archive) = &site.source.archive {
        let lower = archive.to_ascii_lowercase();
        if !archive.is_empty() && ![".tar", ".tar.gz", ".tgz", ".zip"].iter().any(|end| lower.ends_with(end)) {
            let message = format!("{} is not an archive that can be unpacked", quoted(archive));
            findings.error(&at!["source", "archive"], message, "use .tar, .tar.gz, .tgz or .zip");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn git_urls() {
        use Transport::{Https, Ssh};
        for (url, expected) in [
            ("https://github.com/a/b.git", Some(Https)),
            ("https://git.example.com:8443/b", Some(Https)),
            ("ssh://git@example.com:2222/a/b", Some(Ssh)),
            ("ssh://[2001:db8::1]:22/a", Some(Ssh)),
            ("git@example.com:a/b.git", Some(Ssh)),
            ("host:b", Some(Ssh)),
            ("--upload-pack=touch /tmp/x", None),
            ("-x", None),
            ("ext::sh -c id", None),
            ("ext::sh", None),
            ("fd::7", None),
            ("ssh://-oProxyCommand=id/x", None),
            ("-oProxyCommand=id:x", None),
            ("git@-oProxyCommand=id:x", None),
            ("https://user:pw@example.com/a", None),
            ("https://token@example.com/a", None),
            ("ssh://git:pw@example.com/a", None),
            ("http://example.com/a", None),
            ("git://example.com/a", None),
            ("file:///srv/git", None),
            ("/srv/git", None),
            ("../app", None),
            ("https://", None),
            ("https://example.com", None),
            ("https://exa mple.com/a", None),
            ("https://example.com:0/a", None),
            ("", None),
        ] {
            assert_eq!(transport(url).ok(), expected, "{url}");
        }
    }

    #[test]
    fn references() {
        for good in ["main", "v1.2.3", "feature/x-1", "0123456789abcdef0123456789abcdef01234567", "refs/tags/v1"] {
            assert_eq!(broken_reference_rule(good), None, "{good}");
        }
        for bad in [
            "", "-b", "a..b", "a b", "a~1", "a^", "a:b", "x.lock", "a/.b", "/a", "a/", "a//b", "@", "a@{1}", "a\\b",
            "a.", "a*",
        ] {
            assert!(broken_reference_rule(bad).is_some(), "{bad}");
        }
    }
}
