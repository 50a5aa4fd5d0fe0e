//! What only the person at this computer can allow: that a site's secrets go to a site file and its source, and that a
//! site file reads a path outside its folder. Each is asked once and remembered; nothing is allowed by default but the
//! first recipient of secrets that were made for it.

use std::collections::BTreeSet;

use jiff::Timestamp;
use slipway_core::site::{Name, Site};

use super::Desk;
use crate::allowance::Allowance;
use crate::beneath::{SiteFolder, written};
use crate::failure::{Code, Failure, Outcome};
use crate::inventory::{Inventory, Recipient};
use crate::secrets::{Custody, Scope, SecretName, SecretStore, Version, needed};
use crate::site_file::SiteFile;

/// Whether the site file names a path outside its own folder.
pub fn leads_out(file: &SiteFile) -> bool {
    let folder = SiteFolder::of(&file.path, []);
    paths(&file.site).any(|path| !folder.place(path).starts_with(folder.folder()))
}

/// Paths of this computer that a site file names.
fn paths(site: &Site) -> impl Iterator<Item = &str> {
    let source = &site.source;
    [&source.folder, &source.archive, &site.tls.certificate].into_iter().filter_map(Option::as_deref)
}

impl Desk {
    /// Allows what a failure asked for, and remembers it.
    ///
    /// # Errors
    /// When the database fails.
    pub fn allow(&self, allowance: &Allowance) -> Outcome<()> {
        let now = self.clock.now();
        match allowance {
            Allowance::Secrets { site, file, source } => {
                let recipient = Recipient { file: file.clone(), source: Some(source.clone()) };
                self.inventory.set_recipient(site, &recipient, now)
            }
            Allowance::Path { file, path } => self.inventory.allow_path(file, path, now),
        }
        .map_err(Failure::from)
    }

    /// Lets the secrets of the site go to this site file and the source that it names, and to no other.
    ///
    /// # Errors
    /// When the database fails.
    pub fn trust_source(&self, file: &SiteFile) -> Outcome<()> {
        if self.secrets.custody() == Custody::Supplied {
            return Ok(());
        }
        let (path, source) = asking(file);
        self.allow(&Allowance::Secrets { site: file.site.name.clone(), file: path, source })
    }

    /// Lets the site file read every path outside its folder that it names now.
    ///
    /// # Errors
    /// When the database fails.
    pub fn allow_outside(&self, file: &SiteFile) -> Outcome<()> {
        paths(&file.site).try_for_each(|path| self.allow_outside_path(file, path))
    }

    /// Lets the site file read `path`, as it names it.
    pub(crate) fn allow_outside_path(&self, file: &SiteFile, path: &str) -> Outcome<()> {
        let folder = SiteFolder::of(&file.path, []);
        let place = folder.place(path);
        if place.starts_with(folder.folder()) {
            return Ok(());
        }
        self.allow(&Allowance::Path { file: written(folder.file()), path: written(&place) })
    }

    /// The site file's folder, with what may be read outside of it.
    pub(crate) fn site_folder(&self, file: &SiteFile) -> Outcome<SiteFolder> {
        let folder = SiteFolder::of(&file.path, []);
        let allowed = self.inventory.outside_paths(&written(folder.file()))?;
        Ok(SiteFolder::of(&file.path, allowed))
    }

    /// Makes a site file that was just written the recipient of the site's secrets, unless there is one.
    pub(crate) fn claim_secrets(&self, file: &SiteFile) -> Outcome<()> {
        if self.secrets.custody() == Custody::Kept && !needed(&file.site)?.is_empty() {
            let (path, source) = asking(file);
            let first = Recipient { file: path, source: Some(source) };
            self.inventory.first_recipient(&file.site.name, &first, self.clock.now())?;
        }
        Ok(())
    }

    /// Asks whether the site's secrets, and `also` one that the site file need not name yet, may go to this site file and its
    /// source. The first that asks becomes their recipient.
    ///
    /// # Errors
    /// When they were made for another, or the store cannot be read.
    pub async fn admit(&self, file: &SiteFile, also: Option<&SecretName>) -> Outcome<()> {
        let (inventory, secrets, now) = (self.inventory.clone(), self.secrets.clone(), self.clock.now());
        let (file, also) = (file.clone(), also.cloned());
        let asked = move || admit(&inventory, secrets.as_ref(), &file, also.as_ref(), now);
        let failed = |why: String| Failure::new(Code::Local, format!("the secrets could not be looked at: {why}"));
        tokio::task::spawn_blocking(asked).await.map_err(|error| failed(error.to_string()))?
    }
}

/// See [`Desk::admit`]. Blocks on the store when another recipient is known.
pub(super) fn admit(
    inventory: &Inventory,
    store: &dyn SecretStore,
    file: &SiteFile,
    also: Option<&SecretName>,
    now: Timestamp,
) -> Outcome<()> {
    if store.custody() == Custody::Supplied {
        return Ok(());
    }
    let mut wanted = needed(&file.site)?;
    wanted.extend(also.cloned());
    if wanted.is_empty() {
        return Ok(());
    }
    let (site, (path, source)) = (&file.site.name, asking(file));
    let asks = Recipient { file: path.clone(), source: Some(source.clone()) };
    let known = inventory.first_recipient(site, &asks, now)?;
    if known == asks {
        return Ok(());
    }
    // What an earlier version remembered is a path as it was typed, and no source.
    let is_earlier = known.source.is_none() && written(SiteFolder::of(known.file.as_ref(), []).file()) == path;
    let stored = if is_earlier { Vec::new() } else { store.list(&Scope::from(site))? };
    if stored.is_empty() {
        return inventory.set_recipient(site, &asks, now).map_err(Failure::from);
    }
    let current = stored.into_iter().filter(|stored| stored.version == Version::Current).map(|stored| stored.name);
    let receives = current.filter(|name| wanted.contains(name)).collect();
    Err(refused(&known, (site, path, source), &receives))
}

/// Who asks for secrets: canonical path of the site file, and its source. What lies in the site file's own folder belongs to
/// whoever wrote the file, so all of it is one source.
fn asking(file: &SiteFile) -> (String, String) {
    let folder = SiteFolder::of(&file.path, []);
    let source = &file.site.source;
    let place = source.folder.as_ref().or(source.archive.as_ref()).map(|path| folder.place(path));
    let source = match (&source.git, place) {
        (Some(url), _) => without_credentials(url),
        (None, Some(place)) if !place.starts_with(folder.folder()) => written(&place),
        (None, _) => written(folder.folder()),
    };
    (written(folder.file()), source)
}

/// A git URL without what logs in: over ssh the user is part of the address, the password is not.
fn without_credentials(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let (authority, path) = rest.split_once('/').map_or((rest, ""), |(authority, path)| (authority, path));
    let address = match authority.rsplit_once('@') {
        None => authority.to_owned(),
        Some((login, host)) if scheme.contains("ssh") => {
            format!("{}@{host}", login.split(':').next().unwrap_or_default())
        }
        Some((_, host)) => host.to_owned(),
    };
    format!("{scheme}://{address}/{path}")
}

fn refused(known: &Recipient, asks: (&Name, String, String), receives: &BTreeSet<SecretName>) -> Failure {
    let (site, file, source) = asks;
    let what = if known.file == file { "source" } else { "site file" };
    let made_for = match &known.source {
        Some(source) => format!("they were made for {}, with the source {source}", known.file),
        None => format!("they were made for {}", known.file),
    };
    let names: Vec<String> = receives.iter().map(ToString::to_string).collect();
    let names = if names.is_empty() { "those that it comes to name".to_owned() } else { names.join(", ") };
    Failure::new(Code::Consent, format!("the secrets of {site} were made for another {what}; nothing was changed"))
        .because(made_for)
        .because(format!("{file} asks for them, with the source {source}"))
        .because(format!("it would receive {names}"))
        .hint(format!("if this is to be {site} from now on, trust this source (--trust-source), which is remembered; if it is another site, give it another name"))
        .asks(Allowance::Secrets { site: site.clone(), file, source })
}

#[cfg(test)]
#[path = "allowances_tests.rs"]
mod tests;
