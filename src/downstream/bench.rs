//! Where tasks that have done one piece of work wait for the next.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use tokio::sync::Notify;
use tokio::task::AbortHandle;

/// So many tasks wait at most; those of a client that has as many requests in flight at times.
const MAX_WAITING: usize = 32;

/// Tasks that wait. Clones are the same bench.
#[derive(Debug)]
pub(super) struct Bench<Work>(Arc<Mutex<Waiting<Work>>>);

#[derive(Debug)]
struct Waiting<Work> {
    places: Vec<Arc<Place<Work>>>,
    closed: bool,
}

/// Where one task waits.
#[derive(Debug)]
pub(super) struct Place<Work> {
    bench: Bench<Work>,
    task: OnceLock<AbortHandle>,
    next: Mutex<Next<Work>>,
    called: Notify,
}

/// What a task finds that was called.
#[derive(Debug)]
enum Next<Work> {
    Nothing,
    Work(Work),
    Over,
}

impl<Work> Bench<Work> {
    pub(super) fn new() -> Self {
        Self(Arc::new(Mutex::new(Waiting { places: Vec::new(), closed: false })))
    }

    /// Where a new task may wait once it has done its first piece of work.
    pub(super) fn place(&self) -> Arc<Place<Work>> {
        let (bench, next) = (self.clone(), Mutex::new(Next::Nothing));
        Arc::new(Place { bench, task: OnceLock::new(), next, called: Notify::new() })
    }

    /// Gives the work to a task that waits, or back where there is none.
    pub(super) fn give(&self, work: Work) -> Result<AbortHandle, Work> {
        let Some(place) = lock(&self.0).places.pop() else { return Err(work) };
        let task = place.task.get().expect("only those wait that are known").clone();
        place.call(Next::Work(work));
        Ok(task)
    }

    /// Ends the tasks that wait, and has no other wait.
    pub(super) fn close(&self) {
        let waiting = {
            let mut bench = lock(&self.0);
            bench.closed = true;
            std::mem::take(&mut bench.places)
        };
        for place in waiting {
            place.call(Next::Over);
        }
    }
}

impl<Work> Clone for Bench<Work> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<Work> Place<Work> {
    /// Makes known which task has this place.
    pub(super) fn is_of(&self, task: AbortHandle) {
        // Each place has one task.
        let _ = self.task.set(task);
    }

    fn call(&self, next: Next<Work>) {
        *lock(&self.next) = next;
        self.called.notify_one();
    }

    /// Waits for the next piece of work. There is none for a task that is not known, where enough wait already, and after
    /// the end.
    pub(super) async fn wait(self: &Arc<Self>) -> Option<Work> {
        {
            let mut bench = lock(&self.bench.0);
            if bench.closed || bench.places.len() >= MAX_WAITING || self.task.get().is_none() {
                return None;
            }
            bench.places.push(self.clone());
        }
        loop {
            self.called.notified().await;
            match std::mem::replace(&mut *lock(&self.next), Next::Nothing) {
                Next::Nothing => {}
                Next::Work(work) => return Some(work),
                Next::Over => return None,
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use tokio::sync::mpsc;
    use tokio::task::{JoinHandle, yield_now};

    use super::*;

    /// A task that tells its name and each piece of work that it gets.
    fn start(bench: &Bench<u32>, name: u32, told: &mpsc::Sender<(u32, u32)>) -> JoinHandle<()> {
        let (place, told) = (bench.place(), told.clone());
        let own = place.clone();
        let task = tokio::spawn(async move {
            while let Some(work) = own.wait().await {
                told.send((name, work)).await.expect("somebody listens");
            }
        });
        place.is_of(task.abort_handle());
        task
    }

    #[tokio::test]
    async fn who_waits_gets_the_next_work() {
        let bench = Bench::new();
        let (told, mut heard) = mpsc::channel(10);
        assert_eq!(bench.give(1).map(drop), Err(1), "nobody waits");
        let tasks = [start(&bench, 1, &told), start(&bench, 2, &told)];
        yield_now().await;
        assert!(bench.give(10).is_ok() && bench.give(20).is_ok());
        assert_eq!(bench.give(30).map(drop), Err(30), "both have work");
        let mut all = [heard.recv().await, heard.recv().await];
        all.sort_unstable();
        assert_eq!(all, [Some((1, 20)), Some((2, 10))]);
        yield_now().await;
        assert!(bench.give(40).is_ok());
        assert!(heard.recv().await.is_some_and(|(_, work)| work == 40));
        bench.close();
        for task in tasks {
            task.await.expect("it ends");
        }
        assert_eq!(bench.give(50).map(drop), Err(50));
        start(&bench, 3, &told).await.expect("nobody waits after the end");
    }

    #[tokio::test]
    async fn enough_wait() {
        let bench = Bench::new();
        let (told, _heard) = mpsc::channel(10);
        let tasks: Vec<_> = (0..=33).map(|name| start(&bench, name, &told)).collect();
        while !tasks.iter().rev().take(2).all(JoinHandle::is_finished) {
            yield_now().await;
        }
        assert_eq!(tasks.iter().filter(|task| task.is_finished()).count(), 2);
        bench.close();
        for task in tasks {
            task.await.expect("it ends");
        }
    }
}
