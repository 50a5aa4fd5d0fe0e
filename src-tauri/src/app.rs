//! What the program holds while its window is open.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use slipway_core::site::Name;
use slipway_engine::desk::Desk;
use slipway_engine::disposable::{Disposable, TestKit};
use slipway_engine::failure::{Code, Failure, Outcome};
use slipway_engine::fleet::Fleet;
use slipway_engine::going::ActiveRuns;
use slipway_engine::inventory::HostName;
use slipway_engine::link::Link;
use slipway_engine::site::{Planned, Request};
use slipway_engine::site_file::{SiteFile, SiteFileError, read_site_file};
use slipway_engine::trial::{TrialAnswers, TrialOutcome, trial};
use tokio::sync::watch;
use tokio::task::AbortHandle;

use crate::settings::Store;
use crate::usage::Gauge;

/// Plans that can still be applied.
const MOST_PLANS: usize = 20;

/// Everything that commands work with.
pub(crate) struct App {
    /// Local state.
    pub desk: Arc<Desk>,
    /// Kept connections.
    pub fleet: Arc<Fleet>,
    /// Runs under way.
    pub going: ActiveRuns,
    /// What a person prefers.
    pub settings: Store,
    /// What Slipway itself uses.
    pub usage: Gauge,
    plans: Mutex<Vec<Arc<Made>>>,
    watches: Mutex<BTreeMap<String, AbortHandle>>,
    inventory: watch::Sender<u64>,
}

/// A plan that was made in this window.
pub(crate) struct Made {
    /// With everything that is needed to apply it.
    pub planned: Arc<Planned>,
    /// The site file that it was made from.
    pub file: SiteFile,
    /// What was asked for.
    pub request: Request,
}

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl App {
    /// Nothing is going on yet.
    pub(crate) fn new(desk: Arc<Desk>, fleet: Arc<Fleet>, settings: Store) -> Self {
        let going = ActiveRuns::new(desk.clone());
        Self {
            desk,
            fleet,
            going,
            settings,
            usage: Gauge::default(),
            plans: Mutex::default(),
            watches: Mutex::default(),
            inventory: watch::Sender::default(),
        }
    }

    /// Keeps connections to every host of the inventory.
    pub(crate) async fn keep_hosts(&self) -> Outcome<()> {
        let hosts = self.desk.inventory.hosts().map_err(Failure::from)?;
        let names: Vec<HostName> = hosts.into_iter().map(|host| host.name).collect();
        self.fleet.begin(&names).await;
        Ok(())
    }

    /// Takes over what an import brought: hosts of the same name may be other machines now.
    pub(crate) async fn imported(&self, replaced: &[String]) -> Outcome<()> {
        let known = self.desk.inventory.hosts().map_err(Failure::from)?;
        for host in known.iter().filter(|host| replaced.iter().any(|name| name == host.name.as_str())) {
            self.fleet.restart(&host.name).await;
        }
        self.tell_inventory();
        self.keep_hosts().await
    }

    /// Changes whenever a host was added, changed or removed here.
    pub(crate) fn inventory_changes(&self) -> watch::Receiver<u64> {
        self.inventory.subscribe()
    }

    /// Tells that a host was added, changed or removed.
    pub(crate) fn tell_inventory(&self) {
        self.inventory.send_modify(|count| *count += 1);
    }

    /// Begins to keep a connection to a host that was just described. The answers that worked in its trial are used.
    pub(crate) async fn begin(&self, name: &HostName, remember: bool) -> Outcome<()> {
        self.tell_inventory();
        self.fleet.retry(name).await;
        if remember {
            self.fleet.answers().remember(name, self.desk.clock.now()).await?;
        }
        Ok(())
    }

    /// Adds a disposable host. Its key is known from the inside, so nobody has to compare it.
    pub(crate) async fn add_disposable(&self, kit: &TestKit, host: &Disposable) -> Outcome<()> {
        let added = self.try_disposable(host).await;
        if added.is_err() {
            // Nobody would know of it. What removing it says is less than why it cannot be used.
            let _ = kit.down(&host.name).await;
        }
        added
    }

    async fn try_disposable(&self, host: &Disposable) -> Outcome<()> {
        let given = TrialAnswers { accepted_fingerprint: Some(host.fingerprint.clone()), ..TrialAnswers::default() };
        let form = host.form();
        let trial = trial(&self.desk, self.fleet.answers(), &form, &given, |_| {}).await;
        match trial.outcome {
            TrialOutcome::Ready { facts, .. } => {
                self.desk.add_host(&form, Some(&host.fingerprint), Some(&facts))?;
                self.tell_inventory();
                self.keep_hosts().await
            }
            TrialOutcome::Failed { failure } => Err(failure),
            other => Err(Failure::new(Code::Local, format!("the disposable host cannot be used: {other:?}"))),
        }
    }

    /// The link to a host, connecting when there is none.
    pub(crate) async fn link(&self, host: &str) -> Outcome<Arc<Link>> {
        self.fleet.link(&host_name(host)?).await
    }

    /// The file of a known site.
    pub(crate) fn site_file(&self, site: &str) -> Outcome<SiteFile> {
        self.read_site(site)?.map_err(Failure::from)
    }

    /// The file of a known site, or what is wrong with it.
    pub(crate) fn read_site(&self, site: &str) -> Outcome<Result<SiteFile, SiteFileError>> {
        let known = self.desk.inventory.site(&site_name(site)?).map_err(Failure::from)?;
        Ok(read_site_file(known.file.as_ref()))
    }

    /// Keeps a plan, so that exactly this one can be applied.
    pub(crate) fn keep(&self, made: Made) -> Arc<Made> {
        let made = Arc::new(made);
        let mut plans = held(&self.plans);
        plans.retain(|kept| kept.planned.plan.id != made.planned.plan.id);
        plans.push(made.clone());
        let surplus = plans.len().saturating_sub(MOST_PLANS);
        plans.drain(..surplus);
        made
    }

    /// A kept plan.
    pub(crate) fn made(&self, plan: &str) -> Outcome<Arc<Made>> {
        let found = held(&self.plans).iter().find(|made| made.planned.plan.id.as_str() == plan).cloned();
        found.ok_or_else(|| {
            Failure::new(Code::Stale, "this plan is no longer kept; nothing was changed")
                .hint("make the plan again: it takes a few seconds")
        })
    }

    /// Runs `work` until it ends or its subscription is ended.
    pub(crate) fn watch(&self, subscription: String, work: impl Future<Output = ()> + Send + 'static) {
        let handle = tokio::spawn(work).abort_handle();
        let mut watches = held(&self.watches);
        watches.retain(|_, watch| !watch.is_finished());
        if let Some(before) = watches.insert(subscription, handle) {
            before.abort();
        }
    }

    /// Ends a subscription.
    pub(crate) fn unwatch(&self, subscription: &str) {
        if let Some(watch) = held(&self.watches).remove(subscription) {
            watch.abort();
        }
    }

    /// Ends all of them: the page was loaded anew and hears none of them.
    pub(crate) fn unwatch_all(&self) {
        for (_, watch) in std::mem::take(&mut *held(&self.watches)) {
            watch.abort();
        }
    }
}

/// A host's name as the window gave it.
pub(crate) fn host_name(text: &str) -> Outcome<HostName> {
    text.parse().map_err(|error| Failure::new(Code::Usage, format!("{text:?} is not the name of a host: {error}")))
}

/// A site's name as the window gave it.
pub(crate) fn site_name(text: &str) -> Outcome<Name> {
    text.parse().map_err(|error| Failure::new(Code::Usage, format!("{text:?} is not the name of a site: {error}")))
}
