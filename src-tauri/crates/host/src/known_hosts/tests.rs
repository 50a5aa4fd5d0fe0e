use std::path::Path;

use proptest::prelude::*;

use super::*;

const A: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIK2pr+Bfus1hvPof4Wb/plZCzSbqadHH0u+/f4ODtKnE";
const B: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8g";

fn blob(line: &str) -> Vec<u8> {
    let text = line.split(' ').nth(1).unwrap();
    base64::Engine::decode(&base64::engine::general_purpose::STANDARD, text).unwrap()
}

fn read(text: &str) -> KnownHosts {
    let mut known = KnownHosts::default();
    known.add(Path::new("kh"), text.as_bytes());
    known
}

fn verdict(text: &str, name: &str) -> &'static str {
    match read(text).check(name, &blob(A)) {
        Verdict::Known(_) => "known",
        Verdict::Unknown => "unknown",
        Verdict::Changed(_) => "changed",
        Verdict::Revoked(_) => "revoked",
    }
}

#[test]
fn verdicts() {
    for (text, name, expected) in [
        ("", "h", "unknown"),
        ("# h KEYA\n\n   \n", "h", "unknown"),
        ("h KEYA\n", "h", "known"),
        ("h KEYA", "h", "known"),
        ("h KEYA comment words\r\n", "h", "known"),
        ("  \th\t KEYA\n", "h", "known"),
        ("H KEYA\n", "h", "known"),
        ("h KEYB\n", "h", "changed"),
        ("h KEYB\nh KEYA\n", "h", "known"),
        ("i KEYA\n", "h", "unknown"),
        ("h,i KEYA\n", "i", "known"),
        ("*.x KEYA\n", "a.x", "known"),
        ("?.x KEYA\n", "ab.x", "unknown"),
        ("*.x,!a.x KEYA\n", "a.x", "unknown"),
        ("!a.x,*.x KEYA\n", "b.x", "known"),
        ("!a.x KEYA\n", "b.x", "unknown"),
        ("[h]:2222 KEYA\n", "[h]:2222", "known"),
        ("[h]:2222 KEYA\n", "h", "unknown"),
        ("h KEYA\n", "[h]:2222", "unknown"),
        ("[h]:* KEYA\n", "[h]:2222", "known"),
        // Revocation counts wherever it stands, and only for hosts it names.
        ("h KEYA\n@revoked h KEYA\n", "h", "revoked"),
        ("h KEYA\n@revoked * KEYA\0\n", "h", "revoked"),
        ("h KEYB\0 x\n", "h", "changed"),
        ("h KEYA\n@revoked i,h\0 KEYA\n", "h", "revoked"),
        ("h KEYA\n@revoked h KEYA\r\r\n", "h", "revoked"),
        ("\0h KEYA\n@revoked\0 h KEYA\nh \0KEYA\n", "h", "unknown"),
        ("@revoked * KEYA\nh KEYA\n", "h", "revoked"),
        ("@revoked i KEYA\nh KEYA\n", "h", "known"),
        ("@revoked h KEYB\nh KEYA\n", "h", "known"),
        ("@revoked h KEYB\n", "h", "unknown"),
        // A certificate authority's key is not the host's key, even when the host presents it.
        ("@cert-authority h KEYA\n", "h", "unknown"),
        ("@cert-authority h KEYB\nh KEYA\n", "h", "known"),
        // Lines that make no sense accept nothing and hide nothing.
        ("@revoke h KEYA\n", "h", "unknown"),
        ("h ssh-rsa AAAAC3NzaC1lZDI1NTE5AAAAIK2pr+Bfus1hvPof4Wb/plZCzSbqadHH0u+/f4ODtKnE\n", "h", "unknown"),
        ("h ssh-ed25519 ???\nh KEYA\n", "h", "known"),
        ("h ssh-ed25519\nh\n@revoked\nh KEYA\n", "h", "known"),
        ("h 1024 35 1234567890\nh KEYA\n", "h", "known"),
        ("|1|short|hash KEYA\nh KEYA\n", "h", "known"),
        ("|2|AAAA|AAAA KEYA\n", "h", "unknown"),
        // OpenSSH skips this line; here it counts as another key, which is stricter.
        ("h KEYAtail\n", "h", "changed"),
    ] {
        let text = text.replace("KEYA", A).replace("KEYB", B);
        assert_eq!(verdict(&text, name), expected, "{name} in {text:?}");
    }
}

#[test]
fn hashed_names() {
    let line = format!("{} {A}\n", hash_name("host.example", &[7; 20]));
    assert_eq!(verdict(&line, "host.example"), "known");
    assert_eq!(verdict(&line, "other.example"), "unknown");
    let port = format!("{} {A}\n", hash_name("[host.example]:2222", &[9; 20]));
    assert_eq!(verdict(&port, "[host.example]:2222"), "known");
    assert_eq!(verdict(&format!("!{line}"), "host.example"), "unknown", "a hash cannot be negated");
}

#[test]
fn bytes_that_are_not_text_are_skipped_with_a_warning() {
    let mut known = KnownHosts::default();
    known.add(Path::new("kh"), b"\xff\xfe \xff\nh \xff AAAA\n@x h k v\n");
    known.add(Path::new("kh2"), format!("h {A}\n").as_bytes());
    assert_eq!(known.warnings().len(), 3);
    assert_eq!(known.warnings()[2].place, Place { file: "kh".into(), line: 3 });
    assert_eq!(known.check("h", &blob(A)), Verdict::Known(Place { file: "kh2".into(), line: 1 }));
}

#[test]
fn what_is_recorded_is_named_with_its_place() {
    let known = read(&format!("# c\nh {B}\n"));
    let Verdict::Changed(recorded) = known.check("h", &blob(A)) else { panic!() };
    assert_eq!(recorded[0].place.to_string(), "kh:2");
    assert_eq!(recorded[0].algorithm, "ssh-ed25519");
    assert!(recorded[0].fingerprint.starts_with("SHA256:"));
    assert_eq!(known.key_types("h"), ["ssh-ed25519"]);
}

#[test]
fn authorities_are_found_by_host_and_key() {
    let known = read(&format!("@cert-authority *.x {A}\n"));
    assert!(known.has_authority("a.x") && !known.has_authority("x"));
    assert!(known.authority("a.x", &blob(A)).is_some());
    assert!(known.authority("a.x", &blob(B)).is_none());
}

#[test]
fn a_missing_file_is_empty_and_an_unreadable_one_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    assert!(store::read(&[folder.path().join("none")]).is_ok());
    assert!(store::read(&["/dev/null".into()]).is_ok());
    assert!(store::read(&[folder.path().to_owned()]).is_err(), "a folder");
    std::fs::write(folder.path().join("file"), "").unwrap();
    assert!(store::read(&[folder.path().join("file/below")]).is_err());
}

#[test]
fn remembered_keys_are_found_again() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("deep/known_hosts");
    store::remember(&file, "h", "ssh-ed25519", &blob(A), false).unwrap();
    // An editor may have left the last line without its newline.
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.trim_end()).unwrap();
    store::remember(&file, "[i]:23", "ssh-ed25519", &blob(B), true).unwrap();
    let known = store::read(std::slice::from_ref(&file)).unwrap();
    assert!(known.warnings().is_empty());
    assert!(matches!(known.check("h", &blob(A)), Verdict::Known(_)));
    assert!(matches!(known.check("[i]:23", &blob(B)), Verdict::Known(_)));
    assert!(!std::fs::read_to_string(&file).unwrap().contains("[i]"), "hashed");
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);

    let link = folder.path().join("link");
    std::os::unix::fs::symlink(&file, &link).unwrap();
    store::remember(&link, "j", "ssh-ed25519", &blob(A), false).unwrap();
    assert!(std::fs::symlink_metadata(&link).unwrap().file_type().is_symlink());
    assert!(matches!(store::read(&[file]).unwrap().check("j", &blob(A)), Verdict::Known(_)));
}

/// What `ssh-keygen -F` finds: line numbers, or `None` when the program is not here.
fn ssh_keygen_finds(text: &str, name: &str) -> Option<Vec<usize>> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("kh");
    std::fs::write(&file, text).unwrap();
    let output = std::process::Command::new("ssh-keygen").args(["-F", name, "-f"]).arg(&file).output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let found = text.lines().filter_map(|line| line.strip_prefix("# Host ")?.split("found: line ").nth(1));
    Some(found.filter_map(|rest| rest.split(' ').next()?.parse().ok()).collect())
}

fn line() -> impl Strategy<Value = String> {
    let name = prop_oneof![
        prop::sample::select(vec![
            "h", "a.x", "b.x", "*.x", "?.x", "*", "!a.x", "!h", "[h]:22", "[h]:23", "[*]:23", "A.X", ""
        ])
        .prop_map(str::to_owned),
        prop::sample::select(vec!["h", "a.x", "[h]:23"]).prop_map(|name| hash_name(name, &[3; 20])),
    ];
    let names = prop::collection::vec(name, 1..4).prop_map(|names| names.join(","));
    let marker = prop::sample::select(vec!["", "", "", "", "@revoked ", "@cert-authority ", "@x ", " "]);
    let key = prop::sample::select(vec![A, B, "ssh-ed25519", "ssh-rsa AAAA", "ssh-ed25519 ?", ""]);
    let comment = prop::sample::select(vec!["", " comment", "\r", " #"]);
    (marker, names, key, comment).prop_map(|(m, n, k, c)| format!("{m}{n} {k}{c}"))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]
    #[test]
    fn finds_no_line_that_ssh_keygen_does_not(lines in prop::collection::vec(line(), 0..8)) {
        let text = lines.join("\n") + "\n";
        for name in ["h", "a.x", "b.x", "[h]:23"] {
            let Some(theirs) = ssh_keygen_finds(&text, name) else { return Ok(()) };
            let known = read(&text);
            let ours: Vec<usize> = known.matching(name).map(|entry| entry.place.line).collect();
            for line in &ours {
                prop_assert!(theirs.contains(line), "{} in {:?}, line {}", name, text, line);
            }
            // It also lists lines whose key is broken.
            for number in theirs.iter().filter(|number| lines[*number - 1].contains("AAAAC3")) {
                prop_assert!(ours.contains(number), "{} in {:?}, line {}", name, text, number);
            }
        }
    }

    #[test]
    fn any_bytes_are_read(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let mut known = KnownHosts::default();
        known.add(Path::new("kh"), &bytes);
        let _ = known.check("h", &blob(A));
    }
}
