use super::*;
use proptest::prelude::*;

/// One directive `x VALUE;` read as nginx's tokenizer does.
fn read(text: &str) -> Result<Vec<String>, &'static str> {
    let (mut tokens, mut chars) = (Vec::new(), text.chars().peekable());
    loop {
        match chars.peek().copied().ok_or("no ;")? {
            ' ' => {
                chars.next();
            }
            ';' => {
                chars.next();
                return if chars.next().is_none() { Ok(tokens) } else { Err("text after ;") };
            }
            '{' | '}' => return Err("a block"),
            '#' => return Err("a comment"),
            quote @ ('"' | '\'') => {
                chars.next();
                let mut token = String::new();
                loop {
                    match chars.next().ok_or("open quote")? {
                        '\\' => match chars.next().ok_or("open escape")? {
                            c @ ('"' | '\'' | '\\') => token.push(c),
                            't' => token.push('\t'),
                            'r' => token.push('\r'),
                            'n' => token.push('\n'),
                            c => token.extend(['\\', c]),
                        },
                        c if c == quote => break,
                        c => token.push(c),
                    }
                }
                if !matches!(chars.peek(), Some(' ' | ';')) {
                    return Err("text after a quote");
                }
                tokens.push(token);
            }
            _ => {
                let mut token = String::new();
                while let Some(c) = chars.next_if(|c| !matches!(c, ' ' | ';' | '{')) {
                    if c == '\\' {
                        return Err("a backslash outside quotes");
                    }
                    token.push(c);
                }
                tokens.push(token);
            }
        }
    }
}

#[test]
fn hostile_values_are_quoted_or_refused() {
    assert_eq!(value("\";}"), Ok("\"\\\";}\"".into()));
    assert!(value("$request_uri").is_err());
    assert!(value("${X}").is_err());
    assert!(value("a\nb").is_err());
    assert_eq!(value(""), Ok("\"\"".into()));
    assert_eq!(value("DENY"), Ok("DENY".into()));
    assert_eq!(value("a b"), Ok("\"a b\"".into()));
    assert_eq!(value("~*evil"), Ok("\"~*evil\"".into()));
    assert_eq!(location("/a%20b"), Ok("\"/a b\"".into()));
    assert_eq!(location("/socket.io/"), Ok("/socket.io/".into()));
    assert!(location("/a%0ab").is_err());
    assert!(location("/a%zz").is_err());
    assert!(header_name("X Y").is_err());
    assert!(header_name("X-Frame-Options").is_ok());
    assert!(header_name("A:b").is_err());
    assert_eq!(identifier("my-app"), Ok("my_app".into()));
    for bad in ["~^(.*)$", ".example.com", "example..com", "example.com.", "*.", ""] {
        assert!(server_name(bad).is_err(), "{bad:?}");
    }
    assert_eq!(server_name("*.Example.com"), Ok("*.example.com".into()));
}

proptest! {
    #[test]
    fn a_path_of_files_is_found_by_its_url(path in "[^\\x00]{0,32}") {
        prop_assert_eq!(decoded(&format!("/{}", percent(&path))), Ok(format!("/{path}")));
    }

    #[test]
    fn tokens_read_back(text in "[^\\x00-\\x1f\\x7f$]{0,32}") {
        let line = format!("x {} y;", value(&text).unwrap());
        prop_assert_eq!(read(&line).unwrap(), vec!["x".to_owned(), text, "y".to_owned()]);
    }
}
