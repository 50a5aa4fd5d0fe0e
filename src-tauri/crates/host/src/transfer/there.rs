//! What a directory on the host already holds, so that it is taken from there instead of sent.
//!
//! Its answers only choose what to leave out of the archive and which links stay: what was taken is checked on the host against
//! the digests of the tree, so a wrong answer costs time and never content.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read as _, Write as _};
use std::path::Path;
use std::time::Duration;

use slipway_core::command::{Command, Output, Stdin};

use super::list::{is_plain, lines};
use super::tree::{Kind, LocalTree, local, modified};
use crate::error::HostError;

/// Most bytes of a list, compressed and unpacked: that of about 400,000 files.
const MOST_PACKED: usize = 16 << 20;
const MOST_UNPACKED: u64 = 64 << 20;
/// Characters of a digest that the host says when it is asked for digests.
const HALF: usize = 32;
/// Characters of a digest by which a file is taken to be the same until all of what was taken is checked. One in 16 million files
/// that differ has the same; then everything is asked for and taken anew.
const FIRST: usize = 6;
/// The owner of what may become a link.
const ROOT: &str = "0";

/// A file on the host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Seen {
    content: Content,
    mode: String,
    owner: String,
}

/// What is known of the content of a file on the host.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Content {
    /// The first characters of its digest, where a list of digests is kept.
    Digest(String),
    /// Bytes, and seconds since 1970 with what follows them when it changed last.
    Changed { size: u64, modified: String },
}

/// The files there by their paths.
pub(super) type Files = BTreeMap<String, Seen>;

/// What the host has said of a directory.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct There {
    files: Files,
    /// Whether there was more than was read.
    cut: bool,
}

impl There {
    /// All files that it holds, when a list of digests is kept for them, so that links to all of them can have been made.
    pub(super) fn listed(&self) -> Option<&Files> {
        let listed = self.files.values().any(|seen| matches!(seen.content, Content::Digest(_)));
        (listed && !self.cut).then_some(&self.files)
    }
}

/// How a file that is there is known for one of the tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Known {
    /// By what is said of it; by its digest where that is not sure.
    AsSaid,
    /// By its digest.
    ByDigest,
}

/// Files of a tree that need not be sent, and whether a link to the one there would have the right owner and mode.
pub(super) type Same = BTreeMap<String, bool>;

/// Asks what `directory` holds.
pub(super) fn command(directory: &str) -> Command {
    let script = concat!(include_str!("known.sh"), include_str!("there.sh"));
    ask(Command::script(script, [directory, &FIRST.to_string()]))
}

fn ask(command: Command) -> Command {
    command.output_limit(MOST_PACKED).timeout(Duration::from_secs(120))
}

/// Reads the answer. One that does not read says nothing, and everything is sent.
pub(super) fn parse(output: &Output) -> There {
    let (text, cut) = unpacked(output).unwrap_or_default();
    let files = text.lines().filter_map(|line| {
        let mut words = line.splitn(4, ' ');
        let content = words.next()?;
        let content = match (content.strip_prefix('='), content.split_once('@')) {
            (Some(digest), _) if digest.len() == FIRST => Content::Digest(digest.to_owned()),
            (None, Some((size, modified))) => {
                Content::Changed { size: size.parse().ok()?, modified: modified.to_owned() }
            }
            _ => return None,
        };
        let (mode, owner) = (words.next()?.to_owned(), words.next()?.to_owned());
        Some((words.next()?.to_owned(), Seen { content, mode, owner }))
    });
    There { files: files.collect(), cut }
}

/// The text, and whether it goes on.
fn unpacked(output: &Output) -> Option<(String, bool)> {
    if !output.success() || output.truncated {
        return None;
    }
    let mut text = Vec::new();
    let mut unpacked = flate2::read::GzDecoder::new(output.stdout.as_slice()).take(MOST_UNPACKED);
    unpacked.read_to_end(&mut text).ok()?;
    // A name that is no UTF-8 is none of the tree's.
    Some((String::from_utf8_lossy(&text).into_owned(), unpacked.limit() == 0))
}

/// Sorts the files of `tree` that may be `there`: those that are the same, and those that only their digest can tell.
///
/// # Errors
/// When a file of the tree is gone.
pub(super) fn compare(tree: &LocalTree, there: &There, known: Known) -> Result<(Same, Same), HostError> {
    let (mut same, mut unsure) = (Same::new(), Same::new());
    for entry in tree.entries() {
        let Kind::File { executable, size, digest } = &entry.kind else { continue };
        let Some(seen) = there.files.get(&entry.path).filter(|_| is_plain(&entry.path)) else { continue };
        let sure = match &seen.content {
            Content::Digest(first) if digest.as_str().starts_with(first) => true,
            Content::Changed { size: there, modified } if there == size => {
                changed_at(&tree.root.join(&entry.path), modified)?
            }
            _ => continue,
        };
        let mode = if *executable { "755" } else { "644" };
        let place = if sure && known == Known::AsSaid { &mut same } else { &mut unsure };
        place.insert(entry.path.clone(), seen.mode == mode && seen.owner == ROOT);
    }
    Ok((same, unsure))
}

/// Whether a file of this computer changed last when the host says that its own did.
fn changed_at(file: &Path, said: &str) -> Result<bool, HostError> {
    let meta = std::fs::symlink_metadata(file).map_err(|error| local(file, error.to_string()))?;
    // An archive has whole seconds. What was written on the host has a fraction.
    let (seconds, fraction) = said.split_once('.').unwrap_or((said, ""));
    Ok(seconds == modified(&meta).to_string() && fraction.bytes().all(|digit| digit == b'0'))
}

/// Asks for the digests of files in `directory`.
///
/// # Errors
/// When memory cannot be written to, which does not happen.
pub(super) fn digests(directory: &str, paths: &Same) -> std::io::Result<Command> {
    let mut list = lines();
    for path in paths.keys() {
        writeln!(list, "{path}")?;
    }
    let script = concat!(include_str!("known.sh"), include_str!("digests.sh"));
    let command = Command::script(script, [directory]);
    Ok(ask(command.stdin(Stdin::Bytes(list.finish()?))))
}

/// Which files of `tree` have the digests that the host says.
pub(super) fn agreeing(tree: &LocalTree, output: &Output) -> BTreeSet<String> {
    let (text, _) = unpacked(output).unwrap_or_default();
    let halves: BTreeMap<&str, &str> =
        text.lines().filter_map(|line| line.split_once(' ')).map(|(half, path)| (path, half)).collect();
    let agrees =
        |path: &str, digest: &str| halves.get(path).is_some_and(|half| half.len() == HALF && digest.starts_with(half));
    let files = tree.entries().iter().filter(|entry| match &entry.kind {
        Kind::File { digest, .. } => agrees(&entry.path, digest.as_str()),
        Kind::Directory | Kind::Link { .. } => false,
    });
    files.map(|entry| entry.path.clone()).collect()
}

#[cfg(test)]
mod tests {
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use slipway_core::command::Exit;

    use super::*;

    fn answer(text: &str) -> Output {
        let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
        packed.write_all(text.as_bytes()).unwrap();
        Output { exit: Exit::Code(0), stdout: packed.finish().unwrap(), stderr: Vec::new(), truncated: false }
    }

    fn seen(content: Content, mode: &str, owner: &str) -> Seen {
        Seen { content, mode: mode.into(), owner: owner.into() }
    }

    fn changed(size: u64, modified: &str) -> Content {
        Content::Changed { size, modified: modified.into() }
    }

    #[test]
    fn an_answer_that_is_cut_or_no_answer_says_nothing() {
        let whole =
            answer("12@5.0 644 0 a/b c\nx@5.0 644 0 odd\n7@5.5 755 900 d\n4@4\n=12345 644 0 short\n= 644 0 none\n");
        let mut files = Files::from([
            ("a/b c".into(), seen(changed(12, "5.0"), "644", "0")),
            ("d".into(), seen(changed(7, "5.5"), "755", "900")),
        ]);
        let there = |files: &Files| There { files: files.clone(), cut: false };
        assert_eq!(parse(&whole), there(&files));
        assert_eq!(there(&files).listed(), None);
        files.insert("e f".into(), seen(Content::Digest("123abc".into()), "644", "0"));
        assert_eq!(there(&files).listed(), Some(&files));
        let listed = answer("12@5.0 644 0 a/b c\n=123abc 644 0 e f\n7@5.5 755 900 d\n");
        assert_eq!(parse(&listed), there(&files));
        // Of more than is read, nobody knows whether links to all of it were made.
        let line = format!("=123abc 644 0 {}\n", "x".repeat(1 << 20));
        let long = parse(&answer(&line.repeat(65)));
        assert_eq!((long.cut, long.listed()), (true, None));
        let mut cut = whole.clone();
        cut.stdout.truncate(whole.stdout.len() - 5);
        assert_eq!(parse(&cut), There::default());
        assert_eq!(parse(&Output { truncated: true, ..whole.clone() }), There::default());
        assert_eq!(parse(&Output { stdout: b"no gzip".to_vec(), ..whole.clone() }), There::default());
        assert_eq!(parse(&Output { exit: Exit::Code(1), ..whole }), There::default());
    }

    #[test]
    fn only_what_agrees_in_digest_or_size_and_time_is_taken_without_a_question() {
        let folder = tempfile::tempdir().unwrap();
        let at = std::time::UNIX_EPOCH + Duration::new(1_700_000_000, 123);
        for name in ["same", "shops", "newer", "longer", "fraction", "executable", "listed", "differs"] {
            std::fs::write(folder.path().join(name), "12345").unwrap();
            std::fs::File::open(folder.path().join(name)).unwrap().set_modified(at).unwrap();
        }
        let tree = LocalTree::read(folder.path(), &[]).unwrap();
        let files = Files::from([
            ("same".into(), seen(changed(5, "1700000000.0000000000"), "644", "0")),
            ("shops".into(), seen(changed(5, "1700000000.0000000000"), "644", "900")),
            ("newer".into(), seen(changed(5, "1700000001.0000000000"), "644", "0")),
            ("longer".into(), seen(changed(6, "1700000000.0000000000"), "644", "0")),
            ("fraction".into(), seen(changed(5, "1700000000.0000001230"), "644", "0")),
            ("executable".into(), seen(changed(5, "1700000000.0000000000"), "755", "0")),
            // sha256sum of 12345 begins with 5994471a.
            ("listed".into(), seen(Content::Digest("599447".into()), "644", "0")),
            ("differs".into(), seen(Content::Digest("599448".into()), "644", "0")),
        ]);
        let there = There { files, cut: false };
        let names = |names: &[(&str, bool)]| names.iter().map(|(name, link)| ((*name).to_owned(), *link)).collect();
        let (same, unsure) = compare(&tree, &there, Known::AsSaid).unwrap();
        let (as_said, by_digest): (Same, Same) = (
            names(&[("same", true), ("shops", false), ("executable", false), ("listed", true)]),
            names(&[("newer", true), ("fraction", true)]),
        );
        assert_eq!((same, unsure), (as_said.clone(), by_digest.clone()));
        let (same, unsure) = compare(&tree, &there, Known::ByDigest).unwrap();
        assert_eq!((same, unsure), (Same::new(), as_said.into_iter().chain(by_digest).collect()));
        let half = "5994471abb01112afcc18159f6cc74b4";
        let said = answer(&format!("{half} same\n{half}f newer\n{} fraction\n {half}\n", &half[..31]));
        assert_eq!(agreeing(&tree, &said), BTreeSet::from(["same".to_owned()]));
    }
}
