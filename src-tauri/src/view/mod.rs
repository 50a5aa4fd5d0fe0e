//! What crosses the bridge to the window: plain data, made from the engine's types. No decisions.
//!
//! Moments are milliseconds since 1970, lengths of time milliseconds, sizes bytes. Every text may come from a host and
//! is shown as text.

pub(crate) mod app;
pub(crate) mod failure;
pub(crate) mod hosts;
pub(crate) mod logs;
pub(crate) mod plan;
pub(crate) mod releases;
pub(crate) mod runs;
pub(crate) mod secrets;
pub(crate) mod sites;
pub(crate) mod wizard;

pub(crate) use failure::Failure;

/// The word that an enum of the engine is written with.
fn word(value: impl serde::Serialize) -> String {
    serde_json::to_value(value).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}

/// Milliseconds since 1970 of a moment in RFC 3339.
fn ms(text: &str) -> Option<i64> {
    text.parse::<jiff::Timestamp>().ok().map(jiff::Timestamp::as_millisecond)
}
