//! The nginx site and its password file.

use minijinja::{Value, context};

use super::Scope;
use super::environment::header;
use super::input::PortSet;
use super::mask::{MaskedText, mask};
use super::output::{Content, FileRole, RenderedFile};
use super::routes::{hsts, locations, size};
use super::template::raw;
use super::units::ports;
use crate::activation::PORT_RETRY_SECONDS;
use crate::encode::htpasswd;
use crate::site::{Affinity, Listen, Name, TlsMode};

/// Where certbot's webroot challenges are answered from.
const ACME_WEBROOT: &str = "/var/lib/slipway/acme";

/// `CONF_DIR/S.conf` and, with basic authentication, `/etc/nginx/S.htpasswd`.
pub(super) fn files(scope: &Scope<'_>) -> Vec<RenderedFile> {
    let mut files = vec![site_file(scope)];
    files.extend(password_file(scope));
    files
}

fn password_path(scope: &Scope<'_>) -> String {
    format!("/etc/nginx/{}.htpasswd", scope.input.site.name)
}

fn site_file(scope: &Scope<'_>) -> RenderedFile {
    let (input, site, platform) = (scope.input, scope.input.site, scope.input.platform);
    let (locations, processes) = locations(scope);
    let name = "nginx/site.conf";
    let domains: Vec<Value> = site
        .domains
        .iter()
        .enumerate()
        .map(|(index, domain)| raw(domain.as_str(), format!("domains[{index}]")))
        .collect();
    let canonical = site
        .domains
        .iter()
        .position(|domain| !domain.starts_with("*."))
        .or((!site.domains.is_empty()).then_some(0))
        .and_then(|index| site.domains.get(index).map(|domain| (index, domain)))
        .map(|(index, domain)| raw(domain.trim_start_matches("*."), format!("domains[{index}]")));
    let rate = site.limits.requests_per_minute.filter(|rate| *rate > 0);
    let limit = |text: String, field: &str| raw(text, field.to_owned());
    let context = context! {
        site => raw(site.name.as_str(), "name"),
        id => raw(site.name.as_str(), "name"),
        template => name,
        domains,
        canonical,
        wildcard => site.domains.iter().any(|domain| domain.starts_with("*.")),
        ipv6 => platform.ipv6,
        tls => site.tls.mode != TlsMode::None,
        acme_webroot => ACME_WEBROOT,
        certificate => raw(input.certificate.fullchain.as_str(), "the certificate's path"),
        certificate_key => raw(input.certificate.key.as_str(), "the key's path"),
        http2_directive => platform.has_http2_directive(),
        hsts => hsts(site),
        access_log => limit(format!("{}/{}.access.log", platform.nginx_log_dir, site.name), "the host's nginx log directory"),
        error_log => limit(format!("{}/{}.error.log", platform.nginx_log_dir, site.name), "the host's nginx log directory"),
        body => site.limits.body.as_ref().map(size),
        upstreams => processes.iter().map(|process| upstream(scope, process)).collect::<Vec<_>>(),
        cookie => site.affinity == Affinity::Cookie && !processes.is_empty(),
        least_conn => site.affinity == Affinity::None,
        ip_hash => site.affinity == Affinity::Ip,
        rate,
        burst => rate.map(|rate| site.limits.burst.unwrap_or(rate / 3)).filter(|burst| *burst > 0),
        connections => site.limits.connections.filter(|count| *count > 0),
        allow => site.access.allow.iter().enumerate()
            .map(|(index, network)| raw(network.as_str(), format!("access.allow[{index}]"))).collect::<Vec<_>>(),
        basic => (!site.access.basic.is_empty()).then(|| password_path(scope)),
        websockets => site.route.iter().any(|route| route.websocket),
        spa => site.route.iter().any(|route| route.spa.is_some()),
        locations,
    };
    RenderedFile {
        path: format!("{}/{}.conf", platform.nginx_conf_dir, site.name),
        owner: "root".into(),
        group: "root".into(),
        mode: 0o644,
        content: Content::Text(scope.engine.render(name, context)),
        role: FileRole::NginxSite,
    }
}

fn upstream(scope: &Scope<'_>, name: &Name) -> Value {
    let process = scope.input.site.process.get(name);
    let in_turn = process.is_some_and(|process| process.listen == Listen::Port);
    let all: Vec<u16> = process.map_or_else(Vec::new, |process| {
        let mut all = ports(process, PortSet::A);
        if in_turn {
            all.extend(ports(process, PortSet::B));
        }
        all
    });
    context! {
        process => raw(name.as_str(), format!("process.{name}")),
        ports => all,
        in_turn,
        retry => PORT_RETRY_SECONDS,
    }
}

fn password_file(scope: &Scope<'_>) -> Option<RenderedFile> {
    let site = scope.input.site;
    if site.access.basic.is_empty() {
        return None;
    }
    let mut text = MaskedText::default();
    text.push(&header(&site.name));
    for (user, secret_name) in &site.access.basic {
        let field = format!("access.basic.{user}");
        let Some(password) = scope.input.secrets.get(secret_name) else {
            scope.errors.field(field, format!("the secret {secret_name} has no value yet: slipway secret set"));
            continue;
        };
        let Some(salt) = scope.input.htpasswd_salts.get(user) else {
            scope.errors.field(field, "no salt was given for this user's password");
            continue;
        };
        if let Some(line) = scope.errors.note(&field, htpasswd::line(user, password, salt)) {
            let stand_in = mask(scope.input.fingerprint_key, password.expose());
            text.push_secret(&line, &format!("{user}:{stand_in}"));
            text.push("\n");
        }
    }
    Some(RenderedFile {
        path: password_path(scope),
        owner: "root".into(),
        group: scope.input.platform.nginx_user.clone(),
        mode: 0o640,
        content: text.into_content(),
        role: FileRole::NginxAuth,
    })
}
