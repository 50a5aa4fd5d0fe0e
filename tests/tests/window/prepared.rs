//! A desktop on which something is there already: put there with the command line, which is the quicker way to it.

use std::process::{Command, Output};

use slipway_tests::hosts::Host;

use crate::desktop::{Desktop, beside};
use crate::support::hall;

impl Desktop {
    /// `slipway` in this desktop, with its local state and its keyring.
    pub(crate) fn slipway(&self) -> Command {
        let mut command = self.command(beside("slipway"));
        command.current_dir(self.folder.path());
        command
    }

    /// Runs `slipway`, which must succeed.
    pub(crate) fn expect(&self, arguments: &[&str]) -> Output {
        let output = self.slipway().args(arguments).output().unwrap();
        let text = || format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "slipway {arguments:?}: {}", text());
        output
    }

    /// A desktop that knows `host` as web1.
    pub(crate) fn with(host: &Host) -> Self {
        let desktop = Self::new();
        desktop.key(host);
        let login = format!("deploy@{}", host.address());
        desktop.expect(&["host", "add", "web1", &login, "--accept-host-key", host.fingerprint()]);
        desktop
    }

    /// Writes the site file of a site of one page; `more` goes behind it.
    pub(crate) fn write_hall(&self, more: &str) {
        let pages = self.folder.path().join("pages");
        std::fs::create_dir_all(&pages).unwrap();
        std::fs::write(pages.join("index.html"), "one").unwrap();
        let site = hall::site("hall.test", more);
        std::fs::write(self.folder.path().join("slipway.toml"), site).unwrap();
    }

    /// A desktop that knows `host`, on which that site runs.
    pub(crate) fn with_hall(host: &Host) -> Self {
        let desktop = Self::with(host);
        desktop.write_hall("");
        desktop.expect(&["apply", "--yes"]);
        desktop.expect(&["deploy", "--yes"]);
        desktop
    }
}
