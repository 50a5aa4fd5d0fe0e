//! The events of one run, kept in memory within bounds: old lines of output go first, nothing else goes at all.

use std::collections::{BTreeMap, VecDeque};

use slipway_core::event::{Event, EventKind};
use slipway_core::progress::View;
use slipway_core::words::count;

/// Lines of output that are kept of one run.
pub(crate) const MOST_LINES: usize = 50_000;
/// Bytes of output that are kept of one run.
const MOST_BYTES: usize = 16 << 20;
/// Events given at once.
pub(crate) const LARGEST_BATCH: usize = 5_000;

/// Events by number, with gaps where output was dropped.
#[derive(Debug, Default)]
pub(crate) struct Log {
    events: BTreeMap<u64, Event>,
    /// Numbers and sizes of the lines among them, oldest first.
    lines: VecDeque<(u64, usize)>,
    bytes: usize,
    next: u64,
    /// What they come to.
    pub(crate) view: View,
    /// Whether no more will come.
    pub(crate) over: bool,
}

/// Some events, and where to go on.
#[derive(Debug)]
pub(crate) struct Batch {
    /// Events in order; a note stands where lines are missing.
    pub(crate) events: Vec<Event>,
    /// Number of the event after them.
    pub(crate) next: u64,
    /// Whether no more will come.
    pub(crate) last: bool,
}

impl Log {
    /// Takes an event.
    pub(crate) fn push(&mut self, event: Event) {
        self.view.apply(&event);
        if let EventKind::Output { line, .. } = &event.kind {
            self.lines.push_back((self.next, line.len()));
            self.bytes += line.len();
        }
        self.events.insert(self.next, event);
        self.next += 1;
        while self.lines.len() > MOST_LINES || self.bytes > MOST_BYTES {
            let Some((number, bytes)) = self.lines.pop_front() else { break };
            self.events.remove(&number);
            self.bytes -= bytes;
        }
    }

    /// Events from number `from` on.
    pub(crate) fn batch(&self, from: u64) -> Batch {
        let (mut events, mut next, mut place, mut missing) = (Vec::new(), from, None, 0);
        for (&number, event) in self.events.range(from..).take(LARGEST_BATCH) {
            if number > next {
                place = place.or(Some((events.len(), event.at_ms)));
                missing += number - next;
            }
            events.push(event.clone());
            next = number + 1;
        }
        if let Some((place, at_ms)) = place {
            let lines = count(usize::try_from(missing).unwrap_or(usize::MAX), "line");
            let text = format!("{lines} of output are no longer kept; the newest {MOST_LINES} are");
            events.insert(place, Event { at_ms, kind: EventKind::Note { text } });
        }
        // Whatever was dropped behind the last one that is kept cannot be missed: the newest line always stays.
        Batch { events, last: self.over && next >= self.next, next }
    }
}

#[cfg(test)]
mod tests {
    use slipway_core::event::{StepOutcome, Verdict, VerdictKind};

    use super::*;

    fn line(text: &str) -> Event {
        Event { at_ms: 1, kind: EventKind::Output { step: 0, line: text.to_owned() } }
    }

    fn all(log: &Log) -> Vec<Event> {
        let (mut events, mut next) = (Vec::new(), 0);
        loop {
            let batch = log.batch(next);
            if batch.events.is_empty() {
                return events;
            }
            assert!(batch.events.len() <= LARGEST_BATCH + 1);
            events.extend(batch.events);
            next = batch.next;
        }
    }

    #[test]
    fn old_output_goes_and_is_accounted_for() {
        let mut log = Log::default();
        log.push(Event { at_ms: 0, kind: EventKind::Started { steps: vec!["a".to_owned()] } });
        log.push(Event { at_ms: 0, kind: EventKind::StepStarted { step: 0 } });
        for number in 0..MOST_LINES + 7 {
            log.push(line(&number.to_string()));
        }
        log.push(Event { at_ms: 2, kind: EventKind::StepFinished { step: 0, outcome: StepOutcome::Done } });
        let verdict =
            Verdict { kind: VerdictKind::Succeeded, summary: String::new(), evidence: vec![], hint: None, log: vec![] };
        log.push(Event { at_ms: 3, kind: EventKind::Finished { verdict } });
        log.over = true;
        let events = all(&log);
        assert_eq!(events.len(), 2 + 1 + MOST_LINES + 2);
        assert!(matches!(&events[2].kind, EventKind::Note { text } if text.starts_with("7 lines of output")));
        assert_eq!(events[3], line("7"));
        assert!(matches!(events.last().unwrap().kind, EventKind::Finished { .. }));
        assert_eq!(log.view.lines, u64::try_from(MOST_LINES).unwrap() + 7);
        assert!(log.batch(log.next).last);
        // Who has read on misses nothing.
        let late = log.batch(20);
        assert!(late.events.iter().all(|event| matches!(event.kind, EventKind::Output { .. })));
    }

    #[test]
    fn a_few_huge_lines_are_bounded_too() {
        let mut log = Log::default();
        for _ in 0..40 {
            log.push(line(&"x".repeat(1 << 20)));
        }
        assert!(log.bytes <= MOST_BYTES && log.events.len() <= 16);
        assert_eq!(log.batch(0).next, 40);
    }
}
