//! Numbers as a person says them, the same in the window and in the terminal.

/// `1 file`, `2 files`.
pub fn count(number: usize, word: &str) -> String {
    let plural = match word {
        _ if number == 1 => String::new(),
        word if word.ends_with('y') && !word.ends_with("ay") => {
            return format!("{number} {}ies", word.trim_end_matches('y'));
        }
        word if word.ends_with('s') => "es".to_owned(),
        _ => "s".to_owned(),
    };
    format!("{number} {word}{plural}")
}

/// `3.4 GiB`.
pub fn bytes(bytes: u64) -> String {
    const UNITS: [(&str, u64); 4] = [("TiB", 1 << 40), ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];
    for (unit, size) in UNITS {
        if bytes >= size {
            let tenths = bytes.saturating_mul(10) / size;
            return if tenths < 100 {
                format!("{}.{} {unit}", tenths / 10, tenths % 10)
            } else {
                format!("{} {unit}", tenths / 10)
            };
        }
    }
    format!("{bytes} B")
}
