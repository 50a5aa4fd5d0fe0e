//! What a newer version wrote into a record, and this one does not know: kept, and put back when the record is written.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

/// Fields of a JSON object that this version does not know.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Residue {
    /// Fields that are not known at all.
    whole: BTreeMap<String, Value>,
    /// Known fields with something in them that is not.
    inside: BTreeMap<String, Residue>,
}

impl Residue {
    /// What is in `raw` and not in what this version made of it.
    pub(super) fn of(raw: &Value, known: &impl Serialize) -> Self {
        Self::between(raw, &serde_json::to_value(known).unwrap_or_default())
    }

    fn between(raw: &Value, known: &Value) -> Self {
        let mut residue = Self::default();
        let (Value::Object(raw), Value::Object(known)) = (raw, known) else { return residue };
        for (key, value) in raw {
            match known.get(key) {
                // What is written only when it says something is no residue.
                None if is_nothing(value) => {}
                None => {
                    residue.whole.insert(key.clone(), value.clone());
                }
                Some(known) => {
                    let inside = Self::between(value, known);
                    if !inside.is_empty() {
                        residue.inside.insert(key.clone(), inside);
                    }
                }
            }
        }
        residue
    }

    /// Whether there is none.
    pub(super) fn is_empty(&self) -> bool {
        self.whole.is_empty() && self.inside.is_empty()
    }

    /// Whether a field holds entries that are not known at all.
    pub(super) fn has_whole(&self, field: &str) -> bool {
        self.inside.get(field).is_some_and(|inside| !inside.whole.is_empty())
    }

    /// Puts it back. What belonged to something that is gone goes with it.
    pub(super) fn put_back(&self, value: &mut Value) {
        let Value::Object(fields) = value else { return };
        for (key, unknown) in &self.whole {
            fields.entry(key.clone()).or_insert_with(|| unknown.clone());
        }
        for (key, inside) in &self.inside {
            if let Some(value) = fields.get_mut(key) {
                inside.put_back(value);
            }
        }
    }
}

fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        Value::Bool(true) | Value::Number(_) | Value::String(_) => false,
    }
}
