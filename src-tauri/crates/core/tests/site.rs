//! The site file against case files: each `tests/site/*.toml` and what is said about it.
//!
//! `UPDATE=1 cargo test -p slipway-core --test site` rewrites the expectations and the committed JSON Schema.

#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};

use slipway_core::site::{self, Diagnostic};

fn here() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/site")
}

fn updating() -> bool {
    std::env::var_os("UPDATE").is_some()
}

fn cases() -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(here())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == "toml"))
        .collect();
    files.sort();
    files
}

fn said(bytes: &[u8], name: &str) -> String {
    let text = String::from_utf8_lossy(bytes);
    match site::parse_bytes(bytes) {
        Ok(parsed) if parsed.warnings.is_empty() => "nothing to say\n".into(),
        Ok(parsed) => site::render_all(&parsed.warnings, name, &text),
        Err(diagnostics) => {
            assert!(diagnostics.iter().any(Diagnostic::is_error), "{name}: refused without an error");
            site::render_all(&diagnostics, name, &text)
        }
    }
}

#[test]
fn every_case_is_answered_as_expected() {
    let mut wrong = Vec::new();
    for file in cases() {
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        let actual = said(&std::fs::read(&file).unwrap(), &name);
        let expected_file = file.with_extension("expected");
        if updating() {
            std::fs::write(&expected_file, &actual).unwrap();
        }
        let expected = std::fs::read_to_string(&expected_file).unwrap_or_default();
        if actual != expected {
            wrong.push(format!("=== {name}: expected\n{expected}=== but got\n{actual}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn there_are_cases_for_most_rules() {
    assert!(cases().len() >= 40);
}

#[test]
fn five_mistakes_are_reported_at_once() {
    let text = std::fs::read(here().join("five-mistakes.toml")).unwrap();
    let errors = site::parse_bytes(&text).unwrap_err();
    assert_eq!(errors.iter().filter(|d| d.is_error()).count(), 5);
    assert!(errors.is_sorted_by_key(|d| d.line));
}

#[test]
fn the_committed_schema_is_fresh() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../..").join(site::SCHEMA_FILE);
    let fresh = site::schema_text();
    if updating() {
        std::fs::write(&file, &fresh).unwrap();
    }
    let committed = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(committed == fresh, "stale: run UPDATE=1 cargo test -p slipway-core --test site schema");
}
