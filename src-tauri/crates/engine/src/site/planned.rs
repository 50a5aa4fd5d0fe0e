//! A plan together with everything that is needed to apply it.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use serde::{Deserialize, Serialize};
use slipway_core::activation::{Gated, Guard, Instance, as_running, beside_running};
use slipway_core::digest::Digest;
use slipway_core::facts::Facts;
use slipway_core::facts::paths::PathState;
use slipway_core::plan::build::environment_marker;
use slipway_core::plan::new_release::{NewRelease, Origin, Target};
use slipway_core::plan::release::{gated, needs_reconfiguration, plan_apply, plan_deploy, plan_rollback};
use slipway_core::plan::uninstall::plan_uninstall;
use slipway_core::plan::wanted::{Purpose, questions};
use slipway_core::plan::{Action, FileWrite, Intent, Moved, Plan, Situation, Wanted, carried, moved};
use slipway_core::profile::HostProfile;
use slipway_core::release::{Layout, ReleaseId, ReleaseRecord};
use slipway_core::resource::file::File;
use slipway_core::seen::Questions;
use slipway_core::site::Site;

use super::bundle::Bundle;
use crate::asked::Asked;
use crate::beneath::SiteFolder;
use crate::failure::{Code, Failure, Outcome};
use crate::link::Link;
use crate::observe::{self, SiteView};
use crate::source::{Source, Upload};
use crate::supplies::Supplies;

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "request", rename_all = "kebab-case")]
pub enum Request {
    /// Bring set-up and configuration to what the site file says.
    Apply,
    /// Make a new release live; `reference` goes before the site file's.
    Deploy {
        /// Branch, tag or commit.
        reference: Option<String>,
    },
    /// Make an earlier release live again; without one, the last known-good one before the active one.
    Rollback {
        /// Which.
        to: Option<ReleaseId>,
    },
    /// Take the site off the host.
    Uninstall {
        /// Whether its data, log files and user go, too.
        data: bool,
    },
}

/// A plan with what it was made from.
pub struct Planned {
    /// The plan.
    pub plan: Plan,
    /// The site.
    pub site: Site,
    /// The host.
    pub link: Arc<Link>,
    /// Who asked.
    pub asked: Asked,
    /// The host's facts.
    pub facts: Facts,
    /// How to treat the host.
    pub profile: HostProfile,
    /// The site on the host, as it was.
    pub view: SiteView,
    /// The site's files.
    pub bundle: Bundle,
    /// Source to send.
    pub upload: Option<Upload>,
    /// What was asked of the host beyond its facts.
    questions: Questions,
    /// When it was made, seconds since 1970, by this computer's clock.
    now: u64,
    /// Whether it is being carried out or was: its name on the host is good for one run.
    pub(crate) used: AtomicBool,
}

/// Paths of the site file's folder and the site itself.
pub struct SiteInput<'a> {
    /// The validated site.
    pub site: &'a Site,
    /// Folder that relative paths of the site file start from.
    pub beside: &'a SiteFolder,
    /// Secrets, templates.
    pub supplies: &'a Supplies,
}

/// Everything that a site is to be, apart from a release.
struct Aim<'a> {
    input: &'a SiteInput<'a>,
    host: &'a str,
    facts: &'a Facts,
    profile: &'a HostProfile,
}

impl Aim<'_> {
    /// Rules for the ports of both releases, while `instances` take over from those that run.
    fn guard(&self, instances: &[Instance], running: &[Instance], gated: &[Gated]) -> Outcome<Option<Guard>> {
        let Self { input, host, facts, profile } = self;
        Bundle::guard(input.site, host, facts, profile, input.supplies, &[instances, running], gated)
    }

    fn gate(&self, release: &ReleaseId, gated: &[Gated]) -> Outcome<Vec<FileWrite>> {
        let Self { input, host, facts, profile } = self;
        Bundle::gate(input.site, host, facts, profile, input.supplies, release, gated)
    }
}

impl Planned {
    /// Looks at the host and plans: two round trips when nothing has to be fetched.
    ///
    /// # Errors
    /// When the host cannot be looked at, or the request makes no sense there.
    pub async fn make(link: Arc<Link>, input: &SiteInput<'_>, request: &Request, asked: Asked) -> Outcome<Self> {
        let site = input.site;
        let connection = link.connection().await;
        let facts = observe::facts_for_planning(&connection).await?;
        let profile = observe::profile(link.name(), &facts)?;
        let records = observe::records(link.name(), &facts, &site.name, profile.manager)?;
        let mut bundle = match request {
            // Nothing is wanted any more, so that a site can go whose secrets or templates are lost.
            Request::Uninstall { .. } => Bundle::none(),
            Request::Apply | Request::Deploy { .. } | Request::Rollback { .. } => {
                Bundle::render(site, input.beside, link.name(), &facts, &profile, input.supplies)?
            }
        };
        let running = records.site.as_ref().map(|manifest| manifest.instances.clone()).unwrap_or_default();
        bundle.instances = as_running(bundle.instances, &running);
        let source = match request {
            Request::Deploy { reference } => {
                Some(Source::resolve(&link, site, input.beside, reference.as_deref(), &asked, input.supplies).await?)
            }
            Request::Apply | Request::Rollback { .. } | Request::Uninstall { .. } => None,
        };
        let mut release = match &source {
            Some(source) => Some(source.release(site, &asked)?),
            None => None,
        };
        let marker = release.as_ref().and_then(|release| environment_marker(&facts, &profile, site, release));
        let wanted = Wanted {
            site,
            files: &bundle.files,
            instances: &bundle.instances,
            default_servers: &bundle.default_servers,
        };
        let now = u64::try_from(asked.clock.now().as_second()).unwrap_or(0);
        let purpose = match request {
            Request::Uninstall { .. } => Purpose::Departure,
            Request::Apply | Request::Deploy { .. } | Request::Rollback { .. } => Purpose::Presence,
        };
        let mut questions = questions(&wanted, &records, &facts, &profile, purpose, now);
        marker.into_iter().for_each(|path| questions.path(path));
        let view = observe::site(&connection, &wanted, records, &facts, &profile, &questions).await?;
        let seen = view.seen(&facts, &profile, site);
        let situation = Situation {
            host: link.name(),
            seen: &seen,
            records: &view.records,
            newer: &view.newer,
            memory: &view.memory,
            now,
        };
        if *request == Request::Apply {
            release = Self::reconfiguration(&link, &situation, &wanted, &asked).await?;
        }
        let fresh = beside_running(bundle.instances.clone(), &running);
        let wanted = match &release {
            Some(_) => Wanted { instances: &fresh, ..wanted },
            None => wanted,
        };
        let aim = Aim { input, host: link.name(), facts: &facts, profile: &profile };
        if let Some(release) = &mut release {
            let gated = gated(&situation, &wanted);
            release.gate = aim.gate(&release.record.id, &gated)?;
            release.guard = aim.guard(&fresh, &running, &gated)?;
        }
        let plan = match (request, &release) {
            (Request::Deploy { .. }, Some(release)) => plan_deploy(&situation, &wanted, release),
            (Request::Rollback { to }, _) => {
                Self::rollback(&link, &situation, &wanted, to.as_ref(), &asked, &aim).await?
            }
            (Request::Uninstall { data }, _) => plan_uninstall(&situation, &wanted, *data),
            (Request::Apply | Request::Deploy { .. }, release) => plan_apply(&situation, &wanted, release.as_ref()),
        };
        drop(seen);
        let upload = source.and_then(Source::into_upload);
        if release.is_some() {
            bundle.instances = fresh;
        }
        Ok(Self {
            plan,
            site: site.clone(),
            link,
            asked,
            facts,
            profile,
            view,
            bundle,
            upload,
            questions,
            now,
            used: AtomicBool::new(false),
        })
    }

    /// The release that a change of configuration under a running site becomes.
    async fn reconfiguration(
        link: &Link,
        situation: &Situation<'_>,
        wanted: &Wanted<'_>,
        asked: &Asked,
    ) -> Outcome<Option<NewRelease>> {
        let layout = Layout::new(&wanted.site.name);
        let Some(current) = situation.current(&layout) else { return Ok(None) };
        if !needs_reconfiguration(situation, wanted) {
            return Ok(None);
        }
        let old = read_record(link, &layout, &current).await?;
        let id = asked.new_id(&[current.as_str().as_bytes(), b"configuration"])?;
        let record = ReleaseRecord {
            id,
            author: asked.operator.clone(),
            created: asked.clock.now().to_string(),
            code_of: Some(old.code_of.clone().unwrap_or(current.clone())),
            ..old
        };
        Ok(Some(NewRelease {
            record,
            origin: Origin::Release(current),
            lock: Digest::of(b""),
            requirements: Vec::new(),
            gate: Vec::new(),
            guard: None,
        }))
    }

    async fn rollback(
        link: &Link,
        situation: &Situation<'_>,
        wanted: &Wanted<'_>,
        to: Option<&ReleaseId>,
        asked: &Asked,
        aim: &Aim<'_>,
    ) -> Outcome<Plan> {
        let layout = Layout::new(&wanted.site.name);
        let current = situation.current(&layout);
        let release = match to {
            Some(id) => id.clone(),
            None => situation.seen.ledger().previous_good(current.as_ref()).ok_or_else(|| {
                Failure::new(
                    Code::Blocked,
                    format!("{}: there is no earlier known-good release of {}", link.name(), wanted.site.name),
                )
                .because("nothing was changed")
                .hint("slipway releases shows what there is")
            })?,
        };
        if !situation.seen.releases().contains(&release) {
            return Err(Failure::new(
                Code::Blocked,
                format!("{}: there is no release {release} of {}", link.name(), wanted.site.name),
            )
            .because("nothing was changed")
            .hint("slipway releases shows what there is"));
        }
        let (files, instances) = read_configuration(link, &layout, &release, wanted.site).await?;
        let running = situation.instances();
        let instances = beside_running(instances, running);
        let guard = aim.guard(&instances, running, &[])?;
        let target = Target { release, files, instances, guard };
        Ok(plan_rollback(situation, wanted, &target, &asked.operator))
    }

    /// Looks again and says what has changed since the plan was made.
    ///
    /// # Errors
    /// When the host cannot be looked at.
    pub async fn moved(&self) -> Outcome<Vec<Moved>> {
        let (facts, view) = self.look().await?;
        Ok(moved(&self.plan.observed, &view.seen(&facts, &self.profile, &self.site)))
    }

    /// Looks again and says what is still to be done.
    ///
    /// # Errors
    /// When the host cannot be looked at.
    pub async fn unfinished(&self) -> Outcome<Vec<String>> {
        let (facts, view) = self.look().await?;
        let seen = view.seen(&facts, &self.profile, &self.site);
        let host = self.link.name();
        let situation = Situation {
            host,
            seen: &seen,
            records: &view.records,
            newer: &view.newer,
            memory: &view.memory,
            now: self.now,
        };
        let plan = match self.plan.intent {
            Intent::Uninstall { data } => plan_uninstall(&situation, &self.wanted(), data),
            Intent::Apply | Intent::Deploy { .. } | Intent::Rollback { .. } => {
                plan_apply(&situation, &self.wanted(), None)
            }
        };
        // What this run is about to write down itself is not left to be done.
        let open = plan.steps.into_iter().filter(|step| step.action != Action::Record);
        Ok(open.map(|step| step.title).collect())
    }

    async fn look(&self) -> Outcome<(Facts, SiteView)> {
        let connection = self.link.connection().await;
        let facts = observe::facts_for_planning(&connection).await?;
        let records = observe::records(self.link.name(), &facts, &self.site.name, self.profile.manager)?;
        let view = observe::site(&connection, &self.wanted(), records, &facts, &self.profile, &self.questions).await?;
        Ok((facts, view))
    }

    /// What the site is to be.
    pub fn wanted(&self) -> Wanted<'_> {
        Wanted {
            site: &self.site,
            files: &self.bundle.files,
            instances: &self.bundle.instances,
            default_servers: &self.bundle.default_servers,
        }
    }

    /// The active release, when the plan was made.
    pub fn live(&self) -> Option<ReleaseId> {
        let layout = Layout::new(&self.site.name);
        let state = self.view.paths.get(&layout.current()).map(|observed| &observed.state)?;
        if let PathState::Symlink { target, .. } = state { layout.release_of(target) } else { None }
    }
}

/// Reads a release's own record.
///
/// # Errors
/// When it is not there or cannot be read.
pub async fn read_record(link: &Link, layout: &Layout, id: &ReleaseId) -> Outcome<ReleaseRecord> {
    let path = format!("{}/release.json", layout.release(id));
    let output = link.run(slipway_core::command::Command::new(["head", "-c", "65536", "--", &path])).await?;
    let strange = |why: String| Failure::new(Code::Host, format!("{}: {path} cannot be read: {why}", link.name()));
    if !output.success() {
        return Err(strange(output.complaint()));
    }
    serde_json::from_slice(&output.stdout).map_err(|error| strange(error.to_string()))
}

/// Files and instances of a release, from the configuration that it carries.
async fn read_configuration(
    link: &Link,
    layout: &Layout,
    id: &ReleaseId,
    site: &Site,
) -> Outcome<(Vec<File>, Vec<Instance>)> {
    let output = link.ask(|| carried::command(&layout.release(id))).await?;
    carried::parse(&output, &site.name).map_err(|why| {
        Failure::new(
            Code::Host,
            format!("{}: the configuration of release {id} of {} cannot be read: {why}", link.name(), site.name),
        )
        .because("nothing was changed")
    })
}
