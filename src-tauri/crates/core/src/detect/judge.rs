//! What the tree may be: one candidate per shape, with a score and reasons.

use super::frontend::{Package, packages};
use super::manifests::Manifests;
use super::python::{Maker, Script};
use super::server::Start;
use super::{Candidate, Tree, at};

/// Everything that was read out of a tree.
pub(super) struct Seen<'a> {
    pub(super) tree: &'a Tree,
    /// The nearest to the top first.
    pub(super) scripts: Vec<Script>,
    pub(super) manifests: Manifests,
    pub(super) start: Start,
    pub(super) packages: Vec<Package>,
}

impl<'a> Seen<'a> {
    pub(super) fn of(tree: &'a Tree) -> Self {
        let is_python = |path: &str, text: &str| {
            path.ends_with(".py")
                || text.lines().next().is_some_and(|first| first.starts_with("#!") && first.contains("python"))
        };
        let mut scripts: Vec<Script> = tree
            .texts
            .iter()
            .filter(|(path, text)| is_python(path, text))
            .map(|(path, text)| Script::scan(path, text))
            .collect();
        scripts.sort_by(|a, b| (a.path.matches('/').count(), &a.path).cmp(&(b.path.matches('/').count(), &b.path)));
        Self { tree, scripts, manifests: Manifests::of(tree), start: Start::of(tree), packages: packages(tree) }
    }

    /// The first import of `module`, as a reason.
    pub(super) fn import(&self, module: &str) -> Option<String> {
        self.scripts
            .iter()
            .find_map(|script| Some(format!("{} imports {module}", at(&script.path, script.import_of(module)?))))
    }

    /// The first requirement of `package`, as a reason.
    pub(super) fn requirement(&self, package: &str) -> Option<String> {
        let required = self.manifests.of_package(package)?;
        Some(format!("{} requires {package}", at(&required.path, required.line)))
    }

    /// Imports and requirements of a library.
    pub(super) fn uses(&self, module: &str, package: &str) -> Vec<String> {
        self.import(module).into_iter().chain(self.requirement(package)).collect()
    }

    /// The first callable of these makers: its script, line and name.
    pub(super) fn made_by(&self, makers: &[Maker]) -> Option<(&Script, usize, &str)> {
        self.scripts.iter().find_map(|script| {
            let made = script.callables.iter().find(|callable| makers.contains(&callable.what.1))?;
            Some((script, made.line, made.what.0.as_str()))
        })
    }

    /// A front end that is built.
    pub(super) fn built_front_end(&self) -> Option<&Package> {
        self.packages
            .iter()
            .find(|package| package.build.is_some() && package.tool.is_some() && package.output.is_some())
    }

    /// A server for Node.js.
    pub(super) fn node_server(&self) -> Option<&Package> {
        self.packages
            .iter()
            .find(|package| package.server.is_some() || package.tool.is_none() && package.start.is_some())
    }

    /// The folder that holds the start page of files that are served as they are.
    pub(super) fn start_page(&self) -> Option<&str> {
        const PAGES: [&str; 7] = [
            "index.html",
            "public/index.html",
            "site/index.html",
            "html/index.html",
            "www/index.html",
            "dist/index.html",
            "build/index.html",
        ];
        PAGES.into_iter().find(|page| self.tree.files.iter().any(|file| file == page))
    }
}

/// Libraries that talk to devices: module and package.
const DEVICES: [(&str, &str); 7] = [
    ("serial", "pyserial"),
    ("meshtastic", "meshtastic"),
    ("bleak", "bleak"),
    ("paho", "paho-mqtt"),
    ("pymodbus", "pymodbus"),
    ("telnetlib", "telnetlib3"),
    ("smbus", "smbus2"),
];

/// What the tree may be, the likeliest first.
pub(super) fn candidates(seen: &Seen<'_>) -> Vec<Candidate> {
    let mut found: Vec<Candidate> = Vec::new();
    let mut add = |name: &str, blueprint: Option<&str>, score: u8, reasons: Vec<String>| {
        if !reasons.is_empty() {
            found.push(Candidate { name: name.into(), blueprint: blueprint.map(str::to_owned), score, reasons });
        }
    };
    let both = |a: &[String], b: &[String]| if a.is_empty() || b.is_empty() { Vec::new() } else { [a, b].concat() };

    let flask = seen.uses("flask", "flask");
    let fastapi: Vec<String> = [seen.uses("fastapi", "fastapi"), seen.uses("starlette", "starlette")].concat();
    let socketio = seen.uses("flask_socketio", "flask-socketio");
    let celery = seen.uses("celery", "celery");
    let nicegui = seen.uses("nicegui", "nicegui");
    let imported = |reasons: &[String], yes: u8, no: u8| {
        if reasons.iter().any(|reason| reason.contains(" imports ")) { yes } else { no }
    };

    add("nicegui-redis", Some("nicegui-redis"), imported(&nicegui, 95, 75), nicegui.clone());
    let front = seen.built_front_end().and_then(|package| Some((package, package.tool.or(package.library)?)));
    let front_reasons: Vec<String> = front
        .iter()
        .flat_map(|(package, tool)| {
            let library = package.library.map(|(name, line)| format!("{} uses {name}", at(&package.path, line)));
            library.into_iter().chain([format!("{} builds with {}", at(&package.path, tool.1), tool.0)])
        })
        .collect();
    let server = if flask.is_empty() { &fastapi } else { &flask };
    let both_reasons = both(&front_reasons, server);
    add("flask-react", Some("flask-react"), imported(server, 93, 80), both_reasons);
    add("flask-celery", Some("flask-celery"), imported(&celery, 92, 78), both(&celery, &flask));
    add("flask-socketio", Some("flask-socketio"), imported(&socketio, 91, 79), socketio);
    let gunicorn: Vec<String> = seen
        .start
        .gunicorn
        .named
        .iter()
        .map(|place| format!("{place} starts gunicorn"))
        .chain(seen.requirement("gunicorn"))
        .collect();
    let devices: Vec<String> =
        DEVICES.iter().flat_map(|(module, package)| seen.uses(module, package)).take(3).collect();
    add("flask-device", Some("flask-device"), if gunicorn.is_empty() { 85 } else { 60 }, both(&devices, &flask));
    add(
        "flask",
        None,
        imported(&flask, 70, 50),
        [flask.clone(), gunicorn].concat().into_iter().take(if flask.is_empty() { 0 } else { 4 }).collect(),
    );
    add("fastapi", None, imported(&fastapi, 86, 70), fastapi.clone());

    let mut django: Vec<String> = seen.uses("django", "django");
    if seen.tree.files.iter().any(|file| file == "manage.py") && !django.is_empty() {
        django.push("manage.py:1 is Django's own command".into());
    }
    let wsgi = seen.made_by(&[Maker::DjangoWsgi, Maker::DjangoAsgi]);
    django.extend(wsgi.map(|(script, line, _)| format!("{} makes Django's application", at(&script.path, line))));
    add("django", None, if wsgi.is_some() { 90 } else { 65 }, django.clone());

    let python_server = !(flask.is_empty() && fastapi.is_empty() && django.is_empty() && nicegui.is_empty());
    add("spa", Some("static"), if python_server { 20 } else { 85 }, front_reasons);
    if let Some(package) = seen.node_server() {
        let framework = package.server.map(|(name, line)| format!("{} uses {name}", at(&package.path, line)));
        let start = package.start.as_ref().map(|(_, line)| format!("{} has a script start", at(&package.path, *line)));
        let score = match (python_server, package.server.is_some()) {
            (true, _) => 25,
            (false, true) => 87,
            (false, false) => 60,
        };
        add("node", None, score, framework.into_iter().chain(start).collect());
    }
    let alone = seen.scripts.is_empty() && seen.packages.is_empty();
    let page: Vec<String> = seen.start_page().map(|page| format!("{page}:1 is a start page")).into_iter().collect();
    add("static", Some("static"), if alone { 88 } else { 15 }, page);
    let own: Vec<String> = seen
        .scripts
        .iter()
        .flat_map(|script| {
            script.runs.iter().map(|run| format!("{} calls {}", at(&script.path, run.line), run.what.call))
        })
        .take(2)
        .collect();
    add("python", None, 30, if python_server { Vec::new() } else { own });
    found.sort_by_key(|candidate| std::cmp::Reverse(candidate.score));
    found
}
