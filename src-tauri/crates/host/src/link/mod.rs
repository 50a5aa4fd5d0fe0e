//! From a target to an authenticated SSH session, through jump hosts.

mod auth;
mod dial;
mod host_key;
mod keys;
mod meter;
mod pause;

use std::borrow::Cow;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use russh::client::{Config, Handle};
use russh::keys::{Algorithm, EcdsaCurve, HashAlg};
use russh::{Preferred, cipher, compression};
use tokio::io::{AsyncRead, AsyncWrite};

pub(crate) use auth::SharedCredentials;
pub(crate) use host_key::{Ending, Judge};
pub(crate) use meter::Meter;
pub(crate) use pause::Pause;

use crate::error::{ConnectError, UnreachableReason};
use crate::known_hosts::{KnownHosts, store};
use crate::target::{HostKeyDecision, Observer, Step, Target};

/// How long each step may take, not counting time in which a person is asked.
pub(crate) const STEP_LIMIT: Duration = Duration::from_secs(15);
/// Silence after which the host is asked whether it is there; after three unanswered ones the link is dead.
const KEEP_ALIVE: Duration = Duration::from_secs(5);
/// What the host may send before it has to wait for us: enough for 80 MiB/s at 100 ms.
const WINDOW: u32 = 8 << 20;
/// Longest chain of jump hosts.
const MOST_JUMPS: usize = 8;

/// An authenticated session.
pub(crate) struct Link {
    pub(crate) handle: Handle<Judge>,
    pub(crate) meter: Arc<Meter>,
    pub(crate) ending: Ending,
}

impl Drop for Link {
    fn drop(&mut self) {
        self.meter.cut();
    }
}

/// What the caller supplies to a connection.
#[derive(Clone)]
pub(crate) struct Parties {
    pub(crate) credentials: SharedCredentials,
    pub(crate) decision: Arc<dyn HostKeyDecision>,
    pub(crate) observer: Arc<dyn Observer>,
}

/// Opens sessions to every hop and to `target` itself, which is the last.
pub(crate) async fn open(target: &Target, parties: &Parties, pause: &Pause) -> Result<Vec<Link>, ConnectError> {
    let hops = hops(target);
    let mut links: Vec<Link> = Vec::with_capacity(hops.len());
    let last = hops.len().saturating_sub(1);
    for (index, hop) in hops.into_iter().enumerate() {
        let link = match links.last() {
            None => match dial::dial(hop, &*parties.observer).await {
                Ok(stream) => session(hop, stream, parties, pause).await,
                Err(error) => Err(error),
            },
            Some(previous) => through(previous, hop, parties, pause).await,
        };
        links.push(link.map_err(|error| {
            if index == last {
                return error;
            }
            ConnectError::JumpFailed { host: target.name.clone(), hop: hop.name.clone(), source: Box::new(error) }
        })?);
    }
    Ok(links)
}

/// All hops in order, the target last. The first jump host's own jumps come before it, as in OpenSSH.
fn hops(target: &Target) -> Vec<&Target> {
    let mut hops = vec![target];
    let mut current = target;
    while !current.jumps.is_empty() && hops.len() <= MOST_JUMPS {
        for jump in current.jumps.iter().rev() {
            hops.push(jump);
        }
        match current.jumps.first() {
            Some(first) => current = first,
            None => break,
        }
    }
    hops.truncate(MOST_JUMPS + 1);
    hops.reverse();
    hops
}

/// Opens a session to `hop` through the session before it.
async fn through(previous: &Link, hop: &Target, parties: &Parties, pause: &Pause) -> Result<Link, ConnectError> {
    let address = format!("{}:{}", hop.address, hop.port);
    parties.observer.step(Step::Connecting { host: hop.name.clone(), address: address.clone() });
    let open = previous.handle.channel_open_direct_tcpip(hop.address.as_str(), u32::from(hop.port), "127.0.0.1", 0);
    match after(pause, hop, "opening a connection through the jump host", open).await? {
        Ok(channel) => session(hop, channel.into_stream(), parties, pause).await,
        Err(error) => Err(ConnectError::Unreachable {
            host: hop.name.clone(),
            address,
            reason: UnreachableReason::JumpRefused,
            why: previous.ending.refusal().await.unwrap_or_else(|| error.to_string()),
        }),
    }
}

/// Key exchange, host key, authentication.
async fn session<S>(hop: &Target, stream: S, parties: &Parties, pause: &Pause) -> Result<Link, ConnectError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let known = store::read(&hop.known_hosts).map_err(|error| ConnectError::KnownHostsUnreadable {
        host: hop.name.clone(),
        path: error.path,
        why: error.why,
    })?;
    let known = Arc::new(known);
    let config = Arc::new(config(hop, &known));
    let ending = Ending::default();
    let judge = Judge {
        target: hop.clone(),
        known,
        decision: Arc::clone(&parties.decision),
        observer: Arc::clone(&parties.observer),
        pause: pause.clone(),
        ending: ending.clone(),
    };
    let (meter, stream) = Meter::wrap(stream);
    let cutter = CutOnDrop(Some(Arc::clone(&meter)));
    let exchange = russh::client::connect_stream(config, stream, judge);
    let mut handle = match after(pause, hop, "key exchange", exchange).await? {
        Ok(handle) => handle,
        Err(host_key::Ended::HostKey(error)) => return Err(*error),
        Err(host_key::Ended::Russh(error)) => {
            let why = ending.why().unwrap_or_else(|| error.to_string());
            return Err(ConnectError::NotSsh { host: hop.name.clone(), why });
        }
    };
    let login = auth::Login {
        handle: &mut handle,
        target: hop,
        credentials: &*parties.credentials,
        observer: &*parties.observer,
        pause,
        ending: &ending,
    };
    login.run().await?;
    cutter.keep();
    Ok(Link { handle, meter, ending })
}

/// Ends the session's task when the future that made it fails or is dropped.
struct CutOnDrop(Option<Arc<Meter>>);

impl CutOnDrop {
    fn keep(mut self) {
        self.0 = None;
    }
}

impl Drop for CutOnDrop {
    fn drop(&mut self) {
        if let Some(meter) = &self.0 {
            meter.cut();
        }
    }
}

/// Runs one step under the time limit.
pub(crate) async fn after<T>(
    pause: &Pause,
    target: &Target,
    step: &'static str,
    work: impl Future<Output = T>,
) -> Result<T, ConnectError> {
    let timeout = || ConnectError::Timeout { host: target.name.clone(), step, limit: STEP_LIMIT };
    pause.within(STEP_LIMIT, work).await.ok_or_else(timeout)
}

fn config(hop: &Target, known: &KnownHosts) -> Config {
    let name = hop.host_key_name();
    let key_order = key_order(&known.key_types(&name));
    let certificates = if known.has_authority(&name) { key_order.clone() } else { Vec::new() };
    Config {
        window_size: WINDOW,
        keepalive_interval: Some(KEEP_ALIVE),
        // russh gives up at one more than this many unanswered.
        keepalive_max: 2,
        nodelay: true,
        preferred: Preferred {
            key: Cow::Owned(key_order),
            host_key_certificates: Cow::Owned(certificates),
            // Hardware does AES; measured 1.4 times the throughput of chacha20-poly1305, which russh puts first.
            cipher: Cow::Borrowed(&[
                cipher::AES_256_GCM,
                cipher::CHACHA20_POLY1305,
                cipher::AES_256_CTR,
                cipher::AES_192_CTR,
                cipher::AES_128_CTR,
            ]),
            compression: Cow::Borrowed(&[compression::NONE]),
            ..Preferred::DEFAULT
        },
        ..Config::default()
    }
}

/// Host key algorithms, those of the recorded keys first, so that the host presents a key that can be checked.
/// RSA signatures with SHA-1 are not among them.
fn key_order(recorded: &[&str]) -> Vec<Algorithm> {
    let all = [
        ("ssh-ed25519", Algorithm::Ed25519),
        ("ecdsa-sha2-nistp256", Algorithm::Ecdsa { curve: EcdsaCurve::NistP256 }),
        ("ecdsa-sha2-nistp384", Algorithm::Ecdsa { curve: EcdsaCurve::NistP384 }),
        ("ecdsa-sha2-nistp521", Algorithm::Ecdsa { curve: EcdsaCurve::NistP521 }),
        ("ssh-rsa", Algorithm::Rsa { hash: Some(HashAlg::Sha512) }),
        ("ssh-rsa", Algorithm::Rsa { hash: Some(HashAlg::Sha256) }),
    ];
    let (first, rest): (Vec<_>, Vec<_>) = all.into_iter().partition(|(name, _)| recorded.contains(name));
    first.into_iter().chain(rest).map(|(_, algorithm)| algorithm).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recorded_key_types_come_first() {
        assert_eq!(key_order(&[]).first(), Some(&Algorithm::Ed25519));
        let order = key_order(&["ssh-rsa"]);
        assert_eq!(order.first(), Some(&Algorithm::Rsa { hash: Some(HashAlg::Sha512) }));
        assert_eq!(order.len(), 6);
    }

    #[test]
    fn hops_are_flattened_first_hop_first() {
        let mut first = Target::new("first", "u");
        first.jumps = vec![Target::new("zeroth", "u")];
        let mut target = Target::new("target", "u");
        target.jumps = vec![first, Target::new("second", "u")];
        let names: Vec<_> = hops(&target).into_iter().map(|hop| hop.name.as_str()).collect();
        assert_eq!(names, ["zeroth", "first", "second", "target"]);
    }
}
