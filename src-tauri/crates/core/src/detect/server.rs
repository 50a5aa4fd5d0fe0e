//! How an application says that it is started: gunicorn's configuration, Procfile, Dockerfile, units of systemd.

use super::python::{is_name, keyword_number, literal};
use super::{Tree, at};

/// gunicorn's settings as they were found, each with its place.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Gunicorn {
    pub(super) app: Option<(String, String)>,
    /// Key of the site file's `gunicorn` table, number, place.
    pub(super) numbers: Vec<(&'static str, u64, String)>,
    pub(super) worker_class: Option<(String, String)>,
    pub(super) port: Option<(u16, String)>,
    pub(super) preload: Option<String>,
    /// Where gunicorn is named at all.
    pub(super) named: Option<String>,
}

/// How the application is started.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Start {
    pub(super) gunicorn: Gunicorn,
    /// Command of a Celery worker: words and place.
    pub(super) celery: Option<(Vec<String>, String)>,
    /// Other commands that serve the web: words and place.
    pub(super) web: Option<(Vec<String>, String)>,
    /// Port that the Dockerfile names.
    pub(super) exposed: Option<(u16, String)>,
}

impl Start {
    pub(super) fn of(tree: &Tree) -> Self {
        let mut start = Self::default();
        for (path, text) in &tree.texts {
            match path.rsplit('/').next().unwrap_or(path) {
                "gunicorn.conf.py" | "gunicorn_config.py" | "gunicorn_conf.py" | "gunicorn.py" => {
                    start.configuration(path, text);
                }
                _ => {}
            }
        }
        // What a person wrote for production comes before what a container would do.
        for (name, read) in [
            ("Procfile", Self::procfile as fn(&mut Self, &str, &str)),
            (".service", Self::unit),
            ("Dockerfile", Self::dockerfile),
        ] {
            for (path, text) in tree.texts.iter().filter(|(path, _)| path.ends_with(name)) {
                read(&mut start, path, text);
            }
        }
        start
    }

    fn configuration(&mut self, path: &str, text: &str) {
        self.gunicorn.named.get_or_insert_with(|| at(path, 1));
        for (index, line) in text.lines().take(2000).enumerate() {
            let place = at(path, index + 1);
            let code = line.split('#').next().unwrap_or_default().trim_end();
            let Some((key, value)) = code.split_once('=').map(|(key, value)| (key.trim_end(), value.trim())) else {
                continue;
            };
            match key {
                "worker_class" => self.class(literal(value), &place),
                "bind" => self.bind(literal(value).as_deref().unwrap_or_default(), &place),
                "wsgi_app" => self.app(literal(value), &place),
                "preload_app" if value == "True" => {
                    self.gunicorn.preload.get_or_insert(place);
                }
                _ => self.number(key, keyword_number(code, key), &place),
            }
        }
    }

    fn procfile(&mut self, path: &str, text: &str) {
        for (index, line) in text.lines().take(200).enumerate() {
            if let Some((kind, command)) = line.split_once(':').filter(|(kind, _)| !kind.starts_with('#')) {
                self.command(command, kind.trim() == "web", &at(path, index + 1));
            }
        }
    }

    fn unit(&mut self, path: &str, text: &str) {
        let lines: Vec<&str> = text.lines().take(1000).collect();
        for (index, line) in lines.iter().enumerate() {
            let Some(first) = line.trim_start().strip_prefix("ExecStart=") else { continue };
            let mut command = String::new();
            for part in std::iter::once(first).chain(lines.iter().skip(index + 1).copied()) {
                let continued = part.strip_suffix('\\');
                command.push_str(continued.unwrap_or(part));
                if continued.is_none() {
                    break;
                }
            }
            self.command(&command, false, &at(path, index + 1));
        }
    }

    fn dockerfile(&mut self, path: &str, text: &str) {
        for (index, line) in text.lines().take(1000).enumerate() {
            let place = at(path, index + 1);
            let Some((word, rest)) = line.trim_start().split_once(char::is_whitespace) else { continue };
            if word.eq_ignore_ascii_case("EXPOSE") {
                let port = rest
                    .trim()
                    .split(['/', ' '])
                    .next()
                    .and_then(|port| port.parse().ok())
                    .filter(|port| *port >= 1024);
                if let (Some(port), None) = (port, &self.exposed) {
                    self.exposed = Some((port, place));
                }
            } else if word.eq_ignore_ascii_case("CMD") || word.eq_ignore_ascii_case("ENTRYPOINT") {
                match serde_json::from_str::<Vec<String>>(rest.trim()) {
                    Ok(words) => self.words(&words, true, &place),
                    Err(_) => self.command(rest, true, &place),
                }
            }
        }
    }

    fn command(&mut self, command: &str, web: bool, place: &str) {
        self.words(&split(command), web, place);
    }

    fn words(&mut self, words: &[String], web: bool, place: &str) {
        if words.len() > 60 {
            return;
        }
        let program = |word: &String| word.rsplit('/').next().unwrap_or_default().to_owned();
        let found = |name: &str| words.iter().take(4).position(|word| program(word) == name);
        if let Some(start) = found("gunicorn") {
            self.gunicorn.named.get_or_insert_with(|| place.to_owned());
            self.arguments(words.get(start + 1..).unwrap_or_default(), place);
        } else if let Some(start) = found("celery") {
            let arguments = words.get(start + 1..).unwrap_or_default();
            let plain = arguments.iter().all(|word| !word.contains(['$', '|', ';', '&', '>', '<', '`', '{']));
            if arguments.iter().any(|word| word == "worker") && plain && self.celery.is_none() {
                let words = std::iter::once("celery".to_owned()).chain(arguments.iter().cloned()).collect();
                self.celery = Some((words, place.to_owned()));
            }
        } else if web && self.web.is_none() && !words.is_empty() {
            self.web = Some((words.to_vec(), place.to_owned()));
        }
    }

    fn arguments(&mut self, words: &[String], place: &str) {
        let mut words = words.iter().map(String::as_str);
        while let Some(word) = words.next() {
            if !word.starts_with('-') {
                let module = word.split(':').next().unwrap_or_default();
                if word != "gunicorn" && module.split('.').all(is_name) {
                    self.app(Some(word.to_owned()), place);
                }
                continue;
            }
            let (option, inline) = word.split_once('=').map_or((word, None), |(option, value)| (option, Some(value)));
            if matches!(option, "--preload" | "--reload" | "--capture-output" | "-R") {
                if option == "--preload" {
                    self.gunicorn.preload.get_or_insert_with(|| place.to_owned());
                }
                continue;
            }
            let Some(value) = inline.or_else(|| words.next()) else { break };
            match option {
                "-k" | "--worker-class" => self.class(Some(value.to_owned()), place),
                "-b" | "--bind" => self.bind(value, place),
                "-w" | "--workers" => self.number("workers", value.parse().ok(), place),
                "-t" | "--timeout" => self.number("timeout", value.parse().ok(), place),
                _ => self.number(&option.trim_start_matches('-').replace('-', "_"), value.parse().ok(), place),
            }
        }
    }

    fn number(&mut self, key: &str, value: Option<u16>, place: &str) {
        const KEYS: [(&str, u64); 8] = [
            ("workers", 64),
            ("threads", 256),
            ("worker_connections", 100_000),
            ("timeout", 86_400),
            ("graceful_timeout", 86_400),
            ("keepalive", 86_400),
            ("max_requests", u32::MAX as u64),
            ("max_requests_jitter", u32::MAX as u64),
        ];
        let known = KEYS.iter().find(|(name, _)| *name == key);
        if let (Some((key, most)), Some(value)) = (known, value.map(u64::from))
            && (1..=*most).contains(&value)
            && !self.gunicorn.numbers.iter().any(|(known, _, _)| known == key)
        {
            self.gunicorn.numbers.push((key, value, place.to_owned()));
        }
    }

    fn class(&mut self, class: Option<String>, place: &str) {
        let good = |class: &String| {
            matches!(class.as_str(), "sync" | "gthread" | "gevent" | "eventlet" | "tornado")
                || class.contains('.') && class.split('.').all(is_name)
        };
        if let Some(class) = class.filter(good) {
            self.gunicorn.worker_class.get_or_insert((class, place.to_owned()));
        }
    }

    fn bind(&mut self, bind: &str, place: &str) {
        let port = bind.rsplit_once(':').and_then(|(_, port)| port.parse().ok()).filter(|port| *port >= 1024);
        if let (Some(port), None) = (port, &self.gunicorn.port) {
            self.gunicorn.port = Some((port, place.to_owned()));
        }
    }

    fn app(&mut self, app: Option<String>, place: &str) {
        let good = |app: &String| {
            let (module, callable) = app.split_once(':').unwrap_or((app, "application"));
            let name = callable.split('(').next().unwrap_or_default();
            module.split('.').all(is_name) && is_name(name) && (!callable.contains('(') || callable.ends_with(')'))
        };
        if let Some(app) = app.filter(good) {
            self.gunicorn.app.get_or_insert((app, place.to_owned()));
        }
    }
}

/// The words of a command line; quotes are understood, nothing is expanded.
pub(super) fn split(command: &str) -> Vec<String> {
    let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None);
    for c in command.chars().take(4000) {
        match (c, quote) {
            (c, Some(open)) if c == open => quote = None,
            ('"' | '\'', None) => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (c, None) if c.is_whitespace() => words.extend(word.take()),
            (c, _) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}
