//! Requests as the privileged loop reads them.

use bytes::Bytes;
use slipway_core::command::{Command, Exit, Stdin};
use slipway_core::encode::shell::{Unquotable, quote_all};
use tokio::sync::mpsc;

/// Largest limit of output that is sent: beyond any use, and within the arithmetic of every shell.
const LARGEST_LIMIT: usize = 1 << 40;

/// Shortest script that travels by itself, and not as a quoted word of its command.
const OWN_TEXT: usize = 160;

/// Commands that travel together and cost one round trip.
#[derive(Debug, Default)]
pub struct Batch {
    /// Run in this order, one after the other.
    pub commands: Vec<Command>,
    /// Whether a command that ends with anything but status 0 keeps the rest from starting.
    pub stop_on_failure: bool,
    /// Told of each command as it ends (its index and how it ended), skipped ones at the end. Lost when the receiver is full or gone.
    pub progress: Option<mpsc::Sender<(usize, Exit)>>,
}

impl Batch {
    /// Runs all of `commands`, whatever becomes of each.
    pub fn all(commands: impl IntoIterator<Item = Command>) -> Self {
        Self { commands: commands.into_iter().collect(), stop_on_failure: false, progress: None }
    }

    /// Runs `commands` up to the first that fails.
    pub fn until_failure(commands: impl IntoIterator<Item = Command>) -> Self {
        Self { stop_on_failure: true, ..Self::all(commands) }
    }

    /// Reports each command as it ends.
    #[must_use]
    pub fn progress(mut self, sender: mpsc::Sender<(usize, Exit)>) -> Self {
        self.progress = Some(sender);
        self
    }
}

/// Encodes a request. Secrets stay in buffers that are wiped when dropped.
///
/// # Errors
/// When an argument holds a NUL byte.
pub fn encode(id: u64, batch: &Batch) -> Result<Vec<Bytes>, Unquotable> {
    let mut pieces = Vec::new();
    let mut text = format!("B {id} {} {}\n", batch.commands.len(), u8::from(batch.stop_on_failure));
    let mut sent: Vec<&str> = Vec::new();
    for command in &batch.commands {
        let stdin = command.stdin.as_bytes();
        // At least 1 ms: timeout(1) takes 0 as no limit.
        let milliseconds = command.timeout.as_millis().clamp(1, 1 << 40);
        let (seconds, fraction) = (milliseconds / 1000, milliseconds % 1000);
        let limit = command.output_limit.min(LARGEST_LIMIT);
        let script = match own_text(command) {
            Some((script, arguments)) => {
                let number = sent.iter().position(|other| *other == script).unwrap_or_else(|| {
                    text.push_str(&format!("= {} {}\n{script}.\n", sent.len(), script.len()));
                    sent.push(script);
                    sent.len() - 1
                });
                format!("sh -c \"$t{number}\" {}", one_line(&quote_all(arguments)?))
            }
            None => one_line(&quote_all(&command.argv)?),
        };
        let arriving = if matches!(command.stdin, Stdin::Arriving(_)) && !stdin.is_empty() { "+" } else { "" };
        text.push_str(&format!("{seconds}.{fraction:03} {arriving}{} {limit} {script}\n", stdin.len()));
        if !stdin.is_empty() {
            pieces.push(Bytes::from(std::mem::take(&mut text)));
            pieces.push(match &command.stdin {
                Stdin::Secret(secret) => Bytes::from_owner(zeroize::Zeroizing::new(secret.expose().to_vec())),
                Stdin::Bytes(_) | Stdin::Arriving(_) | Stdin::Empty => Bytes::copy_from_slice(stdin),
            });
            text.push_str(".\n");
        }
    }
    pieces.push(Bytes::from(text));
    Ok(pieces)
}

/// A script that travels as it is, once in a request however many commands run it, and what follows it. (Quoted, each of
/// its newlines takes six bytes.)
fn own_text(command: &Command) -> Option<(&str, &[String])> {
    let [shell, flag, script, arguments @ ..] = command.argv.as_slice() else { return None };
    let plain = |byte: u8| matches!(byte, b'\n' | b'\t' | b' '..=b'~');
    let own = shell == "sh" && flag == "-c" && script.len() >= OWN_TEXT && script.bytes().all(plain);
    own.then_some((script.as_str(), arguments))
}

/// Writes quoted shell text as one line of printable ASCII.
///
/// `quote` leaves bare only words of plain characters, so whatever is replaced here stands inside
/// single quotes; they are closed, the replacement is put in double quotes, and they are opened again.
/// A newline is the loop's variable `n`; other bytes go through `printf %b`, because
/// dash's `read` is not to be trusted with its own control bytes (0x81 to 0x88).
fn one_line(quoted: &str) -> String {
    let mut line = String::with_capacity(quoted.len());
    let mut octal = String::new();
    let flush = |octal: &mut String, line: &mut String| {
        if !octal.is_empty() {
            line.push_str(&format!("'\"$(printf %b \"{octal}\")\"'"));
            octal.clear();
        }
    };
    for byte in quoted.bytes() {
        match byte {
            b'\n' => {
                flush(&mut octal, &mut line);
                line.push_str("'\"$n\"'");
            }
            b' '..=b'~' => {
                flush(&mut octal, &mut line);
                line.push(char::from(byte));
            }
            _ => octal.push_str(&format!(r"\0{byte:03o}")),
        }
    }
    flush(&mut octal, &mut line);
    line
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_request_is_lines_and_raw_input() {
        let batch = Batch::until_failure([
            Command::new(["true"]),
            Command::new(["cat", "a b"]).stdin(Stdin::Bytes(b"x\0\n".to_vec())).output_limit(5),
        ]);
        let bytes: Vec<u8> = encode(3, &batch).unwrap().concat();
        assert_eq!(bytes, b"B 3 2 1\n60.000 0 1048576 true\n60.000 3 5 cat 'a b'\nx\0\n.\n");
        let arriving = Batch::all([Command::new(["cat"]).stdin(Stdin::Arriving(b"xy".to_vec())).output_limit(5)]);
        assert_eq!(encode(4, &arriving).unwrap().concat(), b"B 4 1 0\n60.000 +2 5 cat\nxy.\n");
        assert!(encode(1, &Batch::all([Command::new(["a\0"])])).is_err());
    }

    #[test]
    fn a_long_script_travels_once_and_as_it_is() {
        const LONG: &str = "echo 'it is' \"$1\"  # and a comment that makes it longer than a script may be that is quoted\n\
            true\n\ttrue \\ true -----------------------------------------------------------------------------\n\n";
        assert!(LONG.len() > OWN_TEXT);
        let commands = [Command::script(LONG, ["a b"]), Command::new(["true"]), Command::script(LONG, ["c"])];
        let bytes: Vec<u8> = encode(3, &Batch::all(commands.clone())).unwrap().concat();
        let lean = &commands[0].argv[2];
        let wanted = format!(
            "B 3 3 0\n= 0 {}\n{lean}.\n60.000 0 1048576 sh -c \"$t0\" sh 'a b'\n60.000 0 1048576 true\n\
             60.000 0 1048576 sh -c \"$t0\" sh c\n",
            lean.len()
        );
        assert_eq!(String::from_utf8(bytes).unwrap(), wanted);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        #[test]
        fn the_loop_reads_back_the_same_words(words in prop::collection::vec("[^\0]{0,24}|[a-z\n\r\t\u{80}-\u{ff}']{0,12}", 1..6)) {
            let line = one_line(&quote_all(&words).unwrap());
            prop_assert!(line.bytes().all(|b| (b' '..=b'~').contains(&b)));
            let expected: Vec<u8> = words.iter().flat_map(|w| w.bytes().chain([0])).collect();
            let script = "n='\n'; LC_ALL=C; IFS=' ' read -r script; eval \"printf '%s\\\\0' $script\"";
            for shell in ["dash", "bash"] {
                let mut child = std::process::Command::new(shell)
                    .args(["-c", script])
                    .stdin(std::process::Stdio::piped())
                    .stdout(std::process::Stdio::piped())
                    .spawn()
                    .unwrap();
                std::io::Write::write_all(&mut child.stdin.take().unwrap(), format!("{line}\n").as_bytes()).unwrap();
                prop_assert_eq!(&child.wait_with_output().unwrap().stdout, &expected);
            }
        }
    }
}
