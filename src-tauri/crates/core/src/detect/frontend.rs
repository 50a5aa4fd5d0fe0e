//! What `package.json` says: front ends that are built, servers for Node.js.

use serde_json::Value;

use super::python::literal;
use super::{Tree, at};

/// A `package.json` and what stands beside it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Package {
    pub(super) path: String,
    /// Folder; empty at the top.
    pub(super) folder: String,
    /// What builds it: `vite`, `react-scripts`, …, with its line.
    pub(super) tool: Option<(&'static str, usize)>,
    /// A library for user interfaces.
    pub(super) library: Option<(&'static str, usize)>,
    /// A server framework.
    pub(super) server: Option<(&'static str, usize)>,
    /// Where Socket.IO is required.
    pub(super) sockets: Option<usize>,
    /// Whether there is a script `build`, and its line.
    pub(super) build: Option<usize>,
    /// Script `start`, and its line.
    pub(super) start: Option<(String, usize)>,
    /// Folder that a build fills, relative to the source, and why.
    pub(super) output: Option<(String, String)>,
    /// Whether `package-lock.json` is there.
    pub(super) locked: bool,
    /// A file at which a server starts, when `main` names one.
    pub(super) main: Option<String>,
}

const TOOLS: [(&str, &str); 6] = [
    ("vite", "dist"),
    ("react-scripts", "build"),
    ("@vue/cli-service", "dist"),
    ("parcel", "dist"),
    ("@sveltejs/kit", "build"),
    ("webpack", "dist"),
];
const LIBRARIES: [&str; 6] = ["react", "vue", "svelte", "preact", "solid-js", "lit"];
const SERVERS: [&str; 8] = ["express", "fastify", "koa", "@nestjs/core", "@hapi/hapi", "hono", "socket.io", "next"];

/// Every `package.json` that was read, the nearest to the top first.
pub(super) fn packages(tree: &Tree) -> Vec<Package> {
    let mut found: Vec<Package> = tree
        .texts
        .iter()
        .filter(|(path, _)| path.as_str() == "package.json" || path.ends_with("/package.json"))
        .filter_map(|(path, text)| package(tree, path, text))
        .take(50)
        .collect();
    found.sort_by(|a, b| (a.folder.matches('/').count(), &a.folder).cmp(&(b.folder.matches('/').count(), &b.folder)));
    found
}

fn package(tree: &Tree, path: &str, text: &str) -> Option<Package> {
    let json: Value = serde_json::from_str(text).ok()?;
    let folder = path.strip_suffix("package.json")?.trim_end_matches('/').to_owned();
    let line_of = |word: &str| {
        let quoted = format!("\"{word}\"");
        text.lines().position(|line| line.contains(&quoted)).map_or(1, |index| index + 1)
    };
    let depends = |name: &str| {
        let there = |table: &str| json.get(table).and_then(|table| table.get(name)).is_some();
        there("dependencies") || there("devDependencies")
    };
    let first = |names: &[&'static str]| names.iter().find(|name| depends(name)).map(|name| (*name, line_of(name)));
    let script = |name: &str| json.pointer(&format!("/scripts/{name}")).and_then(Value::as_str);
    let inside = |name: &str| if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") };
    let tool = TOOLS.iter().find(|(name, _)| depends(name));
    let output = tool.map(|(name, default)| {
        let usual = || (inside(default), format!("{}: what {name} builds goes to {default}/", at(path, line_of(name))));
        if *name == "vite" { vite_output(tree, &folder, &inside).unwrap_or_else(usual) } else { usual() }
    });
    Some(Package {
        tool: tool.map(|(name, _)| (*name, line_of(name))),
        library: first(&LIBRARIES),
        server: first(&SERVERS),
        sockets: depends("socket.io").then(|| line_of("socket.io")),
        build: script("build").map(|_| line_of("build")),
        start: script("start").map(|start| (start.to_owned(), line_of("start"))),
        output,
        locked: tree.files.iter().any(|file| *file == inside("package-lock.json")),
        main: json.get("main").and_then(Value::as_str).map(str::to_owned),
        path: path.to_owned(),
        folder,
    })
}

fn vite_output(tree: &Tree, folder: &str, inside: &dyn Fn(&str) -> String) -> Option<(String, String)> {
    let start = if folder.is_empty() { "vite.config.".to_owned() } else { format!("{folder}/vite.config.") };
    let (path, text) = tree.texts.iter().find(|(path, _)| path.starts_with(&start))?;
    let found = text.lines().enumerate().find_map(|(index, line)| {
        let (_, rest) = line.split_once("outDir")?;
        Some((index + 1, literal(rest.trim_start().strip_prefix(':')?.trim_start())?))
    });
    let (line, output) = found?;
    let plain = output.trim_start_matches("./").trim_end_matches('/');
    let relative = !plain.is_empty() && !plain.starts_with('/') && !plain.split('/').any(|part| part == "..");
    relative.then(|| (inside(plain), format!("{} sets outDir", at(path, line))))
}
