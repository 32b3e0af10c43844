//! What is being waited for, shown on a terminal from the second on that it takes.

use std::io::{self, IsTerminal};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::time::Instant;
use tokio::time::{MissedTickBehavior, interval_at};

/// Whatever is done sooner needs no progress.
const SILENCE: Duration = Duration::from_secs(1);
/// How often it moves.
const STEP: Duration = Duration::from_millis(100);

/// What is on the terminal now.
static SHOWN: Mutex<Option<ProgressBar>> = Mutex::new(None);

/// Whether somebody sees progress: stderr is a terminal on which lines can be drawn anew.
pub(super) fn is_seen() -> bool {
    io::stderr().is_terminal() && !console::is_dumb()
}

/// Where progress is drawn, if anywhere.
pub(super) fn target() -> ProgressDrawTarget {
    if is_seen() { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() }
}

/// Prints while no progress stands in the way.
pub(super) fn aside<T>(print: impl FnOnce() -> T) -> T {
    clear();
    print()
}

/// Takes off the terminal what is shown; where the wait goes on, it comes back.
fn clear() {
    if let Some(bar) = SHOWN.lock().unwrap_or_else(PoisonError::into_inner).take() {
        bar.finish_and_clear();
    }
}

/// Runs `work` to its end; meanwhile a terminal shows what it `says` is waited for.
pub(super) async fn during<T>(says: impl Fn() -> String, work: impl Future<Output = T>) -> T {
    if !is_seen() {
        return work.await;
    }
    let waiting = Waiting { since: Instant::now() };
    let shown = async {
        let mut steps = interval_at(waiting.since + SILENCE, STEP);
        steps.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            steps.tick().await;
            waiting.step(says());
        }
    };
    tokio::select! {
        outcome = work => outcome,
        () = shown => unreachable!("it is shown until the work is done"),
    }
}

/// Takes what it shows off the terminal when it goes, also where the work is given up.
struct Waiting {
    since: Instant,
}

impl Waiting {
    fn step(&self, says: String) {
        let mut shown = SHOWN.lock().unwrap_or_else(PoisonError::into_inner);
        let bar = shown.get_or_insert_with(|| {
            let style = ProgressStyle::with_template("{spinner} {wide_msg} {elapsed}");
            ProgressBar::with_draw_target(None, target())
                .with_style(style.expect("the template is well-formed"))
                .with_elapsed(self.since.elapsed())
        });
        bar.set_message(says);
        bar.tick();
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        clear();
    }
}
