//! Failures for people: what happened, why, what to do next.

use slipway_engine::failure::Failure;

use super::style::Style;
use super::text::visible_lines;

/// The whole message, for standard error.
pub(crate) fn failure(failure: &Failure, style: Style) -> String {
    let mut out = String::new();
    push(&mut out, &style.red("✕ "), "  ", &failure.message);
    for cause in &failure.causes {
        push(&mut out, "  ", "    ", cause);
    }
    if let Some(hint) = failure.hint.as_ref().filter(|hint| !hint.is_empty()) {
        push(&mut out, &style.cyan("→ "), "  ", hint);
    }
    out
}

fn push(out: &mut String, first: &str, rest: &str, text: &str) {
    for (number, line) in visible_lines(text).into_iter().enumerate() {
        out.push_str(if number == 0 { first } else { rest });
        out.push_str(&line);
        out.push('\n');
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use slipway_engine::failure::Code;

    #[test]
    fn a_failure_says_what_why_and_what_next() {
        let told = Failure::new(Code::Locked, "web-1 is locked by ann@laptop: deploy shop")
            .because("nothing was changed\u{1b}[31m")
            .hint("wait, or ask them");
        assert_eq!(
            failure(&told, Style::Plain),
            "✕ web-1 is locked by ann@laptop: deploy shop\n  nothing was changed\\u{1b}[31m\n→ wait, or ask them\n"
        );
    }
}
