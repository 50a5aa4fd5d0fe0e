//! Site files on this computer: reading one, with everything that is wrong with it.

use std::path::{Path, PathBuf};

use slipway_core::site::{Diagnostic, Site};

use crate::failure::{Code, Failure};

/// A site file that was read and found right.
#[derive(Debug, Clone)]
pub struct SiteFile {
    /// Where it is.
    pub path: PathBuf,
    /// Its text.
    pub text: String,
    /// The site.
    pub site: Site,
    /// What is right but doubtful.
    pub warnings: Vec<Diagnostic>,
}

/// Why a site file could not be used.
#[derive(Debug, Clone)]
pub enum SiteFileError {
    /// It could not be read.
    Unreadable(Failure),
    /// It has mistakes: all of them, with their places.
    Wrong {
        /// Where it is.
        path: PathBuf,
        /// Its text, as far as it is text.
        text: String,
        /// The mistakes and warnings.
        diagnostics: Vec<Diagnostic>,
    },
}

impl From<SiteFileError> for Failure {
    fn from(error: SiteFileError) -> Self {
        match error {
            SiteFileError::Unreadable(failure) => failure,
            SiteFileError::Wrong { path, diagnostics, .. } => {
                let errors: Vec<_> = diagnostics.iter().filter(|diagnostic| diagnostic.is_error()).collect();
                let count = errors.len();
                let plural = if count == 1 { "mistake" } else { "mistakes" };
                let mut failure = Failure::new(Code::BadSiteFile, format!("{} has {count} {plural}", path.display()));
                for diagnostic in errors {
                    failure =
                        failure.because(format!("{}:{}: {}", diagnostic.line, diagnostic.column, diagnostic.message));
                }
                failure.hint("correct the file; slipway site check shows every mistake with its place")
            }
        }
    }
}

/// Reads a site file.
///
/// # Errors
/// When it cannot be read, or has mistakes.
pub fn read_site_file(path: &Path) -> Result<SiteFile, SiteFileError> {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let unreadable = |why: String| {
        SiteFileError::Unreadable(
            Failure::new(Code::BadSiteFile, format!("{} cannot be read: {why}", path.display()))
                .hint("slipway site new writes one to begin with; --site names another"),
        )
    };
    let meta = std::fs::metadata(&absolute).map_err(|error| unreadable(error.to_string()))?;
    if meta.len() > 2 * slipway_core::site::MAX_BYTES as u64 {
        return Err(unreadable("it is far too large to be a site file".to_owned()));
    }
    let bytes = std::fs::read(&absolute).map_err(|error| unreadable(error.to_string()))?;
    let text = String::from_utf8_lossy(&bytes).into_owned();
    match slipway_core::site::parse_bytes(&bytes) {
        Ok(parsed) => Ok(SiteFile { path: absolute, text, site: parsed.site, warnings: parsed.warnings }),
        Err(diagnostics) => Err(SiteFileError::Wrong { path: absolute, text, diagnostics }),
    }
}
