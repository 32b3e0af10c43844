//! The router of the config that is in force. Another config brings another router, which is put in the place of the one
//! before; requests end with the one that they began with.

use std::sync::{Arc, OnceLock};

use arc_swap::ArcSwap;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::Router;

/// Where the router lies that new requests go to.
#[derive(Debug)]
pub struct Current {
    router: ArcSwap<Router>,
    replaced: watch::Sender<()>,
}

/// Tells when no request is left that began with a router or with one before it. Those that come later are kept alive by
/// those before, since a server may have come through several changes when it goes.
#[derive(Debug, Default)]
pub(super) struct Lifeline {
    ended: CancellationToken,
    next: OnceLock<Arc<Lifeline>>,
}

impl Current {
    /// Requests go to this one.
    pub fn new(router: Arc<Router>) -> Arc<Self> {
        Arc::new(Self { router: ArcSwap::new(router), replaced: watch::Sender::new(()) })
    }

    /// The router of this moment, for one request.
    pub fn now(&self) -> Arc<Router> {
        self.router.load_full()
    }

    /// Requests go to this one from now on. It was made by [`Router::successor`] of the one that is there. What only
    /// that one needs ends with the requests that it still serves, within `shutdownTimeoutMs`.
    pub fn replace(&self, router: &Arc<Router>) {
        let old = self.now();
        // Nobody else sets it: a router has one successor.
        let _ = old.lifeline.next.set(router.lifeline.clone());
        self.router.store(router.clone());
        let ended = old.lifeline.ended.clone();
        old.pool.retire(&router.pool, async move { ended.cancelled().await });
        old.yield_to(router);
        self.replaced.send_replace(());
    }

    /// Told when the router is another one.
    pub(super) fn replacements(&self) -> watch::Receiver<()> {
        self.replaced.subscribe()
    }

    /// Does what is to be done while nobody asks for anything, for as long as it is polled: promotions are taken back,
    /// and what tools mean is worked out.
    pub async fn keep_watch(&self) {
        let mut replaced = self.replacements();
        let mut told = None;
        loop {
            let router = self.now();
            let watching = async {
                tokio::join!(router.watch_promotions(&mut told), router.watch_meaning());
                std::future::pending::<()>().await;
            };
            tokio::select! {
                () = watching => {}
                changed = replaced.changed() => if changed.is_err() {
                    return;
                },
            }
        }
    }
}

impl Lifeline {
    /// Whether another config is in force than that of the router.
    pub(super) fn is_replaced(&self) -> bool {
        self.next.get().is_some()
    }
}

impl Drop for Lifeline {
    fn drop(&mut self) {
        self.ended.cancel();
        // One after the other and not one inside the other: a call that lasted for hours may have seen many changes.
        let mut next = self.next.take();
        while let Some(line) = next {
            next = Arc::into_inner(line).and_then(|mut line| line.next.take());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_changes_under_one_request_are_no_trouble() {
        let first = Arc::new(Lifeline::default());
        let mut last = first.clone();
        for _ in 0..100_000 {
            let next = Arc::new(Lifeline::default());
            last.next.set(next.clone()).expect("it is the last");
            last = next;
        }
        let ended = last.ended.clone();
        drop(last);
        assert!(!ended.is_cancelled());
        drop(first);
        assert!(ended.is_cancelled());
    }

    #[test]
    fn a_lifeline_ends_after_all_before_it() {
        let lines: [Arc<Lifeline>; 3] = Default::default();
        let ended = lines.each_ref().map(|line| line.ended.clone());
        let [first, second, third] = lines;
        first.next.set(second.clone()).expect("it is the first");
        second.next.set(third.clone()).expect("it is the first");
        let check = |expected: [bool; 3]| {
            assert_eq!(ended.each_ref().map(CancellationToken::is_cancelled), expected);
        };
        drop((second, third));
        check([false, false, false]);
        drop(first);
        check([true, true, true]);
    }
}
