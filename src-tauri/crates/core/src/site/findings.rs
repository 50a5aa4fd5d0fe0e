//! The diagnostics of one check, as they gather: placed in the text, bounded in number.

use std::ops::Range;

use super::diagnostic::{Diagnostic, DiagnosticSeverity};
use super::place::{KeyPath, Places};

/// More than a person reads; a file with more is not a site file.
const MOST: usize = 100;

/// Diagnostics about one text.
pub(crate) struct Findings<'a> {
    pub(crate) places: &'a Places,
    list: Vec<Diagnostic>,
    left_out: usize,
}

impl<'a> Findings<'a> {
    pub(crate) fn new(places: &'a Places) -> Self {
        Self { places, list: Vec::new(), left_out: 0 }
    }

    /// Reports an error at `path`; an empty hint is none.
    pub(crate) fn error(&mut self, path: &KeyPath, message: impl Into<String>, hint: impl Into<String>) {
        self.add(DiagnosticSeverity::Error, None, path, message.into(), hint.into());
    }

    /// Reports a warning at `path`; an empty hint is none.
    pub(crate) fn warning(&mut self, path: &KeyPath, message: impl Into<String>, hint: impl Into<String>) {
        self.add(DiagnosticSeverity::Warning, None, path, message.into(), hint.into());
    }

    /// Reports an error about `span`, which has no key path of its own or another place than the value.
    pub(crate) fn error_at(
        &mut self,
        span: &Range<usize>,
        path: &KeyPath,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) {
        self.add(DiagnosticSeverity::Error, Some(span.clone()), path, message.into(), hint.into());
    }

    fn add(
        &mut self,
        severity: DiagnosticSeverity,
        span: Option<Range<usize>>,
        path: &KeyPath,
        message: String,
        hint: String,
    ) {
        if self.full() {
            return;
        }
        let hint = (!hint.is_empty()).then_some(hint);
        self.list.push(match span {
            Some(span) => self.places.diagnostic_at(severity, span, path, message, hint),
            None => self.places.diagnostic(severity, path, message, hint),
        });
    }

    /// Whether there are as many as are kept; then counts one more, so that its words need not be made.
    pub(crate) fn full(&mut self) -> bool {
        let full = self.list.len() >= MOST;
        self.left_out += usize::from(full);
        full
    }

    /// Whether an error was found.
    pub(crate) fn any_error(&self) -> bool {
        self.left_out > 0 || self.list.iter().any(Diagnostic::is_error)
    }

    /// Keeps what `wanted` accepts.
    pub(crate) fn retain(&mut self, wanted: impl Fn(&Diagnostic) -> bool) {
        self.list.retain(wanted);
    }

    /// All of them in the order of the text.
    pub(crate) fn finish(mut self) -> Vec<Diagnostic> {
        self.list.sort_by_key(|d| (d.span.start, d.severity));
        if self.left_out > 0 {
            let message = format!("and {} more", self.left_out);
            let end = self.list.last().map(|d| d.span.clone()).unwrap_or_default();
            self.list.push(self.places.diagnostic_at(
                DiagnosticSeverity::Error,
                end,
                &KeyPath::default(),
                message,
                None,
            ));
        }
        self.list
    }
}
