//! How long the server waits for the next request of a connection: long while nothing of it has come, since clients keep
//! connections for later, and no longer than a head takes once it has begun. [`Alarm`] is the timer of such waiting.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use hyper::rt;
use tokio::time::{Instant, Sleep, sleep_until};

/// A connection may be without a request for so long. Clients give up theirs after 90 s at most, and whoever gives up
/// first must be the client: otherwise a request may cross the end of the connection.
pub(super) const IDLE_TIME: Duration = Duration::from_mins(3);
/// The head of a request has so long to arrive, and that of the first one from the beginning of the connection on.
const HEAD_TIME: Duration = Duration::from_secs(30);

/// The clock of one connection, as hyper asks for it. Clones are the same one.
#[derive(Debug, Clone)]
pub(super) struct Patience(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    /// When waiting for a head ends.
    due: Instant,
    phase: Phase,
    alarm: Alarm,
}

/// A timer for one wait after another, each as long as the one before. It is set once and left alone as long as it goes
/// off no later than it has to: it looks again then. Setting it for each request would be work for each request.
#[derive(Debug, Default)]
pub(super) struct Alarm(Option<Pin<Box<Sleep>>>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// There was no request yet.
    New,
    /// Nothing of the next request is there.
    Idle,
    /// Something has come.
    Begun,
    /// Its head is being waited for.
    Head,
}

/// The end of waiting for one head.
struct Waiting(Patience);

impl Alarm {
    /// Ready once `due` has come.
    pub(super) fn poll(&mut self, due: Instant, context: &mut Context<'_>) -> Poll<()> {
        let alarm = self.0.get_or_insert_with(|| Box::pin(sleep_until(due)));
        loop {
            if alarm.deadline() > due || alarm.is_elapsed() {
                alarm.as_mut().reset(due);
            }
            ready!(alarm.as_mut().poll(context));
            if alarm.deadline() >= due {
                return Poll::Ready(());
            }
        }
    }
}

impl Patience {
    pub(super) fn new() -> Self {
        let (due, phase, alarm) = (Instant::now(), Phase::New, Alarm::default());
        Self(Arc::new(Mutex::new(State { due, phase, alarm })))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Bytes have come.
    pub(super) fn heard(&self) {
        let mut state = self.lock();
        if state.phase == Phase::Idle {
            state.phase = Phase::Begun;
        }
    }
}

#[expect(clippy::disallowed_types, reason = "it is the type of the trait")]
impl rt::Timer for Patience {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn rt::Sleep>> {
        self.sleep_until(self.now() + duration)
    }

    /// Called when the next head is to be read.
    fn sleep_until(&self, deadline: std::time::Instant) -> Pin<Box<dyn rt::Sleep>> {
        let mut state = self.lock();
        state.due = deadline.into();
        state.phase = if state.phase == Phase::New { Phase::Begun } else { Phase::Idle };
        drop(state);
        Box::pin(Waiting(self.clone()))
    }

    fn now(&self) -> std::time::Instant {
        Instant::now().into_std()
    }
}

impl rt::Sleep for Waiting {}

impl Future for Waiting {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let mut state = self.0.lock();
        if state.phase == Phase::Begun {
            state.phase = Phase::Head;
            state.due = Instant::now() + HEAD_TIME;
        }
        let State { due, alarm, .. } = &mut *state;
        alarm.poll(*due, context)
    }
}

#[cfg(test)]
mod tests {
    use hyper::rt::Timer;
    use tokio::time::advance;

    use super::*;

    /// Whether waiting ends when this much time has passed, and not long before.
    async fn check(waiting: &mut Pin<Box<dyn rt::Sleep>>, limit: Duration) {
        let is_over = |waiting: &mut Pin<Box<dyn rt::Sleep>>| {
            waiting.as_mut().poll(&mut Context::from_waker(std::task::Waker::noop())).is_ready()
        };
        assert!(!is_over(waiting), "at once");
        let most = limit.mul_f64(0.9);
        advance(most).await;
        assert!(!is_over(waiting), "before {limit:?}");
        advance(limit.saturating_sub(most)).await;
        assert!(is_over(waiting), "after {limit:?}");
    }

    fn next(patience: &Patience) -> Pin<Box<dyn rt::Sleep>> {
        patience.sleep_until(patience.now() + IDLE_TIME)
    }

    #[tokio::test(start_paused = true)]
    async fn a_head_is_waited_for_shorter_than_a_request() {
        check(&mut next(&Patience::new()), HEAD_TIME).await;

        let patience = Patience::new();
        drop(next(&patience));
        check(&mut next(&patience), IDLE_TIME).await;

        let mut waiting = next(&patience);
        patience.heard();
        check(&mut waiting, HEAD_TIME).await;

        // What came with an earlier request counts for nothing.
        check(&mut next(&patience), IDLE_TIME).await;
    }
}
