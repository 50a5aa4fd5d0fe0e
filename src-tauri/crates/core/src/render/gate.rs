//! The gate: a new release runs once beside the live one, on a private port, before any traffic reaches it.

use super::output::{Content, FileRole, RenderedFile};
use super::roots::Roots;
use super::systemd::{Around, service, socket};
use super::template::Engine;
use super::units::socket_activated;
use super::{Errors, RenderError, RenderInput, Scope};
use crate::release::Layout;
use crate::site::Name;
use crate::units;

/// Renders `S-gate.PROCESS.service` (and `.socket`) under /run for one process of release `release_id`: the sandbox and
/// settings of the real unit, but it is not restarted, and its code and configuration are the release's own. It sees that
/// configuration where it will be in force, so its environment is that of the live process but for port and stage.
///
/// For a process with `listen = "port"` choose `port` from the standby set: it is free and guarded.
/// A process without a port ignores `port`.
///
/// # Errors
/// As [`super::render`], and a process or release id that cannot be.
pub fn render_gate(
    input: &RenderInput<'_>,
    process: &Name,
    release_id: &str,
    port: u16,
) -> Result<Vec<RenderedFile>, Vec<RenderError>> {
    let errors = Errors::default();
    let engine = Engine::new(input.overrides, &errors);
    let scope = Scope { input, layout: Layout::new(&input.site.name), engine, errors: errors.clone() };
    let mut files = Vec::new();

    let id_ok = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    if release_id.is_empty() || release_id.starts_with('.') || !release_id.chars().all(id_ok) {
        errors.push(super::Place::Input("release id"), "a release id is letters, digits, dots and hyphens");
    }
    let Some(settings) = input.site.process.get(process) else {
        errors.field(format!("process.{process}"), "there is no such process");
        return errors.finish(files);
    };
    let instance = if settings.port.is_some() { port.to_string() } else { "1".to_owned() };
    let roots = Roots::gate(&scope.layout, release_id, instance);
    let unit = units::gate(&input.site.name, process);
    let stem = unit.trim_end_matches(".service");
    let file = |name: String, text: String| RenderedFile {
        path: format!("/run/systemd/system/{name}"),
        owner: "root".into(),
        group: "root".into(),
        mode: 0o644,
        content: Content::Text(text),
        role: FileRole::SystemdUnit,
    };
    let has_socket = socket_activated(settings);
    if has_socket {
        let description = format!("{} {process}, gate on port {port}", input.site.name);
        let text = socket(&scope, process, &port.to_string(), description, None);
        files.push(file(format!("{stem}.socket"), text));
    }
    let around = Around {
        description: format!("{}: {process}, gate of release {release_id}", input.site.name),
        identifier: stem.to_owned(),
        runtime_directory: format!("{}/gate-{process}", input.site.name),
        socket: has_socket.then(|| format!("{stem}.socket")),
        live: None,
    };
    let text = service(&scope, process, settings, &roots, &around);
    files.push(file(unit, text));
    errors.finish(files)
}
