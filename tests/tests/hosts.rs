//! What the test kit promises about hosts, tried on real ones.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::net::{SocketAddr, TcpStream};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use slipway_tests::hosts::{Distribution, Host, HostOptions, Prerequisites, collect_garbage, list};
use slipway_tests::relay::{Conditions, Relay};

fn boot(distribution: Distribution) -> Option<Host> {
    Prerequisites::or_not_run().then(|| Host::boot(distribution, HostOptions::default()).unwrap())
}

/// Runs OpenSSH's client and returns its exit status and what it printed.
fn ssh(host: &Host, user: &str, command: &str) -> (bool, String) {
    let output = host.ssh(user).arg(command).stdin(Stdio::null()).output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&text).trim().to_owned())
}

#[test]
fn a_debian_host_is_what_its_name_says() {
    for (distribution, version) in
        [(Distribution::Debian11, "11"), (Distribution::Debian12, "12"), (Distribution::Debian13, "13")]
    {
        let Some(host) = boot(distribution) else {
            return;
        };
        let release = String::from_utf8(host.read_file("/etc/os-release").unwrap()).unwrap();
        assert!(release.contains(&format!("VERSION_ID=\"{version}\"")), "{release}");
        assert_eq!(host.exec(&["hostname"]).stdout.trim(), host.name());
        let failed = host.exec(&["systemctl", "--failed", "--no-legend"]);
        assert_eq!(failed.stdout, "", "{distribution}: {failed}");
        for absent in ["nginx", "git", "curl", "redis-server"] {
            assert!(!host.exec(&["which", absent]).is_success(), "{absent} is on a bare {distribution}");
        }
    }
}

#[test]
fn every_login_works_with_openssh() {
    let Some(host) = boot(Distribution::Debian12) else {
        return;
    };
    assert_eq!(ssh(&host, "root", "id -un"), (true, "root".to_owned()));
    assert_eq!(ssh(&host, "deploy", "sudo -n id -un"), (true, "root".to_owned()));
    let (allowed, said) = ssh(&host, "operator", "sudo -n id -un");
    assert!(!allowed && said.contains("password is required"), "{said}");
    let with_password = "printf 'correct horse\\n' | sudo -S -p '' id -un";
    assert_eq!(ssh(&host, "operator", with_password), (true, "root".to_owned()));
}

#[test]
fn a_command_inside_reports_status_and_both_streams() {
    let Some(host) = boot(Distribution::Debian12) else {
        return;
    };
    let output = host.shell("echo out; echo err >&2; exit 3");
    assert_eq!((output.status, output.stdout.as_str(), output.stderr.as_str()), (3, "out\n", "err\n"));
    host.write_file("/srv/new/file", b"a\0b").unwrap();
    assert_eq!(host.read_file("/srv/new/file").unwrap(), b"a\0b");
    assert!(host.read_file("/srv/absent").unwrap_err().to_string().contains("No such file"));
}

#[test]
fn a_reboot_keeps_files_address_and_keys() {
    let Some(host) = boot(Distribution::Debian12) else {
        return;
    };
    let boot_id = || host.exec(&["cat", "/proc/1/stat"]).stdout;
    let before = (host.address(), host.fingerprint().to_owned(), boot_id());
    host.write_file("/srv/kept", "yes").unwrap();
    host.reboot().unwrap();
    assert_eq!(host.read_file("/srv/kept").unwrap(), b"yes");
    assert_eq!((host.address(), host.fingerprint()), (before.0, before.1.as_str()));
    assert_ne!(boot_id(), before.2);
    assert!(ssh(&host, "root", "true").0);

    host.power_off_hard();
    assert!(TcpStream::connect_timeout(&(host.address(), 22).into(), Duration::from_millis(300)).is_err());
    host.start().unwrap();
    assert_eq!(host.read_file("/srv/kept").unwrap(), b"yes");
}

#[test]
fn a_guest_can_reboot_itself() {
    let Some(host) = boot(Distribution::Debian12) else {
        return;
    };
    host.shell("touch /run/before-reboot; systemctl reboot");
    let deadline = Instant::now() + Duration::from_secs(60);
    // The marker in /run is gone once the new boot has a /run of its own.
    while host.is_running() && host.shell("test -e /run/before-reboot").is_success() {
        assert!(Instant::now() < deadline, "the guest did not reboot");
    }
    host.wait_until_ready().unwrap();
    assert!(ssh(&host, "root", "true").0);
}

#[test]
fn a_cut_link_and_a_paused_host_are_silent_until_restored() {
    let Some(host) = boot(Distribution::Debian12) else {
        return;
    };
    let connects = || TcpStream::connect_timeout(&(host.address(), 22).into(), Duration::from_millis(300)).is_ok();
    assert!(connects());
    host.cut_link().unwrap();
    assert!(!connects());
    assert!(host.exec(&["true"]).is_success(), "commands inside do not need the link");
    host.restore_link().unwrap();
    assert!(connects());

    host.pause().unwrap();
    let mut client =
        host.ssh("root").args(["-o", "ConnectTimeout=1"]).arg("true").stderr(Stdio::null()).spawn().unwrap();
    assert!(!client.wait().unwrap().success());
    host.resume();
    assert!(ssh(&host, "root", "true").0);
}

#[test]
fn apt_get_installs_inside() {
    let Some(host) = boot(Distribution::Debian12) else {
        return;
    };
    let install = host.shell("DEBIAN_FRONTEND=noninteractive apt-get install -y nginx-light");
    assert!(install.is_success(), "{install}");
    assert!(host.exec(&["nginx", "-t"]).is_success());
    assert_eq!(host.exec(&["systemctl", "is-active", "nginx"]).stdout.trim(), "active");
}

#[test]
fn pip_installs_from_the_wheelhouse() {
    let Some(host) = boot(Distribution::Debian12) else { return };
    let install = host.shell(
        "DEBIAN_FRONTEND=noninteractive apt-get install -y python3-venv && python3 -m venv /opt/app && \
         /opt/app/bin/pip install flask gunicorn gevent redis flask-socketio && /opt/app/bin/python -c 'import flask'",
    );
    assert!(install.is_success(), "{install}");
}

#[test]
fn dnf_installs_and_firewalld_blocks_on_the_rhel_stand_in() {
    let Some(host) = boot(Distribution::El9Like) else { return };
    let release = String::from_utf8(host.read_file("/etc/os-release").unwrap()).unwrap();
    assert!(release.contains("ID=\"almalinux\"") && release.contains("VERSION_ID=\"9."), "{release}");
    let packages = [
        ("nginx", "nginx"),
        ("git", "git"),
        ("curl", "curl"),
        ("jq", "jq"),
        ("logrotate", "logrotate"),
        ("policycoreutils-python-utils", "semanage"),
        ("openssl", "openssl"),
        ("tar", "tar"),
        ("acl", "setfacl"),
        ("zstd", "zstd"),
        ("rsync", "rsync"),
        ("python3.11", "python3.11"),
        ("python3-pip", "pip3"),
    ];
    for command in packages.map(|(_, command)| command).into_iter().chain(["apt-get", "dpkg"]) {
        assert!(!host.exec(&["which", command]).is_success(), "{command} is on a bare host");
    }
    let names = packages.map(|(package, _)| package).join(" ");
    let install = host.shell(&format!("dnf install -y python3 {names}"));
    assert!(install.is_success(), "{install}");
    for (_, command) in packages {
        let help = host.exec(&[command, "--help"]);
        assert!(help.status < 126, "{command}: {help}");
    }
    let start = host.shell("systemctl enable --now nginx && curl -sf http://localhost/");
    assert!(start.is_success(), "{start}");
    assert!(host.exec(&["id", "nginx"]).is_success());

    let answers = || TcpStream::connect_timeout(&(host.address(), 80).into(), Duration::from_secs(1)).is_ok();
    assert!(!answers(), "firewalld lets http through before it was told to");
    assert!(host.exec(&["firewall-cmd", "--add-service=http"]).is_success());
    assert!(answers());
    assert!(host.exec(&["firewall-cmd", "--remove-service=http"]).is_success());
    assert!(!answers());
}

#[test]
fn a_relay_makes_ssh_slow_and_counts_its_round_trips() {
    let Some(host) = boot(Distribution::Debian12) else { return };
    let sshd = SocketAddr::from((host.address(), host.ssh_port()));
    let relay = Relay::start(sshd, Conditions::default()).unwrap();
    let time = || {
        let started = Instant::now();
        let status = host.ssh_through(relay.address(), "deploy").arg("true").stdin(Stdio::null()).status().unwrap();
        assert!(status.success());
        started.elapsed()
    };
    time();
    let turns = relay.traffic().turns;
    assert!((4..40).contains(&turns), "{:?}", relay.traffic());
    let round_trip = Duration::from_millis(200);
    relay.set_conditions(Conditions { round_trip, bytes_per_second: None });
    let took = time();
    // ssh and sshd speak at the same time now and then, so not every turn costs a whole round trip.
    assert!(took > round_trip * u32::try_from(turns / 2).unwrap(), "{took:?}, {turns} turns");
}

#[test]
fn hosts_run_side_by_side_and_leave_nothing_behind() {
    let Some(first) = boot(Distribution::Debian12) else {
        return;
    };
    let second = boot(Distribution::Debian12).unwrap();
    assert_ne!(first.address(), second.address());
    assert_ne!(first.fingerprint(), second.fingerprint());
    let reached = first.exec(&["bash", "-c", &format!("exec 3<>/dev/tcp/{}/22", second.address())]);
    assert!(reached.is_success(), "{reached}");
    let record = list().unwrap().into_iter().find(|record| record.name == first.name()).unwrap();
    drop(first);
    assert!(!record.directory.exists());
    assert!(list().unwrap().iter().all(|other| other.name != record.name));
    assert!(second.exec(&["true"]).is_success(), "the other host goes on");
}

#[test]
fn a_panic_removes_the_host() {
    if !Prerequisites::or_not_run() {
        return;
    }
    let name = format!("panics-{}", std::process::id());
    let options = HostOptions { name: Some(name.clone()), ..HostOptions::default() };
    let panicked = std::thread::spawn(move || {
        let _host = Host::boot(Distribution::Debian12, options).unwrap();
        panic!("on purpose");
    });
    assert!(panicked.join().is_err());
    assert!(list().unwrap().iter().all(|host| host.name != name));
}

#[test]
fn hosts_of_a_killed_process_are_collected() {
    if !Prerequisites::or_not_run() {
        return;
    }
    let name = format!("orphan-{}", std::process::id());
    let mut owner = Command::new(env!("CARGO_BIN_EXE_slipway-testkit"))
        .args(["host", "up", "debian12", "--name", &name])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = std::io::BufRead::lines(std::io::BufReader::new(owner.stdout.take().unwrap()));
    assert!(lines.by_ref().any(|line| line.unwrap().contains("Ctrl-C")), "it never said that it was up");
    owner.kill().unwrap();
    owner.wait().unwrap();
    assert!(list().unwrap().iter().any(|host| host.name == name), "a killed owner cannot clean up");
    collect_garbage().unwrap();
    assert!(list().unwrap().iter().all(|host| host.name != name));
}

#[test]
fn a_host_goes_back_to_a_checkpoint() {
    if !Prerequisites::or_not_run() {
        return;
    }
    let host = Host::boot(Distribution::Debian12, HostOptions::default()).unwrap();
    host.write_file("/srv/one", "first").unwrap();
    let first = host.checkpoint().unwrap();
    host.write_file("/srv/one", "second").unwrap();
    host.write_file("/srv/two", "second").unwrap();
    let second = host.checkpoint().unwrap();
    host.shell("rm /srv/one");
    host.go_back(second).unwrap();
    assert_eq!(host.shell("cat /srv/one /srv/two").stdout, "secondsecond");
    host.go_back(first).unwrap();
    assert_eq!(host.shell("cat /srv/*").stdout, "first");
    assert!(host.ssh("root").arg("true").status().unwrap().success());
}
