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
