//! Names of the units that every site has.

use crate::encode::systemd::escape;
use crate::site::Name;

/// `S.target`: stopping it stops the site.
pub fn target(site: &Name) -> String {
    format!("{site}.target")
}

/// The slice that all processes of a site share.
pub fn slice(site: &Name) -> String {
    format!("slipway-{}.slice", escape(site))
}

/// The unit that keeps ports, which processes open themselves, from the network.
pub fn guard(site: &Name) -> String {
    format!("{site}-guard.service")
}

/// The table of family `inet` that it fills.
pub fn guard_table(site: &Name) -> String {
    format!("slipway_{}", site.replace('-', "_"))
}

/// The template of an instance: `shop-web@.service` for `shop-web@5000.service`.
pub fn template(instance: &str) -> String {
    match (instance.split_once('@'), instance.rsplit_once('.')) {
        (Some((stem, _)), Some((_, kind))) => format!("{stem}@.{kind}"),
        _ => instance.to_owned(),
    }
}

/// What generations of an instance are called before the `@`: `S-P.I` for `S-P@I.service`.
pub fn slot(instance: &str) -> String {
    instance.strip_suffix(".service").unwrap_or(instance).replacen('@', ".", 1)
}

/// A pattern for all generations of an instance, as systemctl(1) and journalctl(1) take it.
pub fn generations(slot: &str) -> String {
    format!("{slot}@*.service")
}

/// The unit that proves a process of a release that is not live.
pub fn gate(site: &Name, process: &Name) -> String {
    format!("{site}-gate.{process}.service")
}
