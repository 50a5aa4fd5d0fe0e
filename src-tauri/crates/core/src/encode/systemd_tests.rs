use super::*;
use proptest::prelude::*;

/// What systemd makes of one command line: `extract_first_word` with quotes and C escapes, then specifiers and `$$`.
fn read_exec(line: &str) -> Vec<String> {
    let (mut words, mut word, mut inside, mut quoted) = (Vec::new(), String::new(), false, None);
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        match (c, quoted) {
            ('\\', _) => {
                let next = chars.next().expect("a dangling backslash");
                assert!(matches!(next, '\\' | '"'), "an escape that this encoder never writes");
                word.push(next);
                inside = true;
            }
            ('"', None) => (quoted, inside) = (Some('"'), true),
            ('"', Some(_)) => quoted = None,
            (' ', None) => {
                if inside {
                    words.push(std::mem::take(&mut word));
                }
                inside = false;
            }
            (other, _) => {
                assert!(other != '\'' || quoted.is_some(), "an unquoted single quote");
                word.push(other);
                inside = true;
            }
        }
    }
    assert!(quoted.is_none(), "an open quote");
    if inside {
        words.push(word);
    }
    words.into_iter().map(|w| undouble(&undouble(&w, '%'), '$')).collect()
}

fn undouble(text: &str, sign: char) -> String {
    let mut out = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c == sign {
            assert_eq!(chars.next(), Some(sign), "a single {sign}");
        }
        out.push(c);
    }
    out
}

#[test]
fn hostile_values_are_neutral_or_refused() {
    assert_eq!(exec_argument("%n").unwrap(), "%%n");
    assert_eq!(exec_argument("${HOME}").unwrap(), "$${HOME}");
    assert_eq!(exec_argument(";").unwrap(), "\";\"");
    assert_eq!(exec_argument("").unwrap(), "\"\"");
    assert_eq!(exec_argument("a b\"c\\").unwrap(), "\"a b\\\"c\\\\\"");
    assert!(exec_argument("a\nExecStart=/bin/evil").is_err());
    assert!(value("x\n[Service]").is_err());
    assert!(value("ends with \\").is_err());
    assert!(value(" padded").is_err());
    assert_eq!(value("100% of it").unwrap(), "100%% of it");
    assert_eq!(
        assignment("A", &[Piece::Text("x y $HOME %i "), Piece::Specifier('i')]).unwrap(),
        "\"A=x y $HOME %%i %i\""
    );
    assert!(path("relative").is_err());
}

#[test]
fn specifiers_stay_specifiers() {
    let pieces = [Piece::Text("--port="), Piece::Specifier('i'), Piece::Text(" %i")];
    assert_eq!(exec_pieces(&pieces).unwrap(), "\"--port=%i %%i\"");
}

#[test]
fn unit_names() {
    assert!(unit_name("redis.service").is_ok());
    assert!(unit_name("postgresql@15-main.service").is_ok());
    for bad in ["redis", ".service", "a b.service", "x.service\nExecStart=", "%n.service", ""] {
        assert!(unit_name(bad).is_err(), "{bad:?}");
    }
    assert_eq!(escape("my-app"), "my\\x2dapp");
}

proptest! {
    #[test]
    fn command_lines_read_back(words in prop::collection::vec("[^\\x00-\\x1f\\x7f]{0,24}", 1..6)) {
        prop_assume!(!words.iter().any(|word| has_noncharacter(word)));
        let line: Vec<String> = words.iter().map(|w| exec_argument(w).unwrap()).collect();
        prop_assert_eq!(read_exec(&line.join(" ")), words);
    }
}
