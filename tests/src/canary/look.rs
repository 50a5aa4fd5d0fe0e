//! Looks for canaries where they may not be.

use std::io::Write as _;
use std::path::Path;
use std::process::Stdio;

use crate::hosts::Host;

/// Runs a script inside the host with `words` as its standard input.
pub fn with_words(host: &Host, script: &str, words: &[String]) -> String {
    let mut child = host.enter(&["sh", "-c", script]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(words.join("\n").as_bytes()).unwrap();
    String::from_utf8_lossy(&child.wait_with_output().unwrap().stdout).into_owned()
}

/// The host's files with a canary in them, as mode, owner and path: each for root or the user `site` alone, by owner or by its
/// group. Its journal must have none.
pub fn inside_host(host: &Host, site: &str, words: &[String], when: &str) -> Vec<String> {
    let journal = with_words(
        host,
        "exec 3<&0; journalctl --all --output=export --no-pager </dev/null | grep -aF -m 5 -f /dev/fd/3",
        words,
    );
    assert_eq!(journal, "", "in the journal, {when}");
    let files = with_words(
        host,
        "grep -rlaF -f - --devices=skip --exclude-dir=proc --exclude-dir=sys --exclude-dir=wheelhouse / 2>/dev/null | \
         while IFS= read -r file; do stat -c '%a %U %G %n' \"$file\" 2>/dev/null; done",
        words,
    );
    let mut found = Vec::new();
    for line in files.lines() {
        let words: Vec<&str> = line.splitn(4, ' ').collect();
        let [mode, owner, group, path] = words.as_slice() else { panic!("{line}") };
        let alone = mode.ends_with("00") || (mode.ends_with("40") && *group == site);
        assert!(alone, "others may read it, {when}: {line}");
        assert!(*owner == "root" || *owner == site, "whose is it, {when}: {line}");
        found.push(format!("{mode} {owner} {path}"));
    }
    found
}

/// The files below `folder` with a canary in them, also as text of two bytes a letter, which is how browsers store it.
pub fn below(folder: &Path, words: &[String], files: &mut usize) -> Vec<String> {
    let mut found = Vec::new();
    let Ok(entries) = std::fs::read_dir(folder) else { return found };
    for entry in entries.flatten() {
        let (path, kind) = (entry.path(), entry.file_type().unwrap());
        if kind.is_dir() {
            found.extend(below(&path, words, files));
            continue;
        }
        // Reading a pipe would wait for somebody to write.
        if !kind.is_file() {
            continue;
        }
        *files += 1;
        let mut bytes = std::fs::read(&path).unwrap_or_default();
        bytes.retain(|byte| *byte != 0);
        let text = String::from_utf8_lossy(&bytes);
        found
            .extend(words.iter().filter(|word| text.contains(*word)).map(|word| format!("{}: {word}", path.display())));
    }
    found
}

#[test]
fn a_canary_is_found_however_it_is_written() {
    let mut canaries = super::Canaries::new();
    canaries.add("one");
    let (value, words) = (canaries.value("one").to_owned(), canaries.words());
    let folder = tempfile::tempdir().unwrap();
    let deep = folder.path().join("deep");
    std::fs::create_dir(&deep).unwrap();
    let encoded = |text: &str| base64::Engine::encode(&base64::engine::general_purpose::STANDARD, text);
    let utf_16 = value.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let forms: [Vec<u8>; 8] = [
        format!("before {value} after").into(),
        value.bytes().map(|byte| format!("{byte:02x}")).collect::<String>().into(),
        format!("{:?}", value.as_bytes()).into(),
        serde_json::to_vec(value.as_bytes()).unwrap(),
        encoded(&value).into(),
        encoded(&format!("a{value}")).into(),
        encoded(&format!("ab{value}")).into(),
        utf_16,
    ];
    for (number, form) in forms.iter().enumerate() {
        std::fs::write(deep.join(number.to_string()), form).unwrap();
    }
    std::fs::write(folder.path().join("other"), "nothing").unwrap();
    let mut files = 0;
    let found = below(folder.path(), &words, &mut files);
    let of = |number: usize| found.iter().filter(|line| line.contains(&format!("/deep/{number}: "))).count();
    assert!((0..forms.len()).all(|number| of(number) == 1) && found.len() == forms.len(), "{found:#?}");
    assert_eq!(files, forms.len() + 1);
}
