//! Names to addresses to a TCP connection.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use futures::stream::{FuturesUnordered, StreamExt as _};
use tokio::net::TcpStream;

use super::STEP_LIMIT;
use crate::error::{ConnectError, UnreachableReason};
use crate::target::{Observer, Step, Target};

/// Head start of each address over the next (RFC 8305 section 5).
const HEAD_START: Duration = Duration::from_millis(250);

/// Connects to the first of the target's addresses that answers.
pub(crate) async fn dial(target: &Target, observer: &dyn Observer) -> Result<TcpStream, ConnectError> {
    let host = target.name.clone();
    observer.step(Step::Resolving { host: host.clone() });
    let no_address = |why: String| ConnectError::NoAddress { host: host.clone(), address: target.address.clone(), why };
    let looked_up = tokio::net::lookup_host((target.address.as_str(), target.port));
    let addresses: Vec<SocketAddr> = match tokio::time::timeout(STEP_LIMIT, looked_up).await {
        Ok(Ok(addresses)) => addresses.collect(),
        Ok(Err(error)) => return Err(no_address(error.to_string())),
        Err(_) => return Err(ConnectError::Timeout { host, step: "looking up the address", limit: STEP_LIMIT }),
    };
    if addresses.is_empty() {
        return Err(no_address("the name has no address".into()));
    }
    match tokio::time::timeout(STEP_LIMIT, race(&host, &addresses, observer)).await {
        Ok(Ok(stream)) => {
            // Nagle's algorithm costs 40 ms for each request. A socket that refuses the option still works.
            let _ = stream.set_nodelay(true);
            Ok(stream)
        }
        Ok(Err((address, error))) => Err(ConnectError::Unreachable {
            host,
            address: address.to_string(),
            reason: reason(&error),
            why: error.to_string(),
        }),
        Err(_) => Err(ConnectError::Unreachable {
            host,
            address: addresses.first().map(ToString::to_string).unwrap_or_default(),
            reason: UnreachableReason::TimedOut,
            why: format!("no answer within {} s", STEP_LIMIT.as_secs()),
        }),
    }
}

/// Tries all addresses, each a little after the one before, and takes the first that answers.
async fn race(
    host: &str,
    addresses: &[SocketAddr],
    observer: &dyn Observer,
) -> Result<TcpStream, (SocketAddr, io::Error)> {
    let mut attempts: FuturesUnordered<_> = (0u32..)
        .zip(addresses)
        .map(|(index, address)| async move {
            tokio::time::sleep(HEAD_START * index).await;
            observer.step(Step::Connecting { host: host.to_owned(), address: address.to_string() });
            TcpStream::connect(address).await.map_err(|error| (*address, error))
        })
        .collect();
    let mut last = None;
    while let Some(result) = attempts.next().await {
        match result {
            Ok(stream) => return Ok(stream),
            Err(failure) => last = Some(failure),
        }
    }
    Err(last.unwrap_or_else(|| (SocketAddr::from(([0, 0, 0, 0], 0)), io::Error::other("no address"))))
}

fn reason(error: &io::Error) -> UnreachableReason {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => UnreachableReason::Refused,
        io::ErrorKind::TimedOut => UnreachableReason::TimedOut,
        io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => UnreachableReason::NoRoute,
        _ => UnreachableReason::Other,
    }
}
