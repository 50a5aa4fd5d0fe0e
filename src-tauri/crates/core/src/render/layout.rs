//! Where things are on a host.

use crate::site::{RelativePath, Site};

/// Where certbot's webroot challenges are answered from.
pub const ACME_WEBROOT: &str = "/var/lib/slipway/acme";

/// Paths of one site on a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Layout<'a> {
    name: &'a str,
}

impl<'a> Layout<'a> {
    /// The layout of `site`.
    pub fn of(site: &'a Site) -> Self {
        Self { name: site.name.as_str() }
    }

    /// `/opt/S`.
    pub fn root(&self) -> String {
        format!("/opt/{}", self.name)
    }

    /// `/opt/S/current`: a symbolic link to the live release.
    pub fn current(&self) -> String {
        format!("/opt/{}/current", self.name)
    }

    /// `/opt/S/releases/ID`.
    pub fn release(&self, id: &str) -> String {
        format!("/opt/{}/releases/{id}", self.name)
    }

    /// Where release `id` keeps its copy of the rendered file `path`: `/opt/S/releases/ID/config/PATH`.
    ///
    /// A gate reads configuration there, so the user S must be able to enter these directories (root:S 0750);
    /// the copies have the owners and modes of the files.
    pub fn bundled(&self, id: &str, path: &str) -> String {
        format!("{}/config{path}", self.release(id))
    }

    /// `/opt/S/shared`.
    pub fn shared(&self) -> String {
        format!("/opt/{}/shared", self.name)
    }

    /// `/etc/S`.
    pub fn etc(&self) -> String {
        format!("/etc/{}", self.name)
    }

    /// `/etc/S/secrets/PATH`.
    pub fn secret_file(&self, path: &RelativePath) -> String {
        format!("/etc/{}/secrets/{path}", self.name)
    }

    /// `/etc/S/config/PATH`.
    pub fn config_file(&self, path: &RelativePath) -> String {
        format!("/etc/{}/config/{path}", self.name)
    }

    /// `/etc/S/environment`.
    pub fn environment(&self) -> String {
        format!("/etc/{}/environment", self.name)
    }

    /// `/etc/S/environment-PROCESS`: variables of one process, read after the site's.
    pub fn process_environment(&self, process: &str) -> String {
        format!("/etc/{}/environment-{process}", self.name)
    }

    /// `/etc/S/gunicorn-PROCESS.py`.
    pub fn gunicorn(&self, process: &str) -> String {
        format!("/etc/{}/gunicorn-{process}.py", self.name)
    }

    /// `/var/log/S`.
    pub fn logs(&self) -> String {
        format!("/var/log/{}", self.name)
    }
}
