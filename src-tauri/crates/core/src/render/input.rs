//! What rendering needs to know, all of it passed in.

use std::collections::BTreeMap;

use crate::profile::HostProfile;
use crate::secret::Secret;
use crate::site::Site;

/// Everything that the rendered text depends on.
pub struct RenderInput<'a> {
    /// The validated site.
    pub site: &'a Site,
    /// What the host is like.
    pub platform: &'a Platform,
    /// Values of the site's secrets, by the names that the site file uses.
    pub secrets: &'a dyn SecretValues,
    /// The user's own templates by name ([`super::template_names`]); each replaces the built-in one.
    pub overrides: &'a BTreeMap<String, String>,
    /// Salt per user of `access.basic`: 8 to 16 characters of `[./0-9A-Za-z]`. Keep a user's salt as long as
    /// the password stays, or the file changes with every plan.
    pub htpasswd_salts: &'a BTreeMap<String, String>,
    /// Key of the fingerprints that stand for secrets in masked texts.
    pub fingerprint_key: &'a Secret,
    /// The certificate that nginx is to use, except with `tls.mode = "none"`.
    pub certificate: CertificatePaths,
    /// Which set of ports is in use by processes with `listen = "port"`.
    pub active_ports: PortSet,
}

/// Gives out secret values.
pub trait SecretValues {
    /// The value of `name`: a key of `secret`, or a path of `secret_file`.
    fn get(&self, name: &str) -> Option<&Secret>;
}

impl SecretValues for BTreeMap<String, Secret> {
    fn get(&self, name: &str) -> Option<&Secret> {
        Self::get(self, name)
    }
}

/// The facts about a host that decide what is rendered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Platform {
    /// nginx: major, minor, patch.
    pub nginx_version: (u32, u32, u32),
    /// The user that nginx's workers run as: `www-data` on Debian, `nginx` on RHEL.
    pub nginx_user: String,
    /// Where nginx reads sites from: `/etc/nginx/conf.d`.
    pub nginx_conf_dir: String,
    /// Where nginx logs to: `/var/log/nginx`.
    pub nginx_log_dir: String,
    /// systemd's major version, for example 252.
    pub systemd_version: u32,
    /// Group that may read logs: `adm` on Debian, `root` on RHEL.
    pub log_group: String,
    /// The shell of users that cannot log in: `/usr/sbin/nologin`.
    pub nologin: String,
    /// Directory of `node`, `npm` and `npx`: `/usr/bin`.
    pub node_dir: String,
    /// Path of nftables' `nft`: `/usr/sbin/nft`.
    pub nft: String,
    /// Whether the host has IPv6 (`listen [::]:80` fails without).
    pub ipv6: bool,
}

impl Platform {
    /// The platform that a host's profile describes.
    pub fn of(profile: &HostProfile, ipv6: bool) -> Self {
        let version = &profile.nginx_version;
        Self {
            nginx_version: (version.part(0), version.part(1), version.part(2)),
            nginx_user: profile.nginx.user.clone(),
            nginx_conf_dir: profile.nginx.sites.clone(),
            nginx_log_dir: profile.nginx.logs.clone(),
            systemd_version: profile.systemd_version,
            log_group: profile.system.log_group.clone(),
            nologin: profile.system.nologin.clone(),
            node_dir: "/usr/bin".into(),
            nft: "/usr/sbin/nft".into(),
            ipv6,
        }
    }

    /// Whether HTTP/2 is a directive of its own instead of a parameter of `listen` (nginx 1.25.1, ngx_http_v2_module).
    pub fn has_http2_directive(&self) -> bool {
        self.nginx_version >= (1, 25, 1)
    }
}

/// Paths of the certificate on the host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificatePaths {
    /// Certificate and chain.
    pub fullchain: String,
    /// Private key.
    pub key: String,
}

impl CertificatePaths {
    /// Where Slipway puts a certificate of its own or of the operator.
    pub fn slipway(site: &str) -> Self {
        let directory = format!("/etc/slipway/tls/{site}");
        Self { fullchain: format!("{directory}/fullchain.pem"), key: format!("{directory}/privkey.pem") }
    }

    /// Where certbot keeps the certificate named after `domain` (certbot documentation, "Where are my certificates?").
    pub fn certbot(domain: &str) -> Self {
        let directory = format!("/etc/letsencrypt/live/{domain}");
        Self { fullchain: format!("{directory}/fullchain.pem"), key: format!("{directory}/privkey.pem") }
    }
}

/// One of the two sets of ports of processes that open their ports themselves.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum PortSet {
    /// The ports as in the site file.
    #[default]
    A,
    /// The ports 1000 above.
    B,
}

impl PortSet {
    /// The set that a new release starts on while this one serves.
    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Self::A => Self::B,
            Self::B => Self::A,
        }
    }
}
