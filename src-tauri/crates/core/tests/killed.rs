//! Programs that change a host, killed before and after every call that they make: what is there then is the old or the
//! new, and the same program, run again, brings the new and leaves nothing behind.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, clippy::print_stdout)]

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command as Process, Stdio};

use slipway_core::command::{Command, Stdin};
use slipway_core::digest::Digest;
use slipway_core::plan::release_step::{keep_environment, seal};
use slipway_core::plan::{FileContent, FileWrite};
use slipway_core::release::{Layout, ReleaseRecord};
use slipway_core::resource::Payloads;

const PROGRAMS: [&str; 15] = [
    "cat",
    "chmod",
    "chown",
    "cmp",
    "cp",
    "find",
    "id",
    "ln",
    "mkdir",
    "mktemp",
    "mv",
    "rm",
    "setpriv",
    "sha256sum",
    "sync",
];

/// A folder whose programs count their calls and kill everything at one of them.
struct Place {
    root: PathBuf,
    path: String,
}

impl Place {
    fn new(name: &str) -> Option<Self> {
        let is_root = Process::new("id").arg("-u").output().is_ok_and(|output| output.stdout == b"0\n");
        if !is_root {
            println!("not run: only root can give files to root");
            return None;
        }
        let root = std::env::temp_dir().join(format!("slipway-killed-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&root);
        let programs = root.join("programs");
        fs::create_dir_all(&programs).unwrap();
        let usual = std::env::var("PATH").unwrap();
        for name in PROGRAMS {
            let real = usual.split(':').map(|place| Path::new(place).join(name)).find(|path| path.exists()).unwrap();
            let text = format!(
                "#!/bin/sh\nread -r number <\"$PLACE/number\"\nnumber=$((number + 1))\necho \"$number\" >\"$PLACE/number\"\n\
                 [ \"$number before\" != \"$AT\" ] || kill -9 0\n{} \"$@\"\nstatus=$?\n\
                 [ \"$number after\" != \"$AT\" ] || kill -9 0\nexit \"$status\"\n",
                real.display()
            );
            fs::write(programs.join(name), text).unwrap();
            fs::set_permissions(programs.join(name), fs::Permissions::from_mode(0o755)).unwrap();
        }
        let path = format!("{}:{usual}", programs.display());
        Some(Self { root, path })
    }

    /// Runs a command in this place; `at` says where it is killed. Returns whether it succeeded, and how many calls it made.
    fn run(&self, command: &Command, replace: &[(&str, &str)], at: &str) -> (bool, usize) {
        let number = self.root.join("number");
        fs::write(&number, "0\n").unwrap();
        let own = |word: &String| replace.iter().fold(word.clone(), |word, (from, to)| word.replace(from, to));
        let argv: Vec<String> = command.argv.iter().map(own).collect();
        let mut child = Process::new(&argv[0])
            .args(&argv[1..])
            .envs([("PATH", self.path.as_str()), ("PLACE", self.root.to_str().unwrap()), ("AT", at)])
            .process_group(0)
            .stdin(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        if let Stdin::Bytes(bytes) = &command.stdin {
            // One that is killed does not read everything.
            let _ = child.stdin.take().unwrap().write_all(bytes);
        }
        drop(child.stdin.take());
        let success = child.wait().unwrap().success();
        (success, fs::read_to_string(&number).unwrap().trim().parse().unwrap_or(0))
    }

    /// Every place of a command that succeeds in the state which `prepare` makes.
    fn places(&self, prepare: &dyn Fn() -> Command, replace: &[(&str, &str)]) -> Vec<String> {
        let command = prepare();
        let (success, calls) = self.run(&command, replace, "");
        assert!(success && calls > 3, "{calls} calls");
        println!("{calls} calls");
        (1..=calls).flat_map(|number| [format!("{number} before"), format!("{number} after")]).collect()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.root);
    }
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_file_is_the_old_or_the_new() {
    let Some(place) = Place::new("file") else { return };
    let (folder, scratch) = (place.root.join("etc"), place.root.join("scratch"));
    let path = folder.join("shop");
    let replace = [("/run/slipway", scratch.to_str().unwrap())];
    let write = |expected: &[u8]| {
        let file = FileWrite {
            path: path.to_str().unwrap().to_owned(),
            mode: 0o640,
            owner: "root".to_owned(),
            group: "root".to_owned(),
            content: FileContent::Text { text: "new\n".to_owned() },
            effects: Vec::new(),
            expected: Some(Digest::of(expected)),
            keep: None,
            stage: None,
        };
        file.command(&Payloads::new()).unwrap()
    };
    let prepare = || {
        for folder in [&folder, &scratch] {
            let _ = fs::remove_dir_all(folder);
            fs::create_dir(folder).unwrap();
        }
        fs::write(&path, "old\n").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        write(b"old\n")
    };
    let seen = || (fs::read_to_string(&path).unwrap(), fs::metadata(&path).unwrap().mode() & 0o7777);
    let (mut old, mut new) = (0, 0);
    for at in place.places(&prepare, &replace) {
        let (success, _) = place.run(&prepare(), &replace, &at);
        assert!(!success, "{at}: it was not killed");
        let (content, mode) = seen();
        match content.as_str() {
            "old\n" => old += usize::from(mode == 0o600),
            _ => new += usize::from(mode == 0o640),
        }
        assert!([("old\n", 0o600), ("new\n", 0o640)].contains(&(content.as_str(), mode)), "{at}: {content} {mode:o}");
        let (success, _) = place.run(&write(content.as_bytes()), &replace, "");
        assert!(success, "{at}: it does not converge");
        assert_eq!(seen(), ("new\n".to_owned(), 0o640), "{at}");
        assert_eq!(names(&folder), ["shop"], "{at}: something was left behind");
    }
    assert!(old > 3 && new > 0, "{old} {new}");
}

/// Who builds here: nobody's number on any machine, since sealing ends all of the builder's processes.
const BUILDER: &str = "61734";

const ID: &str = "20261121T100000Z-aaaaaa";

#[test]
fn a_release_is_there_whole_or_not_at_all() {
    let Some(place) = Place::new("seal") else { return };
    let (building, release) = (place.root.join("building"), place.root.join("release"));
    let record: ReleaseRecord = serde_json::from_value(serde_json::json!({
        "id": ID, "source": "x", "config": Digest::of(b"x"), "author": "x", "created": "x",
    }))
    .unwrap();
    let site = "shop".parse().unwrap();
    let links = [("media/photos".to_owned(), "/opt/shop/shared/photos".to_owned())];
    let mut command = seal(&Layout::new(&site), &site, &record, None, &links, &["sub".to_owned()]);
    let arguments = [building.to_str().unwrap(), release.to_str().unwrap(), "nobody", BUILDER];
    for (word, value) in command.argv.iter_mut().skip(4).zip(arguments) {
        value.clone_into(word);
    }
    // The configuration's group is that of the site's user.
    let replace = [("root:$site", "root:root")];
    let prepare = || {
        for folder in [&building, &release] {
            let _ = fs::remove_dir_all(folder);
        }
        fs::create_dir_all(building.join("code/sub")).unwrap();
        fs::create_dir_all(building.join("config/etc")).unwrap();
        fs::write(building.join("code/sub/app.py"), "x").unwrap();
        for path in ["code", "code/sub", "code/sub/app.py"] {
            chown(building.join(path), Some(65534), Some(65534)).unwrap();
        }
        command.clone()
    };
    let whole = |at: &str| {
        let app = fs::metadata(release.join("code/sub/app.py")).unwrap();
        assert_eq!((app.uid(), app.mode() & 0o022), (0, 0), "{at}");
        assert_eq!(fs::read_link(release.join("code/media/photos")).unwrap(), Path::new("/opt/shop/shared/photos"));
        assert!(!building.exists(), "{at}");
    };
    let mut cut = 0;
    for at in place.places(&prepare, &replace) {
        place.run(&prepare(), &replace, &at);
        if release.exists() {
            whole(&at);
            continue;
        }
        cut += 1;
        // The next run begins anew under another name, and can also go on with what is there.
        let (success, _) = place.run(&command, &replace, "");
        assert!(success, "{at}: it does not converge");
        whole(&at);
    }
    assert!(cut > 10, "{cut}");
}

#[test]
fn an_environment_is_whole_only_when_it_is_roots() {
    let Some(place) = Place::new("environment") else { return };
    let environment = place.root.join("environment");
    let mut command = keep_environment(&Layout::new(&"shop".parse().unwrap()), environment.to_str().unwrap());
    BUILDER.clone_into(command.argv.last_mut().unwrap());
    let prepare = || {
        let _ = fs::remove_dir_all(&environment);
        fs::create_dir_all(environment.join("bin")).unwrap();
        fs::write(environment.join("bin/python"), "x").unwrap();
        for path in [".", "bin", "bin/python"] {
            chown(environment.join(path), Some(65534), Some(65534)).unwrap();
        }
        command.clone()
    };
    let roots = || {
        [".", "bin", "bin/python"].iter().all(|path| fs::metadata(environment.join(path)).is_ok_and(|at| at.uid() == 0))
    };
    for at in place.places(&prepare, &[]) {
        place.run(&prepare(), &[], &at);
        assert!(roots() || !environment.join(".whole").exists(), "{at}: whole and not root's");
        let (success, _) = place.run(&command, &[], "");
        assert!(success && roots() && environment.join(".whole").exists(), "{at}: it does not converge");
    }
}
