//! The view from outside that readiness needs: what names mean to this computer, and what answers at a host's ports.
//!
//! Only looks: names are resolved as any program here would, and connections are closed as soon as they are open.

use std::io::ErrorKind;
use std::net::IpAddr;
use std::time::Duration;

use futures::future::join_all;
use slipway_core::readiness::{Lookup, Outside, Reach};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;

/// How long a name may take.
const LOOKUP: Duration = Duration::from_secs(5);
/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(5);
/// Domains that are looked up.
const MOST_DOMAINS: usize = 32;
/// Addresses of a name that are kept.
const MOST_ADDRESSES: usize = 16;

/// Looks up `address` and `domains` and connects to ports 80 and 443 of the address.
///
/// `address` is a name or an IP address, as it stands in the inventory. Nothing fails: what could not be seen is
/// part of the answer. It takes about ten seconds at most.
pub async fn probe_outside(address: &str, domains: &[String]) -> Outside {
    probe(address, domains, &[80, 443]).await
}

async fn probe(address: &str, domains: &[String], ports: &[u16]) -> Outside {
    let address = address.trim_matches(['[', ']']);
    let names = domains.iter().take(MOST_DOMAINS).map(|domain| look_up(domain));
    let (resolved, found) = tokio::join!(look_up(address), join_all(names));
    let first = match &resolved {
        Lookup::Found(addresses) => addresses.first().copied(),
        Lookup::Nothing(_) | Lookup::Failed(_) => None,
    };
    let reached = match first {
        Some(first) => join_all(ports.iter().map(|port| reach(first, *port))).await,
        None => ports.iter().map(|_| Reach::Failed(format!("{address} has no address on this computer"))).collect(),
    };
    Outside {
        address: address.to_owned(),
        resolved: Some(resolved),
        domains: domains.iter().cloned().zip(found).collect(),
        ports: ports.iter().copied().zip(reached).collect(),
    }
}

async fn look_up(name: &str) -> Lookup {
    if let Ok(address) = name.parse::<IpAddr>() {
        return Lookup::Found(vec![address]);
    }
    if name.is_empty() || name.len() > 253 || name.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return Lookup::Nothing("it is not a name".to_owned());
    }
    match timeout(LOOKUP, lookup_host((name, 0))).await {
        Err(_) => Lookup::Failed(format!("no answer within {} s", LOOKUP.as_secs())),
        Ok(Err(error)) if is_unknown(&error) => Lookup::Nothing("there is no such name".to_owned()),
        Ok(Err(error)) => Lookup::Failed(error.to_string()),
        Ok(Ok(found)) => {
            let mut addresses: Vec<IpAddr> = Vec::new();
            for address in found.map(|socket| socket.ip()) {
                if !addresses.contains(&address) && addresses.len() < MOST_ADDRESSES {
                    addresses.push(address);
                }
            }
            if addresses.is_empty() {
                Lookup::Nothing("it has no address".to_owned())
            } else {
                Lookup::Found(addresses)
            }
        }
    }
}

/// Whether the resolver says that there is no such name. getaddrinfo(3) has no error numbers that the standard
/// library keeps, so its words (of glibc, musl, macOS and Windows) have to do; others are a question left open.
fn is_unknown(error: &std::io::Error) -> bool {
    let words = error.to_string().to_ascii_lowercase();
    let sayings = [
        "name or service not known",
        "no address associated",
        "nodename nor servname",
        "does not resolve",
        "no such host is known",
    ];
    sayings.iter().any(|saying| words.contains(saying))
}

async fn reach(address: IpAddr, port: u16) -> Reach {
    match timeout(CONNECT, TcpStream::connect((address, port))).await {
        Err(_) => Reach::Silent,
        Ok(Ok(_)) => Reach::Open,
        Ok(Err(error)) => match error.kind() {
            ErrorKind::ConnectionRefused => Reach::Refused,
            ErrorKind::TimedOut => Reach::Silent,
            _ => Reach::Failed(error.to_string()),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn ports_are_open_or_refused() {
        let open = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = open.local_addr().unwrap().port();
        let outside = probe("[127.0.0.1]", &["127.0.0.1".into(), "localhost".into()], &[port]).await;
        assert_eq!(outside.address, "127.0.0.1");
        assert_eq!(outside.ports, [(port, Reach::Open)]);
        let loopback =
            |lookup: &Lookup| matches!(lookup, Lookup::Found(found) if found.iter().all(|a| a.is_loopback()));
        assert!(outside.domains.iter().all(|(_, lookup)| loopback(lookup)) && outside.domains.len() == 2);
        drop(open);
        assert_eq!(probe("127.0.0.1", &[], &[port]).await.ports, [(port, Reach::Refused)]);
    }

    #[tokio::test]
    async fn what_is_no_name_is_said() {
        let outside = probe("a b", &["\n".into(), String::new(), "x".repeat(300)], &[80]).await;
        assert!(matches!(outside.ports.first(), Some((80, Reach::Failed(why))) if why.contains("no address")));
        assert!(outside.domains.iter().all(|(_, lookup)| matches!(lookup, Lookup::Nothing(_))), "{outside:?}");
    }
}
