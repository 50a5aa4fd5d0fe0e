//! Where things are on a host.

use crate::release;
use crate::site::{RelativePath, Site};

/// Where certbot's webroot challenges are answered from.
pub const ACME_WEBROOT: &str = "/var/lib/slipway/acme";

/// Paths of one site on a host: those of [`release::Layout`], and of the files that rendering makes.
#[derive(Debug, Clone)]
pub struct Layout(release::Layout);

impl std::ops::Deref for Layout {
    type Target = release::Layout;
    fn deref(&self) -> &release::Layout {
        &self.0
    }
}

impl Layout {
    /// The layout of `site`.
    pub fn of(site: &Site) -> Self {
        Self(release::Layout::new(&site.name))
    }

    /// Where release `id` keeps its copy of the rendered file `path`: `/opt/S/releases/ID/config/PATH`.
    ///
    /// A gate reads configuration there, so the user S must be able to enter these directories (root:S 0750);
    /// the copies have the owners and modes of the files.
    pub fn bundled(&self, id: &str, path: &str) -> String {
        format!("{}/{id}/config{path}", self.releases())
    }

    /// `/etc/S/secrets/PATH`.
    pub fn secret_file(&self, path: &RelativePath) -> String {
        format!("{}/secrets/{path}", self.etc())
    }

    /// `/etc/S/config/PATH`.
    pub fn config_file(&self, path: &RelativePath) -> String {
        format!("{}/config/{path}", self.etc())
    }

    /// `/etc/S/environment`.
    pub fn environment_file(&self) -> String {
        format!("{}/environment", self.etc())
    }

    /// `/etc/S/environment-PROCESS`: variables of one process, read after the site's.
    pub fn process_environment(&self, process: &str) -> String {
        format!("{}/environment-{process}", self.etc())
    }

    /// `/etc/S/gunicorn-PROCESS.py`.
    pub fn gunicorn(&self, process: &str) -> String {
        format!("{}/gunicorn-{process}.py", self.etc())
    }
}
