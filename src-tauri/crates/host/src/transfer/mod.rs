//! Sending a folder: read and hashed here, packed, sent in pieces through the privileged channel, checked and unpacked there.
//!
//! The pieces travel as input of ordinary commands, several under way at once, so that
//! latency does not matter and no second login or `sudo` is needed. The archive on the host is named by its
//! digest: an upload that was cut off goes on where it stopped.

mod attempt;
mod list;
mod pack;
mod take;
mod there;
mod tree;
mod window;

pub use tree::{Entry, Excluded, Kind, LocalTree};

use std::io::{Read as _, Seek as _, SeekFrom};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures::future::{self, Either};
use slipway_core::command::{Command, Exit, Output, Stdin};
use tokio::sync::mpsc;

use crate::connection::Connection;
use crate::error::HostError;
use crate::executor::request::Batch;
use attempt::{Attempt, Sent};
use pack::Packed;
use take::Taken;
use there::{Files, Known, Same, There};
use tree::local;

/// A tree of fewer bytes is sent without asking what is there.
const WORTH_ASKING: u64 = 256 << 10;
/// Time for one piece to arrive: no link is so slow. One that is dead is found out much sooner.
const PIECE: Duration = Duration::from_secs(900);
/// Time to check and unpack, whatever the size.
const UNPACK: Duration = Duration::from_secs(120);

/// Who may write in a directory after it was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Writer {
    /// Root alone, for ever. What is on the host already becomes links to the same files, where owner and mode are right, and
    /// digests are kept beside the directory (`destination.digests`), so that a later upload need not read its files.
    Root,
    /// Others too: everything is a copy.
    Others,
}

/// How far an upload is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UploadProgress {
    /// Bytes of the archive that are on the host.
    pub sent: u64,
    /// Bytes of the archive.
    pub total: u64,
}

/// What an upload did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Uploaded {
    /// Bytes of the packed archive.
    pub packed: u64,
    /// Bytes that were there already from an upload that was cut off.
    pub resumed: u64,
    /// Files taken from the host instead of sent.
    pub taken: u64,
}

/// Where a tree goes.
#[derive(Clone, Copy)]
struct To<'a> {
    destination: &'a str,
    writer: Writer,
}

impl To<'_> {
    /// What programs on the host are told about a list of digests.
    fn keep(&self) -> &'static str {
        match self.writer {
            Writer::Root => "list",
            Writer::Others => "",
        }
    }
}

/// What the host has of a tree; nothing by default.
#[derive(Clone, Default)]
struct Held<'a> {
    /// The directory that it has it in.
    like: &'a str,
    /// Files that are taken there.
    same: Arc<Same>,
    /// All files of that directory, when links to them were made.
    linked: Option<&'a Files>,
}

impl Held<'_> {
    /// Without files that have changed there.
    fn without(&self, changed: &[String]) -> Self {
        let mut fewer = self.clone();
        let same = Arc::make_mut(&mut fewer.same);
        for path in changed {
            same.remove(path);
        }
        fewer
    }
}

/// What is taken on the host in an attempt. Each that goes wrong is followed by one that relies on less.
enum Reuse<'a> {
    /// What the host says it has.
    AsSaid(Held<'a>),
    /// That, without files that have changed there meanwhile: those are sent after all, and the others can still be links.
    Unchanged(Held<'a>),
    /// What was taken for the same differs after all: only what has the right digest, as copies.
    ByDigest(Held<'a>),
    /// Nothing.
    Nothing,
}

impl<'a> Reuse<'a> {
    fn held(&self) -> Held<'a> {
        match self {
            Self::AsSaid(held) | Self::Unchanged(held) | Self::ByDigest(held) => held.clone(),
            Self::Nothing => Held::default(),
        }
    }
}

/// What is known of a link and of the host's spool when an upload begins.
struct Begun {
    /// A line for each archive that came in part: digest, bytes.
    spool: String,
    /// How long a question and its answer took.
    round_trip: Duration,
}

impl Begun {
    /// Bytes of this archive that are there from an upload that was cut off.
    fn spooled(&self, packed: &Packed) -> u64 {
        let bytes = self.spool.lines().find_map(|line| line.strip_prefix(packed.digest.as_str())?.trim().parse().ok());
        bytes.filter(|bytes| *bytes <= packed.size).unwrap_or(0)
    }
}

impl Connection {
    /// Makes the directory `destination` on the host with the content of `tree`, once the commands `first` have succeeded, which
    /// cost no round trip of their own.
    ///
    /// It belongs to root, directories and executable files have mode 0755, other files 0644. It appears at once and whole,
    /// or not at all. Files that are in the directory `like` under the same path are taken there, checked, and not sent; only
    /// root may be able to write in it.
    ///
    /// # Errors
    /// When one of `first` fails, `destination` exists, a local file changed meanwhile, the disk is full, or the link is lost;
    /// after the last, calling again goes on where it stopped.
    pub async fn upload(
        &self,
        first: Vec<Command>,
        destination: &str,
        tree: &LocalTree,
        writer: Writer,
        like: Option<&str>,
        progress: Option<mpsc::Sender<UploadProgress>>,
    ) -> Result<Uploaded, HostError> {
        let to = To { destination, writer };
        // To ask what is there costs a round trip; little is sent sooner than that.
        if tree.bytes() < WORTH_ASKING {
            return self.send_at_once(first, to, tree, progress).await;
        }
        let linked = like.filter(|_| writer == Writer::Root);
        let (begun, there) = self.begin(first, to, tree, (like, linked)).await?;
        let mut reuse = match like {
            Some(like) => {
                let same = Arc::new(self.same(tree, like, &there, Known::AsSaid).await?);
                Reuse::AsSaid(Held { like, same, linked: linked.and_then(|_| there.listed()) })
            }
            None => Reuse::Nothing,
        };
        loop {
            match Attempt::new(self, to, tree, &reuse.held(), &begun, progress.as_ref())?.run().await? {
                Sent::All(uploaded) => return Ok(uploaded),
                Sent::Wrong { changed } => reuse = self.reuse_less(reuse, &changed, tree, &there).await?,
            }
        }
    }

    /// Does what comes first, asks what there is in the directory `like`, and has links made to all of it if that may be
    /// `linked`.
    async fn begin(
        &self,
        first: Vec<Command>,
        to: To<'_>,
        tree: &LocalTree,
        (like, linked): (Option<&str>, Option<&str>),
    ) -> Result<(Begun, There), HostError> {
        let began = Instant::now();
        let beginning = async {
            let begun = self.batch(Batch::until_failure(first.into_iter().chain([begin(to.destination)]))).await?;
            let spool = self.each_must("preparing the upload", &begun)?.text().into_owned();
            Ok(Begun { spool, round_trip: began.elapsed() })
        };
        let there = async {
            match like {
                Some(directory) => Ok(there::parse(&self.run(there::command(directory)).await?)),
                None => Ok(There::default()),
            }
        };
        // The host links while this computer reads the answers, compares and packs.
        let linking = async {
            match linked {
                Some(like) => self.run(take::link(to, like, limit(tree))).await.map(drop),
                None => future::pending().await,
            }
        };
        let asking = future::try_join(beginning, there);
        match future::select(std::pin::pin!(asking), std::pin::pin!(linking)).await {
            Either::Left((asked, _)) => asked,
            // Requests are answered in their order, so that this one was lost with the others.
            Either::Right((_, asking)) => asking.await,
        }
    }

    /// What is taken in the next attempt, when what was taken in this one is wrong.
    async fn reuse_less<'a>(
        &self,
        reuse: Reuse<'a>,
        changed: &[String],
        tree: &LocalTree,
        there: &There,
    ) -> Result<Reuse<'a>, HostError> {
        let held = match reuse {
            Reuse::AsSaid(held) => {
                let fewer = held.without(changed);
                if fewer.same.len() < held.same.len() {
                    return Ok(Reuse::Unchanged(fewer));
                }
                held
            }
            Reuse::Unchanged(held) => held,
            Reuse::ByDigest(_) => return Ok(Reuse::Nothing),
            Reuse::Nothing => {
                return Err(self.failed("unpacking", "it says that copies are wrong, and there are none".into()));
            }
        };
        let same = Arc::new(self.same(tree, held.like, there, Known::ByDigest).await?);
        Ok(Reuse::ByDigest(Held { like: held.like, same, linked: None }))
    }

    /// Which files of `tree` the host has in `directory`.
    async fn same(&self, tree: &LocalTree, directory: &str, there: &There, known: Known) -> Result<Same, HostError> {
        let (comparing, seen) = (tree.clone(), there.clone());
        let compared = tokio::task::spawn_blocking(move || there::compare(&comparing, &seen, known)).await;
        let (mut same, unsure) = compared.map_err(|error| self.failed("comparing", error.to_string()))??;
        if tree.bytes_of(|path| unsure.contains_key(path)) < WORTH_ASKING {
            return Ok(same);
        }
        let ask = there::digests(directory, &unsure).map_err(|error| self.failed("comparing", error.to_string()))?;
        let agreeing = there::agreeing(tree, &self.run(ask).await?);
        same.extend(unsure.into_iter().filter(|(path, _)| agreeing.contains(path)));
        Ok(same)
    }

    /// Packs what is not the `same`, and the list of it.
    async fn pack(&self, tree: &LocalTree, same: Arc<Same>, writer: Writer) -> Result<(Packed, Vec<u8>), HostError> {
        let packing = tree.clone();
        let packed = tokio::task::spawn_blocking(move || {
            let sent = take::sent(&packing, &same, writer).map_err(|error| local(&packing.root, error.to_string()))?;
            Ok((pack::pack(&packing, &same)?, sent))
        });
        packed.await.map_err(|error| self.failed("packing", error.to_string()))?
    }

    /// Sends little in one go, without knowing what of it is there.
    async fn send_at_once(
        &self,
        first: Vec<Command>,
        to: To<'_>,
        tree: &LocalTree,
        progress: Option<mpsc::Sender<UploadProgress>>,
    ) -> Result<Uploaded, HostError> {
        let take = self.taken(tree, &Held::default())?;
        let (packed, sent) = self.pack(tree, Arc::default(), to.writer).await?;
        let write = self.piece(&packed, 0, packed.size).await?;
        let send = [begin(to.destination), take.command(to, limit(tree)), write, finish(to, tree, &packed, sent)];
        let outputs = self.batch(Batch::until_failure(first.into_iter().chain(send))).await?;
        let Some((finished, before)) = outputs.split_last() else {
            return Err(self.failed("sending", "nothing was answered".to_owned()));
        };
        self.each_must("preparing the upload", before)?;
        self.expect("unpacking", finished)?;
        if let Some(progress) = progress {
            let _ = progress.try_send(UploadProgress { sent: packed.size, total: packed.size });
        }
        Ok(Uploaded { packed: packed.size, resumed: 0, taken: 0 })
    }

    /// What is taken there.
    fn taken<'a>(&self, tree: &LocalTree, held: &Held<'a>) -> Result<Taken<'a>, HostError> {
        Taken::of(tree, held).map_err(|error| self.failed("comparing", error.to_string()))
    }

    /// When what the host has taken is not right, the files that have changed there.
    fn wrong(&self, taken: &Taken<'_>, output: &Output) -> Result<Option<Vec<String>>, HostError> {
        if output.exit == Exit::Code(3) && taken.files > 0 {
            let changed =
                if output.truncated { Vec::new() } else { output.text().lines().map(str::to_owned).collect() };
            return Ok(Some(changed));
        }
        self.expect("taking files that are on the host", output).map(|_| None)
    }

    /// Writes bytes of the archive to where they belong, while they arrive: what came before a link breaks is there. The
    /// privileged loop lets nobody but root read what it writes.
    async fn piece(&self, packed: &Packed, at: u64, length: u64) -> Result<Command, HostError> {
        let file = Arc::clone(&packed.file);
        let bytes = tokio::task::spawn_blocking(move || read_piece(&file, at, length)).await;
        let bytes = bytes.map_err(|error| self.failed("reading the archive", error.to_string()))?;
        let bytes = bytes.map_err(|error| self.failed("reading the archive", error.to_string()))?;
        let (of, seek) = (format!("of=/var/lib/slipway/.spool/{}", packed.digest), format!("seek={at}"));
        // Whatever a pipe holds is written at once: what waited for a full block would be lost with the link.
        let write = ["dd", &of, &seek, "oflag=seek_bytes", "bs=64K", "conv=notrunc", "status=none"];
        Ok(Command::new(write).stdin(Stdin::Arriving(bytes)).timeout(PIECE))
    }

    fn expect<'a>(&self, what: &str, output: &'a Output) -> Result<std::borrow::Cow<'a, str>, HostError> {
        if output.success() { Ok(output.text()) } else { Err(self.failed(what, output.complaint())) }
    }

    /// The last of the outputs, when all of them are good.
    fn each_must<'a>(&self, what: &str, outputs: &'a [Output]) -> Result<&'a Output, HostError> {
        match outputs.iter().find(|output| !output.success()).or(outputs.last()) {
            Some(output) => self.expect(what, output).map(|_| output),
            None => Err(self.failed(what, "nothing was answered".to_owned())),
        }
    }

    fn failed(&self, what: &str, why: String) -> HostError {
        HostError::Failed { host: self.name().to_owned(), what: what.to_owned(), why }
    }
}

fn begin(destination: &str) -> Command {
    Command::script(include_str!("begin.sh"), [destination])
}

/// Time for a program that goes through the whole tree.
fn limit(tree: &LocalTree) -> Duration {
    UNPACK.saturating_add(Duration::from_secs(tree.bytes() >> 20))
}

/// Checks, unpacks and puts everything into its place.
fn finish(to: To<'_>, tree: &LocalTree, packed: &Packed, sent: Vec<u8>) -> Command {
    let script = concat!(include_str!("known.sh"), include_str!("begun.sh"), include_str!("finish.sh"));
    Command::script(script, [to.destination, packed.digest.as_str(), &packed.size.to_string(), to.keep()])
        .stdin(Stdin::Bytes(sent))
        .timeout(limit(tree))
}

fn read_piece(file: &Mutex<std::fs::File>, at: u64, length: u64) -> std::io::Result<Vec<u8>> {
    let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
    file.seek(SeekFrom::Start(at))?;
    let mut bytes = vec![0; usize::try_from(length).map_err(std::io::Error::other)?];
    file.read_exact(&mut bytes)?;
    Ok(bytes)
}
