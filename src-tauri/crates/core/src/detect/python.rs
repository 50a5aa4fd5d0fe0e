//! What one Python file says, found by scanning its lines: no Python is parsed, and nothing is executed.

/// Lines of a file that are looked at.
const MOST_LINES: usize = 6000;
/// Characters of a line that are looked at.
const LONGEST_LINE: usize = 1000;
/// Things of one kind that are kept per file.
const MOST: usize = 100;

/// What a callable was made by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Maker {
    Flask,
    SocketIo,
    FastApi,
    Starlette,
    DjangoWsgi,
    DjangoAsgi,
    Celery,
    /// A call of a factory such as `create_app()`.
    Factory,
    /// Another name for a callable: `application = app`.
    Alias,
}

/// Something with its line, from 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct On<T> {
    pub(super) line: usize,
    pub(super) what: T,
}

/// An environment variable that is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Read {
    pub(super) name: String,
    pub(super) required: bool,
    pub(super) default: Option<String>,
}

/// A server that the file starts by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Run {
    /// `app.run`, `ui.run`, `socketio.run`, `uvicorn.run`.
    pub(super) call: String,
    pub(super) port: Option<u16>,
}

/// What a file says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Script {
    pub(super) path: String,
    /// Imported modules, dotted.
    pub(super) imports: Vec<On<String>>,
    /// Names that are bound at the left margin, by import or assignment.
    pub(super) names: Vec<On<String>>,
    /// Callables at the left margin.
    pub(super) callables: Vec<On<(String, Maker)>>,
    /// Functions `create_app` and `make_app` that need no argument.
    pub(super) factories: Vec<On<String>>,
    pub(super) routes: Vec<On<String>>,
    /// Prefixes of groups of routes.
    pub(super) prefixes: Vec<On<String>>,
    pub(super) reads: Vec<On<Read>>,
    pub(super) runs: Vec<On<Run>>,
    pub(super) async_mode: Option<On<String>>,
    /// Where a WebSocket is served without Socket.IO.
    pub(super) websocket: Option<usize>,
    /// Where an option `--port` is defined.
    pub(super) port_option: Option<usize>,
}

impl Script {
    /// Scans `text`.
    pub(super) fn scan(path: &str, text: &str) -> Self {
        let mut script = Self { path: path.to_owned(), ..Self::default() };
        let lines = code(text);
        let readers = readers(&lines);
        for (index, (line, code)) in lines.iter().enumerate() {
            script.line(*line, code);
            script.reads_of(*line, code, &readers);
            if let Some((call, _)) = run_call(code) {
                let port = lines.iter().skip(index).take(12).find_map(|(_, code)| keyword_number(code, "port"));
                keep(&mut script.runs, *line, Run { call, port });
            }
        }
        script
    }

    /// The dotted name that imports it from the top of the source.
    pub(super) fn module(&self) -> Option<String> {
        let stem = self.path.strip_suffix(".py")?;
        let stem = stem.strip_suffix("/__init__").unwrap_or(stem);
        let part = |part: &str| {
            part.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
                && part.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        };
        (stem != "__init__" && stem.split('/').all(part)).then(|| stem.replace('/', "."))
    }

    /// Where it imports `module` or something below it.
    pub(super) fn import_of(&self, module: &str) -> Option<usize> {
        let found = self.imports.iter().find(|import| {
            import.what.strip_prefix(module).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        });
        found.map(|import| import.line)
    }

    /// Its callable of that name.
    pub(super) fn callable(&self, name: &str) -> Option<&On<(String, Maker)>> {
        self.callables.iter().find(|callable| callable.what.0 == name)
    }

    fn line(&mut self, line: usize, code: &str) {
        let trimmed = code.trim_start();
        let margin = trimmed.len() == code.len();
        if let Some(rest) = trimmed.strip_prefix("import ") {
            for module in rest.split(',') {
                let module = module.split_whitespace().next().unwrap_or_default();
                self.import(line, module);
            }
        } else if let Some((module, names)) = trimmed.strip_prefix("from ").and_then(|rest| rest.split_once(" import "))
        {
            self.import(line, module.trim());
            for name in names.split(',').filter(|_| margin) {
                let name = name.trim().trim_matches(['(', ')']).rsplit(" as ").next().unwrap_or_default().trim();
                if is_name(name) {
                    keep(&mut self.names, line, name.to_owned());
                }
            }
        } else if let Some(rest) = trimmed.strip_prefix("def ").filter(|_| margin) {
            if let Some((name, parameters)) = rest.split_once('(') {
                let optional = |text: &str| text.split(',').all(|one| one.trim().is_empty() || one.contains('='));
                let bare = parameters.split(')').next().is_some_and(optional);
                if matches!(name, "create_app" | "make_app" | "get_app") && bare {
                    keep(&mut self.factories, line, name.to_owned());
                }
            }
        } else if margin {
            self.assignment(line, trimmed);
        }
        self.route(line, trimmed);
        for marker in ["async_mode", "SOCKETIO_ASYNC_MODE"] {
            if self.async_mode.is_none()
                && let Some((_, rest)) = code.split_once(marker)
                && let Some(mode) = rest.trim_start().strip_prefix('=').and_then(|rest| literal(rest.trim_start()))
                && matches!(mode.as_str(), "threading" | "eventlet" | "gevent" | "asgi")
            {
                self.async_mode = Some(On { line, what: mode });
            }
        }
        if self.websocket.is_none()
            && (trimmed.starts_with("@") && trimmed.contains(".websocket(") || trimmed.contains("websocket_route("))
        {
            self.websocket = Some(line);
        }
        if self.port_option.is_none()
            && code.contains("add_argument(")
            && (code.contains("\"--port\"") || code.contains("'--port'"))
        {
            self.port_option = Some(line);
        }
    }

    fn import(&mut self, line: usize, module: &str) {
        let dotted = !module.is_empty() && module.len() <= 100 && module.split('.').all(is_name);
        if dotted {
            keep(&mut self.imports, line, module.to_owned());
        }
    }

    fn assignment(&mut self, line: usize, code: &str) {
        let Some((left, right)) = code.split_once('=') else { return };
        let name = left.split(':').next().unwrap_or_default().trim();
        if !is_name(name) || right.starts_with('=') {
            return;
        }
        keep(&mut self.names, line, name.to_owned());
        let right = right.trim();
        let called = right.split_once('(').map(|(callee, _)| callee.trim());
        let maker = match called.and_then(|callee| callee.rsplit('.').next()) {
            Some("Flask") => Maker::Flask,
            Some("SocketIO") => Maker::SocketIo,
            Some("FastAPI") => Maker::FastApi,
            Some("Starlette") => Maker::Starlette,
            Some("Celery") => Maker::Celery,
            Some("get_wsgi_application") => Maker::DjangoWsgi,
            Some("get_asgi_application") => Maker::DjangoAsgi,
            Some("create_app" | "make_app" | "get_app") => Maker::Factory,
            Some(_) if matches!(name, "app" | "application") && called.is_some_and(|c| c.contains("middleware")) => {
                Maker::Alias
            }
            None if matches!(name, "app" | "application") && is_name(right) => Maker::Alias,
            _ => return,
        };
        keep(&mut self.callables, line, (name.to_owned(), maker));
    }

    fn route(&mut self, line: usize, code: &str) {
        const METHODS: [&str; 9] =
            [".route(", ".get(", ".post(", ".put(", ".delete(", ".patch(", ".api_route(", ".page(", ".websocket("];
        let path = |rest: &str| literal(rest.trim_start()).filter(|path| path.len() <= 200);
        if code.starts_with('@') {
            let called = METHODS.iter().find_map(|method| code.split_once(method));
            if let Some(path) = called.and_then(|(_, rest)| path(rest)).filter(|path| path.starts_with('/')) {
                keep(&mut self.routes, line, path);
            }
        } else if let Some(rest) = code.strip_prefix("path(") {
            // Django's paths have no leading slash.
            if let Some(path) = path(rest) {
                keep(&mut self.routes, line, format!("/{path}"));
            }
        }
        for marker in ["url_prefix=", "prefix="] {
            let found = code.split_once(marker).and_then(|(_, rest)| path(rest));
            if let Some(prefix) = found.filter(|prefix| prefix.starts_with('/')) {
                keep(&mut self.prefixes, line, prefix);
                break;
            }
        }
    }

    fn reads_of(&mut self, line: usize, code: &str, readers: &[(String, bool)]) {
        for (found, _) in code.match_indices("environ").chain(code.match_indices("getenv")) {
            let rest = code.get(found..).unwrap_or_default();
            let (rest, required) = if let Some(rest) = rest.strip_prefix("environ[") {
                (rest, true)
            } else if let Some(rest) = rest.strip_prefix("environ.get(").or_else(|| rest.strip_prefix("getenv(")) {
                (rest, false)
            } else {
                continue;
            };
            let Some(name) = literal(rest.trim_start()).filter(|name| is_variable(name)) else { continue };
            let after = rest.trim_start().get(name.len() + 2..).unwrap_or_default().trim_start();
            if required && after.strip_prefix(']').is_some_and(is_assigned) {
                continue;
            }
            let default = after.strip_prefix(',').and_then(|rest| constant(rest.trim_start()));
            keep(&mut self.reads, line, Read { name, required, default });
        }
        for (reader, required) in readers {
            let marker = format!("{reader}(");
            for (found, _) in code.match_indices(&marker) {
                let before = code.get(..found).and_then(|text| text.chars().next_back());
                let whole = before.is_none_or(|c| !c.is_ascii_alphanumeric() && c != '_');
                let rest = code.get(found + marker.len()..).unwrap_or_default();
                if let Some(name) = literal(rest.trim_start()).filter(|name| whole && is_variable(name)) {
                    keep(&mut self.reads, line, Read { name, required: *required, default: None });
                }
            }
        }
    }
}

fn keep<T>(list: &mut Vec<On<T>>, line: usize, what: T) {
    if list.len() < MOST {
        list.push(On { line, what });
    }
}

/// Functions that read the variable whose name they are given first, and whether they raise without it.
fn readers(lines: &[(usize, String)]) -> Vec<(String, bool)> {
    let mut found: Vec<(String, bool)> = Vec::new();
    let mut current: Option<(String, String, usize)> = None;
    let mut inside = false;
    for (_, code) in lines {
        let trimmed = code.trim_start();
        let indent = code.len() - trimmed.len();
        if trimmed.is_empty() {
            continue;
        }
        if current.as_ref().is_some_and(|(_, _, at)| indent <= *at) {
            (current, inside) = (None, false);
        }
        if let Some((name, parameters)) = trimmed.strip_prefix("def ").and_then(|rest| rest.split_once('(')) {
            let first = parameters.split([',', ')', ':', '=']).next().unwrap_or_default().trim();
            current = (is_name(name) && is_name(first)).then(|| (name.to_owned(), first.to_owned(), indent));
        } else if let Some((name, parameter, _)) = &current {
            let reads =
                [format!("environ[{parameter}]"), format!("environ.get({parameter}"), format!("getenv({parameter}")];
            if reads.iter().any(|read| code.contains(read.as_str())) && found.len() < 20 {
                inside = true;
                let fails = code.contains(&format!("environ[{parameter}]"));
                found.push((name.clone(), fails));
            } else if inside
                && trimmed.starts_with("raise ")
                && let Some(last) = found.last_mut()
            {
                last.1 = true;
            }
        }
    }
    found
}

/// The code of each line with its number: comments and the inside of strings over several lines are left out.
fn code(text: &str) -> Vec<(usize, String)> {
    let mut lines = Vec::new();
    let mut open: Option<&str> = None;
    for (index, line) in text.lines().take(MOST_LINES).enumerate() {
        let mut rest = match line.char_indices().nth(LONGEST_LINE) {
            Some((end, _)) => line.get(..end).unwrap_or_default(),
            None => line,
        };
        let mut out = String::new();
        loop {
            if let Some(quotes) = open {
                let Some((_, after)) = rest.split_once(quotes) else { break };
                out.push_str("\"\"");
                (rest, open) = (after, None);
            }
            let Some(start) = rest.find(['"', '\'', '#']) else {
                out.push_str(rest);
                break;
            };
            let (before, from) = rest.split_at(start);
            out.push_str(before);
            if from.starts_with('#') {
                break;
            }
            if let Some(quotes) = ["\"\"\"", "'''"].into_iter().find(|quotes| from.starts_with(quotes)) {
                rest = from.get(3..).unwrap_or_default();
                open = Some(quotes);
                continue;
            }
            let length = string_length(from);
            out.push_str(from.get(..length).unwrap_or(from));
            rest = from.get(length..).unwrap_or_default();
        }
        lines.push((index + 1, out));
    }
    lines
}

/// Bytes of the string that `text` begins with, quotes included; all of it when the string does not end.
fn string_length(text: &str) -> usize {
    let mut characters = text.char_indices();
    let Some((_, quote)) = characters.next() else { return 0 };
    let mut escaped = false;
    for (at, c) in characters {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            c if c == quote => return at + c.len_utf8(),
            _ => {}
        }
    }
    text.len()
}

/// The string that `text` begins with; `None` when it is none, or one with escapes or placeholders.
pub(super) fn literal(text: &str) -> Option<String> {
    let quoted = text.get(..string_length(text)).filter(|_| text.starts_with(['"', '\'']))?;
    let quote = quoted.chars().next()?;
    let inside = quoted.strip_prefix(quote)?.strip_suffix(quote)?;
    let plain = !inside.contains(['\\', '{']) && !inside.chars().any(crate::site::is_hostile);
    (plain && inside.len() <= 300).then(|| inside.to_owned())
}

/// A string, number or truth value as an environment variable would say it.
fn constant(text: &str) -> Option<String> {
    let word = || {
        let end = text.find(|c: char| !c.is_ascii_alphanumeric() && c != '.').unwrap_or(text.len());
        let word = text.get(..end).unwrap_or_default();
        let number = !word.is_empty() && word.starts_with(|c: char| c.is_ascii_digit());
        (number || matches!(word, "True" | "False")).then(|| word.to_owned())
    };
    literal(text).or_else(word)
}

/// The number that a keyword argument or setting of this name has.
pub(super) fn keyword_number(code: &str, key: &str) -> Option<u16> {
    code.match_indices(key).find_map(|(at, _)| {
        let before = code.get(..at)?.chars().next_back();
        let rest = code.get(at + key.len()..)?.trim_start().strip_prefix('=')?.trim_start();
        let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let whole = before.is_none_or(|c| !c.is_ascii_alphanumeric() && c != '_');
        rest.get(..end)?.parse().ok().filter(|_| whole)
    })
}

fn run_call(code: &str) -> Option<(String, &str)> {
    let trimmed = code.trim_start();
    ["app.run(", "ui.run(", "socketio.run(", "uvicorn.run(", "sio.run(", "application.run("].into_iter().find_map(
        |call| {
            let (before, rest) = trimmed.split_once(call)?;
            let whole = before.is_empty() || before.ends_with([' ', ';', '.', '(']);
            whole.then(|| (call.trim_end_matches('(').to_owned(), rest))
        },
    )
}

fn is_assigned(rest: &str) -> bool {
    let rest = rest.trim_start();
    rest.starts_with('=') && !rest.starts_with("==")
}

fn is_variable(name: &str) -> bool {
    (1..=80).contains(&name.len())
        && name.starts_with(|c: char| c.is_ascii_uppercase() || c == '_')
        && name.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_')
}

pub(super) fn is_name(text: &str) -> bool {
    text.len() <= 80
        && text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}
