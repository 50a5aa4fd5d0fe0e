//! Columns that line up. Cells are made visible first; colour is put on afterwards, so it never shifts a column.

use super::style::Style;
use super::text::{visible, width};

/// How a cell is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tone {
    /// As it is.
    Plain,
    /// Beside the point.
    Dim,
    /// Fine.
    Good,
    /// Watch.
    Watch,
    /// Failed.
    Bad,
}

/// One cell.
#[derive(Debug, Clone)]
pub(crate) struct Cell {
    text: String,
    tone: Tone,
    right: bool,
}

impl Cell {
    /// A cell with this tone.
    pub(crate) fn toned(text: impl AsRef<str>, tone: Tone) -> Self {
        Self { text: visible(text.as_ref()), tone, right: false }
    }

    /// A number: aligned to the right.
    pub(crate) fn number(text: impl AsRef<str>) -> Self {
        Self { right: true, ..Self::from(text.as_ref()) }
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::toned(text, Tone::Plain)
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self::toned(text, Tone::Plain)
    }
}

/// Draws `rows` below `headings`; every line ends with a newline.
pub(crate) fn table(headings: &[&str], rows: &[Vec<Cell>], style: Style) -> String {
    let mut head: Vec<Cell> = headings.iter().map(|text| Cell::toned(text, Tone::Dim)).collect();
    for (heading, cell) in head.iter_mut().zip(rows.first().into_iter().flatten()) {
        heading.right = cell.right;
    }
    let mut widths = vec![0; headings.len()];
    for row in std::iter::once(&head).chain(rows) {
        for (widest, cell) in widths.iter_mut().zip(row) {
            *widest = (*widest).max(width(&cell.text));
        }
    }
    let mut out = String::new();
    for row in std::iter::once(&head).chain(rows) {
        let mut line = String::new();
        let last = row.len().saturating_sub(1);
        for (at, (cell, widest)) in row.iter().zip(&widths).enumerate() {
            let right = cell.right;
            let pad = " ".repeat(widest.saturating_sub(width(&cell.text)));
            let text = match cell.tone {
                Tone::Plain => cell.text.clone(),
                Tone::Dim => style.dim(&cell.text),
                Tone::Good => style.green(&cell.text),
                Tone::Watch => style.yellow(&cell.text),
                Tone::Bad => style.red(&cell.text),
            };
            match (right, at == last) {
                (true, _) => line.push_str(&format!("{pad}{text}")),
                (false, true) => line.push_str(&text),
                (false, false) => line.push_str(&format!("{text}{pad}")),
            }
            if at != last {
                line.push_str("  ");
            }
        }
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_whatever_is_in_them() {
        let rows =
            vec![vec!["a".into(), Cell::number("1")], vec![Cell::toned("漢字\u{1b}", Tone::Bad), Cell::number("20")]];
        assert_eq!(table(&["name", "n"], &rows, Style::Plain), "name         n\na            1\n漢字\\u{1b}  20\n");
    }
}
