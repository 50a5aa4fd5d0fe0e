//! Rendering: a validated site and a platform become the text of every file that Slipway owns on a host.
//!
//! Pure and deterministic: the same input gives the same bytes. Templates never see a secret's value, and
//! an interpolation that has not been through an encoder of the file's own grammar is an error
//! (see `template.rs`). Every error names the field of the site file or the template that it comes from.

mod app;
mod environment;
mod error;
mod filling;
mod gate;
mod gunicorn;
mod input;
mod mask;
mod nginx;
mod operator;
mod output;
mod roots;
mod routes;
mod systemd;
mod template;
pub(crate) mod units;

pub use error::{Place, RenderError};
pub use gate::render_gate;
pub use input::{CertificatePaths, Platform, PortSet, RenderInput, SecretValues};
pub use mask::fingerprint;
pub use operator::render_operator;
pub use output::{
    Content, FileRole, GuardedPorts, PortGuard, ProcessUnits, Rendered, RenderedFile, SecretContent, UnitInstance,
    UnitSet,
};
pub use template::{names as template_names, source as template_source};
pub use units::{SECOND_PORT_SET, unit_set};

use crate::activation::Guard;
use error::Errors;
use template::Engine;

use crate::release::Layout;

/// Renders everything that a release of the site puts on a host, in a stable order.
///
/// # Errors
/// Every value that a grammar cannot hold, every missing secret or salt, every failing template: all of them,
/// not only the first.
pub fn render(input: &RenderInput<'_>) -> Result<Rendered, Vec<RenderError>> {
    let errors = Errors::default();
    let engine = Engine::new(input.overrides, &errors);
    let scope = Scope { input, layout: Layout::new(&input.site.name), engine, errors: errors.clone() };

    let units = unit_set(input.site, input.active_ports);
    let guard = units::port_guard(input.site);
    let mut files = Vec::new();
    files.extend(systemd::files(&scope, &units, guard.as_ref()));
    files.extend(environment::files(&scope));
    files.extend(gunicorn::files(&scope));
    files.extend(app::files(&scope));
    files.extend(nginx::files(&scope));
    files.extend(app::logrotate(&scope));
    scope.errors.finish(Rendered { files, units })
}

/// Renders rules for `ports` that stand in place of those of two releases while one replaces the other, and for those of
/// `gates`.
///
/// # Errors
/// As [`render`].
pub fn render_guard(input: &RenderInput<'_>, ports: &GuardedPorts, gates: &[u16]) -> Result<Guard, Vec<RenderError>> {
    let errors = Errors::default();
    let engine = Engine::new(input.overrides, &errors);
    let scope = Scope { input, layout: Layout::new(&input.site.name), engine, errors: errors.clone() };
    let guard = systemd::guard(&scope, ports, gates);
    scope.errors.finish(guard)
}

/// What every part of rendering needs at hand.
struct Scope<'a> {
    input: &'a RenderInput<'a>,
    layout: Layout,
    engine: Engine<'a>,
    errors: Errors,
}

#[cfg(test)]
mod tests;
