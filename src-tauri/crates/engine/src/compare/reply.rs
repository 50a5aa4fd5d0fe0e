//! Reading what `compare.sh` printed. Parts with foreign text in them come by announced length.

use std::collections::BTreeMap;

use slipway_core::diff::{FileChange, FileDiff, FileKind};
use slipway_core::release::ReleaseRecord;

use super::{Change, CodeChange};

/// Bytes of a file from which on it is not shown.
const LARGEST: usize = 262_144;

#[derive(Debug)]
pub(super) struct Seen {
    pub(super) code: Vec<CodeChange>,
    pub(super) more: bool,
    pub(super) odd: u64,
    pub(super) configuration: Vec<FileChange>,
    pub(super) records: (Option<ReleaseRecord>, Option<ReleaseRecord>),
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn line(&mut self) -> Result<String, String> {
        let end = self.0.iter().position(|byte| *byte == b'\n').ok_or("it was cut off")?;
        let (line, rest) = self.0.split_at(end);
        self.0 = rest.get(1..).unwrap_or_default();
        Ok(String::from_utf8_lossy(line).into_owned())
    }

    fn value(&mut self, key: &str) -> Result<String, String> {
        let line = self.line()?;
        let value = line.strip_prefix('=').and_then(|line| line.strip_prefix(key)).and_then(|v| v.strip_prefix(' '));
        value.map(str::to_owned).ok_or_else(|| format!("{line:?} stands where {key} is expected"))
    }

    fn bytes(&mut self, length: &str) -> Result<&'a [u8], String> {
        let length: usize = length.parse().map_err(|_| format!("{length:?} is no length"))?;
        let (part, rest) = self.0.split_at_checked(length).ok_or("it was cut off")?;
        self.0 = rest;
        Ok(part)
    }

    /// Lines of a list, and whether it has more than these.
    fn list(&mut self, key: &str, most: usize) -> Result<(Vec<String>, bool), String> {
        let head = self.value(key)?;
        let (count, length) = head.split_once(' ').ok_or("a list has no length")?;
        let count: usize = count.parse().map_err(|_| "a list has no count")?;
        let text = String::from_utf8_lossy(self.bytes(length)?).into_owned();
        Ok((text.lines().map(str::to_owned).collect(), count > most))
    }
}

/// Path to value, and, when the list was cut, the last path: what lies behind it is not known.
struct Listed<T> {
    by_path: BTreeMap<String, T>,
    known_to: Option<String>,
}

fn sizes((lines, cut): (Vec<String>, bool)) -> Result<Listed<u64>, String> {
    let mut by_path = BTreeMap::new();
    let mut last = None;
    for line in lines {
        let strange = || format!("{line:?} is no file");
        let (size, path) = line.split_once(' ').ok_or_else(strange)?;
        by_path.insert(path.to_owned(), size.parse().map_err(|_| strange())?);
        last = Some(path.to_owned());
    }
    Ok(Listed { by_path, known_to: last.filter(|_| cut) })
}

fn links((lines, cut): (Vec<String>, bool)) -> Result<Listed<String>, String> {
    let mut by_path = BTreeMap::new();
    let mut last = None;
    for line in lines {
        let (path, target) = line.split_once("//").ok_or_else(|| format!("{line:?} is no link"))?;
        by_path.insert(path.to_owned(), target.to_owned());
        last = Some(path.to_owned());
    }
    Ok(Listed { by_path, known_to: last.filter(|_| cut) })
}

pub(super) fn parse(bytes: &[u8], most: usize, etc: &str) -> Result<Seen, String> {
    let mut reader = Reader(bytes);
    let old = sizes(reader.list("old", most)?)?;
    let new = sizes(reader.list("new", most)?)?;
    let old_links = links(reader.list("old-links", most)?)?;
    let new_links = links(reader.list("new-links", most)?)?;
    let odd = reader.value("odd")?;
    let odd = odd.split_whitespace().map(|count| count.parse::<u64>().unwrap_or(0)).max().unwrap_or(0);
    let ends = [&old.known_to, &new.known_to, &old_links.known_to, &new_links.known_to];
    let known_to = ends.into_iter().flatten().min().cloned();
    let more = known_to.is_some();

    let mut changes: BTreeMap<&str, CodeChange> = BTreeMap::new();
    let empty = |path: &str| CodeChange {
        path: path.to_owned(),
        change: Change::Changed,
        old_bytes: None,
        new_bytes: None,
        old_link: None,
        new_link: None,
    };
    for (path, size) in &old.by_path {
        changes.entry(path).or_insert_with(|| empty(path)).old_bytes = Some(*size);
    }
    for (path, size) in &new.by_path {
        changes.entry(path).or_insert_with(|| empty(path)).new_bytes = Some(*size);
    }
    for (path, target) in &old_links.by_path {
        changes.entry(path).or_insert_with(|| empty(path)).old_link = Some(target.clone());
    }
    for (path, target) in &new_links.by_path {
        changes.entry(path).or_insert_with(|| empty(path)).new_link = Some(target.clone());
    }
    let mut code: Vec<CodeChange> =
        changes.into_values().filter(|change| known_to.as_ref().is_none_or(|end| &change.path <= end)).collect();
    for change in &mut code {
        let was = change.old_bytes.is_some() || change.old_link.is_some();
        let is = change.new_bytes.is_some() || change.new_link.is_some();
        change.change = match (was, is) {
            (true, false) => Change::Removed,
            (false, true) => Change::Added,
            (true, true) | (false, false) => Change::Changed,
        };
    }
    let (configuration, records) = rest(&mut reader, etc)?;
    Ok(Seen { code, more, odd, configuration, records })
}

type Records = (Option<ReleaseRecord>, Option<ReleaseRecord>);

fn rest(reader: &mut Reader<'_>, etc: &str) -> Result<(Vec<FileChange>, Records), String> {
    let mut configuration = Vec::new();
    let mut records = Vec::new();
    loop {
        let line = reader.line()?;
        let (key, value) = line.split_once(' ').unwrap_or((line.as_str(), ""));
        match key {
            "=file" => {
                let (shown, path) = value.split_once(' ').ok_or("a file has no path")?;
                let entries = (reader.value("entry")?, reader.value("entry")?);
                let (old, new) = (text(reader)?, text(reader)?);
                configuration.push(file(path, shown == "yes", etc, &entries, old, new)?);
            }
            "=record" => records.push(serde_json::from_slice(reader.bytes(value)?).ok()),
            "=end" if reader.0.is_empty() => break,
            _ => return Err(format!("{line:?} makes no sense")),
        }
    }
    let [old, new] = <[_; 2]>::try_from(records).map_err(|_| "there are not two records")?;
    Ok((configuration, (old, new)))
}

fn text<'a>(reader: &mut Reader<'a>) -> Result<Option<&'a [u8]>, String> {
    let length = reader.value("text")?;
    if length == "-1" { Ok(None) } else { reader.bytes(&length).map(Some) }
}

fn file(
    path: &str,
    shown: bool,
    etc: &str,
    entries: &(String, String),
    old: Option<&[u8]>,
    new: Option<&[u8]>,
) -> Result<FileChange, String> {
    let (was, is) = (entries.0 != "-", entries.1 != "-");
    let kind = match (was, is) {
        (false, _) => FileKind::Create,
        (true, false) => FileKind::Remove,
        (true, true) => FileKind::Change,
    };
    let words: Vec<&str> = entries.1.split(' ').collect();
    let mode = words.first().filter(|_| is).and_then(|mode| u32::from_str_radix(mode, 8).ok());
    // The host was told to keep what may hold secrets; where these are by rule is not left to it.
    let secret = !shown || path.starts_with(&format!("{etc}/secrets/"));
    let large = [old, new].into_iter().flatten().any(|text| text.len() >= LARGEST);
    let hidden = match (secret, large) {
        (true, _) => Some("it may hold secrets: only that it differs is told".to_owned()),
        (false, true) => Some("it is too large to show".to_owned()),
        (false, false) => None,
    };
    let lossy =
        |text: Option<&[u8]>| text.filter(|_| hidden.is_none()).map(|text| String::from_utf8_lossy(text).into_owned());
    let (old, new) = (lossy(old), lossy(new));
    let differs = was && is && entries.0 != entries.1;
    let attributes = if differs { vec![format!("{} → {}", entries.0, entries.1)] } else { Vec::new() };
    let diff = FileDiff { path: path.to_owned(), old, new, attributes, hidden };
    Ok(FileChange {
        path: path.to_owned(),
        kind,
        mode: mode.map(|mode| format!("{mode:04o}")),
        owner: words.get(1).map(|owner| (*owner).to_owned()),
        group: words.get(2).map(|group| (*group).to_owned()),
        secret,
        unified: diff.unified(),
        old: diff.old,
        new: diff.new,
        attributes: diff.attributes,
        hidden: diff.hidden,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(key: &str, count: usize, text: &str) -> String {
        format!("={key} {count} {}\n{text}", text.len())
    }

    fn reply(old: &str, new: &str, count: usize, files: &str) -> Vec<u8> {
        let lists = [list("old", count, old), list("new", new.lines().count(), new)].concat();
        let links = [list("old-links", 1, "link//a b\n"), list("new-links", 1, "link//c\n")].concat();
        format!("{lists}{links}=odd 0 1\n{files}=record 2\n{{}}=record 4\nnull=end\n").into_bytes()
    }

    #[test]
    fn files_are_told_apart_by_path() {
        let bytes = reply("3 both\n4 gone\n", "5 both\n6 with space\n", 2, "");
        let seen = parse(&bytes, 100, "/etc/shop").unwrap();
        let told: Vec<_> = seen.code.iter().map(|c| (c.path.as_str(), c.change, c.old_bytes, c.new_bytes)).collect();
        assert_eq!(
            told,
            [
                ("both", Change::Changed, Some(3), Some(5)),
                ("gone", Change::Removed, Some(4), None),
                ("link", Change::Changed, None, None),
                ("with space", Change::Added, None, Some(6)),
            ]
        );
        assert_eq!((seen.code[2].old_link.as_deref(), seen.more, seen.odd), (Some("a b"), false, 1));
        assert!((0..bytes.len()).all(|end| parse(&bytes[..end], 100, "/etc/shop").is_err()), "a cut reply was taken");
    }

    #[test]
    fn what_lies_behind_a_cut_is_not_guessed_at() {
        // The older list was cut behind `b`: whether `z` was there is not known.
        let seen = parse(&reply("1 a\n1 b\n", "1 b\n1 z\n", 9, ""), 2, "/etc/shop").unwrap();
        let paths: Vec<_> = seen.code.iter().map(|change| change.path.as_str()).collect();
        assert!(seen.more);
        assert_eq!(paths, ["a", "b"]);
    }

    #[test]
    fn configuration_is_compared_and_secrets_stay_hidden() {
        let plain = "=file yes /etc/nginx/conf.d/shop.conf\n=entry 644 root root\n=entry 600 root root\n=text 4\nold\n=text 4\nnew\n";
        let hidden = "=file no /etc/shop/environment\n=entry 600 root root\n=entry 600 root root\n=text -1\n=text -1\n";
        // Even a host that sends one is not listened to.
        let sent = "=file yes /etc/shop/secrets/key\n=entry -\n=entry 400 shop shop\n=text -1\n=text 5\nvalue";
        let seen = parse(&reply("", "", 0, &[plain, hidden, sent].concat()), 100, "/etc/shop").unwrap();
        let [nginx, environment, key] = seen.configuration.as_slice() else { panic!("{:#?}", seen.configuration) };
        assert!(nginx.unified.contains("-old\n+new\n") && !nginx.secret, "{nginx:#?}");
        assert_eq!((nginx.mode.as_deref(), nginx.attributes.len()), (Some("0600"), 1));
        for file in [environment, key] {
            assert!(file.secret && file.old.is_none() && file.new.is_none() && file.unified.is_empty(), "{file:#?}");
        }
        assert_eq!((environment.kind, key.kind), (FileKind::Change, FileKind::Create));
    }
}
