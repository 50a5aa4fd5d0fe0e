use serde_json::json;
use slipway_core::site::blueprint;

use super::*;

fn edit(text: &str, edits: &[Edit]) -> String {
    apply(text, edits).unwrap_or_else(|failure| panic!("{failure:?}"))
}

#[test]
fn an_edit_changes_its_value_and_nothing_else() {
    let text = "# head\n\nname = 'shop'   # the name\nports=[ 1,2 ]\n\n# about web\n[process.web] # here\nport = 0x1F90 # hex\n\n\n# end\n";
    for (path, value, before, after) in [
        (&["name"][..], json!("other"), "'shop'", "\"other\""),
        (&["ports"], json!([1, 3]), "[ 1,2 ]", "[ 1,3 ]"),
        (&["ports"], json!([1, 2, 3]), "[ 1,2 ]", "[ 1,2 , 3]"),
        (&["process", "web", "port"], json!(9000), "0x1F90", "9000"),
        (&["process", "web", "port"], json!(8080), "0x1F90", "0x1F90"),
        (&["name"], json!("shop"), "'shop'", "'shop'"),
        (&["process", "web", "x"], json!(true), "# hex\n", "# hex\nx = true\n"),
        (&["affinity"], json!("ip"), "[ 1,2 ]\n", "[ 1,2 ]\naffinity = \"ip\"\n"),
    ] {
        assert_eq!(edit(text, &[Edit::set(path, value)]), text.replacen(before, after, 1), "{path:?}");
    }
    assert_eq!(edit(text, &[]), text);
    assert_eq!(edit(text, &[Edit::remove(&["process", "web", "port"])]), text.replace("port = 0x1F90 # hex\n", ""));
    assert_eq!(edit(text, &[Edit::remove(&["process", "none", "port"])]), text);
    let windows = text.replace('\n', "\r\n");
    assert_eq!(edit(&windows, &[Edit::set(&["name"], "other")]), windows.replace("'shop'", "\"other\""));
    let marked = format!("\u{feff}{text}");
    assert_eq!(edit(&marked, &[Edit::remove(&["ports"])]), marked.replace("ports=[ 1,2 ]\n", ""));
}

#[test]
fn tables_and_routes_are_made_as_needed() {
    let edits = [
        Edit::set(&["name"], "shop"),
        Edit::set(&["process", "web", "port"], 8000),
        Edit::set(&["process", "web", "gunicorn", "app"], "a:b"),
        Edit::set(&["route", "path=/api", "to"], "web"),
        Edit::set(&["route", "1", "path"], "/x"),
        Edit::set(&["secret", "KEY"], json!({})),
        Edit::set(&["shared", "a b/c", "env"], "DIR"),
    ];
    let text = edit("# top\n", &edits);
    let expected = "name = \"shop\"\n\n[process.web]\nport = 8000\n\n[process.web.gunicorn]\napp = \"a:b\"\n\n[[route]]\npath = \"/api\"\nto = \"web\"\n\n[[route]]\npath = \"/x\"\n\n[secret.KEY]\n\n[shared.\"a b/c\"]\nenv = \"DIR\"\n# top\n";
    assert_eq!(text.trim_start(), expected);
    let gone = [
        Edit::remove(&["route", "path=/api", "to"]),
        Edit::remove(&["route", "path=/nothing", "to"]),
        Edit::remove(&["route", "1"]),
        Edit::remove(&["process", "web", "gunicorn", "app"]),
        Edit::remove(&["secret", "KEY"]),
    ];
    let text = edit(&text, &gone);
    let said = values(&text).unwrap();
    assert_eq!(said["route"], json!([{ "path": "/api" }]), "{text}");
    assert_eq!(said.get("secret"), None, "{text}");
    assert_eq!(
        edit("process.web.port = 1\n", &[Edit::set(&["process", "web", "listen"], "port")]),
        "process.web.port = 1\nprocess.web.listen = \"port\"\n"
    );
    let inline = edit("route = [{ path = \"/\", to = \"a\" }]\n", &[Edit::set(&["route", "path=/", "to"], "b")]);
    assert_eq!(inline, "route = [{ path = \"/\", to = \"b\" }]\n");
    let default = edit("[[route]]\nto = \"a\"\n", &[Edit::set(&["route", "path=/", "websocket"], true)]);
    assert_eq!(default, "[[route]]\nto = \"a\"\nwebsocket = true\n");
}

#[test]
fn comments_above_what_is_removed_stay() {
    let text = "# the file\n\n# about name\nname = \"a\"\nother = 1\n\n[source]\ngit = \"x\" # y\n# or:\n# folder = \".\"\n\n# about runtime\n[runtime]\nkind = \"python\"\n\n# about logs\n[logs]\ndirectory = true\n# end\n";
    let less = edit(text, &[Edit::remove(&["runtime"]), Edit::remove(&["name"])]);
    assert_eq!(
        less,
        "# the file\n\n# about name\nother = 1\n\n[source]\ngit = \"x\" # y\n# or:\n# folder = \".\"\n\n# about runtime\n\n# about logs\n[logs]\ndirectory = true\n# end\n"
    );
    let last = edit(text, &[Edit::remove(&["logs"]), Edit::remove(&["runtime"])]);
    assert!(last.contains("# or:\n# folder = \".\"\n") && last.ends_with("# end\n"), "{last}");
}

#[test]
fn what_does_not_fit_is_refused_with_its_place() {
    for (text, words) in [("name = \n", "line 1"), ("a = 1\n[b\n", "line 2"), ("a = 1\na = 2\n", "given twice")] {
        let failure = apply(text, &[Edit::set(&["x"], 1)]).unwrap_err();
        assert!(failure.code == Code::BadSiteFile && failure.message.contains(words), "{failure:?}");
    }
    let deep = format!("{}a = 1", "a.".repeat(5000));
    assert_eq!(apply(&deep, &[]).unwrap_err().code, Code::BadSiteFile);
    let long: Vec<String> = vec!["a".into(); 100];
    for bad in [
        Edit { path: vec![], value: Some(json!(1)) },
        Edit { path: long, value: Some(json!(1)) },
        Edit::set(&["name", "x"], 1),
        Edit::set(&["x"], json!(null)),
        Edit::set(&["x"], json!([null])),
        Edit::set(&["x"], u64::MAX),
        Edit::set(&["route", "7", "path"], "/"),
        Edit::set(&["route", "x", "path"], "/"),
        Edit::set(&["route", "0"], "text"),
    ] {
        let failure = apply("name = \"a\"\n", std::slice::from_ref(&bad)).unwrap_err();
        assert_eq!(failure.code, Code::Usage, "{bad:?}");
    }
    assert!(apply("a = 1\n", &[Edit::set(&["b"], "x".repeat(MAX_BYTES))]).is_err());
}

/// Lines that are left of `text` when those that `edited` lacks are taken out.
fn lost<'a>(text: &'a str, edited: &str) -> Vec<&'a str> {
    let mut rest: Vec<&str> = edited.lines().collect();
    text.lines()
        .filter(|line| rest.iter().position(|known| known == line).map(|at| rest.remove(at)).is_none())
        .collect()
}

#[test]
fn every_value_of_every_blueprint_can_be_set_and_removed_alone() {
    fn walk(value: &Json, path: &mut Vec<String>, leaves: &mut Vec<(Vec<String>, Json)>) {
        match value {
            Json::Object(entries) => entries.iter().for_each(|(key, value)| {
                path.push(key.clone());
                walk(value, path, leaves);
                path.pop();
            }),
            Json::Array(items) if items.iter().any(Json::is_object) => {
                items.iter().enumerate().for_each(|(index, value)| {
                    path.push(index.to_string());
                    walk(value, path, leaves);
                    path.pop();
                });
            }
            leaf => leaves.push((path.clone(), leaf.clone())),
        }
    }
    for blueprint in blueprint::list() {
        let text = blueprint.text;
        let before = values(text).unwrap();
        assert_eq!(edit(text, &[]), text, "{}", blueprint.name);
        let mut leaves = Vec::new();
        walk(&before, &mut Vec::new(), &mut leaves);
        assert!(leaves.len() > 5);
        for (path, value) in leaves {
            let same = Edit { path: path.clone(), value: Some(value) };
            assert_eq!(edit(text, &[same]), text, "{path:?}");
            let changed = edit(text, &[Edit { path: path.clone(), value: Some(json!("changed")) }]);
            let pointer = format!(
                "/{}",
                path.iter().map(|key| key.replace('~', "~0").replace('/', "~1")).collect::<Vec<_>>().join("/")
            );
            let said = values(&changed).unwrap();
            assert_eq!(said.pointer(&pointer), Some(&json!("changed")), "{path:?}");
            let mut expected = before.clone();
            *expected.pointer_mut(&pointer).unwrap() = json!("changed");
            assert_eq!(said, expected, "{path:?}");
            let gone = edit(text, &[Edit { path: path.clone(), value: None }]);
            assert_eq!(values(&gone).unwrap().pointer(&pointer), None, "{path:?}\n{gone}");
            let comments: Vec<&str> = lost(text, &gone).into_iter().filter(|line| line.starts_with('#')).collect();
            assert_eq!(comments, [""; 0], "{path:?} {}", blueprint.name);
        }
    }
}

proptest::proptest! {
    #[test]
    fn any_edit_of_a_blueprint_gives_toml_or_a_word(
        which in 0_usize..6,
        edits in proptest::collection::vec((
            proptest::collection::vec("[a-z]{1,3}|route|process|web|0|1|path=/|build|secret", 1..5),
            proptest::option::of(proptest::prop_oneof![
                proptest::strategy::Just(json!({ "a": [1, { "b": {} }], "c": [{ "d": 1 }] })),
                proptest::strategy::Just(json!([{ "x": 1 }, { "y": "z" }])),
                proptest::strategy::Just(json!("t\"e\n#xt")),
                proptest::strategy::Just(json!([])),
                proptest::strategy::Just(json!({})),
                proptest::strategy::Just(json!(1.5)),
            ]),
        ), 1..6),
    ) {
        let text = blueprint::list()[which].text;
        let edits: Vec<Edit> = edits.into_iter().map(|(path, value)| Edit { path, value }).collect();
        match apply(text, &edits) {
            Ok(edited) => {
                let again = apply(&edited, &edits.last().cloned().into_iter().filter(|e| e.value.is_some()).collect::<Vec<_>>());
                proptest::prop_assert!(edited.parse::<DocumentMut>().is_ok());
                proptest::prop_assert!(again.is_ok());
            }
            Err(failure) => proptest::prop_assert!(failure.code == Code::Usage, "{:?}", failure),
        }
    }
}
