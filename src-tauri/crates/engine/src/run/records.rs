//! What a run writes down on the host: the manifest, the audit log, the release's own record, the certificate.

use std::sync::PoisonError;

use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair, SanType};
use serde::Serialize;
use slipway_core::command::{Command, Stdin};
use slipway_core::digest::Digest;
use slipway_core::event::{Verdict, VerdictKind};
use slipway_core::manifest::{CertificateRecord, Manifest, OwnedFile};
use slipway_core::plan::{Action, FileContent, Intent};
use slipway_core::release::{Layout, ReleaseRecord};
use slipway_core::secret::Secret;

use super::{Going, StepFailure};

const WRITE: &str = r#"
set -u
directory=$(dirname "$1")
mkdir -p -m 0755 /var/lib/slipway && mkdir -p -m 0700 "$directory" || exit 1
for left in "$directory"/.slipway.??????; do [ ! -f "$left" ] || rm -f "$left"; done
temporary=$(mktemp "$directory/.slipway.XXXXXX") || exit 1
cat >"$temporary" && chmod "$2" "$temporary" && sync -d "$temporary" && mv -fT "$temporary" "$1" && exit 0
rm -f "$temporary"
exit 1
"#;
const APPEND: &str = r#"mkdir -p -m 0700 "$(dirname "$1")" && cat >>"$1" && chmod 0600 "$1""#;

fn write(path: &str, mode: &str, content: Stdin) -> Command {
    Command::script(WRITE, [path, mode]).stdin(content)
}

/// The command that adds a line of plain strings to the site's audit log.
pub(crate) fn append_audit(layout: &Layout, line: &impl Serialize) -> Command {
    // Plain strings always serialise.
    let text = serde_json::to_string(line).unwrap_or_default() + "\n";
    Command::script(APPEND, [layout.audit()]).stdin(Stdin::Bytes(text.into_bytes()))
}

#[derive(Serialize)]
struct AuditLine<'a> {
    at: String,
    run: &'a str,
    operator: &'a str,
    verb: &'a str,
    plan: &'a str,
    event: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    verdict: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    summary: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    steps: Vec<&'a str>,
}

impl Going<'_> {
    fn audit(&self, event: &str, verdict: Option<&Verdict>, steps: Vec<&str>) -> Command {
        let line = AuditLine {
            at: self.run.asked.clock.now().to_string(),
            run: &self.run.asked.run,
            operator: &self.run.asked.operator,
            verb: self.run.plan.intent.verb(),
            plan: self.run.plan.id.short(),
            event,
            verdict: verdict.map(|verdict| verdict.kind.label()),
            summary: verdict.map(|verdict| verdict.summary.as_str()),
            steps,
        };
        append_audit(&self.layout, &line)
    }

    fn store_manifest(&self, manifest: &Manifest) -> Command {
        let text = serde_json::to_string_pretty(manifest).unwrap_or_default();
        write(&self.layout.manifest(), "0600", Stdin::Bytes(text.into_bytes()))
    }

    /// Records what is going to be written, so that an interrupted run is known for what it is.
    pub(crate) async fn record_begin(&self) -> Result<(), StepFailure> {
        let run = self.run;
        let mut manifest = self.record();
        if !matches!(run.plan.intent, Intent::Uninstall { .. }) {
            manifest.pending = run.bundle.files.iter().map(|file| (file.path.clone(), file.digest.clone())).collect();
        }
        self.stamp(&mut manifest);
        self.keep(&manifest);
        let titles = run.plan.steps.iter().map(|step| step.id.as_str()).collect();
        self.simple(vec![self.lock.renewal(), self.store_manifest(&manifest), self.audit("begin", None, titles)]).await
    }

    /// The record as this run has written it so far.
    fn record(&self) -> Manifest {
        self.record.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn keep(&self, manifest: &Manifest) {
        self.record.lock().unwrap_or_else(PoisonError::into_inner).clone_from(manifest);
    }

    fn stamp(&self, manifest: &mut Manifest) {
        manifest.updated_by.clone_from(&self.run.asked.operator);
        manifest.updated_at = self.run.asked.clock.now().to_string();
    }

    /// Records how it ended. A host that is gone learns it with the next run.
    ///
    /// # Errors
    /// When that is not all written down: why.
    pub(crate) async fn record_end(&self, verdict: &Verdict) -> Result<(), StepFailure> {
        let run = self.run;
        let mut commands =
            vec![self.audit("end", Some(verdict), Vec::new()), slipway_core::task::clean_up(&run.asked.run)];
        // Of a site that is gone, nothing is recorded but that.
        if matches!(verdict.kind, VerdictKind::Succeeded) && !matches!(run.plan.intent, Intent::Uninstall { .. }) {
            let mut manifest = self.record();
            self.fold(&mut manifest);
            if let Intent::Rollback { release } = &run.plan.intent {
                let _ = self.adopt_files(&self.layout, &mut manifest, release).await;
            }
            self.stamp(&mut manifest);
            // A run that has lost the lock must not write over what its new holder has recorded.
            commands.extend([self.lock.renewal(), self.store_manifest(&manifest)]);
        }
        self.simple(commands).await
    }

    /// Puts what the plan did into the record.
    fn fold(&self, manifest: &mut Manifest) {
        manifest.pending.clear();
        let mut rollback = false;
        for step in &self.run.plan.steps {
            match &step.action {
                Action::InstallPackages { packages, .. } => manifest.packages.extend(packages.iter().cloned()),
                Action::CreateUser { .. } => manifest.user = true,
                Action::MakeDirectory { path, .. } => {
                    manifest.directories.insert(path.clone());
                }
                Action::OpenFirewall { services, .. } => manifest.firewall.extend(services.iter().cloned()),
                Action::Activate(activation) => {
                    manifest.instances.clone_from(&activation.instances);
                    manifest.front.clone_from(&activation.front);
                    rollback = matches!(self.run.plan.intent, Intent::Rollback { .. });
                }
                _ => {}
            }
        }
        if rollback {
            // The files that came back are the target's own; `adopt_files` has read them from its index.
            return;
        }
        manifest.files = self
            .run
            .bundle
            .files
            .iter()
            .map(|file| {
                let masked = match &file.content {
                    FileContent::Text { .. } => None,
                    FileContent::Secret { masked } => Some(masked.clone()),
                };
                let owned = OwnedFile {
                    digest: file.digest.clone(),
                    mode: file.mode,
                    owner: file.owner.clone(),
                    group: file.group.clone(),
                    masked,
                };
                (file.path.clone(), owned)
            })
            .collect();
    }

    /// The command that puts the release's record into it.
    pub(crate) fn record_release(&self, record: &ReleaseRecord) -> Result<Command, StepFailure> {
        let text = serde_json::to_string_pretty(record).map_err(|error| StepFailure::new(error.to_string()))?;
        let path = format!("{}/release.json", self.layout.building(&record.id));
        // It holds a digest of the configuration, secrets included: root's only.
        Ok(Command::script(r#"umask 077; rm -f "$1"; cat >"$1""#, [path]).stdin(Stdin::Bytes(text.into_bytes())))
    }

    /// The command that keeps the release's instances with its configuration, for a later rollback.
    pub(crate) fn record_instances(&self, record: &ReleaseRecord) -> Command {
        let text = serde_json::to_string(&self.run.bundle.instances).unwrap_or_default();
        let path = format!("{}/config/.instances", self.layout.building(&record.id));
        Command::script(r#"cat >"$1" && chmod 0644 "$1""#, [path]).stdin(Stdin::Bytes(text.into_bytes()))
    }

    /// Makes a self-signed certificate and puts it in place, key first.
    pub(crate) async fn certificate(&self, directory: &str, names: &[String], days: u32) -> Result<(), StepFailure> {
        let now = self.run.asked.clock.now();
        let (certificate, key) =
            self_signed(names, now.as_second(), days).map_err(|error| StepFailure::new(error.to_string()))?;
        // The record goes with the files, so that the next look at the host knows what they are.
        let mut manifest = self.record();
        let expires = u64::try_from(now.as_second()).unwrap_or(0) + u64::from(days) * 86_400;
        manifest.certificate = Some(CertificateRecord { names: names.to_vec(), expires });
        self.keep(&manifest);
        let mut commands = vec![
            self.lock.renewal(),
            write(&format!("{directory}/privkey.pem"), "0600", Stdin::Secret(key)),
            write(&format!("{directory}/fullchain.pem"), "0644", Stdin::Bytes(certificate.into_bytes())),
            self.store_manifest(&manifest),
        ];
        if self.run.manifest().is_some_and(|manifest| manifest.certificate.is_some()) {
            // nginx serves with the one before until it is told.
            let reload = "systemctl is-active -q nginx || exit 0; nginx -t -q && systemctl reload nginx";
            commands.push(Command::script(reload, [""]));
        }
        self.simple(commands).await
    }
}

fn self_signed(names: &[String], now: i64, days: u32) -> Result<(String, Secret), rcgen::Error> {
    let mut params = CertificateParams::default();
    let mut subject = DistinguishedName::new();
    if let Some(first) = names.first() {
        subject.push(DnType::CommonName, first.clone());
    }
    params.distinguished_name = subject;
    for name in names {
        params.subject_alt_names.push(match name.parse() {
            Ok(address) => SanType::IpAddress(address),
            Err(_) => SanType::DnsName(name.clone().try_into()?),
        });
    }
    // A day earlier, so that clocks that are a little behind accept it.
    let at =
        |seconds: i64| rcgen::date_time_ymd(1970, 1, 1) + std::time::Duration::from_secs(seconds.max(0).unsigned_abs());
    params.not_before = at(now - 86_400);
    params.not_after = at(now + i64::from(days) * 86_400);
    let key = KeyPair::generate()?;
    let certificate = params.self_signed(&key)?;
    Ok((certificate.pem(), Secret::new(key.serialize_pem().into_bytes())))
}

/// Reads the index of a release's configuration and the digests of its files on the host.
pub(crate) const READ_CONFIG: &str = r#"
set -u
cd "$1/config" || exit 1
cat .index || exit 1
echo =digests
while read -r mode owner group path; do sha256sum ".$path" || exit 1; done <.index
echo =end
"#;

/// Reads the reply to [`READ_CONFIG`]: owned files by path.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn parse_config(text: &str) -> Result<std::collections::BTreeMap<String, OwnedFile>, String> {
    let (index, rest) = text.split_once("=digests\n").ok_or("the release's configuration has no index")?;
    let digests = rest.strip_suffix("=end\n").ok_or("the reply was cut off")?;
    let mut files = std::collections::BTreeMap::new();
    for (line, sum) in index.lines().zip(digests.lines()) {
        let strange = || format!("the release's configuration has a strange line: {line:?}");
        let parts: Vec<&str> = line.splitn(4, ' ').collect();
        let [mode, owner, group, path] = parts.as_slice() else { return Err(strange()) };
        let (digest, file) = sum.split_once("  .").ok_or_else(strange)?;
        if file != *path {
            return Err(strange());
        }
        let owned = OwnedFile {
            digest: digest.parse::<Digest>().map_err(|_| strange())?,
            mode: u32::from_str_radix(mode, 8).map_err(|_| strange())?,
            owner: (*owner).to_owned(),
            group: (*group).to_owned(),
            masked: None,
        };
        files.insert((*path).to_owned(), owned);
    }
    Ok(files)
}

impl Going<'_> {
    /// After a rollback: the record takes over the files of the release that came back.
    pub(crate) async fn adopt_files(
        &self,
        layout: &Layout,
        manifest: &mut Manifest,
        release: &slipway_core::release::ReleaseId,
    ) -> Result<(), StepFailure> {
        let output = self
            .run
            .link
            .ask(|| Command::script(READ_CONFIG, [layout.release(release)]))
            .await
            .map_err(|failure| StepFailure::lost(&failure))?;
        if !output.success() {
            return Err(StepFailure::new(output.complaint()));
        }
        let files = parse_config(&output.text()).map_err(StepFailure::new)?;
        manifest.files = files;
        Ok(())
    }
}
