//! What Slipway left on the host: its manifests, and the lock of a run in progress.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::fact::Fact;
use crate::site::Name;

/// Slipway's own records, unparsed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owned {
    /// Text of `/var/lib/slipway/SITE/manifest.json` by site; absent when the directory has none.
    pub manifests: BTreeMap<Name, Fact<String>>,
    /// Text of `/run/slipway/lock`.
    pub lock: Fact<String>,
}
