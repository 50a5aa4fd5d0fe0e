//! What to write instead: the words of the hints about the shape of a file.

use serde_json::{Map, Value};

use super::place::{KeyPath, Node, Segment, ValueKind};
use super::schema::{Expect, choices, internal, resolve};
use super::text::check_format;
use super::words::{listed, nearest, quoted, shown};

/// What a place must hold, with an article.
pub(crate) fn wanted(expect: &Expect<'_>) -> &'static str {
    match expect {
        Expect::Any => "a value",
        Expect::Table(_) => "a table",
        Expect::Array(items) => match Expect::of(items) {
            Expect::Table(_) => "an array of tables",
            Expect::Text(_) | Expect::Choice(_) => "an array of strings",
            Expect::Array(_) => "an array of arrays",
            Expect::Any | Expect::Integer(_) | Expect::Boolean => "an array",
        },
        Expect::Text(_) | Expect::Choice(_) => "a string",
        Expect::Integer(_) => "a whole number",
        Expect::Boolean => "true or false",
    }
}

/// What was found, with an article.
pub(crate) fn found(node: &Node) -> &'static str {
    match &node.kind {
        ValueKind::String(_) => "a string",
        ValueKind::Integer(Some(_)) => "a whole number",
        ValueKind::Integer(None) => "a whole number beyond 64 bits",
        ValueKind::Float(number) if number.is_finite() => "a number with a fraction",
        ValueKind::Float(_) => "an infinite or undefined number",
        ValueKind::Boolean(true) => "true",
        ValueKind::Boolean(false) => "false",
        ValueKind::Datetime => "a date or time",
        ValueKind::Array(items) if items.first().is_some_and(|item| matches!(item.kind, ValueKind::Table(_))) => {
            "an array of tables"
        }
        ValueKind::Array(_) => "an array",
        ValueKind::Table(_) => "a table",
    }
}

/// The greatest number of an integer schema that names its width only.
pub(crate) fn integer_limit(schema: &Map<String, Value>) -> i64 {
    match schema.get("format").and_then(Value::as_str) {
        Some("uint8") => i64::from(u8::MAX),
        Some("uint16") => i64::from(u16::MAX),
        Some("uint32") => i64::from(u32::MAX),
        _ => i64::MAX,
    }
}

/// What to write in the place of a value of the wrong type.
pub(crate) fn instead(expect: &Expect<'_>, node: &Node, text: &str, path: &KeyPath) -> String {
    let in_array = matches!(path.segments().last(), Some(Segment::Index(_)));
    let key = path.last_key().unwrap_or("key").to_owned();
    let assign = |value: String| if in_array { value } else { format!("{} = {value}", bare(&key)) };
    let raw = text.get(node.span.clone()).unwrap_or_default();
    let value = match (expect, &node.kind) {
        (Expect::Table(_), ValueKind::Array(_)) if raw.starts_with("[[") => {
            return format!("write `[{path}]`, in single brackets");
        }
        (Expect::Array(items), ValueKind::Table(_))
            if matches!(Expect::of(items), Expect::Table(_)) && raw.starts_with('[') =>
        {
            return format!("write `[[{path}]]`, in double brackets: there may be several");
        }
        (Expect::Table(_), ValueKind::String(_)) if path.segments().first() == Some(&Segment::from("secret")) => {
            return "values are kept in the keyring, not here: write `{ generate = \"hex\" }`, or `{}` and use `slipway secret set`".into();
        }
        (Expect::Table(_), _) if path.segments().iter().any(|s| matches!(s, Segment::Index(_))) => "{ … }".into(),
        (Expect::Table(_), _) => return format!("write the keys of `[{path}]` below a line of that name"),
        (Expect::Array(items), ValueKind::String(one)) => wrapped(items, one, &key),
        (Expect::Array(items), _) => format!("[{}]", sample(&Expect::of(items))),
        (
            Expect::Text(word),
            ValueKind::Integer(_) | ValueKind::Float(_) | ValueKind::Boolean(_) | ValueKind::Datetime,
        ) => in_quotes(*word, raw),
        (Expect::Integer(_), ValueKind::String(text)) if text.trim().parse::<i64>().is_ok() => text.trim().to_owned(),
        (Expect::Integer(_), ValueKind::Float(number)) => format!("{number:.0}"),
        (Expect::Boolean, ValueKind::String(text)) => matches!(text.as_str(), "true" | "yes" | "on" | "1").to_string(),
        (Expect::Boolean, ValueKind::Integer(number)) => (*number != Some(0)).to_string(),
        _ => sample(expect),
    };
    format!("write `{}`", shown(&assign(value), 160))
}

/// A single string where a list of them belongs. A command line is split into its words.
fn wrapped(items: &Value, one: &str, key: &str) -> String {
    let quote = |text: &str| Value::from(text).to_string();
    let words = || one.split_whitespace().map(quote).collect::<Vec<_>>().join(", ");
    let for_a_shell = one.split_whitespace().any(|word| matches!(word, "&&" | "||" | "|" | ";" | ">" | "<" | "2>&1"));
    match Expect::of(items) {
        _ if for_a_shell => format!("[\"sh\", \"-c\", {}]", quote(one)),
        Expect::Array(_) => format!("[[{}]]", words()),
        _ if matches!(key, "command" | "run" | "migrate" | "before_switch" | "after_switch") => {
            format!("[{}]", words())
        }
        _ => format!("[{}]", quote(one)),
    }
}

/// A bare number where a string belongs, with the unit that a length of time needs.
fn in_quotes(word: Option<&Map<String, Value>>, raw: &str) -> String {
    let format = word.and_then(|word| word.get("format")).and_then(Value::as_str);
    let fits = |candidate: &str| format.is_none_or(|format| check_format(format, candidate).is_ok());
    let seconds = format!("{raw}s");
    if fits(raw) {
        format!("\"{raw}\"")
    } else if fits(&seconds) {
        format!("\"{seconds}\"")
    } else {
        sample(&Expect::Text(word))
    }
}

/// A value of the right kind.
fn sample(expect: &Expect<'_>) -> String {
    match expect {
        Expect::Any => "\"…\"".into(),
        Expect::Table(_) => "{ … }".into(),
        Expect::Array(items) => format!("[{}]", sample(&Expect::of(items))),
        Expect::Text(word) => {
            let example = word.and_then(|w| w.get("examples")?.as_array()?.first()?.as_str());
            format!("\"{}\"", example.unwrap_or("…"))
        }
        Expect::Choice(map) => format!("\"{}\"", choices(map).first().unwrap_or(&"…")),
        Expect::Integer(map) => {
            let example = map.get("examples").and_then(|e| e.as_array()?.first()?.as_i64());
            example.or_else(|| map.get("minimum")?.as_i64()).unwrap_or(1).max(1).to_string()
        }
        Expect::Boolean => "true".into(),
    }
}

/// An assignment that a table of this schema is missing.
pub(crate) fn example_of(schema: &Map<String, Value>, key: &str) -> String {
    let property = schema.get("properties").and_then(|p| p.get(key));
    match property.map(|property| (resolve(property), Expect::of(property))) {
        Some((_, Expect::Table(_))) => format!("[{key}]"),
        Some((_, expect)) => {
            let example = property.and_then(|p| p.get("examples")?.as_array()?.first()).map(Value::to_string);
            format!("{key} = {}", example.unwrap_or_else(|| sample(&expect)))
        }
        None => format!("{key} = …"),
    }
}

/// What may stand where no choice fits.
pub(crate) fn for_choice(text: &str, choices: &[&str]) -> String {
    match nearest(text, choices.iter().copied()) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None => format!("it is one of {}", listed(choices.iter().copied(), 12)),
    }
}

/// Where an unknown key belongs, or how it is spelt, or which keys there are.
pub(crate) fn for_unknown_key(key: &str, node: &Node, table: &KeyPath, properties: &Map<String, Value>) -> String {
    if let Some(meant) = nearest(key, properties.keys().map(String::as_str)) {
        return format!("did you mean `{meant}`?");
    }
    let top = internal().get("properties").and_then(Value::as_object);
    if let Some(top) = top.filter(|top| !table.segments().is_empty() && top.contains_key(key)) {
        return match top.get(key).map(Expect::of) {
            Some(Expect::Table(_)) => format!("{} is a table of its own: write `[{key}]`", quoted(key)),
            Some(Expect::Array(items)) if matches!(Expect::of(items), Expect::Table(_)) => {
                format!("{} is a table of its own: write `[[{key}]]`", quoted(key))
            }
            _ => format!("{} belongs at the top of the file, above the first line in brackets", quoted(key)),
        };
    }
    let homes = tables_with(key);
    if let [home] = homes.as_slice() {
        return format!("{} belongs in `{home}`", quoted(key));
    }
    if !homes.is_empty() {
        return format!("{} belongs in {}", quoted(key), listed(homes.iter().map(String::as_str), 4));
    }
    if properties.is_empty() {
        let kind = found(node);
        return format!("no keys are known here, and {kind} is not expected");
    }
    format!("the keys here are {}", listed(properties.keys().map(String::as_str), 40))
}

/// The tables, one or two levels below the top, that have a key of this name.
fn tables_with(key: &str) -> Vec<String> {
    let mut homes = Vec::new();
    let Some(top) = internal().get("properties").and_then(Value::as_object) else { return homes };
    for (name, schema) in top {
        let map = resolve(schema);
        let (label, inner) = match (Expect::of(schema), map.get("patternProperties").and_then(Value::as_object)) {
            (_, Some(entries)) => (format!("[{name}.NAME]"), entries.values().next().map(resolve)),
            (Expect::Array(items), None) => (format!("[[{name}]]"), Some(resolve(items))),
            _ => (format!("[{name}]"), Some(map)),
        };
        let Some(inner) = inner.and_then(|inner| inner.get("properties")).and_then(Value::as_object) else { continue };
        if inner.contains_key(key) {
            homes.push(label.clone());
        }
        for (below, schema) in inner {
            let has = resolve(schema).get("properties").is_some_and(|p| p.get(key).is_some());
            if has {
                homes.push(format!("{}.{below}]", label.trim_end_matches(']')));
            }
        }
    }
    homes
}

/// A key as it is written in the file.
fn bare(key: &str) -> String {
    if !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-') {
        key.to_owned()
    } else {
        Value::from(key).to_string()
    }
}
