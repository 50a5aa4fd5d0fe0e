//! Lists of files as the programs on the host read them: a line for each, compressed.

use flate2::Compression;
use flate2::write::GzEncoder;

/// Lines to be compressed.
pub(super) fn lines() -> GzEncoder<Vec<u8>> {
    GzEncoder::new(Vec::new(), Compression::new(6))
}

/// Whether a path fits into a line. stat and sha256sum take "-" for their input.
pub(super) fn is_plain(path: &str) -> bool {
    path != "-" && !path.chars().any(|c| c.is_control() || c == '\\')
}
