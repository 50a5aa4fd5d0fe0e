//! Reading what git printed. Names and messages are whatever somebody pushed: fields are told apart by NUL bytes, which
//! git lets into none of them, and parts by their announced length.

use super::{Commit, Commits, Ref, Refs, is_commit};

/// Characters of a name or message that are kept.
const LONGEST: usize = 500;

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    /// The value of a line `@KEY VALUE`, which must come next.
    fn value(&mut self, key: &str) -> Result<&'a str, String> {
        let missing = || format!("there is no {key}");
        let end = self.0.iter().position(|byte| *byte == b'\n').ok_or_else(missing)?;
        let (line, rest) = self.0.split_at(end);
        let line = std::str::from_utf8(line).map_err(|_| missing())?;
        let value = line.strip_prefix('@').and_then(|line| line.strip_prefix(key)).ok_or_else(missing)?;
        self.0 = rest.get(1..).unwrap_or_default();
        Ok(value.strip_prefix(' ').unwrap_or(value))
    }

    fn number(&mut self, key: &str) -> Result<u64, String> {
        self.value(key)?.trim().parse().map_err(|_| format!("{key} is not a number"))
    }

    /// The bytes whose length a line `@KEY LENGTH` announces.
    fn part(&mut self, key: &str) -> Result<&'a [u8], String> {
        let length = usize::try_from(self.number(key)?).map_err(|_| format!("{key} is too long"))?;
        let (part, rest) = self.0.split_at_checked(length).ok_or_else(|| format!("{key} was cut off"))?;
        self.0 = rest;
        Ok(part)
    }

    fn end(&self) -> Result<(), String> {
        if self.0 == b"@end\n" { Ok(()) } else { Err("it was cut off".to_owned()) }
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).chars().take(LONGEST).collect()
}

/// Records of `N` fields, each field with a NUL behind it; also whether a cut one was left over.
fn records<const N: usize>(part: &[u8]) -> (Vec<[&[u8]; N]>, bool) {
    let mut fields: Vec<&[u8]> = part.split(|byte| *byte == 0).collect();
    // What stands behind the last NUL is nothing, a line end, or cut.
    let rest = fields.pop().unwrap_or_default();
    let chunks = fields.chunks_exact(N);
    let cut = !chunks.remainder().is_empty() || !(rest.is_empty() || rest == b"\n");
    (chunks.filter_map(|chunk| chunk.try_into().ok()).collect(), cut)
}

pub(super) fn refs(bytes: &[u8], most: usize) -> Result<Refs, String> {
    let mut reader = Reader(bytes);
    let default = Some(reader.value("default")?).filter(|name| !name.is_empty()).map(|name| text(name.as_bytes()));
    let (branches, more_branches) = list(reader.part("heads")?, most)?;
    let (tags, more_tags) = list(reader.part("tags")?, most)?;
    reader.end()?;
    Ok(Refs { branches, tags, default, more: more_branches || more_tags })
}

fn list(part: &[u8], most: usize) -> Result<(Vec<Ref>, bool), String> {
    let (records, cut) = records::<5>(part);
    let mut all = Vec::new();
    for [name, object, peeled, date, subject] in records {
        // git ends each record with a line end, which so stands in front of the next.
        let name = text(name.strip_prefix(b"\n").unwrap_or(name));
        let commit = text(if peeled.is_empty() { object } else { peeled });
        if name.is_empty() || !is_commit(&commit) {
            return Err(format!("{name:?} is no branch or tag"));
        }
        all.push(Ref { name, commit, date: Some(text(date)).filter(|date| !date.is_empty()), subject: text(subject) });
    }
    let more = cut || all.len() >= most;
    Ok((all, more))
}

pub(super) fn commits(bytes: &[u8], most: usize) -> Result<Commits, String> {
    let mut reader = Reader(bytes);
    let to = reader.value("to")?.to_owned();
    let known = reader.value("known")? == "yes";
    let (total, leaving) = (reader.number("total")?, reader.number("leaving")?);
    let part = reader.part("log")?;
    reader.end()?;
    if !is_commit(&to) {
        return Err("it names no commit".to_owned());
    }
    let mut commits = Vec::new();
    for [id, author, date, subject] in records::<4>(part).0.into_iter().take(most) {
        let id = text(id);
        if !is_commit(&id) {
            return Err(format!("{id:?} is no commit"));
        }
        commits.push(Commit { id, author: text(author), date: text(date), subject: text(subject) });
    }
    Ok(Commits { to, commits, total, leaving, known })
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    const B: &str = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";

    fn refs_reply(heads: &str, tags: &str) -> Vec<u8> {
        let (h, t) = (heads.len(), tags.len());
        format!("@default main\n@heads {h}\n{heads}@tags {t}\n{tags}@end\n").into_bytes()
    }

    fn commits_reply(log: &str) -> Vec<u8> {
        format!("@to {A}\n@known yes\n@total 2\n@leaving 1\n@log {}\n{log}@end\n", log.len()).into_bytes()
    }

    #[test]
    fn names_and_messages_mean_nothing_to_the_reader() {
        let heads = format!("main\0{A}\0\x002026-11-21T10:00:00+01:00\0@end\n@tags 0\0\nodd\0{B}\0\0\0\u{1b}[2J\0\n");
        let tags = format!("v1\0{A}\0{B}\0\0one\0\n");
        let refs = refs(&refs_reply(&heads, &tags), 1000).unwrap();
        assert_eq!((refs.default.as_deref(), refs.branches.len(), refs.more), (Some("main"), 2, false));
        assert_eq!(refs.branches[0].subject, "@end\n@tags 0");
        assert_eq!((refs.branches[1].name.as_str(), refs.branches[1].subject.as_str()), ("odd", "\u{1b}[2J"));
        // An annotated tag means the commit behind it.
        assert_eq!((refs.tags[0].commit.as_str(), &refs.tags[0].date), (B, &None));
    }

    #[test]
    fn commits_are_read_and_bounded() {
        let long = "x".repeat(10_000);
        let log = format!("{A}\0Ann\0d\0{long}\0{B}\0\n@log\0d\0\0");
        let all = commits(&commits_reply(&log), 10).unwrap();
        assert_eq!((all.total, all.leaving, all.known, all.commits.len()), (2, 1, true, 2));
        assert_eq!((all.commits[0].subject.len(), all.commits[1].author.as_str()), (LONGEST, "\n@log"));
        assert_eq!(commits(&commits_reply(&log), 1).unwrap().commits.len(), 1);
        assert!(commits(&commits_reply(""), 1).unwrap().commits.is_empty());
    }

    #[test]
    fn a_long_list_that_was_cut_is_told() {
        let heads = format!("main\0{A}\0\0\0one\0\nsecond\0{B}\0");
        let refs = refs(&refs_reply(&heads, ""), 1000).unwrap();
        assert!(refs.more && refs.branches.len() == 1);
    }

    #[test]
    fn what_is_not_whole_is_refused_wherever_it_ends() {
        let heads = format!("main\0{A}\0\0\0one\0\n");
        let whole = refs_reply(&heads, "");
        assert!((0..whole.len()).all(|end| refs(&whole[..end], 9).is_err()));
        let whole = commits_reply(&format!("{A}\0Ann\0d\0s\0"));
        assert!((0..whole.len()).all(|end| commits(&whole[..end], 9).is_err()));
        assert!(commits(&commits_reply("not a commit\0Ann\0d\0s\0"), 9).is_err());
        assert!(refs(&refs_reply("main\0nope\0\0\0one\0\n", ""), 9).is_err());
        assert!(refs(b"@default x\n@heads 99999999999999999999999\n", 9).is_err());
    }
}
