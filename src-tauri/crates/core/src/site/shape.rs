//! Checks a parsed text against the schema: unknown keys, wrong types, words that are none, missing keys.
//!
//! The walk also copies what is right into a JSON value, so that later rules can look at a file that still has
//! mistakes elsewhere. It remembers under which top-level keys something was left out.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::advice;
use super::findings::Findings;
use super::place::{Entry, KeyPath, Node, Segment, ValueKind};
use super::schema::{Expect, choices, entries, internal};
use super::text::check_format;
use super::words::{nearest, quoted};

/// What the walk found beside its diagnostics.
pub(crate) struct Shape {
    /// The parts of the file that are as they must be.
    pub(crate) value: Value,
    /// Top-level keys under which something had to be left out.
    pub(crate) broken: BTreeSet<String>,
}

/// Whether the whole text was understood.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Extent {
    /// What is missing is missing.
    Whole,
    /// What is missing may stand where the text could not be read.
    Part,
}

/// Walks the whole file.
pub(crate) fn check(findings: &mut Findings<'_>, extent: Extent) -> Shape {
    let places = findings.places;
    let mut walk = Walk { findings, extent, path: KeyPath::default(), broken: BTreeSet::new() };
    let value = walk.value(places.root(), internal()).unwrap_or_default();
    Shape { value, broken: walk.broken }
}

struct Walk<'a, 'b> {
    findings: &'a mut Findings<'b>,
    extent: Extent,
    path: KeyPath,
    broken: BTreeSet<String>,
}

impl Walk<'_, '_> {
    /// The value as JSON, or `None` after a diagnostic when it is not what `schema` wants.
    fn value(&mut self, node: &Node, schema: &Value) -> Option<Value> {
        let expect = Expect::of(schema);
        let value = match (&expect, &node.kind) {
            (Expect::Table(map), ValueKind::Table(found)) => self.table(node, map, found),
            (Expect::Array(items), ValueKind::Array(found)) => self.array(items, found),
            (Expect::Text(None), ValueKind::String(text)) => Some(Value::String(text.clone())),
            (Expect::Text(Some(word)), ValueKind::String(text)) => self.word(node, word, text),
            (Expect::Choice(map), ValueKind::String(text)) => self.choice(node, map, text),
            (Expect::Integer(map), ValueKind::Integer(number)) => self.integer(node, map, *number),
            (Expect::Boolean, ValueKind::Boolean(value)) => Some(Value::Bool(*value)),
            (Expect::Any, _) => self.any(node),
            _ if self.findings.full() => None,
            _ => {
                let message =
                    format!("{} must be {}, not {}", self.subject(), advice::wanted(&expect), advice::found(node));
                let hint = advice::instead(&expect, node, self.findings.places.text(), &self.path);
                self.findings.error_at(&node.span, &self.path, message, hint);
                None
            }
        };
        if value.is_none() {
            self.mark_broken();
        }
        value
    }

    fn table(&mut self, node: &Node, schema: &Map<String, Value>, found: &BTreeMap<String, Entry>) -> Option<Value> {
        static NONE: std::sync::LazyLock<Map<String, Value>> = std::sync::LazyLock::new(Map::new);
        let properties = schema.get("properties").and_then(Value::as_object).unwrap_or(&NONE);
        let entries = entries(schema);
        let mut value = Map::new();
        for (key, entry) in found {
            self.path.push(key.as_str());
            if let Some(expected) = properties.get(key) {
                value.extend(self.value(&entry.node, expected).map(|v| (key.clone(), v)));
            } else if let Some((format, expected)) = entries {
                if self.entry_name(entry, format, key) {
                    value.extend(self.value(&entry.node, expected).map(|v| (key.clone(), v)));
                }
            } else {
                self.unknown_key(entry, properties, key);
            }
            self.path.pop();
        }
        self.required(node, schema, found, value)
    }

    fn entry_name(&mut self, entry: &Entry, format: Option<&str>, key: &str) -> bool {
        let Some(Err(rule)) = format.map(|format| check_format(format, key)) else { return true };
        self.findings.error_at(&entry.key, &self.path, format!("{} cannot be a key here", quoted(key)), rule);
        self.mark_broken();
        false
    }

    fn unknown_key(&mut self, entry: &Entry, properties: &Map<String, Value>, key: &str) {
        if self.findings.full() {
            return self.mark_broken();
        }
        self.path.pop();
        let place = match self.path.segments() {
            [] => "at the top of the file".to_owned(),
            _ => format!("in `{}`", self.path),
        };
        let hint = advice::for_unknown_key(key, &entry.node, &self.path, properties);
        let meant = nearest(key, properties.keys().map(String::as_str)).map(str::to_owned);
        self.path.push(key);
        self.findings.error_at(&entry.key, &self.path, format!("unknown key {} {place}", quoted(key)), hint);
        match (self.path.segments(), meant) {
            ([_], Some(meant)) => drop(self.broken.insert(meant)),
            _ => self.mark_broken(),
        }
    }

    fn required(
        &mut self,
        node: &Node,
        schema: &Map<String, Value>,
        found: &BTreeMap<String, Entry>,
        mut value: Map<String, Value>,
    ) -> Option<Value> {
        let required = schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
        let mut whole = true;
        let root = self.path.segments().is_empty();
        for key in required.filter(|key| schema.get("properties").is_some_and(|p| p.get(key).is_some())) {
            if value.contains_key(key) {
                continue;
            }
            if !found.contains_key(key) && self.extent == Extent::Whole {
                let place = if root { "the site file".to_owned() } else { format!("`{}`", self.path) };
                let example = advice::example_of(schema, key);
                let message = format!("{place} has no `{key}`");
                let hint = format!("add `{example}`");
                match self.path.segments().last() {
                    Some(Segment::Index(_)) => self.findings.error_at(&node.span, &self.path, message, hint),
                    _ => self.findings.error(&self.path, message, hint),
                }
            }
            if root {
                let stand_in = match key {
                    "schema" => Value::from(1),
                    "name" => Value::from("site"),
                    _ => Value::Object(Map::new()),
                };
                value.insert(key.to_owned(), stand_in);
                self.broken.insert(key.to_owned());
            } else {
                whole = false;
            }
        }
        whole.then_some(Value::Object(value))
    }

    fn array(&mut self, items: &Value, found: &[Node]) -> Option<Value> {
        let mut values = Vec::new();
        for (index, item) in found.iter().enumerate() {
            self.path.push(index);
            values.extend(self.value(item, items));
            self.path.pop();
        }
        Some(Value::Array(values))
    }

    fn word(&mut self, node: &Node, word: &Map<String, Value>, text: &str) -> Option<Value> {
        let format = word.get("format").and_then(Value::as_str).unwrap_or_default();
        match check_format(format, text) {
            Ok(()) => Some(Value::String(text.to_owned())),
            Err(rule) => {
                let message = format!("{} cannot be {}", self.subject(), quoted(text));
                self.findings.error_at(&node.span, &self.path, message, rule);
                None
            }
        }
    }

    fn choice(&mut self, node: &Node, schema: &Map<String, Value>, text: &str) -> Option<Value> {
        let choices = choices(schema);
        if choices.contains(&text) {
            return Some(Value::String(text.to_owned()));
        }
        let message = format!("{} cannot be {}", self.subject(), quoted(text));
        self.findings.error_at(&node.span, &self.path, message, advice::for_choice(text, &choices));
        None
    }

    fn integer(&mut self, node: &Node, schema: &Map<String, Value>, number: Option<i64>) -> Option<Value> {
        let least = schema.get("minimum").and_then(Value::as_i64).unwrap_or(i64::MIN);
        let most = schema.get("maximum").and_then(Value::as_i64).unwrap_or_else(|| advice::integer_limit(schema));
        if let Some(number) = number.filter(|n| (least..=most).contains(n)) {
            return Some(Value::from(number));
        }
        let shown = number.map_or_else(|| "beyond 64 bits".to_owned(), |n| n.to_string());
        let rule = if least == most { format!("must be {least}") } else { format!("must be from {least} to {most}") };
        self.findings.error_at(&node.span, &self.path, format!("{} is {shown}", self.subject()), format!("it {rule}"));
        None
    }

    /// A part of an application's own document: whatever JSON can hold.
    fn any(&mut self, node: &Node) -> Option<Value> {
        Some(match &node.kind {
            ValueKind::String(text) => Value::String(text.clone()),
            ValueKind::Integer(Some(number)) => Value::from(*number),
            ValueKind::Float(number) if number.is_finite() => Value::from(*number),
            ValueKind::Boolean(value) => Value::Bool(*value),
            ValueKind::Integer(None) | ValueKind::Float(_) | ValueKind::Datetime => {
                let message = format!("JSON cannot hold {}", advice::found(node));
                self.findings.error_at(&node.span, &self.path, message, "write it as a string, in quotes");
                return None;
            }
            ValueKind::Array(items) => {
                let mut values = Vec::new();
                for (index, item) in items.iter().enumerate() {
                    self.path.push(index);
                    values.extend(self.any(item));
                    self.path.pop();
                }
                Value::Array(values)
            }
            ValueKind::Table(entries) => {
                let mut values = Map::new();
                for (key, entry) in entries {
                    self.path.push(key.as_str());
                    values.extend(self.any(&entry.node).map(|v| (key.clone(), v)));
                    self.path.pop();
                }
                Value::Object(values)
            }
        })
    }

    fn subject(&self) -> String {
        if self.path.segments().is_empty() { "the site file".into() } else { format!("`{}`", self.path) }
    }

    fn mark_broken(&mut self) {
        if let Some(Segment::Key(key)) = self.path.segments().first() {
            self.broken.insert(key.clone());
        }
    }
}
