use serde_json::{Value, json};

use super::*;
use crate::home::Home;

const NOW: Timestamp = Timestamp::UNIX_EPOCH;

fn history() -> (tempfile::TempDir, History) {
    let folder = tempfile::tempdir().unwrap();
    let (home, _) = Home::open(folder.path()).unwrap();
    let history = History::of(&Inventory::open(&home).unwrap());
    (folder, history)
}

fn deploy<'a>(site: &str, host: &str, plan: Option<&'a Value>) -> NewRun<'a, Value> {
    NewRun {
        kind: "deploy".parse().unwrap(),
        site: Some(site.parse().unwrap()),
        host: host.parse().unwrap(),
        operator: "ann@laptop".into(),
        plan: plan.map(|plan| (Digest::of(b"plan"), plan)),
    }
}

#[test]
fn a_run_is_recorded_from_beginning_to_end() {
    let (_folder, history) = history();
    let plan = json!({ "steps": [1, 2] });
    let id = history.start(&deploy("shop", "web-1", Some(&plan)), NOW).unwrap();
    assert_eq!(history.unfinished().unwrap().len(), 1);
    let mut recorder = Recorder::new(history.clone(), id);
    for number in 0..BATCH + 10 {
        recorder.push(&json!({ "number": number, "text": "line\nbreak" })).unwrap();
    }
    assert_eq!(history.event_count(id).unwrap(), u64::try_from(BATCH).unwrap(), "the rest is still pending");
    recorder.finish(&json!({ "kind": "succeeded" }), Some(0), NOW).unwrap();
    let run = history.run(id).unwrap();
    assert_eq!((run.finished_at, run.exit_code), (Some(NOW), Some(0)));
    assert_eq!(run.verdict, Some(json!({ "kind": "succeeded" })));
    assert_eq!(run.plan_id, Some(Digest::of(b"plan")));
    assert_eq!(history.plan::<Value>(id).unwrap(), Some(plan));
    let numbers = |from, limit| -> Vec<u64> {
        let events: Vec<Value> = history.events(id, from, limit).unwrap();
        events.iter().map(|event| event["number"].as_u64().unwrap()).collect()
    };
    assert_eq!(history.event_count(id).unwrap(), 74);
    assert_eq!(numbers(0, 1000), (0..74).collect::<Vec<_>>());
    assert!(history.unfinished().unwrap().is_empty());
}

#[test]
fn events_are_read_across_batches() {
    let (_folder, history) = history();
    let id = history.start(&deploy("shop", "web-1", None), NOW).unwrap();
    history.append(id, &[0, 1, 2]).unwrap();
    history.append::<u32>(id, &[]).unwrap();
    history.append(id, &[3]).unwrap();
    history.append(id, &[4, 5]).unwrap();
    assert_eq!(history.events::<u32>(id, 2, 3).unwrap(), [2, 3, 4]);
    assert_eq!(history.events::<u32>(id, 5, 9).unwrap(), [5]);
    assert_eq!(history.events::<u32>(id, 6, 9).unwrap(), [0_u32; 0]);
    assert_eq!(history.event_lines(id, 0, 0).unwrap(), [""; 0]);
    assert!(matches!(history.events::<bool>(id, 0, 1), Err(InventoryError::Unreadable { .. })));
}

#[test]
fn a_run_ends_once() {
    let (_folder, history) = history();
    let id = history.start(&deploy("shop", "web-1", None), NOW).unwrap();
    history.finish(id, &"ok", None, NOW).unwrap();
    assert!(matches!(history.finish(id, &"again", None, NOW), Err(InventoryError::RunFinished(_))));
    assert!(matches!(history.append(id, &[1]), Err(InventoryError::RunFinished(_))));
    let unknown: RunId = "99".parse().unwrap();
    assert!(matches!(history.append(unknown, &[1]), Err(InventoryError::NoSuchRun(_))));
    assert!(matches!(history.run(unknown), Err(InventoryError::NoSuchRun(_))));
}

#[test]
fn runs_come_newest_first_in_pages() {
    let (_folder, history) = history();
    let mut ids = Vec::new();
    for number in 0..7 {
        let site = if number % 2 == 0 { "shop" } else { "blog" };
        ids.push(history.start(&deploy(site, "web-1", None), NOW).unwrap());
    }
    ids.reverse();
    let mut filter = Filter::default();
    let mut seen = Vec::new();
    let mut pages = 0;
    loop {
        let page = history.runs(&filter, 3).unwrap();
        pages += 1;
        seen.extend(page.runs.iter().map(|run| run.id));
        match page.next {
            Some(next) => filter.before = Some(next),
            None => break,
        }
    }
    assert_eq!((seen, pages), (ids, 3));
    let shop = Filter { site: Some("shop".parse().unwrap()), ..Filter::default() };
    let page = history.runs(&shop, 4).unwrap();
    assert_eq!((page.runs.len(), page.next), (4, None), "a full last page has no next");
    let elsewhere = Filter { host: Some("web-2".parse().unwrap()), ..Filter::default() };
    assert!(history.runs(&elsewhere, 4).unwrap().runs.is_empty());
}

#[test]
fn pruning_takes_finished_runs_with_their_events() {
    let (_folder, history) = history();
    let done = history.start(&deploy("shop", "web-1", None), NOW).unwrap();
    history.append(done, &[1]).unwrap();
    history.finish(done, &"ok", None, NOW).unwrap();
    let open = history.start(&deploy("shop", "web-1", None), NOW).unwrap();
    assert_eq!(history.prune(NOW + jiff::SignedDuration::from_secs(1)).unwrap(), 1);
    assert_eq!(history.event_count(done).unwrap(), 0);
    assert!(history.run(open).is_ok());
    let next = history.start(&deploy("shop", "web-1", None), NOW).unwrap();
    assert!(next > open, "numbers are not used again");
}

#[test]
fn output_is_kept_within_bounds_and_every_finished_step_is_on_disk() {
    use slipway_core::event::{Event, EventKind, StepOutcome, Verdict, VerdictKind};
    let (_folder, history) = history();
    let id = history.start(&deploy("shop", "web-1", None), NOW).unwrap();
    let mut recorder = Recorder::new(history.clone(), id);
    let kinds = [
        EventKind::Started { steps: vec!["one".into()] },
        EventKind::StepStarted { step: 0 },
        EventKind::Output { step: 0, line: "building".into() },
        EventKind::StepFinished { step: 0, outcome: StepOutcome::Done },
    ];
    let events = kinds.map(|kind| Event { at_ms: 1, kind });
    events.iter().for_each(|event| recorder.record(event).unwrap());
    assert_eq!(history.events::<Event>(id, 0, 9).unwrap(), events);

    let long = Event { at_ms: 2, kind: EventKind::Output { step: 0, line: "x".repeat(1 << 20) } };
    (0..12).for_each(|_| recorder.record(&long).unwrap());
    let verdict =
        Verdict { kind: VerdictKind::Succeeded, summary: String::new(), evidence: vec![], hint: None, log: vec![] };
    recorder.record(&Event { at_ms: 3, kind: EventKind::Finished { verdict: verdict.clone() } }).unwrap();
    recorder.finish(&verdict, None, NOW).unwrap();
    let kept: Vec<Event> = history.events(id, 4, 99).unwrap();
    assert_eq!(kept.len(), 7 + 2);
    assert!(matches!(&kept[7].kind, EventKind::Note { text } if text == "5 more lines of output were not kept"));
    assert!(matches!(kept[8].kind, EventKind::Finished { .. }));
}

#[test]
fn the_last_run_of_each_host_is_found_at_once() {
    let (_folder, history) = history();
    assert!(history.last_of_hosts().unwrap().is_empty());
    let mut last = Vec::new();
    for host in ["web-1", "web-2", "web-1"] {
        last.push(history.start(&deploy("shop", host, None), NOW).unwrap());
    }
    let found = history.last_of_hosts().unwrap();
    let ids: Vec<_> = found.iter().map(|(host, run)| (host.as_str(), run.id)).collect();
    assert_eq!(ids, [("web-1", last[2]), ("web-2", last[1])]);
}
