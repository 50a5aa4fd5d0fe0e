//! The embedded profile files: a base per package manager, and one file per release that extends a base.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::{FirewallKind, Need, NginxLayout, PackageManager, PythonOffer, SystemLayout};
use crate::facts::Version;
use crate::facts::system::Family;

const BASES: [(&str, &str); 2] = [
    ("apt", include_str!("../../../../../templates/profiles/apt.toml")),
    ("dnf", include_str!("../../../../../templates/profiles/dnf.toml")),
];

const RELEASES: [&str; 8] = [
    include_str!("../../../../../templates/profiles/debian-11.toml"),
    include_str!("../../../../../templates/profiles/debian-12.toml"),
    include_str!("../../../../../templates/profiles/debian-13.toml"),
    include_str!("../../../../../templates/profiles/ubuntu-22.04.toml"),
    include_str!("../../../../../templates/profiles/ubuntu-24.04.toml"),
    include_str!("../../../../../templates/profiles/rhel-8.toml"),
    include_str!("../../../../../templates/profiles/rhel-9.toml"),
    include_str!("../../../../../templates/profiles/rhel-10.toml"),
];

/// One release of a distribution, as its file and the base say.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Release {
    pub(super) name: String,
    /// `ID`s of os-release.
    pub(super) ids: Vec<String>,
    /// Words of `ID_LIKE` that also count.
    pub(super) like: Vec<String>,
    /// `VERSION_ID`, or its first parts.
    pub(super) version: Version,
    pub(super) family: Family,
    pub(super) manager: PackageManager,
    pub(super) install: Vec<String>,
    pub(super) refresh: Vec<String>,
    /// Programs that must be there for this profile to hold.
    pub(super) tools: Vec<String>,
    pub(super) starts_services: bool,
    pub(super) packages: BTreeMap<Need, Vec<String>>,
    pub(super) pythons: Vec<PythonOffer>,
    pub(super) nginx: NginxLayout,
    pub(super) system: SystemLayout,
    pub(super) firewalls: Vec<FirewallKind>,
    pub(super) nginx_version: Version,
    pub(super) systemd_version: u32,
}

/// All releases, or what is wrong with the embedded files (which a test rules out).
pub(super) fn releases() -> Result<&'static [Release], &'static str> {
    static LOADED: LazyLock<Result<Vec<Release>, String>> =
        LazyLock::new(|| RELEASES.iter().map(|text| load(text)).collect());
    match &*LOADED {
        Ok(releases) => Ok(releases),
        Err(reason) => Err(reason),
    }
}

fn load(text: &str) -> Result<Release, String> {
    let mut release = table(text)?;
    let base =
        release.remove("base").and_then(|base| base.as_str().map(str::to_owned)).ok_or("a profile without base")?;
    let (_, base) = BASES.iter().find(|(name, _)| *name == base).ok_or_else(|| format!("no base {base}"))?;
    let mut whole = table(base)?;
    lay_over(&mut whole, release);
    serde_json::from_value(Value::Object(whole)).map_err(|error| error.to_string())
}

/// Puts `over` on top of `below`: tables are merged, everything else is replaced.
fn lay_over(below: &mut Map<String, Value>, over: Map<String, Value>) {
    for (key, value) in over {
        match (below.get_mut(&key), value) {
            (Some(Value::Object(below)), Value::Object(over)) => lay_over(below, over),
            (_, value) => {
                below.insert(key, value);
            }
        }
    }
}

fn table(text: &str) -> Result<Map<String, Value>, String> {
    let mut root = toml_span::parse(text).map_err(|error| error.to_string())?;
    match json(&mut root) {
        Value::Object(map) => Ok(map),
        _ => Err("a profile is a table".into()),
    }
}

fn json(value: &mut toml_span::Value<'_>) -> Value {
    use toml_span::value::ValueInner;
    match value.take() {
        ValueInner::String(text) => text.into_owned().into(),
        ValueInner::Integer(number) => number.into(),
        ValueInner::Float(number) => number.into(),
        ValueInner::Boolean(truth) => truth.into(),
        ValueInner::Array(mut items) => items.iter_mut().map(json).collect(),
        ValueInner::Table(entries) => Value::Object(
            entries.into_iter().map(|(key, mut value)| (key.name.into_owned(), json(&mut value))).collect(),
        ),
    }
}
