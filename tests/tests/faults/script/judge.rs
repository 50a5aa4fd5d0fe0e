//! What a run said, held against what is on the host. The rules are those of the exit statuses as they are documented
//! (`slipway help exit-codes`) and of plain sense; nothing of them comes from the product.

use serde_json::Value;

use super::Kind;
use super::host::Fault;
use super::names::Role;
use super::state::{State, THIEF};
use crate::program::Ended;

/// What a run that a fault met must not have said.
pub(crate) fn first(kind: &Kind, fault: Fault, role: &Role, state: &State, ended: &Ended) -> Vec<String> {
    let mut wrong = sane(ended);
    let mut must = |true_: bool, what: &str| {
        if !true_ {
            wrong.push(what.to_owned());
        }
    };
    let (complete, switched, touched) = (state.complete(), state.switched(), state.touched);
    let words = ended.all_words();
    let Some(status) = ended.status else {
        must(fault == Fault::Killed, "it was killed by somebody else");
        return wrong;
    };
    must(fault != Fault::Killed, "it was to be killed, and ended before");
    let cut_off = matches!(fault, Fault::Cut | Fault::Frozen | Fault::PowerOff | Fault::Garbage);
    // Whoever asks and gets no answer does not know, either.
    let unheard = fault == Fault::Failing && matches!(role, Role::Question | Role::Poll { .. });
    match status {
        // A release that is live is a success, also when cleaning up after it was not; that is said.
        0 if switched && !complete && kind.name == "deploy" => {
            must(words.contains("afterwards, "), "it does not say that something was left undone");
        }
        0 => must(complete, "it says that it succeeded, and not everything is done"),
        2..=12 | 30 | 31 => must(!touched, "this status means that nothing was changed, and something was"),
        20 => {
            must(kind.name == "apply" || !switched, "this status means that what is served was not touched, and it was")
        }
        22 if kind.name == "uninstall" => must(switched, "it says that parts are gone, and the site is served"),
        22 => must(false, "nothing here is half old and half new"),
        23 => must(cut_off || unheard, "it says that it does not know, and could have asked"),
        _ => must(false, "no fault of this kind can end like this"),
    }
    for (sentence, holds) in [
        ("nothing was changed", !touched),
        ("What is being served was not touched", !switched),
        ("was not begun", !switched || kind.name == "apply"),
        ("is live on", switched),
        ("is not being served any more", switched),
        ("is gone from", complete),
        ("is set up for", complete),
        ("got no traffic", !switched),
        ("Went back by itself", false),
    ] {
        must(holds || !words.contains(sentence), &format!("it says “{sentence}”, which is not so"));
    }
    // What is written down on the host is what was said here.
    let ends: Vec<Value> = state.audit.iter().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let begun = ends.iter().any(|line| line["event"] == "begin");
    let ends: Vec<&Value> = ends.iter().filter(|line| line["event"] == "end").collect();
    let told = words.contains("could not be recorded");
    must(!begun || !ends.is_empty() || told, "it does not say that its end is not written down");
    must(ends.len() <= 1, "its end is written down more than once");
    if let (Some(end), Some(said)) = (ends.first(), ended.lines.last()) {
        let same = end["summary"] == said["result"]["summary"];
        must(same, &format!("the host's log has another end: {end}"));
    }
    if fault == Fault::LockStolen {
        must(state.holder() == Some(THIEF), "the lock of somebody else was taken or given back");
        let more: Vec<&String> = state.after_loss.iter().filter(|what| !what.starts_with("rm -rf -- ")).collect();
        must(more.is_empty(), &format!("it had heard that the lock was lost, and went on: {more:?}"));
    } else {
        // Who has heard the end of all that it began leaves no lock behind.
        let unheard =
            matches!(status, 6 | 23) || fault == Fault::Frozen || fault == Fault::Garbage || *role == Role::Lock;
        must(unheard || state.holder().is_none(), "it has left its lock behind");
    }
    wrong
}

/// What the plan after it must not have said.
pub(crate) fn planned(kind: &Kind, state: &State, ended: &Ended) -> Vec<String> {
    let mut wrong = sane(ended);
    let already = kind.name == "rollback" && state.switched() && ended.status == Some(12);
    if !already && !matches!(ended.status, Some(0 | 3)) {
        wrong.push("the next plan is refused".to_owned());
    }
    let told = ended.notices().iter().any(|notice| notice.contains("interrupted"));
    if state.half().is_some_and(|half| half != told) && !already {
        wrong.push(format!("an activation was cut off: {:?}; the plan tells of one: {told}", state.half()));
    }
    wrong
}

/// What the same command after it must not have said.
pub(crate) fn again(kind: &Kind, state: &State, already: bool, ended: &Ended) -> Vec<String> {
    let mut wrong = sane(ended);
    let fine = ended.status == Some(0) || kind.name == "rollback" && already && ended.status == Some(12);
    if !fine {
        wrong.push("the next run does not end well".to_owned());
    }
    if fine && ended.status == Some(0) && !state.complete() {
        wrong.push("the next run says that all is well, and not everything is done".to_owned());
    }
    if state.holder().is_some() && ended.status == Some(0) && !ended.all_words().contains("nothing was changed") {
        wrong.push("the next run leaves a lock behind".to_owned());
    }
    wrong
}

/// It did not break down, and said one thing at the end.
fn sane(ended: &Ended) -> Vec<String> {
    let mut wrong = Vec::new();
    if ended.errors.contains("panicked") || ended.status == Some(101) {
        wrong.push("it broke down".to_owned());
    }
    let last = |key: &str| ended.lines.iter().filter(|line| !line[key].is_null()).count();
    if ended.status.is_some() && last("result") + last("error") != 1 {
        wrong.push("it does not say one end".to_owned());
    }
    if let (Some(status), Some(end)) = (ended.status, ended.lines.last()) {
        let own = if end["result"]["exit"].is_null() { &end["exit"] } else { &end["result"]["exit"] };
        if !own.is_null() && own.as_i64() != Some(i64::from(status)) {
            wrong.push(format!("its last line says that it ends with {own}"));
        }
        let verdict = match status {
            20 => "failed-intact",
            21 => "rolled-back",
            22 => "split",
            23 => "unknown",
            _ => "",
        };
        if !verdict.is_empty() && end["result"]["verdict"] != verdict {
            wrong.push(format!("its last line has another verdict than its status: {end}"));
        }
    }
    wrong
}
