//! Who asks for something on a host, when, and under which name the host is to know it.

use std::sync::Arc;

use slipway_core::digest::Digest;
use slipway_core::release::ReleaseId;

use crate::clock::Clock;
use crate::failure::{Code, Failure, Outcome};
use crate::tokens::Tokens;

/// Who asks, and when.
#[derive(Clone)]
pub struct Asked {
    /// `user@machine`.
    pub operator: String,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Unique name of this run: lower-case letters and digits.
    pub run: String,
    /// Where this computer notes the locks that it holds.
    pub tokens: Tokens,
}

impl Asked {
    /// The id of a release that is made at this moment; `unique` is what tells it from others of the run.
    ///
    /// # Errors
    /// Never in practice: the clock's stamp has the form that ids have.
    pub(crate) fn new_id(&self, unique: &[&[u8]]) -> Outcome<ReleaseId> {
        let stamp = self.clock.now().strftime("%Y%m%dT%H%M%SZ").to_string();
        let parts = std::iter::once(self.run.as_bytes()).chain(unique.iter().copied());
        ReleaseId::new(&stamp, &Digest::of_parts(parts)).map_err(|why| Failure::new(Code::Local, why))
    }
}
