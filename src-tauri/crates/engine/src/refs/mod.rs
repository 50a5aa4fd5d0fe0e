//! What a site's git repository offers: branches, tags, and the commits that a deployment would bring. Asked of the
//! mirror on the host, which the site's builder fetches, as for a deployment.

mod reply;

use serde::Serialize;
use slipway_core::command::Command;
use slipway_core::release::Layout;
use slipway_core::secret::Secret;
use slipway_core::site::Site;
use slipway_core::task::{Ended, Task, clean_up};

use crate::asked::Asked;
use crate::failure::{Code, Failure, Outcome};
use crate::link::Link;
use crate::source::git::{fetching, fetching_arguments, naming, task};
use crate::source::{deploy_key, follow};
use crate::supplies::Supplies;

/// Branches, and tags, that are asked for at most: the newest.
const MOST_REFS: u32 = 1_000;
/// Commits that are asked for at most.
pub const MOST_COMMITS: u32 = 1_000;
/// Bytes of a reply.
const LARGEST: usize = 4 << 20;

/// What a repository offers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Refs {
    /// Branches, the one with the newest commit first.
    pub branches: Vec<Ref>,
    /// Tags, newest first.
    pub tags: Vec<Ref>,
    /// The repository's default branch.
    pub default: Option<String>,
    /// Whether there are more than these.
    pub more: bool,
}

/// A branch or tag. Everything in it but the commit is untrusted text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Ref {
    /// Its short name.
    pub name: String,
    /// The commit.
    pub commit: String,
    /// When it was made, ISO 8601, by the word of whoever made it.
    pub date: Option<String>,
    /// First line of the message.
    pub subject: String,
}

/// One commit. Everything in it but the id is untrusted text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Commit {
    /// Its id.
    pub id: String,
    /// Who wrote it.
    pub author: String,
    /// When, ISO 8601.
    pub date: String,
    /// First line of the message.
    pub subject: String,
}

/// What moving from one commit to another brings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Commits {
    /// What the reference means.
    pub to: String,
    /// Commits that come, newest first.
    pub commits: Vec<Commit>,
    /// How many come in all.
    pub total: u64,
    /// How many go: commits of the running release that are not part of `to`.
    pub leaving: u64,
    /// Whether the repository knows the commit that was compared with; without it, the newest commits are listed.
    pub known: bool,
}

/// Whether the mirror is brought up to date first.
#[derive(Clone, Copy)]
pub enum Freshness<'a> {
    /// It is fetched.
    Fetch(&'a Supplies),
    /// It is used as it is.
    AsIs,
}

const REFS: &str = concat!(
    fetching!(),
    r#"
count=$1
part=$(mktemp) || exit 1
default=$(git ls-remote --symref -- "$url" HEAD | sed -n 's/^ref: refs\/heads\/\(.*\)\tHEAD$/\1/p')
printf '@default %s\n' "$default"
for kind in heads tags; do
    git for-each-ref "--count=$count" --sort=-creatordate \
        '--format=%(refname:strip=2)%00%(objectname)%00%(*objectname)%00%(creatordate:iso-strict)%00%(contents:subject)%00' \
        "refs/$kind" | head -c 1500000 >"$part"
    printf '@%s %s\n' "$kind" "$(wc -c <"$part")"
    cat "$part"
done
echo @end
"#
);

const COMMITS: &str = concat!(
    fetching!(),
    naming!(),
    r#"
from=$1 count=$2 inside=$3
part=$(mktemp) || exit 1
known=no total=0 leaving=0 range=$commit
if [ -n "$from" ] && git rev-parse -q --verify --end-of-options "$from^{commit}" >/dev/null 2>&1; then
    known=yes range=$from..$commit
    leaving=$(git rev-list --count "$commit..$from" -- ${inside:+"$inside"}) || exit 1
fi
total=$(git rev-list --count "$range" -- ${inside:+"$inside"}) || exit 1
printf '@to %s\n@known %s\n@total %s\n@leaving %s\n' "$commit" "$known" "$total" "$leaving"
git log -z --no-show-signature --no-color "--max-count=$count" '--format=tformat:%H%x00%an%x00%aI%x00%s' "$range" -- ${inside:+"$inside"} |
    head -c 3000000 >"$part"
printf '@log %s\n' "$(wc -c <"$part")"
cat "$part"
echo @end
"#
);

const READY: &str = r#"
id -u -- "$1" >/dev/null 2>&1 && [ -d "$2" ] || exit 3
command -v git >/dev/null 2>&1 || exit 4
"#;

/// Branches and tags of a site's repository, fetched now.
///
/// # Errors
/// When the site does not come from git, the host is not set up for it, or the repository cannot be fetched.
pub async fn refs(link: &Link, site: &Site, asked: &Asked, supplies: &Supplies) -> Outcome<Refs> {
    let layout = Layout::new(&site.name);
    let url = repository(site)?;
    let mut arguments = fetching_arguments(site, &layout, url, "");
    arguments.push(MOST_REFS.to_string());
    let task = task(&layout, format!("slipway-run-{}-refs-{}", site.name, asked.run), REFS, arguments);
    let bytes = ask(link, site, &task, asked, deploy_key(site, supplies)?).await?;
    reply::refs(&bytes, MOST_REFS as usize).map_err(|why| strange(link, &why))
}

/// Commits between `from`, usually that of the running release, and what `to` means; at most `limit`, newest first. With
/// a `source.subdirectory`, only those that touch it.
///
/// # Errors
/// As [`refs`]; also when there is no `to` in the repository.
pub async fn commits(
    link: &Link,
    site: &Site,
    from: Option<&str>,
    to: &str,
    limit: u32,
    asked: &Asked,
    fresh: Freshness<'_>,
) -> Outcome<Commits> {
    let layout = Layout::new(&site.name);
    let url = repository(site)?;
    if from.is_some_and(|from| !is_commit(from)) {
        return Err(Failure::new(Code::Usage, "the commit to begin from is not a whole commit id"));
    }
    let (url, key) = match fresh {
        Freshness::Fetch(supplies) => (url, deploy_key(site, supplies)?),
        Freshness::AsIs => ("-", None),
    };
    let limit = limit.clamp(1, MOST_COMMITS);
    let mut arguments = fetching_arguments(site, &layout, url, to);
    arguments.extend([from.unwrap_or_default().to_owned(), limit.to_string()]);
    arguments.push(site.source.subdirectory.as_ref().map(|path| path.as_str().to_owned()).unwrap_or_default());
    let task = task(&layout, format!("slipway-run-{}-commits-{}", site.name, asked.run), COMMITS, arguments);
    let bytes = ask(link, site, &task, asked, key).await?;
    reply::commits(&bytes, limit as usize).map_err(|why| strange(link, &why))
}

pub(crate) fn is_commit(text: &str) -> bool {
    (40..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn repository(site: &Site) -> Outcome<&str> {
    site.source.git.as_deref().ok_or_else(|| {
        let from = if site.source.archive.is_some() { "an archive" } else { "a folder" };
        Failure::new(
            Code::Usage,
            format!("{} comes from {from} on this computer, so there are no branches or commits to choose", site.name),
        )
    })
}

async fn ask(link: &Link, site: &Site, task: &Task, asked: &Asked, key: Option<&Secret>) -> Outcome<Vec<u8>> {
    let layout = Layout::new(&site.name);
    let ready = link.run(Command::script(READY, [layout.builder(), layout.mirror()])).await?;
    let url = site.source.git.as_deref().unwrap_or_default();
    if !ready.success() {
        let why = if ready.exit == slipway_core::command::Exit::Code(4) {
            "git is not installed"
        } else {
            "its user and folders are not there"
        };
        return Err(Failure::new(
            Code::Blocked,
            format!("{}: is not set up for {} yet ({why}), and the host is what fetches {url}", link.name(), site.name),
        )
        .because("nothing was changed")
        .hint("run slipway apply first"));
    }
    let failed = |why: String| {
        Failure::new(Code::Host, format!("{}: {url} could not be looked at: {why}", link.name()))
            .because("nothing that is being served was changed")
            .hint("the host fetches it, as the site's builder: check the URL, the deploy key and that the host reaches the server")
    };
    let followed = follow(link, task, asked, key, LARGEST).await;
    // Files of an earlier look; what stays is gone at the next boot.
    let _ = link.run(clean_up(&asked.run)).await;
    let (ended, bytes) = followed?.map_err(failed)?;
    if ended != Ended::Status(0) {
        let text = String::from_utf8_lossy(&bytes);
        let last = text.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("it said nothing");
        return Err(failed(last.to_owned()));
    }
    Ok(bytes)
}

fn strange(link: &Link, why: &str) -> Failure {
    Failure::new(Code::Host, format!("{}: git's answer cannot be read: {why}", link.name()))
        .because("nothing was changed")
}
