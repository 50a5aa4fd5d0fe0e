//! sudoers(5): user names and command lines.

use super::CannotEncode;

/// A user's name, with `@` and `\` of names in directories escaped (sudoers(5), "Other special characters").
///
/// # Errors
/// Names that would be read as a group, an id, a netgroup, ALL or an alias (capitals, digits and `_` only); names with
/// anything but letters, digits and `_ - . @ \`.
pub fn user(name: &str) -> Result<String, CannotEncode> {
    let alias = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-.@\\".contains(c);
    let starts = name.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
    if !starts || !name.chars().all(plain) || name.chars().all(alias) {
        return Err(CannotEncode("not a plain user name"));
    }
    Ok(escape(name, "\\@"))
}

/// A command: an absolute path and its exact arguments; with none, `""` so that none are accepted.
///
/// In a command `,`, `:` and `=` are escaped (sudoers(5), "Other special characters and reserved words").
///
/// # Errors
/// A path that is not absolute, or ends with a slash, which would allow all of a directory; words with anything but
/// letters, digits and `_ - . / @ + % , : =`: sudo joins arguments with spaces before it compares them, reads `* ? [ ]` as
/// patterns, in which `\` quotes, and `^ $` as a regular expression.
pub fn command(argv: &[&str]) -> Result<String, CannotEncode> {
    let Some((program, arguments)) = argv.split_first() else {
        return Err(CannotEncode("a command has a program"));
    };
    if !program.starts_with('/') {
        return Err(CannotEncode("a command in sudoers starts with an absolute path"));
    }
    if program.ends_with('/') {
        return Err(CannotEncode("a command in sudoers that ends with / would allow every program of a directory"));
    }
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-./@+%,:=".contains(c);
    if argv.iter().any(|word| word.is_empty() || !word.chars().all(plain)) {
        let why = "sudoers cannot hold spaces, patterns, quotes, backslashes or control characters in a command";
        return Err(CannotEncode(why));
    }
    if arguments.is_empty() {
        return Ok(format!("{} \"\"", escape(program, ",:=")));
    }
    let words: Vec<String> = argv.iter().map(|word| escape(word, ",:=")).collect();
    Ok(words.join(" "))
}

fn escape(text: &str, special: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if special.contains(c) {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands() {
        assert_eq!(command(&["/usr/bin/id"]).unwrap(), "/usr/bin/id \"\"");
        assert_eq!(
            command(&["/usr/bin/systemctl", "restart", "a@1.service"]).unwrap(),
            "/usr/bin/systemctl restart a@1.service"
        );
        for bad in [
            &["id"][..],
            &["/bin/a", "*"],
            &["/bin/a", "b c"],
            &["/bin/a", "^x$"],
            &["/bin/a", "x\ny"],
            &["/bin/"],
            &["/bin/a", "b\\c"],
            &[],
        ] {
            assert!(command(bad).is_err());
        }
        for bad in ["%wheel", "#0", "+net", "ALL", "ADMINS", "A_1", "a b", "a\nb", "a;b", "é", ""] {
            assert!(user(bad).is_err(), "{bad:?}");
        }
        assert_eq!(user("EXAMPLE\\ann@x").unwrap(), "EXAMPLE\\\\ann\\@x");
        assert_eq!(user("deploy").unwrap(), "deploy");
    }
}
