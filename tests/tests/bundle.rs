//! The packages for desktops, installed where nothing of Slipway was before. `tests/bundle` makes them.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "this is test code: a broken assumption must stop the test loudly"
)]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use slipway_tests::hosts::{Distribution, Host, HostOptions, Prerequisites};

/// What both packages bring, besides the manual pages of single commands.
const FILES: [&str; 11] = [
    "/usr/bin/slipway",
    "/usr/bin/slipway-desktop",
    "/usr/share/applications/Slipway.desktop",
    "/usr/share/bash-completion/completions/slipway",
    "/usr/share/doc/slipway/copyright",
    "/usr/share/doc/slipway/third-party.txt",
    "/usr/share/fish/vendor_completions.d/slipway.fish",
    "/usr/share/icons/hicolor/128x128/apps/slipway-desktop.png",
    "/usr/share/icons/hicolor/scalable/apps/slipway-desktop.svg",
    "/usr/share/man/man1/slipway.1.gz",
    "/usr/share/man/man1/slipway-deploy.1.gz",
];

/// How long the window may take on a machine that is busy with other tests.
const WINDOW_LIMIT: Duration = Duration::from_secs(60);

/// The package of a kind; `None`, said aloud, when none was made.
fn package(kind: &str) -> Option<PathBuf> {
    let target = Path::new(env!("CARGO_BIN_EXE_slipway-testkit")).parent().unwrap().parent().unwrap();
    let folder = target.join("release/bundle").join(kind);
    let found = std::fs::read_dir(&folder).ok().and_then(|entries| {
        entries.flatten().map(|entry| entry.path()).find(|path| path.extension().is_some_and(|ending| ending == kind))
    });
    if found.is_none() {
        let required = std::env::var_os("CI").is_some_and(|value| value == "true");
        assert!(!required, "no .{kind} in {}, and it is required here", folder.display());
        eprintln!("not run: no .{kind} in {}; tests/bundle makes it", folder.display());
    }
    found
}

/// What a command printed; it must succeed.
fn printed(command: &mut Command) -> String {
    let output = command.stdin(Stdio::null()).output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Does something in a host that must succeed.
fn done(host: &Host, script: &str) -> String {
    let output = host.shell(script);
    assert!(output.is_success(), "{script}: {output}");
    output.stdout
}

#[test]
fn the_rpm_holds_what_the_deb_holds() {
    let (Some(deb), Some(rpm)) = (package("deb"), package("rpm")) else {
        return;
    };
    let in_rpm: BTreeSet<String> = printed(Command::new("rpm").args(["--query", "--list", "--package"]).arg(&rpm))
        .lines()
        .map(str::to_owned)
        .collect();
    let listed = printed(Command::new("dpkg-deb").arg("--contents").arg(&deb));
    let in_deb: BTreeSet<String> = listed
        .lines()
        .filter(|line| !line.starts_with('d'))
        .map(|line| format!("/{}", line.rsplit(' ').next().unwrap().trim_start_matches("./").trim_start_matches('/')))
        .map(|path| path.replace("/zsh/vendor-completions/", "/zsh/site-functions/"))
        .collect();
    assert_eq!(in_rpm, in_deb);
    for file in FILES {
        assert!(in_rpm.contains(file), "{file} is in neither: {in_rpm:#?}");
    }
    let needs = printed(Command::new("rpm").args(["--query", "--requires", "--package"]).arg(&rpm));
    assert!(needs.contains("libwebkit2gtk-4.1.so.0"), "{needs}");
    let licence = printed(Command::new("rpm").args(["--query", "--queryformat", "%{LICENSE}", "--package"]).arg(&rpm));
    assert_eq!(licence, "MIT OR Apache-2.0");
}

#[test]
fn the_deb_installs_runs_and_goes_away_again() {
    let Some(deb) = package("deb") else {
        return;
    };
    if !Prerequisites::or_not_run() {
        return;
    }
    let host = Host::boot(Distribution::Debian12, HostOptions::default()).unwrap();
    host.write_file("/root/slipway.deb", std::fs::read(deb).unwrap()).unwrap();
    let install = "DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends";
    done(&host, &format!("apt-get update && {install} /root/slipway.deb"));

    for file in FILES {
        done(&host, &format!("test -f {file}"));
    }
    let version = env!("CARGO_PKG_VERSION");
    // As anybody, not only as root.
    assert_eq!(done(&host, "runuser -u deploy -- slipway --version").trim(), format!("slipway {version}"));
    done(&host, "bash -nc '. /usr/share/bash-completion/completions/slipway'");
    assert!(done(&host, "zcat /usr/share/man/man1/slipway.1.gz").contains(".TH slipway 1"));
    let entry = done(&host, "cat /usr/share/applications/Slipway.desktop");
    for line in ["Name=Slipway", "Exec=slipway-desktop", "Icon=slipway-desktop", "Categories=Development;"] {
        assert!(entry.lines().any(|found| found == line), "{line}: {entry}");
    }

    // A display comes only now, so that the package has to bring everything else that the window needs.
    done(&host, &format!("{install} xvfb xauth x11-utils x11-apps dbus-daemon"));
    window_shows_a_page(&host);

    done(&host, "DEBIAN_FRONTEND=noninteractive apt-get purge --yes slipway");
    let left = done(
        &host,
        "find /usr /etc /var/lib -path '*lipway*' -not -path '/var/lib/slipway*' -not -path '/etc/slipway*' 2>/dev/null; true",
    );
    assert_eq!(left, "", "left over");
}

/// Opens the window on a display of its own, as a user, and insists that it shows something.
fn window_shows_a_page(host: &Host) {
    let run = "systemd-run --quiet --collect --unit=window --uid=deploy --setenv=HOME=/home/deploy --setenv=LANG=C.UTF-8 \
               --property=KillMode=control-group -- \
               xvfb-run --auto-servernum --server-num=99 --auth-file=/home/deploy/.display \
               --server-args='-screen 0 1280x900x24' dbus-run-session -- slipway-desktop";
    done(host, run);
    let asked = "runuser -u deploy -- env DISPLAY=:99 XAUTHORITY=/home/deploy/.display";
    let deadline = Instant::now() + WINDOW_LIMIT;
    loop {
        let tree = host.shell(&format!("{asked} xwininfo -root -tree")).stdout;
        let picture = host.enter(&["sh", "-c", &format!("{asked} xwd -silent -root")]).output().unwrap();
        let colours = colours(&picture.stdout);
        // An empty window is one colour; a page has text, drawn in many shades.
        if tree.contains("\"Slipway\"") && colours > 20 {
            println!("a window with {colours} colours");
            break;
        }
        let alive = host.exec(&["systemctl", "is-active", "window"]);
        assert!(
            alive.is_success() && Instant::now() < deadline,
            "the window did not come ({colours} colours)\n{tree}\n{}",
            host.shell("journalctl --no-pager --unit=window").stdout
        );
        std::thread::sleep(Duration::from_millis(300));
    }
    done(host, "systemctl stop window");
}

/// How many colours a picture of 24 bits has, in the format of xwd(1): see X11/XWDFile.h.
fn colours(picture: &[u8]) -> usize {
    let field = |index: usize| {
        let bytes = picture.get(index * 4..index * 4 + 4)?;
        usize::try_from(u32::from_be_bytes(bytes.try_into().ok()?)).ok()
    };
    let (Some(header), Some(table)) = (field(0), field(19)) else {
        return 0;
    };
    let pixels = picture.get(header + table * 12..).unwrap_or_default();
    pixels.chunks_exact(4).collect::<BTreeSet<_>>().len()
}
