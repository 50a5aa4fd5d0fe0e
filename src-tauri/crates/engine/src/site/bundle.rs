//! The bundle of a site: its files rendered for one host, with secrets filled in.

use std::collections::BTreeMap;
use std::path::Path;

use slipway_core::activation::Instance;
use slipway_core::digest::Digest;
use slipway_core::facts::Facts;
use slipway_core::plan::FileContent;
use slipway_core::plan::FileWrite;
use slipway_core::plan::action::Payloads;
use slipway_core::plan::observed::WantedFile;
use slipway_core::profile::HostProfile;
use slipway_core::release::ReleaseId;
use slipway_core::render::{
    self, CertificatePaths, Content, DefaultServer, Platform, PortSet, RenderError, RenderInput, Rendered, RenderedFile,
};
use slipway_core::site::{Site, TlsMode};

use crate::failure::{Code, Failure, Outcome};
use crate::supplies::Supplies;

/// A site's files for one host.
pub struct Bundle {
    /// The files.
    pub files: Vec<WantedFile>,
    /// Contents with secrets, by path.
    pub payloads: Payloads,
    /// Instances, in the order in which they are replaced.
    pub instances: Vec<Instance>,
}

impl Bundle {
    /// No files at all.
    pub fn none() -> Self {
        Self { files: Vec::new(), payloads: Payloads::new(), instances: Vec::new() }
    }

    /// Renders `site` for a host. `base` is where relative paths of the site file start.
    ///
    /// # Errors
    /// Everything that could not be rendered, each with its field.
    pub fn render(
        site: &Site,
        base: &Path,
        host: &str,
        facts: &Facts,
        profile: &HostProfile,
        supplies: &Supplies,
    ) -> Outcome<Self> {
        let platform = platform(facts, profile);
        let salts = salts(site, host);
        let input = input(site, &platform, &salts, supplies);
        let rendered = render::render(&input).map_err(|errors| refused(site, &errors))?;
        let mut bundle = Self { files: Vec::new(), payloads: Payloads::new(), instances: instances(&rendered) };
        for file in rendered.files {
            bundle.take(file);
        }
        if let Some(operator) = &site.access.operator {
            bundle.take(render::render_operator(&input, operator).map_err(|errors| refused(site, &errors))?);
        }
        bundle.own_certificate(site, base, supplies)?;
        Ok(bundle)
    }

    /// The operator's own certificate: the chain from a file, the key from the keyring.
    fn own_certificate(&mut self, site: &Site, base: &Path, supplies: &Supplies) -> Outcome<()> {
        let (TlsMode::Own, Some(file), Some(name)) = (site.tls.mode, &site.tls.certificate, &site.tls.key) else {
            return Ok(());
        };
        let path = base.join(file);
        let chain = std::fs::read_to_string(&path).map_err(|error| {
            Failure::new(Code::Local, format!("the certificate {} cannot be read: {error}", path.display()))
                .hint("tls.certificate is relative to the site file and holds the certificate and its chain in PEM")
        })?;
        if !chain.contains("-----BEGIN CERTIFICATE-----") {
            return Err(Failure::new(Code::Local, format!("{} holds no certificate in PEM", path.display())));
        }
        let missing =
            || Failure::new(Code::Secrets, format!("the key {name} of the certificate is not in the keyring"));
        let key = supplies.secrets.get(name.as_str()).ok_or_else(missing)?;
        if !key.expose_str().is_ok_and(|text| text.contains("PRIVATE KEY-----")) {
            return Err(Failure::new(Code::Secrets, format!("the secret {name} is not a private key in PEM"))
                .hint(format!("slipway secret set {name} --file KEY.pem")));
        }
        let paths = CertificatePaths::slipway(&site.name);
        let fingerprint = render::fingerprint(&supplies.fingerprint_key, key.expose());
        let file = |path: String, mode: u32, content: FileContent, digest: Digest| WantedFile {
            path,
            mode,
            owner: "root".to_owned(),
            group: "root".to_owned(),
            content,
            digest,
        };
        self.payloads.insert(paths.key.clone(), key.clone());
        let masked = format!("•••••• (fingerprint {fingerprint})\n");
        let digest = Digest::of(key.expose());
        self.files.insert(0, file(paths.key, 0o600, FileContent::Secret { masked }, digest));
        let digest = Digest::of(chain.as_bytes());
        self.files.insert(1, file(paths.fullchain, 0o644, FileContent::Text { text: chain }, digest));
        Ok(())
    }

    /// Renders the gate's units for `release` on `port` and returns them as files to keep with the release.
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
        port: u16,
    ) -> Outcome<Vec<FileWrite>> {
        let Some((name, _)) = slipway_core::plan::release::gated_process(site) else { return Ok(Vec::new()) };
        let platform = platform(facts, profile);
        let salts = salts(site, host);
        let input = input(site, &platform, &salts, supplies);
        let files =
            render::render_gate(&input, name, release.as_str(), port).map_err(|errors| refused(site, &errors))?;
        let write = |file: RenderedFile| {
            let text = file.masked().to_owned();
            FileWrite {
                path: format!("/.gate{}", file.path),
                mode: file.mode,
                owner: "root".to_owned(),
                group: "root".to_owned(),
                content: FileContent::Text { text },
                expected: None,
                keep: None,
            }
        };
        Ok(files.into_iter().map(write).collect())
    }

    fn take(&mut self, file: RenderedFile) {
        let digest = Digest::of(file.bytes());
        let content = match file.content {
            Content::Text(text) => FileContent::Text { text },
            Content::Secret(secret) => {
                self.payloads.insert(file.path.clone(), secret.value);
                FileContent::Secret { masked: secret.masked }
            }
        };
        self.files.push(WantedFile {
            path: file.path,
            mode: file.mode,
            owner: file.owner,
            group: file.group,
            content,
            digest,
        });
    }
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
        default_server: DefaultServer::No,
        active_ports: PortSet::A,
    }
}

fn instances(rendered: &Rendered) -> Vec<Instance> {
    let mut all = Vec::new();
    for process in &rendered.units.processes {
        for (index, instance) in process.instances.iter().enumerate() {
            all.push(Instance {
                unit: instance.service.clone(),
                socket: instance.socket.clone(),
                port: instance.port,
                alternate: process.standby.get(index).and_then(|standby| standby.port),
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
