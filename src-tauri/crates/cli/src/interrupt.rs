//! Ctrl-C. While a run is under way the first one asks it to stop at the next safe point; otherwise, and the second
//! time, the program ends at once. What runs on the host by then ends by itself.

use std::sync::{Arc, Mutex, PoisonError};

use slipway_engine::cancel::Cancel;

use crate::exit::Exit;
use crate::print::screen::Screen;

/// What Ctrl-C means at this moment.
#[derive(Clone, Default)]
pub(crate) struct Interrupt(Arc<Mutex<Option<Cancel>>>);

impl Interrupt {
    /// Listens from now on.
    pub(crate) fn listen(&self, screen: Arc<Screen>) {
        let state = self.0.clone();
        let terminal = Terminal::now();
        tokio::spawn(async move {
            while wait().await {
                let cancel = state.lock().unwrap_or_else(PoisonError::into_inner).clone();
                match cancel {
                    Some(cancel) if !cancel.requested() => {
                        cancel.request();
                        screen.note(
                            "stopping at the next safe point (again: leave now; what runs on the host ends by itself)",
                        );
                    }
                    Some(_) | None => {
                        screen.calm();
                        terminal.restore();
                        std::process::exit(i32::from(Exit::Interrupted.number()));
                    }
                }
            }
        });
    }

    /// From now on the first Ctrl-C asks this run to stop.
    pub(crate) fn guard(&self, cancel: Cancel) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(cancel);
    }

    /// The run has ended.
    pub(crate) fn release(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

/// Waits for Ctrl-C, or for a request to end (SIGTERM, SIGHUP).
async fn wait() -> bool {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let (Ok(mut term), Ok(mut hangup)) = (signal(SignalKind::terminate()), signal(SignalKind::hangup())) else {
            return tokio::signal::ctrl_c().await.is_ok();
        };
        tokio::select! {
            result = tokio::signal::ctrl_c() => result.is_ok(),
            _ = term.recv() => true,
            _ = hangup.recv() => true,
        }
    }
    #[cfg(not(unix))]
    {
        tokio::signal::ctrl_c().await.is_ok()
    }
}

/// The terminal's settings: a question without echo that is interrupted would leave the echo off.
struct Terminal {
    #[cfg(unix)]
    settings: Option<rustix::termios::Termios>,
}

impl Terminal {
    fn now() -> Self {
        Self {
            #[cfg(unix)]
            settings: rustix::termios::tcgetattr(std::io::stdin()).ok(),
        }
    }

    fn restore(&self) {
        #[cfg(unix)]
        if let Some(settings) = &self.settings {
            let _ = rustix::termios::tcsetattr(std::io::stdin(), rustix::termios::OptionalActions::Now, settings);
        }
    }
}
