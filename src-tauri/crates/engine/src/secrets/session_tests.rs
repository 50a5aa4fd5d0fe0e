//! The keyring against the real thing: see [`super::session`].

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use slipway_core::secret::Secret;

use super::session::{PASSWORD, Run, Session, enter, run};
use super::*;

const NOW: Timestamp = Timestamp::UNIX_EPOCH;

fn key(name: &str) -> SecretKey {
    SecretKey::new(&"shop".parse().unwrap(), name.parse::<SecretName>().unwrap())
}

fn open() -> Result<Keyring, SecretsError> {
    Keyring::open_with_patience(Duration::from_secs(30))
}

fn value(keyring: &Keyring, key: &SecretKey) -> Option<Vec<u8>> {
    keyring.get(key).unwrap().map(|value| value.expose().to_vec())
}

/// What `secret-tool` sees, which shares no code with us.
fn look_up(name: &str) -> Option<Vec<u8>> {
    run(&["secret-tool", "lookup", "service", "slipway", "site", "shop", "name", name], "")
}

fn lock() {
    let call = "org.freedesktop.Secret.Service.Lock";
    let collection = "array:objpath:/org/freedesktop/secrets/collection/login";
    let service = "--dest=org.freedesktop.secrets";
    let send = ["dbus-send", "--session", "--print-reply", service, "/org/freedesktop/secrets", call, collection];
    run(&send, "").unwrap();
}

#[test]
fn values_are_stored_listed_and_removed() {
    if enter(Session::Unlocked, "values_are_stored_listed_and_removed") == Run::Outside {
        return;
    }
    let keyring = open().unwrap();
    let token = key("API_TOKEN");
    assert_eq!(value(&keyring, &token), None);
    assert_eq!(keyring.remove(&token).unwrap(), Removal::WasAbsent);
    keyring.set(&token, &Secret::new("first"), NOW).unwrap();
    assert_eq!(look_up("API_TOKEN").as_deref(), Some(b"first".as_slice()));
    keyring.set(&token, &Secret::new("second"), NOW + jiff::SignedDuration::from_secs(5)).unwrap();
    assert_eq!(value(&keyring, &token).as_deref(), Some(b"second".as_slice()));
    assert_eq!(look_up("API_TOKEN").as_deref(), Some(b"second".as_slice()));
    // Another connection sees it, and the names of other sites and programs stay apart.
    keyring.set(&SecretKey::new(&"blog".parse().unwrap(), token.name.clone()), &Secret::new("blog"), NOW).unwrap();
    keyring.set(&key("certs/key.pem"), &Secret::new("pem"), NOW).unwrap();
    keyring.set(&token.previous(), &Secret::new("first"), NOW).unwrap();
    run(&["secret-tool", "store", "--label=x", "service", "slipway", "username", "not ours"], "x").unwrap();
    run(&["secret-tool", "store", "--label=x", "service", "other", "username", "shop/API_TOKEN"], "x").unwrap();
    let listed = open().unwrap().list(&Scope::Site("shop".parse().unwrap())).unwrap();
    let listed: Vec<_> =
        listed.iter().map(|entry| (entry.name.to_string(), entry.version, entry.set_at.unwrap().as_second())).collect();
    assert_eq!(
        listed,
        [
            ("API_TOKEN".to_owned(), Version::Current, 5),
            ("API_TOKEN".to_owned(), Version::Previous, 0),
            ("certs/key.pem".to_owned(), Version::Current, 0),
        ]
    );
    assert_eq!(keyring.remove(&token).unwrap(), Removal::Removed);
    assert_eq!(value(&keyring, &token), None);
    assert_eq!(look_up("API_TOKEN"), None);
    assert_eq!(look_up("API_TOKEN (previous)").as_deref(), Some(b"first".as_slice()));
}

#[test]
fn any_bytes_up_to_the_limit_are_kept() {
    if enter(Session::Unlocked, "any_bytes_up_to_the_limit_are_kept") == Run::Outside {
        return;
    }
    let keyring = open().unwrap();
    let every_byte: Vec<u8> = (0..=255).collect();
    let largest_binary = every_byte.repeat(LARGEST / 256);
    for bytes in [every_byte, largest_binary, vec![b'x'; LARGEST], "grün\n".into(), Vec::new()] {
        keyring.set(&key("BLOB"), &Secret::new(bytes.clone()), NOW).unwrap();
        assert!(value(&keyring, &key("BLOB")) == Some(bytes.clone()), "{} bytes", bytes.len());
    }
    let error = keyring.set(&key("BLOB"), &Secret::new(vec![0; LARGEST + 1]), NOW).unwrap_err();
    assert_eq!(error.to_string(), "secret BLOB of site shop would be 65537 bytes; at most 65536 are kept");
}

#[test]
fn the_keyring_is_safe_in_a_runtime_and_for_the_fingerprint_key() {
    if enter(Session::Unlocked, "the_keyring_is_safe_in_a_runtime_and_for_the_fingerprint_key") == Run::Outside {
        return;
    }
    for runtime in [tokio::runtime::Builder::new_multi_thread(), tokio::runtime::Builder::new_current_thread()] {
        let runtime = { runtime }.enable_all().build().unwrap();
        runtime.block_on(async {
            let keyring = Arc::new(open().unwrap());
            keyring.set(&key("DIRECT"), &Secret::new("x"), NOW).unwrap();
            let read = off_thread(keyring, |store| require(store, &key("DIRECT"))).await.unwrap();
            assert_eq!(read.expose(), b"x");
        });
    }
    let folder = tempfile::tempdir().unwrap();
    let (home, _) = crate::home::Home::open(folder.path()).unwrap();
    let keyring = open().unwrap();
    let first = Fingerprinter::open(Some(&keyring), &home, NOW).unwrap();
    assert_eq!(Fingerprinter::open(Some(&keyring), &home, NOW).unwrap().key().expose(), first.key().expose());
    assert!(!home.fingerprint_key().exists());
}

#[test]
fn a_locked_keyring_says_so_and_a_restarted_one_is_found_again() {
    if enter(Session::Unlocked, "a_locked_keyring_says_so_and_a_restarted_one_is_found_again") == Run::Outside {
        return;
    }
    let keyring = open().unwrap();
    keyring.set(&key("TOKEN"), &Secret::new("x"), NOW).unwrap();
    lock();
    for error in [
        keyring.get(&key("TOKEN")).unwrap_err(),
        keyring.set(&key("TOKEN"), &Secret::new("y"), NOW).unwrap_err(),
        keyring.set(&key("NEW"), &Secret::new("y"), NOW).unwrap_err(),
        keyring.list(&key("TOKEN").scope).unwrap_err(),
        open().unwrap().get(&key("TOKEN")).unwrap_err(),
    ] {
        // Without a screen the keyring cannot ask, and reports its question as dismissed.
        assert!(matches!(error, SecretsError::Locked | SecretsError::PromptDismissed), "{error:?}");
        assert!(error.advice().contains("unlock"));
    }
    // The same handle works again after the advice was followed: the daemon is a new process with new sessions.
    run(&["sh", "-c", super::error::SERVER_UNLOCK], &format!("{PASSWORD}\n")).unwrap();
    assert_eq!(value(&keyring, &key("TOKEN")).as_deref(), Some(b"x".as_slice()));
}

#[test]
fn two_entries_of_one_name_are_not_guessed_between() {
    if enter(Session::Unlocked, "two_entries_of_one_name_are_not_guessed_between") == Run::Outside {
        return;
    }
    let keyring = open().unwrap();
    for extra in ["1", "2"] {
        let store =
            ["secret-tool", "store", "--label=x", "service", "slipway", "username", "shop/TOKEN", "extra", extra];
        run(&store, "x").unwrap();
    }
    let error = keyring.get(&key("TOKEN")).unwrap_err();
    assert_eq!(error, SecretsError::Ambiguous { key: key("TOKEN"), count: 2 });
}

#[test]
fn a_session_whose_keyring_was_never_made_says_so() {
    if enter(Session::NeverMade, "a_session_whose_keyring_was_never_made_says_so") == Run::Outside {
        return;
    }
    let keyring = open().unwrap();
    assert_eq!(value(&keyring, &key("TOKEN")), None);
    let error = keyring.set(&key("TOKEN"), &Secret::new("x"), NOW).unwrap_err();
    assert_eq!(error, SecretsError::NoCollection);
}

#[test]
fn a_bus_without_a_keyring_says_how_to_get_one() {
    if enter(Session::BusOnly, "a_bus_without_a_keyring_says_how_to_get_one") == Run::Outside {
        return;
    }
    let error = open().unwrap_err();
    assert!(matches!(error, SecretsError::NoService { .. }), "{error:?}");
    assert!(error.advice().contains("gnome-keyring") && error.advice().contains("--secrets-from-env"));
}

#[test]
fn the_advice_for_servers_works_as_written() {
    if enter(Session::Advised, "the_advice_for_servers_works_as_written") == Run::Outside {
        return;
    }
    let advised = |instead: &str| {
        let command = super::error::SERVER_SESSION.replace("slipway …", instead);
        run(&["sh", "-c", &command], "pass word\n")
    };
    advised("secret-tool store --label=x service slipway site shop name KEY <<<stored").unwrap();
    let found = advised("secret-tool lookup service slipway site shop name KEY").unwrap();
    assert_eq!(String::from_utf8_lossy(&found).trim(), "stored", "a second session opens the same keyring");
}

#[test]
fn no_bus_says_so() {
    if enter(Session::Nothing, "no_bus_says_so") == Run::Outside {
        return;
    }
    let error = open().unwrap_err();
    assert!(matches!(error, SecretsError::NoBus { .. }), "{error:?}");
    assert!(error.advice().contains("dbus-run-session"));
}

#[test]
fn a_dead_bus_says_so() {
    if enter(Session::DeadBus, "a_dead_bus_says_so") == Run::Outside {
        return;
    }
    let error = open().unwrap_err();
    assert!(matches!(error, SecretsError::NoBus { .. }), "{error:?}");
}
