//! A site of nothing but files: what its site file says.

/// A build that goes on until the test lets it end.
pub const BUILD: &str = r#"
[[build]]
run = ["sh", "-c", "until [ -e /opt/hall/build/go ]; do sleep 0.1; done"]
"#;
/// Succeeds inside the host while that build goes on.
pub const BUILDS: &str = "pgrep -f '^sh -c until \\[ -e /opt/hall' >/dev/null";

/// The site file; `more` goes behind it.
pub fn site(domain: &str, more: &str) -> String {
    format!(
        r#"
schema = 1
name = "hall"
domains = ["{domain}"]

[source]
folder = "pages"

[runtime]
kind = "static"

[[route]]
path = "/"
files = "."
{more}
"#
    )
}
