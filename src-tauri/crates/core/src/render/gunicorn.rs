//! gunicorn's configuration file per process.

use minijinja::{Value, context};

use super::Scope;
use super::output::{Content, FileRole, RenderedFile};
use super::template::{Grammar, encoded, raw};
use crate::encode::python::boolean;
use crate::site::{LogLevel, Span};

/// `/etc/S/gunicorn-PROCESS.py` of each process that runs under gunicorn.
pub(super) fn files(scope: &Scope<'_>) -> Vec<RenderedFile> {
    let site = scope.input.site;
    let name = "app/gunicorn.py";
    let mut files = Vec::new();
    for (process_name, process) in &site.process {
        let Some(settings) = &process.gunicorn else { continue };
        let field = |part: &str| format!("process.{process_name}.gunicorn.{part}");
        let py = |text: &str| encoded(text, Grammar::Python);
        let seconds = |span: &Option<Span>, default: u64| span.as_ref().map_or(default, Span::seconds);
        let context: Value = context! {
            site => raw(site.name.as_str(), "name"),
            template => name,
            has_port => process.port.is_some(),
            process_title => format!("{}-{process_name}", site.name),
            workers => settings.workers,
            worker_class => raw(settings.worker_class.as_str(), field("worker_class")),
            threads => settings.threads.or((settings.worker_class == "gthread").then_some(4)),
            worker_connections => settings.worker_connections,
            timeout => seconds(&settings.timeout, 60),
            graceful_timeout => seconds(&settings.graceful_timeout, 30),
            keepalive => seconds(&settings.keepalive, 5),
            preload => py(boolean(settings.preload)),
            max_requests => settings.max_requests,
            max_requests_jitter => settings.max_requests.map(|count| count / 10),
            access_log => settings.access_log,
            log_level => py(match settings.log_level {
                LogLevel::Debug => "\"debug\"",
                LogLevel::Info => "\"info\"",
                LogLevel::Warning => "\"warning\"",
                LogLevel::Error => "\"error\"",
                LogLevel::Critical => "\"critical\"",
            }),
        };
        files.push(RenderedFile {
            path: scope.layout.gunicorn(process_name),
            owner: "root".into(),
            group: site.name.to_string(),
            mode: 0o640,
            content: Content::Text(scope.engine.render(name, context)),
            role: FileRole::GunicornConfig,
        });
    }
    files
}
