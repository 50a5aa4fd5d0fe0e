//! What Slipway owns on a host, as the host itself records it: `/var/lib/slipway/SITE/manifest.json` for each site, and
//! `/var/lib/slipway/host.json` for what several sites may use.
//!
//! What a run is about to do is written before it begins; each step that ends adds a line to `confirmed`. So a run that was
//! cut off is known for what it did. Fields that this version does not know survive when it writes a record again.

mod form1;
mod residue;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use crate::activation::Instance;
use crate::digest::Digest;
use crate::fact::Fact;
use crate::facts::records::{HostRecords, SiteRecords};
use crate::profile::PackageManager;
use crate::resource::converge::Shared;
use crate::resource::default_server::DefaultServer;
use crate::resource::file::{File, FileRecord};
use crate::resource::{Claim, Effect, Id, Kind as _, Owned, OwnedResources, Picked, Scope};
use crate::site::Name;
use residue::Residue;

/// The form that this version writes.
const FORM: u32 = 2;

/// The record of one site.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// Version of this record's form; 2.
    pub schema: u32,
    /// The site.
    pub site: Name,
    /// Whether the site has left the host. What is recorded then is what stayed: its data.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub left: bool,
    /// Resources that are the site's.
    #[serde(default, deserialize_with = "lenient")]
    pub resources: BTreeMap<Id, Owned>,
    /// Instances that run.
    #[serde(default)]
    pub instances: Vec<Instance>,
    /// URL of the site through nginx on the host itself, and curl's `--resolve` entry for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub front: Option<(String, String)>,
    /// The run whose intentions are in it.
    #[serde(default)]
    pub run: String,
    /// Who changed it last.
    #[serde(default)]
    pub updated_by: String,
    /// When, RFC 3339, the desktop's clock.
    #[serde(default)]
    pub updated_at: String,
    /// What a newer version wrote beside that.
    #[serde(skip)]
    residue: Residue,
}

/// The record of the host: what Slipway brought that several sites may use.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HostManifest {
    /// Version of this record's form; 2.
    pub schema: u32,
    /// The run whose intentions are in it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub run: String,
    /// Resources that are the host's, with the sites that use them.
    #[serde(default, deserialize_with = "lenient")]
    pub resources: BTreeMap<Id, Shared>,
    /// What a newer version wrote beside that.
    #[serde(skip)]
    residue: Residue,
}

/// Who reads a file of a release that version 0.1 made: it did not write that down.
pub fn effects_of_old(path: &str, site: &Name) -> Vec<Effect> {
    form1::effects(path, site)
}

/// Reads what this version knows; the rest is among the residue.
fn lenient<'de, D: Deserializer<'de>, T: serde::de::DeserializeOwned>(
    deserializer: D,
) -> Result<BTreeMap<Id, T>, D::Error> {
    let all = BTreeMap::<String, Value>::deserialize(deserializer)?;
    let known = |(id, value): (String, Value)| Some((id.try_into().ok()?, serde_json::from_value(value).ok()?));
    Ok(all.into_iter().filter_map(known).collect())
}

/// Reads a record of any form that this version knows, and the number of its form.
fn form(text: &str) -> Result<(u32, Value), String> {
    let unreadable = |error: serde_json::Error| format!("the record on the host cannot be read: {error}");
    let value: Value = serde_json::from_str(text).map_err(unreadable)?;
    let form = value.get("schema").and_then(Value::as_u64).ok_or("the record on the host does not say its form")?;
    match u32::try_from(form) {
        Ok(form @ 1..=FORM) => Ok((form, value)),
        _ => Err(format!("the record on the host has form {form}, which a newer Slipway wrote; update this one")),
    }
}

/// A site's record; of the first form also as it was, because it tells of the host, too.
fn parse(text: &str) -> Result<(Manifest, Option<form1::Form1>), String> {
    let unreadable = |error: serde_json::Error| format!("the record on the host cannot be read: {error}");
    match form(text)? {
        (1, value) => {
            let old: form1::Form1 = serde_json::from_value(value).map_err(unreadable)?;
            Ok((old.clone().into_manifest(), Some(old)))
        }
        (_, value) => {
            let mut manifest: Manifest = serde_json::from_value(value.clone()).map_err(unreadable)?;
            manifest.residue = Residue::of(&value, &manifest);
            Ok((manifest, None))
        }
    }
}

fn text_of(record: &impl Serialize, residue: &Residue) -> String {
    // Plain data with string keys always serialises.
    let mut value = serde_json::to_value(record).unwrap_or_default();
    residue.put_back(&mut value);
    let mut text = String::new();
    lines_of(&value, 2, 0, &mut text);
    text
}

/// Writes `value` with a line for each entry down to `depth`: to be read by people, and by every plan, over the network.
fn lines_of(value: &serde_json::Value, depth: usize, indent: usize, text: &mut String) {
    match value {
        serde_json::Value::Object(map) if depth > 0 && !map.is_empty() => {
            text.push('{');
            for (number, (key, value)) in map.iter().enumerate() {
                text.push_str(if number == 0 { "\n" } else { ",\n" });
                text.push_str(&" ".repeat(indent + 1));
                text.push_str(&serde_json::Value::from(key.as_str()).to_string());
                text.push_str(": ");
                lines_of(value, depth - 1, indent + 1, text);
            }
            text.push('\n');
            text.push_str(&" ".repeat(indent));
            text.push('}');
        }
        other => text.push_str(&other.to_string()),
    }
}

impl Manifest {
    /// An empty record.
    pub fn new(site: Name) -> Self {
        Self {
            schema: FORM,
            site,
            left: false,
            resources: BTreeMap::new(),
            instances: Vec::new(),
            front: None,
            run: String::new(),
            updated_by: String::new(),
            updated_at: String::new(),
            residue: Residue::default(),
        }
    }

    /// What a site has left on a host that version 0.1 took it off, and that has no record.
    pub fn of_leftovers(site: Name) -> Self {
        Self { left: true, resources: form1::leftovers(&site), ..Self::new(site) }
    }

    /// Reads a record.
    ///
    /// # Errors
    /// When it is not valid JSON of a known form, or of a newer form than this program knows.
    pub fn parse(text: &str) -> Result<Self, String> {
        parse(text).map(|(manifest, _)| manifest)
    }

    /// The text to write.
    pub fn text(&self) -> String {
        text_of(self, &self.residue)
    }

    /// Files that are Slipway's, as they were left or were to be.
    pub fn files(&self) -> impl Iterator<Item = (&str, &FileRecord)> {
        self.resources.iter().filter_map(|(id, owned)| {
            let file = owned.records().find_map(File::pick)?;
            Some((id.name(), file))
        })
    }

    /// Whether a file with this digest at `path` is Slipway's own work, finished or interrupted.
    pub fn wrote(&self, path: &str, digest: &Digest) -> bool {
        let owned = self.resources.get(&File::id_of(path));
        owned.is_some_and(|owned| owned.records().filter_map(File::pick).any(|file| &file.digest == digest))
    }

    /// Whether it names resources of kinds that this version does not know.
    pub fn has_strange_kinds(&self) -> bool {
        self.residue.has_whole("resources")
    }

    fn confirm(&mut self, id: &Id) {
        if let Some(owned) = self.resources.get_mut(id)
            && !owned.confirm()
        {
            self.resources.remove(id);
        }
    }
}

impl Owned {
    /// What was intended has come about. Whether it is still Slipway's.
    fn confirm(&mut self) -> bool {
        if self.leaving {
            return false;
        }
        if let Some(record) = self.intended.take() {
            self.there = Some(record);
        }
        true
    }

    /// What is going to be done.
    fn intend(&mut self, claim: &Claim) {
        match &claim.record {
            Some(record) => {
                self.leaving = false;
                self.needs.clone_from(&claim.needs);
                self.effects.clone_from(&claim.effects);
                if self.there.as_ref() == Some(record) {
                    self.intended = None;
                } else if claim.changes {
                    self.intended = Some(record.clone());
                } else {
                    // It stands already.
                    self.there = Some(record.clone());
                    self.intended = None;
                }
            }
            None => self.leaving = claim.changes,
        }
    }
}

impl HostManifest {
    /// A host of which nothing is recorded.
    pub fn new() -> Self {
        Self { schema: FORM, run: String::new(), resources: BTreeMap::new(), residue: Residue::default() }
    }

    /// Reads a record.
    ///
    /// # Errors
    /// As [`Manifest::parse`].
    pub fn parse(text: &str) -> Result<Self, String> {
        let (_, value) = form(text)?;
        let mut host: Self = serde_json::from_value(value.clone())
            .map_err(|error| format!("the record of the host cannot be read: {error}"))?;
        host.residue = Residue::of(&value, &host);
        Ok(host)
    }

    /// The text to write.
    pub fn text(&self) -> String {
        text_of(self, &self.residue)
    }

    /// Whether nothing is left to be recorded.
    pub fn is_empty(&self) -> bool {
        self.resources.is_empty() && self.residue.is_empty()
    }

    fn confirm(&mut self, id: &Id, site: &Name) {
        if let Some(shared) = self.resources.get_mut(id) {
            if shared.owned.leaving {
                shared.sites.remove(site);
            }
            if !shared.owned.confirm() {
                self.resources.remove(id);
            }
        }
    }
}

impl Default for HostManifest {
    fn default() -> Self {
        Self::new()
    }
}

/// What a host records, as far as one site is concerned.
#[derive(Debug, Clone, PartialEq)]
pub struct Records {
    /// The site's; none: it is not on the host.
    pub site: Option<Manifest>,
    /// The host's.
    pub host: HostManifest,
    /// Files that Slipway wrote for nginx, of every site.
    pub nginx_files: Vec<String>,
    /// Digest of each site's record as it was read.
    pub site_digests: BTreeMap<Name, Fact<Digest>>,
    /// Digest of the host's record as it was read.
    pub host_digest: Fact<Digest>,
    /// Whether the records are not in today's form yet, or confirmations are not in them.
    pub old: bool,
    /// Sites that are on the host.
    sites: BTreeSet<Name>,
}

impl Records {
    /// Reads what is recorded of `site` and of the host.
    ///
    /// # Errors
    /// When a record cannot be read: planning without it would take Slipway's own work for a stranger's.
    pub fn read(written: Option<&HostRecords>, site: &Name, manager: PackageManager) -> Result<Self, String> {
        let mut records = Self {
            site: None,
            host: HostManifest::new(),
            nginx_files: Vec::new(),
            site_digests: BTreeMap::new(),
            host_digest: Fact::Absent,
            old: false,
            sites: BTreeSet::new(),
        };
        let Some(written) = written else { return Ok(records) };
        match &written.host {
            Fact::Known(text) => {
                records.host = HostManifest::parse(text)?;
                // What has come about of it may be among the confirmations of any site.
                let confirmed = written.sites.values().filter_map(|of| of.confirmed.known());
                let parts = std::iter::once(text).chain(confirmed).map(String::as_bytes);
                records.host_digest = Fact::Known(Digest::of_parts(parts));
            }
            Fact::Absent => {}
            Fact::Failed(why) => return Err(why.clone()),
        }
        // One whose record cannot be read may be there.
        let is_there = |of: &SiteRecords| match &of.manifest {
            Fact::Known(text) => !Manifest::parse(text).is_ok_and(|manifest| manifest.left),
            Fact::Absent => false,
            Fact::Failed(_) => true,
        };
        let installed = written.sites.iter().filter(|(_, of)| is_there(of));
        records.sites = installed.map(|(name, _)| name.clone()).collect();
        for (name, of) in &written.sites {
            records.take(name, of, site, manager)?;
        }
        let of_host = records.host.resources.iter();
        let default =
            of_host.filter(|(_, shared)| shared.owned.records().any(|one| DefaultServer::pick(one).is_some()));
        records.nginx_files.extend(default.map(|(id, _)| id.name().to_owned()));
        records.nginx_files.sort();
        Ok(records)
    }

    fn take(&mut self, name: &Name, of: &SiteRecords, site: &Name, manager: PackageManager) -> Result<(), String> {
        let text = match &of.manifest {
            Fact::Known(text) => text,
            Fact::Absent => return Ok(()),
            // Of another site it only matters which files of nginx are Slipway's.
            Fact::Failed(why) if name != site => {
                self.site_digests.insert(name.clone(), Fact::Failed(why.clone()));
                return Ok(());
            }
            Fact::Failed(why) => return Err(why.clone()),
        };
        let confirmed = match &of.confirmed {
            Fact::Known(text) => text.as_str(),
            Fact::Absent => "",
            Fact::Failed(why) if name == site => return Err(why.clone()),
            Fact::Failed(_) => "",
        };
        let digest = Digest::of_parts([text.as_bytes(), confirmed.as_bytes()]);
        self.site_digests.insert(name.clone(), Fact::Known(digest));
        let (mut manifest, old) = match parse(text) {
            Ok(parsed) => parsed,
            Err(_) if name != site => return Ok(()),
            Err(why) => return Err(why),
        };
        if let Some(old) = old {
            old.hosts(manager, &self.sites, &mut self.host);
            self.old |= name == site;
        }
        for line in confirmed.lines() {
            let Some((run, id)) = line.split_once(' ') else { continue };
            let Ok(id) = Id::try_from(id.to_owned()) else { continue };
            if run == manifest.run {
                manifest.confirm(&id);
                // Another site's run may have written other intentions since.
                if run == self.host.run {
                    self.host.confirm(&id, name);
                }
            }
        }
        let nginx = manifest.files().filter(|(_, file)| file.effects.contains(&Effect::Nginx));
        self.nginx_files.extend(nginx.map(|(path, _)| path.to_owned()));
        if name == site {
            self.old |= !confirmed.is_empty();
            self.site = Some(manifest);
        }
        Ok(())
    }

    /// What is owned, for planning.
    pub fn ownership(&self) -> OwnedResources<'_> {
        static NOTHING: BTreeMap<Id, Owned> = BTreeMap::new();
        OwnedResources {
            site: self.site.as_ref().map_or(&NOTHING, |manifest| &manifest.resources),
            host: &self.host.resources,
        }
    }

    /// Writes down what is going to be done, so that an interrupted run is known for what it is.
    pub fn intend(&mut self, site: &Name, run: &str, claims: &BTreeMap<Id, Claim>) {
        let manifest = self.site.get_or_insert_with(|| Manifest::new(site.clone()));
        run.clone_into(&mut manifest.run);
        run.clone_into(&mut self.host.run);
        for (id, claim) in claims.iter().filter(|(_, claim)| claim.record.is_some() || claim.changes) {
            let owned = match claim.scope {
                Scope::Site => manifest.resources.entry(id.clone()).or_default(),
                Scope::Host => {
                    // What was there and came back may be used by every site that is on the host.
                    let sites = || Shared { owned: Owned::default(), sites: self.sites.clone() };
                    let shared = self.host.resources.entry(id.clone()).or_insert_with(sites);
                    if claim.record.is_some() {
                        shared.sites.insert(site.clone());
                    }
                    &mut shared.owned
                }
            };
            owned.intend(claim);
        }
    }

    /// Drops what the site has no longer, and what was not changed for that: only once all of the plan has come about,
    /// because a site that was about to leave and did not still uses what it shares.
    fn forget(&mut self, site: &Name, claims: &BTreeMap<Id, Claim>) {
        for (id, claim) in claims.iter().filter(|(_, claim)| claim.record.is_none() && !claim.changes) {
            match claim.scope {
                Scope::Site => {
                    if let Some(manifest) = &mut self.site {
                        manifest.resources.remove(id);
                    }
                }
                Scope::Host => {
                    if let Some(shared) = self.host.resources.get_mut(id) {
                        shared.sites.remove(site);
                        if shared.sites.is_empty() {
                            self.host.resources.remove(id);
                        }
                    }
                }
            }
        }
    }

    /// What was planned has come about.
    pub fn settle(&mut self, site: &Name, claims: &BTreeMap<Id, Claim>) {
        self.intend(site, "", claims);
        self.forget(site, claims);
        for (id, claim) in claims {
            match claim.scope {
                Scope::Site => {
                    if let Some(manifest) = &mut self.site {
                        manifest.confirm(id);
                    }
                }
                Scope::Host => self.host.confirm(id, site),
            }
        }
    }
}
