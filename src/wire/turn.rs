//! Fairness between streams: one that never runs dry must not keep the thread to itself.

/// Bytes that a stream may bring in one turn.
const BYTES: usize = 64 * 1024;
/// Reads, if they bring less.
const READS: u32 = 16;

/// What a reader has taken since others had their turn.
#[derive(Debug, Default)]
pub struct Turn {
    bytes: usize,
    reads: u32,
}

impl Turn {
    /// Counts one read, and lets the other tasks run when it was enough.
    pub async fn took(&mut self, bytes: usize) {
        self.bytes += bytes;
        self.reads += 1;
        // Few bytes in one read mean that the stream ran dry: the next read waits anyway.
        if self.bytes >= BYTES || (self.reads >= READS && bytes > BYTES / 16) {
            *self = Self::default();
            tokio::task::yield_now().await;
        }
    }
}
