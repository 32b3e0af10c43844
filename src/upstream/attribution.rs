//! Whose a message of a server can be that names no request: the one client's that has requests in flight, unless a call
//! of another one ended so recently, or was given up, that the server may still be speaking of that.

use std::time::Duration;

use tokio::time::Instant;

use super::follower::Identity;
use crate::protocol::era::Era;

/// After the answer to a call the server may still say for so long what belongs to it. The answer is the end of a request,
/// so that only what other threads of the server hold back comes later, and that is written within moments.
pub(super) const AFTERMATH: Duration = Duration::from_secs(3);
/// As many calls are remembered that were given up; of more of them only whose they were, for good.
const MAX_GIVEN_UP: usize = 64;

/// Who made a request; nothing where nobody can say, which may be anybody.
pub(super) type Whose = Option<Identity>;

/// What a server may still be speaking of beside the requests in flight.
#[derive(Debug, Default)]
pub(super) struct Past {
    /// Of whom calls ended last and when, the latest first; two suffice to know of another one than any.
    ended: [Option<(Whose, Instant)>; 2],
    /// Calls without an answer that nobody waits for any more. No time is long enough for these: the server may work on
    /// them for as long as it likes, until it answers after all.
    given_up: Vec<(u64, Whose)>,
    /// Whose those are of which there were more than are remembered; two suffice here as well.
    uncounted: [Option<Whose>; 2],
}

impl Past {
    /// A call of this client has been answered.
    pub(super) fn ended(&mut self, whose: Whose, at: Instant) {
        let [latest, before] = &mut self.ended;
        let of_same = |known: &(Whose, Instant)| known.0.is_some() && known.0 == whose;
        if !latest.as_ref().is_some_and(of_same) {
            *before = latest.take();
        }
        *latest = Some((whose, at));
    }

    /// Nobody waits any more for the answer to this call, on which the server may work.
    pub(super) fn given_up(&mut self, id: u64, whose: Whose) {
        if self.given_up.len() < MAX_GIVEN_UP {
            return self.given_up.push((id, whose));
        }
        let is_known = whose.is_some() && self.uncounted.contains(&Some(whose.clone()));
        if !is_known && let Some(place) = self.uncounted.iter_mut().find(|it| it.is_none()) {
            *place = Some(whose);
        }
    }

    /// A call that was given up has been answered after all.
    pub(super) fn answered_late(&mut self, id: u64, at: Instant) {
        if let Some(place) = self.given_up.iter().position(|(given_up, _)| *given_up == id) {
            let (_, whose) = self.given_up.swap_remove(place);
            self.ended(whose, at);
        }
    }

    /// Whether the server can be speaking at `now` of a call of somebody else than this client. In the stateless era an
    /// answer is the last word about its call.
    pub(super) fn has_others(&self, identity: &Identity, now: Instant, era: Era) -> bool {
        let is_other = |whose: &Whose| whose.as_ref() != Some(identity);
        let is_recent = |at: Instant| era == Era::Session && now.duration_since(at) < AFTERMATH;
        self.uncounted.iter().flatten().any(is_other)
            || self.given_up.iter().any(|(_, whose)| is_other(whose))
            || self.ended.iter().flatten().any(|(whose, at)| is_other(whose) && is_recent(*at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ME: Identity = Identity::Number(1);

    #[test]
    fn what_ended_a_moment_ago_may_go_on() {
        let begun = Instant::now();
        let second = Duration::from_secs(1);
        let whose = |number| Some(Identity::Number(number));
        let check = |ended: &[(Whose, u32)], at: u32, expected: bool| {
            let mut past = Past::default();
            for (whose, at) in ended {
                past.ended(whose.clone(), begun + *at * second);
            }
            assert_eq!(
                past.has_others(&ME, begun + at * second, Era::Session),
                expected,
                "{ended:?} {at}"
            );
        };
        check(&[], 0, false);
        check(&[(whose(1), 0)], 0, false);
        check(&[(whose(2), 0)], 2, true);
        check(&[(whose(2), 0)], 3, false);
        check(&[(whose(2), 0), (whose(1), 1), (whose(1), 2)], 2, true);
        check(&[(whose(2), 0), (whose(1), 1), (whose(1), 2)], 3, false);
        check(&[(whose(2), 0), (whose(3), 2), (whose(1), 3)], 4, true);
        check(&[(None, 0)], 2, true);
        check(&[(None, 0), (None, 2), (whose(1), 3)], 4, true);
        let mut past = Past::default();
        past.ended(whose(2), begun);
        assert!(!past.has_others(&ME, begun, Era::Stateless), "its answer was the last word");
    }

    #[test]
    fn what_was_given_up_may_go_on_until_it_is_answered() {
        let whose = |number| Some(Identity::Number(number));
        let now = Instant::now();
        let later = now + Duration::from_hours(1);
        let mut past = Past::default();
        past.given_up(1, whose(1));
        assert!(!past.has_others(&ME, later, Era::Session));
        past.given_up(2, whose(2));
        assert!(past.has_others(&ME, later, Era::Session));
        past.answered_late(2, later);
        assert!(past.has_others(&ME, later, Era::Session));
        assert!(!past.has_others(&ME, later + AFTERMATH, Era::Session));
        for id in 3..100 {
            past.given_up(id, whose(1));
        }
        assert!(!past.has_others(&ME, later + AFTERMATH, Era::Session), "all of them are its own");
        assert!(past.has_others(&Identity::Number(3), later + AFTERMATH, Era::Session));
        past.given_up(100, whose(2));
        past.answered_late(100, later);
        assert!(
            past.has_others(&ME, later + AFTERMATH, Era::Session),
            "not all of them are remembered"
        );
    }
}
