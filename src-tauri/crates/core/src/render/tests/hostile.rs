//! Every free text of a site file is replaced by hostile values: each is held by the grammar or refused by name.

use super::*;
use proptest::prelude::*;

/// Where free text can stand in the site file, and what an error about it starts with.
const PLACES: [(&str, &str); 13] = [
    ("/environment/ALLOWED_ORIGINS", "environment.ALLOWED_ORIGINS"),
    ("/process/web/command/1", "process.web.command[1]"),
    ("/process/web/command/0", "process.web.command[0]"),
    ("/process/web/environment/TITLE", "process.web.environment.TITLE"),
    ("/process/app/gunicorn/app", "process.app.gunicorn.app"),
    ("/process/app/gunicorn/worker_class", "process.app.gunicorn.worker_class"),
    ("/process/web/after/0", "process.web.after[0]"),
    ("/route/0/headers/X-Test", "route[0].headers.X-Test"),
    ("/route/1/redirect", "route[1].redirect"),
    ("/route/2/files", "route[2].files"),
    ("/route/3/spa", "route[3].spa"),
    ("/config_file/app.json/json/text", "config_file.\"app.json\".json"),
    ("/tls/email", "tls.email"),
];

fn site() -> serde_json::Value {
    json!({
        "schema": 1, "name": "hostile", "domains": ["a.example.com"], "source": { "folder": "." },
        "runtime": { "kind": "python" },
        "process": {
            "web": { "command": ["python", "x"], "port": 5000, "environment": { "TITLE": "x" }, "after": ["redis.service"] },
            "app": { "port": 6000, "gunicorn": { "app": "a:b", "worker_class": "sync" } }
        },
        "environment": { "ALLOWED_ORIGINS": "x" },
        "config_file": { "app.json": { "json": { "text": "x" } } },
        "route": [
            { "path": "/", "to": "web", "headers": { "X-Test": "x" } }, { "path": "/old", "redirect": "/new" },
            { "path": "/static/", "files": "static" }, { "path": "/app/", "spa": "dist" }
        ],
        "tls": { "email": "x" }, "logs": { "directory": true }
    })
}

/// The lines of a text without the parts in double quotes: what a value must not be able to add to.
fn skeleton(text: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let (mut line, mut quoted, mut escaped) = (String::new(), false, false);
    for c in text.chars() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            '\n' if !quoted => lines.push(std::mem::take(&mut line)),
            _ if quoted => {}
            c => line.push(c),
        }
    }
    lines
}

/// The first word of each line: directives of nginx and systemd, names of Python and of variables.
fn directives(file: &RenderedFile) -> Vec<String> {
    let word = |line: String| line.trim_start().split([' ', '=']).next().unwrap_or_default().to_owned();
    skeleton(file.masked()).into_iter().map(word).collect()
}

fn check(pointer: &str, field: &str, value: &str) -> Result<(), TestCaseError> {
    // A placeholder rightly moves the variable from the environment file to the unit.
    if pointer.contains("/environment/") && value.contains("{port}") {
        return Ok(());
    }
    let mut hostile = site();
    *hostile.pointer_mut(pointer).unwrap() = json!(value);
    // The model itself may refuse it; that is validation's error.
    let Ok(_) = serde_json::from_value::<Site>(hostile.clone()) else { return Ok(()) };
    let plain = World::new(site()).render();
    let world = World::new(hostile);
    match render(&world.input()) {
        Ok(rendered) => {
            prop_assert_eq!(rendered.files.len(), plain.files.len());
            for (hostile, plain) in rendered.files.iter().zip(&plain.files) {
                if place(hostile) == Where::Application {
                    let document: serde_json::Value = serde_json::from_str(hostile.masked()).unwrap();
                    let expected = if pointer.starts_with("/config_file") { value } else { "x" };
                    prop_assert_eq!(&document["text"], expected);
                } else {
                    prop_assert_eq!(directives(hostile), directives(plain), "{}", hostile.path);
                }
            }
        }
        Err(errors) => {
            for error in errors {
                let text = error.to_string();
                prop_assert!(text.starts_with(field), "{} for {:?}", text, value);
            }
        }
    }
    Ok(())
}

#[test]
fn known_tricks() {
    let tricks = [
        "\";}\n$",
        "%n",
        "${X}",
        "$X",
        "a\nb",
        "\\",
        "\\\n",
        "'",
        "\"",
        "`id`",
        "#",
        ";",
        "{}",
        "}",
        " ",
        "",
        "\t",
        "x; return 200",
        "%i",
        "{port}",
        "{secret:NOPE}",
        "é☃",
        "\u{7f}",
        "\u{85}",
        "\u{2028}",
        "[Service]",
        "\r\nSet-Cookie: a=b",
        "+/bin/sh",
        "@x",
        "-",
        "!x",
        "~x",
    ];
    for (pointer, field) in PLACES {
        for trick in tricks {
            check(pointer, field, trick).unwrap_or_else(|error| panic!("{pointer} {trick:?}: {error}"));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn any_text(place in 0..PLACES.len(), value in "[ -~]{0,12}|.{0,8}|[\\x00-\\x20\"'\\\\$%{};#]{1,6}") {
        let (pointer, field) = PLACES[place];
        check(pointer, field, &value)?;
    }
}
