//! The event streams of one session over HTTP, with what was last sent on each, so that a client that lost its
//! connection gets the rest of a stream (specification, Transports, Resumability and Redelivery).
//!
//! A stream that nobody reads goes on in what is kept; what is kept is bounded, and the oldest goes first.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::budget::Budget;
use super::track::{Track, UnknownEvent};
use crate::protocol::{jsonrpc, method};
use crate::wire::{Closed, Outbox, Reader};

/// The stream for what belongs to no request.
pub(super) const STANDING: u64 = 0;
/// Bytes that may wait for one client that does not read.
pub(super) const MAX_WAITING: usize = 1024 * 1024;
/// Bytes that are kept for one session.
const MAX_KEPT: usize = 1024 * 1024;
/// Changes that a client is told of when it begins to listen, if it did not when they happened: whatever they were, it
/// asks for the whole list, so that once is enough for each.
const CHANGES: [&str; 3] =
    [method::TOOLS_LIST_CHANGED, method::PROMPTS_LIST_CHANGED, method::RESOURCES_LIST_CHANGED];
/// The streams of one session.
#[derive(Debug)]
pub(super) struct Archive {
    state: Mutex<State>,
    budget: Budget,
}

#[derive(Debug, Default)]
struct State {
    /// Whether the client understands an event without data, which gives it an id to come back with (from revision
    /// 2025-11-25 on).
    primes: bool,
    tracks: BTreeMap<u64, Track>,
    last: u64,
    bytes: usize,
    /// Which of [`CHANGES`] nobody has heard of.
    missed: [bool; CHANGES.len()],
    closed: bool,
}

impl Archive {
    pub(super) fn new(budget: Budget) -> Self {
        Self { state: Mutex::default(), budget }
    }

    /// From now on, streams begin with an event that has no data.
    pub(super) fn prime(&self) {
        self.lock().primes = true;
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Opens a stream for one POST.
    pub(super) fn open(&self) -> (u64, Outbox, Reader) {
        let (outbox, reader) = Outbox::read(MAX_WAITING);
        let mut state = self.lock();
        state.last += 1;
        let track = state.last;
        state.attach(track, &outbox);
        (track, outbox, reader)
    }

    /// Opens the stream for what belongs to no request. It has one reader: the last one that comes.
    pub(super) fn open_standing(&self) -> (Outbox, Reader) {
        let (outbox, reader) = Outbox::read(MAX_WAITING);
        let mut state = self.lock();
        state.attach(STANDING, &outbox);
        self.tell_missed(&mut state);
        (outbox, reader)
    }

    /// Goes on with the stream of the event that the client has seen last.
    pub(super) fn resume(&self, last_seen: &str) -> Result<(u64, Outbox, Reader), UnknownEvent> {
        let (number, seen) = last_seen.split_once('-').ok_or(UnknownEvent)?;
        let number: u64 = number.parse().map_err(|_| UnknownEvent)?;
        let seen: u64 = seen.parse().map_err(|_| UnknownEvent)?;
        let mut state = self.lock();
        let track = state.tracks.get_mut(&number).ok_or(UnknownEvent)?;
        let (outbox, reader) = Outbox::read(MAX_WAITING);
        track.resume(seen, &outbox)?;
        if number == STANDING {
            self.tell_missed(&mut state);
        }
        Ok((number, outbox, reader))
    }

    /// The reader of a stream is gone, unless another one has come meanwhile. Whether one can come: nobody has the id of
    /// an event of a stream that has said nothing.
    pub(super) fn detach(&self, number: u64, outbox: &Outbox) -> bool {
        self.lock().tracks.get_mut(&number).is_some_and(|track| track.detach(outbox))
    }

    /// The stream has nothing more to say.
    pub(super) fn end(&self, number: u64) {
        if let Some(track) = self.lock().tracks.get_mut(&number) {
            track.end();
        }
    }

    /// Ends the connection of the stream that belongs to no request; a client may come back to it.
    pub(super) fn end_standing(&self) {
        if let Some(track) = self.lock().tracks.get_mut(&STANDING) {
            track.let_go();
        }
    }

    /// Ends all streams for good.
    pub(super) fn close(&self) {
        let mut state = self.lock();
        state.closed = true;
        let tracks = std::mem::take(&mut state.tracks);
        self.budget.give_back(std::mem::take(&mut state.bytes));
        drop(state);
        for mut track in tracks.into_values() {
            track.let_go();
        }
    }

    /// Whether somebody reads what belongs to no request.
    pub(super) fn is_heard(&self) -> bool {
        self.lock().tracks.values().any(Track::is_heard)
    }

    /// Forgets streams that ended a while ago.
    pub(super) fn tidy(&self) {
        let mut state = self.lock();
        let mut freed = 0;
        state.tracks.retain(|_, track| {
            let old = track.is_old();
            if old {
                freed += track.size();
            }
            !old
        });
        state.bytes -= freed;
        self.budget.give_back(freed);
    }

    /// Waits until the reader of the stream has room; a stream without one always has.
    pub(super) async fn room(&self, number: u64) -> Result<(), Closed> {
        let live = {
            let state = self.lock();
            let track = state.tracks.get(&number).ok_or(Closed)?;
            track.live().cloned()
        };
        match live {
            // If the reader goes meanwhile, the stream goes on without one.
            Some(live) if !live.has_room() => live.room().await.or(Ok(())),
            _ => Ok(()),
        }
    }

    /// Sends a notification that belongs to no request, as [`Self::try_push`] does. A change that nobody hears of now
    /// waits for the client to listen.
    pub(super) fn tell(&self, method: &str, params: &str) -> Result<bool, Closed> {
        let mut state = self.lock();
        let live = state.tracks.get(&STANDING).and_then(Track::live);
        let is_heard = live.is_some_and(|live| live.has_room() && !live.is_closed());
        if is_heard {
            self.tell_missed(&mut state);
        } else if let Some(change) = CHANGES.iter().position(|change| *change == method) {
            state.missed[change] = true;
            return Ok(true);
        }
        drop(state);
        self.try_push(STANDING, |to| jsonrpc::write_notification(to, method, params))
    }

    fn tell_missed(&self, state: &mut State) {
        for (change, missed) in CHANGES.iter().zip(std::mem::take(&mut state.missed)) {
            if missed {
                self.append(state, STANDING, |to| jsonrpc::write_notification(to, change, "{}"));
            }
        }
    }

    /// Sends an event if there is room; `Ok(false)` says that there was none.
    pub(super) fn try_push(
        &self,
        number: u64,
        data: impl FnOnce(&mut Vec<u8>),
    ) -> Result<bool, Closed> {
        let mut state = self.lock();
        let track = state.tracks.get(&number).ok_or(Closed)?;
        if track.live().is_some_and(|live| !live.has_room()) {
            return Ok(false);
        }
        self.append(&mut state, number, data);
        Ok(true)
    }

    /// Sends an event, room or not.
    pub(super) fn push(&self, number: u64, data: impl FnOnce(&mut Vec<u8>)) -> Result<(), Closed> {
        let mut state = self.lock();
        if !state.tracks.contains_key(&number) {
            return Err(Closed);
        }
        self.append(&mut state, number, data);
        Ok(())
    }

    fn append(&self, state: &mut State, number: u64, data: impl FnOnce(&mut Vec<u8>)) {
        let Some(track) = state.tracks.get_mut(&number) else { return };
        let event = track.send(number, data);
        let length = event.text.len();
        if length > MAX_KEPT {
            return track.lose(&event);
        }
        // What is new takes the place of what is old, of this session only.
        while state.bytes + length > MAX_KEPT || !self.budget.take(length) {
            if state.bytes == 0 {
                if let Some(track) = state.tracks.get_mut(&number) {
                    track.lose(&event);
                }
                return;
            }
            let freed = state.drop_oldest();
            state.bytes -= freed;
            self.budget.give_back(freed);
        }
        let Some(track) = state.tracks.get_mut(&number) else {
            return self.budget.give_back(length);
        };
        track.keep(event);
        state.bytes += length;
    }
}

impl Drop for Archive {
    fn drop(&mut self) {
        self.close();
    }
}

impl State {
    fn attach(&mut self, number: u64, outbox: &Outbox) {
        if self.closed {
            return outbox.close();
        }
        let track = self.tracks.entry(number).or_default();
        track.attach(outbox);
        if self.primes {
            track.prime(number, outbox);
        }
    }

    /// Drops one event, of a stream that has ended if there is one; its length.
    fn drop_oldest(&mut self) -> usize {
        let ended = self.tracks.iter().find(|(_, track)| track.has_ended());
        let any = || self.tracks.iter().find(|(_, track)| track.size() > 0);
        let Some(number) = ended.or_else(any).map(|(number, _)| *number) else { return 0 };
        let Some(track) = self.tracks.get_mut(&number) else { return 0 };
        let freed = track.drop_oldest();
        if track.has_ended() && track.size() == 0 {
            self.tracks.remove(&number);
        }
        freed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::downstream::budget::MAX_KEPT_IN_ALL;

    fn push(archive: &Archive, track: u64, text: &str) {
        archive.push(track, |to| to.extend_from_slice(text.as_bytes())).expect("it is open");
    }

    async fn read(reader: &mut Reader) -> String {
        String::from_utf8(reader.next().await.unwrap_or_default()).expect("text")
    }

    #[tokio::test]
    async fn a_stream_goes_on_without_a_reader_and_with_another_one() {
        let archive = Archive::new(Budget::default());
        let (track, outbox, mut reader) = archive.open();
        push(&archive, track, "a");
        assert_eq!(read(&mut reader).await, "id: 1-1\ndata: a\n\n");
        drop(reader);
        assert!(archive.detach(track, &outbox));
        push(&archive, track, "b");
        assert_eq!(archive.room(track).await, Ok(()));
        let (_, resumed, mut reader) = archive.resume("1-1").expect("it is known");
        // The first connection is seen to have ended only now.
        archive.detach(track, &outbox);
        push(&archive, track, "c");
        archive.end(track);
        assert_eq!(read(&mut reader).await, "id: 1-2\ndata: b\n\nid: 1-3\ndata: c\n\n");
        assert_eq!(reader.next().await, None);
        archive.detach(track, &resumed);
        let (_, _, mut reader) = archive.resume("1-3").expect("it is known");
        assert_eq!(reader.next().await, None);
        assert!(archive.push(7, |_| ()).is_err());
    }

    #[tokio::test]
    async fn changes_wait_for_the_client_to_listen_and_are_told_once() {
        let archive = Archive::new(Budget::default());
        let changed = |what: &str| {
            let method = format!("notifications/{what}/list_changed");
            archive.tell(&method, "{}").expect("it is open");
        };
        changed("tools");
        changed("resources");
        changed("tools");
        assert_eq!(archive.tell("notifications/message", "{}"), Err(Closed), "nobody listens");
        let (outbox, mut reader) = archive.open_standing();
        let heard = read(&mut reader).await;
        let methods: Vec<_> = heard.split("notifications/").skip(1).collect();
        assert_eq!(methods.len(), 2, "{heard}");
        assert!(
            methods[0].starts_with("tools/") && methods[1].starts_with("resources/"),
            "{heard}"
        );
        changed("tools");
        assert!(read(&mut reader).await.starts_with("id: 0-3\ndata: {"));

        // It goes and comes back, with the id of the last event or without one.
        drop(reader);
        changed("prompts");
        changed("prompts");
        archive.detach(STANDING, &outbox);
        let (_, _, mut reader) = archive.resume("0-3").expect("it is known");
        let heard = read(&mut reader).await;
        assert!(heard.contains("prompts/") && heard.matches("data:").count() == 1, "{heard}");
        let (_, mut reader) = archive.open_standing();
        changed("tools");
        assert!(read(&mut reader).await.starts_with("id: 0-5\n"), "nothing is told twice");
    }

    #[test]
    fn nobody_comes_back_to_a_stream_that_has_said_nothing() {
        let archive = Archive::new(Budget::default());
        let (track, outbox, _reader) = archive.open();
        assert!(!archive.detach(track, &outbox));
        archive.prime();
        let (track, outbox, _reader) = archive.open();
        assert!(archive.detach(track, &outbox));
    }

    #[test]
    fn only_events_that_were_sent_are_known() {
        let archive = Archive::new(Budget::default());
        let (track, _outbox, _reader) = archive.open();
        push(&archive, track, "a");
        for (last, known) in [
            ("1-1", true),
            ("1-0", true),
            ("1-2", false),
            ("2-1", false),
            ("1", false),
            ("", false),
        ] {
            assert_eq!(archive.resume(last).is_ok(), known, "{last}");
        }
    }

    #[test]
    fn what_is_kept_is_bounded_and_given_back() {
        let budget = Budget::default();
        let archive = Archive::new(budget.clone());
        let (ended, _, _reader) = archive.open();
        push(&archive, ended, "old");
        archive.end(ended);
        let (track, _, _reader) = archive.open();
        let text = "x".repeat(MAX_KEPT / 8);
        for _ in 0..20 {
            push(&archive, track, &text);
        }
        let kept = budget.taken();
        assert!(kept <= MAX_KEPT && kept > MAX_KEPT / 2, "{kept}");
        assert_eq!(archive.resume("1-0").err(), Some(UnknownEvent), "the oldest goes first");
        push(&archive, track, &"x".repeat(2 * MAX_KEPT));
        assert_eq!(budget.taken(), kept, "too large to be kept");
        archive.close();
        assert_eq!(budget.taken(), 0);
    }

    #[test]
    fn nobody_goes_on_over_a_gap() {
        let budget = Budget::default();
        let archive = Archive::new(budget.clone());
        let (track, _outbox, _reader) = archive.open();
        let check = |seen: &str, known| {
            assert_eq!(archive.resume(seen).is_ok(), known, "{seen}");
        };
        push(&archive, track, "a");
        check("1-0", true);
        push(&archive, track, &"x".repeat(2 * MAX_KEPT));
        push(&archive, track, "c");
        check("1-1", false);
        check("1-2", true);
        for _ in 0..9 {
            push(&archive, track, &"x".repeat(MAX_KEPT / 8));
        }
        check("1-3", false);
        check("1-12", true);

        // Others have taken the rest of what all may keep: own events make room.
        assert!(budget.take(MAX_KEPT_IN_ALL - budget.taken()));
        push(&archive, track, &"x".repeat(MAX_KEPT / 16));
        check("1-12", true);
        check("1-4", false);
        let kept = MAX_KEPT_IN_ALL - budget.taken();
        assert!(kept < MAX_KEPT / 8, "{kept}");
    }
}
