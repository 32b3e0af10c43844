//! How many lists of tools are worked on side by side. Each is, in a thread that may wait; as many threads as there are
//! servers would take a hundred kilobytes each, for the lists that they hold at once and for the memory that the allocator
//! sets aside for every thread.

use tokio::sync::{Semaphore, SemaphorePermit};

use super::Shown;

/// Lists with more text, in bytes, wait for one another, and no others wait for them.
const LONG: usize = 256 * 1024;

static SHORT_ONES: Semaphore = Semaphore::const_new(1);
static LONG_ONES: Semaphore = Semaphore::const_new(1);

/// Waits until it is the turn of a list that is as long as this one.
pub(super) async fn place_for(shown: &Shown) -> SemaphorePermit<'static> {
    place(shown.bytes()).await
}

/// Waits until it is the turn of a list with so many bytes of text.
pub(super) async fn place(bytes: usize) -> SemaphorePermit<'static> {
    let places = if bytes > LONG { &LONG_ONES } else { &SHORT_ONES };
    places.acquire().await.expect("it is never closed")
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[tokio::test]
    async fn long_lists_hold_up_no_short_ones() {
        let _long = place(LONG + 1).await;
        assert!(place(LONG + 1).now_or_never().is_none());
        drop(place(LONG).await);
    }
}
