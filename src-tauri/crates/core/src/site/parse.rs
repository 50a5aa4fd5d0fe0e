//! From a text to a [`Site`], or to everything that is wrong with it at once.

use std::collections::BTreeSet;
use std::ops::Range;

use toml::de::DeTable;
use toml_parser::parser::{Event, EventKind};

use super::diagnostic::Diagnostic;
use super::findings::Findings;
use super::model::Site;
use super::place::{KeyPath, Node, Places};
use super::shape::{self, Extent};
use super::validate;
use super::words::shown;

/// Longest site file, in bytes.
pub const MAX_BYTES: usize = 1 << 20;

/// Deepest nesting. The model needs four levels; the rest is for documents under `config_file`.
const MAX_DEPTH: usize = 48;

/// A site file without errors.
#[derive(Debug, Clone)]
pub struct Parsed {
    /// What it says.
    pub site: Site,
    /// What an expert would ask about.
    pub warnings: Vec<Diagnostic>,
    /// Where each key is, for diagnostics that are found later (against facts, while rendering).
    pub places: Places,
}

/// Reads and checks a site file.
///
/// # Errors
/// All errors that can be found at once, and the warnings, in the order of the text; at least one is an error.
pub fn parse(text: &str) -> Result<Parsed, Vec<Diagnostic>> {
    if text.len() > MAX_BYTES {
        let end = text.floor_char_boundary(160);
        let places = Places::new(text.get(..end).unwrap_or_default().to_owned(), Node::default());
        let message = format!("the site file has {} bytes; at most {MAX_BYTES} are read", text.len());
        return Err(refuse(&places, &(0..0), message, "a site file describes a site; data belongs in its source"));
    }
    if let Some(span) = too_deep(text) {
        let places = Places::new(text.to_owned(), Node::default());
        let message = format!("tables and arrays are nested more than {MAX_DEPTH} levels deep here");
        return Err(refuse(&places, &span, message, "check for a bracket or brace that is never closed"));
    }
    let (table, errors) = DeTable::parse_recoverable(text);
    let places = Places::new(text.to_owned(), Node::from_table(table.get_ref(), 0..text.len()));
    if errors.is_empty() { check(places) } else { Err(syntax(&places, &errors)) }
}

/// Reads and checks a site file that has not been decoded yet.
///
/// # Errors
/// As [`parse`]; bytes that are not UTF-8 are an error with its place.
pub fn parse_bytes(bytes: &[u8]) -> Result<Parsed, Vec<Diagnostic>> {
    match std::str::from_utf8(bytes) {
        Ok(text) => parse(text),
        Err(error) => {
            let start = error.valid_up_to();
            let readable = bytes.get(..start.min(MAX_BYTES)).unwrap_or_default();
            let text = format!("{}\u{fffd}", String::from_utf8_lossy(readable));
            let places = Places::new(text, Node::default());
            let hint = match bytes {
                [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => "this looks like UTF-16: save the file as UTF-8",
                _ => "save the file as UTF-8",
            };
            Err(refuse(&places, &(start..start + 1), "the site file is not UTF-8 here".into(), hint))
        }
    }
}

fn refuse(places: &Places, span: &Range<usize>, message: String, hint: &str) -> Vec<Diagnostic> {
    let mut findings = Findings::new(places);
    findings.error_at(span, &KeyPath::default(), message, hint);
    findings.finish()
}

/// Everything after the syntax: the shape, then the rules whose subjects have the right shape.
fn check(places: Places) -> Result<Parsed, Vec<Diagnostic>> {
    let mut findings = Findings::new(&places);
    let shape = shape::check(&mut findings, Extent::Whole);
    match serde_json::from_value::<Site>(shape.value) {
        Ok(site) => {
            validate::run(&site, &shape.broken, &mut findings);
            if findings.any_error() {
                return Err(findings.finish());
            }
            let warnings = findings.finish();
            Ok(Parsed { site, warnings, places })
        }
        Err(error) => {
            if !findings.any_error() {
                // The schema and the types come from one source, so this is a defect of Slipway; say so in the open.
                let message = format!("the site file cannot be read: {error}");
                findings.error(
                    &KeyPath::default(),
                    message,
                    "this is a defect of Slipway; please report it with the file",
                );
            }
            Err(findings.finish())
        }
    }
}

/// Syntax errors, and the errors of shape above the first of them: below it the structure is guesswork.
fn syntax(places: &Places, errors: &[toml::de::Error]) -> Vec<Diagnostic> {
    let text = places.text();
    let span_of = |error: &toml::de::Error| error.span().unwrap_or(text.len()..text.len());
    let structural = errors.iter().filter(|e| e.message() != "duplicate key");
    let trusted = structural.map(|error| span_of(error).start).min().unwrap_or(text.len());
    let trusted = text.get(..trusted).and_then(|head| head.rfind('\n')).unwrap_or(0);

    let mut findings = Findings::new(places);
    shape::check(&mut findings, Extent::Part);
    findings.retain(|d| d.span.end <= trusted);

    // One finding per line: what follows an error in the same line is its consequence.
    let mut seen = BTreeSet::new();
    for error in errors {
        let span = span_of(error);
        let line_start = text.get(..span.start).and_then(|head| head.rfind('\n')).unwrap_or(0);
        if !seen.insert(line_start) {
            continue;
        }
        let (message, hint) = syntax_words(error, text, &span);
        findings.error_at(&span, &KeyPath::default(), message, hint);
    }
    findings.finish()
}

/// The parser's message in the words of the person who reads it.
fn syntax_words(error: &toml::de::Error, text: &str, span: &Range<usize>) -> (String, String) {
    let at = text.get(span.clone()).unwrap_or_default();
    let line = text.get(..span.start).unwrap_or_default().rsplit('\n').next().unwrap_or_default();
    let rest = text.get(span.start..).unwrap_or_default().split('\n').next().unwrap_or_default();
    let message = error.message();
    if message == "duplicate key" {
        return (format!("`{}` is given twice", shown(at.trim(), 60)), "keep one of them".into());
    }
    let value_starts = line.trim_end().ends_with('=');
    if value_starts && (rest.trim().is_empty() || rest.trim_start().starts_with('#')) {
        return ("not TOML: a value is missing".into(), "write it after `=`, or remove the line".into());
    }
    if value_starts && rest.starts_with(|c: char| c.is_alphabetic() || "/.*~".contains(c)) {
        let word = rest.split('#').next().unwrap_or_default().trim();
        let hint = format!("write strings in quotes: `\"{}\"`", shown(word, 60));
        return ("not TOML: a string needs quotes".into(), hint);
    }
    let hint = if message.starts_with("unclosed table") || message.starts_with("unclosed array of tables") {
        "close the line with `]`"
    } else if message.starts_with("invalid basic string") && rest.trim().is_empty() {
        "close the string with `\"`"
    } else if message.contains("escape") {
        "double the backslash; or write the string in single quotes, where nothing is special"
    } else if message.starts_with("missing comma") {
        "write a comma between them"
    } else {
        ""
    };
    (format!("not TOML: {}", shown(message, 200)), hint.into())
}

/// The first place that is nested too deeply, found without recursion: building and dropping such a tree would
/// recurse as deeply as the file says (toml-rs bounds brackets, but not the parts of a dotted key).
pub(super) fn too_deep(text: &str) -> Option<Range<usize>> {
    let source = toml_parser::Source::new(text);
    let tokens = source.lex().into_vec();
    let (mut header, mut key) = (0_usize, 0_usize);
    let mut in_header = false;
    let mut open: Vec<usize> = Vec::new();
    let mut outer = 0_usize;
    let mut found: Option<Range<usize>> = None;
    let mut receive = |event: Event| {
        match event.kind() {
            EventKind::StdTableOpen | EventKind::ArrayTableOpen => {
                (header, key, in_header, outer) = (0, 0, true, 0);
                open.clear();
            }
            EventKind::StdTableClose | EventKind::ArrayTableClose => in_header = false,
            EventKind::SimpleKey if in_header => header += 1,
            EventKind::SimpleKey => key += 1,
            EventKind::InlineTableOpen | EventKind::ArrayOpen => {
                outer += key + 1;
                open.push(key + 1);
                key = 0;
            }
            EventKind::InlineTableClose | EventKind::ArrayClose => {
                outer -= open.pop().unwrap_or(0).min(outer);
                key = 0;
            }
            EventKind::ValueSep | EventKind::Newline => key = 0,
            EventKind::KeySep
            | EventKind::KeyValSep
            | EventKind::Scalar
            | EventKind::Whitespace
            | EventKind::Comment
            | EventKind::Error => {}
        }
        if found.is_none() && header + outer + key > MAX_DEPTH {
            found = Some(event.span().start()..event.span().end());
        }
    };
    // The parser itself recurses into brackets, so it gets the same bound.
    let mut guard = toml_parser::parser::RecursionGuard::new(&mut receive, 80);
    toml_parser::parser::parse_document(&tokens, &mut guard, &mut ());
    found
}
