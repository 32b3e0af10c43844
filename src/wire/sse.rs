//! Server-sent events (HTML Living Standard, Server-sent events, Interpreting an event stream): a decoder that takes
//! bytes as they come and holds no more of them than it was told, and the way back.

use std::mem::take;
use std::time::Duration;

use memchr::memchr2;

/// The mark that a stream of UTF-8 may begin with.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// One event.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Event {
    /// Its `event` field; empty where it has none, which means `message`.
    pub name: String,
    /// Its data, the lines of several `data` fields joined by line feeds.
    pub data: Vec<u8>,
}

/// An event that is larger than the limit; the stream cannot be read on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an event of more than {limit} bytes")]
pub struct TooLarge {
    /// The most bytes that an event may have.
    pub limit: usize,
}

/// Cuts events out of a stream.
#[derive(Debug)]
pub struct Decoder {
    limit: usize,
    /// The beginning of a line that has not ended yet.
    line: Vec<u8>,
    /// The last byte was a carriage return: a line feed after it belongs to it.
    after_return: bool,
    /// The first line was taken, so that no byte order mark can come.
    begun: bool,
    event: Event,
    /// The event has a `data` field, which may be empty.
    has_data: bool,
    /// The `id` of the event under way, in force once it is complete.
    next_id: Option<String>,
    last_id: Option<String>,
    retry: Option<Duration>,
}

impl Decoder {
    /// A decoder of events of at most `limit` bytes each.
    pub fn new(limit: usize) -> Self {
        Self {
            limit,
            line: Vec::new(),
            after_return: false,
            begun: false,
            event: Event::default(),
            has_data: false,
            next_id: None,
            last_id: None,
            retry: None,
        }
    }

    /// The id of the last complete event that had one, from which the stream can be resumed. One that was set
    /// to nothing is none.
    pub fn last_id(&self) -> Option<&str> {
        self.last_id.as_deref().filter(|id| !id.is_empty())
    }

    /// How long the server wants to be left alone before the stream is opened again.
    pub fn retry(&self) -> Option<Duration> {
        self.retry
    }

    /// Goes on with another stream of bytes: what was begun is dropped, the last id and the wait hold.
    pub fn restart(&mut self) {
        self.line.clear();
        self.event = Event::default();
        self.next_id = None;
        (self.after_return, self.begun, self.has_data) = (false, false, false);
    }

    /// Takes bytes off the front until an event is complete or none are left. What stands in the middle of an
    /// event when the stream ends is no event.
    pub fn next(&mut self, bytes: &mut &[u8]) -> Result<Option<Event>, TooLarge> {
        while !bytes.is_empty() {
            if take(&mut self.after_return) && bytes[0] == b'\n' {
                *bytes = &bytes[1..];
                continue;
            }
            let Some(end) = memchr2(b'\n', b'\r', bytes) else {
                self.check_room(bytes.len())?;
                self.line.extend_from_slice(bytes);
                *bytes = &[];
                break;
            };
            let (head, ending) = bytes.split_at(end);
            self.after_return = ending[0] == b'\r';
            *bytes = &ending[1..];
            self.check_room(head.len())?;
            let complete = if self.line.is_empty() {
                self.take_line(head)
            } else {
                self.line.extend_from_slice(head);
                let mut line = take(&mut self.line);
                let complete = self.take_line(&line);
                line.clear();
                // The room of a long line is not kept for short ones.
                if line.capacity() <= 64 * 1024 {
                    self.line = line;
                }
                complete
            };
            if complete.is_some() {
                return Ok(complete);
            }
        }
        Ok(None)
    }

    fn check_room(&self, more: usize) -> Result<(), TooLarge> {
        let held = self.line.len() + self.event.data.len() + self.event.name.len();
        let fits = held.saturating_add(more) <= self.limit;
        if fits { Ok(()) } else { Err(TooLarge { limit: self.limit }) }
    }

    fn take_line(&mut self, mut line: &[u8]) -> Option<Event> {
        if !self.begun {
            self.begun = true;
            line = line.strip_prefix(BYTE_ORDER_MARK).unwrap_or(line);
        }
        if line.is_empty() {
            return self.complete();
        }
        let (field, value) = match memchr::memchr(b':', line) {
            Some(colon) => (&line[..colon], &line[colon + 1..]),
            None => (line, &[][..]),
        };
        let value = value.strip_prefix(b" ").unwrap_or(value);
        let text = || String::from_utf8_lossy(value).into_owned();
        match field {
            b"data" => {
                if self.has_data {
                    self.event.data.push(b'\n');
                }
                self.has_data = true;
                self.event.data.extend_from_slice(value);
            }
            b"event" => self.event.name = text(),
            b"id" if !value.contains(&0) => self.next_id = Some(text()),
            b"retry" if !value.is_empty() && value.iter().all(u8::is_ascii_digit) => {
                self.retry = text().parse().ok().map(Duration::from_millis);
            }
            // A comment, or a field of a later time.
            _ => {}
        }
        None
    }

    fn complete(&mut self) -> Option<Event> {
        if let Some(id) = self.next_id.take() {
            self.last_id = Some(id);
        }
        let event = take(&mut self.event);
        take(&mut self.has_data).then_some(event)
    }
}

/// Appends an event with this id, if it has one, and with the JSON text `data`, on one line whatever line breaks the
/// text has: between the tokens of JSON, where alone they can stand, a blank means the same.
pub fn write_event(buffer: &mut Vec<u8>, id: Option<&str>, data: &[u8]) {
    if let Some(id) = id {
        buffer.extend_from_slice(b"id: ");
        buffer.extend_from_slice(id.as_bytes());
        buffer.push(b'\n');
    }
    buffer.extend_from_slice(b"data: ");
    let start = buffer.len();
    buffer.extend_from_slice(data);
    let mut at = start;
    while let Some(found) = memchr2(b'\n', b'\r', &buffer[at..]) {
        at += found;
        buffer[at] = b' ';
    }
    buffer.extend_from_slice(b"\n\n");
}

/// Appends an event whose data `data` writes, on one line, as messages of ours are. `fields` are lines that stand before
/// it, such as `id: 1\n`.
pub fn write_event_by(buffer: &mut Vec<u8>, fields: &str, data: impl FnOnce(&mut Vec<u8>)) {
    buffer.extend_from_slice(fields.as_bytes());
    buffer.extend_from_slice(b"data: ");
    data(buffer);
    buffer.extend_from_slice(b"\n\n");
}

/// Appends an event without content that says where the stream can be resumed and after what wait (specification of
/// 2025-11-25, Transports, Sending Messages to the Server).
pub fn write_priming(buffer: &mut Vec<u8>, id: &str, retry: Duration) {
    let priming = format!("id: {id}\nretry: {}\ndata:\n\n", retry.as_millis());
    buffer.extend_from_slice(priming.as_bytes());
}

/// Appends a comment, which keeps idle connections open.
pub fn write_comment(buffer: &mut Vec<u8>) {
    buffer.extend_from_slice(b":\n\n");
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Every event as `name=data@id`.
    fn decode<'a>(pieces: impl Iterator<Item = &'a [u8]>, limit: usize) -> Vec<String> {
        let mut decoder = Decoder::new(limit);
        let mut events = Vec::new();
        for mut piece in pieces {
            loop {
                match decoder.next(&mut piece) {
                    Ok(Some(event)) => {
                        let data = String::from_utf8_lossy(&event.data).into_owned();
                        let id = decoder.last_id().unwrap_or("-");
                        events.push(format!("{}={data}@{id}", event.name));
                    }
                    Ok(None) => break,
                    Err(error) => {
                        events.push(error.to_string());
                        return events;
                    }
                }
            }
        }
        events
    }

    fn check(stream: &str, expected: &[&str]) {
        assert_eq!(decode([stream.as_bytes()].into_iter(), 1000), expected, "{stream:?}");
        let bytes = stream.as_bytes().chunks(1);
        assert_eq!(decode(bytes, 1000), expected, "byte by byte: {stream:?}");
    }

    #[test]
    fn events_are_cut_out_of_every_kind_of_lines() {
        check("data: a\n\n", &["=a@-"]);
        check("data: a\r\n\r\n", &["=a@-"]);
        check("data: a\r\rdata:b\r\r", &["=a@-", "=b@-"]);
        check("data: a\r\n\ndata: b\n\r\n", &["=a@-", "=b@-"]);
        check("\u{feff}data: a\n\n", &["=a@-"]);
        check("data: a\n\n\u{feff}data: b\n\n", &["=a@-"]);
        check("data:  a\ndata:b\ndata\n\n", &["= a\nb\n@-"]);
        check("event: endpoint\ndata: /m?x=1:2\n\n", &["endpoint=/m?x=1:2@-"]);
        check(": hello\n\n:\ndata: a\n\n", &["=a@-"]);
        check("event: x\n\ndata: a\n\n", &["=a@-"]);
        check("data: a\n", &[]);
        check("data: a", &[]);
        check("daten: a\nDATA: b\n\n", &[]);
        check("\n\n\r\n", &[]);
    }

    #[test]
    fn ids_hold_until_the_next_one() {
        check("id: 1\ndata:\n\n", &["=@1"]);
        check("id: 1\n\ndata: a\n\n", &["=a@1"]);
        check("id: 1\ndata: a\n\ndata: b\n\nid\ndata: c\n\n", &["=a@1", "=b@1", "=c@-"]);
        check("id: a\0b\ndata: a\n\n", &["=a@-"]);
        check("data: a\n\nid: 7\n", &["=a@-"]);
    }

    #[test]
    fn the_wait_is_a_number_of_milliseconds() {
        for (stream, expected) in [
            ("retry: 1500\n", Some(1500)),
            ("retry: 1500\nretry: x\nretry: -1\nretry:\n", Some(1500)),
            ("retry: 99999999999999999999\n", None),
            ("data: a\n\n", None),
        ] {
            let mut decoder = Decoder::new(100);
            let mut bytes = stream.as_bytes();
            while let Ok(Some(_)) = decoder.next(&mut bytes) {}
            let found = decoder.retry().map(|wait| wait.as_millis());
            assert_eq!(found, expected, "{stream:?}");
        }
    }

    #[test]
    fn nothing_larger_than_the_limit_is_held() {
        let fits = |stream: &str| decode(stream.as_bytes().chunks(3), 20);
        assert_eq!(fits("data: 12345678901234\n\n"), ["=12345678901234@-"]);
        assert_eq!(fits("data: 123456789012345678901234"), ["an event of more than 20 bytes"]);
        let lines = "data: 12345\n".repeat(4);
        assert_eq!(fits(&lines), ["an event of more than 20 bytes"]);
        let comments = ": 123456789\n".repeat(100);
        assert_eq!(fits(&comments), [""; 0]);
    }

    #[test]
    fn an_event_is_written_on_one_line() {
        let check = |id, data: &str, expected: &str, read: &str| {
            let mut buffer = Vec::new();
            write_event(&mut buffer, id, data.as_bytes());
            assert_eq!(String::from_utf8_lossy(&buffer), expected);
            assert_eq!(decode([&buffer[..]].into_iter(), 1000), [read]);
        };
        check(None, "{}", "data: {}\n\n", "={}@-");
        check(Some("4"), "{\n \"a\":\r\n1}", "id: 4\ndata: {  \"a\":  1}\n\n", "={  \"a\":  1}@4");
        let mut buffer = Vec::new();
        write_comment(&mut buffer);
        write_priming(&mut buffer, "p", Duration::from_secs(1));
        assert_eq!(decode([&buffer[..]].into_iter(), 1000), ["=@p"]);
    }

    proptest! {
        #[test]
        fn however_the_bytes_are_split_the_events_are_the_same(
            stream in "(data|id|event|retry|:|x|:? ?[a-c]|\r|\n|\r\n|\u{feff}){0,60}",
            cuts in proptest::collection::vec(1_usize..7, 0..60),
        ) {
            let bytes = stream.as_bytes();
            let whole = decode([bytes].into_iter(), 40);
            let mut rest = bytes;
            let mut pieces = Vec::new();
            for cut in cuts {
                let (piece, after) = rest.split_at(cut.min(rest.len()));
                pieces.push(piece);
                rest = after;
            }
            pieces.push(rest);
            prop_assert_eq!(decode(pieces.into_iter(), 40), whole);
        }
    }
}
