//! The words and signs of a Rust source, as far as the repository's rules need them.
//!
//! Comments, texts and what is compiled for tests only are left out. This is no parser: it knows where things stand, not
//! what they mean.

/// A word or a sign, and the line on which it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Token<'a> {
    /// A name, `::`, or one character.
    pub text: &'a str,
    /// Counted from 1.
    pub line: usize,
}

/// Reads a source; what stands behind `#[cfg(test)]` is not part of it.
pub fn tokens(source: &str) -> Vec<Token<'_>> {
    without_test_items(&all_tokens(source))
}

fn all_tokens(source: &str) -> Vec<Token<'_>> {
    let mut found = Vec::new();
    let mut rest = source;
    let mut line = 1;
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '/' if rest.starts_with("//") => rest.find('\n').unwrap_or(rest.len()),
            '/' if rest.starts_with("/*") => comment(rest),
            '"' => 1 + quoted(&rest[1..], '"'),
            '\'' => character(rest),
            _ if is_word(first) => {
                let length = rest.find(|char| !is_word(char)).unwrap_or(rest.len());
                match prefixed(&rest[..length], &rest[length..]) {
                    Some(text) => length + text,
                    None => {
                        found.push(Token { text: &rest[..length], line });
                        length
                    }
                }
            }
            _ if first.is_whitespace() => first.len_utf8(),
            _ => {
                let length = if rest.starts_with("::") { 2 } else { first.len_utf8() };
                found.push(Token { text: &rest[..length], line });
                length
            }
        };
        let (passed, after) = rest.split_at(length);
        line += passed.matches('\n').count();
        rest = after;
    }
    found
}

fn is_word(char: char) -> bool {
    char.is_alphanumeric() || char == '_'
}

/// The length of a comment that may hold others.
fn comment(rest: &str) -> usize {
    let mut depth = 0;
    let mut at = 0;
    while at < rest.len() {
        if rest[at..].starts_with("/*") {
            depth += 1;
            at += 2;
        } else if rest[at..].starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += rest[at..].chars().next().map_or(1, char::len_utf8);
        }
    }
    rest.len()
}

/// The length of what is quoted, with the sign that ends it.
fn quoted(rest: &str, end: char) -> usize {
    let mut escaped = false;
    for (at, char) in rest.char_indices() {
        if escaped {
            escaped = false;
        } else if char == '\\' {
            escaped = true;
        } else if char == end {
            return at + 1;
        }
    }
    rest.len()
}

/// The length of a character, or of the sign alone before the name of a lifetime.
fn character(rest: &str) -> usize {
    let mut after = rest.chars().skip(1);
    match (after.next(), after.next()) {
        (Some('\\'), _) | (Some(_), Some('\'')) => 1 + quoted(&rest[1..], '\''),
        _ => 1,
    }
}

/// The length of the text that a word such as `b` or `r#` begins, behind that word.
fn prefixed(word: &str, rest: &str) -> Option<usize> {
    match word {
        "r" | "br" | "cr" => {
            let hashes = rest.len() - rest.trim_start_matches('#').len();
            let text = rest[hashes..].strip_prefix('"')?;
            let end = format!("\"{}", "#".repeat(hashes));
            Some(hashes + 1 + text.find(&end).map_or(text.len(), |at| at + end.len()))
        }
        "b" | "c" if rest.starts_with('"') => Some(1 + quoted(&rest[1..], '"')),
        "b" if rest.starts_with('\'') => Some(character(rest)),
        _ => None,
    }
}

/// Leaves out each item that is marked `#[cfg(test)]`: up to its semicolon, or the brace that ends it.
fn without_test_items<'a>(tokens: &[Token<'a>]) -> Vec<Token<'a>> {
    const MARK: [&str; 7] = ["#", "[", "cfg", "(", "test", ")", "]"];
    let mut kept = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        let marked = tokens.len() >= at + MARK.len()
            && tokens[at..at + MARK.len()].iter().zip(MARK).all(|(token, text)| token.text == text);
        if !marked {
            kept.push(tokens[at]);
            at += 1;
            continue;
        }
        let mut depth = 0;
        at += MARK.len();
        while at < tokens.len() {
            let text = tokens[at].text;
            at += 1;
            match text {
                "{" | "(" | "[" => depth += 1,
                "}" | ")" | "]" => depth -= 1,
                _ => {}
            }
            if depth == 0 && (text == ";" || text == "}") {
                break;
            }
        }
    }
    kept
}

#[test]
fn words_and_signs_are_found_with_their_lines() {
    let source = "// no\nuse a::b; /* no /* no */ no */\nlet x = 'y';\n\"no\nno\" r#\"no\" no\"# b'\\'' 'a: loop {}\n";
    let found: Vec<(&str, usize)> = tokens(source).iter().map(|token| (token.text, token.line)).collect();
    let expected = [
        ("use", 2),
        ("a", 2),
        ("::", 2),
        ("b", 2),
        (";", 2),
        ("let", 3),
        ("x", 3),
        ("=", 3),
        (";", 3),
        ("a", 5),
        (":", 5),
        ("loop", 5),
        ("{", 5),
        ("}", 5),
    ];
    assert_eq!(found, expected);
}

#[test]
fn what_is_for_tests_is_left_out() {
    let source =
        "#[cfg(test)]\nuse no::No;\n#[cfg(test)]\nmod tests { fn no() {} }\n#[cfg(test)]\nmod more;\nstruct Yes;";
    let found: Vec<&str> = tokens(source).iter().map(|token| token.text).collect();
    assert_eq!(found, ["struct", "Yes", ";"]);
}
