//! The hosts of a window that stays open: one kept connection for each, shared by everything, made again when it
//! breaks, and watched.
//!
//! Nothing here asks a person or changes a host. What a person has to say first is a state of the host
//! ([`Reach::Needs`]); after the answer is given to [`Answers`], [`Fleet::retry`] goes on.

mod keeper;
mod state;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Semaphore, mpsc, watch};
use tokio::task::JoinHandle;

pub use state::{HostState, Load, Reach, Waiting};

use crate::answers::Answers;
use crate::desk::Desk;
use crate::failure::{Code, Failure, Outcome};
use crate::inventory::HostName;
use crate::link::Link;
use keeper::{KeeperState, Order};

/// Connections that are made at once: hosts behind one jump host share its `MaxStartups` (10 for a stock `sshd`).
const AT_ONCE: usize = 4;

/// Every host by name.
pub type States = Arc<BTreeMap<HostName, HostState>>;

/// Kept connections. Dropping it ends them.
pub struct Fleet {
    shared: Arc<Shared>,
    slots: Mutex<BTreeMap<HostName, Slot>>,
}

/// What keepers share.
struct Shared {
    desk: Arc<Desk>,
    answers: Arc<Answers>,
    states: watch::Sender<States>,
    connecting: Semaphore,
}

struct Slot {
    orders: mpsc::UnboundedSender<Order>,
    standing: watch::Receiver<KeeperState>,
    task: JoinHandle<()>,
}

impl std::fmt::Debug for Fleet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Fleet").field("states", &self.shared.states.borrow()).finish_non_exhaustive()
    }
}

impl Drop for Fleet {
    fn drop(&mut self) {
        for slot in self.slots().values() {
            slot.task.abort();
        }
    }
}

impl Fleet {
    /// Connects to nothing yet.
    pub fn new(desk: Arc<Desk>, answers: Arc<Answers>) -> Self {
        let shared = Shared { desk, answers, states: watch::Sender::default(), connecting: Semaphore::new(AT_ONCE) };
        Self { shared: Arc::new(shared), slots: Mutex::default() }
    }

    /// The answers that connections are made with.
    pub fn answers(&self) -> &Arc<Answers> {
        &self.shared.answers
    }

    fn slots(&self) -> MutexGuard<'_, BTreeMap<HostName, Slot>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The orders and standing of a host's keeper, which begins when there is none.
    fn slot(&self, name: &HostName) -> (mpsc::UnboundedSender<Order>, watch::Receiver<KeeperState>) {
        let mut slots = self.slots();
        let slot = slots.entry(name.clone()).or_insert_with(|| {
            let (orders, inbox) = mpsc::unbounded_channel();
            let (tell, standing) = watch::channel(KeeperState::default());
            let task = tokio::spawn(keeper::keep(Arc::clone(&self.shared), name.clone(), inbox, tell));
            Slot { orders, standing, task }
        });
        (slot.orders.clone(), slot.standing.clone())
    }

    /// The kept connection to a host. When there is none it is made; who asks meanwhile waits for the same one.
    ///
    /// # Errors
    /// Why the host cannot be reached. What only a person can mend comes back at once until [`Fleet::retry`]
    /// ([`Failure::needs`] says what that is), so that no view that asks again locks an account.
    pub async fn link(&self, name: &HostName) -> Outcome<Arc<Link>> {
        let inventory = self.shared.desk.inventory.clone();
        let wanted = name.clone();
        let known = tokio::task::spawn_blocking(move || inventory.host(&wanted)).await;
        known.map_err(|error| gone(name, &error.to_string()))??;
        let (orders, mut standing) = self.slot(name);
        let attempts = {
            let now = standing.borrow_and_update();
            if let Some(link) = now.link.as_ref().filter(|_| now.is_up) {
                return Ok(Arc::clone(link));
            }
            match &now.failure {
                Some((failure, false)) => return Err(failure.clone()),
                Some((_, true)) | None => now.attempts,
            }
        };
        // A keeper that has ended is seen below.
        let _ = orders.send(Order::TryNow);
        let settled = standing.wait_for(|now| now.is_up || now.attempts > attempts).await;
        let now = settled.map_err(|_| gone(name, "it was taken out"))?;
        match (&now.link, &now.failure) {
            (Some(link), _) if now.is_up => Ok(Arc::clone(link)),
            (_, Some((failure, _))) => Err(failure.clone()),
            (_, None) => Err(gone(name, "the connection was lost again at once")),
        }
    }

    /// Begins to keep a connection to each of these hosts, without waiting for any.
    pub async fn begin(&self, names: &[HostName]) {
        names.iter().for_each(|name| drop(self.slot(name)));
    }

    /// Tries a host now, also one that needed something. One that is connected stays so: after its entry in the
    /// inventory was changed, [`Fleet::restart`] it.
    pub async fn retry(&self, name: &HostName) {
        let _ = self.slot(name).0.send(Order::Retry);
    }

    /// Asks a connected host for its facts and waiting updates now, instead of every six hours.
    pub async fn look(&self, name: &HostName) {
        let _ = self.slot(name).0.send(Order::Look);
    }

    /// Ends the connection to a host and forgets its state and the answers in memory; for a host that is removed or
    /// renamed. A link that somebody still holds stays open until they let go of it, and no longer.
    pub async fn forget(&self, name: &HostName) {
        self.end(name).await;
        self.shared.answers.forget(name.as_str());
    }

    /// Ends the connection to a host and makes it anew, with the answers that are there: after its entry in the
    /// inventory was changed.
    pub async fn restart(&self, name: &HostName) {
        self.end(name).await;
        drop(self.slot(name));
    }

    async fn end(&self, name: &HostName) {
        let slot = self.slots().remove(name);
        if let Some(Slot { orders, standing, task }) = slot {
            drop(orders);
            task.abort();
            // Its end frees the keeper's hold on the link.
            let _ = task.await;
            let link = standing.borrow().link.clone();
            drop(standing);
            if let Some(link) = link.and_then(Arc::into_inner) {
                link.close().await;
            }
        }
        self.shared.states.send_modify(|states| drop(Arc::make_mut(states).remove(name)));
    }

    /// Every host that is kept, by name. Others are unknown.
    pub fn states(&self) -> Vec<HostState> {
        self.shared.states.borrow().values().cloned().collect()
    }

    /// All states, now and at each change. A slow reader misses states in between, never the last.
    pub fn watch(&self) -> watch::Receiver<States> {
        self.shared.states.subscribe()
    }
}

fn gone(name: &HostName, why: &str) -> Failure {
    Failure::new(Code::Unreachable, format!("{name}: there is no connection: {why}")).hint("try again")
}

impl Shared {
    /// Changes the state of a host; nobody is woken when it stays as it was.
    fn change(&self, name: &HostName, change: impl FnOnce(&mut HostState)) {
        self.states.send_if_modified(|states| {
            let before = states.get(name).cloned();
            let mut state = before.clone().unwrap_or_else(|| HostState::unknown(name.clone()));
            change(&mut state);
            if before.as_ref() == Some(&state) {
                return false;
            }
            Arc::make_mut(states).insert(name.clone(), state);
            true
        });
    }
}
