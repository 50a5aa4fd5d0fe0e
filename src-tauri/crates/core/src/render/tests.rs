//! Golden files over sites like the blueprints on every supported platform, strictness, determinism, secrecy, hostile values.

use std::collections::BTreeMap;

use serde_json::json;

use super::*;
use crate::secret::Secret;
use crate::site::Site;

mod golden;
mod hostile;
mod real_tools;
mod strictness;

pub(super) struct World {
    pub(super) site: Site,
    pub(super) platform: Platform,
    pub(super) secrets: BTreeMap<String, Secret>,
    pub(super) overrides: BTreeMap<String, String>,
    pub(super) salts: BTreeMap<String, String>,
    pub(super) key: Secret,
}

impl World {
    pub(super) fn new(site: serde_json::Value) -> Self {
        let site: Site = serde_json::from_value(site).unwrap();
        let names = site.secret.keys().map(ToString::to_string).chain(site.secret_file.keys().map(ToString::to_string));
        let secrets = names.map(|name| (name.clone(), Secret::new(format!("s3cret-{name}")))).collect();
        let salts = site.access.basic.keys().map(|user| (user.clone(), "saltstring".to_owned())).collect();
        Self {
            site,
            platform: debian12(),
            secrets,
            overrides: BTreeMap::new(),
            salts,
            key: Secret::new(*b"fingerprint key of the tests"),
        }
    }

    pub(super) fn on(mut self, platform: Platform) -> Self {
        self.platform = platform;
        self
    }

    pub(super) fn input(&self) -> RenderInput<'_> {
        RenderInput {
            site: &self.site,
            platform: &self.platform,
            secrets: &self.secrets,
            overrides: &self.overrides,
            htpasswd_salts: &self.salts,
            fingerprint_key: &self.key,
            certificate: CertificatePaths::slipway(&self.site.name),
            active_ports: PortSet::A,
        }
    }

    pub(super) fn render(&self) -> Rendered {
        render(&self.input()).unwrap_or_else(|errors| panic!("{errors:#?}"))
    }

    pub(super) fn errors(&self) -> Vec<String> {
        match render(&self.input()) {
            Ok(_) => Vec::new(),
            Err(errors) => errors.iter().map(ToString::to_string).collect(),
        }
    }

    pub(super) fn file(&self, path: &str) -> String {
        let rendered = self.render();
        let file = rendered.files.iter().find(|file| file.path == path);
        file.unwrap_or_else(|| panic!("no {path}")).masked().to_owned()
    }
}

/// Every file in one text, as a person reviews it.
pub(super) fn review(rendered: &Rendered) -> String {
    let mut text = String::new();
    text.push_str(&files(&rendered.files));
    text
}

pub(super) fn files(files: &[RenderedFile]) -> String {
    let mut text = String::new();
    for f in files {
        text.push_str(&format!("==> {} {}:{} {:04o}\n{}", f.path, f.owner, f.group, f.mode, f.masked()));
        text.push('\n');
    }
    text
}

/// What a file is, told by where it lies.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Where {
    Unit,
    NginxSite,
    Passwords,
    Gunicorn,
    Application,
    Secret,
    Other,
}

pub(super) fn place(file: &RenderedFile) -> Where {
    let is = |part: &str| file.path.contains(part);
    match () {
        () if is("/systemd/system/") => Where::Unit,
        () if is("/nginx/conf.d/") => Where::NginxSite,
        () if is(".htpasswd") => Where::Passwords,
        () if is("/gunicorn-") => Where::Gunicorn,
        () if is("/config/") => Where::Application,
        () if is("/secrets/") => Where::Secret,
        () => Where::Other,
    }
}

fn platform(nginx: (u32, u32, u32), systemd: u32, user: &str, group: &str) -> Platform {
    Platform {
        nginx_version: nginx,
        nginx_user: user.into(),
        nginx_conf_dir: "/etc/nginx/conf.d".into(),
        nginx_log_dir: "/var/log/nginx".into(),
        systemd_version: systemd,
        log_group: group.into(),
        nologin: "/usr/sbin/nologin".into(),
        node_dir: "/usr/bin".into(),
        nft: "/usr/sbin/nft".into(),
        ipv6: true,
    }
}

pub(super) fn rhel8() -> Platform {
    platform((1, 14, 1), 239, "nginx", "root")
}

pub(super) fn debian11() -> Platform {
    platform((1, 18, 0), 247, "www-data", "adm")
}

pub(super) fn debian12() -> Platform {
    platform((1, 22, 1), 252, "www-data", "adm")
}

pub(super) fn debian13() -> Platform {
    platform((1, 26, 3), 257, "www-data", "adm")
}

pub(super) fn flask_socketio() -> serde_json::Value {
    json!({
        "schema": 1, "name": "web-framework", "domains": ["app.example.com", "www.example.com"],
        "source": { "git": "https://git.example.com/webframework.git" },
        "runtime": { "kind": "python", "version": "3.9" },
        "process": { "web": {
            "port": 5000,
            "gunicorn": { "app": "wsgi:application", "worker_class": "eventlet", "worker_connections": 1000, "timeout": "120s" },
            "resources": { "memory": "1G", "open_files": 65536 }
        } },
        "environment": { "ALLOWED_ORIGINS": "https://app.example.com,https://www.example.com", "LOG_LEVEL": "INFO" },
        "secret": { "SECRET_KEY": { "generate": "hex" } },
        "shared": { "sessions": { "mode": "0700", "env": "SESSION_FILE_DIR" } },
        "route": [
            { "path": "/", "to": "web", "websocket": true, "timeout": "1d" },
            { "path": "/static", "files": "webengine/assets", "cache": "30d" }
        ],
        "limits": { "body": "100M" },
        "logs": { "directory": true, "env": "LOG_DIR", "keep": 14, "max_size": "50M" },
        "health": { "path": "/health" },
        "tls": { "mode": "certbot-webroot", "email": "ops@example.com" }
    })
}

pub(super) fn nicegui() -> serde_json::Value {
    json!({
        "schema": 1, "name": "mbasic", "domains": ["basic.example.com"],
        "source": { "folder": "." },
        "runtime": { "kind": "python" },
        "process": { "web": {
            "command": ["python3", "mbasic", "--ui", "web", "--port", "{port}"],
            "port": 8080, "instances": 3, "listen": "port", "after": ["redis.service", "mariadb.service"]
        } },
        "secret": { "REDIS_PASSWORD": { "generate": "password" }, "DB_PASSWORD": {} },
        "config_file": { "multiuser.json": {
            "env": "MBASIC_CONFIG",
            "json": { "redis": { "url": "redis://:{secret:REDIS_PASSWORD}@127.0.0.1:6379/0" }, "error_logging": { "password": "{secret:DB_PASSWORD}", "enabled": true, "port": 3306 } }
        } },
        "route": [ { "path": "/", "to": "web", "websocket": true } ],
        "affinity": "cookie",
        "limits": { "requests_per_minute": 600, "connections": 50 }
    })
}

pub(super) fn rag() -> serde_json::Value {
    json!({
        "schema": 1, "name": "rag", "domains": ["rag.example.com", "*.rag.example.com"],
        "source": { "git": "https://git.example.com/rag.git" },
        "runtime": { "kind": "python" },
        "process": {
            "api": { "port": 8000, "gunicorn": { "app": "passenger_wsgi:application", "workers": 4, "worker_class": "gevent", "access_log": true, "preload": true, "max_requests": 1000 } },
            "worker": { "command": ["celery", "-A", "tasks", "worker"], "instances": 2, "stop_timeout": "10m", "environment": { "QUEUE": "heavy jobs" } }
        },
        "secret": { "JWT_SECRET": { "generate": "base64" } },
        "secret_file": { "google/credentials.json": { "env": "GOOGLE_APPLICATION_CREDENTIALS" } },
        "shared": { "vector/store": {}, "cache": { "env": "CACHE_DIR" } },
        "route": [
            { "path": "/", "spa": "dist" },
            { "path": "/admin/", "spa": "admin/dist" },
            { "path": "/api/", "to": "api", "timeout": "120s", "headers": { "X-Frame-Options": "DENY" } },
            { "path": "/chat/", "to": "api", "websocket": true, "body": "1M" },
            { "path": "/favicon.ico", "exact": true, "files": "dist/favicon.ico", "quiet": true },
            { "path": "/old/", "redirect": "https://rag.example.com/new/" }
        ],
        "access": { "outbound": ["10.0.0.0/8", "2001:db8::/32"] },
        "tls": { "mode": "own", "certificate": "chain.pem", "key": "TLS_KEY", "hsts": "30d" }
    })
}

pub(super) fn device() -> serde_json::Value {
    json!({
        "schema": 1, "name": "mesh",
        "source": { "archive": "mesh.tar.gz" },
        "runtime": { "kind": "command" },
        "process": { "web": { "command": ["./run.sh", "100%", "${HOME}", "it's", "a b"], "port": 5000, "listen": "port", "environment": { "PORT": "{port}", "URL": "http://127.0.0.1:{port}/ {other}", "DATA": "{shared}/data" } } },
        "secret": { "ADMIN_PASSWORD": {}, "SECRET_KEY": {} },
        "route": [
            { "path": "/", "to": "web" },
            { "path": "/manual", "spa": "manual" },
            { "path": "/old/", "redirect": "https://inside.example.com/new/" }
        ],
        "access": { "basic": { "admin": "ADMIN_PASSWORD" }, "allow": ["192.0.2.0/24", "2001:db8::1"], "outbound": ["192.0.2.50"] },
        "hardening": "standard",
        "tls": { "mode": "none" }
    })
}

pub(super) fn node() -> serde_json::Value {
    json!({
        "schema": 1, "name": "chat",
        "source": { "folder": "." },
        "runtime": { "kind": "node" },
        "process": { "web": { "command": ["node", "server.js"], "port": 3000, "instances": 2, "environment": { "TITLE": "a \"chat\"" } } },
        "affinity": "ip"
    })
}

pub(super) fn static_site() -> serde_json::Value {
    json!({
        "schema": 1, "name": "docs", "domains": ["docs.example.com"], "source": { "folder": "." },
        "runtime": { "kind": "static" }, "route": [ { "path": "/", "files": "public" } ], "hardening": "minimal"
    })
}

pub(super) fn all() -> Vec<(&'static str, serde_json::Value)> {
    vec![
        ("flask_socketio", flask_socketio()),
        ("nicegui", nicegui()),
        ("rag", rag()),
        ("device", device()),
        ("node", node()),
        ("static_site", static_site()),
    ]
}

pub(super) fn platforms() -> Vec<(&'static str, Platform)> {
    vec![("rhel8", rhel8()), ("debian11", debian11()), ("debian12", debian12()), ("debian13", debian13())]
}
