//! The sudoers file of an operator who looks after one site without being root.

use minijinja::{Value, context};

use super::output::{Content, FileRole, RenderedFile};
use super::template::{Engine, Grammar, encoded, raw};
use super::{Errors, RenderError, RenderInput, Scope, unit_set};
use crate::encode::sudoers;
use crate::release::Layout;

/// What an operator may do with each unit.
const VERBS: [&str; 4] = ["start", "stop", "restart", "reload"];

/// Renders `/etc/sudoers.d/slipway-S` for the login `operator`: start, stop, restart and reload the site's own
/// units, test and reload nginx. Every command is written out; there is no pattern that could match more.
///
/// Reading logs needs no sudo but membership of `systemd-journal`; deploying needs full root and is not covered.
///
/// # Errors
/// A login or unit name that sudoers cannot hold; a failing template.
pub fn render_operator(input: &RenderInput<'_>, operator: &str) -> Result<RenderedFile, Vec<RenderError>> {
    let errors = Errors::default();
    let engine = Engine::new(input.overrides, &errors);
    let scope = Scope { input, layout: Layout::new(&input.site.name), engine, errors: errors.clone() };
    let units = unit_set(input.site, input.active_ports);
    let standby = units.processes.iter().flat_map(|p| &p.standby).map(|instance| instance.service.as_str());
    let names: Vec<&str> = std::iter::once(units.target.as_str()).chain(units.services()).chain(standby).collect();
    let mut commands: Vec<Value> = Vec::new();
    let mut add = |argv: &[&str]| {
        if let Some(text) = scope.errors.note("the units of the site", sudoers::command(argv)) {
            commands.push(encoded(text, Grammar::Sudoers));
        }
    };
    for name in names {
        for verb in VERBS {
            add(&["/usr/bin/systemctl", verb, name]);
        }
    }
    add(&["/usr/bin/systemctl", "reload", "nginx.service"]);
    add(&["/usr/sbin/nginx", "-t"]);
    let name = "sudoers/operator";
    let context = context! {
        site => raw(input.site.name.as_str(), "name"),
        template => name,
        operator => raw(operator, "the operator's login"),
        operator_note => "An operator of this site",
        commands,
    };
    let text = scope.engine.render(name, context);
    errors.finish(RenderedFile {
        path: format!("/etc/sudoers.d/slipway-{}", input.site.name),
        owner: "root".into(),
        group: "root".into(),
        mode: 0o440,
        content: Content::Text(text),
        role: FileRole::Sudoers,
    })
}
