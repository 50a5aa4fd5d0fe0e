//! Sizes of a deployment, as edits of a site file.

use serde::Serialize;
use serde_json::Value;
use slipway_core::detect::Edit;

/// A size that a person can choose.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SizeProfile {
    /// `small`, `medium` or `large`.
    pub name: &'static str,
    /// What it is, one or two sentences.
    pub summary: String,
    /// Whether Slipway can do it.
    pub supported: bool,
    /// What it changes.
    pub edits: Vec<Edit>,
}

/// The sizes for a site file with these values.
pub fn profiles(values: &Value) -> Vec<SizeProfile> {
    let web = serving(values);
    let instances = |count: u32| web.as_ref().map(|web| Edit::set(&["process", web, "instances"], count));
    let sockets = uses_sockets(values);
    let medium = if web.is_none() {
        "Files need no instances: nginx serves as many people as its network allows.".to_owned()
    } else if sockets {
        "Three instances behind nginx; each visitor stays on one of them, as WebSockets need. Sessions must be kept where \
         all instances find them, for example in Redis."
            .to_owned()
    } else {
        "Three instances behind nginx. Sessions must be kept where all instances find them, for example in Redis."
            .to_owned()
    };
    let affinity = (sockets && web.is_some()).then(|| Edit::set(&["affinity"], "cookie"));
    vec![
        SizeProfile {
            name: "small",
            summary: "One instance, for a team: sessions may live in its memory or in files.".to_owned(),
            supported: true,
            edits: instances(1).into_iter().collect(),
        },
        SizeProfile {
            name: "medium",
            summary: medium,
            supported: true,
            edits: instances(3).into_iter().chain(affinity).collect(),
        },
        SizeProfile {
            name: "large",
            summary: "Many hosts behind a load balancer are not supported yet: Slipway deploys to each host by itself and sets up \
                      neither HAProxy nor clusters of Redis or MariaDB, nor a container orchestrator."
                .to_owned(),
            supported: false,
            edits: Vec::new(),
        },
    ]
}

/// The process that answers visitors: the one that `/` leads to, else `web`.
fn serving(values: &Value) -> Option<String> {
    let processes = values.get("process")?.as_object()?;
    let routes = values.get("route").and_then(Value::as_array);
    let to = |route: &Value| Some(route.get("to")?.as_str()?.to_owned());
    let is_root = |route: &&Value| route.get("path").is_none_or(|path| path == "/");
    let root = routes.and_then(|routes| routes.iter().find(is_root).and_then(to));
    let any = || routes.and_then(|routes| routes.iter().find_map(to));
    root.or_else(any)
        .filter(|name| processes.contains_key(name))
        .or_else(|| processes.contains_key("web").then(|| "web".to_owned()))
}

fn uses_sockets(values: &Value) -> bool {
    let routes = values.get("route").and_then(Value::as_array);
    routes.into_iter().flatten().any(|route| route.get("websocket") == Some(&Value::Bool(true)))
}
