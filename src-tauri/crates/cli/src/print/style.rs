//! Colour: it carries state only, always beside a shape or a word.

/// Whether and how to colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    /// No escape sequences at all.
    Plain,
    /// The terminal's own sixteen colours, so that its theme decides about contrast.
    Coloured,
}

macro_rules! paints {
    ($($(#[$doc:meta])* $name:ident $code:literal,)*) => {
        impl Style {
            $($(#[$doc])*
            pub(crate) fn $name(self, text: impl AsRef<str>) -> String {
                self.paint($code, text.as_ref())
            })*
        }
    };
}

paints! {
    /// Headings.
    bold "1",
    /// Beside the point.
    dim "2",
    /// Failed.
    red "31",
    /// Fine.
    green "32",
    /// Watch.
    yellow "33",
    /// What can be done.
    cyan "36",
}

impl Style {
    fn paint(self, code: &str, text: &str) -> String {
        match self {
            Self::Coloured if !text.is_empty() => format!("\u{1b}[{code}m{text}\u{1b}[0m"),
            Self::Coloured | Self::Plain => text.to_owned(),
        }
    }
}
