//! A site's secrets as a list: where each is used, when it was set, how it is made. Never a value.

use jiff::Timestamp;
use serde::Serialize;
use slipway_core::site::{Generator, Site};

use super::resolve::source_of;
use super::{Scope, SecretName, SecretStore, SecretsError, Version, rotation_warning, survey};

/// One secret of a site.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SecretRow {
    /// Its name in the site file.
    pub name: String,
    /// Whether it is there.
    pub state: SecretState,
    /// When the value in use was set, where the place remembers.
    pub set_at: Option<Timestamp>,
    /// Where it is used.
    pub uses: Vec<SecretUse>,
    /// How a value is made; none: the operator supplies it.
    pub generator: Option<Generator>,
    /// Whether the value before is kept.
    pub has_previous: bool,
    /// How to supply it, when it is missing.
    pub supply: Option<String>,
    /// What else breaks when it changes.
    pub rotation_warning: Option<String>,
}

/// Whether a secret is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SecretState {
    /// It has a value.
    There,
    /// Planning makes one.
    MadeAtNextPlan,
    /// Only the operator can supply it.
    Missing,
    /// It has a value, and the site file does not mention it.
    NotUsed,
}

/// Where a secret is used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "use", rename_all = "kebab-case")]
pub enum SecretUse {
    /// A variable of the site's processes.
    Environment,
    /// A secret file.
    SecretFile,
    /// A configuration file.
    ConfigFile {
        /// Its path in the site file.
        path: String,
    },
    /// The password of a person who may reach the site.
    BasicAuth {
        /// Whose.
        user: String,
    },
    /// The key of the certificate.
    CertificateKey,
    /// The key that may read the repository.
    DeployKey,
    /// A variable of builds.
    Build,
}

impl SecretUse {
    /// In words.
    pub fn label(&self) -> String {
        match self {
            Self::Environment => "environment".to_owned(),
            Self::SecretFile => "secret file".to_owned(),
            Self::ConfigFile { path } => path.clone(),
            Self::BasicAuth { user } => format!("password of {user}"),
            Self::CertificateKey => "certificate key".to_owned(),
            Self::DeployKey => "deploy key".to_owned(),
            Self::Build => "builds".to_owned(),
        }
    }
}

/// Where the site file uses a secret.
pub fn uses(site: &Site, name: &SecretName) -> Vec<SecretUse> {
    let mut all = Vec::new();
    match name {
        SecretName::File(path) => {
            all.extend(site.secret_file.keys().any(|known| known == path).then_some(SecretUse::SecretFile));
        }
        SecretName::Variable(name) => {
            all.extend(site.environment_secrets().any(|(known, _)| known == name).then_some(SecretUse::Environment));
            all.extend(site.build_secrets().any(|known| known == name).then_some(SecretUse::Build));
            all.extend((site.source.deploy_key.as_ref() == Some(name)).then_some(SecretUse::DeployKey));
            all.extend((site.tls.key.as_ref() == Some(name)).then_some(SecretUse::CertificateKey));
            let people = site.access.basic.iter().filter(|(_, password)| *password == name);
            all.extend(people.map(|(user, _)| SecretUse::BasicAuth { user: AsRef::<str>::as_ref(user).to_owned() }));
            let mark = format!("{{secret:{name}}}");
            let files = site.config_file.iter().filter(|(_, file)| file.json.to_string().contains(&mark));
            all.extend(files.map(|(path, _)| SecretUse::ConfigFile { path: path.to_string() }));
        }
    }
    all
}

/// The site's secrets, those that are there first. Blocks; go through [`super::off_thread`].
///
/// # Errors
/// When the store cannot be read.
pub fn rows(site: &Site, store: &dyn SecretStore) -> Result<Vec<SecretRow>, SecretsError> {
    let survey = survey(site, store)?;
    let stored = store.list(&Scope::from(&site.name))?;
    let at = |name: &SecretName, version| stored.iter().find(|one| &one.name == name && one.version == version);
    let row = |name: &SecretName, state, supply| SecretRow {
        name: name.to_string(),
        state,
        set_at: at(name, Version::Current).and_then(|stored| stored.set_at),
        uses: uses(site, name),
        generator: source_of(site, name).and_then(|source| source.generate),
        has_previous: at(name, Version::Previous).is_some(),
        supply,
        rotation_warning: rotation_warning(site, name),
    };
    let mut all: Vec<SecretRow> = survey.present.iter().map(|name| row(name, SecretState::There, None)).collect();
    all.extend(survey.to_generate.iter().map(|name| row(name, SecretState::MadeAtNextPlan, None)));
    let missing = survey.missing.iter();
    all.extend(missing.map(|missing| row(&missing.name, SecretState::Missing, Some(missing.supply.clone()))));
    let known: Vec<String> = all.iter().map(|row| row.name.clone()).collect();
    let current = stored.iter().filter(|one| one.version == Version::Current);
    let unused = current.filter(|one| !known.contains(&one.name.to_string()));
    all.extend(unused.map(|one| row(&one.name, SecretState::NotUsed, None)));
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::super::{Memory, SecretKey, ensure, rotate};
    use super::*;
    use slipway_core::secret::Secret;

    #[test]
    fn every_secret_says_where_it_is_used_and_none_its_value() {
        let site: Site = serde_json::from_value(serde_json::json!({
            "schema": 1, "name": "shop", "source": { "git": "x", "deploy_key": "DEPLOY_KEY" },
            "secret": { "SECRET_KEY": { "generate": "hex" }, "DEPLOY_KEY": {} },
            "secret_file": { "certs/key.pem": {} },
            "config_file": { "c.json": { "json": { "a": ["{secret:SECRET_KEY}"] } } },
            "access": { "basic": { "ann": "ANN_PASSWORD" } },
            "tls": { "mode": "own", "key": "TLS_KEY" },
        }))
        .unwrap();
        let store = Memory::default();
        let now = Timestamp::UNIX_EPOCH;
        ensure(&site, &store, now).unwrap();
        rotate(&site, &"SECRET_KEY".parse().unwrap(), &store, now).unwrap();
        let old: SecretName = "OLD".parse().unwrap();
        store.set(&SecretKey::new(&site.name, old), &Secret::new(b"hunter2".to_vec()), now).unwrap();
        let rows = rows(&site, &store).unwrap();
        let told: Vec<(&str, SecretState, Vec<String>)> = rows
            .iter()
            .map(|row| (row.name.as_str(), row.state, row.uses.iter().map(SecretUse::label).collect()))
            .collect();
        let of = |name: &str| told.iter().find(|row| row.0 == name).map(|row| (row.1, row.2.join(", "))).unwrap();
        assert_eq!(of("SECRET_KEY"), (SecretState::There, "environment, c.json".to_owned()));
        assert_eq!(of("ANN_PASSWORD"), (SecretState::Missing, "password of ann".to_owned()));
        assert_eq!(of("TLS_KEY").1, "certificate key");
        assert_eq!(of("DEPLOY_KEY").1, "deploy key");
        assert_eq!(of("certs/key.pem").1, "secret file");
        assert_eq!(of("OLD"), (SecretState::NotUsed, String::new()));
        let key = rows.iter().find(|row| row.name == "SECRET_KEY").unwrap();
        assert!(key.has_previous && key.generator == Some(Generator::Hex) && key.set_at == Some(now));
        assert!(!serde_json::to_string(&rows).unwrap().contains("hunter2"));
    }
}
