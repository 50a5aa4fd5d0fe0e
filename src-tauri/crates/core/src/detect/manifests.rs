//! What the files that list Python packages say.

use super::Tree;
use super::select::is_requirements;

/// A Python package that is required somewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Required {
    /// Lower case, hyphens.
    pub(super) name: String,
    pub(super) path: String,
    pub(super) line: usize,
}

/// What is required, and by which files.
#[derive(Debug, Clone, Default)]
pub(super) struct Manifests {
    pub(super) required: Vec<Required>,
    /// Requirements files at the top of the source.
    pub(super) files: Vec<String>,
    /// A file that makes the source itself installable.
    pub(super) project: Option<String>,
    /// Oldest Python, as `3.9`, with where that is said.
    pub(super) oldest_python: Option<(String, String, usize)>,
}

/// Requirements that are kept.
const MOST: usize = 2000;

impl Manifests {
    pub(super) fn of(tree: &Tree) -> Self {
        let listed = tree.files.iter().filter(|path| is_requirements(path) || is_in_requirements_folder(path));
        let mut found = Self { files: listed.take(20).cloned().collect(), ..Self::default() };
        found.files.sort();
        for (path, text) in &tree.texts {
            let name = path.rsplit('/').next().unwrap_or(path);
            if is_requirements(name) || is_in_requirements_folder(path) {
                found.requirements(path, text);
            }
        }
        if let Some(text) = tree.texts.get("pyproject.toml") {
            found.pyproject(text);
        }
        if found.project.is_none() && tree.files.iter().any(|path| path == "setup.py") {
            found.project = Some("setup.py".to_owned());
        }
        found
    }

    /// Where a package is required.
    pub(super) fn of_package(&self, name: &str) -> Option<&Required> {
        self.required.iter().find(|required| required.name == name)
    }

    fn requirements(&mut self, path: &str, text: &str) {
        for (index, line) in text.lines().take(4000).enumerate() {
            self.require(path, index + 1, line.split('#').next().unwrap_or_default());
        }
    }

    fn require(&mut self, path: &str, line: usize, requirement: &str) {
        let requirement = requirement.trim();
        let end =
            requirement.find(|c: char| !c.is_ascii_alphanumeric() && !"-_.".contains(c)).unwrap_or(requirement.len());
        let name = requirement.get(..end).unwrap_or_default();
        if name.starts_with(|c: char| c.is_ascii_alphanumeric()) && name.len() <= 100 && self.required.len() < MOST {
            let name = name.to_ascii_lowercase().replace(['_', '.'], "-");
            self.required.push(Required { name, path: path.to_owned(), line });
        }
    }

    fn pyproject(&mut self, text: &str) {
        const PATH: &str = "pyproject.toml";
        let Some(values) = crate::site::values(text) else { return };
        let line_of = |needle: &str| text.lines().position(|line| line.contains(needle)).map_or(1, |index| index + 1);
        if values.get("project").and_then(|project| project.get("name")).is_some()
            || values.pointer("/tool/poetry/name").is_some()
        {
            self.project = Some(PATH.to_owned());
        }
        for requirement in
            values.pointer("/project/dependencies").and_then(|list| list.as_array()).into_iter().flatten()
        {
            if let Some(requirement) = requirement.as_str() {
                self.require(PATH, line_of(requirement), requirement);
            }
        }
        let poetry = values.pointer("/tool/poetry/dependencies").and_then(|table| table.as_object());
        for name in poetry.into_iter().flat_map(|table| table.keys()).filter(|name| *name != "python") {
            self.require(PATH, line_of(name), name);
        }
        let python = values
            .pointer("/project/requires-python")
            .or_else(|| values.pointer("/tool/poetry/dependencies/python"))
            .and_then(|value| value.as_str());
        if let Some(version) = python.and_then(oldest) {
            let line = line_of(if text.contains("requires-python") { "requires-python" } else { "python" });
            self.oldest_python = Some((version, PATH.to_owned(), line));
        }
    }
}

/// Whether this is a file such as `requirements/production.txt`.
fn is_in_requirements_folder(path: &str) -> bool {
    path.strip_prefix("requirements/").is_some_and(|name| name.ends_with(".txt") && !name.contains('/'))
}

/// The lower bound of a version range, as `3.N`.
fn oldest(range: &str) -> Option<String> {
    let bound = range.split(',').find_map(|part| {
        let part = part.trim();
        [">=", "^", "~=", "=="].into_iter().find_map(|sign| part.strip_prefix(sign))
    })?;
    let mut parts = bound.trim().split('.');
    let (major, minor) = (parts.next()?, parts.next()?);
    let minor: u8 = minor.trim_end_matches('*').parse().ok()?;
    (major == "3").then(|| format!("3.{minor}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_lower_bounds() {
        for (range, version) in [
            (">=3.9", Some("3.9")),
            (">=3.10,<4", Some("3.10")),
            ("^3.11", Some("3.11")),
            ("~=3.9.2", Some("3.9")),
            ("<4", None),
            (">=2.7", None),
            (">=3.x", None),
            ("", None),
        ] {
            assert_eq!(oldest(range).as_deref(), version, "{range}");
        }
    }
}
