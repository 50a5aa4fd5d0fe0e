//! What a site's processes and its changes have written down: the journal and the audit log.

use serde::{Deserialize, Serialize};
use slipway_engine::watch;
use specta::Type;
use specta_typescript::Number;

use super::ms;

/// Which log lines.
#[derive(Debug, Clone, Deserialize, Type)]
pub(crate) struct LogQuery {
    /// Of these processes; all when empty.
    pub processes: Vec<String>,
    /// At most this many of the newest.
    pub lines: u32,
    /// Not older than this, as journalctl understands it.
    pub since: Option<String>,
}

/// Some log lines, oldest first.
#[derive(Debug, Clone, Serialize, Type)]
pub(crate) struct LogBatch {
    /// Them.
    pub lines: Vec<LogLine>,
}

/// What is heard of a log that is followed.
#[derive(Debug, Clone, Serialize, Type)]
#[serde(tag = "news", rename_all = "kebab-case")]
pub(crate) enum LogNews {
    /// It could be read; perhaps nothing new came.
    Lines { batch: LogBatch },
    /// It could not; it is tried again by itself.
    Lost { failure: super::Failure },
}

/// A log line.
#[derive(Debug, Clone, Serialize, Type)]
pub(crate) struct LogLine {
    /// When, by the host's clock.
    #[specta(type = Number)]
    pub at_ms: u64,
    /// Its unit.
    pub unit: String,
    /// 0 (emergency) to 7 (debug).
    pub priority: u8,
    /// The text.
    pub text: String,
}

/// An entry of the audit log on the host.
#[derive(Debug, Clone, Serialize, Type)]
pub(crate) struct AuditEntry {
    /// When.
    #[specta(type = Option<Number>)]
    pub at_ms: Option<i64>,
    /// Who.
    pub who: String,
    /// What, in words: `deploy, succeeded: …`.
    pub what: String,
}

impl From<Vec<watch::LogLine>> for LogBatch {
    fn from(lines: Vec<watch::LogLine>) -> Self {
        let line = |line: watch::LogLine| LogLine {
            at_ms: line.at_us / 1000,
            unit: line.unit,
            priority: line.priority,
            text: line.text,
        };
        Self { lines: lines.into_iter().map(line).collect() }
    }
}

impl From<&serde_json::Value> for AuditEntry {
    fn from(entry: &serde_json::Value) -> Self {
        let field = |name: &str| entry.get(name).and_then(|text| text.as_str()).unwrap_or_default().to_owned();
        let outcome = if field("verdict").is_empty() { field("event") } else { field("verdict") };
        let summary = Some(field("summary")).filter(|summary| !summary.is_empty());
        let what = format!("{}, {outcome}", field("verb"));
        let what = summary.map_or_else(|| what.clone(), |summary| format!("{what}: {summary}"));
        Self { at_ms: ms(&field("at")), who: field("operator"), what }
    }
}
