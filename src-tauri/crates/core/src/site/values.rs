//! What a site file says, as JSON, whether or not it is a site yet: for a form that shows a file half-way.

use serde_json::{Map, Number, Value};
use toml::de::{DeTable, DeValue};

use super::parse::{MAX_BYTES, too_deep};

/// The tables, arrays and values that can be read; what cannot is left out, and so is everything of a text that is
/// longer or nested more deeply than [`super::parse()`] reads, for which the answer is `None`.
///
/// Dates and numbers beyond 64 bits are their text. Nothing is checked against the schema.
pub fn values(text: &str) -> Option<Value> {
    if text.len() > MAX_BYTES || too_deep(text).is_some() {
        return None;
    }
    let (table, _) = DeTable::parse_recoverable(text);
    Some(of_table(table.get_ref()))
}

fn of_table(table: &DeTable<'_>) -> Value {
    let entries = table.iter().map(|(key, value)| (key.get_ref().clone().into_owned(), of(value.get_ref())));
    Value::Object(entries.collect::<Map<_, _>>())
}

fn of(value: &DeValue<'_>) -> Value {
    match value {
        DeValue::String(text) => Value::String(text.clone().into_owned()),
        DeValue::Integer(number) => match i64::from_str_radix(number.as_str(), number.radix()) {
            Ok(number) => Value::from(number),
            Err(_) => Value::String(number.as_str().to_owned()),
        },
        DeValue::Float(number) => {
            let read = number.as_str().parse().ok().and_then(Number::from_f64);
            read.map_or_else(|| Value::String(number.as_str().to_owned()), Value::Number)
        }
        DeValue::Boolean(value) => Value::Bool(*value),
        DeValue::Datetime(moment) => Value::String(moment.to_string()),
        DeValue::Array(items) => items.iter().map(|item| of(item.get_ref())).collect(),
        DeValue::Table(table) => of_table(table),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_can_be_read_is_there() {
        let text = "name = 3\n[process.web]\nport = 8000\nx = 1.5\nd = 2020-01-01\n[[route]]\npath = \"/\"\n";
        let expected = json!({
            "name": 3, "process": { "web": { "port": 8000, "x": 1.5, "d": "2020-01-01" } }, "route": [{ "path": "/" }],
        });
        assert_eq!(values(text), Some(expected));
        let broken = values("name = \"shop\"\nport = \n[runtime]\nkind = \"python\"\n").unwrap();
        assert_eq!((broken["name"].as_str(), broken["runtime"]["kind"].as_str()), (Some("shop"), Some("python")));
    }

    #[test]
    fn what_would_be_too_much_is_not_read() {
        assert_eq!(values(&"a".repeat(MAX_BYTES + 1)), None);
        assert_eq!(values(&format!("{}a = 1", "a.".repeat(5000))), None);
        assert_eq!(values(&format!("a = {}", "[".repeat(5000))), None);
    }
}
