//! Modules of a crate form no circle: what stands above another module is not named by it.
//!
//! Two modules are compared where their paths part. `crate::site::parse` in `plan/setup.rs` is an edge of the crate from
//! `plan` to `site`; `super::diff` in that file is one of the folder `plan`, from `setup` to `diff`. A name that a
//! `mod.rs` only passes on belongs to the file that it comes from.
//!
//! Between a `mod.rs` and the files of its own folder both directions are allowed. A folder is one module to everybody
//! else, and in Rust its files are parts of it: they see what is private in `mod.rs`, and hold further `impl`s of the
//! types that are declared there. Such a circle cannot be seen from outside the folder.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::tokens::{Token, tokens};
use crate::{ending, is_test_source, none_may, text};

/// Where the sources of a crate are.
pub const CRATES: [&str; 5] = [
    "src-tauri/crates/core/src/",
    "src-tauri/crates/host/src/",
    "src-tauri/crates/engine/src/",
    "src-tauri/crates/cli/src/",
    "src-tauri/src/",
];

/// Circles that are to go: the crate, and the modules that are in one.
const KNOWN: [(&str, &[&str]); 0] = [];

/// The path of a module inside its crate; the crate itself has an empty one.
type Module = Vec<String>;

/// A source of a crate: its path below the crate's folder, and its text.
type Source<'a> = (&'a str, &'a str);

/// One module names something of another, at a place.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Edge {
    from: Module,
    to: Module,
    place: String,
}

/// Modules that reach each other, and a shortest way round: the first of its edges begins where the last one ends.
#[derive(Debug, PartialEq, Eq)]
struct Circle {
    modules: BTreeSet<String>,
    way: Vec<Edge>,
}

/// What a source names: the way to it as written, and where it may be passed on as another name.
struct Named {
    path: Vec<String>,
    line: usize,
    /// The name under which a `use` makes it known in the module; `None` outside a `use`.
    known_as: Option<String>,
}

#[test]
fn modules_form_no_circle() {
    let mut found = Vec::new();
    let mut seen = BTreeSet::new();
    for folder in CRATES {
        let files: Vec<&str> = ending(".rs").filter(|file| file.starts_with(folder) && !is_test_source(file)).collect();
        assert!(files.len() > 5, "{folder} has few sources: this test looks in the wrong place");
        let texts: Vec<String> = files.iter().map(|file| text(file).unwrap()).collect();
        let sources: Vec<Source> =
            files.iter().zip(&texts).map(|(file, text)| (&file[folder.len()..], text.as_str())).collect();
        for circle in circles(&sources) {
            let modules: Vec<&str> = circle.modules.iter().map(String::as_str).collect();
            match KNOWN.iter().position(|(known, of)| *known == folder && *of == modules) {
                Some(at) => _ = seen.insert(at),
                None => found.push(format!("{folder}: {}", told(&circle))),
            }
        }
    }
    found.extend(
        KNOWN
            .iter()
            .enumerate()
            .filter(|(at, _)| !seen.contains(at))
            .map(|(_, (folder, modules))| format!("{folder}: {modules:?} is gone: take it off the list")),
    );
    none_may("let one of these be passed in, or move what both need to where both can reach it", &found);
}

fn told(circle: &Circle) -> String {
    let edges: Vec<String> = circle
        .way
        .iter()
        .map(|edge| format!("    {} → {}  {}", name(&edge.from), name(&edge.to), edge.place))
        .collect();
    let modules: Vec<&str> = circle.modules.iter().map(String::as_str).collect();
    format!("{}\n{}", modules.join(" "), edges.join("\n"))
}

fn name(module: &[String]) -> String {
    if module.is_empty() { "crate".to_owned() } else { module.join("::") }
}

/// Every circle of a crate: between its modules, and between the files of each folder.
fn circles(sources: &[Source]) -> Vec<Circle> {
    let mut levels: BTreeMap<Module, Vec<Edge>> = BTreeMap::new();
    for edge in edges(sources) {
        levels.entry(edge.from[..edge.from.len().saturating_sub(1)].to_vec()).or_default().push(edge);
    }
    levels.into_values().flat_map(|edges| circles_among(&edges)).collect()
}

/// Groups of modules that reach each other over the edges.
fn circles_among(edges: &[Edge]) -> Vec<Circle> {
    let modules: BTreeSet<&Module> = edges.iter().flat_map(|edge| [&edge.from, &edge.to]).collect();
    let mut found: Vec<Circle> = Vec::new();
    for module in modules {
        if found.iter().any(|circle| circle.modules.contains(&name(module))) {
            continue;
        }
        let Some(way) = way(edges, module, module) else { continue };
        let others = edges.iter().flat_map(|edge| [&edge.from, &edge.to]).filter(|other| {
            *other == module || (self::way(edges, module, other).is_some() && self::way(edges, other, module).is_some())
        });
        found.push(Circle { modules: others.map(|other| name(other)).collect(), way });
    }
    found
}

/// A shortest way along at least one edge.
fn way(edges: &[Edge], from: &Module, to: &Module) -> Option<Vec<Edge>> {
    let mut reached: BTreeMap<&Module, &Edge> = BTreeMap::new();
    let mut next = VecDeque::from([from]);
    while let Some(module) = next.pop_front() {
        for edge in edges.iter().filter(|edge| edge.from == *module) {
            if reached.contains_key(&edge.to) {
                continue;
            }
            reached.insert(&edge.to, edge);
            next.push_back(&edge.to);
        }
    }
    let mut way = vec![(*reached.get(to)?).clone()];
    while way.last()?.from != *from {
        way.push((*reached.get(&way.last()?.from)?).clone());
    }
    way.reverse();
    Some(way)
}

/// The edges of a crate, each cut to where the paths of its two modules part.
fn edges(sources: &[Source]) -> BTreeSet<Edge> {
    let modules: BTreeSet<Module> = sources.iter().map(|(file, _)| module_of(file)).collect();
    let named: Vec<(&str, Module, Vec<Named>)> = sources
        .iter()
        .map(|(file, text)| {
            let module = module_of(file);
            let named = names(&tokens(text), &module, &modules);
            (*file, module, named)
        })
        .collect();
    // What each module makes known under a name of its own, so that a name can be followed to where it comes from.
    let mut passed_on: BTreeMap<(&Module, &str), &[String]> = BTreeMap::new();
    for (_, module, named) in &named {
        for one in named {
            if let Some(known_as) = &one.known_as {
                passed_on.insert((module, known_as), &one.path);
            }
        }
    }
    let mut found = BTreeSet::new();
    for (file, module, named) in &named {
        for one in named {
            let target = owner(&one.path, &modules, &passed_on);
            let shared = module.iter().zip(&target).take_while(|(one, other)| one == other).count();
            // One of the two holds the other: see above for a folder's own files.
            if shared == module.len() || (shared == target.len() && shared > 0) {
                continue;
            }
            let to = if target.is_empty() { Module::new() } else { target[..=shared].to_vec() };
            let from = module[..=shared].to_vec();
            found.insert(Edge { from, to, place: format!("{file}:{}", one.line) });
        }
    }
    // The crate's own file stands above everything, unless something in it is named from below.
    if found.iter().any(|edge| edge.to.is_empty()) {
        for (file, module, named) in &named {
            for one in named.iter().filter(|_| module.is_empty()) {
                let target = owner(&one.path, &modules, &passed_on);
                if let Some(first) = target.first() {
                    let place = format!("{file}:{}", one.line);
                    found.insert(Edge { from: Module::new(), to: vec![first.clone()], place });
                }
            }
        }
    }
    found
}

/// The module of a file: `plan/setup.rs` is `plan::setup`, `plan/mod.rs` is `plan`, `lib.rs` is the crate.
fn module_of(file: &str) -> Module {
    let stem = file.strip_suffix(".rs").unwrap_or(file);
    let mut parts: Module = stem.split('/').map(str::to_owned).collect();
    let last = parts.last().map(String::as_str);
    if last == Some("mod") || (parts.len() == 1 && matches!(last, Some("lib" | "main"))) {
        parts.pop();
    }
    parts
}

/// The module in which the last name of a path was declared.
fn owner(path: &[String], modules: &BTreeSet<Module>, passed_on: &BTreeMap<(&Module, &str), &[String]>) -> Module {
    let mut path = path.to_vec();
    // A name that is passed on round in a circle ends somewhere on it.
    for _ in 0..8 {
        let depth = (0..=path.len()).rev().find(|depth| modules.contains(&path[..*depth])).unwrap_or(0);
        let module = path[..depth].to_vec();
        let Some(next) = path.get(depth).and_then(|next| passed_on.get(&(&module, next.as_str()))) else {
            return module;
        };
        let mut further = next.to_vec();
        further.extend_from_slice(&path[depth + 1..]);
        if further == path {
            return module;
        }
        path = further;
    }
    path
}

/// Every path of a source that begins in its crate, made one that begins at the crate.
fn names(tokens: &[Token], module: &Module, modules: &BTreeSet<Module>) -> Vec<Named> {
    let mut found = Vec::new();
    let mut inside = module.clone();
    // How many braces were open where a module inside the file began.
    let mut begun: Vec<usize> = Vec::new();
    let mut depth = 0_usize;
    let mut in_use = false;
    let mut at = 0;
    while at < tokens.len() {
        let text = tokens[at].text;
        let before = |back: usize| at.checked_sub(back).map(|at| tokens[at].text);
        match text {
            "{" => depth += 1,
            "}" => {
                depth = depth.saturating_sub(1);
                if begun.last() == Some(&depth) {
                    begun.pop();
                    inside.pop();
                }
            }
            "mod" if tokens.get(at + 2).is_some_and(|token| token.text == "{") => {
                inside.push(tokens[at + 1].text.to_owned());
                begun.push(depth);
            }
            "use" => in_use = true,
            ";" => in_use = false,
            _ => {}
        }
        let leads_on = tokens.get(at + 1).is_some_and(|token| token.text == "::");
        let in_visibility = before(1) == Some("in") && before(2) == Some("(");
        let begins = leads_on && !matches!(before(1), Some("::" | "." | "$")) && !in_visibility;
        let base = match text {
            "crate" => Some(Module::new()),
            "self" => Some(inside.clone()),
            "super" => Some(inside[..inside.len().saturating_sub(1)].to_vec()),
            // A folder's own file may name the others without more: `setup::plan` in `plan/mod.rs`.
            _ => {
                let child: Module = module.iter().cloned().chain([text.to_owned()]).collect();
                modules.contains(&child).then_some(child)
            }
        };
        if let Some(base) = base.filter(|_| begins) {
            let mut leaves = Vec::new();
            at = leaves_of(tokens, at + 2, &base, &mut leaves);
            found.extend(leaves.into_iter().map(|(path, line, known_as)| Named {
                path,
                line,
                known_as: Some(known_as).filter(|_| in_use && inside == *module),
            }));
            continue;
        }
        at += 1;
    }
    found
}

/// Follows a path behind its `::`, into groups, and returns where it ends.
fn leaves_of(tokens: &[Token], at: usize, base: &[String], found: &mut Vec<(Module, usize, String)>) -> usize {
    let Some(token) = tokens.get(at) else { return at };
    if token.text == "{" {
        let mut at = at + 1;
        while tokens.get(at).is_some_and(|token| token.text != "}") {
            at = if tokens[at].text == "," { at + 1 } else { leaves_of(tokens, at, base, found) };
        }
        return at + 1;
    }
    let mut path = base.to_vec();
    match token.text {
        "super" => _ = path.pop(),
        "self" | "*" => {}
        name => path.push(name.to_owned()),
    }
    if tokens.get(at + 1).is_some_and(|token| token.text == "::") {
        return leaves_of(tokens, at + 2, &path, found);
    }
    let renamed = tokens.get(at + 1).is_some_and(|token| token.text == "as");
    let known_as = match (token.text, tokens.get(at + 2)) {
        (_, Some(new)) if renamed => new.text.to_owned(),
        ("self", _) => path.last().cloned().unwrap_or_default(),
        (name, _) => name.to_owned(),
    };
    found.push((path, token.line, known_as));
    at + if renamed { 3 } else { 1 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn modules(sources: &[Source]) -> Vec<String> {
        circles(sources)
            .iter()
            .map(|circle| circle.modules.iter().map(String::as_str).collect::<Vec<_>>().join(" "))
            .collect()
    }

    #[test]
    fn two_modules_that_name_each_other_are_a_circle() {
        let found = circles(&[
            ("lib.rs", "mod a; mod b;"),
            ("a.rs", "\nuse crate::b::B;"),
            ("b/mod.rs", "fn f(a: super::a::A) {}"),
        ]);
        let [circle] = &found[..] else { panic!("{found:?}") };
        assert_eq!(told(circle), "a b\n    a → b  a.rs:2\n    b → a  b/mod.rs:1");
    }

    #[test]
    fn a_circle_may_have_three_and_be_written_in_groups() {
        let found = modules(&[
            ("a/one.rs", "use crate::{b::{self, B}, x as y};"),
            ("b.rs", "use std::fmt; use super::{c::{C, D}};"),
            ("c.rs", "use crate::a::{one::One as Other};"),
            ("x.rs", "use crate::c::C;"),
        ]);
        assert_eq!(found, ["a b c x"]);
    }

    #[test]
    fn one_direction_is_no_circle() {
        let found = modules(&[
            ("lib.rs", "pub mod a; pub mod b; pub use a::A;"),
            ("a.rs", "use crate::b::B; pub(in crate::b) struct A; /// [`crate::b`]"),
            (
                "b.rs",
                "/// See [`crate::a::A`].\nconst TEXT: &str = \"crate::a::A\";\n#[cfg(test)]\nmod tests { use crate::a::A; }",
            ),
        ]);
        assert!(found.is_empty(), "{found:?}");
    }

    #[test]
    fn files_of_a_folder_are_compared_and_its_own_file_is_not() {
        let folder = "mod a; mod b; pub use b::B; pub struct Shared; fn f() { a::g() }";
        assert!(
            modules(&[("x/mod.rs", folder), ("x/a.rs", "use super::Shared;"), ("x/b.rs", "use super::a::g;")])
                .is_empty()
        );
        // `B` is passed on by the folder, so `a` names `b`.
        let found = modules(&[("x/mod.rs", folder), ("x/a.rs", "use super::B;"), ("x/b.rs", "use super::a::g;")]);
        assert_eq!(found, ["x::a x::b"]);
        let found = modules(&[("x/mod.rs", folder), ("x/a.rs", "use crate::x::{B};"), ("x/b.rs", "use super::a::g;")]);
        assert_eq!(found, ["x::a x::b"]);
    }

    #[test]
    fn a_module_inside_a_file_has_its_own_parent() {
        let found = modules(&[
            ("a.rs", "mod inner { use super::super::b::B; } use super::c::C;"),
            ("b.rs", "use crate::a::A;"),
            ("c.rs", ""),
        ]);
        assert_eq!(found, ["a b"]);
    }

    #[test]
    fn what_the_crate_passes_on_belongs_to_its_module() {
        let sources =
            [("lib.rs", "mod a; mod b; pub use a::A;"), ("b.rs", "use crate::A;"), ("a.rs", "use crate::b::B;")];
        assert_eq!(modules(&sources), ["a b"]);
    }

    #[test]
    fn a_program_that_is_named_from_below_is_in_the_circle() {
        let found =
            modules(&[("main.rs", "mod a; struct State; fn main() { a::run() }"), ("a.rs", "use crate::State;")]);
        assert_eq!(found, ["a crate"]);
    }
}
