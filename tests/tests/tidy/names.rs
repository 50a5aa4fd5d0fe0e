//! One name, one meaning: no two types that a crate shows its modules share a name.

use std::collections::BTreeMap;

use crate::circles::CRATES;
use crate::tokens::{Token, tokens};
use crate::{ending, is_test_source, none_may, text};

/// Names that two types of one crate may share, each with its reason.
const SHARED: [(&str, &str, &str); 0] = [];

#[test]
fn types_of_a_crate_have_names_of_their_own() {
    let mut found = Vec::new();
    for folder in CRATES {
        let mut declared: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for file in ending(".rs").filter(|file| file.starts_with(folder) && !is_test_source(file)) {
            let text = text(file).unwrap();
            for name in types(&tokens(&text)) {
                declared.entry(name.text.to_owned()).or_default().push(format!("{file}:{}", name.line));
            }
        }
        assert!(!declared.is_empty(), "{folder} declares no type: this test looks in the wrong place");
        let is_shared = |name: &str| SHARED.iter().any(|(of, shared, _)| *of == folder && *shared == name);
        for (name, places) in declared.iter().filter(|(_, places)| places.len() > 1) {
            if !is_shared(name) {
                found.push(format!("{name}: {}", places.join(", ")));
            }
        }
        for (_, name, _) in SHARED.iter().filter(|(of, ..)| *of == folder) {
            if declared.get(*name).is_none_or(|places| places.len() < 2) {
                found.push(format!("{name} is declared once in {folder}: take it off the list"));
            }
        }
    }
    none_may("a reader takes these for each other; name each after what it is", &found);
}

/// Names of the types of a source that are `pub` or `pub(crate)`.
fn types<'a>(tokens: &[Token<'a>]) -> Vec<Token<'a>> {
    let mut found = Vec::new();
    for at in tokens.iter().enumerate().filter(|(_, token)| token.text == "pub").map(|(at, _)| at) {
        let mut rest = tokens[at + 1..].iter();
        let mut next = rest.next();
        if next.is_some_and(|token| token.text == "(") {
            if rest.next().is_none_or(|token| token.text != "crate") {
                continue;
            }
            next = rest.nth(1);
        }
        if next.is_some_and(|token| ["struct", "enum", "trait", "type", "union"].contains(&token.text)) {
            // A macro gives its types their names elsewhere.
            found.extend(rest.next().copied().filter(|name| name.text != "$"));
        }
    }
    found
}

#[test]
fn only_what_a_crate_shows_its_modules_counts() {
    let source = "pub struct A; pub(crate) enum B { C } struct D; pub(super) struct E; pub fn f() {}\nimpl X for A { type F = u8; }\n#[cfg(test)]\npub(crate) struct G;\npub type H<'a> = &'a str;";
    let found: Vec<(&str, usize)> = types(&tokens(source)).iter().map(|token| (token.text, token.line)).collect();
    assert_eq!(found, [("A", 1), ("B", 1), ("H", 5)]);
}
