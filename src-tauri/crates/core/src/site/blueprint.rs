//! Blueprints: ready-made site files with an explanation of every key, one per kind of application.
//!
//! They are texts, not [`super::Site`]s, so that their comments reach the person who edits them.

use super::text::{Domain, Name};

/// A ready-made site file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Blueprint {
    /// Its name, for example `flask-socketio`.
    pub name: &'static str,
    /// What it is for, one line.
    pub summary: &'static str,
    /// The site file; parses without errors and warnings as it is.
    pub text: &'static str,
}

macro_rules! blueprint {
    ($name:literal, $summary:literal) => {
        Blueprint {
            name: $name,
            summary: $summary,
            text: include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../templates/blueprints/", $name, ".toml")),
        }
    };
}

const BLUEPRINTS: &[Blueprint] = &[
    blueprint!("flask-socketio", "Flask and Socket.IO under gunicorn: one worker, WebSockets, sessions in files"),
    blueprint!("flask-celery", "Flask under gunicorn with a Celery worker, Redis and encrypted credentials"),
    blueprint!("flask-device", "An application with its own server and no login that talks to devices"),
    blueprint!("nicegui-redis", "NiceGUI in several instances, sessions in Redis, errors in MariaDB"),
    blueprint!("flask-react", "A React front end and a Flask API with OAuth and cloud credentials"),
    blueprint!("static", "Files only: documentation, a landing page, a front end built elsewhere"),
];

/// All blueprints, in the order in which they are offered.
pub fn list() -> &'static [Blueprint] {
    BLUEPRINTS
}

/// The blueprint of this name.
pub fn find(name: &str) -> Option<&'static Blueprint> {
    BLUEPRINTS.iter().find(|blueprint| blueprint.name == name)
}

/// Where a new site's code comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Code {
    /// URL of a git repository, and a branch, tag or commit.
    Git {
        /// The URL; what may be one is decided by [`super::parse()`].
        url: String,
        /// Branch, tag or commit; none: the repository's default branch.
        reference: Option<String>,
    },
    /// Folder on this computer, relative to the site file.
    Folder(String),
    /// Archive on this computer, relative to the site file.
    Archive(String),
}

/// What a person says about a new site.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answers {
    /// The site's name.
    pub name: Name,
    /// Its domain; without one, its certificate is self-signed.
    pub domain: Option<Domain>,
    /// Its code; without it, the blueprint's example stays, marked for change.
    pub code: Option<Code>,
}

/// There is no such blueprint.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no blueprint {0:?}")]
pub struct UnknownBlueprint(pub String);

const EXAMPLE_NAME: &str = "my-app";
const EXAMPLE_DOMAIN: &str = "app.example.com";
const MARK: &str = "<- change";

/// The site file of blueprint `name` with `answers` filled in; comments stay.
///
/// Only whole words that were checked (name, domain) and quoted strings (source) are put in. The result is to be
/// parsed like any other: a git URL, for one, is checked there.
///
/// # Errors
/// When there is no blueprint of that name.
pub fn instantiate(name: &str, answers: &Answers) -> Result<String, UnknownBlueprint> {
    let blueprint = find(name).ok_or_else(|| UnknownBlueprint(name.to_owned()))?;
    let mut out = String::new();
    for line in blueprint.text.lines() {
        out.push_str(&instantiated(line, answers));
        out.push('\n');
    }
    Ok(out)
}

fn instantiated(line: &str, answers: &Answers) -> String {
    let assigns = |key: &str| line.strip_prefix(key).is_some_and(|rest| rest.starts_with(" = "));
    if assigns("git") {
        return answers.code.as_ref().map_or_else(|| line.to_owned(), source_lines);
    }
    let filled = line.replace(EXAMPLE_NAME, &answers.name);
    let filled = match &answers.domain {
        Some(domain) => filled.replace(EXAMPLE_DOMAIN, domain),
        None if assigns("domains") => "domains = []".to_owned(),
        None if assigns("mode") && line.contains("certbot") => {
            "mode = \"self-signed\"              # made on this computer, browsers warn; with a domain: \"certbot-webroot\"".to_owned()
        }
        None => filled,
    };
    if filled == line { filled } else { without_mark(&filled) }
}

/// The line without its mark, and without the comment when the mark was all of it.
fn without_mark(line: &str) -> String {
    let Some((code, comment)) = line.split_once(&format!("# {MARK}")) else { return line.to_owned() };
    let comment = comment.trim_start_matches(':').trim();
    if comment.is_empty() { code.trim_end().to_owned() } else { format!("{code}# {comment}") }
}

fn source_lines(code: &Code) -> String {
    let quoted = |text: &str| toml::Value::String(text.to_owned()).to_string();
    match code {
        Code::Git { url, reference: None } => format!("git = {}", quoted(url)),
        Code::Git { url, reference: Some(reference) } => format!("git = {}\nref = {}", quoted(url), quoted(reference)),
        Code::Folder(path) => format!("folder = {}", quoted(path)),
        Code::Archive(path) => format!("archive = {}", quoted(path)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::site::parse;

    fn answers(domain: Option<&str>, code: Option<Code>) -> Answers {
        let domain = domain.map(|d| d.to_owned().try_into().unwrap());
        Answers { name: "shop".to_owned().try_into().unwrap(), domain, code }
    }

    #[test]
    fn every_blueprint_parses_without_a_word() {
        for blueprint in list() {
            match parse(blueprint.text) {
                Ok(parsed) => assert_eq!(parsed.warnings, [], "{}", blueprint.name),
                Err(found) => panic!("{}", crate::site::render_all(&found, blueprint.name, blueprint.text)),
            }
        }
    }

    #[test]
    fn every_blueprint_is_found_and_explained() {
        for blueprint in list() {
            assert_eq!(find(blueprint.name), Some(blueprint));
            assert!(blueprint.text.contains(MARK) && blueprint.text.starts_with("# "));
            assert!(blueprint.text.lines().all(|line| line.chars().count() <= 160), "{}", blueprint.name);
        }
        assert_eq!(find("nothing"), None);
    }

    #[test]
    fn answers_are_filled_in() {
        let codes = [
            None,
            Some(Code::Git { url: "https://git.example.org/a\"b.git".into(), reference: None }),
            Some(Code::Git { url: "https://git.example.org/a.git".into(), reference: Some("v1".into()) }),
            Some(Code::Folder("C:\\apps\\my shop".into())),
            Some(Code::Archive("shop.zip".into())),
        ];
        for blueprint in list() {
            for domain in [None, Some("shop.example.org")] {
                for code in &codes {
                    let text = instantiate(blueprint.name, &answers(domain, code.clone())).unwrap();
                    let bad_url = matches!(code, Some(Code::Git { url, .. }) if url.contains('"'));
                    match parse(&text) {
                        Ok(parsed) => {
                            assert!(!bad_url);
                            assert_eq!(parsed.site.name.as_str(), "shop");
                            assert_eq!(parsed.site.domains.first().map(|d| d.as_str()), domain);
                            assert_eq!(parsed.warnings, [], "{text}");
                        }
                        Err(found) => assert!(bad_url && found.len() == 1, "{text}\n{found:?}"),
                    }
                }
            }
        }
        assert!(instantiate("nothing", &answers(None, None)).is_err());
    }

    #[test]
    fn marks_go_where_nothing_is_left_to_change() {
        let code = Some(Code::Folder(".".into()));
        let text = instantiate("static", &answers(Some("shop.example.org"), code)).unwrap();
        assert!(
            text.contains("\nname = \"shop\"                   # the directory /opt/shop is named after it\n"),
            "{text}"
        );
        assert_eq!(text.matches("# <- change").count(), 1, "{text}");
    }
}
