//! What a long-running command says, as it says it.

use std::time::Duration;

use bytes::Bytes;
use russh::ChannelMsg;
use slipway_core::command::Exit;
use tokio::sync::{mpsc, oneshot};

use super::launch::Started;
use crate::error::HostError;
use crate::link::Ending;

/// Pieces kept for a reader that is slow.
const QUEUE: usize = 1024;

/// A piece of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// Standard output.
    Stdout(Bytes),
    /// Standard error.
    Stderr(Bytes),
    /// So many bytes were thrown away here because they were not read in time.
    Missed(u64),
    /// The command ended by itself. Nothing follows.
    Ended(Exit),
}

/// The output of a command that is running. Dropping it ends the command.
///
/// A reader that is too slow loses bytes ([`Piece::Missed`]) rather than hold up everything else on the connection.
#[derive(Debug)]
pub struct Stream {
    pieces: mpsc::Receiver<Result<Piece, HostError>>,
    /// Dropped with the stream, which tells the task.
    _alive: oneshot::Sender<()>,
}

impl Stream {
    pub(crate) fn new(host: &str, started: Started, ending: Ending) -> Self {
        let (sender, pieces) = mpsc::channel(QUEUE);
        let (alive, dropped) = oneshot::channel();
        let pump = Pump { host: host.to_owned(), sender, missed: 0, ending };
        tokio::spawn(pump.run(started, dropped));
        Self { pieces, _alive: alive }
    }

    /// The next piece; `None` after the end.
    ///
    /// Safe to cancel: no piece is lost.
    ///
    /// # Errors
    /// When the link is lost. Nothing follows.
    pub async fn next(&mut self) -> Option<Result<Piece, HostError>> {
        self.pieces.recv().await
    }
}

struct Pump {
    host: String,
    sender: mpsc::Sender<Result<Piece, HostError>>,
    missed: u64,
    ending: Ending,
}

impl Pump {
    /// Always reads, because an unread channel holds up the whole session.
    async fn run(mut self, mut started: Started, mut dropped: oneshot::Receiver<()>) {
        if !started.rest.is_empty() {
            self.hand_on(Piece::Stdout(Bytes::from(std::mem::take(&mut started.rest))));
        }
        let mut exit = None;
        loop {
            let message = tokio::select! {
                _ = &mut dropped => break,
                message = started.read.wait() => message,
            };
            match message {
                Some(ChannelMsg::Data { data }) => self.hand_on(Piece::Stdout(data)),
                Some(ChannelMsg::ExtendedData { data, .. }) => self.hand_on(Piece::Stderr(data)),
                Some(ChannelMsg::ExitStatus { exit_status }) => {
                    exit = Some(u8::try_from(exit_status).unwrap_or(u8::MAX))
                }
                Some(ChannelMsg::ExitSignal { .. }) => exit = Some(u8::MAX),
                Some(ChannelMsg::Close) | None => {
                    self.end(exit).await;
                    return;
                }
                Some(_) => {}
            }
        }
        // End of input makes the program on the host end the command; it needs a moment, and its output must still be read.
        let _ = started.write.eof().await;
        let drained = async { while !matches!(started.read.wait().await, Some(ChannelMsg::Close) | None) {} };
        let _ = tokio::time::timeout(Duration::from_secs(5), drained).await;
        let _ = started.write.close().await;
    }

    fn hand_on(&mut self, piece: Piece) {
        let length = match &piece {
            Piece::Stdout(bytes) | Piece::Stderr(bytes) => bytes.len() as u64,
            Piece::Missed(_) | Piece::Ended(_) => 0,
        };
        // The gap is told before what follows it; one place is kept for that.
        if self.sender.capacity() < 2 {
            self.missed = self.missed.saturating_add(length);
            return;
        }
        if self.missed > 0 {
            let _ = self.sender.try_send(Ok(Piece::Missed(std::mem::take(&mut self.missed))));
        }
        let _ = self.sender.try_send(Ok(piece));
    }

    async fn end(self, exit: Option<u8>) {
        if self.missed > 0 && self.sender.send(Ok(Piece::Missed(self.missed))).await.is_err() {
            return;
        }
        let last = match exit {
            Some(status) => Ok(Piece::Ended(Exit::Code(status))),
            None => {
                let why = self.ending.why().unwrap_or_else(|| "the channel was closed".into());
                Err(HostError::Lost { host: self.host, why })
            }
        };
        let _ = self.sender.send(last).await;
    }
}
