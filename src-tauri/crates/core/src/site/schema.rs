//! The JSON Schema of the site file: what editors check with, and what the parser walks.

use std::sync::LazyLock;

use serde_json::{Map, Value, json};

use super::model::Site;
use super::text::format_of_pattern;

/// Where the schema stands in the repository.
pub const SCHEMA_FILE: &str = "templates/slipway.schema.json";

/// The JSON Schema (draft 2020-12) of `slipway.toml`, for editors.
pub fn schema() -> Value {
    let mut schema = internal().clone();
    strip_formats(&mut schema);
    schema
}

/// [`schema`] as it stands in [`SCHEMA_FILE`]: indented, with a final newline.
pub fn schema_text() -> String {
    format!("{:#}\n", schema())
}

/// The schema with `slipway:` formats, which name the word that a string must be.
pub(crate) fn internal() -> &'static Value {
    static SCHEMA: LazyLock<Value> = LazyLock::new(|| {
        let mut schema = schemars::schema_for!(Site).to_value();
        remove_null(&mut schema);
        if let Value::Object(map) = &mut schema {
            map.insert("title".into(), json!("Slipway site file"));
        }
        schema
    });
    &SCHEMA
}

/// TOML has no null, so what may be null in JSON may only be left out.
fn remove_null(schema: &mut Value) {
    match schema {
        Value::Object(map) => {
            if let Some(Value::Array(types)) = map.get("type") {
                let kept: Vec<Value> = types.iter().filter(|t| **t != "null").cloned().collect();
                if let [only] = kept.as_slice() {
                    map.insert("type".into(), only.clone());
                }
            }
            if let Some(Value::Array(options)) = map.get("anyOf") {
                let kept: Vec<Value> = options.iter().filter(|o| **o != json!({ "type": "null" })).cloned().collect();
                if let [Value::Object(only)] = kept.as_slice() {
                    map.remove("anyOf");
                    map.extend(only.clone());
                }
            }
            map.values_mut().for_each(remove_null);
        }
        Value::Array(items) => items.iter_mut().for_each(remove_null),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Validators in strict mode refuse formats that they do not know.
fn strip_formats(schema: &mut Value) {
    match schema {
        Value::Object(map) => {
            let ours = |format: &str| format.starts_with("slipway:") || format.starts_with("uint");
            if map.get("format").and_then(Value::as_str).is_some_and(ours) {
                map.remove("format");
            }
            map.values_mut().for_each(strip_formats);
        }
        Value::Array(items) => items.iter_mut().for_each(strip_formats),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// What a place in the file must hold.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Expect<'a> {
    /// Anything that JSON can say.
    Any,
    /// A table.
    Table(&'a Map<String, Value>),
    /// An array, and what its items must be.
    Array(&'a Value),
    /// A string, and the word that it must be.
    Text(Option<&'a Map<String, Value>>),
    /// One of these strings.
    Choice(&'a Map<String, Value>),
    /// A whole number.
    Integer(&'a Map<String, Value>),
    /// A truth value.
    Boolean,
}

static ANY: LazyLock<Map<String, Value>> = LazyLock::new(Map::new);

/// Follows a reference, keeping what stands beside it out.
pub(crate) fn resolve(schema: &Value) -> &Map<String, Value> {
    let Some(map) = schema.as_object() else { return &ANY };
    let name = map.get("$ref").and_then(Value::as_str).and_then(|r| r.strip_prefix("#/$defs/"));
    let target = name.and_then(|name| internal().get("$defs")?.get(name)?.as_object());
    target.unwrap_or(map)
}

impl<'a> Expect<'a> {
    /// Reads one schema.
    pub(crate) fn of(schema: &'a Value) -> Self {
        let map = resolve(schema);
        if map.contains_key("oneOf") || map.contains_key("enum") {
            return Self::Choice(map);
        }
        match map.get("type").and_then(Value::as_str) {
            Some("object") => Self::Table(map),
            Some("array") => map.get("items").map_or(Self::Any, Self::Array),
            Some("string") => Self::Text(map.contains_key("format").then_some(map)),
            Some("integer") => Self::Integer(map),
            Some("boolean") => Self::Boolean,
            _ => Self::Any,
        }
    }
}

/// The strings that a choice allows.
pub(crate) fn choices(map: &Map<String, Value>) -> Vec<&str> {
    let listed = map.get("enum").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    let described = map.get("oneOf").and_then(Value::as_array).into_iter().flatten();
    let described = described.flat_map(|option| {
        let one = option.get("const").and_then(Value::as_str);
        let many = option.get("enum").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
        one.into_iter().chain(many)
    });
    listed.chain(described).collect()
}

/// The schema of the entries of a map-like table, and the format of the word that their names must be.
pub(crate) fn entries(map: &Map<String, Value>) -> Option<(Option<&'static str>, &Value)> {
    let patterns = map.get("patternProperties").and_then(Value::as_object);
    if let Some((pattern, value)) = patterns.and_then(|patterns| patterns.iter().next()) {
        return Some((format_of_pattern(pattern), value));
    }
    map.get("additionalProperties").filter(|value| **value != Value::Bool(false)).map(|value| (None, value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::site::text::check_format;
    use proptest::prelude::*;
    use proptest::string::string_regex;
    use proptest::test_runner::{Config, TestRunner};

    fn walk(schema: &Value, visit: &mut impl FnMut(&Map<String, Value>)) {
        match schema {
            Value::Object(map) => {
                visit(map);
                map.values().for_each(|value| walk(value, visit));
            }
            Value::Array(items) => items.iter().for_each(|item| walk(item, visit)),
            _ => {}
        }
    }

    #[test]
    fn editors_see_patterns_and_no_formats_of_ours() {
        let schema = schema();
        assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
        assert_eq!(schema["$defs"]["Domain"]["type"], "string");
        assert!(schema["$defs"]["Domain"]["pattern"].is_string());
        let text = schema.to_string();
        assert!(!text.contains("slipway:") && !text.contains("\"null\"") && !text.contains("uint"), "{text}");
    }

    #[test]
    fn every_property_is_described() {
        walk(internal(), &mut |map| {
            if let Some(Value::Object(properties)) = map.get("properties") {
                for (name, property) in properties {
                    assert!(property.get("description").is_some_and(Value::is_string), "{name}");
                }
            }
        });
    }

    #[test]
    fn the_keys_of_maps_are_known_words() {
        walk(internal(), &mut |map| {
            if let Some(Value::Object(patterns)) = map.get("patternProperties") {
                assert!(patterns.keys().all(|pattern| format_of_pattern(pattern).is_some()), "{patterns:?}");
            }
        });
    }

    /// What an editor accepts by its pattern, the parser accepts too, apart from lengths and the ranges of networks.
    #[test]
    fn patterns_and_checks_agree() {
        let mut runner = TestRunner::new(Config { failure_persistence: None, ..Config::with_cases(64) });
        let mut checked = 0;
        walk(internal(), &mut |map| {
            let text = |key: &str| map.get(key).and_then(Value::as_str);
            let (Some(format), Some(pattern)) = (text("format"), text("pattern")) else { return };
            let example = map["examples"][0].as_str().unwrap();
            assert_eq!(check_format(format, example), Ok(()), "{format}");
            // Look-ahead is beyond the generator.
            if format == "slipway:network" || pattern.contains("(?!") {
                return;
            }
            let words = string_regex(pattern.trim_matches(['^', '$'])).unwrap();
            let words = words.prop_filter("short", |word| word.len() <= 24);
            let accepted = |word: String| {
                prop_assert_eq!(check_format(format, &word), Ok(()), "{:?}", word);
                Ok(())
            };
            runner.run(&words, accepted).unwrap();
            checked += 1;
        });
        assert!(checked >= 5);
    }
}
