//! Any bytes as the answer to a probe: no panic, and an answer that was cut is never known.
//!
//! The first byte chooses the probe, the second how its command ended; the rest is what it printed.
#![no_main]

use libfuzzer_sys::fuzz_target;
use serde_json::{Value, json};
use slipway_core::command::{Exit, Output};
use slipway_core::facts::{
    accounts, load, nginx_sites, packages, paths, programs, records, security, sockets, storage, system, units, updates,
};

/// Number of probes.
const SUBJECTS: u8 = 14;

fn read(subject: u8, output: &Output) -> Value {
    match subject {
        0 => json!(accounts::parse(output)),
        1 => json!(packages::parse_candidates(output)),
        2 => json!(load::parse(output)),
        3 => json!(nginx_sites::parse(output)),
        4 => json!(records::parse(output)),
        5 => json!(packages::parse(output)),
        6 => json!(programs::parse(output)),
        7 => json!(security::parse(output)),
        8 => json!(sockets::parse(output)),
        9 => json!(storage::parse(output)),
        10 => json!(system::parse(output)),
        11 => json!(units::parse(output)),
        12 => json!(updates::parse(output)),
        _ => {
            let watch = |path: &str| paths::Watch { path: path.into(), desired: None, content: true };
            let watches: Vec<_> = ["/etc/a", "/etc/b/c", "bad"].map(watch).into();
            let _ = paths::parse(&watches, output);
            Value::Null
        }
    }
}

/// Whether a fact is known anywhere in `value`.
fn knows_something(value: &Value) -> bool {
    match value {
        Value::Object(map) => map.contains_key("known") || map.values().any(knows_something),
        Value::Array(items) => items.iter().any(knows_something),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

fuzz_target!(|data: &[u8]| {
    let [subject, ended, stdout @ ..] = data else { return };
    let subject = subject % SUBJECTS;
    let exit = match ended % 8 {
        1 => Exit::TimedOut,
        2 => Exit::Skipped,
        3 => Exit::Code(1),
        _ => Exit::Code(0),
    };
    let mut output = Output { exit, stdout: stdout.to_vec(), stderr: b"no".to_vec(), truncated: ended & 8 != 0 };
    let whole = read(subject, &output);
    if output.truncated || output.exit != Exit::Code(0) {
        assert!(!knows_something(&whole) && whole != json!("absent"), "{whole}");
    }
    output.truncated = true;
    let cut = read(subject, &output);
    assert!(!knows_something(&cut) && cut != json!("absent"), "{cut}");
});
