//! Any bytes as what the privileged loop sends: no panic, no more than was asked for, and the same however it is cut.
//!
//! The first byte says how the bytes are cut into pieces, the second how many commands were asked; `N` stands for the nonce.
#![no_main]

// The reader alone, without the connection around it, which takes minutes to build.
#[path = "../../../src-tauri/crates/host/src/executor/frame.rs"]
#[allow(dead_code, reason = "a part of it is used here")]
mod frame;

use frame::{Event, Parser, Preamble, STDERR_LIMIT};
use libfuzzer_sys::fuzz_target;

/// Most output of each command.
const LIMITS: [usize; 3] = [0, 5, 4096];

/// Reads `bytes` in pieces of `size`; what came of it, in words.
fn read(bytes: &[u8], size: usize, commands: usize) -> Vec<String> {
    let mut parser = Parser::new("N");
    let limits: Vec<usize> = LIMITS.iter().copied().cycle().take(commands).collect();
    parser.expect(1, limits.clone());
    parser.expect(2, limits.clone());
    let mut told = Vec::new();
    for piece in bytes.chunks(size) {
        match parser.push(piece) {
            Ok(events) => {
                for event in events {
                    if let Event::Reply { outputs, .. } = &event {
                        assert_eq!(outputs.len(), commands);
                        for (output, limit) in outputs.iter().zip(&limits) {
                            assert!(output.stdout.len() <= *limit && output.stderr.len() <= STDERR_LIMIT);
                        }
                    }
                    told.push(format!("{event:?}"));
                }
            }
            Err(broken) => {
                // What is broken stays broken.
                assert_eq!(parser.push(b"P N 1 0 0\n").unwrap_err(), broken);
                told.push(format!("{broken:?}"));
                break;
            }
        }
    }
    told
}

fuzz_target!(|data: &[u8]| {
    let [cut, commands, bytes @ ..] = data else { return };
    let commands = usize::from(commands % 4);
    let pieces = read(bytes, usize::from(*cut) + 1, commands);
    let single = read(bytes, 1, commands);
    assert_eq!(pieces.last(), single.last());
    let _ = Preamble::new("N").push(bytes);
});
