//! Programs that run on a host, run here on a folder of their own.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::print_stdout)]

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command as Process, Output, Stdio};

use slipway_core::activation::Instance;
use slipway_core::command::Command;
use slipway_core::digest::Digest;
use slipway_core::plan::release_step::{keep_environment, seal};
use slipway_core::plan::{FileContent, FileWrite};
use slipway_core::release::{Layout, ReleaseRecord};
use slipway_core::resource::Payloads;
use slipway_core::running::freshness_command;
use slipway_core::secret::Secret;
use slipway_core::task::{Ended, Task, parse_news};

const ID: &str = "20261121T100000Z-aaaaaa";

/// A folder that goes away; none when the test cannot be run here.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Option<Self> {
        let root = Process::new("id").arg("-u").output().is_ok_and(|output| output.stdout == b"0\n");
        if !root {
            println!("not run: only root can give files to root");
            return None;
        }
        let path = std::env::temp_dir().join(format!("slipway-onhost-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        Some(Self(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn run(argv: &[String], input: &[u8]) -> Output {
    let (program, arguments) = argv.split_first().unwrap();
    let mut child = Process::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A program that ends early does not read everything.
    let _ = child.stdin.take().unwrap().write_all(input);
    child.wait_with_output().unwrap()
}

/// A building release below `root`, and what sealing it says.
fn sealed(root: &Path, links: &[(&str, &str)]) -> Output {
    let releases = [root.join("building"), root.join("release")];
    sealed_at(&releases, BUILDER, links, &[])
}

/// Who builds here: nobody's number on any machine, since sealing ends all of the builder's processes.
const BUILDER: u32 = 61_734;

/// The same of a release and the place that it comes to, with what nginx serves of it.
fn sealed_at([building, to]: &[PathBuf; 2], builder: u32, links: &[(&str, &str)], served: &[&str]) -> Output {
    fs::create_dir_all(building.join("config/etc")).unwrap();
    let record: ReleaseRecord = serde_json::from_value(serde_json::json!({
        "id": ID, "source": "x", "config": Digest::of(b"x"), "author": "x", "created": "x",
    }))
    .unwrap();
    let site = "shop".parse().unwrap();
    let links: Vec<_> = links.iter().map(|(link, target)| ((*link).to_owned(), (*target).to_owned())).collect();
    let served: Vec<_> = served.iter().map(|path| (*path).to_owned()).collect();
    let mut argv = seal(&Layout::new(&site), &site, &record, None, &links, &served).argv;
    let builder = builder.to_string();
    for (place, value) in
        argv.iter_mut().skip(4).zip([building.to_str().unwrap(), to.to_str().unwrap(), "root", &builder])
    {
        value.clone_into(place);
    }
    run(&argv, b"")
}

#[test]
fn sealing_never_reaches_through_a_link_of_the_source() {
    let Some(folder) = Folder::new("through") else { return };
    let (root, outside) = (&folder.0, folder.0.join("outside"));
    fs::create_dir_all(root.join("building/code")).unwrap();
    fs::create_dir_all(outside.join("media")).unwrap();
    fs::create_dir_all(outside.join("empty")).unwrap();
    symlink("/somewhere", outside.join("link")).unwrap();
    symlink(&outside, root.join("building/code/static")).unwrap();
    for link in ["static/link", "static/empty", "static/new", "static/media/deep", "../outside/empty", "/etc"] {
        let output = sealed(root, &[(link, "/opt/shop/shared/media")]);
        assert!(!output.status.success(), "{link}");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(said.contains("symbolic link") || said.contains("no path inside"), "{link}: {said}");
    }
    let mut left: Vec<_> = fs::read_dir(&outside).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    left.sort();
    assert_eq!(left, ["empty", "link", "media"]);
    assert_eq!(fs::read_dir(outside.join("media")).unwrap().count(), 0);
}

#[test]
fn sealing_makes_links_and_takes_the_code_for_root() {
    let Some(folder) = Folder::new("links") else { return };
    let root = &folder.0;
    let code = root.join("building/code");
    fs::create_dir_all(code.join("media")).unwrap();
    fs::create_dir_all(code.join("full")).unwrap();
    fs::write(code.join("full/file"), "x").unwrap();
    fs::write(code.join("app.py"), "x").unwrap();
    fs::set_permissions(code.join("app.py"), fs::Permissions::from_mode(0o4777)).unwrap();
    symlink("/opt/other", code.join("old")).unwrap();
    for path in ["media", "full", "app.py", "."] {
        std::os::unix::fs::chown(code.join(path), Some(65534), Some(65534)).unwrap();
    }
    let refused = sealed(root, &[("full", "/target")]);
    assert!(String::from_utf8_lossy(&refused.stderr).contains("is not empty"), "{refused:?}");
    assert!(code.join("full/file").exists());
    let output = sealed(root, &[("media", "/target/a"), ("old", "/target/b"), ("new/deep/er", "/target/c")]);
    assert!(output.status.success(), "{output:?}");
    let code = root.join("release/code");
    for (link, target) in [("media", "/target/a"), ("old", "/target/b"), ("new/deep/er", "/target/c")] {
        assert_eq!(fs::read_link(code.join(link)).unwrap(), Path::new(target), "{link}");
    }
    let app = fs::metadata(code.join("app.py")).unwrap();
    assert_eq!((app.uid(), app.gid(), app.mode() & 0o7777), (0, 0, 0o755));
}

#[test]
fn sealing_refuses_links_out_of_what_nginx_serves() {
    let Some(folder) = Folder::new("served") else { return };
    let root = &folder.0;
    let shared = root.join("shared/photos");
    fs::create_dir_all(shared.join("album")).unwrap();
    std::os::unix::fs::chown(&shared, Some(65534), Some(65534)).unwrap();
    let photos = shared.to_str().unwrap().to_owned();
    let in_photos = format!("{photos}/album");
    let around_photos = format!("{photos}/album/../../photos");
    let building = root.join("releases/1.building");
    let code = building.join("code");
    let prepare = |links: &[(&str, &str)]| {
        let _ = fs::remove_dir_all(root.join("releases"));
        for directory in ["static/.private", "static/.well-known", "public/deep", "app/venv/bin"] {
            fs::create_dir_all(code.join(directory)).unwrap();
        }
        for (link, target) in links {
            symlink(target, code.join(link)).unwrap();
        }
    };
    let seal = |served: &[&str]| {
        let releases = [building.clone(), root.join("releases/1")];
        let output = sealed_at(&releases, BUILDER, &[("static/media", &photos)], served);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.success(), root.join("releases/1/code").exists(), "{said}");
        (output.status.success(), said)
    };
    let far = format!("{}{}etc", "a/".repeat(30), "../".repeat(32));
    let built = format!("{}/app", code.display());
    let refused: &[(&[(&str, &str)], &str)] = &[
        (&[("static/p.txt", "/etc/passwd")], "static/p.txt is a link that leads out of the source, to /etc/passwd"),
        (&[("static/p.txt", "../../../../../../../etc/passwd")], "static/p.txt"),
        (&[("static/p.txt", "../up/x"), ("up", "public/../..")], "static/p.txt"),
        (&[("static/up", "../public"), ("public/p", "/etc")], "public/p"),
        (&[("static/up", "../public"), ("public/p", "deep/q"), ("public/deep/q", "/usr/share/doc")], "public/deep/q"),
        (&[("static/.well-known/p", "/etc")], "static/.well-known/p"),
        (&[("static/far", &far)], "static/far"),
        // The application makes what is there lead where it likes.
        (&[("static/p.txt", &in_photos)], "static/p.txt"),
        (&[("static/p.txt", "media/album")], "static/p.txt"),
        (&[("static/p.txt", "media/../../app")], "static/p.txt"),
        (&[("static/p.txt", &around_photos)], "static/p.txt"),
        // The release gets another name.
        (&[("static/p.txt", &built)], "static/p.txt"),
        (&[("static/two\nlines", "/etc/passwd")], "static/two\\nlines is a link"),
        (&[("static/a\\nb", "/etc/passwd")], "static/a\\\\nb is a link"),
        (&[("static/-rf \"$(id)\"", "/etc/passwd")], "static/-rf \"$(id)\" is a link"),
    ];
    for (links, told) in refused {
        prepare(links);
        let (sealed, said) = seal(&["static"]);
        assert!(!sealed && said.contains(told), "{links:?}: {said}");
    }
    let many: Vec<String> = (0..9).map(|number| format!("static/{number}")).collect();
    prepare(&many.iter().map(|link| (link.as_str(), "/etc")).collect::<Vec<_>>());
    let (_, said) = seal(&["public", "static"]);
    assert!(said.contains("and 4 more links"), "{said}");
    // A directory that is served can be a link itself.
    prepare(&[("www", "/var/www")]);
    assert!(seal(&["www"]).1.contains("www, which nginx serves, leads out of the source"));
    prepare(&[("www", "public"), ("public/p", "/etc")]);
    assert!(seal(&["www"]).1.contains("public/p"));

    for links in [
        // What nginx does not come by, the application may need.
        &[("app/venv/bin/python3", "/usr/bin/python3"), ("static/.private/p", "/etc"), ("public/p", "/etc")][..],
        &[("static/new", "../public//deep/./../deep"), ("static/two\nlines", "../public"), ("static/-rf", ".")],
        &[("static/a", "b"), ("static/b", "a"), ("static/self", "self/x"), ("static/none", "no/such/file")],
        &[("static/also", "media"), ("static/direct", &photos), ("static/away", "../../../../shared/photos")],
    ] {
        prepare(links);
        let (sealed, said) = seal(&["static", "no/such/directory"]);
        assert!(sealed, "{links:?}: {said}");
    }
}

/// Plays a process that a build has left in its tree: it has files and links to `$ARGV[0]` change places, for as long as it lives.
const SWAPPER: &str = r#"
use strict;
my $canary = shift;
mkdir "race" or die;
chdir "race";
for my $i (1 .. 400) { open(my $f, ">", $i) or die; }
$| = 1;
print "ready\n";
while (1) {
    for my $i (1 .. 400) {
        symlink $canary, "link";
        rename "link", $i;
        { open(my $f, ">", "file"); }
        rename "file", $i;
    }
}
"#;

#[test]
fn nobody_is_left_in_a_tree_that_is_taken() {
    // Not the others' number: what they seal would end its processes.
    const LINGERS: u32 = 61_735;
    let Some(folder) = Folder::new("swap") else { return };
    let canary = folder.0.join("canary");
    fs::write(&canary, "root's own").unwrap();
    fs::set_permissions(&canary, fs::Permissions::from_mode(0o600)).unwrap();
    let code = folder.0.join("building/code");
    fs::create_dir_all(&code).unwrap();
    std::os::unix::fs::chown(&code, Some(LINGERS), Some(LINGERS)).unwrap();
    let mut swapper = Process::new("setpriv")
        .args([&format!("--reuid={LINGERS}"), &format!("--regid={LINGERS}"), "--clear-groups", "perl", "-e", SWAPPER])
        .arg(&canary)
        .current_dir(&code)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut ready = String::new();
    BufReader::new(swapper.stdout.take().unwrap()).read_line(&mut ready).unwrap();
    assert_eq!(ready, "ready\n");
    // It is reaped as soon as it ends, as its parent would.
    let ended = std::thread::spawn(move || swapper.wait().unwrap());
    let output = sealed_at(&[folder.0.join("building"), folder.0.join("release")], LINGERS, &[], &[]);
    assert!(output.status.success(), "{output:?}");
    assert_eq!(std::os::unix::process::ExitStatusExt::signal(&ended.join().unwrap()), Some(9));
    assert_eq!(owned_by_others(&folder.0.join("release")), "");
    let seen = fs::metadata(&canary).unwrap();
    assert_eq!((seen.uid(), seen.mode() & 0o7777), (0, 0o600));
    let inside = fs::read_dir(folder.0.join("release/code/race")).unwrap();
    let read =
        |path: std::path::PathBuf| fs::symlink_metadata(&path).unwrap().is_file().then(|| fs::read(path).unwrap());
    let contents: Vec<Vec<u8>> = inside.filter_map(|entry| read(entry.unwrap().path())).collect();
    assert!(!contents.is_empty() && contents.iter().all(Vec::is_empty), "root's file was copied");
}

/// What in a tree is not root's alone.
fn owned_by_others(tree: &Path) -> String {
    let mut find = Process::new("find");
    find.arg(tree).args(["(", "!", "-user", "root", "-o", "!", "-type", "l", "-perm", "/022", ")"]);
    String::from_utf8(find.output().unwrap().stdout).unwrap()
}

#[test]
fn an_environment_is_marked_whole_in_its_own_folder_only() {
    let Some(folder) = Folder::new("whole") else { return };
    let (environment, canary) = (folder.0.join("environment"), folder.0.join("canary"));
    fs::create_dir_all(environment.join("bin")).unwrap();
    fs::write(&canary, "root's own").unwrap();
    symlink(&canary, environment.join(".whole")).unwrap();
    symlink(&canary, environment.join("bin/python")).unwrap();
    fs::write(environment.join("bin/gunicorn"), "x").unwrap();
    fs::set_permissions(environment.join("bin/gunicorn"), fs::Permissions::from_mode(0o4777)).unwrap();
    for path in ["bin", "bin/gunicorn", "."] {
        std::os::unix::fs::chown(environment.join(path), Some(65534), Some(65534)).unwrap();
    }
    let mut argv = keep_environment(&Layout::new(&"shop".parse().unwrap()), environment.to_str().unwrap()).argv;
    *argv.last_mut().unwrap() = BUILDER.to_string();
    let output = run(&argv, b"");
    assert!(output.status.success(), "{output:?}");
    assert_eq!(fs::read(&canary).unwrap(), b"root's own");
    assert!(fs::symlink_metadata(environment.join(".whole")).unwrap().is_file());
    assert_eq!(owned_by_others(&environment), "");
    assert_eq!(fs::metadata(environment.join("bin/gunicorn")).unwrap().mode() & 0o7777, 0o755);
}

fn write(root: &Path, content: FileContent, payloads: &Payloads, expected: Option<Digest>) -> (Command, Output) {
    let file = FileWrite {
        path: root.join("file").to_str().unwrap().to_owned(),
        mode: 0o600,
        owner: "root".to_owned(),
        group: "root".to_owned(),
        content,
        effects: Vec::new(),
        expected,
        keep: None,
        stage: None,
    };
    let command = file.command(payloads).unwrap();
    // Scratch files go into the folder too.
    let argv: Vec<_> = command.argv.iter().map(|word| word.replace("/run/slipway", root.to_str().unwrap())).collect();
    let output = run(&argv, command.stdin.as_bytes());
    (command, output)
}

#[test]
fn a_task_that_ends_while_it_is_asked_about_is_not_gone() {
    let Some(folder) = Folder::new("task") else { return };
    let root = &folder.0;
    let task = Task {
        unit: "slipway-run-x".to_owned(),
        user: None,
        argv: vec!["/bin/true".to_owned()],
        directory: "/".to_owned(),
        environment: std::collections::BTreeMap::new(),
        secrets: Vec::new(),
        writable: Vec::new(),
        hidden: Vec::new(),
        timeout_s: 1,
    };
    fs::write(root.join("key.out"), "said").unwrap();
    let programs = root.join("programs");
    fs::create_dir(&programs).unwrap();
    let program = |name: &str, text: &str| {
        fs::write(programs.join(name), format!("#!/bin/sh\n{text}\n")).unwrap();
        fs::set_permissions(programs.join(name), fs::Permissions::from_mode(0o755)).unwrap();
    };
    program("systemctl", "echo ActiveState=inactive");
    let poll = || {
        let argv = task.poll("run", "key", 4).argv;
        let argv = argv.iter().map(|word| word.replace("/run/slipway/run", root.to_str().unwrap()));
        let path = format!("PATH={}:{}", programs.display(), std::env::var("PATH").unwrap());
        let output = run(&["env".to_owned(), path].into_iter().chain(argv).collect::<Vec<_>>(), b"");
        let output = slipway_core::command::Output {
            exit: slipway_core::command::Exit::Code(output.status.code().unwrap() as u8),
            stdout: output.stdout,
            stderr: output.stderr,
            truncated: false,
        };
        parse_news(&output, 4).unwrap().ended
    };
    program("pgrep", "exit 1");
    assert_eq!(poll(), Some(Ended::Unknown));
    // Its last process notes the status and ends right before it is looked for.
    program("pgrep", &format!("echo 7 >{}/key.status; exit 1", root.display()));
    assert_eq!(poll(), None);
    assert_eq!(poll(), Some(Ended::Status(7)));
}

#[test]
fn files_are_written_over_what_is_expected_and_no_argument_tells_of_a_secret() {
    let Some(folder) = Folder::new("write") else { return };
    let root = &folder.0;
    let text = |text: &str| FileContent::Text { text: text.to_owned() };
    let none = Payloads::new();
    let (_, output) = write(root, text("\none\n\\n two"), &none, None);
    assert!(output.status.success(), "{output:?}");
    assert_eq!(fs::read(root.join("file")).unwrap(), b"\none\n\\n two");
    let (_, output) = write(root, text("x"), &none, None);
    assert_eq!(output.status.code(), Some(76), "{output:?}");

    let path = root.join("file").to_str().unwrap().to_owned();
    let payloads = Payloads::from([(path, Secret::new(b"hush\0\xff\n".to_vec()))]);
    let digest = Digest::of(b"\none\n\\n two");
    let masked = FileContent::Secret { masked: "•".to_owned() };
    let (command, output) = write(root, masked, &payloads, Some(digest.clone()));
    assert!(output.status.success(), "{output:?}");
    assert!(!command.argv.iter().any(|word| word.contains(digest.as_str())), "{:?}", command.argv);
    assert_eq!(fs::read(root.join("file")).unwrap(), b"hush\0\xff\n");
}

/// What is written just before a process begins is not newer than what it runs with, however the kernel's whole seconds
/// fall; what is written a minute later is.
#[test]
fn only_what_is_written_after_a_process_began_is_newer() {
    let Some(folder) = Folder::new("newer") else { return };
    let file = folder.0.join("settings");
    for _ in 0..12 {
        fs::write(&file, "x").unwrap();
        let mut process = Process::new("sleep").arg("60").spawn().unwrap();
        let systemctl = folder.0.join("systemctl");
        fs::write(&systemctl, format!("#!/bin/sh\ncase $* in *MainPID*) echo MainPID={} ;; esac\n", process.id()))
            .unwrap();
        fs::set_permissions(&systemctl, fs::Permissions::from_mode(0o755)).unwrap();
        let newer = || {
            let unit = "shop-web@1.service".to_owned();
            let instance = Instance { unit, ..Instance::default() };
            let command = freshness_command(&[], &[file.to_str().unwrap()], &[instance], &[]);
            let (program, arguments) = command.argv.split_first().unwrap();
            let path = format!("{}:{}", folder.0.display(), std::env::var("PATH").unwrap());
            let output = Process::new(program).args(arguments).env("PATH", path).output().unwrap();
            let said = String::from_utf8(output.stdout).unwrap();
            said.lines().filter(|line| !line.starts_with("memory ")).map(|line| format!("{line}\n")).collect::<String>()
        };
        let fresh = newer();
        let later = std::time::SystemTime::now() + std::time::Duration::from_secs(60);
        fs::File::options().write(true).open(&file).unwrap().set_modified(later).unwrap();
        let changed = newer();
        process.kill().unwrap();
        process.wait().unwrap();
        assert_eq!(fresh, "end\n");
        assert_eq!(changed, format!("newer shop-web@1.service {}\nend\n", file.display()));
        // The next round falls on another part of a second.
        std::thread::sleep(std::time::Duration::from_millis(90));
    }
}
