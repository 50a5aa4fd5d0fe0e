//! The application's configuration files and the rotation of its logs.

use minijinja::context;
use zeroize::Zeroizing;

use super::Scope;
use super::mask::mask;
use super::output::{Content, FileRole, RenderedFile, SecretContent};
use super::template::{Grammar, encoded, raw};
use crate::encode::json;
use crate::secret::Secret;
use crate::site::{Rotate, Size};

/// `/etc/S/config/PATH` of each configuration file.
pub(super) fn files(scope: &Scope<'_>) -> Vec<RenderedFile> {
    let site = scope.input.site;
    let mut files = Vec::new();
    for (path, file) in &site.config_file {
        let field = format!("config_file.\"{path}\".json");
        let real = json::document(&file.json, &mut |text| fill(scope, &field, text, Shown::Real));
        let masked = json::document(&file.json, &mut |text| fill(scope, &field, text, Shown::Masked));
        let (Ok(real), Ok(masked)) = (real, masked) else { continue };
        let content = if *real == *masked {
            Content::Text(real.to_string())
        } else {
            Content::Secret(SecretContent { value: Secret::new(real.as_bytes()), masked: masked.to_string() })
        };
        files.push(RenderedFile {
            path: scope.layout.config_file(path),
            owner: "root".into(),
            group: site.name.to_string(),
            mode: 0o440,
            content,
            role: FileRole::AppConfig,
        });
    }
    files
}

#[derive(Clone, Copy)]
enum Shown {
    Real,
    Masked,
}

/// Replaces each `{secret:NAME}`; the error has been noted.
fn fill(scope: &Scope<'_>, field: &str, text: &str, shown: Shown) -> Result<Zeroizing<String>, ()> {
    let mut out = Zeroizing::new(String::with_capacity(text.len()));
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("{secret:") {
        out.push_str(before);
        let Some((name, after)) = after.split_once('}') else {
            scope.errors.field(field, "a {secret:NAME} is not closed");
            return Err(());
        };
        if !scope.input.site.secret.keys().any(|known| known.as_str() == name) {
            scope.errors.field(field, format!("there is no secret named {name} in this site file"));
            return Err(());
        }
        let Some(secret) = scope.input.secrets.get(name) else {
            scope.errors.field(format!("secret.{name}"), "the secret has no value yet: slipway secret set");
            return Err(());
        };
        match (shown, secret.expose_str()) {
            (Shown::Masked, _) => out.push_str(&mask(scope.input.fingerprint_key, secret.expose())),
            (Shown::Real, Ok(value)) => out.push_str(value),
            (Shown::Real, Err(_)) => {
                scope.errors.field(field, format!("the secret {name} is not text, so JSON cannot hold it"));
                return Err(());
            }
        }
        rest = after;
    }
    out.push_str(rest);
    Ok(out)
}

/// `/etc/logrotate.d/S` when the site has a log directory.
pub(super) fn logrotate(scope: &Scope<'_>) -> Option<RenderedFile> {
    let site = scope.input.site;
    if !site.logs.directory {
        return None;
    }
    let name = "logrotate/site";
    let rotate = match site.logs.rotate {
        Rotate::Daily => "daily",
        Rotate::Weekly => "weekly",
        Rotate::Monthly => "monthly",
    };
    let context = context! {
        site => raw(site.name.as_str(), "name"),
        template => name,
        directory => scope.layout.logs(),
        user => raw(site.name.as_str(), "name"),
        group => raw(scope.input.platform.log_group.as_str(), "the host's log group"),
        rotate => encoded(rotate, Grammar::Logrotate),
        keep => site.logs.keep.unwrap_or(14),
        max_size => site.logs.max_size.as_ref().map(Size::bytes),
    };
    Some(RenderedFile {
        path: format!("/etc/logrotate.d/{}", site.name),
        owner: "root".into(),
        group: "root".into(),
        mode: 0o644,
        content: Content::Text(scope.engine.render(name, context)),
        role: FileRole::Logrotate,
    })
}
