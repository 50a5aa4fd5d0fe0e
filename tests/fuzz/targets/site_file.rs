//! Any text as a site file: every mistake has a place inside the text, and what is accepted can be written and read again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use slipway_core::site::{parse, render_all};

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    match parse(&text) {
        Ok(parsed) => {
            // A document under config_file may hold what TOML cannot; then there is no text to read again.
            let Ok(written) = parsed.site.to_toml() else { return };
            let again =
                parse(&written).unwrap_or_else(|mistakes| panic!("{mistakes:#?} in what was written:\n{written}"));
            assert_eq!(again.site, parsed.site);
        }
        Err(mistakes) => {
            assert!(mistakes.iter().any(|mistake| mistake.is_error()));
            let lines = text.split('\n').count();
            for mistake in &mistakes {
                // What is missing as a whole has no place: line 0.
                let somewhere = (1..=lines).contains(&mistake.line) && mistake.column >= 1;
                assert!(somewhere || (mistake.line, mistake.column) == (0, 0), "{mistake:?}");
                assert!(!mistake.message.is_empty());
            }
            let told = render_all(&mistakes, "slipway.toml", &text);
            // What is shown on a terminal holds nothing that a terminal obeys.
            assert!(!told.contains(|c: char| c.is_control() && c != '\n'), "{told:?}");
        }
    }
});
