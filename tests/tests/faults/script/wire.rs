//! What travels between `slipway` and the privileged loop, from the loop's side: requests are read, replies written.
//!
//! Written against the description of the loop in ARCHITECTURE.md, not with the product's own code.

/// One command of a request.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    /// Seconds, bytes of input and limit of output, as they came.
    pub head: String,
    /// The shell text.
    pub script: String,
    pub input: Vec<u8>,
    pub argv: Vec<String>,
}

impl Asked {
    /// Its words and what it reads, for people and for comparing.
    pub(crate) fn text(&self) -> String {
        self.argv.join("\u{1f}")
    }

    /// What it runs, without its values: the text of a script, or the program's name.
    pub(crate) fn subject(&self) -> String {
        match self.argv.as_slice() {
            [sh, c, script, ..] if sh == "sh" && c == "-c" => script.clone(),
            [program, ..] => program.clone(),
            [] => String::new(),
        }
    }

    /// The values of a script.
    pub(crate) fn values(&self) -> &[String] {
        self.argv.get(4..).unwrap_or_default()
    }

    /// One line for a table.
    pub(crate) fn shown(&self) -> String {
        let words: Vec<&str> = match self.argv.as_slice() {
            [sh, c, script, _, values @ ..] if sh == "sh" && c == "-c" => {
                let line = script.lines().map(str::trim).find(|line| {
                    !line.is_empty() && !line.starts_with('#') && !line.starts_with("set -") && !line.ends_with('\'')
                });
                line.into_iter().chain(values.iter().map(String::as_str)).collect()
            }
            argv => argv.iter().map(String::as_str).collect(),
        };
        let text = words.join(" ").replace(['\n', '|', '`'], " ");
        if text.chars().count() > 70 { text.chars().take(69).collect::<String>() + "…" } else { text }
    }
}

/// A request, whole.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub id: String,
    pub stop: bool,
    pub commands: Vec<Asked>,
}

/// How one command ended and what it said.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Answer {
    /// A number, `T` or `S`, as in the reply.
    pub status: String,
    pub out: Vec<u8>,
    /// Size of all that it printed; more than `out` when that was cut.
    pub out_size: usize,
    pub err: Vec<u8>,
}

impl Answer {
    pub(crate) fn said(status: &str, out: impl Into<Vec<u8>>, err: &str) -> Self {
        let out = out.into();
        Self { status: status.to_owned(), out_size: out.len(), out, err: err.as_bytes().to_vec() }
    }

    pub(crate) fn skipped() -> Self {
        Self::said("S", "", "")
    }

    pub(crate) fn good(&self) -> bool {
        self.status == "0"
    }
}

/// Takes the first request off `bytes` when all of it is there.
pub(crate) fn take_request(bytes: &mut Vec<u8>) -> Option<Request> {
    let mut at = 0;
    let line = |from: &mut usize| {
        let end = bytes[*from..].iter().position(|byte| *byte == b'\n')? + *from;
        let text = String::from_utf8(bytes[*from..end].to_vec()).expect("requests are ASCII");
        *from = end + 1;
        Some(text)
    };
    let head = line(&mut at)?;
    let words: Vec<&str> = head.split(' ').collect();
    let ["B", id, count, stop] = words.as_slice() else { panic!("not a request: {head:?}") };
    let mut request = Request { id: (*id).to_owned(), stop: *stop == "1", commands: Vec::new() };
    let mut texts: Vec<String> = Vec::new();
    for _ in 0..count.parse::<usize>().unwrap() {
        let mut text = line(&mut at)?;
        while let Some(named) = text.strip_prefix("= ") {
            let (number, size) = named.split_once(' ').unwrap();
            assert_eq!(number, texts.len().to_string());
            let size: usize = size.parse().unwrap();
            texts.push(String::from_utf8(bytes.get(at..at + size)?.to_vec()).unwrap());
            at += size;
            assert_eq!(line(&mut at)?, ".", "the mark behind a text");
            text = line(&mut at)?;
        }
        let mut parts = text.splitn(4, ' ');
        let (seconds, size, limit) = (parts.next().unwrap(), parts.next().unwrap(), parts.next().unwrap());
        let script = with_text(parts.next().unwrap(), &texts);
        // The + of input that is read while it arrives is one that numbers may have.
        let (head, size) = (format!("{seconds} {size} {limit}"), size.parse::<usize>().unwrap());
        let mut input = Vec::new();
        if size > 0 {
            input = bytes.get(at..at + size)?.to_vec();
            at += size;
            assert_eq!(line(&mut at)?, ".", "the mark behind the input");
        }
        let argv = words_of(&script);
        request.commands.push(Asked { head, script, input, argv });
    }
    bytes.drain(..at);
    Some(request)
}

/// A command with the text in its place that travelled by itself.
fn with_text(script: &str, texts: &[String]) -> String {
    let Some(named) = script.strip_prefix("sh -c \"$t") else { return script.to_owned() };
    let (number, rest) = named.split_once('"').unwrap();
    let text = texts[number.parse::<usize>().unwrap()].replace('\'', "'\\''").replace('\n', "'\"$n\"'");
    format!("sh -c '{text}'{rest}")
}

/// The bytes of a request, for a real loop.
pub(crate) fn write_request(id: usize, command: &Asked) -> Vec<u8> {
    let mut bytes = format!("B {id} 1 0\n{} {}\n", command.head, command.script).into_bytes();
    if !command.input.is_empty() {
        bytes.extend_from_slice(&command.input);
        bytes.extend_from_slice(b".\n");
    }
    bytes
}

/// The line after a command.
pub(crate) fn progress(nonce: &str, id: &str, index: usize, answer: &Answer) -> Vec<u8> {
    format!("P {nonce} {id} {index} {}\n", answer.status).into_bytes()
}

/// The reply to a request.
pub(crate) fn reply(nonce: &str, id: &str, answers: &[Answer]) -> Vec<u8> {
    let mut text = format!("R {nonce} {id} {}\n", answers.len()).into_bytes();
    for answer in answers {
        let (out, err) = (answer.out.len(), answer.err.len());
        text.extend(format!("{} {out} {} {err} {err}\n", answer.status, answer.out_size).into_bytes());
    }
    for answer in answers {
        text.extend_from_slice(&answer.out);
        text.extend_from_slice(&answer.err);
    }
    text
}

/// Words of shell text as Slipway quotes it: plain, in single quotes, `"$n"` for a newline, `"$(printf %b "\0ooo")"` for
/// other bytes.
fn words_of(text: &str) -> Vec<String> {
    let mut words: Vec<Vec<u8>> = Vec::new();
    let mut word: Option<Vec<u8>> = None;
    let mut rest = text;
    while let Some(next) = rest.chars().next() {
        if next == ' ' {
            words.extend(word.take());
            rest = &rest[1..];
        } else if let Some(inner) = rest.strip_prefix('\'') {
            let (quoted, after) = inner.split_once('\'').expect("a quote that ends");
            word.get_or_insert_default().extend_from_slice(quoted.as_bytes());
            rest = after;
        } else if let Some(after) = rest.strip_prefix("\"$n\"") {
            word.get_or_insert_default().push(b'\n');
            rest = after;
        } else if let Some(inner) = rest.strip_prefix("\"$(printf %b \"") {
            let (octal, after) = inner.split_once("\")\"").expect("a printf that ends");
            let bytes = octal.split("\\0").skip(1).map(|digits| u8::from_str_radix(digits, 8).unwrap());
            word.get_or_insert_default().extend(bytes);
            rest = after;
        } else if let Some(after) = rest.strip_prefix("\\'") {
            word.get_or_insert_default().push(b'\'');
            rest = after;
        } else if let Some(after) = rest.strip_prefix("\"'\"") {
            word.get_or_insert_default().push(b'\'');
            rest = after;
        } else {
            assert!(!matches!(next, '"' | '\\' | '$' | '`'), "shell text of another kind: {rest}");
            word.get_or_insert_default().extend(next.to_string().into_bytes());
            rest = &rest[next.len_utf8()..];
        }
    }
    words.extend(word.take());
    words.into_iter().map(|word| String::from_utf8_lossy(&word).into_owned()).collect()
}
