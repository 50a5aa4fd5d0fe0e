//! The template engine: minijinja made strict.
//!
//! Invariants: an undefined name is an error; booleans, none, lists and maps cannot be printed; text can be
//! printed only after an encoder of the template's own grammar, so that no value reaches a file unencoded
//! and none reaches it in the encoding of another grammar. No secret value is ever passed in. An encoder
//! that refuses a value notes the field that it came from, and rendering goes on to find further errors.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Object, ObjectRepr, Value};
use minijinja::{AutoEscape, Environment, Error, ErrorKind, Output, State, UndefinedBehavior};

use super::error::{Errors, Place};
use crate::encode::{CannotEncode, logrotate, nginx, python, sudoers, systemd};

/// A grammar that templates are written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Grammar {
    Systemd,
    Nginx,
    Python,
    Logrotate,
    Sudoers,
    Nft,
}

impl Grammar {
    /// The grammar of a template, by its folder.
    fn of(template: &str) -> Option<Self> {
        let folder = template.split('/').next().unwrap_or_default();
        match folder {
            "systemd" => Some(Self::Systemd),
            "nginx" => Some(Self::Nginx),
            "app" => Some(Self::Python),
            "logrotate" => Some(Self::Logrotate),
            "sudoers" => Some(Self::Sudoers),
            "nftables" => Some(Self::Nft),
            _ => None,
        }
    }
}

/// A value of the site on its way into a template: text and the field that it comes from.
#[derive(Debug)]
struct Raw {
    text: String,
    field: String,
}

impl Object for Raw {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }
}

/// Text that is fit for one grammar.
#[derive(Debug)]
struct Encoded {
    text: String,
    grammar: Option<Grammar>,
}

impl Object for Encoded {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }
}

/// A value that comes from `field` of the site file; templates must encode it.
pub(super) fn raw(text: impl Into<String>, field: impl Into<String>) -> Value {
    Value::from_object(Raw { text: text.into(), field: field.into() })
}

/// Text that Rust code has already put into `grammar`.
pub(super) fn encoded(text: impl Into<String>, grammar: Grammar) -> Value {
    Value::from_object(Encoded { text: text.into(), grammar: Some(grammar) })
}

/// Names of all built-in templates.
pub fn names() -> Vec<String> {
    let rendered = built_in().templates().filter(|(name, _)| Grammar::of(name).is_some());
    let mut names: Vec<String> = rendered.map(|(name, _)| name.to_owned()).collect();
    names.sort();
    names
}

/// The text of the built-in template `name`.
pub fn source(name: &str) -> Option<String> {
    built_in().get_template(name).ok().map(|template| template.source().to_owned())
}

/// An invalid built-in template fails every test of this crate.
#[allow(clippy::expect_used, reason = "in code that minijinja-embed generates")]
fn built_in() -> &'static Environment<'static> {
    static BUILT_IN: OnceLock<Environment<'static>> = OnceLock::new();
    BUILT_IN.get_or_init(|| {
        let mut environment = Environment::new();
        configure(&mut environment);
        minijinja_embed::load_templates!(&mut environment);
        environment
    })
}

fn configure(environment: &mut Environment<'_>) {
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|_| AutoEscape::None);
    environment.set_debug(false);
    environment.set_syntax(
        SyntaxConfig::builder()
            .trim_blocks(true)
            .lstrip_blocks(true)
            .keep_trailing_newline(true)
            .build()
            .unwrap_or_default(),
    );
    environment.set_formatter(print);
}

fn print(out: &mut Output, state: &mut State, value: &Value) -> Result<(), Error> {
    if value.is_integer() {
        return write!(out, "{value}").map_err(|_| Error::new(ErrorKind::WriteFailure, "cannot write"));
    }
    let wrong = |why: &'static str| Err(Error::new(ErrorKind::BadEscape, why));
    let Some(text) = value.downcast_object_ref::<Encoded>() else {
        return wrong("only numbers and encoded values can be printed: put the value through an encoder filter");
    };
    let grammar = Grammar::of(state.name());
    if text.grammar.is_some() && text.grammar != grammar {
        return wrong("the value was encoded for another kind of file");
    }
    out.write_str(&text.text).map_err(|_| Error::new(ErrorKind::WriteFailure, "cannot write"))
}

/// Renders templates, the user's before the built-in ones.
pub(super) struct Engine<'a> {
    environment: Environment<'a>,
    errors: Errors,
}

impl<'a> Engine<'a> {
    /// An engine that notes errors in `errors`; an override that does not parse is one.
    pub(super) fn new(overrides: &'a BTreeMap<String, String>, errors: &Errors) -> Self {
        let mut environment: Environment<'a> = built_in().clone();
        add_filters(&mut environment, errors);
        for (name, text) in overrides {
            if Grammar::of(name).is_none() || built_in().get_template(name).is_err() {
                errors.push(
                    Place::Template { name: name.clone(), line: None },
                    "there is no built-in template of this name to replace",
                );
            } else if let Err(error) = environment.add_template(name, text) {
                errors.push(place(&error, name), explain(&error));
            }
        }
        Self { environment, errors: errors.clone() }
    }

    /// Renders template `name`; after an error, which is noted, the text is of no use.
    pub(super) fn render(&self, name: &str, context: Value) -> String {
        let rendered = self.environment.get_template(name).and_then(|template| template.render(context));
        rendered.unwrap_or_else(|error| {
            self.errors.push(place(&error, name), explain(&error));
            String::new()
        })
    }
}

/// Where in a template; never with the values of variables (no `display_debug_info`).
fn place(error: &Error, fallback: &str) -> Place {
    let name = error.name().filter(|name| *name != "<unknown>").unwrap_or(fallback);
    Place::Template { name: name.to_owned(), line: error.line() }
}

fn explain(error: &Error) -> String {
    let mut text = error.kind().to_string();
    if let Some(detail) = error.detail() {
        text.push_str(": ");
        text.push_str(detail);
    }
    text
}

type Encoder = fn(&str) -> Result<String, CannotEncode>;

/// Filter name, grammar, encoder.
const FILTERS: [(&str, Grammar, Encoder); 18] = [
    ("sd", Grammar::Systemd, systemd::value),
    ("sdpath", Grammar::Systemd, systemd::path),
    ("sdword", Grammar::Systemd, systemd::word),
    ("sdexec", Grammar::Systemd, systemd::exec_argument),
    ("sdunit", Grammar::Systemd, systemd::unit_name),
    ("nginx", Grammar::Nginx, nginx::value),
    ("nginxlocation", Grammar::Nginx, nginx::location),
    ("nginxname", Grammar::Nginx, nginx::server_name),
    ("nginxheader", Grammar::Nginx, nginx::header_name),
    ("nginxid", Grammar::Nginx, nginx::identifier),
    ("nginxnet", Grammar::Nginx, nginx::network),
    ("py", Grammar::Python, |text| Ok(python::string(text))),
    ("logrotate", Grammar::Logrotate, logrotate::path),
    ("logrotateuser", Grammar::Logrotate, logrotate::account),
    ("sudouser", Grammar::Sudoers, sudoers::user),
    ("nftid", Grammar::Nft, nginx::identifier),
    ("nftuser", Grammar::Nft, sudoers::user),
    ("comment", Grammar::Systemd, comment),
];

/// A comment's text: one line.
fn comment(text: &str) -> Result<String, CannotEncode> {
    if text.chars().any(|c| c.is_control()) || text.ends_with('\\') {
        return Err(CannotEncode("a comment is one line"));
    }
    Ok(text.to_owned())
}

fn add_filters(environment: &mut Environment<'_>, errors: &Errors) {
    for (name, grammar, encoder) in FILTERS {
        let errors = errors.clone();
        // Comments look alike in all these grammars.
        let grammar = if name == "comment" { None } else { Some(grammar) };
        environment.add_filter(name, move |state: &State, value: &Value| -> Result<Value, Error> {
            let (text, field) = match (value.downcast_object_ref::<Raw>(), value.as_str()) {
                (Some(raw), _) => (raw.text.as_str(), Some(raw.field.as_str())),
                (None, Some(text)) => (text, None),
                (None, None) => return Err(Error::new(ErrorKind::InvalidOperation, "an encoder takes text")),
            };
            let text = encoder(text).unwrap_or_else(|error| {
                let place = match field {
                    Some(field) => Place::Field(field.to_owned()),
                    None => Place::Template { name: state.name().to_owned(), line: None },
                };
                errors.push(place, error.to_string());
                String::new()
            });
            Ok(Value::from_object(Encoded { text, grammar }))
        });
    }
}
