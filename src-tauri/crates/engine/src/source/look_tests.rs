use super::*;

fn write(path: &Path, text: &[u8]) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

#[test]
fn a_folder_is_listed_without_links_and_caches() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("code");
    write(&root.join("app.py"), b"from flask import Flask\napp = Flask(__name__)\n");
    write(&root.join("main.py"), b"\x00\x01binary");
    write(&root.join("server.py"), "x".repeat(MOST_TEXT + 100).as_bytes());
    write(&root.join("node_modules/a/package.json"), b"{}");
    write(&root.join(".git/config"), b"");
    write(&folder.path().join("secret/wsgi.py"), b"application = 1\n");
    std::os::unix::fs::symlink("../secret", root.join("link")).unwrap();
    std::os::unix::fs::symlink("../secret/wsgi.py", root.join("wsgi.py")).unwrap();
    std::os::unix::fs::symlink(".", root.join("round")).unwrap();
    let found = tree(&root).unwrap();
    assert_eq!(found.files, ["app.py", "main.py", "server.py"]);
    assert_eq!(found.texts.keys().collect::<Vec<_>>(), ["app.py", "server.py"]);
    assert_eq!(found.texts["server.py"].len(), MOST_TEXT);
    assert!(!found.partial);
    write(&root.join(format!("{}deep.py", "d/".repeat(20))), b"");
    assert!(tree(&root).unwrap().partial);
    for missing in [folder.path().join("none"), root.join("app.py")] {
        assert_eq!(tree(&missing).unwrap_err().code, Code::Local);
    }
}

#[test]
fn urls_that_run_or_reveal_something_are_refused() {
    for bad in [
        "",
        "-u/x",
        "--upload-pack=touch /tmp/x",
        "ext::sh -c id",
        "ext::sh",
        "http://example.com/a.git",
        "git://example.com/a",
        "https://ann:pass@example.com/a.git",
        "https://token@example.com/a.git",
        "https://example.com/a b",
        "https://example.com/\n",
    ] {
        assert_eq!(check(bad, None).unwrap_err().code, Code::Usage, "{bad}");
    }
    for good in ["https://example.com/a.git", "git@example.com:team/a.git", "ssh://git@[::1]:22/a", "file:///srv/a.git"]
    {
        assert!(check(good, Some("v1.0")).is_ok(), "{good}");
        assert!(check(good, Some("--x")).is_err() && check(good, Some("")).is_err());
    }
}

fn git(folder: &Path, words: &[&str]) {
    let status = std::process::Command::new("git")
        .args(["-c", "user.name=a", "-c", "user.email=a@b.test", "-c", "init.defaultBranch=main"])
        .args(words)
        .current_dir(folder)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .status()
        .unwrap();
    assert!(status.success(), "{words:?}");
}

#[tokio::test]
async fn a_repository_is_fetched_looked_at_and_forgotten() {
    let folder = tempfile::tempdir().unwrap();
    let (code, home) = (folder.path().join("code"), folder.path().join("home"));
    write(&code.join("app.py"), b"from flask import Flask\napp = Flask(__name__)\n");
    std::fs::create_dir(&home).unwrap();
    git(&code, &["init", "-q"]);
    git(&code, &["add", "."]);
    git(&code, &["commit", "-q", "-m", "one"]);
    let url = format!("file://{}", code.display());
    let fetched = fetch(&home, &url, Some("main")).await.unwrap();
    let found = listed(fetched.path().join("source")).await.unwrap();
    assert_eq!(found.files, ["app.py"]);
    assert_eq!(detect(&found).candidates.first().map(|best| best.name.clone()).as_deref(), Some("flask"));
    drop(fetched);
    let failure = fetch(&home, &url, Some("none")).await.unwrap_err();
    assert!(failure.message.contains("none") && failure.hint.is_some(), "{failure:?}");
    let failure = fetch(&home, &format!("{url}-not-there"), None).await.unwrap_err();
    assert_eq!(failure.code, Code::Local);
    assert_eq!(std::fs::read_dir(&home).unwrap().count(), 0);
}

#[test]
fn a_place_says_what_the_site_file_says() {
    let git = SourceLocation::Git { url: "https://git.test/a.git".into(), reference: None };
    assert_eq!(git.edits().unwrap().first(), Some(&Edit::set(&["source", "git"], "https://git.test/a.git")));
    let folder = SourceLocation::Folder("relative".into()).edits().unwrap();
    let path = folder.first().and_then(|edit| edit.value.clone()).unwrap();
    assert!(Path::new(path.as_str().unwrap()).is_absolute());
}
