//! Properties of the site file's parser: it never panics, answers in bounded time and size, and what it accepts
//! survives being written and read again.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use std::time::{Duration, Instant};

use proptest::prelude::*;
use slipway_core::site::{self, Diagnostic, Site, blueprint};

/// Parses and renders; checks what holds for every text.
fn answer(bytes: &[u8]) -> Option<Site> {
    let text = String::from_utf8_lossy(bytes);
    let (site, diagnostics) = match site::parse_bytes(bytes) {
        Ok(parsed) => (Some(parsed.site), parsed.warnings),
        Err(diagnostics) => {
            assert!(diagnostics.iter().any(Diagnostic::is_error));
            (None, diagnostics)
        }
    };
    assert!(diagnostics.len() <= 101);
    assert!(diagnostics.iter().rev().skip(1).rev().is_sorted_by_key(|d| d.span.start));
    for diagnostic in &diagnostics {
        let rendered = diagnostic.render("slipway.toml", &text);
        assert!(rendered.len() < 8_000, "{} bytes", rendered.len());
        assert!(rendered.chars().all(|c| c == '\n' || !c.is_control()), "{rendered:?}");
        assert!(diagnostic.line >= 1 || text.is_empty());
        assert!(diagnostic.path.len() < 20_000);
    }
    site
}

fn mutated() -> impl Strategy<Value = Vec<u8>> {
    let blueprint = prop::sample::select(blueprint::list()).prop_map(|b| b.text.as_bytes().to_vec());
    let snippets = prop::sample::select(vec![
        "\"",
        "'",
        "[",
        "]",
        "[[",
        "{",
        "}",
        "=",
        "\n",
        ".",
        ",",
        "#",
        "\\",
        "\"\"\"",
        "0",
        "-1",
        "true",
        "nan",
        "1979-05-27",
        "[process.web]\n",
        "[[route]]\n",
        "x = 1\n",
        "\u{0}",
        "\u{feff}",
        "é",
        "\r",
        "schema",
        "{port}",
        "{secret:X}",
        " ",
    ]);
    let change = (any::<prop::sample::Index>(), 0_usize..12, snippets);
    (blueprint, prop::collection::vec(change, 1..6)).prop_map(|(mut text, changes)| {
        for (at, cut, snippet) in changes {
            let at = at.index(text.len());
            let end = (at + cut).min(text.len());
            text.splice(at..end, snippet.bytes());
        }
        text
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(400) })]

    #[test]
    fn any_bytes_are_answered(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        answer(&bytes);
    }

    #[test]
    fn any_text_is_answered(text in "\\PC{0,200}") {
        answer(text.as_bytes());
    }

    #[test]
    fn toml_like_text_is_answered(text in "([a-z.\"'\\[\\]{}=,#\\\\ \n0-9-]{0,12}(\n|=|\\[|\\.|\"|name|route|process|source)){0,30}") {
        answer(text.as_bytes());
    }

    #[test]
    fn mutated_blueprints_are_answered(bytes in mutated()) {
        if let Some(site) = answer(&bytes) {
            round_trip(&site);
        }
    }
}

fn round_trip(site: &Site) {
    let json = serde_json::to_value(site).unwrap();
    assert_eq!(&serde_json::from_value::<Site>(json).unwrap(), site);
    let text = site.to_toml().unwrap();
    match site::parse(&text) {
        Ok(parsed) => assert_eq!(&parsed.site, site),
        Err(found) => panic!("{text}\n{}", site::render_all(&found, "written", &text)),
    }
}

#[test]
fn blueprints_survive_being_written_and_read() {
    for blueprint in blueprint::list() {
        round_trip(&site::parse(blueprint.text).unwrap().site);
    }
}

#[test]
fn what_the_memory_holds_validates_without_places() {
    let mut site = site::parse(blueprint::find("flask-socketio").unwrap().text).unwrap().site;
    assert_eq!(site::validate(&site, &site::Places::default()), []);
    site.source.git = None;
    let found = site::validate(&site, &site::Places::default());
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].line, found[0].path.as_str()), (0, "source"));
    assert!(found[0].render("shop", "").contains("--> shop\n"));
}

/// Everything that is large or deep: answered within seconds, without a deep stack.
#[test]
fn hostile_files_are_answered_in_time() {
    let size = site::MAX_BYTES - 64;
    let fill = |unit: &str| unit.repeat(size / unit.len());
    let long_key = "k".repeat(size / 2);
    let header = format!("[{}]\n", vec!["a"; 40].join("."));
    let files = [
        ("one byte too many", "#".repeat(site::MAX_BYTES + 1)),
        ("comment", fill("#")),
        ("zeroes", fill("\0")),
        ("open brackets", format!("a = {}", fill("["))),
        ("open braces", format!("a = {}", fill("{a="))),
        ("open braces in many lines", fill("a = {\n")),
        ("headers", fill("[")),
        ("dotted key", format!("{} = 1", fill("a."))),
        ("dotted header", format!("[{}a]", fill("a."))),
        ("dotted inline keys", format!("a = {{ {} = 1 }}", fill("b."))),
        ("deep header again and again", fill(&header)),
        ("unknown keys", (0..size / 12).map(|n| format!("k{n} = 1\n")).collect()),
        ("duplicate keys", fill("a = 1\n")),
        ("syntax errors", fill("= \n")),
        ("bare words", fill("a = b\n")),
        ("routes", fill("[[route]]\n")),
        ("processes", (0..size / 20).map(|n| format!("[process.p{n}]\n")).collect()),
        ("long key with many children", format!("[environment]\n{}", fill("a.b = 1\n"))),
        (
            "long table name",
            format!(
                "[config_file.\"a\".json.{long_key}]\n{}",
                (0..40_000).map(|n| format!("k{n}=nan\n")).collect::<String>()
            ),
        ),
        ("strings", format!("a = [{}]", fill("\"x\","))),
        ("quotes", fill("\"")),
        ("line breaks", fill("\r\n")),
    ];
    for (name, text) in files {
        let start = Instant::now();
        // A thread's default stack, which is smaller than the main thread's.
        std::thread::spawn(move || assert!(answer(text.as_bytes()).is_none())).join().unwrap();
        let took = start.elapsed();
        println!("{name}: {took:?}");
        assert!(took < Duration::from_secs(30), "{name} took {took:?}");
    }
}
