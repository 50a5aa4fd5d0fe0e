//! What the process was started with. The programs' `main` calls this once; nothing else asks the environment.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;

/// What the process was started with, passed in once so that nothing else asks for it.
#[derive(Debug, Clone, Default)]
pub struct Surroundings {
    /// Environment variables.
    pub variables: BTreeMap<OsString, OsString>,
    /// Login name and machine, for the records on hosts: `ann@laptop`.
    pub operator: String,
}

impl Surroundings {
    /// A variable that is set and not empty.
    pub fn variable(&self, name: &str) -> Option<OsString> {
        self.variables.get(&OsString::from(name)).filter(|value| !value.is_empty()).cloned()
    }

    /// The home directory of the person.
    pub fn person_home(&self) -> Option<PathBuf> {
        self.variable("HOME").or_else(|| self.variable("USERPROFILE")).map(PathBuf::from)
    }
}

/// Environment and login, read once for everything.
pub fn surroundings() -> Surroundings {
    let variables: BTreeMap<_, _> = std::env::vars_os().collect();
    let mut surroundings = Surroundings { variables, operator: String::new() };
    let word = |name: &str| surroundings.variable(name).and_then(|value| value.into_string().ok());
    let user = word("USER").or_else(|| word("LOGNAME")).or_else(|| word("USERNAME")).unwrap_or_else(login);
    let machine = machine().or_else(|| word("COMPUTERNAME")).unwrap_or_else(|| "unknown".to_owned());
    surroundings.operator = format!("{user}@{machine}");
    surroundings
}

fn login() -> String {
    #[cfg(unix)]
    if rustix::process::geteuid().is_root() {
        return "root".to_owned();
    }
    "unknown".to_owned()
}

fn machine() -> Option<String> {
    #[cfg(unix)]
    {
        let name = rustix::system::uname().nodename().to_str().ok()?.to_owned();
        Some(name).filter(|name| !name.is_empty())
    }
    #[cfg(not(unix))]
    {
        None
    }
}
