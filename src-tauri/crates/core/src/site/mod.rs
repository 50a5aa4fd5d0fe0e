//! A site: one deployed application, as its site file (`slipway.toml`) describes it.
//!
//! [`model`] is the shape of the file and the source of its JSON Schema ([`schema()`]); [`text`] holds the validated
//! words it is made of. [`parse()`] reads a file and reports everything that is wrong at once: syntax, then shape
//! against the schema, then the rules that span several fields ([`validate()`]). [`blueprint`] holds ready-made
//! site files. Nothing here knows about hosts: what a site needs of one is decided while planning.

mod advice;
pub mod blueprint;
mod diagnostic;
mod findings;
pub mod model;
mod parse;
mod place;
mod placeholder;
mod schema;
mod served;
mod shape;
pub mod text;
mod validate;
mod values;
mod words;

pub use diagnostic::{Diagnostic, DiagnosticSeverity, render_all};
pub use model::*;
pub use parse::{MAX_BYTES, Parsed, parse, parse_bytes};
pub use place::{KeyPath, Places, Segment};
pub(crate) use placeholder::{PlaceholderPiece, pieces as placeholder_pieces};
pub use placeholder::{UnknownPlaceholder, fill, fill_known, placeholders};
pub use schema::{SCHEMA_FILE, schema, schema_text};
pub use served::Served;
pub use text::*;
pub use validate::validate;
pub use values::values;
pub use words::{cells, is_hostile};

impl Site {
    /// The secrets that become environment variables of the site's processes: all but those that only Slipway
    /// itself uses (the deploy key, the certificate's key, passwords of basic authentication).
    pub fn environment_secrets(&self) -> impl Iterator<Item = (&EnvName, &SecretSource)> {
        let mut own: Vec<&EnvName> =
            self.source.deploy_key.iter().chain(self.tls.key.iter()).chain(self.access.basic.values()).collect();
        own.extend(self.build_secrets());
        self.secret.iter().filter(move |(name, _)| !own.contains(name))
    }

    /// Secrets that builds get, as environment variables.
    pub fn build_secrets(&self) -> impl Iterator<Item = &EnvName> {
        self.runtime.secrets.iter().chain(self.build.iter().flat_map(|step| &step.secrets))
    }

    /// The site as a site file, without comments; [`parse()`] gives the same site back.
    ///
    /// # Errors
    /// When a document under `config_file` holds what TOML cannot, such as null.
    pub fn to_toml(&self) -> Result<String, String> {
        toml::to_string_pretty(self).map_err(|error| error.to_string())
    }
}
