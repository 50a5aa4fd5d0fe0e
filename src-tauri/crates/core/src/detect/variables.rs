//! Environment variables that the code reads, and what each should become.

use std::collections::BTreeMap;

use super::judge::Seen;
use super::python::{On, Read};
use super::{Use, Variable, at};

/// Variables that are kept.
const MOST: usize = 200;

/// Every variable, by name. Those that the system or Slipway sets are left out.
pub(super) fn of(seen: &Seen<'_>) -> Vec<Variable> {
    let mut found: BTreeMap<String, Variable> = BTreeMap::new();
    for script in &seen.scripts {
        for On { line, what } in &script.reads {
            let Read { name, required, default } = what;
            if is_given(name) || found.len() >= MOST {
                continue;
            }
            let reason = format!("{} reads {name}", at(&script.path, *line));
            let known = found.entry(name.clone()).or_insert_with(|| Variable {
                name: name.clone(),
                usage: usage(name),
                required: false,
                default: None,
                reason: reason.clone(),
            });
            if *required && !known.required {
                (known.required, known.reason) = (true, reason);
            }
            // A default of something secret is a password of the developer's machine.
            if known.default.is_none() && matches!(known.usage, Use::Setting | Use::Directory) {
                known.default.clone_from(default);
            }
        }
    }
    found.into_values().collect()
}

/// Whether the system, the shell or Slipway sets it.
fn is_given(name: &str) -> bool {
    const GIVEN: [&str; 18] = [
        "PATH",
        "HOME",
        "USER",
        "LOGNAME",
        "SHELL",
        "PWD",
        "LANG",
        "TZ",
        "TERM",
        "TMPDIR",
        "TEMP",
        "HOSTNAME",
        "PORT",
        "INSTANCE",
        "VIRTUAL_ENV",
        "WERKZEUG_RUN_MAIN",
        "DISPLAY",
        "EDITOR",
    ];
    GIVEN.contains(&name)
        || ["PYTHON", "LC_", "XDG_", "GUNICORN_", "SSH_", "CI_"].iter().any(|start| name.starts_with(start))
}

/// What a variable of this name is for, by the words in it.
pub(super) fn usage(name: &str) -> Use {
    let words: Vec<&str> = name.split('_').collect();
    let has = |list: &[&str]| words.iter().any(|word| list.contains(word));
    let ends = |list: &[&str]| words.last().is_some_and(|word| list.contains(word));
    // TOKEN_EXPIRY_HOURS, PASSWORD_MIN_LENGTH and SECRET_NAME say something about a secret, and are none.
    let about = [
        "HOURS",
        "DAYS",
        "MINUTES",
        "SECONDS",
        "TTL",
        "EXPIRY",
        "LENGTH",
        "NAME",
        "ID",
        "URI",
        "ALGORITHM",
        "PATH",
        "FILE",
        "ENABLED",
        "REQUIRED",
        "TYPE",
        "LIMIT",
        "SIZE",
        "TIMEOUT",
    ];
    if ends(&["DIR", "DIRECTORY", "FOLDER"]) {
        Use::Directory
    } else if ends(&about) || name == "GOOGLE_APPLICATION_CREDENTIALS" {
        Use::Setting
    } else if name.ends_with("SECRET_KEY") && !has(&["AWS", "STRIPE", "S3", "API", "CLIENT"])
        || matches!(name, "SECRET" | "SESSION_SECRET" | "JWT_SECRET" | "COOKIE_SECRET" | "STORAGE_SECRET")
        || has(&["FERNET"])
    {
        Use::GeneratedSecret
    } else if has(&["SECRET", "PASSWORD", "PASSWD", "PASS", "TOKEN", "CREDENTIAL", "CREDENTIALS", "APIKEY"])
        || ends(&["KEY", "DSN"])
        || matches!(name, "DATABASE_URL" | "SQLALCHEMY_DATABASE_URI")
    {
        Use::Secret
    } else {
        Use::Setting
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_say_what_they_are_for() {
        for (name, expected) in [
            ("SECRET_KEY", Use::GeneratedSecret),
            ("FLASK_SECRET_KEY", Use::GeneratedSecret),
            ("JWT_SECRET_KEY", Use::GeneratedSecret),
            ("FERNET_ENCRYPTION_KEY", Use::GeneratedSecret),
            ("AWS_SECRET_KEY", Use::Secret),
            ("GOOGLE_CLIENT_SECRET", Use::Secret),
            ("GOOGLE_CLIENT_ID", Use::Setting),
            ("OPENAI_API_KEY", Use::Secret),
            ("TOKEN_EXPIRY_HOURS", Use::Setting),
            ("DATABASE_URL", Use::Secret),
            ("MBASIC_MYSQL_PASSWORD", Use::Secret),
            ("SESSION_DIR", Use::Directory),
            ("UPLOAD_FOLDER", Use::Directory),
            ("LOG_LEVEL", Use::Setting),
            ("MONKEY", Use::Setting),
        ] {
            assert_eq!(usage(name), expected, "{name}");
        }
    }
}
