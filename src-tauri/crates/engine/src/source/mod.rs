//! Where a release's code comes from: a git repository, a folder or an archive.

pub mod git;
pub mod look;
mod upload;

use slipway_core::digest::Digest;
use slipway_core::plan::build::requirement_files;
use slipway_core::plan::new_release::{NewRelease, Origin};
use slipway_core::release::{Layout, ReleaseRecord};
use slipway_core::secret::Secret;
use slipway_core::site::Site;
use slipway_core::task::{Ended, Task, offer, parse_news};
use slipway_host::Batch;

use crate::asked::Asked;
use crate::beneath::SiteFolder;
use crate::failure::{Code, Failure, Outcome};
use crate::link::Link;
use crate::supplies::Supplies;

pub use upload::Upload;

/// A source, looked at.
pub enum Source {
    /// Files of this computer.
    Local {
        /// The files.
        upload: Upload,
        /// Folder or archive, as the site file names it.
        label: String,
    },
    /// A commit, fetched on the host.
    Git {
        /// URL.
        url: String,
        /// What was asked for.
        reference: Option<String>,
        /// What it means.
        resolved: git::ResolvedCommit,
    },
}

impl Source {
    /// Looks at the source: reads the folder or archive, or fetches the repository on the host.
    ///
    /// # Errors
    /// When it cannot be read or fetched.
    pub async fn resolve(
        link: &Link,
        site: &Site,
        beside: &SiteFolder,
        reference: Option<&str>,
        asked: &Asked,
        supplies: &Supplies,
    ) -> Outcome<Self> {
        if let Some(url) = &site.source.git {
            let reference = reference.map(str::to_owned).or_else(|| site.source.reference.clone());
            let resolved = fetch(link, site, url, reference.as_deref(), asked, supplies).await?;
            return Ok(Self::Git { url: url.clone(), reference, resolved });
        }
        if reference.is_some() {
            return Err(Failure::new(
                Code::Usage,
                "this site's source is not a git repository, so there is no ref to choose",
            )
            .hint("leave --ref out, or set source.git in the site file"));
        }
        let (label, upload) = match (&site.source.folder, &site.source.archive) {
            (Some(folder), _) => (folder.clone(), Upload::folder(beside, folder, site)?),
            (None, Some(archive)) => (archive.clone(), Upload::archive(beside, archive, site)?),
            (None, None) => return Err(Failure::new(Code::BadSiteFile, "the site file names no source")),
        };
        Ok(Self::Local { upload, label })
    }

    /// Whether the source has this file.
    fn has(&self, site: &Site, path: &str) -> bool {
        match self {
            Self::Local { upload, .. } => upload.has_file(path),
            Self::Git { resolved, .. } => {
                let asked = requirement_files(site);
                let blob = asked.iter().position(|asked| asked == path).and_then(|at| resolved.blobs.get(at));
                blob.is_some_and(|blob| blob != "-")
            }
        }
    }

    /// The release that it becomes.
    ///
    /// # Errors
    /// When the site file lists requirement files that the source does not have.
    pub fn release(&self, site: &Site, asked: &Asked) -> Outcome<NewRelease> {
        let (source, reference, commit, subject, tree, origin, lock) = match self {
            Self::Local { upload, label } => {
                let tree = upload.digest().clone();
                let origin = Origin::Upload {
                    tree: tree.clone(),
                    files: upload.files(),
                    bytes: upload.bytes(),
                    parcel: upload.parcel(),
                };
                (label.clone(), None, None, None, Some(tree), origin, upload.lock(&requirement_files(site)))
            }
            Self::Git { url, reference, resolved } => {
                let lock = Digest::of_parts(resolved.blobs.iter().map(String::as_bytes));
                let origin = Origin::Commit(resolved.commit.clone());
                let commit = Some(resolved.commit.clone());
                (url.clone(), reference.clone(), commit, Some(resolved.subject.clone()), None, origin, lock)
            }
        };
        let (there, missing): (Vec<_>, Vec<_>) =
            requirement_files(site).into_iter().partition(|path| self.has(site, path));
        if !site.runtime.requirements.is_empty() && !missing.is_empty() {
            return Err(Failure::new(
                Code::BadSiteFile,
                format!("runtime.requirements lists {}, which the source does not have", missing.join(", ")),
            )
            .hint("paths are relative to the source (and to source.subdirectory); nothing was changed"));
        }
        let unique = tree.as_ref().map(|tree| tree.as_str().to_owned()).or_else(|| commit.clone()).unwrap_or_default();
        let record = ReleaseRecord {
            id: asked.new_id(&[unique.as_bytes()])?,
            source,
            reference,
            commit,
            subject,
            tree,
            environment: None,
            config: Digest::of(b""),
            author: asked.operator.clone(),
            created: asked.clock.now().to_string(),
            code_of: None,
        };
        Ok(NewRelease { record, origin, lock, requirements: there, gate: Vec::new(), guard: None })
    }

    /// The files to send, if any.
    pub fn into_upload(self) -> Option<Upload> {
        match self {
            Self::Local { upload, .. } => Some(upload),
            Self::Git { .. } => None,
        }
    }
}

async fn fetch(
    link: &Link,
    site: &Site,
    url: &str,
    reference: Option<&str>,
    asked: &Asked,
    supplies: &Supplies,
) -> Outcome<git::ResolvedCommit> {
    let layout = Layout::new(&site.name);
    let paths = requirement_files(site);
    let task = git::resolve(site, &layout, &asked.run, url, reference.unwrap_or_default(), &paths);
    let failed = |why: String| {
        Failure::new(Code::Host, format!("{}: {url} could not be fetched: {why}", link.name()))
            .because("nothing that is being served was changed")
            .hint("the host fetches it, as the site's builder: check the URL, the deploy key and that the host reaches the server. On a host that was never set up, run slipway apply first")
    };
    let (ended, bytes) = follow(link, &task, asked, deploy_key(site, supplies)?, 1 << 20).await?.map_err(failed)?;
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<String> = text.lines().map(str::to_owned).collect();
    if ended != Ended::Status(0) {
        let last = lines.iter().rev().find(|line| !line.trim().is_empty()).cloned().unwrap_or_default();
        return Err(failed(last));
    }
    git::parse_resolved(&lines).map_err(failed)
}

/// The key that may read the site's repository, when it names one.
pub(crate) fn deploy_key<'a>(site: &Site, supplies: &'a Supplies) -> Outcome<Option<&'a Secret>> {
    let Some(name) = &site.source.deploy_key else { return Ok(None) };
    let missing = || Failure::new(Code::Secrets, format!("the deploy key {name} is not in the keyring"));
    supplies.secrets.get(name.as_str()).ok_or_else(missing).map(Some)
}

/// Offers the deploy key to a task that fetches, runs it to its end and returns what it printed, at most `limit`
/// bytes. The inner error is what the host said.
pub(crate) async fn follow(
    link: &Link,
    task: &Task,
    asked: &Asked,
    key: Option<&Secret>,
    limit: usize,
) -> Outcome<Result<(Ended, Vec<u8>), String>> {
    let mut commands = Vec::new();
    commands.extend(key.map(|key| offer(&asked.run, &task.unit, key)));
    commands.push(task.start(&asked.run, &task.unit));
    let started = link.batch(Batch::until_failure(commands)).await?;
    if let Some(output) = started.iter().find(|output| !output.success()) {
        return Ok(Err(output.complaint()));
    }
    let (mut offset, mut bytes) = (0, Vec::new());
    loop {
        let output = link.ask(|| task.poll(&asked.run, &task.unit, offset)).await?;
        let news = match parse_news(&output, offset) {
            Ok(news) => news,
            Err(why) => return Ok(Err(why)),
        };
        offset = news.offset;
        bytes.extend_from_slice(&news.text);
        bytes.truncate(limit);
        if let Some(ended) = news.ended {
            return Ok(Ok((ended, bytes)));
        }
    }
}
