//! Where things are in a site file's text: key paths, and the tree of spans behind them.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::diagnostic::{Diagnostic, DiagnosticSeverity};
use super::words::shown;

/// One step of a [`KeyPath`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Segment {
    /// Into a table.
    Key(String),
    /// Into an array, from 0.
    Index(usize),
}

impl From<&str> for Segment {
    fn from(key: &str) -> Self {
        Self::Key(key.to_owned())
    }
}

impl From<usize> for Segment {
    fn from(index: usize) -> Self {
        Self::Index(index)
    }
}

/// A key path such as `process.web.port` or `route[0].path`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeyPath(Vec<Segment>);

/// Writes a [`KeyPath`]: `at!["process", name, "port"]`.
macro_rules! at {
    ($($segment:expr),* $(,)?) => {
        $crate::site::place::KeyPath::from_iter([$($crate::site::place::Segment::from($segment)),*])
    };
}
pub(crate) use at;

impl KeyPath {
    /// This path, one step further.
    pub fn join(&self, segment: impl Into<Segment>) -> Self {
        let mut path = self.clone();
        path.0.push(segment.into());
        path
    }

    pub(crate) fn push(&mut self, segment: impl Into<Segment>) {
        self.0.push(segment.into());
    }

    pub(crate) fn pop(&mut self) {
        self.0.pop();
    }

    /// Its steps.
    pub fn segments(&self) -> &[Segment] {
        &self.0
    }

    /// The last key.
    pub(crate) fn last_key(&self) -> Option<&str> {
        self.0.iter().rev().find_map(|segment| match segment {
            Segment::Key(key) => Some(key.as_str()),
            Segment::Index(_) => None,
        })
    }
}

impl FromIterator<Segment> for KeyPath {
    fn from_iter<I: IntoIterator<Item = Segment>>(segments: I) -> Self {
        Self(segments.into_iter().collect())
    }
}

impl fmt::Display for KeyPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, segment) in self.0.iter().enumerate() {
            match segment {
                Segment::Index(index) => write!(f, "[{index}]")?,
                Segment::Key(key) => {
                    let dot = if position == 0 { "" } else { "." };
                    let bare =
                        !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
                    let quote = if bare { "" } else { "\"" };
                    write!(f, "{dot}{quote}{}{quote}", shown(key, 60))?;
                }
            }
        }
        Ok(())
    }
}

/// A value of the file with its span.
#[derive(Debug, Clone, Default)]
pub(crate) struct Node {
    pub(crate) span: Range<usize>,
    pub(crate) kind: ValueKind,
}

/// What a value is.
#[derive(Debug, Clone)]
pub(crate) enum ValueKind {
    String(String),
    /// `None`: beyond 64 bits.
    Integer(Option<i64>),
    Float(f64),
    Boolean(bool),
    Datetime,
    Array(Vec<Node>),
    Table(BTreeMap<String, Entry>),
}

impl Default for ValueKind {
    fn default() -> Self {
        Self::Table(BTreeMap::new())
    }
}

/// A key of a table and its value.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) key: Range<usize>,
    pub(crate) node: Node,
}

impl Node {
    /// Copies a parsed table; its depth is bounded by the caller.
    pub(crate) fn from_table(table: &DeTable<'_>, span: Range<usize>) -> Self {
        let entries = table.iter().map(|(key, value)| {
            let entry = Entry { key: key.span(), node: Self::from_value(value) };
            (key.get_ref().clone().into_owned(), entry)
        });
        Self { span, kind: ValueKind::Table(entries.collect()) }
    }

    fn from_value(value: &Spanned<DeValue<'_>>) -> Self {
        let kind = match value.get_ref() {
            DeValue::String(text) => ValueKind::String(text.clone().into_owned()),
            DeValue::Integer(number) => ValueKind::Integer(i64::from_str_radix(number.as_str(), number.radix()).ok()),
            DeValue::Float(number) => ValueKind::Float(number.as_str().parse().unwrap_or(f64::NAN)),
            DeValue::Boolean(value) => ValueKind::Boolean(*value),
            DeValue::Datetime(_) => ValueKind::Datetime,
            DeValue::Array(array) => ValueKind::Array(array.iter().map(Self::from_value).collect()),
            DeValue::Table(table) => return Self::from_table(table, value.span()),
        };
        Self { span: value.span(), kind }
    }
}

/// A parsed text and where each of its keys is.
///
/// The default value belongs to a site that did not come from a text: nothing has a place.
#[derive(Debug, Clone, Default)]
pub struct Places {
    text: String,
    root: Node,
}

impl Places {
    pub(crate) fn new(text: String, root: Node) -> Self {
        Self { text, root }
    }

    pub(crate) fn root(&self) -> &Node {
        &self.root
    }

    /// The text that the places are in.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Bytes of the value at `path`, or of the key when the value is a table; `None` when there is no such key.
    pub fn find(&self, path: &KeyPath) -> Option<Range<usize>> {
        let (found, span) = self.descend(path);
        (found == path.segments().len()).then_some(span)
    }

    /// Makes a diagnostic about `path`, or about the closest enclosing key that the text has.
    pub fn diagnostic(
        &self,
        severity: DiagnosticSeverity,
        path: &KeyPath,
        message: String,
        hint: Option<String>,
    ) -> Diagnostic {
        self.diagnostic_at(severity, self.descend(path).1, path, message, hint)
    }

    pub(crate) fn diagnostic_at(
        &self,
        severity: DiagnosticSeverity,
        span: Range<usize>,
        path: &KeyPath,
        message: String,
        hint: Option<String>,
    ) -> Diagnostic {
        let (line, column) = if self.text.is_empty() { (0, 0) } else { position(&self.text, span.start) };
        Diagnostic { severity, line, column, span, path: path.to_string(), message, hint }
    }

    /// How many segments of `path` exist, and the span that stands for the last of them.
    fn descend(&self, path: &KeyPath) -> (usize, Range<usize>) {
        let mut node = &self.root;
        let mut span = first_line(&self.text);
        for (depth, segment) in path.segments().iter().enumerate() {
            let next = match (segment, &node.kind) {
                (Segment::Key(key), ValueKind::Table(entries)) => entries.get(key).map(|entry| {
                    let table = matches!(entry.node.kind, ValueKind::Table(_));
                    (&entry.node, if table { &entry.key } else { &entry.node.span })
                }),
                (Segment::Index(index), ValueKind::Array(items)) => items.get(*index).map(|item| (item, &item.span)),
                _ => None,
            };
            let Some((child, at)) = next else { return (depth, span) };
            node = child;
            span = at.clone();
        }
        (path.segments().len(), span)
    }
}

/// Line and column (in characters), both from 1.
pub(crate) fn position(text: &str, offset: usize) -> (usize, usize) {
    let offset = text.floor_char_boundary(offset.min(text.len()));
    let before = text.get(..offset).unwrap_or_default();
    let line = before.bytes().filter(|b| *b == b'\n').count() + 1;
    let last = before.rsplit('\n').next().unwrap_or_default();
    (line, last.chars().filter(|c| *c != '\u{feff}').count() + 1)
}

/// The first line that holds something: where a finding about the whole file points.
fn first_line(text: &str) -> Range<usize> {
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let body = line.trim_matches(|c: char| c.is_whitespace() || c == '\u{feff}');
        if !body.is_empty() && !body.starts_with('#') {
            let from =
                start + (line.len() - line.trim_start_matches(|c: char| c.is_whitespace() || c == '\u{feff}').len());
            return from..from + body.len();
        }
        start += line.len();
    }
    0..0
}
