//! Sending folders to a real sshd.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    unreachable_pub,
    missing_docs
)]

mod support;

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::time::Instant;

use slipway_core::command::Command;
use slipway_host::{Connection, HostError, LocalTree, Writer};
use support::{Server, can_run};

/// Bytes that do not compress.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let step = |_| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[3]
    };
    (0..length).map(step).collect()
}

fn folder(big: usize) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    std::fs::create_dir_all(at("static/empty")).unwrap();
    std::fs::write(at("big"), noise(big)).unwrap();
    std::fs::write(at("static/é 'x'\n"), "odd name").unwrap();
    std::fs::write(at("-n"), "dash").unwrap();
    std::fs::write(at("-"), "no input").unwrap();
    std::fs::write(at(&format!("static/{}", "long".repeat(50))), "long name").unwrap();
    std::fs::write(at("manage.py"), "#!/usr/bin/python3\n").unwrap();
    std::fs::set_permissions(at("manage.py"), std::fs::Permissions::from_mode(0o700)).unwrap();
    symlink("../manage.py", at("static/link")).unwrap();
    folder
}

/// What every upload here begins with.
struct Begun {
    server: Server,
    host: Connection,
    folder: tempfile::TempDir,
    tree: LocalTree,
}

/// A server, a connection to it, and a folder with a file of `big` bytes; none, said aloud, where no sshd can run.
async fn begin(big: usize) -> Option<Begun> {
    if !can_run() {
        return None;
    }
    let server = Server::start("");
    let host = server.connect().await;
    let folder = folder(big);
    let tree = LocalTree::read(folder.path(), &[]).unwrap();
    Some(Begun { server, host, folder, tree })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_arrives_as_it_is_and_once() {
    let Some(Begun { server, host, folder, tree }) = begin(5 << 20).await else { return };
    let place = server.path("site/code");
    let destination = place.to_str().unwrap();
    let (sender, mut progress) = tokio::sync::mpsc::channel(1000);
    let start = Instant::now();
    let sent = host.upload(Vec::new(), destination, &tree, Writer::Root, None, Some(sender)).await.unwrap();
    eprintln!("5 MiB: {:?}", start.elapsed());
    assert_eq!((sent.resumed, sent.taken), (0, 0));
    let mut last = 0;
    while let Some(step) = progress.recv().await {
        assert!(step.sent >= last && step.total == sent.packed);
        last = step.sent;
    }
    assert_eq!(last, sent.packed);

    let there = LocalTree::read(Path::new(destination), &[]).unwrap();
    assert_eq!(there.entries(), tree.entries());
    assert_eq!(there.digest(), tree.digest());
    let mode = |name: &str| std::fs::symlink_metadata(place.join(name)).unwrap();
    assert_eq!(mode("manage.py").mode() & 0o7777, 0o755);
    assert_eq!(mode("big").mode() & 0o7777, 0o644);
    assert_eq!(mode("static").mode() & 0o7777, 0o755);
    assert_eq!((mode("big").uid(), mode("").uid()), (0, 0));
    assert_eq!(mode("big").mtime(), std::fs::metadata(folder.path().join("big")).unwrap().mtime());

    let again = host.upload(Vec::new(), destination, &tree, Writer::Root, None, None).await.unwrap_err();
    assert!(matches!(&again, HostError::Failed { why, .. } if why.contains("exists")), "{again}");

    // What is on the host under the same path is taken there.
    let inode = |place: &Path, name: &str| std::fs::metadata(place.join(name)).unwrap().ino();
    let time = |place: &Path| std::fs::metadata(place.join("big")).unwrap().mtime();
    let second = server.path("second");
    for writer in [Writer::Root, Writer::Others] {
        let _ = std::fs::remove_dir_all(&second);
        let sent =
            host.upload(Vec::new(), second.to_str().unwrap(), &tree, writer, Some(destination), None).await.unwrap();
        // A name with a line break is not named in a list of lines, and "-" means the input to many programs.
        assert_eq!(sent.taken, tree.files() - 2);
        assert!(sent.packed < 10_000);
        let taken = LocalTree::read(&second, &[]).unwrap();
        assert_eq!((taken.entries(), taken.digest()), (tree.entries(), tree.digest()));
        assert_eq!(time(&second), time(&place));
        assert_eq!(mode("static").mode() & 0o7777, 0o755);
        for name in ["big", "manage.py", "-n"] {
            assert_eq!(inode(&second, name) == inode(&place, name), writer == Writer::Root, "{name}, {writer:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_on_the_host_is_taken_only_where_it_is_right() {
    let Some(Begun { server, host, folder, .. }) = begin(1 << 20).await else { return };
    std::fs::write(folder.path().join("kept"), noise(300 << 10)).unwrap();
    let tree = LocalTree::read(folder.path(), &[]).unwrap();
    let names = ["live", "links", "copies", "stamped", "changed", "touched", "none"].map(|name| server.path(name));
    let [live, links, copies, stamped, changed, touched, none] = &names;
    host.upload(Vec::new(), live.to_str().unwrap(), &tree, Writer::Root, None, None).await.unwrap();
    let upload = async |place: &Path, tree: &LocalTree, writer: Writer| {
        let sent = host
            .upload(Vec::new(), place.to_str().unwrap(), tree, writer, Some(live.to_str().unwrap()), None)
            .await
            .unwrap();
        assert_eq!(LocalTree::read(place, &[]).unwrap().entries(), tree.entries());
        sent.taken
    };
    let meta = |place: &Path, name: &str| std::fs::metadata(place.join(name)).unwrap();

    // The same bytes with another time are known by their digests, also of the small files beside them.
    for name in ["big", "manage.py"] {
        let file = std::fs::File::open(folder.path().join(name)).unwrap();
        file.set_modified(std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000_000)).unwrap();
    }
    assert_eq!(upload(touched, &tree, Writer::Root).await, tree.files() - 2);

    // The same size and time do not make the same content: that is found out, and their digests are asked for.
    let change = |folder: &Path, at: usize| {
        let mut bytes = noise(1 << 20);
        bytes[at] ^= 1;
        let stamp = meta(folder, "big").modified().unwrap();
        std::fs::write(folder.join("big"), bytes).unwrap();
        std::fs::File::options().write(true).open(folder.join("big")).unwrap().set_modified(stamp).unwrap();
    };
    let stamp = meta(live, "big").modified().unwrap();
    std::fs::File::options().write(true).open(folder.path().join("big")).unwrap().set_modified(stamp).unwrap();
    change(folder.path(), 5);
    let tree = LocalTree::read(folder.path(), &[]).unwrap();
    assert_eq!(upload(stamped, &tree, Writer::Root).await, tree.files() - 3);
    assert_ne!(meta(stamped, "big").ino(), meta(live, "big").ino());

    // So is what somebody changed on the host, whatever the list says that was made when it came.
    change(live, 7);
    let later = meta(live, "big").modified().unwrap() + std::time::Duration::from_secs(1);
    std::fs::File::options().write(true).open(live.join("big")).unwrap().set_modified(later).unwrap();
    assert_eq!(upload(changed, &tree, Writer::Root).await, tree.files() - 3);

    // What differs, is gone, is behind a link or has another mode there is sent or put right.
    std::fs::write(live.join("big"), "something else").unwrap();
    std::fs::set_permissions(live.join("manage.py"), std::fs::Permissions::from_mode(0o600)).unwrap();
    std::fs::remove_file(live.join("-n")).unwrap();
    let outside = server.path("outside");
    std::fs::rename(live.join("static"), &outside).unwrap();
    symlink(&outside, live.join("static")).unwrap();
    for (place, writer) in [(links, Writer::Root), (copies, Writer::Others)] {
        let taken = upload(place, &tree, writer).await;
        assert!(taken > 0 && taken < tree.files() - 2, "{taken}");
        assert_eq!(meta(place, "manage.py").mode() & 0o7777, 0o755);
        assert_eq!(meta(live, "manage.py").mode() & 0o7777, 0o600);
        assert_ne!(meta(place, "manage.py").ino(), meta(live, "manage.py").ino());
        // What did not change stays a link.
        assert_eq!(meta(place, "kept").ino() == meta(live, "kept").ino(), writer == Writer::Root);
    }
    let sent = host
        .upload(Vec::new(), none.to_str().unwrap(), &tree, Writer::Root, Some("/no/such/directory"), None)
        .await
        .unwrap();
    assert_eq!(sent.taken, 0);
    assert_eq!(LocalTree::read(none, &[]).unwrap().entries(), tree.entries());
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_comes_along_that_the_folder_no_longer_has() {
    let Some(Begun { server, host, folder, tree }) = begin(1 << 20).await else { return };
    let names = ["live", "next", "given", "last", "elsewhere"].map(|name| server.path(name));
    let [live, next, given, last, elsewhere] = &names;
    let upload = async |place: &Path, tree: &LocalTree, like: Option<&Path>| {
        let like = like.map(|like| like.to_str().unwrap());
        let writer = if place == given { Writer::Others } else { Writer::Root };
        let sent = host.upload(Vec::new(), place.to_str().unwrap(), tree, writer, like, None).await.unwrap();
        assert_eq!(LocalTree::read(place, &[]).unwrap().entries(), tree.entries());
        sent.taken
    };
    let inode = |place: &Path, name: &str| std::fs::metadata(place.join(name)).unwrap().ino();
    let at = |name: &str| folder.path().join(name);
    for name in ["gone/deep/a", "gone/deep/b", "gone/c", "half/stays", "half/goes/a", "turns", "opens/a"] {
        std::fs::create_dir_all(at(name).parent().unwrap()).unwrap();
        std::fs::write(at(name), name).unwrap();
    }
    let before = LocalTree::read(folder.path(), &[]).unwrap();
    assert_eq!(upload(live, &before, None).await, 0);

    // Files and folders that went, a file that is a folder now, a folder that is a file, and a file that is a link.
    for name in ["gone", "half/goes", "opens"] {
        std::fs::remove_dir_all(at(name)).unwrap();
    }
    std::fs::remove_file(at("turns")).unwrap();
    std::fs::create_dir(at("turns")).unwrap();
    std::fs::write(at("turns/inner"), "inner").unwrap();
    std::fs::write(at("opens"), "a file").unwrap();
    std::fs::remove_file(at("-n")).unwrap();
    symlink("big", at("-n")).unwrap();
    let after = LocalTree::read(folder.path(), &[]).unwrap();
    // Nor what an upload left behind that was cut off.
    for place in [next, given] {
        for left in ["slipway-partial/left", "slipway-lists/linked"] {
            let left = PathBuf::from(format!("{}.{left}", place.display()));
            std::fs::create_dir_all(left.parent().unwrap()).unwrap();
            std::fs::write(left, "left").unwrap();
        }
    }
    assert_eq!(upload(next, &after, Some(live)).await, tree.files() - 2);
    for name in ["big", "manage.py", "half/stays"] {
        assert_eq!(inode(next, name), inode(live, name), "{name}");
    }
    assert_eq!(LocalTree::read(live, &[]).unwrap().entries(), before.entries());
    assert_eq!(upload(given, &after, Some(live)).await, tree.files() - 2);

    // Nor what somebody put there by hand, whether or not the folder has a file of that name, or one with this content.
    std::fs::rename(at("big"), elsewhere).unwrap();
    std::fs::copy(elsewhere, at("big")).unwrap();
    std::fs::set_permissions(elsewhere, std::fs::Permissions::from_mode(0o600)).unwrap();
    std::fs::write(next.join("by hand"), "x").unwrap();
    std::fs::create_dir(next.join("by")).unwrap();
    std::fs::write(next.join("by/hand"), "x").unwrap();
    for (name, at) in [("half/stays", "/etc/passwd"), ("big", elsewhere.to_str().unwrap())] {
        std::fs::remove_file(next.join(name)).unwrap();
        symlink(at, next.join(name)).unwrap();
    }
    std::fs::remove_dir_all(given).unwrap();
    for (place, taken) in [(last, tree.files() - 2), (given, tree.files() - 1)] {
        assert_eq!(upload(place, &after, Some(next)).await, taken);
        assert_eq!(std::fs::read_to_string(place.join("half/stays")).unwrap(), "half/stays");
        assert_eq!(std::fs::metadata(elsewhere).unwrap().mode() & 0o777, 0o600);
        assert_eq!(inode(place, "manage.py") == inode(next, "manage.py"), place == last);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_checked_once_is_not_read_again() {
    let Some(Begun { server, host, folder, tree }) = begin(1 << 20).await else { return };
    let names = ["first", "second", "third", "wrong", "given"].map(|name| server.path(name));
    let [first, second, third, wrong, given] = &names;
    let list = |place: &Path| server.path(&format!("{}.digests", place.file_name().unwrap().to_str().unwrap()));
    let upload = async |place: &Path, tree: &LocalTree, writer, like: Option<&Path>| {
        let like = like.map(|like| like.to_str().unwrap());
        let sent = host.upload(Vec::new(), place.to_str().unwrap(), tree, writer, like, None).await.unwrap();
        assert_eq!(LocalTree::read(place, &[]).unwrap().entries(), tree.entries());
        sent.taken
    };
    assert_eq!(upload(first, &tree, Writer::Root, None).await, 0);
    // Every file that has a line of its own is in the list, of what was sent and of what was taken; only root reads it.
    let paths = |place: &Path| {
        let text = std::fs::read_to_string(list(place)).unwrap();
        let of = |line: &str| line.split_once('\t').unwrap().0.splitn(6, ' ').last().unwrap().to_owned();
        let mut paths: Vec<String> = text.lines().map(of).collect();
        paths.sort();
        paths
    };
    let long = format!("static/{}", "long".repeat(50));
    let all = ["-n".to_owned(), "big".to_owned(), "manage.py".to_owned(), long];
    assert_eq!(paths(first), all);
    assert_eq!(std::fs::metadata(list(first)).unwrap().mode() & 0o777, 0o600);
    std::fs::write(folder.path().join("big"), noise(1 << 20).repeat(2)).unwrap();
    let tree = LocalTree::read(folder.path(), &[]).unwrap();
    assert_eq!(upload(second, &tree, Writer::Root, Some(first)).await, tree.files() - 3);
    assert_eq!(paths(second), all);

    // That the list is believed shows where it lies: a file that holds something else than it says is sent.
    assert_eq!(upload(third, &tree, Writer::Root, Some(second)).await, tree.files() - 2);
    let text = std::fs::read_to_string(list(second)).unwrap();
    let lies: Vec<String> = text
        .lines()
        .map(|line| {
            if line.contains(" big\t") {
                format!("{}{}", &line[..line.len() - 64], "0".repeat(64))
            } else {
                line.to_owned()
            }
        })
        .collect();
    std::fs::write(list(second), lies.join("\n") + "\n").unwrap();
    assert_eq!(upload(wrong, &tree, Writer::Root, Some(second)).await, tree.files() - 3);
    // A list of nonsense is none.
    std::fs::write(list(third), b"\t\n 1 2\n\0\xff").unwrap();
    let _ = std::fs::remove_dir_all(wrong);
    assert_eq!(upload(wrong, &tree, Writer::Root, Some(third)).await, tree.files() - 2);

    // What others may write to has none.
    std::fs::write(list(given), "").unwrap();
    assert_eq!(upload(given, &tree, Writer::Others, Some(wrong)).await, tree.files() - 2);
    assert!(!list(given).exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_goes_on_where_it_stopped() {
    let Some(Begun { server, host, folder: _folder, tree }) = begin((12 << 20) + 12345).await else { return };
    let place = server.path("code");
    let destination = place.to_str().unwrap();
    let (sender, mut progress) = tokio::sync::mpsc::channel(1000);
    {
        let uploading = host.upload(Vec::new(), destination, &tree, Writer::Root, None, Some(sender));
        let enough = async { while progress.recv().await.is_some_and(|step| step.sent < 4 << 20) {} };
        tokio::select! {
            _ = uploading => panic!("it was to be stopped"),
            () = enough => {}
        }
    }
    drop(host);
    let host = server.connect().await;
    let sent = host.upload(Vec::new(), destination, &tree, Writer::Root, None, None).await.unwrap();
    assert!(sent.resumed >= 4 << 20 && sent.resumed < sent.packed, "{sent:?}");
    assert_eq!(LocalTree::read(&place, &[]).unwrap().digest(), tree.digest());

    // A spool file with other bytes is found out, removed, and the next attempt works.
    std::fs::remove_dir_all(&place).unwrap();
    let packed = sent.packed;
    let spoil = async {
        let (sender, mut progress) = tokio::sync::mpsc::channel(1000);
        let uploading = host.upload(Vec::new(), destination, &tree, Writer::Root, None, Some(sender));
        let some = async { while progress.recv().await.is_some_and(|step| step.sent < 1 << 20) {} };
        tokio::select! { _ = uploading => panic!(), () = some => {} }
    };
    spoil.await;
    let spoil = "cd /var/lib/slipway/.spool && for f in *; do [ \"$(stat -c %s \"$f\")\" -lt $1 ] && printf x | dd of=\"$f\" conv=notrunc status=none; done; :";
    assert!(host.run(Command::script(spoil, [packed.to_string()])).await.unwrap().success());
    let damaged = host.upload(Vec::new(), destination, &tree, Writer::Root, None, None).await.unwrap_err();
    assert!(matches!(&damaged, HostError::Failed { why, .. } if why.contains("damaged")), "{damaged}");
    assert!(!place.exists());
    host.upload(Vec::new(), destination, &tree, Writer::Root, None, None).await.unwrap();
    assert_eq!(LocalTree::read(&place, &[]).unwrap().digest(), tree.digest());
}
