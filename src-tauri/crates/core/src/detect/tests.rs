//! Trees of the kinds of applications that blueprints are for, and trees that mean harm.

use serde_json::json;

use super::*;

fn tree(files: &[(&str, &str)]) -> Tree {
    let paths: Vec<String> = files.iter().map(|(path, _)| (*path).to_owned()).collect();
    let wanted = wanted(&paths);
    let texts = files
        .iter()
        .filter(|(path, _)| wanted.iter().any(|wanted| wanted == path))
        .map(|(path, text)| ((*path).to_owned(), (*text).to_owned()));
    Tree { texts: texts.collect(), files: paths, partial: false }
}

fn value(detected: &Detected, path: &[&str]) -> Option<Value> {
    detected.edits().into_iter().rfind(|edit| edit.path == path).and_then(|edit| edit.value)
}

fn names(detected: &Detected) -> Vec<&str> {
    detected.candidates.iter().map(|candidate| candidate.name.as_str()).collect()
}

struct Case {
    what: &'static str,
    files: &'static [(&'static str, &'static str)],
    /// The likeliest candidate.
    best: &'static str,
    /// A reason that is given for it.
    reason: &'static str,
    /// What the site file is to say.
    values: &'static [(&'static [&'static str], &'static str)],
}

const CASES: &[Case] = &[
    Case {
        what: "NiceGUI behind an option --port, as a program without an ending",
        files: &[
            ("mbasic", "#!/usr/bin/env python3\nimport argparse\nparser.add_argument('--port', type=int)\n"),
            (
                "src/ui/web/nicegui_backend.py",
                "import os\nfrom nicegui import ui, app\n\n@ui.page('/')\ndef page(): ...\n\ndef start(port):\n    ui.run(\n        port=8080,\n        reload=False)\nurl = os.environ.get('NICEGUI_REDIS_URL')\n",
            ),
            ("requirements.txt", "nicegui>=3.2.0\nredis>=5.0.0\nmysql-connector-python>=8.0\n"),
        ],
        best: "nicegui-redis",
        reason: "src/ui/web/nicegui_backend.py:2 imports nicegui",
        values: &[
            (&["process", "web", "command"], r#"["python","mbasic","--port","{port}"]"#),
            (&["process", "web", "listen"], r#""port""#),
            (&["process", "web", "port"], "8080"),
            (&["affinity"], r#""cookie""#),
            (&["route", "path=/", "websocket"], "true"),
            (&["health", "path"], r#""/""#),
        ],
    },
    Case {
        what: "Flask factory with Celery",
        files: &[
            (
                "app/__init__.py",
                "\"\"\"from nicegui import ui\"\"\"\nfrom flask import Flask\n\ndef create_app(config=None):\n    app = Flask(__name__)\n    app.register_blueprint(auth, url_prefix='/auth')\n    return app\n",
            ),
            (
                "app/settings.py",
                "import os\nKEY = os.environ['FERNET_ENCRYPTION_KEY']\nSECRET_KEY = os.getenv('SECRET_KEY', 'dev')\nDB = os.environ.get(\"DATABASE_DIR\", \"data\")\n",
            ),
            (
                "celery_app.py",
                "from celery import Celery\n\ncelery = Celery(\n    'tasks', broker='redis://localhost')\n",
            ),
            ("requirements.txt", "# what we need\nFlask>=3\nflask-login\ncelery[redis]>=5.3\n"),
        ],
        best: "flask-celery",
        reason: "celery_app.py:1 imports celery",
        values: &[
            (&["process", "web", "gunicorn", "app"], r#""app:create_app()""#),
            (&["process", "web", "gunicorn", "worker_class"], r#""gthread""#),
            (&["process", "worker", "command"], r#"["celery","-A","celery_app","worker","--loglevel=info"]"#),
            (&["runtime", "extra_packages"], r#"["gunicorn>=22"]"#),
            (&["runtime", "import_check"], r#"["app","celery_app"]"#),
            (&["secret", "FERNET_ENCRYPTION_KEY", "generate"], r#""fernet""#),
            (&["secret", "SECRET_KEY", "generate"], r#""hex""#),
        ],
    },
    Case {
        what: "Flask with its own server that talks to a device",
        files: &[
            (
                "app_multiuser.py",
                "import meshtastic.tcp_interface\nfrom flask import Flask, render_template\nfrom flask_socketio import SocketIO\napp = Flask(__name__)\n\nif __name__ == '__main__':\n    app.run(host='0.0.0.0', port=5000)\n",
            ),
            ("requirements.txt", "flask\nmeshtastic\n"),
        ],
        best: "flask-socketio",
        reason: "app_multiuser.py:3 imports flask_socketio",
        values: &[(&["process", "web", "port"], "5000")],
    },
    Case {
        what: "Flask with its own server and no WebSockets",
        files: &[(
            "app.py",
            "import serial\nimport flask\napp = flask.Flask(__name__)\nif __name__ == '__main__':\n    app.run(port=5000)\n",
        )],
        best: "flask-device",
        reason: "app.py:2 imports flask",
        values: &[
            (&["process", "web", "command"], r#"["python","app.py"]"#),
            (&["process", "web", "listen"], r#""port""#),
            (&["runtime", "extra_packages"], r#"["flask"]"#),
        ],
    },
    Case {
        what: "Socket.IO under gunicorn with a configuration file",
        files: &[
            (
                "src/main.py",
                "import eventlet\neventlet.monkey_patch()\nfrom flask import Flask\nfrom flask_socketio import SocketIO\napp = Flask(__name__)\nsocketio = SocketIO(app)\n\n@app.route('/health')\ndef health(): return 'ok'\n",
            ),
            (
                "wsgi.py",
                "\"\"\"\nWSGI Entry Point\napplication = nothing\n\"\"\"\nfrom src.main import app, socketio\n\napplication = socketio.middleware(app) if hasattr(socketio, 'middleware') else app\n",
            ),
            (
                "gunicorn_config.py",
                "import multiprocessing\nbind = \"127.0.0.1:5000\"\nworkers = 4\nworker_class = \"eventlet\"  # Required\nworker_connections = 1000\ntimeout = 120\ngraceful_timeout = 30\npreload_app = True\n",
            ),
            (
                "pyproject.toml",
                "[project]\nname = \"webframework\"\nrequires-python = \">=3.9\"\ndependencies = [\n  \"Flask>=2\",\n  \"flask-socketio\",\n  \"eventlet\",\n]\n",
            ),
            ("tests/test_socketio_manager.py", "import celery, flask\n"),
        ],
        best: "flask-socketio",
        reason: "src/main.py:4 imports flask_socketio",
        values: &[
            (&["process", "web", "gunicorn", "app"], r#""wsgi:application""#),
            (&["process", "web", "gunicorn", "worker_class"], r#""eventlet""#),
            (&["process", "web", "gunicorn", "workers"], "1"),
            (&["process", "web", "gunicorn", "worker_connections"], "1000"),
            (&["process", "web", "gunicorn", "timeout"], r#""120s""#),
            (&["process", "web", "gunicorn", "preload"], "true"),
            (&["process", "web", "port"], "5000"),
            (&["runtime", "version"], r#""3.9""#),
            (&["runtime", "install_project"], "true"),
            (&["health", "path"], r#""/health""#),
            (&["affinity"], r#""cookie""#),
        ],
    },
    Case {
        what: "React and Flask, started by a Dockerfile",
        files: &[
            ("passenger_wsgi.py", "from chat_api import app as application\n"),
            (
                "chat_api.py",
                "from flask import Flask, Blueprint\napp = Flask(__name__)\napi = Blueprint('api', __name__, url_prefix='/api')\n@app.route('/auth/login')\ndef login(): ...\n@app.route('/health', methods=['GET'])\ndef health(): ...\n",
            ),
            (
                "chat-app/package.json",
                "{\n  \"dependencies\": {\n    \"react\": \"^18\",\n    \"react-scripts\": \"5\"\n  },\n  \"scripts\": { \"start\": \"react-scripts start\",\n    \"build\": \"react-scripts build\" }\n}\n",
            ),
            ("chat-app/package-lock.json", "{}"),
            ("requirements-unified.txt", "flask\ngunicorn\ngevent\n"),
            (
                "Dockerfile",
                "FROM python:3.11-slim\nEXPOSE 5000\nCMD [\"gunicorn\", \"--workers\", \"4\", \"--worker-class\", \"gevent\", \"--bind\", \"0.0.0.0:5000\", \"passenger_wsgi:application\"]\n",
            ),
        ],
        best: "flask-react",
        reason: "chat-app/package.json:3 uses react",
        values: &[
            (&["build", "0", "run"], r#"["npm","ci"]"#),
            (&["build", "1", "directory"], r#""chat-app""#),
            (&["route", "path=/", "spa"], r#""chat-app/build""#),
            (&["route", "path=/api", "to"], r#""web""#),
            (&["route", "path=/auth", "to"], r#""web""#),
            (&["process", "web", "gunicorn", "app"], r#""passenger_wsgi:application""#),
            (&["process", "web", "gunicorn", "workers"], "4"),
            (&["process", "web", "gunicorn", "worker_class"], r#""gevent""#),
            (&["runtime", "requirements"], r#"["requirements-unified.txt"]"#),
        ],
    },
    Case {
        what: "the sample application",
        files: &[
            ("app.py", include_str!("../../../../../tests/apps/parlour/app.py")),
            ("wsgi.py", include_str!("../../../../../tests/apps/parlour/wsgi.py")),
            ("requirements.txt", include_str!("../../../../../tests/apps/parlour/requirements.txt")),
        ],
        best: "flask-socketio",
        reason: "app.py:31 imports flask_socketio",
        values: &[
            (&["process", "web", "gunicorn", "app"], r#""wsgi:application""#),
            (&["process", "web", "gunicorn", "worker_class"], r#""gthread""#),
            (&["process", "web", "gunicorn", "threads"], "100"),
            (&["process", "web", "gunicorn", "workers"], "1"),
            (&["health", "path"], r#""/health""#),
            (&["secret", "SECRET_KEY", "generate"], r#""hex""#),
            (&["shared", "session", "env"], r#""SESSION_DIR""#),
        ],
    },
    Case {
        what: "FastAPI",
        files: &[
            (
                "api/main.py",
                "from fastapi import FastAPI\napp = FastAPI()\n@app.get('/healthz')\nasync def health(): ...\n@app.websocket('/ws')\nasync def ws(s): ...\n",
            ),
            ("requirements.txt", "fastapi\n"),
        ],
        best: "fastapi",
        reason: "api/main.py:1 imports fastapi",
        values: &[
            (&["process", "web", "gunicorn", "app"], r#""api.main:app""#),
            (&["process", "web", "gunicorn", "worker_class"], r#""uvicorn.workers.UvicornWorker""#),
            (&["runtime", "extra_packages"], r#"["gunicorn>=22","uvicorn>=0.30"]"#),
            (&["route", "path=/", "websocket"], "true"),
        ],
    },
    Case {
        what: "Django",
        files: &[
            ("manage.py", "import os\nimport django\n"),
            (
                "shop/wsgi.py",
                "import os\nfrom django.core.wsgi import get_wsgi_application\nos.environ.setdefault('DJANGO_SETTINGS_MODULE', 'shop.settings')\napplication = get_wsgi_application()\n",
            ),
            ("shop/urls.py", "from django.urls import path\nurlpatterns = [\n    path('health/', view),\n]\n"),
            ("requirements.txt", "Django>=5\n"),
        ],
        best: "django",
        reason: "shop/wsgi.py:4 makes Django's application",
        values: &[
            (&["process", "web", "gunicorn", "app"], r#""shop.wsgi:application""#),
            (&["health", "path"], r#""/health/""#),
        ],
    },
    Case {
        what: "a front end alone",
        files: &[
            (
                "package.json",
                "{\"devDependencies\":{\"vite\":\"6\"},\"dependencies\":{\"vue\":\"3\"},\"scripts\":{\"build\":\"vite build\"}}",
            ),
            ("index.html", "<html>"),
            ("vite.config.ts", "export default {\n  build: { outDir: './out/' },\n}\n"),
        ],
        best: "spa",
        reason: "package.json:1 builds with vite",
        values: &[
            (&["runtime", "kind"], r#""static""#),
            (&["route", "path=/", "spa"], r#""out""#),
            (&["build", "0", "run"], r#"["npm","install"]"#),
        ],
    },
    Case {
        what: "a server for Node.js",
        files: &[(
            "package.json",
            "{\n\"dependencies\":{\"express\":\"4\",\n\"socket.io\":\"4\"},\n\"scripts\":{\"start\":\"node server.js\"}}",
        )],
        best: "node",
        reason: "package.json:2 uses express",
        values: &[
            (&["runtime", "kind"], r#""node""#),
            (&["process", "web", "command"], r#"["node","server.js"]"#),
            (&["route", "path=/", "websocket"], "true"),
        ],
    },
    Case {
        what: "files",
        files: &[("public/index.html", "<html>"), ("public/a.css", "")],
        best: "static",
        reason: "public/index.html:1 is a start page",
        values: &[(&["route", "path=/", "files"], r#""public""#), (&["runtime", "kind"], r#""static""#)],
    },
    Case {
        what: "a Procfile",
        files: &[
            (
                "Procfile",
                "web: gunicorn -w 3 -k gthread --threads=4 shop.app:app --preload\nworker: celery -A shop.tasks worker -l info\n",
            ),
            ("shop/app.py", "from flask import Flask\napp = Flask(__name__)\n"),
            ("shop/tasks.py", "from celery import Celery\nqueue = Celery()\n"),
            ("requirements.txt", "flask\ncelery\ngunicorn\n"),
        ],
        best: "flask-celery",
        reason: "shop/tasks.py:1 imports celery",
        values: &[
            (&["process", "web", "gunicorn", "app"], r#""shop.app:app""#),
            (&["process", "web", "gunicorn", "workers"], "3"),
            (&["process", "web", "gunicorn", "threads"], "4"),
            (&["process", "worker", "command"], r#"["celery","-A","shop.tasks","worker","-l","info"]"#),
        ],
    },
];

#[test]
fn every_kind_is_recognised_with_its_reasons() {
    for case in CASES {
        let detected = detect(&tree(case.files));
        let best = detected.candidates.first().unwrap_or_else(|| panic!("{}: nothing was recognised", case.what));
        assert_eq!(best.name, case.best, "{}: {:?}", case.what, names(&detected));
        assert!(best.reasons.iter().any(|reason| reason == case.reason), "{}: {:?}", case.what, best.reasons);
        for (path, expected) in case.values {
            let expected: Value = serde_json::from_str(expected).unwrap();
            assert_eq!(value(&detected, path), Some(expected), "{}: {path:?}", case.what);
        }
        for candidate in &detected.candidates {
            assert!(candidate.score > 0 && !candidate.reasons.is_empty(), "{}: {candidate:?}", case.what);
            let blueprint = candidate.blueprint.as_deref();
            assert!(blueprint.is_none_or(|name| crate::site::blueprint::find(name).is_some()), "{candidate:?}");
            assert!(candidate.reasons.iter().all(|r| r.contains(':') && r.contains(|c: char| c.is_ascii_digit())));
        }
    }
}

#[test]
fn variables_are_told_apart() {
    let parlour = CASES.iter().find(|case| case.what == "the sample application").unwrap();
    let detected = detect(&tree(parlour.files));
    let of = |name: &str| detected.variables.iter().find(|variable| variable.name == name).unwrap();
    assert_eq!((of("SECRET_KEY").usage, of("SECRET_KEY").required), (Use::GeneratedSecret, true));
    assert_eq!((of("SESSION_DIR").usage, of("SESSION_DIR").required), (Use::Directory, true));
    assert_eq!((of("TRUST_PROXY").usage, of("TRUST_PROXY").required), (Use::Setting, false));
    let flask = "import os\na = os.getenv(\"LOG_LEVEL\", 'INFO')\nb = os.environ.get('API_TOKEN', 'abc')\nos.environ['SET_HERE'] = '1'\n# os.environ['COMMENT']\nPORT = os.environ['PORT']\nc = os.environ[name]\n";
    let detected = detect(&tree(&[("app.py", flask)]));
    let all: Vec<_> = detected.variables.iter().map(|v| (v.name.as_str(), v.usage, v.default.as_deref())).collect();
    assert_eq!(all, [("API_TOKEN", Use::Secret, None), ("LOG_LEVEL", Use::Setting, Some("INFO"))]);
}

#[test]
fn tests_documents_and_strings_are_not_the_application() {
    let detected = detect(&tree(&[
        ("tests/app.py", "from flask import Flask\n"),
        ("docs/conf.py", "import django\n"),
        ("note.py", "x = '''\nfrom fastapi import FastAPI\n'''\ny = 'import celery' # import flask\n"),
    ]));
    assert_eq!(names(&detected), [""; 0]);
    assert!(detected.findings.is_empty());
}

#[test]
fn hostile_trees_end_in_bounds_and_words() {
    let long = "(".repeat(200_000);
    let strings = "'''".repeat(50_001);
    let imports: String =
        (0..50_000).map(|n| format!("import m{n}\n@app.route('/p{n}')\nos.environ['V{n}']\n")).collect();
    let json = "[".repeat(100_000);
    let toml = format!("{}x = 1", "a.".repeat(20_000));
    let detected = detect(&tree(&[
        ("app.py", &long),
        ("main.py", &strings),
        ("server.py", &imports),
        ("package.json", &json),
        ("pyproject.toml", &toml),
        ("requirements.txt", "\u{0}\u{202e}flask\n-r ../../etc/passwd\n"),
        (
            "gunicorn.conf.py",
            "bind = \"0.0.0.0:99999\"\nworkers = 99999999999\nworker_class = \"a b;c\"\nwsgi_app = \"x:y;import os\"\n",
        ),
        ("Procfile", "web: gunicorn 'a b' $(rm) x;y:z\nworker: celery worker `id`\n"),
        ("Dockerfile", "CMD [\"gunicorn\", \"app:a b\"]\nEXPOSE 22\n"),
        ("\u{202e}\u{1b}[31m/index.html", ""),
    ]));
    for edit in detected.edits() {
        let text = edit.value.unwrap_or_default().to_string();
        assert!(!text.contains([';', '`', '$', '\u{202e}']) && text.len() < 2000, "{text}");
    }
    assert!(detected.variables.len() <= 200);
    let deep: Vec<String> = (0..30_000).map(|n| format!("{}f{n}.py", "d/".repeat(n % 9))).collect();
    assert_eq!(wanted(&deep).len(), MOST_TEXTS);
    assert_eq!(detect(&Tree::default()), Detected::default());
}

#[test]
fn edits_are_data() {
    let edit = Edit::set(&["process", "web", "port"], 8000);
    assert_eq!(serde_json::to_value(&edit).unwrap(), json!({ "path": ["process", "web", "port"], "value": 8000 }));
    assert_eq!(Edit::remove(&["a"]), serde_json::from_value(json!({ "path": ["a"] })).unwrap());
}
