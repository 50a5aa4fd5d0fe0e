//! What rendering a site takes from this computer: values of secrets, templates of the user's own.

use std::collections::BTreeMap;

use jiff::Timestamp;
use slipway_core::secret::Secret;
use slipway_core::site::Site;

use crate::failure::{Code, Failure, Outcome};
use crate::home::Home;
use crate::secrets::{Fingerprinter, SecretName, SecretStore, ensure};

/// What rendering takes from this computer.
#[derive(Clone)]
pub struct Supplies {
    /// Values of the site's secrets, by the names in the site file.
    pub secrets: BTreeMap<String, Secret>,
    /// The user's own templates.
    pub overrides: BTreeMap<String, String>,
    /// Key of fingerprints.
    pub fingerprint_key: Secret,
}

impl Supplies {
    /// Nothing: for what renders no file.
    pub fn none() -> Self {
        Self { secrets: BTreeMap::new(), overrides: BTreeMap::new(), fingerprint_key: Secret::new("") }
    }

    /// Gathers them. Secrets that have a generator and no value yet are made. Blocks on the store.
    ///
    /// # Errors
    /// When secrets are missing or the store cannot be used, or a template override cannot be read.
    pub fn gather(site: &Site, secrets: &dyn SecretStore, home: &Home, now: Timestamp) -> Outcome<Self> {
        let resolved = ensure(site, secrets, now)?;
        if !resolved.missing.is_empty() {
            let count = resolved.missing.len();
            let mut failure = Failure::new(Code::Secrets, format!("{count} secrets of {} have no value", site.name));
            for missing in &resolved.missing {
                failure = failure.because(format!("{}: {}", missing.name, missing.supply));
            }
            return Err(failure.hint("nothing was changed; supply them and run the same command again"));
        }
        let fingerprinter = Fingerprinter::open(Some(secrets), home, now)?;
        let secrets = resolved.values.into_iter().map(|(name, value)| (file_key(&name), value));
        Ok(Self {
            secrets: secrets.collect::<BTreeMap<String, Secret>>(),
            overrides: template_overrides(home)?,
            fingerprint_key: fingerprinter.key().clone(),
        })
    }
}

/// The user's own templates: files below `templates/` of the local folder, by template name.
fn template_overrides(home: &Home) -> Outcome<BTreeMap<String, String>> {
    let root = home.templates();
    let mut overrides = BTreeMap::new();
    for name in slipway_core::render::template_names() {
        let path = root.join(&name);
        match std::fs::read_to_string(&path) {
            Ok(text) => {
                overrides.insert(name.clone(), text);
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => {
                return Err(Failure::new(
                    Code::Local,
                    format!("the template {} cannot be read: {error}", path.display()),
                )
                .hint("mend it, or remove it to use the built-in one"));
            }
        }
    }
    Ok(overrides)
}

fn file_key(name: &SecretName) -> String {
    match name {
        SecretName::Variable(name) => name.as_str().to_owned(),
        SecretName::File(path) => path.as_str().to_owned(),
    }
}
