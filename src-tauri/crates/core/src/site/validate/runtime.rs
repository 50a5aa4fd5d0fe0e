//! What the code needs to run: the runtime, packages, build commands.

use super::Rule;
use crate::site::findings::Findings;
use crate::site::model::{RuntimeKind, Site};
use crate::site::place::{KeyPath, at};
use crate::site::words::quoted;

pub(super) const RULES: &[Rule] = &[
    Rule { reads: &["runtime"], check: version },
    Rule { reads: &["runtime"], check: python_keys },
    Rule { reads: &["runtime", "process"], check: static_has_no_process },
    Rule { reads: &["packages"], check: packages },
    Rule { reads: &["build"], check: build },
    Rule { reads: &["hooks"], check: hooks },
];

fn version(site: &Site, findings: &mut Findings<'_>) {
    let Some(version) = &site.runtime.version else { return };
    let path = at!["runtime", "version"];
    let parts: Vec<&str> = version.split('.').collect();
    let numbers = parts.iter().all(|p| (1..=3).contains(&p.len()) && p.bytes().all(|b| b.is_ascii_digit()));
    match site.runtime.kind {
        RuntimeKind::Python if !numbers || parts.len() != 2 || parts.first() != Some(&"3") => {
            findings.error(
                &path,
                format!("{} is not a version of Python", quoted(version)),
                "write the oldest that will do, as in `version = \"3.9\"`",
            );
        }
        RuntimeKind::Node if !numbers || parts.len() > 2 => {
            findings.error(
                &path,
                format!("{} is not a version of Node.js", quoted(version)),
                "write the oldest that will do, as in `version = \"18\"`",
            );
        }
        RuntimeKind::Static | RuntimeKind::Command => {
            findings.error(&path, "`version` is for the runtimes python and node", "remove it");
        }
        RuntimeKind::Python | RuntimeKind::Node => {}
    }
}

fn python_keys(site: &Site, findings: &mut Findings<'_>) {
    let runtime = &site.runtime;
    if runtime.kind != RuntimeKind::Python {
        let given = [
            ("requirements", !runtime.requirements.is_empty()),
            ("extra_packages", !runtime.extra_packages.is_empty()),
            ("install_project", runtime.install_project),
            ("import_check", !runtime.import_check.is_empty()),
        ];
        for (key, _) in given.into_iter().filter(|(_, given)| *given) {
            let hint = "write `kind = \"python\"`, or remove it";
            findings.error(&at!["runtime", key], format!("`{key}` is for the runtime python"), hint);
        }
        return;
    }
    for (index, package) in runtime.extra_packages.iter().enumerate() {
        if !package.starts_with(|c: char| c.is_ascii_alphanumeric()) || package.chars().any(char::is_control) {
            let hint = "write a requirement such as `gunicorn>=22`; options of pip belong in a requirements file";
            findings.error(
                &at!["runtime", "extra_packages", index],
                format!("{} is not a package", quoted(package)),
                hint,
            );
        }
    }
    for (index, module) in runtime.import_check.iter().enumerate() {
        if !is_module(module) {
            let hint = "write the name of a module, for example `wsgi` or `src.main`";
            findings.error(&at!["runtime", "import_check", index], format!("{} is not a module", quoted(module)), hint);
        }
    }
}

/// Whether `text` is a dotted Python module name.
pub(super) fn is_module(text: &str) -> bool {
    let part = |p: &str| {
        p.starts_with(|c: char| c.is_alphabetic() || c == '_') && p.chars().all(|c| c.is_alphanumeric() || c == '_')
    };
    text.split('.').all(part)
}

fn static_has_no_process(site: &Site, findings: &mut Findings<'_>) {
    if site.runtime.kind == RuntimeKind::Static {
        for name in site.process.keys() {
            let hint = "remove the process, or give `runtime` another kind";
            findings.error(&at!["process", name.as_str()], "a static site has no processes", hint);
        }
    }
}

fn packages(site: &Site, findings: &mut Findings<'_>) {
    for (family, names) in [("debian", &site.packages.debian), ("rhel", &site.packages.rhel)] {
        for (index, name) in names.iter().enumerate() {
            let good = name.starts_with(|c: char| c.is_ascii_alphanumeric())
                && name.len() <= 128
                && name.chars().all(|c| c.is_ascii_alphanumeric() || "+-._:".contains(c));
            if !good {
                let message = format!("{} is not the name of a package", quoted(name));
                findings.error(
                    &at!["packages", family, index],
                    message,
                    "write one package per string, without options",
                );
            }
        }
    }
}

fn build(site: &Site, findings: &mut Findings<'_>) {
    for (index, step) in site.build.iter().enumerate() {
        argv(&step.run, &at!["build", index, "run"], findings);
        if step.timeout.as_ref().is_some_and(|timeout| timeout.seconds() == 0) {
            findings.error(
                &at!["build", index, "timeout"],
                "nothing can be built in no time",
                "write a longer time, or remove it",
            );
        }
    }
}

fn hooks(site: &Site, findings: &mut Findings<'_>) {
    let hooks = &site.hooks;
    for (key, commands) in
        [("migrate", &hooks.migrate), ("before_switch", &hooks.before_switch), ("after_switch", &hooks.after_switch)]
    {
        for (index, command) in commands.iter().enumerate() {
            argv(command, &at!["hooks", key, index], findings);
        }
    }
}

/// A program and its arguments: the program is named, and nothing holds a NUL, which no argument can.
pub(super) fn argv(words: &[String], path: &KeyPath, findings: &mut Findings<'_>) {
    match words.first() {
        None => findings.error(
            path,
            "the command is empty",
            "write the program and its arguments, as in `[\"npm\", \"ci\"]`",
        ),
        Some(program) if program.trim().is_empty() => {
            findings.error(&path.join(0), "the command does not name a program", "the first word is the program");
        }
        Some(program) if words.len() == 1 && program.contains(' ') => {
            let split: Vec<String> = program.split_whitespace().map(|word| format!("{word:?}")).collect();
            let hint = format!("write one string per word: `[{}]`", split.join(", "));
            findings.error(
                &path.join(0),
                "the program's name holds spaces: there is no shell that would split it",
                hint,
            );
        }
        Some(_) => {}
    }
    for (index, word) in words.iter().enumerate() {
        if word.contains('\0') {
            findings.error(&path.join(index), "an argument cannot hold a NUL character", "");
        }
    }
}
