//! Properties that hold for all states of hosts, sites and runs.

use proptest::prelude::*;
use slipway_core::fact::Fact;
use slipway_core::facts::paths::PathState;
use slipway_core::facts::sockets::{Listener, ListeningProcess};
use slipway_core::plan::Plan;
use slipway_core::resource::converge::schedule;
use slipway_core::resource::file::{File, FileStep, FileWrite};
use slipway_core::resource::{Change, Difference, Effect, Heading, Id, Kind as _, Move, Placed, Verb, Way};
use slipway_core::site::Site;

use crate::model::{Aim, Model, ownership};
use crate::{SITE, blockers, files, site, site_of, text};

/// Two sites of one host, and their files.
fn two() -> [(Site, Vec<File>); 2] {
    let other = SITE.replace("shop", "blog").replace("5000", "6000");
    let renamed: Vec<File> =
        files().into_iter().map(|file| File { path: file.path.replace("shop", "blog"), ..file }).collect();
    [(site(), files()), (site_of(&other), renamed)]
}

/// Something that happens to a host.
#[derive(Debug, Clone)]
enum Event {
    /// A site is set up, and the run ends after so many steps.
    Apply { site: usize, steps: usize },
    /// A site leaves, and the run ends after so many steps.
    Uninstall { site: usize, data: bool, steps: usize },
    /// Somebody edits a file.
    Edited { site: usize, file: usize },
    /// Somebody removes a file.
    Removed { site: usize, file: usize },
    /// Somebody stops and disables a unit.
    Stopped(&'static str),
    /// Somebody changes a directory.
    Chmod(&'static str),
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let steps = prop_oneof![2 => Just(1000_usize), 3 => 0..45_usize];
    let one = prop_oneof![
        5 => (0..2_usize, steps.clone()).prop_map(|(site, steps)| Event::Apply { site, steps }),
        3 => (0..2_usize, any::<bool>(), steps).prop_map(|(site, data, steps)| Event::Uninstall { site, data, steps }),
        1 => (0..2_usize, 0..3_usize).prop_map(|(site, file)| Event::Edited { site, file }),
        1 => (0..2_usize, 0..3_usize).prop_map(|(site, file)| Event::Removed { site, file }),
        1 => prop_oneof![Just("nginx.service"), Just("shop.target"), Just("blog.target")].prop_map(Event::Stopped),
        1 => prop_oneof![Just("/opt/shop"), Just("/etc/slipway"), Just("/etc/blog")].prop_map(Event::Chmod),
    ];
    prop::collection::vec(one, 0..9)
}

fn happen(host: &mut Model, event: &Event, sites: &[(Site, Vec<File>); 2]) {
    match event {
        Event::Apply { site, steps } => {
            let (site, files) = &sites[*site];
            let plan = host.plan(&Aim { site, files });
            if *steps >= plan.steps.len() {
                host.run(&plan, files);
            } else {
                host.run_steps(&plan, files, *steps);
            }
        }
        Event::Uninstall { site, data, steps } => {
            let plan = host.plan_uninstall(&sites[*site].0, *data);
            host.run_steps(&plan, &[], *steps);
            // systemd forgets a unit that does not run and has no file.
            host.units.retain(|_, unit| unit.active || unit.enabled);
        }
        Event::Edited { site, file } => {
            let path = sites[*site].1[*file].path.clone();
            if host.paths.contains_key(&path) {
                host.write(&path, 0o644, ("root", "root"), b"by hand");
            }
        }
        Event::Removed { site, file } => {
            host.paths.remove(&sites[*site].1[*file].path);
        }
        Event::Stopped(name) => {
            if let Some(unit) = host.units.get_mut(*name) {
                (unit.active, unit.enabled) = (false, false);
            }
        }
        Event::Chmod(path) => {
            if let Some(PathState::Directory { mode, .. }) = host.paths.get_mut(*path) {
                *mode = 0o700;
            }
        }
    }
}

/// Whether it is data that an uninstallation leaves.
fn is_data(path: &str, site: &str) -> bool {
    let of = |base: &str| path == base || path.starts_with(&format!("{base}/"));
    of(&format!("/opt/{site}/shared")) || of(&format!("/var/log/{site}")) || path == format!("/opt/{site}")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    #[test]
    fn whatever_happened_one_plan_is_enough_and_the_last_one_leaves_a_clean_host(
        events in events(),
        there in any::<bool>(),
        data in any::<bool>(),
    ) {
        let sites = two();
        let mut host = Model::bare();
        let strangers = ["/etc/nginx/conf.d/other.conf", "/etc/shop/notes", "/opt/other/data"];
        for path in strangers {
            host.write(path, 0o644, ("root", "root"), b"theirs");
        }
        // What was there before Slipway came is never taken away.
        if there && let Fact::Known(packages) = &mut host.facts.packages {
            packages.installed.insert("curl".to_owned(), Fact::Known("1".to_owned()));
        }
        let before = host.traces();
        for event in &events {
            happen(&mut host, event, &sites);
        }

        // Converging twice is converging once.
        for (site, files) in &sites {
            let aim = Aim { site, files };
            let plan = host.plan(&aim);
            prop_assert_eq!(blockers(&plan), Vec::<&str>::new());
            host.run(&plan, files);
            let again = host.plan(&aim);
            prop_assert!(again.is_empty(), "{:#?}", again.steps);
        }

        // What both use survives the first, and goes with the last.
        let kept = "/opt/shop/shared/a/b/kept";
        host.write(kept, 0o644, ("shop", "shop"), b"data");
        let first = host.plan_uninstall(&sites[0].0, data);
        prop_assert!(!serde_json::to_string(&first).unwrap().contains("hunter2"));
        host.run(&first, &[]);
        let blog = host.plan(&Aim { site: &sites[1].0, files: &sites[1].1 });
        prop_assert!(blog.is_empty(), "shop took something of blog's: {:#?}", blog.steps);
        prop_assert_eq!(host.paths.contains_key(kept), !data);
        let nothing = host.plan_uninstall(&sites[0].0, data);
        prop_assert!(nothing.is_empty(), "{:#?}", nothing.steps);
        let second = host.plan_uninstall(&sites[1].0, true);
        host.run(&second, &[]);
        let allowed = |path: &String| !data && (is_data(path, "shop") || path == "user shop");
        let left: Vec<String> =
            host.traces().difference(&before).filter(|path| !allowed(path)).cloned().collect();
        // Somebody else's notes keep the directory that they are in.
        let left: Vec<&String> = left.iter().filter(|path| *path != "/etc/shop").collect();
        prop_assert!(left.is_empty(), "{left:?}");
        prop_assert!(before.is_subset(&host.traces()), "{:?}", before.difference(&host.traces()).collect::<Vec<_>>());
        if data {
            prop_assert_eq!(&host.host_record, &Fact::Absent);
            let empty = |site: &Site| host.records(&site.name).site.unwrap().resources.is_empty();
            prop_assert!(sites.iter().all(|(site, _)| empty(site)), "{:#?}", host.written);
        } else {
            let rest = host.plan_uninstall(&sites[0].0, true);
            host.run(&rest, &[]);
            prop_assert!(!host.paths.contains_key(kept));
            prop_assert!(!host.traces().contains("user shop"));
        }
    }

    #[test]
    fn wherever_an_uninstallation_ends_the_next_one_goes_on(
        set_up in 0..45_usize,
        removed in 0..45_usize,
        data in any::<bool>(),
    ) {
        let (site, files) = (site(), files());
        let mut host = Model::bare();
        let bare = host.traces();
        let setup = host.plan(&Aim { site: &site, files: &files });
        host.run_steps(&setup, &files, set_up);
        let first = host.plan_uninstall(&site, data);
        host.run_steps(&first, &[], removed);
        let rest = host.plan_uninstall(&site, data);
        host.run(&rest, &[]);
        let nothing = host.plan_uninstall(&site, data);
        prop_assert!(nothing.is_empty(), "{:#?}", nothing.steps);
        let allowed = |path: &String| !data && (is_data(path, "shop") || path == "user shop");
        let left: Vec<String> = host.traces().difference(&bare).filter(|path| !allowed(path)).cloned().collect();
        prop_assert!(left.is_empty(), "{left:?}");
    }

    #[test]
    fn a_plan_relies_on_nothing_that_is_not_among_what_it_observed(
        events in events(),
        one in changes(),
        other in changes(),
    ) {
        // Two hosts that differ in anything: where planning observed the same, it must have planned the same.
        let sites = two();
        let mut host = Model::bare();
        for event in &events {
            happen(&mut host, event, &sites);
        }
        let plans = [one, other].map(|changes| {
            let mut host = host.clone();
            changes.iter().for_each(|change| change.make(&mut host));
            let (site, files) = &sites[0];
            (host.plan(&Aim { site, files }), host.plan_uninstall(site, true))
        });
        let same = |a: &Plan, b: &Plan| (&a.steps, &a.notices, &a.claims) == (&b.steps, &b.notices, &b.claims);
        let [(a, leaving_a), (b, leaving_b)] = &plans;
        for (a, b) in [(a, b), (leaving_a, leaving_b)] {
            prop_assert!(a.observed != b.observed || same(a, b), "it read something that it did not note");
        }
    }

    #[test]
    fn the_order_respects_every_declared_need(
        needs in prop::collection::vec(prop::collection::vec(0..24_usize, 0..4), 24),
        effects in prop::collection::vec(0..4_usize, 24),
        removes in prop::collection::vec(any::<bool>(), 24),
    ) {
        let id = |number: usize| File::id_of(&format!("/f/{number}"));
        let effect = |number: usize| match number {
            0 => vec![],
            1 => vec![Effect::Systemd],
            2 => vec![Effect::Nginx],
            _ => vec![Effect::Rules("g.service".to_owned())],
        };
        let moves: Vec<Move> = (0..24)
            .map(|number| {
                // Only of those before it, so that there is no cycle.
                let needs = needs[number].iter().filter(|need| **need < number).map(|need| id(*need)).collect();
                let verb = if removes[number] { Verb::Remove } else { Verb::Create };
                let change = Change::File(FileStep::Write(FileWrite { path: format!("/f/{number}"), ..some_write() }));
                let mut difference =
                    Difference::new(id(number), Heading::Configuration, verb, String::new(), "", change);
                difference.effects = effect(effects[number]);
                Move { id: id(number), difference, removes: removes[number], way: Way::Direct, needs }
            })
            .collect();
        let placed = schedule(moves.clone()).unwrap();
        let at = |wanted: &Id| {
            placed.iter().position(|one| matches!(one, Placed::Change(one) if one.ids.contains(wanted))).unwrap()
        };
        for one in &moves {
            for need in &one.needs {
                let other = moves.iter().find(|other| &other.id == need).unwrap();
                if other.removes != one.removes {
                    continue;
                }
                let (first, second) = if one.removes { (one, other) } else { (other, one) };
                let (from, to) = (at(&first.id), at(&second.id));
                prop_assert!(from < to, "{} must come before {}", first.id, second.id);
                for effect in &first.difference.effects {
                    let followed = placed[from..to].iter().any(|one| one == &Placed::Effect(effect.clone()));
                    prop_assert!(followed, "{effect} of {} must be in force before {}", first.id, second.id);
                }
            }
        }
        // Every effect follows the last change that asks for it.
        for effect in [Effect::Systemd, Effect::Nginx, Effect::Rules("g.service".to_owned())] {
            let asks = |one: &Placed| matches!(one, Placed::Change(one) if one.effects.contains(&effect));
            let last = placed.iter().rposition(asks);
            let follows = placed.iter().rposition(|one| one == &Placed::Effect(effect.clone()));
            prop_assert!(last.is_none_or(|last| follows.is_some_and(|at| at > last)), "{effect}");
        }
        // A cycle is found, and named.
        let mut cycle = moves;
        let (a, b) = (cycle[0].id.clone(), cycle[1].id.clone());
        (cycle[0].removes, cycle[1].removes) = (false, false);
        (cycle[0].needs, cycle[1].needs) = (vec![b.clone()], vec![a.clone()]);
        let found = schedule(cycle).unwrap_err();
        prop_assert!(found.0.contains(&a) && found.0.contains(&b));
    }
}

fn some_write() -> FileWrite {
    text("/f/x", "").write()
}

/// Something that is otherwise on a host.
#[derive(Debug, Clone)]
enum Otherwise {
    Listener(u16, &'static str),
    Path(usize, u8),
    Package(&'static str),
    Unit(&'static str, bool, bool),
    Home(&'static str),
    Service(&'static str),
    Server(&'static str, &'static str),
    Selinux,
    Os,
}

impl Otherwise {
    fn make(&self, host: &mut Model) {
        use slipway_core::facts::nginx_sites::{ListenDirective, ServerBlock};
        use slipway_core::facts::security::{Selinux, SelinuxMode};
        match self {
            Self::Listener(port, name) => {
                if let Fact::Known(listeners) = &mut host.facts.listeners {
                    let processes = vec![ListeningProcess { name: (*name).to_owned(), pid: 1 }];
                    listeners.push(Listener { address: None, interface: None, port: *port, processes });
                }
            }
            Self::Path(number, what) => {
                let paths: Vec<String> = host.paths.keys().cloned().collect();
                let Some(path) = paths.get(*number % paths.len().max(1)) else { return };
                let state = match what {
                    0 => PathState::Absent,
                    1 => PathState::Failed { reason: "unreadable".to_owned() },
                    2 => PathState::Directory { mode: 0o777, owner: ownership("games", "games") },
                    _ => PathState::Symlink { target: "/x".to_owned(), owner: ownership("root", "root") },
                };
                host.paths.insert(path.clone(), state);
            }
            Self::Package(name) => {
                if let Fact::Known(packages) = &mut host.facts.packages {
                    packages.installed.insert((*name).to_owned(), Fact::Known("1".to_owned()));
                }
            }
            Self::Unit(name, active, enabled) => {
                let state = slipway_core::seen::UnitActivity {
                    active: *active,
                    enabled: *enabled,
                    masked: !active && *enabled,
                };
                host.units.insert((*name).to_owned(), state);
            }
            Self::Home(home) => {
                if let Fact::Known(users) = &mut host.facts.users {
                    users.retain(|user| user.name != "shop");
                    let (name, home, shell) = ("shop".to_owned(), (*home).to_owned(), String::new());
                    users.push(slipway_core::facts::accounts::User { name, uid: 1, gid: 1, home, shell });
                }
            }
            Self::Service(service) => {
                let Fact::Known(firewalls) = &mut host.facts.firewalls else { return };
                let Fact::Known(firewalld) = &mut firewalls.firewalld else { return };
                firewalld.running.as_mut().unwrap().services.push((*service).to_owned());
            }
            Self::Server(file, name) => {
                if let Fact::Known(sites) = &mut host.facts.nginx_sites {
                    let (file, names) = ((*file).to_owned(), vec![(*name).to_owned()]);
                    let (address, port) = ("*".to_owned(), Some(80));
                    let listen = ListenDirective { address, port, tls: false, default_server: *name == "_" };
                    sites.servers.push(ServerBlock { file, line: 1, names, listens: vec![listen] });
                }
            }
            Self::Selinux => {
                let mode = SelinuxMode::Enforcing;
                host.facts.selinux = Fact::Known(Selinux { mode, configured: None, policy: None });
            }
            Self::Os => {
                if let Fact::Known(os) = &mut host.facts.os {
                    os.pretty_name = "Debian 12.9".to_owned();
                }
            }
        }
    }
}

fn changes() -> impl Strategy<Value = Vec<Otherwise>> {
    let port = prop_oneof![Just(80_u16), Just(443), Just(5000), Just(5999)];
    let name = prop_oneof![Just("nginx"), Just("apache2")];
    let unit = prop_oneof![Just("nginx.service"), Just("shop.target"), Just("other.service")];
    let server = prop_oneof![Just("/etc/nginx/conf.d/other.conf"), Just("/etc/nginx/conf.d/shop.conf")];
    let one = prop_oneof![
        (port, name).prop_map(|(port, name)| Otherwise::Listener(port, name)),
        (0..60_usize, 0..4_u8).prop_map(|(number, what)| Otherwise::Path(number, what)),
        prop_oneof![Just("nginx"), Just("curl"), Just("vim")].prop_map(Otherwise::Package),
        (unit, any::<bool>(), any::<bool>()).prop_map(|(unit, a, b)| Otherwise::Unit(unit, a, b)),
        prop_oneof![Just("/opt/shop/cache"), Just("/home/shop")].prop_map(Otherwise::Home),
        prop_oneof![Just("http"), Just("https"), Just("ftp")].prop_map(Otherwise::Service),
        (server, prop_oneof![Just("shop.test"), Just("_"), Just("localhost")])
            .prop_map(|(file, name)| Otherwise::Server(file, name)),
        Just(Otherwise::Selinux),
        Just(Otherwise::Os),
    ];
    prop::collection::vec(one, 0..3)
}

#[test]
fn steps_that_follow_each_other_are_one_where_their_kind_can() {
    let (site, files) = (site(), files());
    let host = Model::bare();
    let plan = host.plan(&Aim { site: &site, files: &files });
    let of = |prefix: &str| plan.steps.iter().filter(|step| step.id.starts_with(prefix)).count();
    assert_eq!((of("package:"), of("firewall-service:"), of("effect:nginx"), of("effect:systemd")), (1, 1, 1, 1));
    let packages = &plan.steps[0];
    assert!(packages.title.starts_with("Install nginx, "), "{}", packages.title);
    assert!(packages.reason.ends_with("apt takes them from the host's own repositories"), "{}", packages.reason);
    assert!(packages.brings.len() > 1);
}
