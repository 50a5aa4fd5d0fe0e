//! What the site file should say for the likeliest shape: findings, each with its edits.

use serde_json::json;

use super::frontend::Package;
use super::judge::Seen;
use super::python::{Maker, Script};
use super::server::split;
use super::{Edit, Finding, Use, at, shown, variables};

/// Findings for a tree of this shape.
pub(super) fn findings(seen: &Seen<'_>, shape: Option<&str>) -> Vec<Finding> {
    let mut found = Vec::new();
    match shape {
        None => {}
        Some("static") => files(seen, &mut found),
        Some("spa") => {
            let edits = vec![Edit::set(&["runtime", "kind"], "static"), Edit::remove(&["runtime", "version"])];
            found.push(finding("Runtime", "static: nginx serves what the build makes", Vec::new(), edits));
            front_end(seen, &mut found);
        }
        Some("node") => node(seen, &mut found),
        Some(shape) => python(seen, shape, &mut found),
    }
    found
}

fn finding(label: &str, value: &str, reasons: Vec<String>, edits: Vec<Edit>) -> Finding {
    Finding { label: label.to_owned(), value: value.to_owned(), reasons, edits }
}

fn files(seen: &Seen<'_>, found: &mut Vec<Finding>) {
    let Some(page) = seen.start_page() else { return };
    let folder = page.strip_suffix("/index.html").unwrap_or(".");
    let mut edits = vec![Edit::set(&["runtime", "kind"], "static"), Edit::remove(&["runtime", "version"])];
    edits.extend(root_route("files", folder));
    found.push(finding("Files", folder, vec![format!("{page}:1 is a start page")], edits));
}

/// The route `/` with this target and no other.
fn root_route(target: &str, value: &str) -> Vec<Edit> {
    let mut edits = vec![Edit::set(&["route", "path=/", target], value)];
    for other in ["to", "files", "spa", "redirect"].into_iter().filter(|other| *other != target) {
        edits.push(Edit::remove(&["route", "path=/", other]));
    }
    edits
}

fn front_end(seen: &Seen<'_>, found: &mut Vec<Finding>) {
    let Some(package) = seen.built_front_end() else { return };
    let (Some(build), Some((output, why))) = (package.build, &package.output) else { return };
    let install = if package.locked { "ci" } else { "install" };
    // Key by key, so that time limits and the like that stand there already stay.
    let step = |index: &str, words: &[&str]| {
        let directory = ["build", index, "directory"];
        let place = match package.folder.as_str() {
            "" => Edit::remove(&directory),
            folder => Edit::set(&directory, folder),
        };
        [Edit::set(&["build", index, "run"], json!(words)), place]
    };
    let steps = [step("0", &["npm", install]), step("1", &["npm", "run", "build"])].concat();
    let lock = if package.locked {
        format!("{} is locked by package-lock.json", at(&package.path, 1))
    } else {
        format!("{} has no package-lock.json beside it: commit one, so that builds repeat", at(&package.path, 1))
    };
    let reasons = vec![format!("{} has a script build", at(&package.path, build)), lock];
    found.push(finding("Build", &format!("npm {install}, npm run build"), reasons, steps));
    let mut edits = root_route("spa", output);
    edits.push(Edit::remove(&["route", "path=/", "websocket"]));
    found.push(finding("Front end", output, vec![why.clone()], edits));
}

fn node(seen: &Seen<'_>, found: &mut Vec<Finding>) {
    let Some(package) = seen.node_server() else { return };
    let place = at(&package.path, package.start.as_ref().map_or(1, |(_, line)| *line));
    let edits = vec![
        Edit::set(&["runtime", "kind"], "node"),
        Edit::remove(&["runtime", "requirements"]),
        Edit::remove(&["runtime", "extra_packages"]),
        Edit::remove(&["runtime", "install_project"]),
        Edit::remove(&["runtime", "import_check"]),
    ];
    found.push(finding("Runtime", "node", vec![format!("{} is a package of Node.js", at(&package.path, 1))], edits));
    let direct = package.start.as_ref().map(|(start, _)| split(start));
    let direct =
        direct.filter(|words| words.first().is_some_and(|word| word == "node") && words.len() <= 6 && plain(words));
    let command: Vec<String> = match (direct, &package.start, &package.main) {
        (Some(words), _, _) => words,
        (None, Some(_), _) | (None, None, None) => ["npm", "start"].map(str::to_owned).into(),
        (None, None, Some(main)) => vec!["node".into(), main.clone()],
    };
    let mut edits = own_server(&command);
    edits.push(Edit::set(&["process", "web", "port"], 3000));
    let why = format!("{place} says how it starts; Slipway tells it the port in the variable PORT");
    found.push(finding("Process", &shown(&command.join(" ")), vec![why], edits));
    if let (Some(line), true) = (package.build, package.folder.is_empty()) {
        let step = Edit::set(&["build", "0", "run"], json!(["npm", "run", "build"]));
        let reason = format!("{} has a script build", at(&package.path, line));
        found.push(finding("Build", "npm run build", vec![reason], vec![step]));
    }
    sockets(seen, "/", found);
}

/// Words that mean the same without a shell, and that hold no placeholder.
fn plain(words: &[String]) -> bool {
    words.iter().all(|word| !word.contains(['$', '|', ';', '&', '>', '<', '`', '{', '}', '*']) && !word.contains('\n'))
}

/// A process `web` that opens its port by itself.
fn own_server(command: &[String]) -> Vec<Edit> {
    vec![
        Edit::remove(&["process", "web", "gunicorn"]),
        Edit::set(&["process", "web", "command"], command.to_vec()),
        Edit::set(&["process", "web", "listen"], "port"),
    ]
}

fn python(seen: &Seen<'_>, shape: &str, found: &mut Vec<Finding>) {
    runtime(seen, found);
    let entry = entry(seen, shape);
    let mut modules = Vec::new();
    let serves_itself =
        matches!(shape, "nicegui-redis" | "python" | "flask-device") && seen.start.gunicorn.app.is_none();
    let mut missing: Vec<&str> = Vec::new();
    match (&entry, own_program(seen)) {
        (_, Some((script, line, call))) if serves_itself => program(seen, script, line, &call, found),
        (Some((app, reason)), _) => {
            modules.push(app.split(':').next().unwrap_or_default().to_owned());
            missing = gunicorn(seen, shape, app, reason, found);
        }
        (None, _) => found.push(finding(
            "Entry point",
            "not found",
            vec!["no file makes an application that gunicorn could be given; say which under process.web".to_owned()],
            Vec::new(),
        )),
    }
    let port = port(seen, shape);
    found.push(finding(
        "Port",
        &port.0.to_string(),
        vec![port.1],
        vec![Edit::set(&["process", "web", "port"], port.0)],
    ));
    if let Some((command, module, reason)) = celery(seen) {
        modules.extend(module);
        let edits = vec![
            Edit::remove(&["process", "worker", "gunicorn"]),
            Edit::set(&["process", "worker", "command"], command.clone()),
        ];
        found.push(finding("Celery worker", &shown(&command.join(" ")), vec![reason], edits));
    }
    packages(seen, &missing, &modules, found);
    let built = seen.built_front_end().is_some() && shape == "flask-react";
    if built {
        front_end(seen, found);
        api_routes(seen, found);
    }
    sockets(seen, if built { "/socket.io" } else { "/" }, found);
    health(seen, shape, found);
    environment(seen, found);
}

fn runtime(seen: &Seen<'_>, found: &mut Vec<Finding>) {
    let manifests = &seen.manifests;
    let mut edits = vec![Edit::set(&["runtime", "kind"], "python")];
    let mut reasons = Vec::new();
    if let Some((version, path, line)) = &manifests.oldest_python {
        edits.push(Edit::set(&["runtime", "version"], version.as_str()));
        reasons.push(format!("{} asks for Python {version}", at(path, *line)));
    }
    let at_top: Vec<&String> = manifests.files.iter().filter(|file| !file.contains('/')).collect();
    let chosen = ["requirements.txt", "requirements-prod.txt", "requirements-production.txt"]
        .into_iter()
        .find(|name| at_top.iter().any(|file| file.as_str() == *name))
        .map(str::to_owned)
        .or_else(|| {
            at_top.iter().find(|file| !file.contains("dev") && !file.contains("test")).map(|file| (*file).clone())
        })
        .or_else(|| manifests.files.first().filter(|file| file.starts_with("requirements/")).cloned());
    let value = match (&chosen, &manifests.project) {
        (Some(file), _) => {
            reasons.push(format!("{}:1 lists what is installed", shown(file)));
            edits.push(Edit::set(&["runtime", "requirements"], json!([file])));
            edits.push(Edit::remove(&["runtime", "install_project"]));
            format!("python, {}", shown(file))
        }
        (None, Some(project)) => {
            reasons.push(format!("{project}:1 makes the source a package"));
            edits.push(Edit::remove(&["runtime", "requirements"]));
            edits.push(Edit::set(&["runtime", "install_project"], true));
            "python, the source as a package".to_owned()
        }
        (None, None) => {
            edits.push(Edit::remove(&["runtime", "requirements"]));
            "python; nothing says which packages it needs".to_owned()
        }
    };
    found.push(finding("Runtime", &value, reasons, edits));
}

/// The application that gunicorn is given, as `module:callable`, and why.
fn entry(seen: &Seen<'_>, shape: &str) -> Option<(String, String)> {
    if let Some((app, place)) = &seen.start.gunicorn.app {
        return Some((app.clone(), format!("{place} starts it")));
    }
    let module = |script: &Script| {
        let module = script.module()?;
        // With a package below src/, the installed name has no `src`.
        let installed = seen.manifests.project.is_some() && seen.import("src").is_none();
        Some(match module.strip_prefix("src.").filter(|_| installed) {
            Some(inside) => inside.to_owned(),
            None => module,
        })
    };
    let file = |script: &Script| script.path.rsplit('/').next().unwrap_or_default().to_owned();
    for name in ["wsgi.py", "passenger_wsgi.py", "asgi.py"] {
        for script in seen.scripts.iter().filter(|script| file(script) == name) {
            let bound = |wanted: &str| script.names.iter().find(|bound| bound.what == wanted);
            if let (Some(name), Some(module)) = (bound("application").or_else(|| bound("app")), module(script)) {
                return Some((
                    format!("{module}:{}", name.what),
                    format!("{} defines {}", at(&script.path, name.line), name.what),
                ));
            }
        }
    }
    let makers: &[Maker] = match shape {
        "fastapi" => &[Maker::FastApi, Maker::Starlette],
        "django" => &[Maker::DjangoWsgi, Maker::DjangoAsgi],
        _ => &[Maker::Flask, Maker::Factory, Maker::FastApi, Maker::Starlette],
    };
    if let Some((script, line, name)) = seen.made_by(makers)
        && let Some(module) = module(script)
    {
        return Some((format!("{module}:{name}"), format!("{} makes {name}", at(&script.path, line))));
    }
    seen.scripts.iter().find_map(|script| {
        let factory = script.factories.first()?;
        let app = format!("{}:{}()", module(script)?, factory.what);
        Some((app, format!("{} defines the factory {}", at(&script.path, factory.line), factory.what)))
    })
}

/// Whether the application is called the asynchronous way.
fn is_asgi(seen: &Seen<'_>, shape: &str, app: &str) -> bool {
    let (module, name) = app.split_once(':').unwrap_or((app, "application"));
    let script = seen
        .scripts
        .iter()
        .find(|script| script.module().is_some_and(|own| own == module || own == format!("src.{module}")));
    match script.and_then(|script| script.callable(name)).map(|callable| callable.what.1) {
        Some(Maker::FastApi | Maker::Starlette | Maker::DjangoAsgi) => true,
        Some(Maker::Flask | Maker::DjangoWsgi) => false,
        _ => shape == "fastapi" || shape == "flask-react" && seen.import("flask").is_none(),
    }
}

/// gunicorn's settings. The answer is what it needs that no file requires.
fn gunicorn<'a>(seen: &Seen<'_>, shape: &str, app: &str, reason: &str, found: &mut Vec<Finding>) -> Vec<&'a str> {
    let key = |name| ["process", "web", "gunicorn", name];
    let edits = vec![
        Edit::remove(&["process", "web", "command"]),
        Edit::remove(&["process", "web", "listen"]),
        Edit::set(&key("app"), app),
    ];
    found.push(finding("Entry point", app, vec![reason.to_owned()], edits));

    let settings = &seen.start.gunicorn;
    let one_process = !seen.uses("flask_socketio", "flask-socketio").is_empty();
    let number = |key: &str| settings.numbers.iter().find(|(name, _, _)| *name == key);
    let mode = seen.scripts.iter().find_map(|script| {
        let mode = script.async_mode.as_ref()?;
        Some((mode.what.as_str(), format!("{} sets async_mode = {}", at(&script.path, mode.line), mode.what)))
    });
    let (class, why) = match (&settings.worker_class, mode) {
        (Some((class, place)), _) => (class.clone(), format!("{place} says so")),
        (None, _) if is_asgi(seen, shape, app) => {
            ("uvicorn.workers.UvicornWorker".to_owned(), "the application is asynchronous (ASGI)".to_owned())
        }
        (None, Some((mode @ ("eventlet" | "gevent"), why))) => (mode.to_owned(), why),
        (None, Some((_, why))) => ("gthread".to_owned(), why),
        (None, None) => ["eventlet", "gevent"]
            .into_iter()
            .filter(|_| one_process)
            .find_map(|name| Some((name.to_owned(), seen.requirement(name)?)))
            .unwrap_or_else(|| ("gthread".to_owned(), "threads suit most applications".to_owned())),
    };
    let cooperative = matches!(class.as_str(), "gevent" | "eventlet" | "tornado");
    let mut edits = vec![Edit::set(&key("worker_class"), class.as_str())];
    if !matches!(class.as_str(), "gevent" | "eventlet") {
        edits.push(Edit::remove(&key("worker_connections")));
    }
    if cooperative {
        edits.push(Edit::remove(&key("threads")));
    } else if class == "gthread" && number("threads").is_none() {
        edits.push(Edit::set(&key("threads"), if one_process { 100 } else { 8 }));
    }
    found.push(finding("Worker class", &class, vec![why], edits));
    if one_process {
        let why = format!(
            "{}: a client's requests must meet the same process",
            seen.uses("flask_socketio", "flask-socketio").join(", ")
        );
        found.push(finding("Workers", "1", vec![why], vec![Edit::set(&key("workers"), 1)]));
    }
    for (name, value, place) in &settings.numbers {
        let skip = match *name {
            "workers" => one_process,
            "threads" => cooperative,
            "worker_connections" => !cooperative,
            "max_requests_jitter" => true,
            _ => false,
        };
        if !skip {
            let edit = match *name {
                "timeout" | "graceful_timeout" | "keepalive" => Edit::set(&key(name), format!("{value}s")),
                _ => Edit::set(&key(name), *value),
            };
            found.push(finding(
                &name.replace('_', " "),
                &value.to_string(),
                vec![format!("{place} says so")],
                vec![edit],
            ));
        }
    }
    if let Some(place) = &settings.preload {
        found.push(finding("Preload", "yes", vec![format!("{place} says so")], vec![Edit::set(&key("preload"), true)]));
    }
    let needed: [(&'static str, &str, bool); 4] = [
        ("gunicorn>=22", "gunicorn", true),
        ("gevent>=24", "gevent", class == "gevent"),
        ("eventlet>=0.36", "eventlet", class == "eventlet"),
        ("uvicorn>=0.30", "uvicorn", class.starts_with("uvicorn.")),
    ];
    needed
        .into_iter()
        .filter(|(_, name, needed)| *needed && seen.manifests.of_package(name).is_none())
        .map(|n| n.0)
        .collect()
}

/// The program that serves by itself: its file, line and call. NiceGUI's own start comes first.
fn own_program<'a>(seen: &'a Seen<'_>) -> Option<(&'a Script, usize, String)> {
    let calls = |wanted: fn(&str) -> bool| {
        seen.scripts.iter().find_map(|script| {
            let run = script.runs.iter().find(|run| wanted(&run.what.call))?;
            Some((script, run.line, run.what.call.clone()))
        })
    };
    calls(|call| call == "ui.run").or_else(|| calls(|_| true))
}

fn program(seen: &Seen<'_>, script: &Script, line: usize, call: &str, found: &mut Vec<Finding>) {
    let reason = format!("{} calls {call}", at(&script.path, line));
    let declared =
        seen.start.web.as_ref().filter(|(words, _)| plain(words) && words.iter().any(|word| word.ends_with(".py")));
    let option = seen.scripts.iter().find_map(|script| Some((script, script.port_option?)));
    // The file that takes the options is the one to start.
    let started = option.map_or(script, |(script, _)| script);
    let mut command = match declared {
        Some((words, _)) => words.clone(),
        None => vec!["python".to_owned(), started.path.clone()],
    };
    let mut reasons = vec![reason];
    reasons.extend(declared.map(|(_, place)| format!("{place} starts it so")));
    if let Some((script, line)) = option {
        command.retain(|word| word != "--port" && word.parse::<u16>().is_err());
        command.extend(["--port".to_owned(), "{port}".to_owned()]);
        reasons.push(format!("{} has an option --port", at(&script.path, line)));
    } else if !reads_port(seen) {
        reasons.push(
            "make it take the port from the variable PORT: two releases run beside each other for a moment".to_owned(),
        );
    }
    found.push(finding("Process", &shown(&command.join(" ")), reasons, own_server(&command)));
}

fn reads_port(seen: &Seen<'_>) -> bool {
    seen.scripts.iter().any(|script| script.reads.iter().any(|read| read.what.name == "PORT"))
}

fn port(seen: &Seen<'_>, shape: &str) -> (u16, String) {
    let usable = |port: u16| (1024..=64_000).contains(&port);
    let named = seen.start.gunicorn.port.as_ref().or(seen.start.exposed.as_ref());
    if let Some((port, place)) = named.filter(|(port, _)| usable(*port)) {
        return (*port, format!("{place} says so"));
    }
    let run = seen.scripts.iter().find_map(|script| {
        let run = script.runs.iter().find(|run| run.what.port.is_some_and(usable))?;
        Some((run.what.port?, format!("{} uses it", at(&script.path, run.line))))
    });
    run.unwrap_or_else(|| {
        let usual = if shape == "nicegui-redis" { 8080 } else { 8000 };
        (usual, "nothing in the source names a port; nginx alone reaches it".to_owned())
    })
}

/// Command of a Celery worker, the module of its application, and why.
fn celery(seen: &Seen<'_>) -> Option<(Vec<String>, Option<String>, String)> {
    if let Some((words, place)) = seen.start.celery.as_ref().filter(|(words, _)| plain(words)) {
        return Some((words.clone(), None, format!("{place} starts it")));
    }
    let (script, line, name) = seen.made_by(&[Maker::Celery])?;
    let module = script.module()?;
    let command = ["celery", "-A", &module, "worker", "--loglevel=info"].map(str::to_owned).into();
    Some((command, Some(module.clone()), format!("{} makes the Celery application {name}", at(&script.path, line))))
}

fn packages(seen: &Seen<'_>, missing: &[&str], modules: &[String], found: &mut Vec<Finding>) {
    let edit = |key: &str, list: Vec<String>| match list.as_slice() {
        [] => Edit::remove(&["runtime", key]),
        _ => Edit::set(&["runtime", key], list),
    };
    let mut missing: Vec<String> = missing.iter().map(|name| (*name).to_owned()).collect();
    if seen.manifests.required.is_empty() {
        let imported = [
            ("flask", "flask"),
            ("fastapi", "fastapi"),
            ("django", "django"),
            ("nicegui", "nicegui"),
            ("celery", "celery"),
        ];
        let lacking =
            imported.iter().filter(|(module, _)| seen.manifests.project.is_none() && seen.import(module).is_some());
        missing.extend(lacking.map(|(_, package)| (*package).to_owned()));
    }
    let value = if missing.is_empty() { "none".to_owned() } else { missing.join(", ") };
    let reason = "what production needs and no requirements name".to_owned();
    let edits = vec![edit("extra_packages", missing), edit("import_check", modules.to_vec())];
    found.push(finding("Further packages", &value, vec![reason], edits));
}

fn api_routes(seen: &Seen<'_>, found: &mut Vec<Finding>) {
    let mut prefixes: Vec<(String, String)> = Vec::new();
    for script in &seen.scripts {
        for path in script.prefixes.iter().chain(&script.routes) {
            let first = path.what.trim_start_matches('/').split('/').next().unwrap_or_default();
            let plain = !first.is_empty() && first.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b));
            let prefix = format!("/{first}");
            if plain && prefixes.len() < 12 && !prefixes.iter().any(|(known, _)| *known == prefix) {
                prefixes.push((prefix, format!("{} serves {}", at(&script.path, path.line), shown(&path.what))));
            }
        }
    }
    for (prefix, reason) in prefixes {
        let edits = vec![Edit::set(&["route", &format!("path={prefix}"), "to"], "web")];
        found.push(finding("Route to the application", &prefix, vec![reason], edits));
    }
}

fn sockets(seen: &Seen<'_>, path: &str, found: &mut Vec<Finding>) {
    let plain = seen.scripts.iter().find_map(|script| Some((script, script.websocket?)));
    let mut reasons = seen.uses("flask_socketio", "flask-socketio");
    reasons.extend(seen.uses("socketio", "python-socketio"));
    reasons.extend(seen.uses("nicegui", "nicegui"));
    reasons.extend(seen.uses("flask_sock", "flask-sock"));
    let by_cookie = !reasons.is_empty();
    reasons.extend(plain.map(|(script, line)| format!("{} serves a WebSocket", at(&script.path, line))));
    let node = seen.packages.iter().find_map(|package: &Package| Some((package, package.sockets?)));
    reasons.extend(node.map(|(package, line)| format!("{} uses socket.io", at(&package.path, line))));
    if reasons.is_empty() {
        return;
    }
    let route = format!("path={path}");
    let mut edits = vec![Edit::set(&["route", &route, "to"], "web"), Edit::set(&["route", &route, "websocket"], true)];
    if by_cookie || node.is_some() {
        edits.push(Edit::set(&["affinity"], "cookie"));
    }
    found.push(finding("WebSockets", path, reasons, edits));
}

fn health(seen: &Seen<'_>, shape: &str, found: &mut Vec<Finding>) {
    const USUAL: [&str; 9] =
        ["/health", "/healthz", "/health/", "/api/health", "/readyz", "/livez", "/ping", "/up", "/status"];
    let route = USUAL.into_iter().find_map(|path| {
        seen.scripts.iter().find_map(|script| {
            let route = script.routes.iter().find(|route| route.what == path)?;
            Some((path, format!("{} serves {path}", at(&script.path, route.line))))
        })
    });
    match route {
        Some((path, reason)) => {
            found.push(finding("Health", path, vec![reason], vec![Edit::set(&["health", "path"], path)]));
        }
        None if shape == "nicegui-redis" => {
            let reason = "no route is called /health; the start page answers when the instance works".to_owned();
            found.push(finding("Health", "/", vec![reason], vec![Edit::set(&["health", "path"], "/")]));
        }
        None => found.push(finding(
            "Health",
            "not found",
            vec!["no route is called /health or the like; name a page that answers 200 without a login".to_owned()],
            Vec::new(),
        )),
    }
}

/// What the code reads from its environment, as far as the name says what it should be.
fn environment(seen: &Seen<'_>, found: &mut Vec<Finding>) {
    for variable in variables::of(seen) {
        let name = variable.name.as_str();
        let reasons = vec![variable.reason.clone()];
        match variable.usage {
            Use::GeneratedSecret => {
                let format = if name.contains("FERNET") { "fernet" } else { "hex" };
                let edits = vec![Edit::set(&["secret", name, "generate"], format)];
                found.push(finding("Secret made by Slipway", name, reasons, edits));
            }
            Use::Secret if variable.required => {
                found.push(finding("Secret to supply", name, reasons, vec![Edit::set(&["secret", name], json!({}))]));
            }
            Use::Directory if name.starts_with("LOG") => {
                let edits = vec![Edit::set(&["logs", "directory"], true), Edit::set(&["logs", "env"], name)];
                found.push(finding("Directory for logs", name, reasons, edits));
            }
            Use::Directory if variable.required => {
                let stem = name.rsplit_once('_').map_or(name, |(stem, _)| stem).to_ascii_lowercase().replace('_', "-");
                let edits = vec![Edit::set(&["shared", &stem, "env"], name)];
                found.push(finding("Directory that outlives releases", name, reasons, edits));
            }
            Use::Setting if variable.required => {
                let ask = "its value is yours to say, under environment".to_owned();
                found.push(finding("Setting to supply", name, [reasons, vec![ask]].concat(), Vec::new()));
            }
            Use::Secret | Use::Directory | Use::Setting => {}
        }
    }
}
