//! OpenSSH's name patterns (`*`, `?`, `!`, comma lists), used by `known_hosts` and `ssh_config`.
//!
//! Source: `ssh_config(5)` "PATTERNS" and OpenSSH's `match.c`.

/// Longest single pattern OpenSSH compares; a longer one makes the whole list match nothing (`match.c`).
const LONGEST_PATTERN: usize = 1024;

/// What a comma list says about a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Matched {
    /// A pattern matches and no negated one does.
    Yes,
    /// Nothing matches.
    No,
    /// A negated pattern matches: the line is not for this name, whatever else it says.
    Negated,
}

/// Whether `name` matches one `pattern` of literal bytes, `*` and `?`.
///
/// Linear in memory and at most quadratic in time, so a hostile pattern costs nothing.
pub fn matches(name: &[u8], pattern: &[u8]) -> bool {
    let (mut n, mut p) = (0, 0);
    // Where to resume when a literal after `*` fails: the star's successor, and one name byte further.
    let mut resume: Option<(usize, usize)> = None;
    while n < name.len() {
        match pattern.get(p) {
            Some(b'*') => {
                resume = Some((p + 1, n));
                p += 1;
            }
            Some(b'?') => {
                n += 1;
                p += 1;
            }
            Some(literal) if name.get(n) == Some(literal) => {
                n += 1;
                p += 1;
            }
            Some(_) | None => match resume {
                Some((after_star, consumed)) => {
                    resume = Some((after_star, consumed + 1));
                    p = after_star;
                    n = consumed + 1;
                }
                None => return false,
            },
        }
    }
    pattern.get(p..).is_some_and(|rest| rest.iter().all(|b| *b == b'*'))
}

/// What the comma list `patterns` says about `name`; both are compared in lower case.
pub fn matches_list(name: &[u8], patterns: &[u8]) -> Matched {
    let name = name.to_ascii_lowercase();
    let mut found = Matched::No;
    for pattern in patterns.split(|b| *b == b',') {
        let (negated, pattern) = match pattern.strip_prefix(b"!") {
            Some(rest) => (true, rest),
            None => (false, pattern),
        };
        if pattern.len() >= LONGEST_PATTERN {
            return Matched::No;
        }
        if matches(&name, &pattern.to_ascii_lowercase()) {
            if negated {
                return Matched::Negated;
            }
            found = Matched::Yes;
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_and_question_marks() {
        for (name, pattern, expected) in [
            ("abc", "abc", true),
            ("abc", "ab", false),
            ("ab", "abc", false),
            ("", "", true),
            ("", "*", true),
            ("", "?", false),
            ("abc", "a?c", true),
            ("abc", "*", true),
            ("abc", "*c", true),
            ("abc", "a*", true),
            ("abc", "a**c", true),
            ("abcbc", "a*bc", true),
            ("abcbd", "a*bc", false),
            ("host.example.org", "*.example.org", true),
            ("example.org", "*.example.org", false),
            ("[a]:22", "[a]:*", true),
        ] {
            assert_eq!(matches(name.as_bytes(), pattern.as_bytes()), expected, "{name} {pattern}");
        }
    }

    #[test]
    fn lists_negate_and_ignore_case() {
        assert_eq!(matches_list(b"A.B", b"x,a.*"), Matched::Yes);
        assert_eq!(matches_list(b"a.b", b"*.B,!a.*"), Matched::Negated);
        assert_eq!(matches_list(b"a.b", b"!x.y"), Matched::No);
        assert_eq!(matches_list(b"a.b", b""), Matched::No);
        let long = [b"a.b,".to_vec(), vec![b'x'; 1024]].concat();
        assert_eq!(matches_list(b"a.b", &long), Matched::No);
    }

    #[test]
    fn a_hostile_pattern_is_not_exponential() {
        let name = vec![b'a'; 1000];
        let pattern = [b"*a".repeat(500), b"b".to_vec()].concat();
        assert!(!matches(&name, &pattern));
    }
}
