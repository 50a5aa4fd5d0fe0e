//! Keeps one host: connects, watches, connects again.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use futures::future::BoxFuture;
use jiff::{SignedDuration, Timestamp};
use slipway_core::fact::Fact;
use slipway_core::facts::load::{self, Depth, Sample};
use slipway_core::facts::system::Family;
use slipway_core::facts::{Facts, Sweep, updates};
use slipway_core::profile::{PackageManager, all_packages};
use slipway_host::{Batch, ConnectError, Connection, Decision, HostError, Lane, Step, Target, connect};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::Shared;
use super::state::{Load, Reach, Waiting};
use crate::desk::hosts::HostForm;
use crate::failure::{Code, Failure, Outcome};
use crate::inventory::HostName;
use crate::link::{Dial, Link, may_pass};
use crate::need::need;
use crate::remote::connect_failure;
use crate::trial::helps;

/// The first and the longest pause between two attempts. `sshd` punishes addresses that come back faster
/// (`PerSourcePenalties`).
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// How long one attempt may take, through all jump hosts, with an agent that asks a person to touch a key.
const ATTEMPT_LIMIT: Duration = Duration::from_secs(150);
/// Between two samples.
const EVERY: Duration = Duration::from_secs(10);
/// Between the first two samples: how busy the processors are takes two.
const FIRST_EVERY: Duration = Duration::from_secs(1);
/// Silence after which a host counts as down. The connection stays until keep-alives give it up, in case it wakes.
const SILENCE: Duration = Duration::from_secs(5);
/// How long opening a channel may take.
const CHANNEL_LIMIT: Duration = Duration::from_secs(20);
/// Disks are asked with every so many samples.
const DISKS_EVERY: u32 = 30;
/// Between two looks at facts and updates.
const LOOK_EVERY: Duration = Duration::from_secs(6 * 60 * 60);
/// How long one look may take.
const LOOK_LIMIT: Duration = Duration::from_secs(300);

/// What a keeper is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    /// Somebody waits for the connection.
    TryNow,
    /// A person changed something.
    Retry,
    /// Facts and updates, now.
    Look,
}

/// How far a keeper has come, for those who wait for the link.
#[derive(Default, Clone)]
pub(super) struct KeeperState {
    /// The link, once there was a connection.
    pub(super) link: Option<Arc<Link>>,
    /// Whether it is connected.
    pub(super) is_up: bool,
    /// Attempts that came to an end.
    pub(super) attempts: u64,
    /// Why the last one failed, and whether time alone may mend that.
    pub(super) failure: Option<(Failure, bool)>,
}

/// Keeps the host until the task is aborted or nobody can give orders any more.
pub(super) async fn keep(
    shared: Arc<Shared>,
    name: HostName,
    mut orders: mpsc::UnboundedReceiver<Order>,
    standing: watch::Sender<KeeperState>,
) {
    let mut keeper =
        Keeper { shared, name, standing, target: Arc::default(), last_seen: None, down_since: None, asked: true };
    let mut pause = FIRST_PAUSE;
    loop {
        let began = Instant::now();
        let wait = match keeper.attempt().await {
            Ok(connection) => {
                let connected = Instant::now();
                let failure = keeper.attend(&connection, &mut orders).await;
                // One that held for a while was no sign of trouble.
                if connected.elapsed() > LONGEST_PAUSE {
                    pause = FIRST_PAUSE;
                }
                keeper.down(failure, Some(pause));
                Some(pause)
            }
            Err((failure, Mending::Time)) => {
                keeper.down(failure, Some(pause));
                Some(pause)
            }
            Err((failure, Mending::Person)) => {
                keeper.down(failure, None);
                None
            }
        };
        pause = (pause * 2).min(LONGEST_PAUSE);
        match keeper.rest(wait, &mut orders).await {
            Rest::Over => keeper.asked = false,
            Rest::Asked => {
                keeper.asked = true;
                pause = FIRST_PAUSE;
                sleep_until(began + FIRST_PAUSE).await;
            }
            Rest::Ended => return,
        }
    }
}

/// What may mend a failure.
enum Mending {
    Time,
    Person,
}

/// How a pause between two attempts ended.
enum Rest {
    /// By itself.
    Over,
    /// Somebody asked for the host.
    Asked,
    /// Nobody is left to ask.
    Ended,
}

struct Keeper {
    shared: Arc<Shared>,
    name: HostName,
    standing: watch::Sender<KeeperState>,
    /// Whom the link's own attempts reach; changes with the inventory.
    target: Arc<RwLock<Option<Target>>>,
    last_seen: Option<Timestamp>,
    down_since: Option<Timestamp>,
    /// Whether somebody waits for this attempt.
    asked: bool,
}

impl Keeper {
    fn now(&self) -> Timestamp {
        self.shared.desk.clock.now()
    }

    fn reach(&self, reach: Reach) {
        let is_up = matches!(reach, Reach::Up { .. });
        self.shared.change(&self.name, |state| {
            state.reach = reach;
            if !is_up {
                state.load = None;
            }
        });
    }

    /// Says that it is down, or what it needs.
    fn down(&mut self, failure: Failure, pause: Option<Duration>) {
        let since = *self.down_since.get_or_insert(self.shared.desk.clock.now());
        let reach = match (&failure.needs, pause) {
            (Some(need), _) => Reach::Needs { need: (**need).clone(), failure: failure.clone() },
            (None, pause) => Reach::Down {
                since,
                last_seen: self.last_seen,
                failure: failure.clone(),
                next_try: pause.map(|pause| later(self.now(), pause)),
            },
        };
        self.standing.send_modify(|standing| {
            standing.is_up = false;
            standing.attempts += 1;
            standing.failure = Some((failure, pause.is_some()));
        });
        self.reach(reach);
    }

    async fn rest(&self, wait: Option<Duration>, orders: &mut mpsc::UnboundedReceiver<Order>) -> Rest {
        let end = wait.map(|wait| Instant::now() + wait);
        let link = self.standing.borrow().link.clone();
        loop {
            let over = async {
                match end {
                    Some(end) => sleep_until(end).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = over => return Rest::Over,
                // A run that waits for the host has its own patience, and may be the first to reach it again.
                () = alive(link.as_deref()) => return Rest::Over,
                order = orders.recv() => match order {
                    Some(Order::Retry) => return Rest::Asked,
                    // What a person has to mend is not tried because somebody would like to have it.
                    Some(Order::TryNow) if wait.is_some() => return Rest::Asked,
                    Some(Order::TryNow | Order::Look) => {}
                    None => return Rest::Ended,
                },
            }
        }
    }

    /// One attempt to connect.
    async fn attempt(&mut self) -> Result<Arc<Connection>, (Failure, Mending)> {
        if self.asked || self.down_since.is_none() {
            self.reach(Reach::Connecting);
        }
        let form = self.resolve().await.map_err(|failure| (failure, Mending::Person))?;
        // The semaphore is never closed.
        let permit = self.shared.connecting.acquire().await;
        let result = timeout(ATTEMPT_LIMIT, self.connection()).await;
        drop(permit);
        let error = match result {
            Ok(Ok(connection)) => return Ok(connection),
            Ok(Err(error)) => error,
            Err(_) => {
                let message = format!("{}: connecting took longer than {} s", self.name, ATTEMPT_LIMIT.as_secs());
                let failure = Failure::new(Code::Unreachable, message).hint("nothing was changed on the host");
                return Err((failure, Mending::Time));
            }
        };
        let mut failure = connect_failure(&error);
        failure.needs = need(&error).filter(|need| helps(need, &form)).map(Box::new);
        Err((failure, if may_pass(&error) { Mending::Time } else { Mending::Person }))
    }

    /// Reads from the inventory how the host is reached now.
    async fn resolve(&mut self) -> Outcome<HostForm> {
        let (desk, name) = (Arc::clone(&self.shared.desk), self.name.clone());
        let read = tokio::task::spawn_blocking(move || {
            let host = desk.inventory.host(&name)?;
            let target = desk.target(&host)?.target;
            Ok((HostForm::of(&host), target, host.last_seen))
        });
        let (form, target, last_seen) =
            read.await.unwrap_or_else(|error| Err(Failure::new(Code::Local, error.to_string())))?;
        *self.target.write().unwrap_or_else(PoisonError::into_inner) = Some(target);
        self.last_seen = self.last_seen.max(last_seen);
        Ok(form)
    }

    /// The link's connection; the first makes the link.
    async fn connection(&self) -> Result<Arc<Connection>, ConnectError> {
        let link = self.standing.borrow().link.clone();
        if let Some(link) = link {
            return link.renew().await;
        }
        let dial = self.dial();
        let connection = dial().await?;
        let link = Arc::new(Link::over(self.name.as_str(), dial, connection));
        let connection = link.connection().await;
        self.standing.send_modify(|standing| standing.link = Some(link));
        Ok(connection)
    }

    fn dial(&self) -> Dial {
        let (target, answers, name) =
            (Arc::clone(&self.target), Arc::clone(&self.shared.answers), self.name.to_string());
        Arc::new(move || -> BoxFuture<'static, Result<Connection, ConnectError>> {
            let target = target.read().unwrap_or_else(PoisonError::into_inner).clone();
            let (answers, name) = (Arc::clone(&answers), name.clone());
            Box::pin(async move {
                let Some(target) = target else {
                    let why = "it was never looked up".to_owned();
                    return Err(ConnectError::NoAddress { host: name.clone(), address: name, why });
                };
                let observer = Arc::new(|_: Step| {});
                let result = connect(&target, answers.clone(), Arc::new(Decision::Reject), observer).await;
                // Also when a run reconnects by itself: what was refused is not sent again.
                if let Some(need) = result.as_ref().err().and_then(need) {
                    answers.heard(&need);
                }
                result
            })
        })
    }

    /// Watches a connected host until the connection is lost; says why.
    async fn attend(&mut self, connection: &Arc<Connection>, orders: &mut mpsc::UnboundedReceiver<Order>) -> Failure {
        let since = self.now();
        self.answered().await;
        self.up(since);
        let mut looks = JoinSet::new();
        let mut next_look = Instant::now();
        // Its own channel: samples must not wait behind a long command, and no command behind a sample.
        let lane = timeout(CHANNEL_LIMIT, connection.lane()).await.ok().and_then(Result::ok);
        let mut pulse = Pulse { before: None, disk_percent: None, taken: 0 };
        loop {
            if let Err(failure) = self.sample(connection, lane.as_ref(), &mut pulse, since).await {
                return failure;
            }
            let every = if pulse.taken < 2 { FIRST_EVERY } else { EVERY };
            let next = Instant::now() + every;
            loop {
                if next_look <= Instant::now() && looks.is_empty() {
                    next_look = Instant::now() + LOOK_EVERY;
                    looks.spawn(timeout(
                        LOOK_LIMIT,
                        look(Arc::clone(&self.shared), self.name.clone(), Arc::clone(connection)),
                    ));
                }
                tokio::select! {
                    biased;
                    error = connection.lost() => return lost(&error),
                    _ = looks.join_next(), if !looks.is_empty() => {}
                    order = orders.recv() => match order {
                        Some(Order::Look) => next_look = Instant::now(),
                        Some(Order::TryNow | Order::Retry) => {}
                        None => std::future::pending().await,
                    },
                    () = sleep_until(next) => break,
                }
            }
        }
    }

    fn up(&mut self, since: Timestamp) {
        self.down_since = None;
        // Who sees that it is up may ask for its link at once.
        self.standing.send_if_modified(|standing| {
            let changed = !standing.is_up;
            if changed {
                standing.is_up = true;
                standing.attempts += 1;
                standing.failure = None;
            }
            changed
        });
        self.shared.change(&self.name, |state| state.reach = Reach::Up { since });
    }

    /// Takes one sample. While the host is silent it counts as down, and as up again when it answers after all.
    async fn sample(
        &mut self,
        connection: &Arc<Connection>,
        lane: Option<&Lane>,
        pulse: &mut Pulse,
        since: Timestamp,
    ) -> Result<(), Failure> {
        let depth = if pulse.taken.is_multiple_of(DISKS_EVERY) { Depth::WithDisks } else { Depth::Quick };
        let probe = async {
            match lane.filter(|lane| lane.failure().is_none()) {
                Some(lane) => lane.run(load::command(depth)).await,
                None => connection.run(load::command(depth)).await,
            }
        };
        tokio::pin!(probe);
        // On the shared channel the answer may come late only because a command runs before it.
        let silence = async {
            match lane {
                Some(_) => sleep(SILENCE).await,
                None => std::future::pending().await,
            }
        };
        tokio::pin!(silence);
        let mut silent = false;
        let output = loop {
            tokio::select! {
                biased;
                error = connection.lost() => return Err(lost(&error)),
                output = &mut probe => break output,
                () = &mut silence, if !silent => {
                    silent = true;
                    let message = format!("{} has stopped answering", self.name);
                    let failure = Failure::new(Code::Unreachable, message)
                        .hint("it may be frozen, overloaded or cut off; the connection is made again when it is lost");
                    let (since, last_seen) = (self.now(), self.last_seen);
                    self.reach(Reach::Down { since, last_seen, failure, next_try: None });
                }
            }
        };
        if silent {
            self.up(since);
        }
        pulse.taken = pulse.taken.saturating_add(1);
        match output {
            Ok(output) => self.loaded(pulse, load::parse(&output)).await,
            // The lane is gone and the connection is not: the next sample goes the other way.
            Err(error) if connection.failure().is_none() => drop::<HostError>(error),
            Err(error) => return Err(lost(&error)),
        }
        Ok(())
    }

    async fn loaded(&mut self, pulse: &mut Pulse, sample: Fact<Sample>) {
        let at = self.now();
        let heard_before = self.last_seen.replace(at);
        // The file is not written every ten seconds for a time that is shown in minutes.
        if heard_before.is_none_or(|before| at.duration_since(before) > SignedDuration::from_mins(5)) {
            self.answered().await;
        }
        let Fact::Known(sample) = sample else {
            self.shared.change(&self.name, |state| state.load = None);
            return;
        };
        pulse.disk_percent = sample.disk_percent.or(pulse.disk_percent);
        let before = pulse.before.replace(sample);
        let cpu_percent = before.and_then(|before| sample.cpu_percent_since(&before));
        if let (Some(cpu_percent), Some(disk_percent)) = (cpu_percent, pulse.disk_percent) {
            let load = Load {
                cpu_percent,
                memory_percent: sample.memory_percent(),
                disk_percent,
                load1: f64::from(sample.load1_hundredths) / 100.0,
                at,
            };
            self.shared.change(&self.name, |state| state.load = Some(load));
        }
    }

    /// Notes in the inventory that it answered. A host that is being removed is not there to be noted.
    async fn answered(&mut self) {
        let (desk, name, at) = (Arc::clone(&self.shared.desk), self.name.clone(), self.now());
        self.last_seen = Some(at);
        let _ = tokio::task::spawn_blocking(move || desk.inventory.host_answered(&name, at)).await;
    }
}

/// What samples leave for the next.
struct Pulse {
    before: Option<Sample>,
    disk_percent: Option<u8>,
    taken: u32,
}

/// Looks at facts, which the inventory keeps, and at waiting updates. What cannot be learned stays as it was.
async fn look(shared: Arc<Shared>, name: HostName, connection: Arc<Connection>) {
    let Ok(lane) = connection.lane().await else { return };
    if let Some(facts) = facts(&lane).await {
        let (desk, host, at) = (Arc::clone(&shared.desk), name.clone(), shared.desk.clock.now());
        let kept = facts.clone();
        let _ = tokio::task::spawn_blocking(move || desk.inventory.saw_host(&host, &kept, at)).await;
        if let Some(manager) = manager(&facts) {
            let found = lane.run(updates::command(manager)).await.ok().map(|output| updates::parse(&output));
            let at = shared.desk.clock.now();
            let waiting = match found {
                Some(Fact::Known(found)) => Some(Waiting {
                    pending: found.pending,
                    security: found.security,
                    as_of: found.as_of.and_then(|at| Timestamp::from_second(i64::try_from(at).ok()?).ok()),
                    at,
                }),
                Some(Fact::Absent | Fact::Failed(_)) | None => None,
            };
            shared.change(&name, |state| state.updates = waiting);
        }
    }
    lane.close().await;
}

async fn facts(lane: &Lane) -> Option<Facts> {
    let outputs = lane.batch(Batch::all(slipway_core::facts::sweep(&all_packages(), Sweep::Overview))).await.ok()?;
    Some(slipway_core::facts::parse_sweep(&outputs))
}

fn manager(facts: &Facts) -> Option<PackageManager> {
    match facts.os.known()?.family {
        Family::Debian => Some(PackageManager::Apt),
        Family::Rhel => Some(PackageManager::Dnf),
        Family::Other => None,
    }
}

/// Waits until a link that was lost is connected again.
async fn alive(link: Option<&Link>) {
    let Some(link) = link else { return std::future::pending().await };
    loop {
        sleep(FIRST_PAUSE).await;
        if link.connection().await.failure().is_none() {
            return;
        }
    }
}

fn later(now: Timestamp, pause: Duration) -> Timestamp {
    let pause = SignedDuration::try_from(pause).unwrap_or(SignedDuration::MAX);
    now.checked_add(pause).unwrap_or(Timestamp::MAX)
}

fn lost(error: &HostError) -> Failure {
    Failure::new(Code::Unreachable, error.to_string()).hint("Slipway connects again by itself")
}
