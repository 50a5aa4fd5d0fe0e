//! Routes of the site file as nginx locations.

use std::collections::BTreeMap;

use minijinja::{Value, context};

use super::Scope;
use super::template::{Grammar, encoded, raw};
use crate::site::{Name, Route, Site, Size, Span, TlsMode, UrlPath};

/// A route and where it stands in the site file.
struct Placed {
    field: String,
    route: Route,
}

/// The locations of the site, and the processes that they proxy to.
pub(super) fn locations(scope: &Scope<'_>) -> (Vec<Value>, Vec<Name>) {
    let routes = routes(scope.input.site);
    let mut upstreams: Vec<Name> = Vec::new();
    let mut seen: BTreeMap<(String, bool), String> = BTreeMap::new();
    let mut views = Vec::new();
    for placed in &routes {
        let key = (placed.route.path.to_string(), placed.route.exact);
        if let Some(other) = seen.insert(key, placed.field.clone()) {
            scope.errors.field(format!("{}.path", placed.field), format!("{other} has the same path"));
        }
        if let Some(view) = location(scope, placed, &mut upstreams) {
            views.push(view);
        }
    }
    (views, upstreams)
}

/// The declared routes, or the default one, and an exact one for the health path.
fn routes(site: &Site) -> Vec<Placed> {
    let mut list: Vec<Placed> = site
        .route
        .iter()
        .enumerate()
        .map(|(index, route)| Placed { field: format!("route[{index}]"), route: route.clone() })
        .collect();
    if list.is_empty() {
        let web = site.process.keys().find(|name| name.as_str() == "web").cloned();
        list.push(Placed { field: "route".into(), route: Route { to: web, ..Route::default() } });
    }
    if let Some(path) = &site.health.path
        && let Some(route) = health_route(&list, path)
    {
        list.push(route);
    }
    list
}

fn health_route(list: &[Placed], path: &UrlPath) -> Option<Placed> {
    let bare = path.split('?').next().unwrap_or_default();
    let exact = list.iter().any(|p| p.route.exact && p.route.path.as_str() == bare);
    let prefix = list
        .iter()
        .filter(|p| !p.route.exact && bare.starts_with(p.route.path.as_str()))
        .max_by_key(|p| p.route.path.len())?;
    if exact || prefix.route.to.is_none() || bare == "/" {
        return None;
    }
    let route = Route {
        path: bare.to_owned().try_into().ok()?,
        exact: true,
        quiet: true,
        websocket: false,
        timeout: None,
        ..prefix.route.clone()
    };
    Some(Placed { field: "health.path".into(), route })
}

fn location(scope: &Scope<'_>, placed: &Placed, upstreams: &mut Vec<Name>) -> Option<Value> {
    let (site, route, field) = (scope.input.site, &placed.route, &placed.field);
    let kinds = [route.to.is_some(), route.files.is_some(), route.spa.is_some(), route.redirect.is_some()];
    if kinds.iter().filter(|given| **given).count() != 1 {
        scope.errors.field(
            field,
            "a route has exactly one of to, files, spa and redirect (without any route, / goes to the process web)",
        );
        return None;
    }
    if let Some(name) = &route.to {
        let Some(process) = site.process.get(name) else {
            scope.errors.field(format!("{field}.to"), "there is no such process");
            return None;
        };
        if process.port.is_none() {
            scope.errors.field(format!("{field}.to"), "that process has no port");
            return None;
        }
        if !upstreams.contains(name) {
            upstreams.push(name.clone());
        }
    }
    let is_directory = route.path.ends_with('/');
    let files = route.files.as_ref().or(route.spa.as_ref());
    let part = if route.files.is_some() { "files" } else { "spa" };
    let directory = files.map(|files| {
        let inside = if files.as_str() == "." { String::new() } else { format!("/{files}") };
        let end = if route.exact { "" } else { "/" };
        raw(format!("{}/code{inside}{end}", scope.layout.current()), format!("{field}.{part}"))
    });
    // Prefixes of directories end in a slash on both sides: `/static` with an alias would also serve `/static../`.
    let slashed = if files.is_some() && !route.exact && !is_directory {
        format!("{}/", route.path)
    } else {
        route.path.to_string()
    };
    let seconds = route.timeout.as_ref().map_or(if route.websocket { 3600 } else { 60 }, Span::seconds);
    Some(context! {
        path => raw(slashed.as_str(), format!("{field}.path")),
        bare_path => (slashed != route.path.as_str()).then(|| raw(route.path.as_str(), format!("{field}.path"))),
        exact => route.exact,
        process => route.to.as_ref().map(|name| raw(name.as_str(), format!("{field}.to"))),
        files => route.files.is_some(),
        spa => route.spa.is_some(),
        directory => directory,
        index => raw(format!("{slashed}index.html"), format!("{field}.path")),
        redirect => route.redirect.as_ref().map(|url| raw(url.as_str(), format!("{field}.redirect"))),
        websocket => route.websocket,
        timeout => seconds,
        body => route.body.as_ref().map(size),
        cache => route.cache.as_ref().map(Span::seconds),
        headers => headers(scope, route, field),
        quiet => route.quiet,
    })
}

/// A size as nginx writes it.
pub(super) fn size(size: &Size) -> Value {
    let bytes = size.bytes();
    let text = match bytes {
        0 => "0".to_owned(),
        b if b % (1 << 20) == 0 => format!("{}m", b >> 20),
        b if b % (1 << 10) == 0 => format!("{}k", b >> 10),
        b => b.to_string(),
    };
    encoded(text, Grammar::Nginx)
}

/// Headers that every response carries unless the application or the route sets them. The value is a
/// variable that is empty when the application has sent the header; nginx adds no header with an empty value.
const SECURITY: [(&str, &str); 3] = [
    ("X-Content-Type-Options", "nosniff_header"),
    ("X-Frame-Options", "frame_header"),
    ("Referrer-Policy", "referrer_header"),
];

/// All headers of a location: add_header in a location drops those of the server, so each repeats all.
fn headers(scope: &Scope<'_>, route: &Route, field: &str) -> Vec<Value> {
    let site = scope.input.site;
    let own = |name: &str| route.headers.keys().any(|key| key.eq_ignore_ascii_case(name));
    let id = site.name.replace('-', "_");
    let mut list: Vec<Value> = Vec::new();
    let mut add = |name: &str, variable: &str| {
        if !own(name) {
            let value = encoded(format!("${id}_{variable}"), Grammar::Nginx);
            list.push(context! { name => encoded(name, Grammar::Nginx), value });
        }
    };
    for (name, variable) in SECURITY {
        add(name, variable);
    }
    if hsts(site).is_some() {
        add("Strict-Transport-Security", "hsts_header");
    }
    for (name, value) in &route.headers {
        let field = format!("{field}.headers.{name}");
        let name = raw(name.as_str(), field.clone());
        list.push(context! { raw_name => name, raw_value => raw(value.as_str(), field) });
    }
    list
}

/// Seconds of Strict-Transport-Security (RFC 6797); none where a browser would warn or there is no TLS.
pub(super) fn hsts(site: &Site) -> Option<u64> {
    let given = site.tls.hsts.as_ref().map(Span::seconds);
    match site.tls.mode {
        TlsMode::None => None,
        TlsMode::SelfSigned => given,
        TlsMode::CertbotWebroot | TlsMode::CertbotStandalone | TlsMode::Own => Some(given.unwrap_or(31_536_000)),
    }
}
