//! Hosts of a window that stays open: trying a connection, answers, and connections that are kept.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use slipway_core::command::Command;
use slipway_core::secret::Secret;
use slipway_engine::answers::{Answers, CredentialKind};
use slipway_engine::desk::Desk;
use slipway_engine::desk::hosts::{Auth, HostForm};
use slipway_engine::failure::Code;
use slipway_engine::fleet::{Fleet, HostState, Reach};
use slipway_engine::inventory::HostName;
use slipway_engine::need::Need;
use slipway_engine::trial::{StepKind, StepState, Trial, TrialAnswers, TrialOutcome, trial};
use slipway_tests::hosts::{Distribution, Host, HostOptions, Prerequisites};
use slipway_tests::relay::{Conditions, Cut};

use crate::support::{TestDesk, secrets};
use crate::{boot, failed, inside, words};

/// A desk that knows no key and no host.
fn desk() -> (tempfile::TempDir, Arc<Desk>, Arc<Answers>) {
    let folder = tempfile::tempdir().unwrap();
    let mut variables = std::collections::BTreeMap::new();
    variables.insert("SLIPWAY_HOME".into(), folder.path().join("home").into());
    variables.insert("HOME".into(), folder.path().into());
    let surroundings = slipway_engine::surroundings::Surroundings { variables, operator: "ann@laptop".into() };
    let desk = Desk::open(surroundings, secrets(&[]), Arc::new(slipway_engine::clock::System)).unwrap();
    (folder, Arc::new(desk), Answers::new(secrets(&[])))
}

fn form(host: &Host, user: &str) -> HostForm {
    HostForm {
        user: Some(user.into()),
        port: Some(host.ssh_port()),
        auth: Auth::KeyFile { path: host.client_key().display().to_string() },
        ..HostForm::new("web1".parse().unwrap(), host.address().to_string())
    }
}

async fn attempt(desk: &Desk, answers: &Arc<Answers>, form: &HostForm, given: &TrialAnswers) -> Trial {
    let told: Arc<Mutex<Vec<_>>> = Arc::default();
    let sink = told.clone();
    let trial = trial(desk, answers, form, given, move |step| sink.lock().unwrap().push(step)).await;
    println!("{:#?} {:?}", trial.steps, std::mem::discriminant(&trial.outcome));
    // What was told last about each step is what the trial says of it.
    for step in &trial.steps {
        let told = told.lock().unwrap();
        let last = told.iter().rfind(|one| one.host == step.host && one.kind == step.kind).unwrap();
        assert_eq!(last, step);
        assert_ne!(step.state, StepState::Started);
    }
    trial
}

fn secret(text: &str) -> Option<Secret> {
    Some(Secret::new(text.as_bytes()))
}

/// Waits for a state of `web1`, or says which it has instead.
async fn until(fleet: &Fleet, limit: u64, wanted: impl Fn(&HostState) -> bool) -> HostState {
    let mut watch = fleet.watch();
    let name: HostName = "web1".parse().unwrap();
    let found = tokio::time::timeout(Duration::from_secs(limit), async {
        let states = watch.wait_for(|states| states.get(&name).is_some_and(&wanted)).await.unwrap();
        states[&name].clone()
    });
    found.await.unwrap_or_else(|_| panic!("it stays {:#?}", fleet.states()))
}

fn is_up(state: &HostState) -> bool {
    matches!(state.reach, Reach::Up { .. })
}

fn is_down(state: &HostState) -> bool {
    matches!(state.reach, Reach::Down { .. })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trial_asks_for_what_it_needs_and_records_only_the_key_that_was_compared() {
    let Some(host) = boot() else { return };
    let (_folder, desk, answers) = desk();
    let form = form(&host, "operator");
    let known = desk.home.known_hosts();
    let recorded = || std::fs::read_to_string(&known).unwrap_or_default();
    let mut given = TrialAnswers::default();

    let first = attempt(&desk, &answers, &form, &given).await;
    let TrialOutcome::NeedsHostKey { presented, accepted: None } = &first.outcome else { panic!("{first:#?}") };
    assert_eq!(presented.fingerprint, host.fingerprint());
    assert!(presented.randomart.contains("+--"), "{}", presented.randomart);
    assert_eq!(first.failed_step, Some(StepKind::HostKey));
    assert_eq!(first.steps.len(), 6);
    given.accepted_fingerprint = Some("SHA256:another".into());
    let other = attempt(&desk, &answers, &form, &given).await;
    assert!(matches!(&other.outcome, TrialOutcome::NeedsHostKey { accepted: Some(_), .. }), "{other:#?}");
    assert_eq!(recorded(), "");

    given.accepted_fingerprint = Some(presented.fingerprint.clone());
    let sudo = attempt(&desk, &answers, &form, &given).await;
    assert!(matches!(sudo.outcome, TrialOutcome::NeedsSudoPassword { wrong: false }), "{sudo:#?}");
    assert_eq!(sudo.failed_step, Some(StepKind::Sudo));
    // The name may be hashed (HashKnownHosts); the key cannot be.
    let key = host.known_hosts_line().split(' ').nth(2).unwrap().to_owned();
    assert!(recorded().lines().count() == 1 && recorded().contains(&key), "{}", recorded());
    given.sudo_password = secret("wrong pony");
    let wrong = attempt(&desk, &answers, &form, &given).await;
    assert!(matches!(wrong.outcome, TrialOutcome::NeedsSudoPassword { wrong: true }), "{wrong:#?}");
    given.sudo_password = secret("correct horse");
    let ready = attempt(&desk, &answers, &form, &given).await;
    let TrialOutcome::Ready { facts, host_key } = &ready.outcome else { panic!("{ready:#?}") };
    assert_eq!(facts.os.known().unwrap().id, "debian");
    assert!(ready.steps.iter().all(|step| step.state == StepState::Ok));
    let shown = serde_json::to_string(&ready).unwrap();
    assert!(!shown.contains("correct horse"));

    // The host is kept, and what was answered serves the connections that come.
    let fingerprint = host_key.as_ref().map(|key| key.fingerprint.as_str());
    let added = desk.add_host(&form, fingerprint, Some(facts)).unwrap();
    assert_eq!(HostForm::of(&added).auth, form.auth);
    failed(desk.add_host(&form, None, None), Code::Usage);
    let fleet = Fleet::new(desk.clone(), answers.clone());
    let link = fleet.link(&added.name).await.unwrap();
    assert_eq!(link.run(Command::new(["id", "-u"])).await.unwrap().text(), "0\n");

    // Another key: no way on, whatever was accepted.
    inside(&host, "rm /etc/ssh/ssh_host_*; ssh-keygen -A; systemctl restart ssh.service");
    let new = inside(&host, "ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub");
    let new = new.split(' ').nth(1).unwrap().to_owned();
    given.accepted_fingerprint = Some(new.clone());
    let changed = attempt(&desk, &answers, &form, &given).await;
    let TrialOutcome::HostKeyChanged { presented, recorded: keys, failure } = &changed.outcome else {
        panic!("{changed:#?}")
    };
    assert_eq!((presented.fingerprint.as_str(), failure.code), (new.as_str(), Code::HostKey));
    assert_eq!((keys[0].fingerprint.as_str(), keys[0].line), (host.fingerprint(), 1));
    assert_eq!(keys[0].file, known);
    assert!(!recorded().contains(&new));
}

#[tokio::test(flavor = "multi_thread")]
async fn passwords_are_asked_for_as_data_and_a_refused_one_is_not_repeated() {
    if !Prerequisites::or_not_run() {
        return;
    }
    let settings = vec!["PasswordAuthentication yes".to_owned()];
    let options = HostOptions { sshd_settings: settings, ..HostOptions::default() };
    let host = Host::boot(Distribution::Debian12, options).unwrap();
    let (_folder, desk, answers) = desk();
    std::fs::write(desk.home.known_hosts(), host.known_hosts_line() + "\n").unwrap();
    inside(&host, "echo 'operator:correct horse' | chpasswd");
    let form = HostForm { auth: Auth::Password, ..form(&host, "operator") };
    let trial = attempt(&desk, &answers, &form, &TrialAnswers::default()).await;
    assert!(matches!(trial.outcome, TrialOutcome::NeedsPassword { wrong: false, .. }), "{trial:#?}");
    let given = TrialAnswers { password: secret("wrong pony"), ..TrialAnswers::default() };
    let trial = attempt(&desk, &answers, &form, &given).await;
    assert!(matches!(trial.outcome, TrialOutcome::NeedsPassword { wrong: true, .. }), "{trial:#?}");

    let name = desk.add_host(&form, None, None).unwrap().name;
    let fleet = Fleet::new(desk.clone(), answers.clone());
    let failure = failed(fleet.link(&name).await, Code::Refused);
    assert!(matches!(failure.needs.as_deref(), Some(Need::Password { wrong: false, .. })), "{failure:#?}");
    until(&fleet, 5, |state| matches!(state.reach, Reach::Needs { .. })).await;
    answers.give(name.as_str(), CredentialKind::Password, Secret::new("wrong pony"));
    fleet.retry(&name).await;
    let wrong =
        |state: &HostState| matches!(&state.reach, Reach::Needs { need: Need::Password { wrong: true, .. }, .. });
    until(&fleet, 20, wrong).await;
    let refusals = "journalctl --sync; journalctl -q --no-pager -o cat -t sshd -t sshd-session | grep -c 'Failed password' || true";
    let before = inside(&host, refusals);
    for _ in 0..3 {
        failed(fleet.link(&name).await, Code::Refused);
    }
    assert_eq!(inside(&host, refusals), before);
    // The login's password is sudo's as well.
    answers.give(name.as_str(), CredentialKind::Password, Secret::new("correct horse"));
    fleet.retry(&name).await;
    until(&fleet, 20, is_up).await;
    fleet.link(&name).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn one_connection_is_kept_for_everybody_and_comes_back_after_a_cut() {
    let Some(host) = boot() else { return };
    let relay = crate::relay(&host, Conditions::default());
    let test = TestDesk::through(relay.address(), &host);
    let mut entry = test.desk.inventory.host(&test.host).unwrap();
    test.desk.inventory.remove_host(&"web1".parse().unwrap()).unwrap();
    entry.name = "web1".parse().unwrap();
    test.desk.inventory.add_host(&entry).unwrap();
    let TestDesk { desk, folder: _folder, .. } = test;
    let desk = Arc::new(desk);
    let fleet = Fleet::new(desk.clone(), Answers::new(secrets(&[])));
    let name = entry.name;
    let (one, two, three) = tokio::join!(fleet.link(&name), fleet.link(&name), fleet.link(&name));
    let link = one.unwrap();
    assert!(Arc::ptr_eq(&link, &two.unwrap()) && Arc::ptr_eq(&link, &three.unwrap()));
    assert_eq!(relay.traffic().connections, 1);
    let state = until(&fleet, 20, |state| state.load.is_some()).await;
    let load = state.load.unwrap();
    assert!(load.cpu_percent <= 100 && load.memory_percent > 0 && load.disk_percent > 0, "{load:?}");
    let seen = desk.inventory.host(&name).unwrap();
    assert!(seen.last_seen.is_some());

    // A command that takes long does not make the host look silent.
    let long = tokio::spawn({
        let link = link.clone();
        async move { link.run(Command::new(["sleep", "8"])).await }
    });
    let mut watch = fleet.watch();
    watch.borrow_and_update();
    let silent = tokio::select! {
        done = long => { assert!(done.unwrap().unwrap().success()); false }
        _ = watch.wait_for(|states| states.values().any(is_down)) => true,
    };
    assert!(!silent, "{:#?}", fleet.states());

    let asking = {
        let link = link.clone();
        tokio::spawn(async move { link.ask(|| Command::new(["cat", "/proc/sys/kernel/hostname"])).await })
    };
    asking.await.unwrap().unwrap();
    relay.cut(Cut::Reset);
    until(&fleet, 10, is_down).await;
    until(&fleet, 30, is_up).await;
    let again = fleet.link(&name).await.unwrap();
    assert!(Arc::ptr_eq(&link, &again), "the link is the same, its connection another");
    assert!(again.run(Command::new(["true"])).await.unwrap().success());
    assert_eq!(relay.traffic().connections, 2);

    drop((link, again));
    fleet.forget(&name).await;
    assert!(fleet.states().is_empty());
    // The executors' folders go with the connection.
    inside(&host, "timeout 10 sh -c 'while ls -d /run/slipway.?????? >/dev/null 2>&1; do sleep 0.1; done'");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frozen_host_is_down_within_seconds_and_comes_back_by_itself() {
    let Some(host) = boot() else { return };
    let TestDesk { desk, folder: _folder, host: name, .. } = TestDesk::new(&host, "root");
    let fleet = Fleet::new(Arc::new(desk), Answers::new(secrets(&[])));
    fleet.link(&name).await.unwrap();
    until(&fleet, 20, |state| state.load.is_some()).await;
    let began = std::time::Instant::now();
    host.pause().unwrap();
    let down = until(&fleet, 20, is_down).await;
    assert!(began.elapsed() < Duration::from_secs(16), "{:?}", began.elapsed());
    assert!(down.load.is_none());
    let Reach::Down { last_seen, failure, .. } = down.reach else { unreachable!() };
    assert!(last_seen.is_some() && failure.code == Code::Unreachable, "{failure:#?}");
    // Long enough for the connection to be given up, so that a new one is needed.
    until(&fleet, 40, |state| matches!(&state.reach, Reach::Down { next_try: Some(_), .. })).await;
    host.resume();
    until(&fleet, 60, is_up).await;
    until(&fleet, 20, |state| state.load.is_some()).await;

    // Nobody is there to listen: it says so, and goes on trying.
    host.cut_link().unwrap();
    until(&fleet, 20, is_down).await;
    host.restore_link().unwrap();
    until(&fleet, 90, is_up).await;

    // The updates that wait were asked for, or are said to be unknown where the host never fetched its lists.
    let lists = inside(&host, "ls /var/lib/apt/lists/*_Packages* 2>/dev/null | wc -l").trim() != "0";
    if lists {
        until(&fleet, 60, |state| state.updates.is_some()).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn through_a_jump_host_each_hop_has_its_own_steps_and_keys() {
    let Some(gate) = boot() else { return };
    let host = Host::boot(Distribution::Debian12, HostOptions::default()).unwrap();
    let (_folder, desk, answers) = desk();
    let gate_form = HostForm { name: "gate".parse().unwrap(), ..form(&gate, "deploy") };
    desk.add_host(&gate_form, None, None).unwrap();
    let form = HostForm { jump: Some("gate".into()), ..form(&host, "root") };
    let mut given = TrialAnswers::default();
    for expected in [&gate, &host] {
        let trial = attempt(&desk, &answers, &form, &given).await;
        let TrialOutcome::NeedsHostKey { presented, .. } = &trial.outcome else { panic!("{trial:#?}") };
        assert_eq!(presented.fingerprint, expected.fingerprint());
        given.accepted_fingerprint = Some(presented.fingerprint.clone());
    }
    let trial = attempt(&desk, &answers, &form, &given).await;
    assert!(matches!(trial.outcome, TrialOutcome::Ready { .. }), "{trial:#?}");
    let hops: Vec<_> = trial.steps.iter().map(|step| (step.host.as_str(), step.kind)).collect();
    assert_eq!(hops[0], ("gate", StepKind::Resolve));
    assert!(hops.contains(&("gate", StepKind::Authenticate)) && hops.contains(&("web1", StepKind::Facts)));
    inside(&gate, "systemctl stop ssh.socket ssh.service");
    let trial = attempt(&desk, &answers, &form, &given).await;
    let TrialOutcome::Failed { failure } = &trial.outcome else { panic!("{trial:#?}") };
    assert!(words(failure).contains("gate"), "{failure:#?}");
    let down = trial.steps.iter().find(|step| step.state == StepState::Failed).unwrap();
    assert_eq!((down.host.as_str(), down.kind), ("gate", StepKind::Connect));
}
