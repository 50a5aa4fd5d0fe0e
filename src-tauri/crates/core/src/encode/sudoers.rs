//! sudoers(5): user names and command lines.

use super::{CannotEncode, has_control};

/// A user's name. Special characters are escaped with a backslash (sudoers(5), "Other special characters").
///
/// # Errors
/// Names that would be read as a group, an id, a netgroup or ALL.
pub fn user(name: &str) -> Result<String, CannotEncode> {
    if name.is_empty() || name == "ALL" || name.starts_with(['%', '#', '+', '!', '-']) || has_control(name, &[]) {
        return Err(CannotEncode("not a plain user name"));
    }
    Ok(escape(name, ",:=\\ #\"!()@"))
}

/// A command: an absolute path and its exact arguments; with none, `""` so that none are accepted.
///
/// In a command `,`, `:`, `=` and `\` are escaped (sudoers(5), "Other special characters and reserved words").
///
/// # Errors
/// A path that is not absolute; words with anything but letters, digits and `_ - . / @ + % , : = \`: sudo joins
/// arguments with spaces before it compares them, and reads `* ? [ ]` as patterns and `^ $` as a regular expression.
pub fn command(argv: &[&str]) -> Result<String, CannotEncode> {
    let Some((program, arguments)) = argv.split_first() else {
        return Err(CannotEncode("a command has a program"));
    };
    if !program.starts_with('/') {
        return Err(CannotEncode("a command in sudoers starts with an absolute path"));
    }
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-./@+%,:=\\".contains(c);
    if argv.iter().any(|word| word.is_empty() || !word.chars().all(plain)) {
        return Err(CannotEncode("sudoers cannot hold spaces, patterns, quotes or control characters in a command"));
    }
    if arguments.is_empty() {
        return Ok(format!("{} \"\"", escape(program, ",:=\\")));
    }
    let words: Vec<String> = argv.iter().map(|word| escape(word, ",:=\\")).collect();
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
        for bad in [&["id"][..], &["/bin/a", "*"], &["/bin/a", "b c"], &["/bin/a", "^x$"], &["/bin/a", "x\ny"], &[]] {
            assert!(command(bad).is_err());
        }
        assert!(user("%wheel").is_err());
        assert_eq!(user("deploy").unwrap(), "deploy");
    }
}
