//! Text from elsewhere (hosts, logs, site files, commit messages), made harmless for a terminal.

use slipway_core::site::{cells, is_hostile};

/// `text` with every character that a terminal would obey instead of draw made visible: control characters, line
/// ends included, and Unicode's invisible and direction-changing ones. Tabs become four spaces.
pub(crate) fn visible(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\t' => out.push_str("    "),
            c if is_hostile(c) => out.extend(c.escape_unicode()),
            c => out.push(c),
        }
    }
    out
}

/// Like [`visible`] for text of several lines: line ends stay.
pub(crate) fn visible_lines(text: &str) -> Vec<String> {
    text.lines().map(visible).collect()
}

/// Terminal cells that `text` takes; it must be [`visible`] and without colour.
pub(crate) fn width(text: &str) -> usize {
    text.chars().map(cells).sum()
}

/// `text` cut to `limit` cells, with an ellipsis when something was cut.
pub(crate) fn cut(text: &str, limit: usize) -> String {
    if width(text) <= limit {
        return text.to_owned();
    }
    let mut out = String::new();
    let mut used = 0;
    for c in text.chars() {
        used += cells(c);
        if used + 1 > limit {
            break;
        }
        out.push(c);
    }
    out.push('…');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_moves_the_cursor_or_the_direction_gets_through() {
        let hostile = "a\u{1b}[2J\u{7}\r\nb\u{9b}31m\u{202e}c\u{200b}\u{2066}d\u{feff}\te\u{7f}\u{e0041}";
        let shown = visible(hostile);
        assert!(!shown.chars().any(is_hostile), "{shown:?}");
        assert_eq!(
            shown,
            "a\\u{1b}[2J\\u{7}\\u{d}\\u{a}b\\u{9b}31m\\u{202e}c\\u{200b}\\u{2066}d\\u{feff}    e\\u{7f}\\u{e0041}"
        );
        assert_eq!(visible_lines("one\r\ntwo\u{1b}c\n"), ["one", "two\\u{1b}c"]);
        assert_eq!(visible("Grüße 漢字 ✓ → “”"), "Grüße 漢字 ✓ → “”");
    }

    #[test]
    fn text_is_cut_by_cells() {
        assert_eq!(cut("漢字漢字", 5), "漢字…");
        assert_eq!(cut("abc", 3), "abc");
        assert_eq!(cut("abcd", 3), "ab…");
        assert_eq!(cut("abcd", 0), "…");
    }
}
