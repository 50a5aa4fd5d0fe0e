use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use jiff::SignedDuration;
use slipway_core::detect::{Tree, detect};

use super::*;
use crate::clock::Fixed;
use crate::inventory::Host;
use crate::secrets::Memory;
use crate::site_file::SiteFile;
use crate::surroundings::Surroundings;

fn desk_at(home: &Path) -> (Desk, Arc<Fixed>) {
    let clock = Arc::new(Fixed::at("2026-11-21T10:00:00Z".parse().unwrap()));
    let variables = BTreeMap::from([("SLIPWAY_HOME".into(), home.into()), ("HOME".into(), "/home/ann".into())]);
    let surroundings = Surroundings { variables, operator: "ann@laptop".into() };
    (Desk::open(surroundings, Arc::new(Memory::default()), clock.clone()).unwrap(), clock)
}

fn desk() -> (tempfile::TempDir, Desk, Arc<Fixed>) {
    let folder = tempfile::tempdir().unwrap();
    let (desk, clock) = desk_at(&folder.path().join("home"));
    (folder, desk, clock)
}

fn host(desk: &Desk) -> HostName {
    let name: HostName = "web-1".parse().unwrap();
    desk.inventory.add_host(&Host::new(name.clone(), "203.0.113.7", desk.clock.now())).unwrap();
    name
}

fn flask() -> Detected {
    let texts = [
        (
            "app.py",
            "import os\nfrom flask import Flask\nfrom flask_socketio import SocketIO\napp = Flask(__name__)\nk = os.environ['SECRET_KEY']\nd = os.environ['SESSION_DIR']\n@app.route('/health')\ndef h(): ...\n",
        ),
        ("requirements.txt", "flask\nflask-socketio\n"),
    ];
    let files = texts.iter().map(|(path, _)| (*path).to_owned()).collect();
    let texts = texts.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect();
    detect(&Tree { files, texts, partial: false })
}

#[test]
fn a_wizard_goes_from_nothing_to_a_site_that_is_remembered() {
    let (folder, desk, clock) = desk();
    let name = host(&desk);
    let draft = desk.new_draft(Some(&name)).unwrap();
    let id = draft.draft.id.as_str().to_owned();
    assert!(draft.site.is_none() && draft.diagnostics.iter().any(Diagnostic::is_error));
    clock.advance(SignedDuration::from_secs(5));
    let source = Edit::set(&["source", "folder"], "~/code/shop");
    let answered = desk
        .edit_draft(
            &id,
            &[Edit::set(&["name"], "shop"), Edit::set(&["domains"], json!(["shop.test", "www.shop.test"])), source],
        )
        .unwrap();
    assert_eq!((answered.values["name"].as_str(), answered.draft.revision), (Some("shop"), 1));
    assert!(answered.draft.updated_at > answered.draft.created_at);
    desk.set_draft_step(&id, "source").unwrap();

    // A restart, and another process.
    let (other, _) = desk_at(&folder.path().join("home"));
    let all = other.drafts().unwrap();
    assert_eq!((all.drafts.len(), all.drafts[0].step.as_str(), all.unreadable.len()), (1, "source", 0));
    let blueprint = other.apply_blueprint(&id, "flask-socketio").unwrap();
    assert_eq!(blueprint.values["domains"], json!(["shop.test", "www.shop.test"]));
    let site = blueprint.site.unwrap_or_else(|| panic!("{:?}", blueprint.diagnostics));
    assert_eq!(
        (site.name.as_str(), site.source.folder.as_deref(), site.source.git),
        ("shop", Some("~/code/shop"), None)
    );
    let found = other.apply_detected(&id, &flask()).unwrap();
    assert_eq!(found.values.pointer("/process/web/gunicorn/app"), Some(&json!("app:app")));
    assert!(found.draft.text.contains("# 30d") || found.draft.text.contains("# browsers do not ask again"));
    assert_eq!(found.draft.detected, Some(flask()));

    let file = desk.finish_draft(&id, None).unwrap();
    assert_eq!(file.path, desk.home.sites().join("shop/slipway.toml"));
    assert_eq!(file.site.source.folder.as_deref(), Some("/home/ann/code/shop"));
    let known = desk.inventory.site(&file.site.name).unwrap();
    assert_eq!((known.hosts, known.file), (vec![name], file.path.display().to_string()));
    assert_eq!(desk.drafts().unwrap().drafts, []);
    assert_eq!(desk.draft(&id).unwrap_err().code, Code::Usage);
}

#[test]
fn every_blueprint_takes_answers_findings_and_sizes() {
    let (_folder, desk, _) = desk();
    for blueprint in blueprint::list() {
        let id = desk.new_draft(None).unwrap().draft.id;
        let first = [Edit::set(&["name"], "shop"), Edit::set(&["source", "git"], "https://git.test/a.git")];
        desk.edit_draft(id.as_str(), &first).unwrap();
        let view = desk.apply_blueprint(id.as_str(), blueprint.name).unwrap();
        assert!(view.site.is_some(), "{}: {:?}", blueprint.name, view.diagnostics);
        for profile in profiles(&view.values) {
            let view = desk.edit_draft(id.as_str(), &profile.edits).unwrap();
            assert!(view.site.is_some(), "{} {}: {:?}", blueprint.name, profile.name, view.diagnostics);
            let instances = view.values.pointer("/process/web/instances").cloned();
            match profile.name {
                "small" if blueprint.name != "static" => assert_eq!(instances, Some(json!(1))),
                "medium" if blueprint.name != "static" => assert_eq!(instances, Some(json!(3))),
                _ => assert!(blueprint.name == "static" || !profile.supported),
            }
        }
    }
    assert_eq!(
        desk.apply_blueprint(desk.new_draft(None).unwrap().draft.id.as_str(), "x").unwrap_err().code,
        Code::Usage
    );
}

#[test]
fn what_is_found_makes_a_site_without_a_blueprint() {
    let (_folder, desk, _) = desk();
    let id = desk.new_draft(None).unwrap().draft.id;
    let place = crate::source::look::SourceLocation::Folder("/srv/code".into());
    desk.edit_draft(id.as_str(), &[Edit::set(&["name"], "shop")]).unwrap();
    desk.edit_draft(id.as_str(), &place.edits().unwrap()).unwrap();
    let view = desk.apply_detected(id.as_str(), &flask()).unwrap();
    let site = view.site.unwrap_or_else(|| panic!("{:?}\n{}", view.diagnostics, view.draft.text));
    assert_eq!(site.secret.len(), 1);
    assert!(site.route.iter().any(|route| route.websocket));
}

#[test]
fn windows_do_not_overwrite_each_other() {
    let (folder, desk, _) = desk();
    let id = desk.new_draft(None).unwrap().draft.id.as_str().to_owned();
    let seen = desk.draft(&id).unwrap().draft.revision;
    desk.edit_draft(&id, &[Edit::set(&["name"], "a")]).unwrap();
    assert_eq!(desk.set_draft_text(&id, "name = 'b'\n", Some(seen)).unwrap_err().code, Code::Stale);
    assert_eq!(desk.draft(&id).unwrap().values["name"], "a");
    let broken = desk.set_draft_text(&id, "name = \nport = 1\n", Some(seen + 1)).unwrap();
    assert_eq!((broken.values["port"].as_i64(), broken.site.is_none()), (Some(1), true));
    assert!(desk.edit_draft(&id, &[Edit::set(&["name"], "c")]).unwrap_err().message.contains("line 1"));
    assert!(desk.set_draft_text(&id, &"x".repeat(MAX_BYTES + 1), None).is_err());
    desk.set_draft_text(&id, "", None).unwrap();
    let home = folder.path().join("home");
    std::thread::scope(|scope| {
        for window in 0..4 {
            let (home, id) = (&home, &id);
            scope.spawn(move || {
                let (desk, _) = desk_at(home);
                for number in 0..10 {
                    desk.edit_draft(id, &[Edit::set(&["environment", &format!("W{window}_{number}")], "x")]).unwrap();
                }
            });
        }
    });
    assert_eq!(desk.draft(&id).unwrap().values["environment"].as_object().unwrap().len(), 40);
}

#[test]
fn bad_ids_and_broken_files_are_said() {
    let (_folder, desk, _) = desk();
    for bad in
        ["", "..", "../../etc/passwd", "0123456789abcde/", "0123456789ABCDEF", "0123456789abcdef0", "é123456789abcde"]
    {
        assert_eq!(desk.draft(bad).unwrap_err().code, Code::Usage, "{bad}");
        assert_eq!(desk.remove_draft(bad).unwrap_err().code, Code::Usage, "{bad}");
        assert!(desk.finish_draft(bad, None).is_err() && desk.edit_draft(bad, &[]).is_err());
    }
    let whole = desk.new_draft(None).unwrap().draft;
    let path = |id: &str| desk.home.drafts().join(format!("{id}.json"));
    let text = std::fs::read(path(whole.id.as_str())).unwrap();
    std::fs::write(path("00000000000000aa"), &text[..text.len() / 2]).unwrap();
    std::fs::write(path("00000000000000bb"), &text).unwrap();
    std::fs::create_dir(path("00000000000000cc")).unwrap();
    std::fs::write(path("note"), "x").unwrap();
    let all = desk.drafts().unwrap();
    assert_eq!(all.drafts, [whole]);
    assert_eq!(all.unreadable.len(), 3);
    assert!(all.unreadable.iter().all(|(_, failure)| failure.hint.is_some()));
    assert_eq!(desk.draft("00000000000000aa").unwrap_err().code, Code::Local);
    desk.remove_draft("00000000000000aa").unwrap();
    assert_eq!(desk.drafts().unwrap().unreadable.len(), 2);
    let strange: HostName = "nowhere".parse().unwrap();
    assert!(desk.new_draft(Some(&strange)).is_err());
}

#[test]
fn finishing_replaces_nothing() {
    let (folder, desk, _) = desk();
    let make = |extra: &str| {
        let id = desk.new_draft(None).unwrap().draft.id.as_str().to_owned();
        let text = format!(
            "schema = 1\nname = \"shop\"\n[source]\n{extra}\n[runtime]\nkind = \"static\"\n[[route]]\npath = \"/\"\nfiles = \".\"\n"
        );
        desk.set_draft_text(&id, &text, None).unwrap();
        id
    };
    let relative = make("folder = \".\"");
    let refused = desk.finish_draft(&relative, None).unwrap_err();
    assert!(refused.code == Code::BadSiteFile && refused.message.contains("source.folder"), "{refused:?}");
    let wrong = desk.new_draft(None).unwrap().draft.id;
    assert_eq!(desk.finish_draft(wrong.as_str(), None).unwrap_err().code, Code::BadSiteFile);
    assert!(!desk.home.sites().join("shop").exists());
    assert!(desk.finish_draft(&relative, Some(&folder.path().join("none"))).is_err());

    let chosen = folder.path().join("code");
    std::fs::create_dir(&chosen).unwrap();
    std::fs::write(chosen.join("slipway.toml"), "mine").unwrap();
    assert_eq!(desk.finish_draft(&relative, Some(&chosen)).unwrap_err().code, Code::Usage);
    assert_eq!(std::fs::read_to_string(chosen.join("slipway.toml")).unwrap(), "mine");
    std::fs::remove_file(chosen.join("slipway.toml")).unwrap();
    let text = desk.draft(&relative).unwrap().draft.text;
    // As after an interruption between writing and remembering.
    std::fs::write(chosen.join("slipway.toml"), &text).unwrap();
    let file = desk.finish_draft(&relative, Some(&chosen)).unwrap();
    assert_eq!((file.text, file.site.source.folder.as_deref()), (text, Some(".")));

    let same_name = make("folder = \"/srv/other\"");
    let refused = desk.finish_draft(&same_name, None).unwrap_err();
    assert!(refused.message.contains("already") && desk.draft(&same_name).is_ok(), "{refused:?}");
}

#[test]
fn what_is_found_fits_the_blueprint_that_is_proposed() {
    let (_folder, desk, _) = desk();
    let trees: [&[(&str, &str)]; 6] = [
        &[("main.py", "from nicegui import ui\nui.run(port=8080)\n"), ("requirements.txt", "nicegui\n")],
        &[
            ("app.py", "from flask import Flask\ndef create_app():\n    return Flask(__name__)\n"),
            ("tasks.py", "from celery import Celery\nqueue = Celery()\n"),
            ("requirements.txt", "flask\ncelery\n"),
        ],
        &[("app.py", "import serial\nfrom flask import Flask\napp = Flask(__name__)\napp.run(port=5000)\n")],
        &[(
            "app.py",
            "from flask import Flask\nfrom flask_socketio import SocketIO\napp = Flask(__name__)\ns = SocketIO(app, async_mode='threading')\n",
        )],
        &[
            (
                "ui/package.json",
                "{\"dependencies\":{\"react\":\"1\",\"vite\":\"6\"},\"scripts\":{\"build\":\"vite build\"}}",
            ),
            ("api.py", "from flask import Flask\napp = Flask(__name__)\n@app.route('/api/x')\ndef x(): ...\n"),
        ],
        &[("package.json", "{\"devDependencies\":{\"vite\":\"6\"},\"scripts\":{\"build\":\"vite build\"}}")],
    ];
    for files in trees {
        let texts = files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect();
        let files = files.iter().map(|(path, _)| (*path).to_owned()).collect();
        let detected = detect(&Tree { files, texts, partial: false });
        let best = detected.candidates.first().unwrap();
        let id = desk.new_draft(None).unwrap().draft.id;
        let first = [Edit::set(&["name"], "shop"), Edit::set(&["source", "folder"], "/srv/code")];
        desk.edit_draft(id.as_str(), &first).unwrap();
        if let Some(blueprint) = &best.blueprint {
            desk.apply_blueprint(id.as_str(), blueprint).unwrap();
        }
        let view = desk.apply_detected(id.as_str(), &detected).unwrap();
        assert!(view.site.is_some(), "{best:?}: {:?}\n{}", view.diagnostics, view.draft.text);
        // The same again changes nothing.
        assert_eq!(desk.apply_detected(id.as_str(), &detected).unwrap().draft.text, view.draft.text);
    }
}

#[test]
fn a_path_that_was_chosen_is_read_without_a_question_and_one_that_was_pasted_is_not() {
    let (folder, desk, _) = desk();
    let code = folder.path().join("code");
    std::fs::create_dir(&code).unwrap();
    let find =
        |file: &SiteFile| desk.site_folder(file).unwrap().find(file.site.source.folder.as_deref().unwrap()).is_ok();
    let text = |name: &str, source: &str| {
        format!(
            "schema = 1\nname = \"{name}\"\n[source]\n{source}\n[runtime]\nkind = \"static\"\n[[route]]\npath = \"/\"\nfiles = \".\"\n"
        )
    };
    let begun = |text: &str| {
        let id = desk.new_draft(None).unwrap().draft.id.as_str().to_owned();
        desk.set_draft_text(&id, text, None).unwrap();
        id
    };
    let chosen = begun(&text("chosen", "folder = \".\""));
    desk.edit_draft(&chosen, &[Edit::set(&["source", "folder"], code.to_str().unwrap())]).unwrap();
    assert!(find(&desk.finish_draft(&chosen, None).unwrap()));
    let pasted = begun(&text("pasted", &format!("folder = {:?}", code.display().to_string())));
    assert!(!find(&desk.finish_draft(&pasted, None).unwrap()));
}
