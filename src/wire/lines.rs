//! Cutting messages out of a stream of bytes.
//!
//! Every frame says by its first bytes what it is: `{` or `[` opens a line of JSON (specification, Transports,
//! stdio), `Content-Length:` a header block as the Language Server Protocol has it, anything else is a line that
//! somebody printed by mistake. So nothing has to be guessed or waited for, and a stray line costs only itself.

use std::cell::Cell;
use std::future::poll_fn;
use std::io;
use std::pin::pin;

use memchr::memchr;
use tokio::io::{AsyncRead, AsyncReadExt};

use super::buffer::Thrift;

/// Room that is asked for before each read; a large message doubles it as it comes in.
const READ_ROOM: usize = 16 * 1024;
/// No larger room is shared.
const SHARED: usize = 4 * READ_ROOM;
/// How much of either end of an oversized message is kept to tell whose it was.
const EXCERPT: usize = 1024;
/// A message that is announced to be larger than this is nonsense; waiting for it would be for ever.
const MAX_ANNOUNCED: usize = 1 << 30;
/// A header block of `Content-Length` framing is not longer.
const MAX_HEADERS: usize = 8 * 1024;

thread_local! {
    /// The room of a stream that has nothing to read, for the next one that has.
    static SPARE: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// What the next bytes of a stream are.
#[derive(Debug, PartialEq, Eq)]
pub enum Frame<'a> {
    /// One message, on a line of its own.
    Line(&'a [u8]),
    /// One message, announced by `Content-Length`.
    Sized(&'a [u8]),
    /// A line that is no message.
    Junk(&'a [u8]),
    /// A message larger than the limit, dropped but for its ends.
    Oversized {
        /// Its first bytes.
        head: &'a [u8],
        /// Its last bytes.
        tail: &'a [u8],
        /// Its length in bytes.
        length: usize,
    },
}

impl Frame<'_> {
    /// How much there is to look at, in bytes.
    pub fn weight(&self) -> usize {
        match self {
            Frame::Line(bytes) | Frame::Sized(bytes) | Frame::Junk(bytes) => bytes.len(),
            Frame::Oversized { head, tail, .. } => head.len() + tail.len(),
        }
    }
}

/// Collects bytes and hands out frames.
#[derive(Debug)]
pub struct Decoder {
    buffer: Vec<u8>,
    thrift: Thrift,
    start: usize,
    /// No line end lies before this offset.
    searched: usize,
    limit: usize,
    oversized: Option<Oversized>,
    headers_allowed: bool,
}

#[derive(Debug)]
struct Oversized {
    head: Vec<u8>,
    tail: Vec<u8>,
    length: usize,
    /// Bytes still to come, where `Content-Length` announced them; a line ends where it ends.
    announced: Option<usize>,
    done: bool,
}

enum Header {
    Incomplete,
    Broken,
    Complete { body: usize, length: usize },
}

impl Decoder {
    /// A decoder for lines only, as our own clients must write them. `limit` is in bytes per message.
    pub fn of_lines(limit: usize) -> Self {
        Self {
            buffer: Vec::new(),
            thrift: Thrift::default(),
            start: 0,
            searched: 0,
            limit,
            oversized: None,
            headers_allowed: false,
        }
    }

    /// A decoder that recognises `Content-Length` framing as well.
    pub fn of_either(limit: usize) -> Self {
        Self { headers_allowed: true, ..Self::of_lines(limit) }
    }

    /// Bytes that were read and not handed out.
    pub fn waiting(&self) -> usize {
        self.buffer.len() - self.start
    }

    /// Reads once; `0` means that the stream has ended. Cancel safe. Most streams are silent most of the time, and share
    /// their room then.
    pub async fn fill(&mut self, reader: &mut (impl AsyncRead + Unpin)) -> io::Result<usize> {
        self.move_up();
        poll_fn(|context| {
            self.make_room();
            let read = pin!(reader.read_buf(&mut self.buffer)).poll(context);
            if read.is_pending() && self.buffer.is_empty() && self.buffer.capacity() <= SHARED {
                SPARE.set(std::mem::take(&mut self.buffer));
            }
            read
        })
        .await
    }

    /// Forgets what was handed out.
    fn move_up(&mut self) {
        if self.start == self.buffer.len() {
            self.thrift.empty(&mut self.buffer, self.start);
            (self.start, self.searched) = (0, 0);
        } else if self.start > 0 && self.buffer.capacity() - self.buffer.len() < READ_ROOM {
            self.buffer.drain(..self.start);
            self.searched = self.searched.saturating_sub(self.start);
            self.start = 0;
        }
    }

    fn make_room(&mut self) {
        if self.buffer.capacity() == 0 {
            self.buffer = SPARE.take();
        }
        self.buffer.reserve(READ_ROOM);
    }

    /// The next frame, if it is complete.
    pub fn frame(&mut self) -> Option<Frame<'_>> {
        // What was handed out is dropped; behind it, there may be more.
        self.oversized.take_if(|skipped| skipped.done);
        loop {
            if self.oversized.is_some() {
                if !self.skip_oversized() {
                    return None;
                }
                return self.oversized.as_ref().map(|skipped| Frame::Oversized {
                    head: &skipped.head,
                    tail: &skipped.tail,
                    length: skipped.length,
                });
            }
            self.skip_blank();
            if self.start == self.buffer.len() {
                return None;
            }
            if self.headers_allowed && self.at_header() {
                match self.header() {
                    Header::Incomplete => return None,
                    Header::Complete { body, length } if length > self.limit => {
                        self.start = body;
                        self.begin_oversized(Some(length));
                        continue;
                    }
                    Header::Complete { body, length } => {
                        if self.buffer.len() < body + length {
                            return None;
                        }
                        self.start = body + length;
                        self.searched = self.start;
                        return Some(Frame::Sized(&self.buffer[body..self.start]));
                    }
                    Header::Broken => {}
                }
            }
            let from = self.searched.max(self.start);
            let Some(end) = memchr(b'\n', &self.buffer[from..]).map(|found| from + found) else {
                self.searched = self.buffer.len();
                if self.buffer.len() - self.start > self.limit {
                    self.begin_oversized(None);
                    continue;
                }
                return None;
            };
            if end - self.start > self.limit {
                self.begin_oversized(None);
                continue;
            }
            let line = self.start..end;
            self.start = end + 1;
            self.searched = self.start;
            return Some(classify(self.buffer[line].trim_ascii_end()));
        }
    }

    /// What is left when the stream has ended: a last line without its end.
    pub fn finish(&mut self) -> Option<Frame<'_>> {
        self.skip_blank();
        if self.oversized.is_some() || self.start == self.buffer.len() {
            return None;
        }
        let rest = std::mem::replace(&mut self.start, self.buffer.len());
        Some(classify(self.buffer[rest..].trim_ascii_end()))
    }

    fn skip_blank(&mut self) {
        loop {
            let rest = &self.buffer[self.start..];
            let blank = rest.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
            self.start += blank;
            // A byte order mark at the head of a stream is no part of the first message.
            if !self.buffer[self.start..].starts_with(b"\xef\xbb\xbf") {
                return;
            }
            self.start += 3;
        }
    }

    /// Whether a header block begins here, or may begin once more bytes are in.
    fn at_header(&self) -> bool {
        const NAMES: [&[u8]; 2] = [b"content-length:", b"content-type:"];
        let rest = &self.buffer[self.start..];
        // Hardly any message is announced by a header.
        matches!(rest, [b'c' | b'C', ..])
            && NAMES.iter().any(|name| {
                let length = rest.len().min(name.len());
                rest[..length].eq_ignore_ascii_case(&name[..length])
            })
    }

    fn header(&self) -> Header {
        let rest = &self.buffer[self.start..];
        let mut length = None;
        let mut at = 0;
        while let Some(end) = memchr(b'\n', &rest[at..]).map(|found| at + found) {
            let line = rest[at..end].trim_ascii();
            at = end + 1;
            if line.is_empty() {
                return match length {
                    Some(length) => Header::Complete { body: self.start + at, length },
                    None => Header::Broken,
                };
            }
            let Some(colon) = memchr(b':', line) else {
                return Header::Broken;
            };
            if line[..colon].trim_ascii().eq_ignore_ascii_case(b"content-length") {
                let digits = std::str::from_utf8(line[colon + 1..].trim_ascii()).unwrap_or("");
                let Ok(number) = digits.parse() else {
                    return Header::Broken;
                };
                if number > MAX_ANNOUNCED {
                    return Header::Broken;
                }
                length = Some(number);
            }
        }
        if rest.len() > MAX_HEADERS { Header::Broken } else { Header::Incomplete }
    }

    fn begin_oversized(&mut self, announced: Option<usize>) {
        let (head, tail) = (Vec::new(), Vec::new());
        self.oversized = Some(Oversized { head, tail, length: 0, announced, done: false });
    }

    /// Swallows what has come in of an oversized message; true once its end is there.
    fn skip_oversized(&mut self) -> bool {
        let Some(skipped) = self.oversized.as_mut() else {
            return false;
        };
        let rest = &self.buffer[self.start..];
        let (taken, separator) = match skipped.announced {
            Some(announced) => {
                let taken = rest.len().min(announced - skipped.length);
                skipped.done = skipped.length + taken == announced;
                (taken, 0)
            }
            None => match memchr(b'\n', rest) {
                Some(end) => {
                    skipped.done = true;
                    (end, 1)
                }
                None => (rest.len(), 0),
            },
        };
        let bytes = &rest[..taken];
        let wanted = EXCERPT.saturating_sub(skipped.head.len()).min(taken);
        skipped.head.extend_from_slice(&bytes[..wanted]);
        skipped.tail.extend_from_slice(&bytes[taken.saturating_sub(EXCERPT)..]);
        let surplus = skipped.tail.len().saturating_sub(EXCERPT);
        skipped.tail.drain(..surplus);
        skipped.length += taken;
        self.start += taken + separator;
        self.searched = self.start;
        skipped.done
    }
}

fn classify(line: &[u8]) -> Frame<'_> {
    match line.first() {
        Some(b'{' | b'[') => Frame::Line(line),
        _ => Frame::Junk(line),
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;
    use tokio::io::AsyncWriteExt;

    use super::*;

    fn describe(frame: &Frame<'_>) -> String {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        match frame {
            Frame::Line(bytes) => format!("line {}", text(bytes)),
            Frame::Sized(bytes) => format!("sized {}", text(bytes)),
            Frame::Junk(bytes) => format!("junk {}", text(bytes)),
            Frame::Oversized { head, tail, length } => {
                format!("oversized {length} {} {}", &text(head)[..2], text(&tail[tail.len() - 2..]))
            }
        }
    }

    /// Feeds `input` in pieces of `step` bytes and describes the frames that come out.
    async fn frames(mut decoder: Decoder, input: &[u8], step: usize) -> Vec<String> {
        let mut found = Vec::new();
        for piece in input.chunks(step) {
            let mut piece = piece;
            while !piece.is_empty() {
                decoder.fill(&mut piece).await.expect("a slice reads");
                while let Some(frame) = decoder.frame() {
                    found.push(describe(&frame));
                }
            }
        }
        found.extend(decoder.finish().as_ref().map(describe));
        found
    }

    async fn check(input: &str, expected: &[&str]) {
        for step in [1, 3, 7, 10_000] {
            let found = frames(Decoder::of_either(40), input.as_bytes(), step).await;
            assert_eq!(found, expected, "{input:?} in steps of {step}");
        }
    }

    #[tokio::test]
    async fn frames_are_told_apart_by_their_first_bytes() {
        check("{\"a\":1}\n{\"b\":2}\r\n\n[3]\n", &["line {\"a\":1}", "line {\"b\":2}", "line [3]"])
            .await;
        check("\u{feff}{}\n", &["line {}"]).await;
        check("\n\u{feff}\r\n\n{}\n", &["line {}"]).await;
        check("Content-Length: 4\r\n\r\n{\"\n}{}\n", &["sized {\"\n}", "line {}"]).await;
        check("content-type: x\r\nCONTENT-LENGTH:2\r\n\r\n{}\r\n{}\n", &["sized {}", "line {}"])
            .await;
        check(
            "Starting up\n{}\nContent is king\n{}",
            &["junk Starting up", "line {}", "junk Content is king", "line {}"],
        )
        .await;
        check("Content-Length: many\r\n\r\n{}\n", &["junk Content-Length: many", "line {}"]).await;
        check("{\"cut", &["line {\"cut"]).await;
    }

    #[tokio::test]
    async fn what_is_too_large_is_dropped_but_for_its_ends() {
        let line = format!("{{a{}z}}\n{{}}\n", "x".repeat(5000));
        check(&line, &["oversized 5004 {a z}", "line {}"]).await;
        let sized = format!("Content-Length: 5004\r\n\r\n{{a{}z}}{{}}\n", "x".repeat(5000));
        check(&sized, &["oversized 5004 {a z}", "line {}"]).await;
        let followed = format!("{{a{}z}}\n{{}}\n[1]\nlast\n", "x".repeat(5000));
        check(&followed, &["oversized 5004 {a z}", "line {}", "line [1]", "junk last"]).await;
        let just_fits = format!("{{{}}}\n", "x".repeat(38));
        check(&just_fits, &[&format!("line {}", just_fits.trim_end())]).await;
    }

    #[tokio::test]
    async fn lines_only_takes_headers_for_junk() {
        let found = frames(Decoder::of_lines(40), b"Content-Length: 2\r\n\r\n{}\n", 100).await;
        assert_eq!(found, ["junk Content-Length: 2", "line {}"]);
    }

    #[tokio::test]
    async fn streams_without_anything_to_read_hold_no_room() {
        let (mut reader, mut writer) = tokio::io::duplex(64);
        let mut decoder = Decoder::of_lines(1000);
        let mut read = async |text: &[u8], is_room_held: bool| {
            writer.write_all(text).await.expect("the reader is there");
            decoder.fill(&mut reader).await.expect("it reads");
            while decoder.frame().is_some() {}
            assert!(decoder.fill(&mut reader).now_or_never().is_none(), "there is no more");
            assert_eq!(decoder.buffer.capacity() > 0, is_room_held);
            decoder.waiting()
        };
        assert_eq!(read(b"{}\n", false).await, 0);
        assert_eq!(read(b"{}\n{\"half", true).await, 6);
        assert_eq!(read(b"\":1}\n", false).await, 0);
    }

    #[tokio::test]
    async fn an_endless_line_holds_no_memory() {
        let mut decoder = Decoder::of_lines(1000);
        let piece = [b'{'; 4096];
        for _ in 0..5000 {
            decoder.fill(&mut &piece[..]).await.expect("a slice reads");
            assert_eq!(decoder.frame(), None);
        }
        assert!(decoder.buffer.capacity() < 4 * READ_ROOM, "{}", decoder.buffer.capacity());
    }
}
