//! A small site with processes: two instances that say which version they are, shared folders, a log folder.

use std::path::Path;

/// The site's text; `more` are packages beside gunicorn, each of which makes another environment.
pub(crate) fn site(more: &str) -> String {
    format!(
        r#"
schema = 1
name = "shop"
domains = ["shop.test"]

[source]
folder = "app"

[runtime]
kind = "python"
requirements = []
extra_packages = ["gunicorn"{more}]

[[build]]
run = ["sh", "-c", "mkdir -p built/deep && cp version built/deep/copy"]

[process.web]
port = 6000
instances = 2
stop_timeout = "5s"
[process.web.gunicorn]
app = "app:application"
graceful_timeout = "1s"

[shared.data]
env = "DATA_DIR"

[shared."media/photos"]
link = "photos"

[logs]
directory = true
env = "LOG_DIR"

[[route]]
path = "/"
to = "web"

[health]
path = "/"
settle = "1s"
"#
    )
}

const APP: &str = r#"
import os
VERSION = open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "version")).read()
def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [VERSION.encode()]
"#;

/// Writes the application into `folder`, saying that it is `version`.
pub(crate) fn assemble(folder: &Path, version: &str) {
    let app = folder.join("app");
    std::fs::create_dir_all(&app).unwrap();
    std::fs::write(app.join("app.py"), APP).unwrap();
    std::fs::write(app.join("version"), version).unwrap();
}
