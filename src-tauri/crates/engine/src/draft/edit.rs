//! Edits of a site file's text that leave everything else as the person wrote it: comments, order, spacing.
//!
//! What is not text of the edited key stays byte for byte, with these exceptions: line ends become those that the
//! text has most, and the last line ends with one.

use serde_json::{Map, Value as Json};
use slipway_core::site::{MAX_BYTES, parse, values};
use toml_edit::{Array, ArrayOfTables, DocumentMut, InlineTable, Item, Table, TableLike, Value};

use slipway_core::detect::Edit;

use crate::failure::{Code, Failure, Outcome};

/// Deepest path of an edit, and deepest value.
const DEEPEST: usize = 24;
/// Longest key of a path, bytes.
const LONGEST_KEY: usize = 512;

/// `text` after `edits`, in their order: all of them, or none.
///
/// # Errors
/// When the text is not TOML (where), or an edit does not fit it (which).
pub fn apply(text: &str, edits: &[Edit]) -> Outcome<String> {
    if values(text).is_none() {
        return Err(not_toml(text, "it is too long or nested too deeply"));
    }
    let (mark, body) = match text.strip_prefix('\u{feff}') {
        Some(body) => ("\u{feff}", body),
        None => ("", text),
    };
    let returns = body.matches("\r\n").count();
    let windows = returns * 2 > body.matches('\n').count();
    let body = if returns > 0 { body.replace("\r\n", "\n") } else { body.to_owned() };
    let mut document: DocumentMut = body.parse().map_err(|_| not_toml(text, "it is not TOML"))?;
    for edit in edits {
        one(&mut document, edit).map_err(|why| misfit(edit, &why))?;
    }
    let edited = document.to_string();
    if edited.len() > MAX_BYTES {
        return Err(Failure::new(Code::Usage, format!("the site file would have {} bytes", edited.len()))
            .hint(format!("at most {MAX_BYTES} are read; the draft is as it was")));
    }
    if let Err(why) = edited.parse::<DocumentMut>() {
        let failure = Failure::new(Code::Local, "the edit does not fit the way the site file is written");
        return Err(failure
            .because(why.message().to_owned())
            .hint("make this change in the text; the draft is as it was"));
    }
    let edited = if windows { edited.replace('\n', "\r\n") } else { edited };
    Ok(format!("{mark}{edited}"))
}

fn not_toml(text: &str, fallback: &str) -> Failure {
    let found = parse(text).err().unwrap_or_default();
    let of_syntax = |message: &str| message.starts_with("not TOML") || message.ends_with("is given twice");
    let mut errors = found.iter().filter(|diagnostic| diagnostic.is_error());
    let first = errors.clone().find(|diagnostic| of_syntax(&diagnostic.message)).or_else(|| errors.next());
    let message = match first {
        Some(first) => {
            format!("the text has a mistake in line {}, column {}: {}", first.line, first.column, first.message)
        }
        None => format!("the text cannot be edited: {fallback}"),
    };
    let failure = Failure::new(Code::BadSiteFile, message).because("the draft is as it was");
    failure.hint(first.and_then(|first| first.hint.clone()).unwrap_or_else(|| "correct the text first".to_owned()))
}

fn misfit(edit: &Edit, why: &str) -> Failure {
    let path: String = edit.path.join(".").chars().filter(|c| !c.is_control()).take(200).collect();
    Failure::new(Code::Usage, format!("{path} cannot be changed: {why}")).because("the draft is as it was")
}

fn one(document: &mut DocumentMut, edit: &Edit) -> Result<(), String> {
    if edit.path.is_empty() || edit.path.len() > DEEPEST || edit.path.iter().any(|key| key.len() > LONGEST_KEY) {
        return Err("the path is empty or too long".into());
    }
    if let Some(value) = &edit.value {
        fits(value, 0)?;
    }
    let mut left = Left::default();
    descend(document.as_table_mut(), Form::Root, &edit.path, edit.value.as_ref(), &mut left)?;
    if !left.comments.is_empty() {
        left.hand_on(document);
    }
    Ok(())
}

fn fits(value: &Json, depth: usize) -> Result<(), String> {
    if depth > DEEPEST {
        return Err("the value is nested too deeply".into());
    }
    match value {
        Json::Null => Err("TOML has no null".into()),
        Json::Number(number) if number.as_i64().is_none() && (number.is_u64() || number.as_f64().is_none()) => {
            Err(format!("{number} is beyond 64 bits"))
        }
        Json::Array(items) => items.iter().try_for_each(|item| fits(item, depth + 1)),
        Json::Object(entries) => entries.values().try_for_each(|item| fits(item, depth + 1)),
        Json::Number(_) | Json::Bool(_) | Json::String(_) => Ok(()),
    }
}

/// How the table at hand is written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Root,
    /// Under a header of its own.
    Headed,
    /// In braces.
    Inline,
}

/// Comments above what was removed, looking for a new place.
#[derive(Default)]
struct Left {
    /// Position of the table that they stood in or above.
    position: isize,
    comments: String,
}

impl Left {
    /// Puts the comments above the next table, or at the end.
    fn hand_on(self, document: &mut DocumentMut) {
        fn next(table: &Table, after: isize) -> Option<isize> {
            let children = table.iter().flat_map(|(_, item)| match item {
                Item::Table(table) => vec![table],
                Item::ArrayOfTables(tables) => tables.iter().collect(),
                Item::None | Item::Value(_) => Vec::new(),
            });
            let own =
                table.position().filter(|position| *position > after && !table.is_implicit() && !table.is_dotted());
            children.filter_map(|child| next(child, after)).chain(own).min()
        }
        fn put(table: &mut Table, at: isize, comments: &str) -> bool {
            if table.position() == Some(at) && !table.is_implicit() && !table.is_dotted() {
                let old = table.decor().prefix().and_then(|raw| raw.as_str()).unwrap_or("\n").to_owned();
                table.decor_mut().set_prefix(format!("{comments}{old}"));
                return true;
            }
            table.iter_mut().any(|(_, item)| match item {
                Item::Table(table) => put(table, at, comments),
                Item::ArrayOfTables(tables) => tables.iter_mut().any(|table| put(table, at, comments)),
                Item::None | Item::Value(_) => false,
            })
        }
        let placed =
            next(document.as_table(), self.position).is_some_and(|at| put(document.as_table_mut(), at, &self.comments));
        if !placed {
            let old = document.trailing().as_str().unwrap_or_default().to_owned();
            document.set_trailing(format!("{}{old}", self.comments));
        }
    }
}

/// What stands above a key or header, if a person wrote something there. It stays when the key goes: it may be about
/// anything, and often is another choice that was left in as a comment.
fn apart(prefix: &str) -> Option<String> {
    prefix.contains('#').then(|| prefix.to_owned())
}

fn descend(
    table: &mut dyn TableLike,
    form: Form,
    path: &[String],
    value: Option<&Json>,
    left: &mut Left,
) -> Result<(), String> {
    let Some((key, rest)) = path.split_first() else { return Err("the path is empty".into()) };
    if rest.is_empty() {
        match value {
            Some(value) => set(table, form, key, value),
            None => remove(table, key, left),
        }
        return Ok(());
    }
    if !table.contains_key(key) {
        if value.is_none() {
            return Ok(());
        }
        let listed = form == Form::Root && matches!(key.as_str(), "route" | "build");
        let made = match form {
            Form::Inline => Item::Value(Value::InlineTable(InlineTable::new())),
            Form::Root | Form::Headed if listed => Item::ArrayOfTables(ArrayOfTables::new()),
            Form::Root | Form::Headed => {
                let mut made = Table::new();
                made.set_implicit(true);
                // Below dotted keys TOML wants dotted keys.
                made.set_dotted(table.is_dotted());
                Item::Table(made)
            }
        };
        table.insert(key, made);
    }
    let Some(item) = table.get_mut(key) else { return Err("it is not there".into()) };
    match item {
        Item::Table(inner) => {
            left.position = inner.position().unwrap_or(left.position);
            descend(inner, Form::Headed, rest, value, left)?;
        }
        Item::ArrayOfTables(tables) => in_tables(tables, rest, value, left)?,
        Item::Value(Value::InlineTable(inner)) => descend(inner, Form::Inline, rest, value, left)?,
        Item::Value(Value::Array(array)) => in_array(array, rest, value, left)?,
        Item::None | Item::Value(_) => return Err(format!("`{key}` holds a value of its own")),
    }
    let empty = match table.get(key) {
        Some(Item::Table(inner)) => inner.is_implicit() && inner.is_empty(),
        Some(Item::ArrayOfTables(tables)) => tables.is_empty(),
        _ => false,
    };
    if empty {
        table.remove(key);
    }
    Ok(())
}

/// Which element of an array a segment means.
enum Element {
    Known(usize),
    /// One to be added, with this key and text.
    New(Option<(String, String)>),
    Nowhere,
}

fn choose<'a>(segment: &str, count: usize, text_of: impl Fn(usize, &str) -> Option<&'a str>) -> Element {
    if let Ok(index) = segment.parse::<usize>() {
        return match index.cmp(&count) {
            std::cmp::Ordering::Less => Element::Known(index),
            std::cmp::Ordering::Equal => Element::New(None),
            std::cmp::Ordering::Greater => Element::Nowhere,
        };
    }
    let Some((key, wanted)) = segment.split_once('=') else { return Element::Nowhere };
    let found = (0..count).find(|index| text_of(*index, key) == Some(wanted));
    found.map_or_else(|| Element::New(Some((key.to_owned(), wanted.to_owned()))), Element::Known)
}

/// The text of a route's `path` when the file leaves it to its default.
fn or_default<'a>(found: Option<&'a str>, key: &str, table: &dyn TableLike) -> Option<&'a str> {
    if key == "path" && !table.contains_key("path") { Some("/") } else { found }
}

fn in_tables(tables: &mut ArrayOfTables, path: &[String], value: Option<&Json>, left: &mut Left) -> Result<(), String> {
    let Some((segment, rest)) = path.split_first() else { return Err("the path is empty".into()) };
    let text_of = |index: usize, key: &str| {
        let table = tables.get(index)?;
        or_default(table.get(key).and_then(Item::as_str), key, table)
    };
    let index = match choose(segment, tables.len(), text_of) {
        Element::Known(index) => index,
        Element::New(_) | Element::Nowhere if value.is_none() => return Ok(()),
        Element::Nowhere => return Err(format!("there is no element {segment}")),
        Element::New(named) => {
            let mut made = Table::new();
            if let Some((key, text)) = named {
                made.insert(&key, toml_edit::value(text));
            }
            tables.push(made);
            tables.len() - 1
        }
    };
    let Some(table) = tables.get_mut(index) else { return Err(format!("there is no element {segment}")) };
    left.position = table.position().unwrap_or(left.position);
    match (rest, value) {
        ([], Some(Json::Object(entries))) => merge(table, Form::Headed, entries),
        ([], Some(_)) => return Err("an element is a table".into()),
        ([], None) => {
            left.comments.extend(table.decor().prefix().and_then(|raw| raw.as_str()).and_then(apart));
            tables.remove(index);
        }
        (rest, value) => {
            descend(table, Form::Headed, rest, value, left)?;
            // A route that says no more than its path was removed.
            if value.is_none() && table.is_empty() {
                tables.remove(index);
            }
        }
    }
    Ok(())
}

fn in_array(array: &mut Array, path: &[String], value: Option<&Json>, left: &mut Left) -> Result<(), String> {
    let Some((segment, rest)) = path.split_first() else { return Err("the path is empty".into()) };
    let text_of = |index: usize, key: &str| {
        let table = array.get(index)?.as_inline_table()?;
        or_default(table.get(key).and_then(Value::as_str), key, table)
    };
    let index = match choose(segment, array.len(), text_of) {
        Element::Known(index) => index,
        Element::New(_) | Element::Nowhere if value.is_none() => return Ok(()),
        Element::Nowhere => return Err(format!("there is no element {segment}")),
        Element::New(named) => {
            let mut made = InlineTable::new();
            if let Some((key, text)) = named {
                made.insert(key, text.into());
            }
            append(array, Value::InlineTable(made));
            array.len() - 1
        }
    };
    match (rest, value) {
        ([], None) => {
            array.remove(index);
        }
        ([], Some(value)) => {
            if let Some(old) = array.get_mut(index) {
                replace(old, value);
            }
        }
        (rest, value) => match array.get_mut(index) {
            Some(Value::InlineTable(table)) => descend(table, Form::Inline, rest, value, left)?,
            Some(Value::Array(inner)) => in_array(inner, rest, value, left)?,
            _ => return Err(format!("element {segment} holds a value of its own")),
        },
    }
    Ok(())
}

fn remove(table: &mut dyn TableLike, key: &str, left: &mut Left) {
    let next = {
        let mut after = table.iter().skip_while(|(known, _)| *known != key).skip(1);
        after.find(|(_, item)| item.is_value()).map(|(known, _)| known.to_owned())
    };
    let above = match table.get(key) {
        None => return,
        Some(Item::Table(inner)) => {
            left.position = inner.position().unwrap_or(left.position);
            inner.decor().prefix().and_then(|raw| raw.as_str()).and_then(apart)
        }
        Some(Item::ArrayOfTables(tables)) => tables.iter().next().and_then(|first| {
            left.position = first.position().unwrap_or(left.position);
            first.decor().prefix().and_then(|raw| raw.as_str()).and_then(apart)
        }),
        Some(Item::None | Item::Value(_)) => {
            let above = table.key(key).and_then(|key| key.leaf_decor().prefix()).and_then(|raw| raw.as_str());
            let kept = above.and_then(apart);
            match (kept, next.and_then(|next| table.key_mut(&next))) {
                (Some(kept), Some(mut next)) => {
                    let old = next.leaf_decor().prefix().and_then(|raw| raw.as_str()).unwrap_or_default().to_owned();
                    next.leaf_decor_mut().set_prefix(format!("{kept}{old}"));
                    None
                }
                (kept, _) => kept,
            }
        }
    };
    table.remove(key);
    left.comments.extend(above);
}

fn set(table: &mut dyn TableLike, form: Form, key: &str, value: &Json) {
    match (table.get_mut(key), value) {
        (Some(Item::Table(inner)), Json::Object(entries)) => {
            // Without entries it is there by its header alone.
            if entries.is_empty() {
                inner.set_implicit(false);
            }
            return merge(inner, Form::Headed, entries);
        }
        (Some(Item::Value(Value::InlineTable(inner))), Json::Object(entries)) => {
            return merge(inner, Form::Inline, entries);
        }
        (Some(Item::ArrayOfTables(tables)), Json::Array(items))
            if !items.is_empty() && items.iter().all(Json::is_object) =>
        {
            let entries: Vec<&Map<String, Json>> = items.iter().filter_map(Json::as_object).collect();
            while tables.len() > entries.len() {
                tables.remove(tables.len() - 1);
            }
            for (index, entries) in entries.into_iter().enumerate() {
                match tables.get_mut(index) {
                    Some(known) => merge(known, Form::Headed, entries),
                    None => tables.push(table_of(entries)),
                }
            }
            return;
        }
        (Some(Item::Value(old)), Json::Array(_) | Json::String(_) | Json::Bool(_) | Json::Number(_)) => {
            return replace(old, value);
        }
        (Some(_), _) => {
            table.remove(key);
        }
        (None, _) => {}
    }
    table.insert(key, item_of(value, form));
}

/// Makes the table hold exactly `entries`; what is the same already stays as it is written.
fn merge(table: &mut dyn TableLike, form: Form, entries: &Map<String, Json>) {
    let gone: Vec<String> =
        table.iter().map(|(key, _)| key.to_owned()).filter(|key| !entries.contains_key(key)).collect();
    for key in gone {
        table.remove(&key);
    }
    for (key, value) in entries {
        set(table, form, key, value);
    }
}

/// Puts `value` in the place of `old`, with the spaces and comments around it.
fn replace(old: &mut Value, value: &Json) {
    if json_of(old).as_ref() == Some(value) {
        return;
    }
    if let (Value::Array(array), Json::Array(items)) = (&mut *old, value) {
        while array.len() > items.len() {
            array.remove(array.len() - 1);
        }
        for (index, item) in items.iter().enumerate() {
            match array.get_mut(index) {
                Some(known) => replace(known, item),
                None => append(array, value_of(item)),
            }
        }
        return;
    }
    let decor = old.decor().clone();
    *old = value_of(value);
    *old.decor_mut() = decor;
}

/// Adds an element, indented as the one before it.
fn append(array: &mut Array, value: Value) {
    let before = array.iter().last().and_then(|last| last.decor().prefix()).and_then(|raw| raw.as_str());
    let indent = before.and_then(|prefix| prefix.rfind('\n').and_then(|at| prefix.get(at..))).map(str::to_owned);
    match indent {
        Some(indent) => array.push_formatted(value.decorated(indent, "")),
        None if array.is_empty() => array.push_formatted(value.decorated("", "")),
        None => array.push_formatted(value.decorated(" ", "")),
    }
}

fn table_of(entries: &Map<String, Json>) -> Table {
    let mut table = Table::new();
    for (key, value) in entries {
        table.insert(key, item_of(value, Form::Headed));
    }
    table
}

fn item_of(value: &Json, form: Form) -> Item {
    match value {
        Json::Object(entries) if form != Form::Inline => Item::Table(table_of(entries)),
        Json::Array(items) if form != Form::Inline && !items.is_empty() && items.iter().all(Json::is_object) => {
            Item::ArrayOfTables(items.iter().filter_map(Json::as_object).map(table_of).collect())
        }
        other => Item::Value(value_of(other)),
    }
}

fn value_of(value: &Json) -> Value {
    match value {
        Json::Null => Value::from(""),
        Json::Bool(value) => Value::from(*value),
        Json::Number(number) => match number.as_i64() {
            Some(number) => Value::from(number),
            None => Value::from(number.as_f64().unwrap_or_default()),
        },
        Json::String(text) => Value::from(text.as_str()),
        Json::Array(items) => Value::Array(items.iter().map(value_of).collect()),
        Json::Object(entries) => {
            Value::InlineTable(entries.iter().map(|(key, value)| (key.as_str(), value_of(value))).collect())
        }
    }
}

/// A value as JSON; none for a date, which JSON has not.
fn json_of(value: &Value) -> Option<Json> {
    Some(match value {
        Value::String(text) => Json::from(text.value().as_str()),
        Value::Integer(number) => Json::from(*number.value()),
        Value::Float(number) => Json::from(*number.value()),
        Value::Boolean(value) => Json::from(*value.value()),
        Value::Datetime(_) => return None,
        Value::Array(items) => Json::Array(items.iter().map(json_of).collect::<Option<_>>()?),
        Value::InlineTable(table) => Json::Object(
            table.iter().map(|(key, value)| Some((key.to_owned(), json_of(value)?))).collect::<Option<_>>()?,
        ),
    })
}

#[cfg(test)]
#[path = "edit_tests.rs"]
mod tests;
