//! Which files of a tree say what it is, and how much of them is read.

/// Files of a tree that are listed.
pub const MOST_FILES: usize = 20_000;
/// Files whose text is read.
pub const MOST_TEXTS: usize = 400;
/// Bytes of one file that are read.
pub const MOST_TEXT: usize = 128 << 10;

/// Whether a folder of this name is left out: version control, environments, caches, what a build or tests bring.
pub fn is_skipped(folder: &str) -> bool {
    const SKIPPED: [&str; 17] = [
        ".git",
        ".hg",
        ".svn",
        "node_modules",
        "venv",
        ".venv",
        "env",
        "__pycache__",
        ".tox",
        ".nox",
        ".mypy_cache",
        ".pytest_cache",
        ".ruff_cache",
        "site-packages",
        ".next",
        ".idea",
        ".vscode",
    ];
    SKIPPED.contains(&folder) || folder.ends_with(".egg-info")
}

/// The files of `paths` whose texts tell most, the most telling first, at most [`MOST_TEXTS`].
pub fn wanted(paths: &[String]) -> Vec<String> {
    let mut ranked: Vec<(u8, usize, &String)> = paths
        .iter()
        .filter(|path| path.len() <= 512)
        .filter_map(|path| Some((rank(path)?, path.matches('/').count(), path)))
        .collect();
    ranked.sort();
    ranked.into_iter().take(MOST_TEXTS).map(|(_, _, path)| path.clone()).collect()
}

/// How telling a file's text is; 0 is most, `None` is not at all.
fn rank(path: &str) -> Option<u8> {
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    let depth = path.matches('/').count();
    let aside = |part: &str| matches!(part, "tests" | "test" | "docs" | "doc" | "examples" | "example" | "migrations");
    if folder.split('/').any(aside) || depth > 6 {
        return None;
    }
    match name {
        "package.json" | "Procfile" | "pyproject.toml" | "setup.py" | "manage.py" | "Dockerfile" if depth <= 3 => {
            Some(0)
        }
        "gunicorn.conf.py" | "gunicorn_config.py" | "gunicorn.py" | "gunicorn_conf.py" => Some(0),
        "wsgi.py" | "asgi.py" | "passenger_wsgi.py" | "app.py" | "main.py" | "server.py" | "celery_app.py"
        | "celery.py" => Some(1),
        _ if is_requirements(name) && depth <= 2 => Some(0),
        _ if folder == "requirements" && name.ends_with(".txt") => Some(0),
        _ if name.starts_with("vite.config.") || name.ends_with(".service") || name == ".python-version" => Some(1),
        "settings.py" | "urls.py" | "config.py" | "tasks.py" | "__init__.py" | "routes.py" | "views.py" => Some(2),
        _ if name.starts_with("test_") || name.ends_with("_test.py") || name == "conftest.py" => None,
        _ if name.ends_with(".py") => Some(3),
        // A program without an ending, such as `manage` or `mbasic`, may be Python's; its first line says so.
        _ if depth == 0 && !name.contains('.') && name.chars().all(|c| c.is_ascii_lowercase() || "_-".contains(c)) => {
            Some(3)
        }
        _ => None,
    }
}

/// Whether this is a requirements file of pip.
pub(super) fn is_requirements(name: &str) -> bool {
    name.starts_with("requirements") && name.ends_with(".txt")
}
