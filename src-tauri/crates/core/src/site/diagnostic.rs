//! What is wrong in a site file, where, and what would be right.
//!
//! A diagnostic is data; [`Diagnostic::render`] turns it into plain text for a terminal. Everything in it that
//! comes from the file is made harmless first, because a site file may come from someone else.

use std::fmt::Write as _;
use std::ops::Range;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::words::{cells, is_hostile, shown};

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum DiagnosticSeverity {
    /// The site file cannot be used.
    Error,
    /// It can, but an expert would ask whether it is meant.
    Warning,
}

/// One finding in a site file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: DiagnosticSeverity,
    /// Line, from 1; 0 when the site did not come from a text.
    pub line: usize,
    /// Column in characters, from 1; 0 when the site did not come from a text.
    pub column: usize,
    /// Bytes of the text that it is about.
    pub span: Range<usize>,
    /// Key path, for example `process.web.instances` or `route[0].path`; empty for the file as a whole.
    pub path: String,
    /// What is wrong, one line.
    pub message: String,
    /// What to do about it, one line.
    pub hint: Option<String>,
}

/// Cells of source shown on either side of the start of a finding.
const CONTEXT: usize = 72;

impl Diagnostic {
    /// Whether the site file cannot be used because of it.
    pub fn is_error(&self) -> bool {
        self.severity == DiagnosticSeverity::Error
    }

    /// Plain text for a terminal: the message, the place, the source line with carets, the hint.
    ///
    /// `text` is the text that was parsed. The result ends with a newline, holds no control character besides
    /// newlines, and its size does not depend on that of the text.
    pub fn render(&self, file_name: &str, text: &str) -> String {
        let severity = match self.severity {
            DiagnosticSeverity::Error => "error",
            DiagnosticSeverity::Warning => "warning",
        };
        let mut out = format!("{severity}: {}\n", shown(&self.message, 600));
        let digits = self.line.to_string().len();
        let file = shown(file_name, 200);
        if self.line == 0 {
            let _ = writeln!(out, "{:digits$}--> {file}", "");
        } else {
            let excerpt = Excerpt::new(text, &self.span);
            let _ = writeln!(out, "{:digits$}--> {file}:{}:{}", "", self.line, self.column);
            let _ = writeln!(out, "{:digits$} |", "");
            let _ = writeln!(out, "{} | {}", self.line, excerpt.source);
            let carets = "^".repeat(excerpt.length.max(1));
            let _ = writeln!(out, "{:digits$} | {:indent$}{carets}", "", "", indent = excerpt.indent);
        }
        if let Some(hint) = &self.hint {
            let _ = writeln!(out, "{:digits$} = hint: {}", "", shown(hint, 600));
        }
        out
    }
}

/// Renders all of `diagnostics`, separated by empty lines, with a closing line that counts them.
pub fn render_all(diagnostics: &[Diagnostic], file_name: &str, text: &str) -> String {
    let mut out = String::new();
    for diagnostic in diagnostics {
        out.push_str(&diagnostic.render(file_name, text));
        out.push('\n');
    }
    let errors = diagnostics.iter().filter(|d| d.is_error()).count();
    let count = |n: usize, word: &str| format!("{n} {word}{}", if n == 1 { "" } else { "s" });
    let _ = match (errors, diagnostics.len() - errors) {
        (0, 0) => Ok(()),
        (errors, 0) => writeln!(out, "{}", count(errors, "error")),
        (0, warnings) => writeln!(out, "{}", count(warnings, "warning")),
        (errors, warnings) => writeln!(out, "{}, {}", count(errors, "error"), count(warnings, "warning")),
    };
    out
}

/// The part of one source line around a span, as it is drawn.
struct Excerpt {
    source: String,
    /// Cells before the span.
    indent: usize,
    /// Cells that the span covers on this line.
    length: usize,
}

impl Excerpt {
    fn new(text: &str, span: &Range<usize>) -> Self {
        let start = text.floor_char_boundary(span.start.min(text.len()));
        let end = text.floor_char_boundary(span.end.clamp(start, text.len()));
        let (before, after) = text.split_at(start);
        let before = before.rsplit('\n').next().unwrap_or_default().trim_start_matches('\u{feff}');
        let after = after.split('\n').next().unwrap_or_default().trim_end_matches('\r');
        let (bom, after) = after.strip_prefix('\u{feff}').map_or((0, after), |after| (3, after));

        let mut head = Vec::new();
        let mut indent = 0;
        let mut rest = before.chars().rev();
        for c in rest.by_ref() {
            let cell = drawn(c);
            indent += cell.1;
            head.push(cell.0);
            if indent >= CONTEXT {
                break;
            }
        }
        if rest.next().is_some() {
            head.push("…".into());
            indent += 1;
        }
        let mut source: String = head.into_iter().rev().collect();

        let (mut width, mut length, mut at) = (0, 0, start + bom);
        for c in after.chars() {
            if width >= CONTEXT {
                source.push('…');
                break;
            }
            let cell = drawn(c);
            source.push_str(&cell.0);
            width += cell.1;
            if at < end {
                length += cell.1;
            }
            at += c.len_utf8();
        }
        Self { source, indent, length }
    }
}

/// A character as it is drawn, and the cells that it takes.
fn drawn(c: char) -> (String, usize) {
    if c == '\t' {
        ("    ".into(), 4)
    } else if is_hostile(c) {
        let text: String = c.escape_unicode().collect();
        let width = text.len();
        (text, width)
    } else {
        (c.to_string(), cells(c))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str, span: Range<usize>) -> String {
        let diagnostic = Diagnostic {
            severity: DiagnosticSeverity::Error,
            line: 1,
            column: 1,
            span,
            path: String::new(),
            message: "bad".into(),
            hint: None,
        };
        diagnostic.render("f", text).lines().skip(3).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn carets_stand_under_the_span() {
        assert_eq!(at("a = 1\nb", 4..5), "1 | a = 1\n  |     ^");
        assert_eq!(at("\ta = 1\r\n", 5..6), "1 |     a = 1\n  |         ^");
        assert_eq!(at("漢字 = 1", 9..10), "1 | 漢字 = 1\n  |        ^");
        assert_eq!(at("e\u{301} = 1", 6..7), "1 | e\u{301} = 1\n  |     ^");
        assert_eq!(at("a = \"\u{1b}[2J\"", 4..10), "1 | a = \"\\u{1b}[2J\"\n  |     ^^^^^^^^^^^");
        assert_eq!(at("a", 1..1), "1 | a\n  |  ^");
        assert_eq!(at("", 7..9), "1 | \n  | ^");
    }

    #[test]
    fn long_lines_are_cut_on_both_sides() {
        let text = format!("{} = 1{}", "x".repeat(5000), " ".repeat(5000));
        let out = at(&text, 5003..5004);
        assert!(out.starts_with("1 | …xxx") && out.contains('^') && out.len() < 500, "{out}");
    }

    #[test]
    fn a_span_inside_a_character_does_not_panic() {
        assert!(at("é漢", 1..3).contains('^'));
    }
}
