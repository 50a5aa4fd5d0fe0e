//! How words are compared and shown in diagnostics.

/// What other tools call the same thing.
const SYNONYMS: &[(&str, &str)] = &[
    ("acme", "certbot-webroot"),
    ("branch", "ref"),
    ("certbot", "certbot-webroot"),
    ("cmd", "command"),
    ("dir", "directory"),
    ("env", "environment"),
    ("letsencrypt", "certbot-webroot"),
    ("log", "logs"),
    ("logging", "logs"),
    ("proxy", "to"),
    ("rate_limit", "requests_per_minute"),
    ("repository", "git"),
    ("selfsigned", "self-signed"),
    ("services", "process"),
    ("ssl", "tls"),
    ("tag", "ref"),
    ("url", "git"),
    ("websockets", "websocket"),
];

/// The candidate closest to `word`, when it is close enough to be what was meant.
pub(crate) fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if word.is_empty() || word.len() > 64 {
        return None;
    }
    let plain = |text: &str| text.to_ascii_lowercase().replace('-', "_");
    let wanted = plain(word);
    let synonym = SYNONYMS.iter().find_map(|(other, ours)| (*other == wanted).then_some(*ours));
    let candidates: Vec<&str> = candidates.into_iter().collect();
    if let Some(ours) = candidates.iter().find(|candidate| Some(**candidate) == synonym) {
        return Some(ours);
    }
    let allowed = (word.chars().count() / 4).clamp(1, 3);
    candidates
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(&wanted, &plain(candidate)), candidate))
        .filter(|(distance, candidate)| *distance <= allowed && *distance < candidate.chars().count())
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// `text` as it may appear in a message: control and direction-changing characters escaped, cut to `limit` characters.
pub(crate) fn shown(text: &str, limit: usize) -> String {
    let mut out = String::new();
    for (count, c) in text.chars().enumerate() {
        if count == limit {
            out.push('…');
            break;
        }
        if is_hostile(c) { out.extend(c.escape_unicode()) } else { out.push(c) }
    }
    out
}

/// `text` in backticks, made safe and short.
pub(crate) fn quoted(text: &str) -> String {
    format!("`{}`", shown(text, 60))
}

/// `a`, `b` and `c`, at most `limit` of them.
pub(crate) fn listed<'a>(words: impl IntoIterator<Item = &'a str>, limit: usize) -> String {
    let all: Vec<String> = words.into_iter().map(quoted).collect();
    match all.split_last() {
        None => "nothing".into(),
        Some((last, [])) => last.clone(),
        Some((last, rest)) if all.len() <= limit => format!("{} and {last}", rest.join(", ")),
        Some(_) => {
            let head: Vec<String> = all.iter().take(limit).cloned().collect();
            format!("{} and {} more", head.join(", "), all.len() - head.len())
        }
    }
}

/// Whether a terminal or an editor might do something else with `c` than draw it: control characters,
/// and the invisible and direction-changing ones of Unicode (UTS 36, "Trojan Source").
pub fn is_hostile(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// How many terminal cells `c` takes: 0 for combining marks, 2 for East Asian wide characters and emoji
/// (UAX 11, in the ranges that matter), else 1.
pub fn cells(c: char) -> usize {
    match c {
        '\u{300}'..='\u{36f}' | '\u{1ab0}'..='\u{1aff}' | '\u{20d0}'..='\u{20ff}' | '\u{fe00}'..='\u{fe0f}' => 0,
        '\u{1100}'..='\u{115f}'
        | '\u{2e80}'..='\u{303e}'
        | '\u{3041}'..='\u{a4cf}'
        | '\u{ac00}'..='\u{d7a3}'
        | '\u{f900}'..='\u{faff}'
        | '\u{fe30}'..='\u{fe6f}'
        | '\u{ff00}'..='\u{ff60}'
        | '\u{ffe0}'..='\u{ffe6}'
        | '\u{1f300}'..='\u{1f64f}'
        | '\u{1f680}'..='\u{1f6ff}'
        | '\u{1f900}'..='\u{1f9ff}'
        | '\u{20000}'..='\u{3fffd}' => 2,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nearest_only_when_close() {
        assert_eq!(nearest("instnaces", ["instances", "port"]), Some("instances"));
        assert_eq!(nearest("start-timeout", ["start_timeout"]), Some("start_timeout"));
        assert_eq!(nearest("colour", ["instances", "port"]), None);
        assert_eq!(nearest("x", ["y"]), None);
        assert_eq!(nearest(&"a".repeat(100_000), ["y"]), None);
    }

    #[test]
    fn messages_hold_no_control_characters() {
        assert_eq!(quoted("a\u{1b}[31m\u{202e}b"), "`a\\u{1b}[31m\\u{202e}b`");
        assert_eq!(shown(&"é".repeat(100), 3), "ééé…");
        assert_eq!(listed(["a", "b", "c"], 9), "`a`, `b` and `c`");
        assert_eq!(listed(["a", "b", "c"], 2), "`a`, `b` and 1 more");
    }
}
