use std::os::unix::fs::PermissionsExt as _;

use super::*;

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

fn locate(variables: &[(&str, &str)]) -> Option<PathBuf> {
    Home::locate(|name| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| value.into())).ok()
}

#[test]
fn the_place_follows_the_variables() {
    assert_eq!(locate(&[("SLIPWAY_HOME", "/s"), ("HOME", "/h")]), Some("/s".into()));
    assert_eq!(locate(&[("SLIPWAY_HOME", ""), ("XDG_DATA_HOME", "/x")]), Some("/x/slipway".into()));
    assert_eq!(locate(&[("XDG_DATA_HOME", "x"), ("HOME", "/h")]), Some("/h/.local/share/slipway".into()));
    assert_eq!(locate(&[]), None);
}

#[test]
fn opening_creates_a_private_folder_and_is_repeatable() {
    let root = tempfile::tempdir().unwrap();
    let (home, notices) = Home::open(root.path().join("a/b")).unwrap();
    assert!(notices.is_empty());
    assert_eq!(mode(home.directory()), 0o700);
    assert_eq!(mode(&home.plans()), 0o700);
    assert!(Home::open(home.directory()).unwrap().1.is_empty());
}

#[test]
fn what_others_could_read_is_tightened_and_said() {
    let root = tempfile::tempdir().unwrap();
    let (home, _) = Home::open(root.path().join("s")).unwrap();
    std::fs::write(home.known_hosts(), "x").unwrap();
    std::fs::set_permissions(home.known_hosts(), std::fs::Permissions::from_mode(0o644)).unwrap();
    std::fs::set_permissions(home.directory(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let (home, notices) = Home::open(home.directory()).unwrap();
    assert_eq!((mode(home.directory()), mode(&home.known_hosts())), (0o700, 0o600));
    assert_eq!(notices.len(), 2);
    assert!(notices[0].to_string().ends_with("was open to other users (mode 0755); its mode is now 0700"));
}

#[test]
fn a_file_in_its_place_is_an_error() {
    let root = tempfile::tempdir().unwrap();
    let file = root.path().join("file");
    std::fs::write(&file, "").unwrap();
    assert!(matches!(Home::open(&file), Err(HomeError::NotAFolder(path)) if path == file));
    assert!(matches!(Home::open(file.join("deep/er")), Err(HomeError::NotAFolder(path)) if path == file));
}

#[test]
fn a_folder_of_another_user_is_an_error() {
    if !rustix::process::geteuid().is_root() {
        println!("not run: giving a folder away needs root");
        return;
    }
    let root = tempfile::tempdir().unwrap();
    std::os::unix::fs::chown(root.path(), Some(12345), None).unwrap();
    let error = Home::open(root.path()).unwrap_err();
    assert!(matches!(error, HomeError::OwnedByAnother { owner: 12345, you: 0, .. }), "{error}");
}

#[test]
fn a_folder_that_cannot_be_written_is_an_error() {
    // /proc/self belongs to the process's user and is never writable, root or not.
    let error = Home::open("/proc/self/fdinfo").unwrap_err();
    assert!(matches!(error, HomeError::NotWritable { .. } | HomeError::Io { .. }), "{error:?}");
    assert!(!error.advice().is_empty());
}

#[test]
fn private_files_are_whole_and_0600() {
    let root = tempfile::tempdir().unwrap();
    let (home, _) = Home::open(root.path().join("s")).unwrap();
    let path = home.plan(&Digest::of(b"plan"));
    home.write_private(&path, b"one").unwrap();
    home.write_private(&path, b"two").unwrap();
    assert_eq!((std::fs::read(&path).unwrap().as_slice(), mode(&path)), (b"two".as_slice(), 0o600));
    assert_eq!(home.create_private(&path, b"three").unwrap(), Created::Before);
    assert_eq!(home.create_private(&home.fingerprint_key(), b"key").unwrap(), Created::Now);
    assert_eq!(mode(&home.fingerprint_key()), 0o600);
    let left: Vec<_> = std::fs::read_dir(home.plans()).unwrap().collect();
    assert_eq!(left.len(), 1, "no temporary file is left");
}
