//! Identity of a resource.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Kind and name: `file:/etc/shop/environment`. Unique on a host.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Id(String);

impl Id {
    /// The resource of this kind with this name.
    pub fn new(kind: &str, name: &str) -> Self {
        Self(format!("{kind}:{name}"))
    }

    /// Kind and name as one text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name, unique within the kind.
    pub fn name(&self) -> &str {
        self.0.split_once(':').map_or("", |(_, name)| name)
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<Id> for String {
    fn from(id: Id) -> Self {
        id.0
    }
}

impl TryFrom<String> for Id {
    type Error = String;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        match text.split_once(':') {
            Some((kind, name)) if !kind.is_empty() && !name.is_empty() && !text.contains('\n') => Ok(Self(text)),
            _ => Err(format!("{text:?} is not the id of a resource")),
        }
    }
}
