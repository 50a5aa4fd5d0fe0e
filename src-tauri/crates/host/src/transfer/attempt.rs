//! One attempt to bring a tree to the host: it takes what it has, and is sent what it does not have yet.
//!
//! An attempt is a state machine: this computer packs, then sends pieces, then the host unpacks. What the host says of the
//! files that it took may come in each of these states, and ends the attempt when they are not right.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::future::BoxFuture;
use futures::stream::{FuturesOrdered, StreamExt as _};
use slipway_core::command::{Command, Output};
use tokio::sync::mpsc;

use super::pack::Packed;
use super::take::Taken;
use super::tree::LocalTree;
use super::window::Window;
use super::{Begun, Held, To, UploadProgress, Uploaded, finish, limit};
use crate::connection::Connection;
use crate::error::HostError;

/// How an attempt ended.
pub(super) enum Sent {
    /// Everything is in its place.
    All(Uploaded),
    /// What the host took is not right; these files of it have changed there.
    Wrong { changed: Vec<String> },
}

/// An attempt.
pub(super) struct Attempt<'a> {
    host: &'a Connection,
    to: To<'a>,
    tree: &'a LocalTree,
    held: Held<'a>,
    taken: Taken<'a>,
    begun: &'a Begun,
    progress: Option<&'a mpsc::Sender<UploadProgress>>,
    /// What was asked of the host, in order.
    answers: FuturesOrdered<BoxFuture<'a, Result<Answer, HostError>>>,
}

/// How far an attempt is.
enum State {
    /// This computer packs.
    Packing,
    /// Pieces of the archive go to the host.
    Sending {
        /// The archive.
        packed: Packed,
        /// The list of what is in it.
        list: Vec<u8>,
        /// How much of it went and arrived.
        flow: Flow,
    },
    /// The host was told to check and unpack; pieces may still be under way.
    Unpacking(Flow),
    /// It has ended.
    Ended(Sent),
}

/// How much of an archive went, and how much arrived.
struct Flow {
    window: Window,
    total: u64,
    resumed: u64,
    sent: u64,
    arrived: u64,
}

/// What the host answered.
enum Answer {
    /// Files were taken there, or are not what they should be.
    Taken(Output),
    /// A piece was written: where it ends, and how many bytes were under way with it for how long.
    Arrived { end: u64, under_way: u64, after: Duration },
    /// The last command ended.
    Finished(Output),
}

impl Flow {
    /// Bytes of the next piece, when it may go now.
    fn next_piece(&self) -> Option<u64> {
        let room = self.window.room(self.sent - self.arrived)?;
        Some(room.min(self.total - self.sent)).filter(|length| *length > 0)
    }
}

impl<'a> Attempt<'a> {
    /// Has the host take what it has; this goes on while the rest is packed.
    ///
    /// # Errors
    /// When memory cannot be written to, which does not happen.
    pub(super) fn new(
        host: &'a Connection,
        to: To<'a>,
        tree: &'a LocalTree,
        held: &Held<'a>,
        begun: &'a Begun,
        progress: Option<&'a mpsc::Sender<UploadProgress>>,
    ) -> Result<Self, HostError> {
        let taken = host.taken(tree, held)?;
        let take = taken.command(to, limit(tree));
        let mut answers: FuturesOrdered<BoxFuture<'a, _>> = FuturesOrdered::new();
        answers.push_back(Box::pin(async move { Ok(Answer::Taken(host.run(take).await?)) }));
        Ok(Self { host, to, tree, held: held.clone(), taken, begun, progress, answers })
    }

    /// Goes from state to state until it has ended.
    pub(super) async fn run(mut self) -> Result<Sent, HostError> {
        let mut state = State::Packing;
        loop {
            state = match state {
                State::Packing => self.pack().await?,
                State::Sending { packed, list, flow } => self.send(packed, list, flow).await?,
                State::Unpacking(flow) => self.unpack(flow).await?,
                State::Ended(sent) => return Ok(sent),
            };
        }
    }

    /// Packs what the host does not have; then it is sent.
    async fn pack(&mut self) -> Result<State, HostError> {
        let host = self.host;
        let mut packing = std::pin::pin!(host.pack(self.tree, Arc::clone(&self.held.same), self.to.writer));
        let (packed, list) = loop {
            tokio::select! {
                biased;
                Some(answer) = self.answers.next() => {
                    if let Answer::Taken(output) = answer? && let Some(changed) = host.wrong(&self.taken, &output)? {
                        return Ok(State::Ended(Sent::Wrong { changed }));
                    }
                }
                packed = &mut packing => break packed?,
            }
        };
        let (total, resumed) = (packed.size, self.begun.spooled(&packed));
        let window = Window::new(total, self.begun.round_trip);
        let flow = Flow { window, total, resumed, sent: resumed, arrived: resumed };
        self.report(&flow);
        Ok(State::Sending { packed, list, flow })
    }

    /// Sends as many pieces as may be under way. After the last one the host is to unpack; before, an answer is waited for.
    async fn send(&mut self, packed: Packed, list: Vec<u8>, mut flow: Flow) -> Result<State, HostError> {
        while let Some(length) = flow.next_piece() {
            // Read one after the other: the host's file must have no gap, or its size would not say where to go on.
            let write = self.host.piece(&packed, flow.sent, length).await?;
            flow.sent += length;
            self.ask_to_write(write, flow.sent, flow.sent - flow.arrived);
        }
        if flow.sent == flow.total {
            // Not after the last answer: it finds out itself whether everything came.
            let (host, finish) = (self.host, finish(self.to, self.tree, &packed, list));
            self.answers.push_back(Box::pin(async move { Ok(Answer::Finished(host.run(finish).await?)) }));
            return Ok(State::Unpacking(flow));
        }
        let ended = self.next_answer(&mut flow).await?;
        Ok(ended.map_or(State::Sending { packed, list, flow }, State::Ended))
    }

    /// Waits for an answer while the host unpacks.
    async fn unpack(&mut self, mut flow: Flow) -> Result<State, HostError> {
        let ended = self.next_answer(&mut flow).await?;
        Ok(ended.map_or(State::Unpacking(flow), State::Ended))
    }

    /// Has a piece written that ends at `end`; with it, `under_way` bytes are.
    fn ask_to_write(&mut self, write: Command, end: u64, under_way: u64) {
        let host = self.host;
        self.answers.push_back(Box::pin(async move {
            let began = Instant::now();
            let output = host.run(write).await?;
            host.expect("writing a piece", &output)?;
            Ok(Answer::Arrived { end, under_way, after: began.elapsed() })
        }));
    }

    /// The next answer: it counts, or ends the attempt.
    async fn next_answer(&mut self, flow: &mut Flow) -> Result<Option<Sent>, HostError> {
        match self.answers.next().await.transpose()? {
            Some(Answer::Arrived { end, under_way, after }) => {
                flow.window.arrived(under_way, after);
                flow.arrived = end;
                self.report(flow);
                Ok(None)
            }
            Some(Answer::Taken(output)) => {
                Ok(self.host.wrong(&self.taken, &output)?.map(|changed| Sent::Wrong { changed }))
            }
            Some(Answer::Finished(output)) => {
                self.host.expect("unpacking", &output)?;
                let uploaded = Uploaded { packed: flow.total, resumed: flow.resumed, taken: self.taken.files };
                Ok(Some(Sent::All(uploaded)))
            }
            None => Err(self.host.failed("sending", "nothing is under way".to_owned())),
        }
    }

    fn report(&self, flow: &Flow) {
        if let Some(progress) = self.progress {
            let _ = progress.try_send(UploadProgress { sent: flow.arrived, total: flow.total });
        }
    }
}
