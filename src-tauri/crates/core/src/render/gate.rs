//! The gate: a new release runs once beside the live one, on a private port, before any traffic reaches it.

use super::output::{Content, FileRole, RenderedFile};
use super::roots::{InstanceName, Roots};
use super::systemd::{Around, service, socket};
use super::template::Engine;
use super::units::socket_activated;
use super::{Errors, RenderError, RenderInput, Scope, environment};
use crate::release::Layout;
use crate::site::Name;

/// Renders `S-gate.service` (and `.socket`, and the paths that differ) under /run for one process of release
/// `release_id`: the sandbox and settings of the real unit, but code, environment and configuration are read
/// from the release's own directory, and it is not restarted.
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
    let release = format!("{}/{release_id}", scope.layout.releases());
    let roots = Roots {
        config: format!("{release}/config"),
        release,
        instance: if settings.port.is_some() { InstanceName::Port(port) } else { InstanceName::Single },
    };
    let name = format!("{}-gate", input.site.name);
    let file = |path: String, text: String, mode: u32| RenderedFile {
        path,
        owner: "root".into(),
        group: "root".into(),
        mode,
        content: Content::Text(text),
        role: FileRole::SystemdUnit,
    };

    let moved = environment::moved_paths(&scope, &roots);
    let extra = (!moved.is_empty()).then(|| format!("/run/slipway/{name}.environment"));
    if let Some(path) = &extra {
        files.push(file(path.clone(), moved, 0o600));
    }
    let has_socket = socket_activated(settings);
    if has_socket {
        let description = format!("{} {process}, gate on port {port}", input.site.name);
        let text = socket(&scope, process, &roots, description, None);
        files.push(file(format!("/run/systemd/system/{name}.socket"), text, 0o644));
    }
    let around = Around {
        description: format!("{}: {process}, gate of release {release_id}, instance ", input.site.name),
        identifier: name.clone(),
        runtime_directory: format!("{}/gate", input.site.name),
        socket: has_socket.then(|| format!("{name}.socket")),
        target: None,
        extra_environment: extra.into_iter().collect(),
    };
    let text = service(&scope, process, settings, &roots, &around);
    files.push(file(format!("/run/systemd/system/{name}.service"), text, 0o644));
    errors.finish(files)
}
