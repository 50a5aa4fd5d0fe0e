//! The hosts' network: a bridge with a private range, and a way out to the package registries.
//!
//! Must never touch rules or addresses that are not its own: it has one nftables table, one bridge, and names
//! that begin with `swt`.

use std::fs;
use std::net::Ipv4Addr;
use std::path::Path;

use super::command::{command, run, run_with_input};
use super::error::{FileContext, HostError};

/// The private range that belongs to test hosts.
pub const RANGE: &str = "10.213.0.0/16";
/// The outer machine's address on the bridge.
pub const GATEWAY: Ipv4Addr = Ipv4Addr::new(10, 213, 0, 1);

const BRIDGE: &str = "swt0";
/// Locally administered (IEEE 802, bit 1 of the first byte).
const BRIDGE_MAC: &str = "02:73:77:74:00:01";
/// The port that keeps the bridge's carrier.
const KEEPER: &str = "swtkeep";
const FORWARDING: &str = "/proc/sys/net/ipv4/ip_forward";
const FORWARDING_WAS_OFF: &str = "/run/slipway-tests/forwarding-was-off";

/// The address of the host with number `index`.
pub(crate) fn address(index: u16) -> Ipv4Addr {
    let [high, low] = index.to_be_bytes();
    Ipv4Addr::new(10, 213, high, low)
}

/// Whether `index` makes an address that a host may have.
pub(crate) fn is_usable(index: u16) -> bool {
    let [_, low] = index.to_be_bytes();
    index >= 2 && low != 0 && low != 255
}

/// The name of the host's network namespace.
pub(crate) fn namespace(index: u16) -> String {
    format!("swt-{index}")
}

/// The outer end of the host's link.
fn link(index: u16) -> String {
    format!("swtv{index}")
}

/// Makes the bridge and the way out, unless they are there. The caller holds the registry's lock.
pub(crate) fn ensure() -> Result<(), HostError> {
    if Path::new("/sys/class/net").join(BRIDGE).exists() {
        return Ok(());
    }
    let was_off = fs::read_to_string(FORWARDING).is_ok_and(|value| value.trim() == "0");
    if was_off {
        let note = Path::new(FORWARDING_WAS_OFF);
        fs::write(note, "").context("write", note)?;
    }
    run_with_input(command("nft").args(["-f", "-"]), rules(was_off).as_bytes())?;
    if was_off {
        let forwarding = Path::new(FORWARDING);
        fs::write(forwarding, "1").context("write", forwarding)?;
    }
    // A bridge takes the lowest address of its ports unless it has one of its own: guests would lose their
    // gateway for seconds whenever a host comes or goes. And it loses its carrier when no port forwards, so it
    // gets one that always does.
    let script = format!(
        "link add {BRIDGE} address {BRIDGE_MAC} type bridge\naddr add {GATEWAY}/16 dev {BRIDGE}\n\
         link add {KEEPER} type veth peer name {KEEPER}p\nlink set {KEEPER}p up\n\
         link set {KEEPER} master {BRIDGE} up\nlink set {BRIDGE} up\n"
    );
    run_with_input(command("ip").args(["-batch", "-"]), script.as_bytes())?;
    Ok(())
}

/// Takes the bridge and the rules away again. The caller holds the registry's lock and knows of no hosts.
pub(crate) fn remove() {
    run("ip", ["link", "del", KEEPER]).ok();
    run("ip", ["link", "del", BRIDGE]).ok();
    run("nft", ["delete", "table", "inet", "slipway_tests"]).ok();
    if fs::remove_file(FORWARDING_WAS_OFF).is_ok() {
        fs::write(FORWARDING, "0").ok();
    }
}

/// Masquerades the hosts' range. When forwarding was off before, nothing but hosts is forwarded.
fn rules(was_off: bool) -> String {
    let policy = if was_off { "drop" } else { "accept" };
    format!(
        r#"table inet slipway_tests
delete table inet slipway_tests
table inet slipway_tests {{
    chain postrouting {{
        type nat hook postrouting priority srcnat; policy accept;
        ip saddr {RANGE} ip daddr != {RANGE} masquerade
    }}
    chain forward {{
        type filter hook forward priority filter; policy {policy};
        iifname "{BRIDGE}" accept
        oifname "{BRIDGE}" ct state established,related accept
        oifname "{BRIDGE}" drop
    }}
}}
"#
    )
}

/// Makes a host's namespace and its link to the bridge.
pub(crate) fn connect(index: u16) -> Result<(), HostError> {
    // The number is free, so what has its names is nobody's.
    disconnect(index);
    let (namespace, link, address) = (namespace(index), link(index), address(index));
    // An address always has the same hardware address: neighbours that knew an earlier host of this address
    // would otherwise speak to its absent hardware for some seconds.
    let [high, low] = index.to_be_bytes();
    let mac = format!("02:73:77:75:{high:02x}:{low:02x}");
    let outside = format!(
        "netns add {namespace}\nlink add {link} type veth peer name host0 address {mac} netns {namespace}\n\
         link set {link} master {BRIDGE} up\n"
    );
    run_with_input(command("ip").args(["-batch", "-"]), outside.as_bytes())?;
    let inside = format!(
        "link set lo up\naddr add {address}/16 dev host0\nlink set host0 up\nroute add default via {GATEWAY}\n"
    );
    run_with_input(command("ip").args(["-n", &namespace, "-batch", "-"]), inside.as_bytes())?;
    Ok(())
}

/// Removes a host's namespace and link; what is not there is no error.
pub(crate) fn disconnect(index: u16) {
    run("ip", ["link", "del", &link(index)]).ok();
    run("ip", ["netns", "del", &namespace(index)]).ok();
}

/// Lets packets through the host's link, or drops them silently.
///
/// The bridge port is switched off (bridge(8), `state`), not the link: so the guest does not lose its carrier, as
/// with a cable that is cut beyond the next switch.
pub(crate) fn set_link(index: u16, state: LinkState) -> Result<(), HostError> {
    let number = match state {
        LinkState::Up => "3",
        LinkState::Down => "0",
    };
    run("bridge", ["link", "set", "dev", &link(index), "state", number])?;
    // A failed look-up from the time of the cut would delay the first packets after it.
    run("ip", ["neigh", "flush", "dev", BRIDGE, "to", &address(index).to_string()])?;
    Ok(())
}

/// Whether a link carries packets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LinkState {
    /// Packets pass.
    Up,
    /// Packets vanish; neither side is told.
    Down,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_stay_in_the_range_and_off_its_edges() {
        assert_eq!(address(2).to_string(), "10.213.0.2");
        assert_eq!(address(258).to_string(), "10.213.1.2");
        assert!(is_usable(2) && is_usable(254));
        assert!(!is_usable(1) && !is_usable(255) && !is_usable(256));
    }
}
