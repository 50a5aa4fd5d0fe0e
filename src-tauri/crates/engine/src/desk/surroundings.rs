//! What the process was started with. The programs' `main` calls this once; nothing else asks the environment.

use std::collections::BTreeMap;

use super::Surroundings;

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
