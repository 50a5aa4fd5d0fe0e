//! Holding the host lock for the length of a run.

use slipway_core::lock::{self, Acquired, Holder};

use crate::failure::{Code, Failure, Outcome};
use crate::link::Link;

/// The lock, held. Release it with [`Lock::release`]; when the program dies, its lease runs out.
#[derive(Debug)]
pub struct Lock {
    token: String,
    /// The holder whose lease had run out when this lock was taken.
    pub stale: Option<Holder>,
}

impl Lock {
    /// Takes the host lock.
    ///
    /// # Errors
    /// `Locked`, naming the holder, when it is taken.
    pub async fn acquire(link: &Link, token: &str, owner: &str, reason: &str) -> Outcome<Self> {
        let output = link.run(lock::acquire(token, owner, reason)).await?;
        match lock::parse_acquired(&output) {
            Ok(Acquired::Ours { stale }) => Ok(Self { token: token.to_owned(), stale }),
            Ok(Acquired::Held(holder)) => Err(held(link.name(), &holder)),
            Err(why) => Err(Failure::new(Code::Host, format!("{}: {why}", link.name())).hint("nothing was changed")),
        }
    }

    /// The command that renews the lease; put it at the head of each batch of a run.
    pub fn renewal(&self) -> slipway_core::command::Command {
        lock::renew(&self.token)
    }

    /// Gives the lock back; a host that is gone lets the lease run out.
    pub async fn release(self, link: &Link) {
        let _ = link.run(lock::release(&self.token)).await;
    }

    /// The same, over a new connection if the one there was is lost. Only for those who have heard the end of all that they
    /// began: otherwise the lease protects what may still be at work.
    pub async fn release_again(self, link: &Link) {
        let lost = link.run(lock::release(&self.token)).await.is_err();
        if lost && link.renew().await.is_ok() {
            self.release(link).await;
        }
    }
}

/// Takes the lock away from its holder, unless a run is at work on the host.
///
/// # Errors
/// When a run is at work, or the host cannot be asked.
pub async fn unlock(link: &Link) -> Outcome<Option<Holder>> {
    let output = link.run(lock::break_lock()).await?;
    match lock::parse_acquired(&output) {
        Ok(Acquired::Ours { stale }) => Ok(stale),
        Ok(Acquired::Held(holder)) => Err(held(link.name(), &holder)),
        Err(why) => Err(Failure::new(Code::Host, format!("{}: {why}", link.name()))),
    }
}

fn held(host: &str, holder: &Holder) -> Failure {
    let (message, hint) = if holder.working {
        (
            format!(
                "{host} is locked by {}: {} (for {} s), and it is at work there now",
                holder.owner, holder.reason, holder.held_for_s
            ),
            "wait until it has ended; it ends by itself even when its desktop is gone".to_owned(),
        )
    } else {
        (
            format!("{host} is locked by {}: {} (for {} s)", holder.owner, holder.reason, holder.held_for_s),
            format!(
                "wait, or ask them; if their machine is gone the lock ends by itself in {} s (slipway unlock ends it now)",
                holder.expires_in_s
            ),
        )
    };
    Failure::new(Code::Locked, message).because("nothing was changed").hint(hint)
}
