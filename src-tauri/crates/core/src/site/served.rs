//! Which files of a site nginx serves by itself, and whose they are: the code's, which is root's, or those of a shared
//! directory, in which the application does what it likes. Knows nothing of nginx.

use super::{RelativePath, Route, Site};

/// Where a path of the code leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Served<'a> {
    /// Into the code of the release.
    Code,
    /// Into a shared directory that has its link there or above.
    Shared {
        /// The directory.
        directory: &'a RelativePath,
        /// The path in it; empty for the directory itself.
        rest: &'a str,
    },
}

impl Route {
    /// The path of the code from which it serves files.
    pub fn served(&self) -> Option<&RelativePath> {
        self.files.as_ref().or(self.spa.as_ref())
    }
}

impl Site {
    /// Where `path` of the code leads.
    pub fn place_of<'a>(&'a self, path: &'a RelativePath) -> Served<'a> {
        let leads = |(link, directory): (&str, &'a RelativePath)| {
            below(path, link).map(|rest| Served::Shared { directory, rest })
        };
        self.links().find_map(leads).unwrap_or(Served::Code)
    }

    /// The shared directories that have their links below `path` of the code, each with the link's path from there.
    pub fn shared_below<'a>(&'a self, path: &'a RelativePath) -> impl Iterator<Item = (&'a str, &'a RelativePath)> {
        self.links().filter_map(move |(link, directory)| {
            let rest = if path.as_str() == "." { Some(link) } else { below(link, path) };
            rest.filter(|rest| !rest.is_empty()).map(|rest| (rest, directory))
        })
    }

    /// The paths of the code from which nginx serves files, without those that lead into a shared directory.
    pub fn served_code(&self) -> Vec<&RelativePath> {
        let mut all: Vec<&RelativePath> = self.route.iter().filter_map(Route::served).collect();
        all.retain(|path| self.place_of(path) == Served::Code);
        all.sort();
        all.dedup();
        all
    }

    fn links(&self) -> impl Iterator<Item = (&str, &RelativePath)> {
        self.shared.iter().filter_map(|(directory, shared)| Some((shared.link.as_ref()?.as_str(), directory)))
    }
}

/// What comes after `directory` in `path`: nothing when it is that directory, none when it is outside.
fn below<'a>(path: &'a str, directory: &str) -> Option<&'a str> {
    let rest = path.strip_prefix(directory)?;
    if rest.is_empty() { Some(rest) } else { rest.strip_prefix('/') }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn site() -> Site {
        serde_json::from_value(serde_json::json!({
            "schema": 1, "name": "docs", "source": { "folder": "." }, "runtime": { "kind": "static" },
            "shared": { "photos": { "link": "static/media" }, "store/files": { "link": "files" }, "private": {} },
            "route": [
                { "path": "/", "spa": "." }, { "path": "/a/", "files": "static" }, { "path": "/b/", "files": "static" },
                { "path": "/files/", "files": "files/public" }, { "path": "/old/", "redirect": "/a/" }
            ]
        }))
        .unwrap()
    }

    #[test]
    fn a_path_leads_where_the_link_above_it_leads() {
        let site = site();
        let leads = |path: &str| match site.place_of(&path.parse().unwrap()) {
            Served::Code => "code".to_owned(),
            Served::Shared { directory, rest } => format!("{directory}: {rest}"),
        };
        for (path, expected) in [
            (".", "code"),
            ("static", "code"),
            ("static/mediation", "code"),
            ("static/media", "photos: "),
            ("files/public/a.txt", "store/files: public/a.txt"),
        ] {
            assert_eq!(leads(path), expected, "{path}");
        }
    }

    #[test]
    fn shared_directories_below_a_path_are_found() {
        let site = site();
        let below = |path: &str| {
            let path = path.parse().unwrap();
            site.shared_below(&path).map(|(rest, directory)| format!("{rest} → {directory}")).collect::<Vec<_>>()
        };
        assert_eq!(below("."), ["static/media → photos", "files → store/files"]);
        assert_eq!(below("static"), ["media → photos"]);
        assert_eq!(below("static/media"), [""; 0]);
        assert_eq!(below("stat"), [""; 0]);
        assert_eq!(
            site.served_code(),
            [".", "static"].map(|path| path.parse::<RelativePath>().unwrap()).iter().collect::<Vec<_>>()
        );
    }
}
