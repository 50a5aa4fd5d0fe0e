use std::time::Duration;

use slipway_core::event::{StepOutcome, Verdict, VerdictKind};

use super::*;
use crate::clock::System;
use crate::history::{NewRun, Recorder, mark};
use crate::secrets::Memory;
use crate::surroundings::Surroundings;

fn desk(folder: &tempfile::TempDir) -> Arc<Desk> {
    let home = folder.path().join("home");
    let variables = BTreeMap::from([("SLIPWAY_HOME".into(), home.into())]);
    let surroundings = Surroundings { variables, operator: "ann@desk".to_owned() };
    Arc::new(Desk::open(surroundings, Arc::new(Memory::default()), Arc::new(System)).unwrap())
}

fn new_run(desk: &Desk) -> RunId {
    let (kind, host) = ("deploy".parse().unwrap(), "web-1".parse().unwrap());
    let plan: Option<(_, &())> = None;
    let run = NewRun { kind, site: None, host, operator: "ann@desk".to_owned(), plan };
    desk.history.start(&run, desk.clock.now()).unwrap()
}

fn taking(going: &ActiveRuns, id: RunId) -> Taking {
    let entry = Entry {
        site: "shop".parse().unwrap(),
        host: "web-1".to_owned(),
        verb: "deploy",
        plan: String::new(),
        started_at: going.desk.clock.now(),
        cancel: Cancel::default(),
        log: Mutex::default(),
        news: channel::Sender::new(0),
    };
    Taking { id, entry: Arc::new(entry), list: going.list.clone(), began: Mutex::default() }
}

fn event(kind: EventKind) -> Event {
    Event { at_ms: 7, kind }
}

fn started() -> Event {
    event(EventKind::Started { steps: vec!["first".to_owned(), "second".to_owned()] })
}

fn finished() -> Event {
    let (summary, evidence) = (String::new(), Vec::new());
    let verdict = Verdict { kind: VerdictKind::Succeeded, summary, evidence, hint: None, log: Vec::new() };
    event(EventKind::Finished { verdict })
}

#[tokio::test(start_paused = true)]
async fn a_late_watcher_sees_everything_and_then_what_comes_together() {
    let folder = tempfile::tempdir().unwrap();
    let going = ActiveRuns::new(desk(&folder));
    let id = new_run(&going.desk);
    let run = taking(&going, id);
    run.event(started());
    run.event(event(EventKind::StepStarted { step: 0 }));
    let active = going.active();
    assert_eq!((active.len(), active[0].step.as_deref(), active[0].steps), (1, Some("first"), 2));
    let mut watch = going.watch(id).unwrap();
    assert_eq!(watch.next().await.unwrap().unwrap().len(), 2);

    let mut waiting = Box::pin(watch.next());
    assert!(tokio::time::timeout(Duration::from_secs(5), &mut waiting).await.is_err(), "nothing has come");
    drop(waiting);
    for number in 0..10 {
        run.event(event(EventKind::Output { step: 0, line: number.to_string() }));
    }
    assert_eq!(watch.next().await.unwrap().unwrap().len(), 10);
    going.cancel(id).unwrap();
    assert!(run.entry.cancel.requested() && going.active()[0].cancelling);

    run.event(event(EventKind::StepFinished { step: 0, outcome: StepOutcome::Done }));
    run.event(finished());
    drop(run);
    assert_eq!(watch.next().await.unwrap().unwrap().last(), Some(&finished()));
    assert_eq!(watch.next().await.unwrap(), None);
    assert!(going.active().is_empty());
    assert_eq!(going.cancel(id).unwrap_err().code, Code::Usage);
    // What it printed is still there for a while.
    assert_eq!(going.watch(id).unwrap().next().await.unwrap().unwrap().len(), 14);
}

#[tokio::test(start_paused = true)]
async fn events_are_gathered_while_a_window_draws() {
    let folder = tempfile::tempdir().unwrap();
    let going = ActiveRuns::new(desk(&folder));
    let id = new_run(&going.desk);
    let run = Arc::new(taking(&going, id));
    run.event(started());
    let mut watch = going.watch(id).unwrap();
    watch.next().await.unwrap();
    let printing = tokio::spawn({
        let run = run.clone();
        async move {
            for number in 0..100 {
                tokio::time::sleep(Duration::from_millis(10)).await;
                run.event(event(EventKind::Output { step: 0, line: number.to_string() }));
            }
        }
    });
    let (mut batches, mut lines) = (0, 0);
    while lines < 100 {
        lines += watch.next().await.unwrap().unwrap().len();
        batches += 1;
    }
    printing.await.unwrap();
    assert!((5..=15).contains(&batches), "{batches} batches");
}

#[tokio::test]
async fn a_run_that_breaks_off_leaves_nobody_waiting() {
    let folder = tempfile::tempdir().unwrap();
    let going = ActiveRuns::new(desk(&folder));
    let id = new_run(&going.desk);
    let run = taking(&going, id);
    run.event(started());
    let mut watch = going.watch(id).unwrap();
    watch.next().await.unwrap();
    drop(run);
    assert_eq!(watch.next().await.unwrap(), None);
    assert!(going.active().is_empty());
}

#[tokio::test]
async fn runs_of_the_past_come_from_the_history() {
    let folder = tempfile::tempdir().unwrap();
    let desk = desk(&folder);
    let going = ActiveRuns::new(desk.clone());
    let id = new_run(&desk);
    let mut recorder = Recorder::new(desk.history.clone(), id);
    recorder.record(&started()).unwrap();
    recorder.flush().unwrap();

    let marked = mark::Mark::set(&desk.home, id).unwrap();
    assert_eq!(desk.past_run(id).unwrap().state, RunState::UnderWay);
    drop(marked);
    let past = desk.past_run(id).unwrap();
    assert_eq!((past.state, past.events), (RunState::Stopped, 1));
    assert!(past.state.label().contains("Slipway was stopped"));

    recorder.record(&finished()).unwrap();
    recorder.finish(&serde_json::json!({ "kind": "succeeded" }), None, desk.clock.now()).unwrap();
    assert_eq!(desk.past_run(id).unwrap().state, RunState::Ended);
    let mut watch = going.watch(id).unwrap();
    assert_eq!(watch.next().await.unwrap(), Some(vec![started(), finished()]));
    assert_eq!(watch.next().await.unwrap(), None);
    assert_eq!(desk.history.events::<Event>(id, 1, 10).unwrap(), [finished()]);

    let refused = new_run(&desk);
    let failure = Failure::new(Code::Locked, "somebody is at work");
    Recorder::new(desk.history.clone(), refused).finish(&failure, None, desk.clock.now()).unwrap();
    assert_eq!(desk.past_run(refused).unwrap().state, RunState::NotBegun);
    let unknown = "999".parse().unwrap();
    assert_eq!(going.watch(unknown).err().map(|failure| failure.code), Some(Code::Usage));
}
