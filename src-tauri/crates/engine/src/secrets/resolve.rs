//! A site's secrets as a whole: which it needs, which are there, making and renewing them.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde_json::Value;
use slipway_core::secret::Secret;
use slipway_core::site::{EnvName, Generator, Name, SecretSource, Site};

use super::{SecretKey, SecretName, SecretStore, SecretsError, generate, require};

/// Everything a site needs, after [`ensure`].
#[derive(Debug, Default)]
pub struct ResolvedSecrets {
    /// Values that are there, including those just made.
    pub values: BTreeMap<SecretName, Secret>,
    /// Names whose values were made just now.
    pub generated: Vec<SecretName>,
    /// What the operator has to supply before the site can run.
    pub missing: Vec<MissingSecret>,
}

/// What a site needs, seen without making anything: for plans and for show.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Survey {
    /// Names with a value.
    pub present: Vec<SecretName>,
    /// Names that [`ensure`] would make.
    pub to_generate: Vec<SecretName>,
    /// Names that only the operator can supply.
    pub missing: Vec<MissingSecret>,
}

/// A secret that the operator has to supply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MissingSecret {
    /// Its name in the site file.
    pub name: SecretName,
    /// How to supply it: a command or an assignment.
    pub supply: String,
}

/// A secret that got a new value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rotation {
    /// Its name.
    pub name: SecretName,
    /// Whether the value before is kept for a rollback.
    pub previous: Previous,
}

/// What became of the value before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Previous {
    /// It is kept.
    Kept,
    /// There was none, or it is the same.
    None,
}

/// What else breaks when the secret changes: the site file's words, or what is true of every Fernet key.
pub fn rotation_warning(site: &Site, name: &SecretName) -> Option<String> {
    let source = source_of(site, name)?;
    let fernet = || {
        matches!(source.generate, Some(Generator::Fernet)).then(|| {
            "data encrypted under the old key cannot be read with the new one until it is encrypted again".to_owned()
        })
    };
    source.rotation_warning.clone().or_else(fernet)
}

/// Looks which secrets of the site are there, without making any.
///
/// # Errors
/// When the store cannot be read.
pub fn survey(site: &Site, store: &dyn SecretStore) -> Result<Survey, SecretsError> {
    let mut survey = Survey::default();
    for name in needed(site)? {
        let key = SecretKey::new(&site.name, name.clone());
        if store.get(&key)?.is_some() {
            survey.present.push(name);
        } else if source_of(site, &name).is_some_and(|source| source.generate.is_some()) {
            survey.to_generate.push(name);
        } else {
            survey.missing.push(MissingSecret { supply: store.how_to_supply(&key), name });
        }
    }
    Ok(survey)
}

/// Reads all secrets of the site, making those that have a generator and no value yet.
///
/// Where the store is read-only, a secret that would have been made counts as missing.
///
/// # Errors
/// When the store cannot be read or written, or a length in the site file is impossible.
pub fn ensure(site: &Site, store: &dyn SecretStore, now: Timestamp) -> Result<ResolvedSecrets, SecretsError> {
    let mut resolved = ResolvedSecrets::default();
    for name in needed(site)? {
        let key = SecretKey::new(&site.name, name.clone());
        let missing = MissingSecret { name: name.clone(), supply: store.how_to_supply(&key) };
        if let Some(value) = store.get(&key)? {
            resolved.values.insert(name, value);
            continue;
        }
        let Some((generator, length)) = source_of(site, &name).and_then(|s| Some((s.generate?, s.length))) else {
            resolved.missing.push(missing);
            continue;
        };
        match store.set(&key, &generate(generator, length)?, now) {
            Ok(()) => {
                // Read back: what another process stored meanwhile is what counts.
                resolved.values.insert(name.clone(), require(store, &key)?);
                resolved.generated.push(name);
            }
            Err(SecretsError::ReadOnly { .. }) => resolved.missing.push(missing),
            Err(error) => return Err(error),
        }
    }
    Ok(resolved)
}

/// Makes a new value for a generated secret and keeps the one before under `NAME (previous)`.
///
/// Show [`rotation_warning`] and ask before calling this.
///
/// # Errors
/// When the site file does not say how to make it, or the store fails; the value in use is then as it was.
pub fn rotate(
    site: &Site,
    name: &SecretName,
    store: &dyn SecretStore,
    now: Timestamp,
) -> Result<Rotation, SecretsError> {
    let key = SecretKey::new(&site.name, name.clone());
    if !needed(site)?.contains(name) {
        return Err(SecretsError::NotInSite { key });
    }
    let Some((generator, length)) = source_of(site, name).and_then(|s| Some((s.generate?, s.length))) else {
        return Err(SecretsError::NotGenerated { supply: store.how_to_supply(&key), key });
    };
    replace(&site.name, name, &generate(generator, length)?, store, now)
}

/// Stores a new value and keeps the one before under `NAME (previous)`.
///
/// # Errors
/// When the store fails; the value in use is then as it was.
pub fn replace(
    site: &Name,
    name: &SecretName,
    value: &Secret,
    store: &dyn SecretStore,
    now: Timestamp,
) -> Result<Rotation, SecretsError> {
    let key = SecretKey::new(site, name.clone());
    super::check_size(&key, value)?;
    // First the copy, then the change: a crash in between loses neither value.
    let previous = match store.get(&key)? {
        Some(old) if old.expose() != value.expose() => {
            store.set(&key.previous(), &old, now)?;
            Previous::Kept
        }
        Some(_) | None => Previous::None,
    };
    store.set(&key, value, now)?;
    Ok(Rotation { name: name.clone(), previous })
}

/// Puts the previous value back, for a rollback; the value in use becomes the previous one.
///
/// # Errors
/// [`SecretsError::NotFound`] when there is no previous value, or the store fails.
pub fn restore_previous(
    site: &Name,
    name: &SecretName,
    store: &dyn SecretStore,
    now: Timestamp,
) -> Result<Rotation, SecretsError> {
    let old = require(store, &SecretKey::new(site, name.clone()).previous())?;
    replace(site, name, &old, store, now)
}

/// Every secret that the site file mentions anywhere, in order.
pub(crate) fn needed(site: &Site) -> Result<BTreeSet<SecretName>, SecretsError> {
    let mut variables: BTreeSet<EnvName> = site.secret.keys().cloned().collect();
    variables.extend(site.source.deploy_key.iter().cloned());
    variables.extend(site.access.basic.values().cloned());
    variables.extend(site.tls.key.iter().cloned());
    site.config_file.values().for_each(|file| placeholders(&file.json, &mut variables));
    let mut names: BTreeSet<SecretName> = variables.into_iter().map(SecretName::Variable).collect();
    for path in site.secret_file.keys() {
        let name = SecretName::file(path.clone())
            .map_err(|bad| SecretsError::Failed { detail: format!("secret file {path}: {bad}") })?;
        names.insert(name);
    }
    Ok(names)
}

/// Collects the names in `{secret:NAME}` string values.
fn placeholders(value: &Value, names: &mut BTreeSet<EnvName>) {
    match value {
        Value::String(text) => {
            let name = text.strip_prefix("{secret:").and_then(|rest| rest.strip_suffix('}'));
            names.extend(name.and_then(|name| name.parse().ok()));
        }
        Value::Array(items) => items.iter().for_each(|item| placeholders(item, names)),
        Value::Object(fields) => fields.values().for_each(|field| placeholders(field, names)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

pub(super) fn source_of<'a>(site: &'a Site, name: &SecretName) -> Option<&'a SecretSource> {
    match name {
        SecretName::Variable(name) => site.secret.get(name),
        SecretName::File(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Environment, Memory, Version};
    use super::*;

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    fn site() -> Site {
        serde_json::from_value(serde_json::json!({
            "schema": 1, "name": "shop", "source": { "git": "x", "deploy_key": "DEPLOY_KEY" },
            "secret": {
                "SECRET_KEY": { "generate": "hex" },
                "FERNET": { "generate": "fernet" },
                "PEPPER": { "generate": "password", "length": 20, "rotation_warning": "everyone logs in again" },
                "API_TOKEN": {},
            },
            "secret_file": { "certs/key.pem": {} },
            "config_file": { "c.json": { "json": { "a": ["{secret:FROM_CONFIG}"] } } },
            "access": { "basic": { "ann": "ANN_PASSWORD" } },
        }))
        .unwrap()
    }

    fn name(text: &str) -> SecretName {
        text.parse().unwrap()
    }

    fn text(names: &[SecretName]) -> Vec<String> {
        names.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn ensure_makes_what_it_can_once_and_names_the_rest() {
        let (site, store) = (site(), Memory::default());
        let before = survey(&site, &store).unwrap();
        assert_eq!(text(&before.to_generate), ["FERNET", "PEPPER", "SECRET_KEY"]);
        let first = ensure(&site, &store, NOW).unwrap();
        assert_eq!(text(&first.generated), ["FERNET", "PEPPER", "SECRET_KEY"]);
        let missing: Vec<_> = first.missing.iter().map(|m| m.name.to_string()).collect();
        assert_eq!(missing, ["ANN_PASSWORD", "API_TOKEN", "DEPLOY_KEY", "FROM_CONFIG", "certs/key.pem"]);
        assert_eq!(first.missing[4].supply, "slipway secret set certs/key.pem");
        let again = ensure(&site, &store, NOW).unwrap();
        assert!(again.generated.is_empty());
        let pepper = |resolved: &ResolvedSecrets| resolved.values[&name("PEPPER")].expose().to_vec();
        assert_eq!((pepper(&first), pepper(&first).len()), (pepper(&again), 20));
    }

    #[test]
    fn a_pipeline_must_supply_what_a_desktop_would_make() {
        let variables = [("CI_SECRET_KEY".into(), "k".into())];
        let store = Environment::new(&"CI".parse().unwrap(), variables);
        let resolved = ensure(&site(), &store, NOW).unwrap();
        assert_eq!(resolved.values.len(), 1);
        assert!(resolved.missing.iter().any(|m| m.name == name("FERNET") && m.supply == "CI_FERNET=…"));
    }

    #[test]
    fn rotation_keeps_the_previous_value_for_a_rollback() {
        let (site, store) = (site(), Memory::default());
        let key = SecretKey::new(&site.name, name("SECRET_KEY"));
        let value = |key: &SecretKey| store.get(key).unwrap().map(|v| v.expose().to_vec());
        let first = rotate(&site, &key.name, &store, NOW).unwrap();
        assert_eq!(first.previous, Previous::None);
        let old = value(&key);
        assert_eq!(rotate(&site, &key.name, &store, NOW).unwrap().previous, Previous::Kept);
        assert_eq!(value(&key.previous()), old);
        let new = value(&key);
        assert_ne!(new, old);
        restore_previous(&site.name, &key.name, &store, NOW).unwrap();
        assert_eq!((value(&key), value(&key.previous())), (old, new));
        let listed = store.list(&(&site.name).into()).unwrap();
        assert_eq!(listed.iter().map(|s| s.version).collect::<Vec<_>>(), [Version::Current, Version::Previous]);
    }

    #[test]
    fn rotation_refuses_what_it_cannot_make() {
        let (site, store) = (site(), Memory::default());
        let rotate = |text: &str| rotate(&site, &name(text), &store, NOW).unwrap_err().code();
        assert_eq!(rotate("API_TOKEN"), "secret-not-generated");
        assert_eq!(rotate("TYPO"), "secret-not-in-site");
        let missing = restore_previous(&site.name, &name("FERNET"), &store, NOW).unwrap_err();
        assert_eq!(missing.to_string(), "secret FERNET (previous) of site shop is not set");
    }

    #[test]
    fn warnings_come_from_the_site_file_or_the_format() {
        let site = site();
        assert_eq!(rotation_warning(&site, &name("PEPPER")).as_deref(), Some("everyone logs in again"));
        assert!(rotation_warning(&site, &name("FERNET")).unwrap().contains("encrypted again"));
        assert_eq!(rotation_warning(&site, &name("SECRET_KEY")), None);
    }
}
