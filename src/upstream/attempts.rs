//! How often a stream is opened again, and after which wait: a server that closes it at once must not be asked on and on.

use std::time::Duration;

use crate::base::backoff::Backoff;

/// A stream that was opened in vain so often in a row is given up.
const MAX_FAILED: u32 = 10;
/// Waits after attempts that failed, and between standing streams that do not last.
const AGAIN: Backoff = Backoff { first: Duration::from_secs(1), longest: Duration::from_secs(30) };
/// Waits between looks for an answer, where the server would have us look at once.
const LOOKS: Backoff =
    Backoff { first: Duration::from_millis(50), longest: Duration::from_secs(1) };
/// No server makes us wait longer than this.
const LONGEST_RETRY: Duration = Duration::from_mins(1);

/// Attempts in a row that did not bring what is wanted.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Attempts {
    /// Without any message.
    silent: u32,
    /// Without as much as an event.
    failed: u32,
}

impl Attempts {
    /// A stream has ended that brought so many events and, among them, messages. One without data is no message: it only
    /// says from where on the stream can be resumed.
    pub(super) fn ended(&mut self, events: u64, messages: u64) {
        self.failed = if events == 0 { self.failed + 1 } else { 0 };
        self.silent = if messages == 0 { self.silent + 1 } else { 0 };
    }

    /// No stream came.
    pub(super) fn failed(&mut self) {
        self.ended(0, 0);
    }

    /// A stream was open for long: it has served its purpose, whatever came.
    pub(super) fn lasted(&mut self) {
        *self = Self::default();
    }

    /// Whether it is no use to go on.
    pub(super) fn are_hopeless(self) -> bool {
        self.failed > MAX_FAILED
    }

    /// How long to wait before the stream of a request is looked at again: as the server asks, which may have us come back
    /// until the answer is there, but less and less often where it asks for no wait.
    pub(super) fn look(self, retry: Option<Duration>) -> Duration {
        let asked = retry.map_or(AGAIN.first, |retry| retry.min(LONGEST_RETRY));
        let failed = AGAIN.after(self.failed.saturating_sub(1));
        asked.max(LOOKS.after(self.silent.saturating_sub(1))).max(failed)
    }

    /// How long to wait before the standing stream is opened again; nobody waits for it.
    pub(super) fn stand(self, retry: Option<Duration>) -> Duration {
        let asked = retry.unwrap_or_default().min(LONGEST_RETRY);
        asked.max(AGAIN.after(self.silent.max(1)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Option<Duration> = Some(Duration::ZERO);

    #[test]
    fn a_server_that_closes_at_once_is_asked_less_and_less_often() {
        let check = |brought: (u64, u64), look: &[u128], stand: &[u128]| {
            let mut attempts = Attempts::default();
            for (look, stand) in look.iter().zip(stand) {
                attempts.ended(brought.0, brought.1);
                assert_eq!(attempts.look(NOW).as_millis(), *look, "{attempts:?}");
                assert_eq!(attempts.stand(NOW).as_millis(), *stand, "{attempts:?}");
            }
        };
        check((1, 0), &[0, 50, 100, 200, 400], &[1000, 2000, 4000, 8000, 16000]);
        check((2, 1), &[0, 0, 0], &[1000, 1000, 1000]);
        check((0, 0), &[0, 1000, 2000, 4000], &[1000, 2000, 4000, 8000]);
    }

    #[test]
    fn a_server_says_how_long_it_wants_to_be_left_alone() {
        let attempts = Attempts::default();
        assert_eq!(attempts.look(Some(Duration::from_secs(5))), Duration::from_secs(5));
        assert_eq!(attempts.stand(Some(Duration::from_secs(5))), Duration::from_secs(5));
        assert_eq!(attempts.look(None), AGAIN.first);
        assert_eq!(attempts.look(Some(Duration::MAX)), LONGEST_RETRY);
        assert_eq!(attempts.stand(Some(Duration::MAX)), LONGEST_RETRY);
    }

    #[test]
    fn only_attempts_without_any_event_are_given_up() {
        let mut attempts = Attempts::default();
        for _ in 0..100 {
            attempts.ended(1, 0);
        }
        assert!(!attempts.are_hopeless());
        for _ in 0..MAX_FAILED {
            attempts.failed();
        }
        assert!(!attempts.are_hopeless());
        attempts.failed();
        assert!(attempts.are_hopeless());
        attempts.lasted();
        assert!(!attempts.are_hopeless());
    }
}
