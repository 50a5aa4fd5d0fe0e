//! The environment files and secret files.
//!
//! Built here and not by a template: secret values never enter the template engine.

use std::borrow::Cow;
use std::collections::BTreeMap;

use zeroize::Zeroizing;

use super::Scope;
use super::filling::{differs, has_own_file};
use super::mask::{MaskedText, mask};
use super::output::{Content, FileRole, RenderedFile, SecretContent};
use crate::encode::envfile;
use crate::secret::Secret;
use crate::site::fill_known;

/// Variables that the units set for each instance.
const RESERVED: [&str; 2] = ["PORT", "INSTANCE"];
/// Beginning of the names of variables that tell a process what it is.
const RESERVED_START: &str = "SLIPWAY_";

/// First line of a file that is built without a template.
pub(super) fn header(site: &str) -> String {
    format!(
        "# Managed by Slipway for site {site}. Changes made here are reported as drift and replaced; edit slipway.toml and run slipway plan.\n"
    )
}

enum Variable<'a> {
    Plain(Cow<'a, str>),
    Secret(&'a Secret),
}

/// `/etc/S/environment`, one more per process that has its own variables, and the secret files.
pub(super) fn files(scope: &Scope<'_>) -> Vec<RenderedFile> {
    let site = scope.input.site;
    let mut files = vec![environment(scope, scope.layout.environment_file(), &site_variables(scope))];
    for (name, process) in &site.process {
        if !has_own_file(process) {
            continue;
        }
        let mut variables = Variables::new();
        for (variable, value) in process.environment.iter().filter(|(_, value)| !differs(value)) {
            let field = format!("process.{name}.environment.{variable}");
            if process.port.is_some() || variable.starts_with(RESERVED_START) {
                check_reserved(scope, variable, &field);
            }
            let shared = |placeholder: &str| (placeholder == "shared").then(|| scope.layout.shared().into());
            variables.insert(variable.to_string(), (field, Variable::Plain(fill_known(value, shared).into())));
        }
        files.push(environment(scope, scope.layout.process_environment(name), &variables));
    }
    files.extend(secret_files(scope));
    files
}

fn check_reserved(scope: &Scope<'_>, variable: &str, field: &str) {
    if variable.starts_with(RESERVED_START) {
        scope.errors.field(field, "Slipway sets the variables whose names begin with SLIPWAY_ itself");
    } else if RESERVED.contains(&variable) {
        scope.errors.field(field, "Slipway sets PORT and INSTANCE itself, differently for each instance (for one process, PORT = \"{port}\" is accepted)");
    }
}

type Variables<'a> = BTreeMap<String, (String, Variable<'a>)>;

fn site_variables<'a>(scope: &Scope<'a>) -> Variables<'a> {
    let site = scope.input.site;
    let mut variables = Variables::new();
    let mut add = |name: &str, field: String, variable: Variable<'a>| {
        check_reserved(scope, name, &field);
        if let Some((other, _)) = variables.insert(name.to_owned(), (field.clone(), variable)) {
            scope.errors.field(field, format!("the variable is already set by {other}"));
        }
    };
    for (name, value) in &site.environment {
        add(name, format!("environment.{name}"), Variable::Plain(value.into()));
    }
    for (name, field, path) in path_variables(scope) {
        add(&name, field, Variable::Plain(path.into()));
    }
    for (name, _) in site.environment_secrets() {
        let field = format!("secret.{name}");
        if site.secret_file.keys().any(|file| file.as_str() == name.as_str()) {
            scope.errors.field(&field, "a secret and a secret file cannot have the same name");
        }
        match scope.input.secrets.get(name) {
            Some(secret) => add(name, field, Variable::Secret(secret)),
            None => scope.errors.field(field, "the secret has no value yet: slipway secret set"),
        }
    }
    variables
}

/// Name, field and value of each variable that tells the application a path.
fn path_variables(scope: &Scope<'_>) -> Vec<(String, String, String)> {
    let (site, layout) = (scope.input.site, &scope.layout);
    let mut list = Vec::new();
    for (path, file) in &site.secret_file {
        if let Some(env) = &file.env {
            list.push((env.to_string(), format!("secret_file.\"{path}\".env"), layout.secret_file(path)));
        }
    }
    for (path, file) in &site.config_file {
        if let Some(env) = &file.env {
            list.push((env.to_string(), format!("config_file.\"{path}\".env"), layout.config_file(path)));
        }
    }
    for (path, directory) in &site.shared {
        if let Some(env) = &directory.env {
            let value = format!("{}/{path}", layout.shared());
            list.push((env.to_string(), format!("shared.\"{path}\".env"), value));
        }
    }
    if let (Some(env), true) = (&site.logs.env, site.logs.directory) {
        list.push((env.to_string(), "logs.env".into(), layout.logs()));
    }
    list
}

fn environment(scope: &Scope<'_>, path: String, variables: &Variables<'_>) -> RenderedFile {
    let mut text = MaskedText::default();
    text.push(&header(&scope.input.site.name));
    for (name, (field, variable)) in variables {
        // systemd 239 (RHEL 8) drops a variable that holds a line break; 247 and later take it.
        let value: &[u8] = match variable {
            Variable::Plain(value) => value.as_bytes(),
            Variable::Secret(secret) => secret.expose(),
        };
        if value.contains(&b'\n') && scope.input.platform.systemd_version < 247 {
            scope.errors.field(field, "this host's systemd cannot hold a line break in a variable; use secret_file");
            continue;
        }
        let Ok(value) = std::str::from_utf8(value) else {
            scope.errors.field(field, "the secret is not text; use secret_file");
            continue;
        };
        let Some(line) = scope.errors.note(field, envfile::assignment(name, value).map(Zeroizing::new)) else {
            continue;
        };
        match variable {
            Variable::Plain(_) => text.push(&line),
            Variable::Secret(secret) => {
                text.push_secret(&line, &format!("{name}={}", mask(scope.input.fingerprint_key, secret.expose())));
            }
        }
        text.push("\n");
    }
    RenderedFile {
        path,
        owner: "root".into(),
        group: "root".into(),
        mode: 0o600,
        content: text.into_content(),
        role: FileRole::Environment,
    }
}

fn secret_files(scope: &Scope<'_>) -> Vec<RenderedFile> {
    let site = scope.input.site;
    let mut files = Vec::new();
    for path in site.secret_file.keys() {
        let Some(secret) = scope.input.secrets.get(path) else {
            scope
                .errors
                .field(format!("secret_file.\"{path}\""), "the secret file has no content yet: slipway secret set");
            continue;
        };
        let masked = format!("{}\n", mask(scope.input.fingerprint_key, secret.expose()));
        files.push(RenderedFile {
            path: scope.layout.secret_file(path),
            // Root's: its user could change its mode, and with it what a rollback puts back.
            owner: "root".into(),
            group: site.name.to_string(),
            mode: 0o440,
            content: Content::Secret(SecretContent { value: secret.clone(), masked }),
            role: FileRole::SecretFile,
        });
    }
    files
}
