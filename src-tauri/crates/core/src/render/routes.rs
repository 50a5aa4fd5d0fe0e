//! Routes of the site file as nginx locations.

use std::collections::BTreeMap;

use minijinja::{Value, context};

use super::Scope;
use super::template::{Grammar, encoded, raw};
use crate::encode::nginx::{decoded, percent};
use crate::site::{Name, RelativePath, Route, Served, Site, Size, Span, TlsMode, UrlPath};

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
            views.extend(shared_locations(scope, placed, &routes));
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
    let files = route.served().map(|path| files(scope, placed, path));
    let slashed = nginx_path(route);
    let bare = (slashed != route.path.as_str()).then(|| route.path.to_string());
    Some(view(scope, placed, &slashed, bare, files))
}

/// The path of a route's location. Prefixes of directories end in a slash on both sides: `/static` with an alias would
/// also serve `/static../`.
fn nginx_path(route: &Route) -> String {
    if route.served().is_some() && !route.exact && !route.path.ends_with('/') {
        format!("{}/", route.path)
    } else {
        route.path.to_string()
    }
}

/// Where a location has its files.
struct Files {
    /// The path that takes the place of the location's.
    alias: Value,
    /// Whether the application may write there.
    shared: bool,
}

fn files(scope: &Scope<'_>, placed: &Placed, path: &RelativePath) -> Files {
    let end = if placed.route.exact { "" } else { "/" };
    let (base, inside, shared) = match scope.input.site.place_of(path) {
        Served::Code if path.as_str() == "." => (format!("{}/code", scope.layout.current()), "", false),
        Served::Code => (format!("{}/code", scope.layout.current()), path.as_str(), false),
        Served::Shared { directory, rest } => (format!("{}/{directory}", scope.layout.shared()), rest, true),
    };
    let between = if inside.is_empty() { "" } else { "/" };
    let part = if placed.route.files.is_some() { "files" } else { "spa" };
    Files { alias: raw(format!("{base}{between}{inside}{end}"), format!("{}.{part}", placed.field)), shared }
}

/// A location of its own for each shared directory that has its link below the files of a route: the rules for links are
/// others there, and nginx has one set of them for a location.
fn shared_locations(scope: &Scope<'_>, placed: &Placed, routes: &[Placed]) -> Vec<Value> {
    let route = &placed.route;
    let Some(path) = route.served().filter(|_| !route.exact) else { return Vec::new() };
    // Paths that make no sense are told where they are printed.
    let plain = |path: &str| decoded(path).unwrap_or_default();
    let own = nginx_path(route);
    let is_ours = |path: &str| {
        let prefixes = routes.iter().filter(|other| !other.route.exact).map(|other| plain(&nginx_path(&other.route)));
        prefixes.filter(|prefix| path.starts_with(prefix.as_str())).max_by_key(String::len) == Some(plain(&own))
    };
    let location = |(rest, directory): (&str, &RelativePath)| {
        let bare = format!("{own}{}", percent(rest));
        let slashed = format!("{bare}/");
        let taken = routes.iter().any(|other| other.route.exact && plain(&other.route.path) == plain(&bare));
        let alias = raw(format!("{}/{directory}/", scope.layout.shared()), format!("shared.\"{directory}\""));
        let bare = (route.files.is_some() && !taken).then_some(bare);
        is_ours(&plain(&slashed)).then(|| view(scope, placed, &slashed, bare, Some(Files { alias, shared: true })))
    };
    scope.input.site.shared_below(path).filter_map(location).collect()
}

/// A location at `path`, with the rules of a route. What asks for `bare` is sent there.
fn view(scope: &Scope<'_>, placed: &Placed, path: &str, bare: Option<String>, files: Option<Files>) -> Value {
    let (route, field) = (&placed.route, &placed.field);
    let links = |files: &Files| {
        let from = if files.shared { scope.layout.shared() } else { format!("{}/code", scope.layout.current()) };
        raw(format!("from={from}"), "the site's directory")
    };
    let seconds = route.timeout.as_ref().map_or(if route.websocket { 3600 } else { 60 }, Span::seconds);
    context! {
        path => raw(path, format!("{field}.path")),
        bare_path => bare.map(|bare| raw(bare, format!("{field}.path"))),
        exact => route.exact,
        process => route.to.as_ref().map(|name| raw(name.as_str(), format!("{field}.to"))),
        files => route.files.is_some(),
        spa => route.spa.is_some(),
        shared => files.as_ref().is_some_and(|files| files.shared),
        links_from => files.as_ref().map(links),
        directory => files.map(|files| files.alias),
        index => raw(format!("{}index.html", nginx_path(route)), format!("{field}.path")),
        redirect => route.redirect.as_ref().map(|url| raw(url.as_str(), format!("{field}.redirect"))),
        websocket => route.websocket,
        timeout => seconds,
        body => route.body.as_ref().map(size),
        cache => route.cache.as_ref().map(Span::seconds),
        headers => headers(scope, route, field),
        quiet => route.quiet,
    }
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
