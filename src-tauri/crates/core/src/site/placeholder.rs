//! Placeholders in commands: `{port}`, `{instance}`, `{release}` and `{shared}`.
//!
//! Only lower-case letters and underscores between single braces make a placeholder; every other brace means itself,
//! so that JSON and shell fragments can be passed on. `{{port}}` stands for the text `{port}`.

use std::borrow::Cow;

/// A placeholder that has no meaning here, by its name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no placeholder {{{0}}}")]
pub struct UnknownPlaceholder(pub String);

/// A piece of a text with placeholders.
pub(crate) enum PlaceholderPiece<'a> {
    /// Text that means itself.
    Text(&'a str),
    /// A placeholder's name.
    Placeholder(&'a str),
}

/// The names of the placeholders in `text`, in order.
pub fn placeholders(text: &str) -> Vec<&str> {
    let names = pieces(text).into_iter().filter_map(|piece| match piece {
        PlaceholderPiece::Placeholder(name) => Some(name),
        PlaceholderPiece::Text(_) => None,
    });
    names.collect()
}

/// Replaces each placeholder by what `value` gives for its name.
///
/// # Errors
/// The first name for which `value` gives nothing.
pub fn fill<'v>(text: &str, value: impl Fn(&str) -> Option<Cow<'v, str>>) -> Result<String, UnknownPlaceholder> {
    let mut out = String::new();
    for piece in pieces(text) {
        match piece {
            PlaceholderPiece::Text(text) => out.push_str(text),
            PlaceholderPiece::Placeholder(name) => {
                out.push_str(&value(name).ok_or_else(|| UnknownPlaceholder(name.to_owned()))?)
            }
        }
    }
    Ok(out)
}

/// Replaces the placeholders that `value` knows and leaves everything else as it is: for environment values.
pub fn fill_known<'v>(text: &str, value: impl Fn(&str) -> Option<Cow<'v, str>>) -> String {
    let known = |name: &str| Some(value(name).unwrap_or_else(|| Cow::Owned(format!("{{{name}}}"))));
    fill(text, known).unwrap_or_else(|_| text.to_owned())
}

/// Takes `text` apart; the pieces are in order.
pub(crate) fn pieces(text: &str) -> Vec<PlaceholderPiece<'_>> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some(open) = rest.find('{') {
        let (before, from) = rest.split_at(open);
        pieces.push(PlaceholderPiece::Text(before));
        let (piece, length) = match (name_after(from, "{{", "}}"), name_after(from, "{", "}")) {
            (Some(name), _) => {
                (PlaceholderPiece::Text(from.get(1..name.len() + 3).unwrap_or_default()), name.len() + 4)
            }
            (None, Some(name)) => (PlaceholderPiece::Placeholder(name), name.len() + 2),
            (None, None) => (PlaceholderPiece::Text("{"), 1),
        };
        pieces.push(piece);
        rest = from.get(length..).unwrap_or_default();
    }
    pieces.push(PlaceholderPiece::Text(rest));
    pieces
}

fn name_after<'a>(text: &'a str, open: &str, close: &str) -> Option<&'a str> {
    let inner = text.strip_prefix(open)?;
    let end = inner.find(|c: char| !c.is_ascii_lowercase() && c != '_')?;
    let (name, after) = inner.split_at(end);
    (!name.is_empty() && after.starts_with(close)).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(text: &str) -> Result<String, UnknownPlaceholder> {
        fill(text, |name| (name == "port").then_some(Cow::Borrowed("80")))
    }

    #[test]
    fn only_words_in_single_braces_are_placeholders() {
        assert_eq!(filled("a{port}b{port}").unwrap(), "a80b80");
        assert_eq!(filled("{{port}} {\"a\":{\"b\":1}} ${HOME} {}").unwrap(), "{port} {\"a\":{\"b\":1}} ${HOME} {}");
        assert_eq!(filled("{{{port}}}").unwrap(), "{{port}}");
        assert_eq!(filled("{porr}"), Err(UnknownPlaceholder("porr".into())));
        assert_eq!(fill_known("{port}{x}{", |n| (n == "port").then_some("1".into())), "1{x}{");
        assert_eq!(placeholders("{instance}{{x}}{port"), ["instance"]);
    }
}
