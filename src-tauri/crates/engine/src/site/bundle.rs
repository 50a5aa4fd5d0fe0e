//! The bundle of a site: its files rendered for one host, with secrets filled in.

use std::collections::BTreeMap;

use slipway_core::activation::{Gated, Guard, Instance};
use slipway_core::digest::Digest;
use slipway_core::facts::Facts;
use slipway_core::plan::wanted;
use slipway_core::plan::{FileContent, FileWrite};
use slipway_core::profile::HostProfile;
use slipway_core::release::ReleaseId;
use slipway_core::render::{
    self, CertificatePaths, Content, FileRole, GuardedPorts, Platform, PortSet, RenderError, RenderInput, Rendered,
    RenderedFile, SecretContent,
};
use slipway_core::resource::Payloads;
use slipway_core::resource::default_server::DefaultServer;
use slipway_core::resource::file::File;
use slipway_core::secret::Secret;
use slipway_core::site::{EnvName, Site, TlsMode};

use super::certificate;
use crate::beneath::SiteFolder;
use crate::failure::{Code, Failure, Outcome};
use crate::supplies::Supplies;

/// Most bytes of a file with a certificate and its chain.
const MOST_CERTIFICATES: u64 = 1 << 20;

/// A site's files for one host.
pub struct Bundle {
    /// The files.
    pub files: Vec<File>,
    /// Contents with secrets, by path.
    pub payloads: Payloads,
    /// Values of secrets that builds get, by name.
    pub build_secrets: BTreeMap<String, Secret>,
    /// Instances, in the order in which they are replaced.
    pub instances: Vec<Instance>,
    /// What answers requests for names that no site has.
    pub default_servers: Vec<DefaultServer>,
}

impl Bundle {
    /// No files at all.
    pub fn none() -> Self {
        Self {
            files: Vec::new(),
            payloads: Payloads::new(),
            build_secrets: BTreeMap::new(),
            instances: Vec::new(),
            default_servers: Vec::new(),
        }
    }

    /// Renders `site` for a host. `beside` is where relative paths of the site file start.
    ///
    /// # Errors
    /// Everything that could not be rendered, each with its field.
    pub fn render(
        site: &Site,
        beside: &SiteFolder,
        host: &str,
        facts: &Facts,
        profile: &HostProfile,
        supplies: &Supplies,
    ) -> Outcome<Self> {
        let platform = platform(facts, profile);
        let salts = salts(site, host);
        let input = input(site, &platform, &salts, supplies);
        let rendered = render::render(&input).map_err(|errors| refused(site, &errors))?;
        let mut bundle = Self {
            build_secrets: build_secrets(site, supplies),
            instances: instances(&rendered, site),
            default_servers: wanted::default_servers(site, profile, &platform),
            ..Self::none()
        };
        for file in rendered.files {
            bundle.take(file, site);
        }
        if let Some(operator) = &site.access.operator {
            bundle.take(render::render_operator(&input, operator).map_err(|errors| refused(site, &errors))?, site);
        }
        bundle.own_certificate(site, beside, supplies)?;
        Ok(bundle)
    }

    /// The operator's own certificate: the chain from a file, the key from the keyring.
    fn own_certificate(&mut self, site: &Site, beside: &SiteFolder, supplies: &Supplies) -> Outcome<()> {
        let (TlsMode::Own, Some(file), Some(name)) = (site.tls.mode, &site.tls.certificate, &site.tls.key) else {
            return Ok(());
        };
        let unreadable = |why: String| {
            Failure::new(Code::Local, format!("the certificate {file} cannot be read: {why}"))
                .because("nothing was changed")
                .hint("tls.certificate is relative to the site file and holds the certificate and its chain in PEM")
        };
        let path = beside.find_file(file, MOST_CERTIFICATES).map_err(|astray| astray.failure(unreadable))?;
        let chain = std::fs::read_to_string(&path).map_err(|error| unreadable(error.to_string()))?;
        let missing =
            || Failure::new(Code::Secrets, format!("the key {name} of the certificate is not in the keyring"));
        let key = supplies.secrets.get(name.as_str()).ok_or_else(missing)?;
        let text = key.expose_str().map_err(|_| {
            Failure::new(Code::Secrets, format!("the secret {name} is not a private key in PEM"))
                .hint(format!("slipway secret set {name} --file KEY.pem"))
        })?;
        let chain = certificate::check(&chain, text).map_err(|why| {
            Failure::new(Code::Secrets, format!("the certificate {} and the key {name} do not fit: {why}", path.display()))
                .because("nothing was changed")
                .hint(format!("tls.certificate names the certificate and its chain in PEM; slipway secret set {name} --file KEY.pem sets its key"))
        })?;
        let paths = CertificatePaths::slipway(&site.name);
        let fingerprint = render::fingerprint(&supplies.fingerprint_key, key.expose());
        let masked = format!("•••••• (fingerprint {fingerprint})\n");
        let file = |path: String, mode: u32, content: Content| RenderedFile {
            path,
            owner: "root".to_owned(),
            group: "root".to_owned(),
            mode,
            content,
            role: FileRole::Certificate,
        };
        let secret = Content::Secret(SecretContent { value: key.clone(), masked });
        // They come before what uses them.
        let others = std::mem::take(&mut self.files);
        self.take(file(paths.key, 0o600, secret), site);
        self.take(file(paths.fullchain, 0o644, Content::Text(chain)), site);
        self.files.extend(others);
        Ok(())
    }

    /// Renders the units that prove each of `gated` of `release`, as files to keep with the release.
    ///
    /// # Errors
    /// As [`Bundle::render`].
    pub fn gate(
        site: &Site,
        host: &str,
        facts: &Facts,
        profile: &HostProfile,
        supplies: &Supplies,
        release: &ReleaseId,
        gated: &[Gated],
    ) -> Outcome<Vec<FileWrite>> {
        let platform = platform(facts, profile);
        let salts = salts(site, host);
        let input = input(site, &platform, &salts, supplies);
        let write = |file: RenderedFile| {
            let text = file.masked().to_owned();
            FileWrite {
                path: format!("/.gate{}", file.path),
                mode: file.mode,
                owner: "root".to_owned(),
                group: "root".to_owned(),
                content: FileContent::Text { text },
                effects: Vec::new(),
                expected: None,
                keep: None,
                stage: None,
            }
        };
        let mut files = Vec::new();
        for one in gated {
            let Some(name) = site.process.keys().find(|name| name.as_str() == one.process) else { continue };
            let rendered = render::render_gate(&input, name, release.as_str(), one.port.unwrap_or_default());
            files.extend(rendered.map_err(|errors| refused(site, &errors))?.into_iter().map(write));
        }
        Ok(files)
    }

    /// Rules that keep `ports` from the network while releases change; none where no port has to be kept.
    ///
    /// # Errors
    /// As [`Bundle::render`].
    pub fn guard(
        site: &Site,
        host: &str,
        facts: &Facts,
        profile: &HostProfile,
        supplies: &Supplies,
        instances: &[&[Instance]],
        gated: &[Gated],
    ) -> Outcome<Option<Guard>> {
        let mut ports = GuardedPorts::default();
        for instance in instances.iter().copied().flatten() {
            ports.all.extend(instance.port.into_iter().chain(instance.alternate));
            if instance.alternate.is_some() {
                ports.open.extend(instance.port.into_iter().chain(instance.alternate));
            }
        }
        let gates: Vec<u16> = gated.iter().filter_map(|gated| gated.port).collect();
        if ports.all.is_empty() {
            return Ok(None);
        }
        let platform = platform(facts, profile);
        let salts = salts(site, host);
        let input = input(site, &platform, &salts, supplies);
        render::render_guard(&input, &ports, &gates).map(Some).map_err(|errors| refused(site, &errors))
    }

    fn take(&mut self, file: RenderedFile, site: &Site) {
        self.files.push(wanted::file(&file, &site.name));
        if let Content::Secret(secret) = file.content {
            self.payloads.insert(file.path, secret.value);
        }
    }
}

fn build_secrets(site: &Site, supplies: &Supplies) -> BTreeMap<String, Secret> {
    let value = |name: &EnvName| Some((name.to_string(), supplies.secrets.get(name.as_str())?.clone()));
    site.build_secrets().filter_map(value).collect()
}

fn input<'a>(
    site: &'a Site,
    platform: &'a Platform,
    salts: &'a BTreeMap<String, String>,
    supplies: &'a Supplies,
) -> RenderInput<'a> {
    let certificate = match (&site.tls.mode, site.domains.first()) {
        (TlsMode::CertbotWebroot | TlsMode::CertbotStandalone, Some(domain)) => CertificatePaths::certbot(domain),
        _ => CertificatePaths::slipway(&site.name),
    };
    RenderInput {
        site,
        platform,
        secrets: &supplies.secrets,
        overrides: &supplies.overrides,
        htpasswd_salts: salts,
        fingerprint_key: &supplies.fingerprint_key,
        certificate,
        active_ports: PortSet::A,
    }
}

fn instances(rendered: &Rendered, site: &Site) -> Vec<Instance> {
    let mut all = Vec::new();
    for process in &rendered.units.processes {
        let settings = site.process.get(&process.process);
        for (index, instance) in process.instances.iter().enumerate() {
            all.push(Instance {
                unit: instance.service.clone(),
                socket: instance.socket.clone(),
                port: instance.port,
                alternate: process.standby.get(index).and_then(|standby| standby.port),
                slot: Some(instance.slot.clone()),
                replace: settings.map(|settings| settings.replace).unwrap_or_default(),
                check: settings.map(|settings| settings.check.clone()).unwrap_or_default(),
            });
        }
    }
    all
}

fn platform(facts: &Facts, profile: &HostProfile) -> Platform {
    let ipv6 = facts.listeners.known().is_none_or(|listeners| {
        // A host without IPv6 has no socket on it; sshd listens on both where it can.
        listeners.iter().any(|listener| listener.address.is_none_or(|address| address.is_ipv6()))
    });
    let mut platform = Platform::of(profile, ipv6);
    for directory in [&mut platform.nginx_conf_dir, &mut platform.nginx_log_dir] {
        directory.truncate(directory.trim_end_matches('/').len());
    }
    platform
}

/// Salts of password hashes. A salt is no secret; it must differ between sites and users, and stay the same
/// from plan to plan and from desktop to desktop.
fn salts(site: &Site, host: &str) -> BTreeMap<String, String> {
    let salt = |user: &String| {
        let parts = ["slipway htpasswd salt", host, site.name.as_str(), user];
        let digest = Digest::of_parts(parts.iter().map(|part| part.as_bytes()));
        (user.clone(), digest.as_str().chars().take(16).collect())
    };
    site.access.basic.keys().map(salt).collect()
}

fn refused(site: &Site, errors: &[RenderError]) -> Failure {
    let count = errors.len();
    let mut failure = Failure::new(
        Code::BadSiteFile,
        format!("the configuration of {} cannot be rendered ({count} problems)", site.name),
    )
    .hint("nothing was changed; correct the site file or the template override");
    for error in errors {
        failure = failure.because(error.to_string());
    }
    failure
}
