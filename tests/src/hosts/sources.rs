//! Which Debian mirror to use: the one this machine itself uses.
//!
//! Reads `/etc/apt/sources.list` and `/etc/apt/sources.list.d/*` (sources.list(5), both styles).

use std::fs;
use std::path::PathBuf;

use super::error::HostError;

/// The URI of the machine's main Debian archive (not the security one).
pub(crate) fn debian_mirror() -> Result<String, HostError> {
    let mut files = vec![PathBuf::from("/etc/apt/sources.list")];
    if let Ok(folder) = fs::read_dir("/etc/apt/sources.list.d") {
        let mut more: Vec<PathBuf> = folder.flatten().map(|entry| entry.path()).collect();
        more.sort();
        files.extend(more);
    }
    files
        .iter()
        .filter_map(|path| fs::read_to_string(path).ok())
        .flat_map(|text| uris(&text))
        .find(|uri| is_main_archive(uri))
        .ok_or_else(|| HostError::Other("no Debian archive found in the machine's own apt sources".to_owned()))
}

fn uris(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("URIs:") {
            found.extend(rest.split_whitespace().map(str::to_owned));
        } else if let Some(rest) = line.strip_prefix("deb ") {
            // `deb [options] URI suite components`: the options may hold spaces.
            let rest = rest.trim_start();
            let rest = if rest.starts_with('[') { rest.split_once(']').map_or("", |(_, tail)| tail) } else { rest };
            found.extend(rest.split_whitespace().next().map(str::to_owned));
        }
    }
    found
}

fn is_main_archive(uri: &str) -> bool {
    uri.trim_end_matches('/').ends_with("/debian")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_styles_of_sources_are_read() {
        let deb822 = "Types: deb\n# a comment\nURIs: http://mirror.example/debian\nSuites: bookworm\n";
        let one_line = "# x\ndeb [signed-by=/k arch=amd64] http://mirror.example/debian/ bookworm main\n";
        assert_eq!(uris(deb822), ["http://mirror.example/debian"]);
        assert_eq!(uris(one_line), ["http://mirror.example/debian/"]);
    }

    #[test]
    fn the_security_archive_is_not_the_main_one() {
        assert!(is_main_archive("http://mirror.example/debian/"));
        assert!(!is_main_archive("http://mirror.example/debian-security"));
        assert!(!is_main_archive("https://deb.vendor.example/node"));
    }
}
