//! How files change, as unified diffs.

use slipway_core::plan::FileDiff;

use super::style::Style;
use super::text::visible;

/// The lines of a unified diff without its header, coloured; the sign stays, so colour is not needed.
pub(crate) fn lines(diff: &FileDiff, style: Style) -> Vec<String> {
    let mut out: Vec<String> = diff.attributes.iter().map(|attribute| style.yellow(visible(attribute))).collect();
    if let Some(why) = &diff.hidden {
        out.push(style.dim(format!("(not shown: {})", visible(why))));
    }
    let text = diff.unified();
    for line in text.lines().skip_while(|line| !line.starts_with("@@")) {
        let shown = visible(line);
        out.push(match line.as_bytes().first() {
            Some(b'+') => style.green(shown),
            Some(b'-') => style.red(shown),
            Some(b'@') => style.cyan(shown),
            _ => shown,
        });
    }
    out
}

/// `+12 −3`, `new, 40 lines`, `removed`, `mode 0644 → 0600`.
pub(crate) fn summary(diff: &FileDiff) -> String {
    let (added, removed) = diff.counts();
    let mut parts = Vec::new();
    match (&diff.old, &diff.new) {
        (None, Some(_)) if diff.hidden.is_none() => parts.push(format!("new, {}", super::words::count(added, "line"))),
        (Some(_), None) => parts.push("removed".to_owned()),
        _ if added + removed > 0 => parts.push(format!("+{added} −{removed}")),
        _ => {}
    }
    parts.extend(diff.attributes.iter().map(|attribute| visible(attribute)));
    parts.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_diff_has_signs_without_colour_and_nothing_hostile() {
        let diff = FileDiff {
            path: "/etc/x".into(),
            old: Some("a\nb\n".into()),
            new: Some("a\nc\u{1b}[0m\n".into()),
            attributes: vec!["mode 0644 → 0600".into()],
            hidden: None,
        };
        assert_eq!(lines(&diff, Style::Plain), ["mode 0644 → 0600", "@@ -1,2 +1,2 @@", " a", "-b", "+c\\u{1b}[0m"]);
        assert_eq!(summary(&diff), "+1 −1, mode 0644 → 0600");
    }
}
