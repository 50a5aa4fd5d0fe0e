//! The byte stream under a connection: counted, and cut off at will.
//!
//! russh waits without limit for a write to a link that has gone silent, and a
//! session task outlives the future that started it. A stream that can be cut
//! from outside ends both.

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use futures::task::AtomicWaker;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A write that makes no progress for this long, while nothing arrives either, means that the link is dead.
const STALL: Duration = Duration::from_secs(15);

/// Counts of one stream, and the switch that cuts it.
#[derive(Debug)]
pub(crate) struct Meter {
    born: Instant,
    up: AtomicU64,
    down: AtomicU64,
    cut: AtomicBool,
    reader: AtomicWaker,
    writer: AtomicWaker,
    /// When something last arrived, ms since `born`.
    arrived: AtomicU64,
    /// Since when a write has been waiting, ms since `born`, plus one; 0 when none does.
    stalled: AtomicU64,
}

impl Meter {
    /// Wraps `stream`; a task that ends with the stream watches for stalled writes.
    pub(crate) fn wrap<S>(stream: S) -> (Arc<Self>, Metered<S>) {
        let meter = Arc::new(Self {
            born: Instant::now(),
            up: AtomicU64::new(0),
            down: AtomicU64::new(0),
            cut: AtomicBool::new(false),
            reader: AtomicWaker::new(),
            writer: AtomicWaker::new(),
            arrived: AtomicU64::new(0),
            stalled: AtomicU64::new(0),
        });
        tokio::spawn(watch(Arc::downgrade(&meter)));
        (Arc::clone(&meter), Metered { stream, meter })
    }

    /// Ends the stream: every read and write fails from now on.
    pub(crate) fn cut(&self) {
        self.cut.store(true, Ordering::SeqCst);
        self.reader.wake();
        self.writer.wake();
    }

    /// Bytes written.
    pub(crate) fn up(&self) -> u64 {
        self.up.load(Ordering::Relaxed)
    }

    /// Bytes read.
    pub(crate) fn down(&self) -> u64 {
        self.down.load(Ordering::Relaxed)
    }

    fn now(&self) -> u64 {
        u64::try_from(self.born.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn check(&self) -> io::Result<()> {
        if self.cut.load(Ordering::SeqCst) {
            return Err(io::Error::new(io::ErrorKind::ConnectionAborted, "the link was cut"));
        }
        Ok(())
    }

    fn is_stalled(&self) -> bool {
        let limit = u64::try_from(STALL.as_millis()).unwrap_or(u64::MAX);
        let since = self.stalled.load(Ordering::Relaxed);
        let now = self.now();
        since != 0
            && now.saturating_sub(since) > limit
            && now.saturating_sub(self.arrived.load(Ordering::Relaxed)) > limit
    }
}

async fn watch(meter: Weak<Meter>) {
    loop {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let Some(meter) = meter.upgrade() else { return };
        if meter.is_stalled() {
            meter.cut();
            return;
        }
    }
}

/// A stream with a [`Meter`].
#[derive(Debug)]
pub(crate) struct Metered<S> {
    stream: S,
    meter: Arc<Meter>,
}

impl<S: AsyncRead + Unpin> AsyncRead for Metered<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.meter.reader.register(cx.waker());
        self.meter.check()?;
        let before = buffer.filled().len();
        let result = Pin::new(&mut self.stream).poll_read(cx, buffer);
        if result.is_ready() {
            let count = buffer.filled().len().saturating_sub(before);
            self.meter.down.fetch_add(count as u64, Ordering::Relaxed);
            self.meter.arrived.store(self.meter.now(), Ordering::Relaxed);
        }
        result
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Metered<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.meter.writer.register(cx.waker());
        self.meter.check()?;
        let result = Pin::new(&mut self.stream).poll_write(cx, bytes);
        match &result {
            Poll::Ready(written) => {
                self.meter.stalled.store(0, Ordering::Relaxed);
                self.meter.up.fetch_add(*written.as_ref().unwrap_or(&0) as u64, Ordering::Relaxed);
            }
            Poll::Pending => {
                let since = self.meter.now().saturating_add(1);
                let _ = self.meter.stalled.compare_exchange(0, since, Ordering::Relaxed, Ordering::Relaxed);
            }
        }
        result
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.meter.writer.register(cx.waker());
        self.meter.check()?;
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
