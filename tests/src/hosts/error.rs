//! What can go wrong with a test host, worded for the person who runs the tests.

use std::path::PathBuf;

/// A failure of the test kit itself (never of the program under test).
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    /// The machine lacks something that test hosts need.
    #[error("test hosts cannot run here: {0}")]
    Prerequisites(String),
    /// A command on the outer machine failed.
    #[error("`{command}` failed ({status}): {output}")]
    Command {
        /// The command line.
        command: String,
        /// How it ended.
        status: String,
        /// The last lines it printed.
        output: String,
    },
    /// A file operation failed.
    #[error("could not {action} {}: {source}", path.display())]
    File {
        /// What was tried, as a verb.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// Why it failed.
        source: std::io::Error,
    },
    /// Something that all hosts share is not there and could not be made.
    #[error(
        "{what}, which all test hosts share, could not be made; what asked for it was not tried, so this says nothing of it: \
         {reason}"
    )]
    Shared {
        /// Its name in the cache.
        what: String,
        /// Why not.
        reason: Box<HostError>,
    },
    /// A host did not come up.
    #[error("could not boot {distribution} ({name}): {reason}\nlast lines of its console:\n{console}")]
    Boot {
        /// The distribution asked for.
        distribution: String,
        /// The host's name.
        name: String,
        /// What was waited for in vain.
        reason: String,
        /// The last lines of the console.
        console: String,
    },
    /// Something else that the message explains.
    #[error("{0}")]
    Other(String),
}

/// Adds the action and path to an I/O error.
pub(crate) trait FileContext<T> {
    /// Turns `self` into a [`HostError::File`] on failure.
    fn context(self, action: &'static str, path: &std::path::Path) -> Result<T, HostError>;
}

impl<T> FileContext<T> for std::io::Result<T> {
    fn context(self, action: &'static str, path: &std::path::Path) -> Result<T, HostError> {
        self.map_err(|source| HostError::File { action, path: path.to_path_buf(), source })
    }
}
