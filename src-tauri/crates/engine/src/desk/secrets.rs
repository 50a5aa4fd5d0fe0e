//! Giving a secret of a site a new value, wherever it comes from.

use std::io::Read as _;
use std::path::PathBuf;

use slipway_core::secret::Secret;
use slipway_core::site::Site;

use super::Desk;
use crate::failure::{Code, Failure, Outcome};
use crate::secrets::{LARGEST, Rotation, SecretName, off_thread, replace, restore_previous, rotate};

/// Where a new value comes from.
pub enum NewValue {
    /// It is made, as the site file says.
    Made,
    /// It was typed or pasted.
    Typed(Secret),
    /// A file of this computer. One line end after the value of a variable is an editor's; a secret file is taken as
    /// it is.
    File(PathBuf),
    /// The value before the present one.
    Previous,
}

impl Desk {
    /// Gives a secret a new value and keeps the one before. It goes live with the next plan that is applied.
    ///
    /// # Errors
    /// When there is no value to give, it is too large, or the keyring cannot be used; the value in use is as it was.
    pub async fn put_secret(&self, site: &Site, name: &SecretName, value: NewValue) -> Outcome<Rotation> {
        let (site, name, now) = (site.clone(), name.clone(), self.clock.now());
        let value = match value {
            NewValue::Made => None,
            NewValue::Previous => {
                let restored =
                    off_thread(self.secrets.clone(), move |store| restore_previous(&site.name, &name, store, now))
                        .await;
                return restored.map_err(Failure::from);
            }
            NewValue::Typed(secret) => Some(secret),
            NewValue::File(path) => Some(read(&path, &name)?),
        };
        if value.as_ref().is_some_and(|secret| secret.expose().is_empty()) {
            return Err(Failure::new(Code::Usage, format!("{name} would be empty; nothing was stored")));
        }
        let put = off_thread(self.secrets.clone(), move |store| match &value {
            None => rotate(&site, &name, store, now),
            Some(secret) => replace(&site.name, &name, secret, store, now),
        });
        put.await.map_err(Failure::from)
    }
}

fn read(path: &std::path::Path, name: &SecretName) -> Outcome<Secret> {
    let file = std::fs::File::open(path);
    read_value(file, &path.display().to_string(), name)
}

/// Reads a value from a file or standard input; `what` names it in messages.
///
/// # Errors
/// When it cannot be read.
pub fn read_value(from: std::io::Result<impl std::io::Read>, what: &str, name: &SecretName) -> Outcome<Secret> {
    let failed = |error: std::io::Error| Failure::new(Code::Local, format!("{what} cannot be read: {error}"));
    // Room for all of it at once: a buffer that grows leaves copies behind.
    let mut bytes = Vec::with_capacity(LARGEST + 64);
    let limit = u64::try_from(LARGEST).unwrap_or(u64::MAX).saturating_add(2);
    from.map_err(failed)?.take(limit).read_to_end(&mut bytes).map_err(failed)?;
    if matches!(name, SecretName::Variable(_)) && bytes.last() == Some(&b'\n') {
        bytes.pop();
        if bytes.last() == Some(&b'\r') {
            bytes.pop();
        }
    }
    Ok(Secret::new(bytes))
}
