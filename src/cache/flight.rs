//! Identical calls in flight share one upstream call.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::OnceCell;

use super::Key;

/// The calls in flight, with outcomes of type `T`.
#[derive(Debug)]
pub struct Flights<T> {
    table: Mutex<HashMap<Key, Flight<T>>>,
}

/// Who made the call that an outcome comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Joined {
    /// The caller itself.
    Led,
    /// Another one.
    Followed,
}

#[derive(Debug)]
struct Flight<T> {
    cell: Arc<OnceCell<T>>,
    /// Callers that wait for the outcome, the one who makes the call among them.
    joined: usize,
}

/// A caller's place in a flight, given up when it is dropped.
struct Seat<'a, T> {
    flights: &'a Flights<T>,
    key: Key,
    cell: Arc<OnceCell<T>>,
}

impl<T> Default for Flights<T> {
    fn default() -> Self {
        Self { table: Mutex::default() }
    }
}

impl<T: Clone> Flights<T> {
    /// Runs the call, or waits for the same call of another caller. When the one who makes it is dropped, one of
    /// those who wait makes it anew; so the call must be one that may run again.
    pub async fn join<F>(&self, key: Key, run: impl FnOnce() -> F) -> (T, Joined)
    where
        F: Future<Output = T>,
    {
        let seat = self.board(key);
        let mut joined = Joined::Followed;
        let call = async || {
            joined = Joined::Led;
            let outcome = run().await;
            // Before the outcome is known to anybody: whoever comes from now on wants a newer one.
            self.close(&seat);
            outcome
        };
        let outcome = seat.cell.get_or_init(call).await.clone();
        (outcome, joined)
    }

    fn board(&self, key: Key) -> Seat<'_, T> {
        let mut table = self.table();
        let flight =
            table.entry(key.clone()).or_insert_with(|| Flight { cell: Arc::default(), joined: 0 });
        flight.joined += 1;
        Seat { flights: self, key, cell: Arc::clone(&flight.cell) }
    }
}

impl<T> Flights<T> {
    /// Lets nobody else join the calls to a server that are in flight; those who have joined get their outcome.
    /// For when the server may have changed: what comes from now on wants to see that.
    pub fn close_server(&self, server: &str) {
        self.table().retain(|key, _| key.server() != server);
    }

    /// Lets nobody else join any call that is in flight.
    pub fn close_all(&self) {
        self.table().clear();
    }

    /// Lets nobody else join a flight.
    fn close(&self, seat: &Seat<'_, T>) {
        let mut table = self.table();
        if table.get(&seat.key).is_some_and(|flight| Arc::ptr_eq(&flight.cell, &seat.cell)) {
            table.remove(&seat.key);
        }
    }

    /// Nothing in here leaves the table in disorder, so that a panic elsewhere does not matter.
    fn table(&self) -> MutexGuard<'_, HashMap<Key, Flight<T>>> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Drop for Seat<'_, T> {
    fn drop(&mut self) {
        let mut table = self.flights.table();
        let Some(flight) = table.get_mut(&self.key) else {
            return;
        };
        // A flight that was closed may have a successor under the same key.
        if !Arc::ptr_eq(&flight.cell, &self.cell) {
            return;
        }
        flight.joined -= 1;
        if flight.joined == 0 {
            table.remove(&self.key);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::future::pending;
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use tokio::sync::oneshot;

    use super::*;

    fn key(tool: &str) -> Key {
        Key::new("git", tool, "{}")
    }

    /// Lets the future run until it waits for something.
    fn poll<F: Future>(future: std::pin::Pin<&mut F>) -> Poll<F::Output> {
        future.poll(&mut Context::from_waker(Waker::noop()))
    }

    fn assert_empty<T>(flights: &Flights<T>) {
        assert!(flights.table().is_empty());
    }

    #[test]
    fn one_call_serves_all() {
        let flights = Flights::default();
        let (answer, answered) = oneshot::channel();
        let calls = Cell::new(0);
        let mut first = pin!(flights.join(key("a"), || async {
            calls.set(calls.get() + 1);
            answered.await.expect("an answer")
        }));
        assert!(poll(first.as_mut()).is_pending());
        let mut second = pin!(flights.join(key("a"), || async { unreachable!("it follows") }));
        assert!(poll(second.as_mut()).is_pending());
        let mut other = pin!(flights.join(key("b"), || async { "other" }));
        assert_eq!(poll(other.as_mut()), Poll::Ready(("other", Joined::Led)));
        answer.send("x").expect("awaited");
        assert_eq!(poll(first.as_mut()), Poll::Ready(("x", Joined::Led)));
        assert_empty(&flights);
        // The one who waits has not looked yet; a newcomer does not get what is done.
        let mut third = pin!(flights.join(key("a"), || async { "y" }));
        assert_eq!(poll(third.as_mut()), Poll::Ready(("y", Joined::Led)));
        assert_eq!(poll(second.as_mut()), Poll::Ready(("x", Joined::Followed)));
        assert_eq!(calls.get(), 1);
        assert_empty(&flights);
    }

    #[test]
    fn one_who_waits_takes_over() {
        let flights = Flights::default();
        let mut leader = Box::pin(flights.join(key("a"), pending::<&str>));
        assert!(poll(leader.as_mut()).is_pending());
        let (answer, answered) = oneshot::channel();
        let mut second =
            pin!(flights.join(key("a"), || async { answered.await.expect("an answer") }));
        let mut third = pin!(flights.join(key("a"), || async { unreachable!("it follows") }));
        assert!(poll(second.as_mut()).is_pending());
        assert!(poll(third.as_mut()).is_pending());
        drop(leader);
        assert!(poll(second.as_mut()).is_pending());
        assert!(poll(third.as_mut()).is_pending());
        answer.send("x").expect("the second has taken over");
        assert_eq!(poll(second.as_mut()), Poll::Ready(("x", Joined::Led)));
        assert_eq!(poll(third.as_mut()), Poll::Ready(("x", Joined::Followed)));
        assert_empty(&flights);
    }

    #[test]
    fn those_who_leave_harm_nobody() {
        let flights = Flights::default();
        let (answer, answered) = oneshot::channel();
        let mut leader =
            Box::pin(flights.join(key("a"), || async { answered.await.expect("an answer") }));
        assert!(poll(leader.as_mut()).is_pending());
        for _ in 0..3 {
            let mut waiter = Box::pin(flights.join(key("a"), pending::<&str>));
            assert!(poll(waiter.as_mut()).is_pending());
        }
        assert_eq!(flights.table().len(), 1);
        answer.send("x").expect("the leader is still there");
        assert_eq!(poll(leader.as_mut()), Poll::Ready(("x", Joined::Led)));
        assert_empty(&flights);
        // All leave before there is an outcome.
        let mut leader = Box::pin(flights.join(key("a"), pending::<&str>));
        let mut waiter = Box::pin(flights.join(key("a"), pending::<&str>));
        assert!(poll(leader.as_mut()).is_pending());
        assert!(poll(waiter.as_mut()).is_pending());
        drop(leader);
        drop(waiter);
        assert_empty(&flights);
    }

    #[test]
    fn closed_flights_take_nobody_in() {
        let flights = Flights::default();
        let (answer, answered) = oneshot::channel();
        let mut old = pin!(flights.join(key("a"), || async { answered.await.expect("an answer") }));
        let mut waits = pin!(flights.join(key("a"), || async { unreachable!("it follows") }));
        assert!(poll(old.as_mut()).is_pending());
        assert!(poll(waits.as_mut()).is_pending());
        flights.close_server("web");
        assert_eq!(flights.table().len(), 1);
        flights.close_server("git");
        let mut new = Box::pin(flights.join(key("a"), pending));
        assert!(poll(new.as_mut()).is_pending());
        answer.send("old").expect("awaited");
        assert_eq!(poll(old.as_mut()), Poll::Ready(("old", Joined::Led)));
        assert_eq!(poll(waits.as_mut()), Poll::Ready(("old", Joined::Followed)));
        assert_eq!(flights.table().len(), 1, "the end of the old one leaves the new one alone");
        flights.close_all();
        assert_empty(&flights);
        drop(new);
        assert_empty(&flights);
    }

    #[tokio::test]
    async fn all_get_an_outcome_however_many_leave() {
        let flights = Arc::new(Flights::default());
        let tasks: Vec<_> = (0..400)
            .map(|number: u32| {
                let flights = Arc::clone(&flights);
                tokio::spawn(async move {
                    let call = || async {
                        for _ in 0..number % 7 {
                            tokio::task::yield_now().await;
                        }
                        number
                    };
                    flights.join(key(&(number % 3).to_string()), call).await.0 % 3 == number % 3
                })
            })
            .collect();
        for task in tasks.iter().step_by(5) {
            task.abort();
        }
        for (number, task) in tasks.into_iter().enumerate() {
            match task.await {
                Ok(right) => assert!(right, "{number}"),
                Err(fault) => assert!(fault.is_cancelled() && number % 5 == 0, "{number}"),
            }
        }
        assert_empty(&flights);
    }
}
