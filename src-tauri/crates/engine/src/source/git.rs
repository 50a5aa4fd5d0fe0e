//! Code from a git repository, fetched on the host by the site's builder into a mirror that no build may write to.

use std::collections::BTreeMap;

use slipway_core::release::Layout;
use slipway_core::site::Site;
use slipway_core::task::Task;

/// What a reference means at this moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResolvedCommit {
    /// The commit.
    pub commit: String,
    /// First line of its message. Untrusted text.
    pub subject: String,
    /// Blob ids of the files that were asked for, in order; `-` for one that is not there.
    pub blobs: Vec<String>,
}

// Protocols are limited so that a URL can never name a helper program (git-config(1), protocol.allow). With the URL `-`
// the mirror is used as it is.
macro_rules! fetching {
    () => {
        r#"
set -u
mirror=$1 url=$2 reference=$3 known_hosts=$4
shift 4
export GIT_TERMINAL_PROMPT=0 GIT_ALLOW_PROTOCOL=https:http:ssh:git:file GIT_CONFIG_NOSYSTEM=1 GIT_CONFIG_GLOBAL=/dev/null
export GIT_NO_REPLACE_OBJECTS=1
umask 077
if [ -n "$known_hosts" ]; then
    place=$(mktemp -d) || exit 1
    cat >"$place/key"
    printf '%s\n' "$known_hosts" >"$place/known_hosts"
    key=''
    [ ! -s "$place/key" ] || key="-i $place/key -o IdentitiesOnly=yes"
    export GIT_SSH_COMMAND="ssh $key -o BatchMode=yes -o StrictHostKeyChecking=yes -o UserKnownHostsFile=$place/known_hosts"
fi
[ -e "$mirror/HEAD" ] || git init -q --bare "$mirror" || exit 1
cd "$mirror" || exit 1
[ "$url" = - ] || git fetch -q --prune --force --no-recurse-submodules -- "$url" '+refs/heads/*:refs/heads/*' '+refs/tags/*:refs/tags/*' || exit 1
"#
    };
}

/// Finds the commit that `$reference` means, or the default branch when it is empty.
macro_rules! naming {
    () => {
        r#"if [ -z "$reference" ]; then
    reference=$(git ls-remote --symref -- "$url" HEAD | sed -n 's/^ref: refs\/heads\/\(.*\)\tHEAD$/\1/p')
    [ -n "$reference" ] || { echo 'the repository names no default branch; set source.ref' >&2; exit 1; }
fi
commit=''
for name in "refs/tags/$reference" "refs/heads/$reference" "$reference"; do
    commit=$(git rev-parse -q --verify --end-of-options "$name^{commit}" 2>/dev/null) && break
done
[ -n "$commit" ] || { echo "there is no branch, tag or commit $reference in the repository" >&2; exit 1; }
"#
    };
}

const RESOLVE: &str = concat!(
    fetching!(),
    naming!(),
    r#"printf '@commit %s\n' "$commit"
printf '@subject %s\n' "$(git log -1 --format=%s "$commit" | tr -d '\000-\037\177' | cut -c1-200)"
for path in "$@"; do
    printf '@blob %s\n' "$(git rev-parse -q --verify --end-of-options "$commit:$path" 2>/dev/null || echo -)"
done
echo @end
"#
);

const CHECK_OUT: &str = r#"
set -u
mirror=$1 tree=$2 code=$3
cd "$mirror" || exit 1
git archive --format=tar "$tree" | tar -x -C "$code"
"#;

/// A task of the site's builder that may write to the mirror alone.
pub(crate) fn task(layout: &Layout, unit: String, script: &str, arguments: Vec<String>) -> Task {
    let head = ["/bin/sh", "-c", script, "sh"].map(str::to_owned);
    Task {
        unit,
        user: Some(layout.builder()),
        argv: head.into_iter().chain(arguments).collect(),
        directory: layout.mirror(),
        environment: BTreeMap::from([
            // Its own, and empty.
            ("HOME".to_owned(), "/var/tmp".to_owned()),
            ("LC_ALL".to_owned(), "C".to_owned()),
            ("PATH".to_owned(), "/usr/local/bin:/usr/bin:/bin".to_owned()),
        ]),
        secrets: Vec::new(),
        writable: vec![layout.mirror()],
        hidden: layout.hidden_from_builds(),
        timeout_s: 900,
    }
}

/// The task that fetches and says what `reference` means; `paths` are files whose blobs are asked for.
pub fn resolve(site: &Site, layout: &Layout, run: &str, url: &str, reference: &str, paths: &[String]) -> Task {
    let mut arguments = fetching_arguments(site, layout, url, reference);
    let inside = site.source.subdirectory.as_ref().map_or_else(String::new, |directory| format!("{directory}/"));
    arguments.extend(paths.iter().map(|path| format!("{inside}{path}")));
    task(layout, format!("slipway-run-{}-fetch-{run}", site.name), RESOLVE, arguments)
}

/// The task that puts the files of `commit` into `code`.
pub fn check_out(
    site: &Site,
    layout: &Layout,
    run: &str,
    commit: &str,
    subdirectory: Option<&str>,
    code: &str,
) -> Task {
    let tree = subdirectory.map_or_else(|| commit.to_owned(), |directory| format!("{commit}:{directory}"));
    let arguments = vec![layout.mirror(), tree, code.to_owned()];
    let mut task = task(layout, format!("slipway-run-{}-checkout-{run}", site.name), CHECK_OUT, arguments);
    task.writable = vec![code.to_owned()];
    task
}

pub(crate) use {fetching, naming};

/// The arguments that the fetching preamble takes.
pub(crate) fn fetching_arguments(site: &Site, layout: &Layout, url: &str, reference: &str) -> Vec<String> {
    vec![layout.mirror(), url.to_owned(), reference.to_owned(), site.source.git_known_hosts.join("\n")]
}

/// Reads what the resolving task printed.
///
/// # Errors
/// When it is not whole.
pub fn parse_resolved(lines: &[String]) -> Result<ResolvedCommit, String> {
    let mut resolved = ResolvedCommit { commit: String::new(), subject: String::new(), blobs: Vec::new() };
    let mut ended = false;
    for line in lines {
        match line.split_once(' ').unwrap_or((line, "")) {
            ("@commit", commit) => resolved.commit = commit.to_owned(),
            ("@subject", subject) => resolved.subject = subject.to_owned(),
            ("@blob", blob) => resolved.blobs.push(blob.to_owned()),
            ("@end", _) => ended = true,
            _ => {}
        }
    }
    let hex = (40..=64).contains(&resolved.commit.len()) && resolved.commit.bytes().all(|b| b.is_ascii_hexdigit());
    if ended && hex { Ok(resolved) } else { Err("git's answer is not whole".to_owned()) }
}
