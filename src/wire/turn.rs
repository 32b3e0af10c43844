//! Fairness between streams: one that never runs dry must not keep the thread to itself.

/// What may be done in one turn, in bytes.
const TURN: usize = 64 * 1024;
/// What a message costs beside its bytes.
const MESSAGE: usize = 256;

/// What a reader has done since others had their turn.
#[derive(Debug, Default)]
pub struct Turn {
    done: usize,
}

impl Turn {
    /// Counts a message of so many bytes, and lets the other tasks run when it was enough.
    pub async fn took(&mut self, bytes: usize) {
        self.done += MESSAGE + bytes;
        if self.done >= TURN {
            self.done = 0;
            tokio::task::yield_now().await;
        }
    }
}
