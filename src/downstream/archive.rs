//! The event streams of one session over HTTP, with what was last sent on each, so that a client that lost its
//! connection gets the rest of a stream (specification, Transports, Resumability and Redelivery).
//!
//! A stream that nobody reads goes on in what is kept; what is kept is bounded, and the oldest goes first.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::protocol::{jsonrpc, method};
use crate::wire::sse::{write_event_by, write_priming};
use crate::wire::{Closed, Outbox, Reader, Urgency};

/// The stream for what belongs to no request.
pub(super) const STANDING: u64 = 0;
/// Bytes that may wait for one client that does not read.
pub(super) const MAX_WAITING: usize = 1024 * 1024;
/// Bytes that are kept for one session.
const MAX_KEPT: usize = 1024 * 1024;
/// Bytes that are kept for all sessions.
const MAX_KEPT_IN_ALL: usize = 64 * 1024 * 1024;
/// A stream that has ended can be asked for so long.
const KEPT_AFTER_END: Duration = Duration::from_mins(1);
/// Changes that a client is told of when it begins to listen, if it did not when they happened: whatever they were, it
/// asks for the whole list, so that once is enough for each.
const CHANGES: [&str; 3] =
    [method::TOOLS_LIST_CHANGED, method::PROMPTS_LIST_CHANGED, method::RESOURCES_LIST_CHANGED];
/// When a client comes back to a stream that broke.
const RETRY: Duration = Duration::from_secs(1);

/// Bytes that all sessions keep together.
#[derive(Debug, Clone, Default)]
pub(super) struct Budget(Arc<AtomicUsize>);

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

/// One stream.
#[derive(Debug, Default)]
struct Track {
    /// Where it goes at present.
    live: Option<Outbox>,
    last: u64,
    kept: VecDeque<Event>,
    /// The last event that is not kept any more, or never was: whoever has not seen it cannot go on without a gap.
    lost: u64,
    ended: Option<Instant>,
}

#[derive(Debug)]
struct Event {
    number: u64,
    text: Box<[u8]>,
}

/// The client names an event of no stream that is still known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("`Last-Event-ID` names no event of a stream that is still known")]
pub(super) struct UnknownEvent;

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
        if seen > track.last || seen < track.lost {
            return Err(UnknownEvent);
        }
        let (outbox, reader) = Outbox::read(MAX_WAITING);
        if let Some(former) = track.live.replace(outbox.clone()) {
            former.close();
        }
        for event in track.kept.iter().filter(|event| event.number > seen) {
            let _ = outbox.push(Urgency::Gather, |to| to.extend_from_slice(&event.text));
        }
        if track.ended.is_some() {
            outbox.close();
        }
        if number == STANDING {
            self.tell_missed(&mut state);
        }
        Ok((number, outbox, reader))
    }

    /// The reader of a stream is gone, unless another one has come meanwhile. Whether one can come: nobody has the id of
    /// an event of a stream that has said nothing.
    pub(super) fn detach(&self, number: u64, outbox: &Outbox) -> bool {
        let mut state = self.lock();
        let Some(track) = state.tracks.get_mut(&number) else { return false };
        if track.live.as_ref().is_some_and(|live| live.is(outbox)) {
            track.live = None;
        }
        track.live.is_some() || track.last > 0
    }

    /// The stream has nothing more to say.
    pub(super) fn end(&self, number: u64) {
        if let Some(track) = self.lock().tracks.get_mut(&number) {
            track.ended = Some(Instant::now());
            if let Some(live) = &track.live {
                live.close();
            }
        }
    }

    /// Ends the connection of the stream that belongs to no request; a client may come back to it.
    pub(super) fn end_standing(&self) {
        if let Some(live) = self.lock().tracks.get_mut(&STANDING).and_then(|it| it.live.take()) {
            live.close();
        }
    }

    /// Ends all streams for good.
    pub(super) fn close(&self) {
        let mut state = self.lock();
        state.closed = true;
        let tracks = std::mem::take(&mut state.tracks);
        self.budget.give_back(std::mem::take(&mut state.bytes));
        drop(state);
        for live in tracks.into_values().filter_map(|track| track.live) {
            live.close();
        }
    }

    /// Whether somebody reads what belongs to no request.
    pub(super) fn is_heard(&self) -> bool {
        self.lock().tracks.values().any(|track| {
            track.ended.is_none() && track.live.as_ref().is_some_and(|live| !live.is_closed())
        })
    }

    /// Forgets streams that ended a while ago.
    pub(super) fn tidy(&self) {
        let mut state = self.lock();
        let mut freed = 0;
        state.tracks.retain(|_, track| {
            let old = track.ended.is_some_and(|ended| ended.elapsed() > KEPT_AFTER_END);
            if old {
                freed += track.kept.iter().map(|event| event.text.len()).sum::<usize>();
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
            track.live.clone()
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
        let live = state.tracks.get(&STANDING).and_then(|track| track.live.as_ref());
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
        if track.live.as_ref().is_some_and(|live| !live.has_room()) {
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
        track.last += 1;
        let mut text = Vec::new();
        write_event_by(&mut text, &format!("id: {number}-{}\n", track.last), data);
        if let Some(live) = &track.live {
            // Its reader may go at this moment; the event is kept for the next one.
            let _ = live.push(Urgency::Gather, |to| to.extend_from_slice(&text));
        }
        let event = Event { number: track.last, text: text.into() };
        let length = event.text.len();
        if length > MAX_KEPT {
            track.lost = event.number;
            return;
        }
        // What is new takes the place of what is old, of this session only.
        while state.bytes + length > MAX_KEPT || !self.budget.take(length) {
            if state.bytes == 0 {
                if let Some(track) = state.tracks.get_mut(&number) {
                    track.lost = event.number;
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
        track.kept.push_back(event);
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
        if let Some(former) = track.live.replace(outbox.clone()) {
            former.close();
        }
        if self.primes {
            track.last += 1;
            let id = format!("{number}-{}", track.last);
            let _ = outbox.push(Urgency::Gather, |to| write_priming(to, &id, RETRY));
        }
    }

    /// Drops one event, of a stream that has ended if there is one; its length.
    fn drop_oldest(&mut self) -> usize {
        let ended = self.tracks.iter().find(|(_, track)| track.ended.is_some());
        let any = || self.tracks.iter().find(|(_, track)| !track.kept.is_empty());
        let Some(number) = ended.or_else(any).map(|(number, _)| *number) else { return 0 };
        let Some(track) = self.tracks.get_mut(&number) else { return 0 };
        let oldest = track.kept.pop_front();
        track.lost = oldest.as_ref().map_or(track.lost, |event| track.lost.max(event.number));
        let freed = oldest.map_or(0, |event| event.text.len());
        if track.ended.is_some() && track.kept.is_empty() {
            self.tracks.remove(&number);
        }
        freed
    }
}

impl Budget {
    fn take(&self, bytes: usize) -> bool {
        let taken = self.0.fetch_add(bytes, Ordering::Relaxed) + bytes;
        if taken > MAX_KEPT_IN_ALL {
            self.give_back(bytes);
        }
        taken <= MAX_KEPT_IN_ALL
    }

    fn give_back(&self, bytes: usize) {
        self.0.fetch_sub(bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
        let kept = budget.0.load(Ordering::Relaxed);
        assert!(kept <= MAX_KEPT && kept > MAX_KEPT / 2, "{kept}");
        assert_eq!(archive.resume("1-0").err(), Some(UnknownEvent), "the oldest goes first");
        push(&archive, track, &"x".repeat(2 * MAX_KEPT));
        assert_eq!(budget.0.load(Ordering::Relaxed), kept, "too large to be kept");
        archive.close();
        assert_eq!(budget.0.load(Ordering::Relaxed), 0);
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
        assert!(budget.take(MAX_KEPT_IN_ALL - budget.0.load(Ordering::Relaxed)));
        push(&archive, track, &"x".repeat(MAX_KEPT / 16));
        check("1-12", true);
        check("1-4", false);
        let kept = MAX_KEPT_IN_ALL - budget.0.load(Ordering::Relaxed);
        assert!(kept < MAX_KEPT / 8, "{kept}");
    }

    #[test]
    fn all_sessions_together_are_bounded() {
        let budget = Budget::default();
        assert!(budget.take(MAX_KEPT_IN_ALL));
        assert!(!budget.take(1));
        budget.give_back(MAX_KEPT_IN_ALL);
        assert!(budget.take(1));
    }
}
