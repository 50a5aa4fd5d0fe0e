//! What a directory on the host already holds, so that it is copied there instead of sent.
//!
//! Its answer only chooses what to leave out of the archive: what was copied is checked on the host against the digests
//! of the tree, so a wrong answer costs time and never content.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::time::Duration;

use slipway_core::command::{Command, Output};

/// Most bytes of the list, compressed and unpacked: that of about 200,000 files.
const MOST_PACKED: usize = 8 << 20;
const MOST_UNPACKED: u64 = 32 << 20;

/// The first half of a file's digest by its path.
pub(super) type There = BTreeMap<String, String>;

/// Asks what `directory` holds.
pub(super) fn command(directory: &str) -> Command {
    Command::script(include_str!("there.sh"), [directory]).output_limit(MOST_PACKED).timeout(Duration::from_secs(120))
}

/// Reads the answer. One that does not read says nothing, and everything is sent.
pub(super) fn parse(output: &Output) -> There {
    if !output.success() || output.truncated {
        return There::new();
    }
    let mut text = String::new();
    let mut unpacked = flate2::read::GzDecoder::new(output.stdout.as_slice()).take(MOST_UNPACKED);
    if unpacked.read_to_string(&mut text).is_err() {
        return There::new();
    }
    let entries = text.lines().filter_map(|line| line.split_once(' '));
    entries.map(|(half, path)| (path.to_owned(), half.to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use slipway_core::command::Exit;

    use super::*;

    fn answer(text: &str) -> Output {
        let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packed.write_all(text.as_bytes()).unwrap();
        Output { exit: Exit::Code(0), stdout: packed.finish().unwrap(), stderr: Vec::new(), truncated: false }
    }

    #[test]
    fn an_answer_that_is_cut_or_no_answer_says_nothing() {
        let whole = answer("0123 a/b c\n4567 d\n");
        assert_eq!(parse(&whole), There::from([("a/b c".into(), "0123".into()), ("d".into(), "4567".into())]));
        let mut cut = whole.clone();
        cut.stdout.truncate(whole.stdout.len() - 5);
        assert_eq!(parse(&cut), There::new());
        assert_eq!(parse(&Output { truncated: true, ..whole.clone() }), There::new());
        assert_eq!(parse(&Output { stdout: b"no gzip".to_vec(), ..whole.clone() }), There::new());
        assert_eq!(parse(&Output { exit: Exit::Code(1), ..whole }), There::new());
    }
}
