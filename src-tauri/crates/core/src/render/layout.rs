//! Where things are on a host.

use super::input::Platform;
use super::output::RenderedDirectory;
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

/// Directories that the rendered files and units rely on, parents first.
pub(super) fn directories(site: &Site, platform: &Platform) -> Vec<RenderedDirectory> {
    let layout = Layout::of(site);
    let user = site.name.as_str();
    let directory = |path: String, owner: &str, group: &str, mode: u32| RenderedDirectory {
        path,
        owner: owner.to_owned(),
        group: group.to_owned(),
        mode,
    };
    let mut list = vec![
        directory(layout.root(), "root", "root", 0o755),
        directory(layout.shared(), user, user, 0o755),
        directory(layout.etc(), "root", "root", 0o755),
    ];
    let mut nested = |base: String, paths: Vec<&RelativePath>| {
        if paths.is_empty() {
            return;
        }
        list.push(directory(base.clone(), "root", user, 0o750));
        for path in paths {
            for parent in parents(path) {
                let path = format!("{base}/{parent}");
                if list.iter().all(|known| known.path != path) {
                    list.push(directory(path, "root", user, 0o750));
                }
            }
        }
    };
    nested(format!("{}/secrets", layout.etc()), site.secret_file.keys().collect());
    nested(format!("{}/config", layout.etc()), site.config_file.keys().collect());
    for (path, shared) in &site.shared {
        let mode = shared.mode.as_ref().and_then(|mode| u32::from_str_radix(mode, 8).ok()).unwrap_or(0o750);
        for parent in parents(path) {
            let path = format!("{}/{parent}", layout.shared());
            if list.iter().all(|known| known.path != path) {
                list.push(directory(path, user, user, 0o755));
            }
        }
        let path = format!("{}/{path}", layout.shared());
        list.retain(|known| known.path != path);
        list.push(directory(path, user, user, mode));
    }
    if site.logs.directory {
        list.push(directory(layout.logs(), user, &platform.log_group, 0o2750));
    }
    list
}

/// The parts of `a/b/c` above its last: `a`, `a/b`.
fn parents(path: &str) -> Vec<&str> {
    path.match_indices('/').filter_map(|(index, _)| path.get(..index)).collect()
}
