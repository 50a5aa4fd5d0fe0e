//! Holding the host lock for the length of a run.

use slipway_core::lock::{self, Acquired, Holder};

use crate::asked::Asked;
use crate::failure::{Code, Failure, Outcome};
use crate::link::Link;
use crate::tokens::Token;

/// The lock, held. Release it with [`Lock::release`]; when the program dies, its lease runs out.
#[derive(Debug)]
pub struct Lock {
    token: String,
    /// The holder whose lease had run out when this lock was taken, or whose run was dead.
    pub stale: Option<Holder>,
    noted: Option<Token>,
}

impl Lock {
    /// Takes the host lock.
    ///
    /// # Errors
    /// `Locked`, naming the holder, when it is taken.
    pub async fn acquire(link: &Link, token: &str, asked: &Asked, reason: &str) -> Outcome<Self> {
        let dead = asked.tokens.dead();
        // Before the host hears of it: whatever happens then, this computer knows the token.
        let noted = asked.tokens.note(token);
        let output = link.run(lock::acquire(token, &asked.operator, reason, &dead)).await?;
        match lock::parse_acquired(&output) {
            Ok(Acquired::Ours { stale }) => Ok(Self { token: token.to_owned(), stale, noted }),
            Ok(Acquired::Held(holder)) => {
                noted.into_iter().for_each(Token::given_back);
                Err(held(link.name(), &holder))
            }
            Err(why) => Err(Failure::new(Code::Host, format!("{}: {why}", link.name())).hint("nothing was changed")),
        }
    }

    /// The command that renews the lease; put it at the head of each batch of a run.
    pub fn renewal(&self) -> slipway_core::command::Command {
        lock::renew(&self.token)
    }

    /// What became of the run before, when its lock was taken over.
    pub fn taken_over(&self) -> Option<String> {
        let Holder { owner, reason, held_for_s, expires_in_s, .. } = self.stale.as_ref()?;
        Some(if *expires_in_s > 0 {
            format!("your run {reason} of {held_for_s} s ago ended without giving its lock back; it was taken over")
        } else {
            format!("the lock of {owner} ({reason}) had run out and was taken over")
        })
    }

    /// Gives the lock back. On a host that is gone the lease runs out, or the same operator's next run takes it over.
    pub async fn release(self, link: &Link) {
        let given = link.run(lock::release(&self.token)).await;
        if given.is_ok_and(|output| output.success()) {
            self.noted.into_iter().for_each(Token::given_back);
        }
    }

    /// The same, over a new connection if the one there was is lost. Only for those who have heard the end of all that they
    /// began: otherwise the lease protects what may still be at work.
    pub async fn release_again(self, link: &Link) {
        match link.run(lock::release(&self.token)).await {
            Ok(output) if output.success() => self.noted.into_iter().for_each(Token::given_back),
            Ok(_) => {}
            Err(_) if link.renew().await.is_ok() => self.release(link).await,
            Err(_) => {}
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
