//! JSON documents with placeholders filled in (RFC 8259), without a copy of a secret outside of wiped memory.

use serde_json::Value;
use zeroize::Zeroizing;

/// Writes `document` indented by two spaces, each string passed through `fill` first.
///
/// # Errors
/// What `fill` returns.
pub fn document<E>(
    document: &Value,
    fill: &mut dyn FnMut(&str) -> Result<Zeroizing<String>, E>,
) -> Result<Zeroizing<String>, E> {
    let mut out = Zeroizing::new(String::new());
    write(document, 0, fill, &mut out)?;
    out.push('\n');
    Ok(out)
}

fn write<E>(
    value: &Value,
    depth: usize,
    fill: &mut dyn FnMut(&str) -> Result<Zeroizing<String>, E>,
    out: &mut Zeroizing<String>,
) -> Result<(), E> {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => out.push_str(&value.to_string()),
        Value::String(text) => string(&fill(text)?, out),
        Value::Array(items) if items.is_empty() => out.push_str("[]"),
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                out.push_str(if index == 0 { "[" } else { "," });
                line(depth + 1, out);
                write(item, depth + 1, fill, out)?;
            }
            line(depth, out);
            out.push(']');
        }
        Value::Object(map) if map.is_empty() => out.push_str("{}"),
        Value::Object(map) => {
            for (index, (key, item)) in map.iter().enumerate() {
                out.push_str(if index == 0 { "{" } else { "," });
                line(depth + 1, out);
                string(key, out);
                out.push_str(": ");
                write(item, depth + 1, fill, out)?;
            }
            line(depth, out);
            out.push('}');
        }
    }
    Ok(())
}

fn line(depth: usize, out: &mut Zeroizing<String>) {
    out.push('\n');
    for _ in 0..depth {
        out.push_str("  ");
    }
}

/// Appends one string literal.
fn string(text: &str, out: &mut Zeroizing<String>) {
    use std::fmt::Write as _;
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            c if c.is_control() => {
                let _ = write!(**out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn arbitrary() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            ".{0,12}".prop_map(Value::from),
            "[\\x00-\\x22\\\\]{0,8}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map(".{0,6}", inner, 0..4).prop_map(|m| m.into_iter().collect()),
            ]
        })
    }

    proptest! {
        #[test]
        fn documents_read_back(value in arbitrary()) {
            let text = document::<()>(&value, &mut |s| Ok(Zeroizing::new(s.to_owned()))).unwrap();
            prop_assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), value);
        }
    }
}
