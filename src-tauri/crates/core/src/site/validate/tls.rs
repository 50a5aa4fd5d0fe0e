//! Encryption towards the browser.

use super::Rule;
use crate::site::findings::Findings;
use crate::site::model::{Site, TlsMode};
use crate::site::place::at;
use crate::site::words::quoted;

pub(super) const RULES: &[Rule] = &[
    Rule { reads: &["tls"], check: own_certificate },
    Rule { reads: &["tls", "domains"], check: certbot_domains },
    Rule { reads: &["tls"], check: email },
    Rule { reads: &["tls"], check: hsts },
    Rule { reads: &["tls", "access"], check: plain_http },
];

fn own_certificate(site: &Site, findings: &mut Findings<'_>) {
    let tls = &site.tls;
    let given = [("certificate", tls.certificate.is_some()), ("key", tls.key.is_some())];
    for (key, given) in given {
        match (tls.mode, given) {
            (TlsMode::Own, false) => {
                let hint = match key {
                    "certificate" => "add `certificate = \"chain.pem\"`, a file beside the site file",
                    _ => {
                        "add `key = \"TLS_KEY\"` and `[secret.TLS_KEY]`; `slipway secret set` takes the key from a file"
                    }
                };
                findings.error(&at!["tls"], format!("the operator's own certificate needs `{key}`"), hint);
            }
            (TlsMode::SelfSigned | TlsMode::CertbotWebroot | TlsMode::CertbotStandalone | TlsMode::None, true) => {
                findings.error(
                    &at!["tls", key],
                    format!("`{key}` is for the mode own"),
                    "write `mode = \"own\"`, or remove it",
                );
            }
            (TlsMode::Own, true) | (_, false) => {}
        }
    }
    if tls.certificate.as_ref().is_some_and(|path| path.is_empty() || path.chars().any(char::is_control)) {
        findings.error(
            &at!["tls", "certificate"],
            "`certificate` is not a path",
            "write a path relative to the site file",
        );
    }
}

fn uses_certbot(site: &Site) -> bool {
    matches!(site.tls.mode, TlsMode::CertbotWebroot | TlsMode::CertbotStandalone)
}

fn certbot_domains(site: &Site, findings: &mut Findings<'_>) {
    if !uses_certbot(site) {
        return;
    }
    if site.domains.is_empty() {
        let hint = "add `domains = [\"app.example.com\"]` at the top; until there is one, use `mode = \"self-signed\"`";
        findings.error(&at!["tls", "mode"], "certbot needs a domain", hint);
    }
    for (index, domain) in site.domains.iter().enumerate() {
        let path = at!["domains", index];
        if domain.starts_with("*.") {
            let hint = "list the names one by one: a wildcard needs a DNS challenge, for which use `mode = \"own\"`";
            findings.error(&path, format!("certbot cannot prove {} over HTTP", quoted(domain)), hint);
        } else if !public_name(domain) {
            let hint = "use a public name, or `mode = \"self-signed\"`";
            findings.error(&path, format!("no public authority certifies {}", quoted(domain)), hint);
        }
    }
}

/// Whether `domain` can be a public name: several labels, no address, none of the special-use domains (RFC 6761, 6762, 8375).
fn public_name(domain: &str) -> bool {
    let last = domain.rsplit('.').next().unwrap_or_default().to_ascii_lowercase();
    let special = ["local", "localhost", "test", "invalid", "internal", "lan", "home", "arpa"];
    domain.contains('.') && !last.bytes().all(|b| b.is_ascii_digit()) && !special.contains(&last.as_str())
}

fn email(site: &Site, findings: &mut Findings<'_>) {
    let Some(email) = &site.tls.email else { return };
    let shape = email.split_once('@').is_some_and(|(user, server)| {
        !user.is_empty()
            && !user.starts_with('-')
            && server.contains('.')
            && !server.contains('@')
            && email.chars().all(|c| c.is_ascii_graphic() && !"\"'\\,;()<>[]".contains(c))
    });
    if !shape {
        findings.error(
            &at!["tls", "email"],
            format!("{} is not an email address", quoted(email)),
            "write one, or remove it",
        );
    } else if !uses_certbot(site) {
        findings.warning(&at!["tls", "email"], "`email` is for certbot, which this mode does not use", "remove it");
    }
}

fn hsts(site: &Site, findings: &mut Findings<'_>) {
    let Some(hsts) = site.tls.hsts.as_ref().filter(|hsts| hsts.seconds() > 0) else { return };
    let path = at!["tls", "hsts"];
    match site.tls.mode {
        TlsMode::SelfSigned => {
            let hint = "remove it until there is a certificate that browsers trust";
            findings.warning(
                &path,
                format!(
                    "with a self-signed certificate, browsers would refuse the site for {hsts} without a way around"
                ),
                hint,
            );
        }
        TlsMode::None => findings.error(&path, "`hsts` means nothing over plain HTTP", "remove it"),
        TlsMode::CertbotWebroot | TlsMode::CertbotStandalone | TlsMode::Own => {}
    }
}

fn plain_http(site: &Site, findings: &mut Findings<'_>) {
    if site.tls.mode != TlsMode::None {
        return;
    }
    let message = if site.access.basic.is_empty() {
        "everything, sessions included, travels readable"
    } else {
        "everything, the passwords of `access.basic` included, travels readable"
    };
    findings.warning(
        &at!["tls", "mode"],
        message,
        "use `mode = \"self-signed\"` unless only a trusted network can reach the site",
    );
}
