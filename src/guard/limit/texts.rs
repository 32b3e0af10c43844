//! The blocks of a result, of which the texts share what a limit leaves them.

use std::borrow::Cow;

use serde::de::IgnoredAny;

use super::cut;
use crate::base::json;
use crate::base::text::byte_of;

/// A block of `content`.
pub(super) struct Block<'a> {
    json: &'a str,
    text: Option<Text<'a>>,
}

/// The text of a block.
struct Text<'a> {
    /// As it is spelt, with its quotes.
    json: &'a str,
    text: Cow<'a, str>,
    length: usize,
    /// It belongs to an embedded resource: it is somebody's data, to which no line is added.
    is_resource: bool,
}

/// What the blocks become.
pub(super) struct Texts<'a> {
    /// Characters that there is still room for.
    room: usize,
    /// The characters of the texts so far, as many as they were.
    shown: usize,
    blocks: Vec<Cow<'a, str>>,
    /// Where the texts were cut, once they were.
    end: Option<End<'a>>,
}

/// Where the notice belongs.
enum End<'a> {
    /// In a block of its own before the one at this place.
    Before(usize),
    /// Behind `text`, which the block at this place is to have instead of its own.
    Within { at: usize, block: &'a str, json: &'a str, text: String },
}

/// What becomes of a text that is too long.
enum Short {
    /// JSON that has lost nothing but blanks.
    Whole(String),
    Json(String),
    Plain(String),
    Nothing,
}

impl<'a> Block<'a> {
    /// Reads the JSON text of a block, whatever it is.
    pub(super) fn new(block: &'a str) -> Self {
        let find = json::member;
        let is_resource = find(block, "type").is_some_and(|kind| json::text(kind) == "resource");
        let holder = if is_resource { find(block, "resource") } else { Some(block) };
        let spelt = holder.and_then(|holder| find(holder, "text"));
        let text = spelt.filter(|spelt| spelt.starts_with('"')).map(|spelt| {
            let text = json::text(spelt);
            let length = text.chars().count();
            Text { json: spelt, text, length, is_resource }
        });
        Self { json: block, text }
    }

    /// The characters of its text.
    pub(super) fn length(&self) -> usize {
        self.text.as_ref().map_or(0, |text| text.length)
    }

    fn with_text(&self, text: &Text<'_>, new: &str) -> Cow<'a, str> {
        with_text(self.json, text.json, new)
    }
}

/// The characters that count of a block: those of its text, or of the text of its resource.
pub fn length_of_text(block: &str) -> usize {
    Block::new(block).length()
}

impl<'a> Texts<'a> {
    /// No blocks yet, and room for `max` characters.
    pub(super) fn new(max: usize) -> Self {
        Self { room: max, shown: 0, blocks: Vec::new(), end: None }
    }

    /// Takes the next block in, cut or not, or leaves it out.
    pub(super) fn add(&mut self, block: &Block<'a>) {
        let Some(text) = &block.text else {
            self.blocks.push(Cow::Borrowed(block.json));
            return;
        };
        if self.end.is_some() {
            return;
        }
        if text.length <= self.room {
            self.room -= text.length;
            self.shown += text.length;
            self.blocks.push(Cow::Borrowed(block.json));
            return;
        }
        let at = self.blocks.len();
        match shorten(&text.text, self.room) {
            Short::Whole(short) => {
                self.room -= short.chars().count();
                self.shown += text.length;
                self.blocks.push(block.with_text(text, &short));
            }
            Short::Plain(short) if !text.is_resource => {
                self.shown += short.chars().count();
                self.blocks.push(Cow::Borrowed(block.json));
                let (block, json) = (block.json, text.json);
                self.end = Some(End::Within { at, block, json, text: short });
            }
            Short::Json(short) | Short::Plain(short) => {
                self.shown += short.chars().count();
                self.blocks.push(block.with_text(text, &short));
                self.end = Some(End::Before(at + 1));
            }
            Short::Nothing => self.end = Some(End::Before(at)),
        }
    }

    /// The characters that are left, where some are not.
    pub(super) fn left(&self) -> Option<usize> {
        self.end.is_some().then_some(self.shown)
    }

    /// Whether the texts were cut within one that is no JSON.
    pub(super) fn ends_in_plain_text(&self) -> bool {
        matches!(self.end, Some(End::Within { .. }))
    }

    /// Puts a notice where the texts were cut, or behind all blocks; an empty one leaves no trace.
    pub(super) fn tell(&mut self, notice: &str) {
        match self.end.take().unwrap_or(End::Before(self.blocks.len())) {
            End::Before(_) if notice.is_empty() => {}
            End::Before(at) => {
                let text = serde_json::Value::from(notice);
                let block = format!("{{\"type\":\"text\",\"text\":{text}}}");
                self.blocks.insert(at, Cow::Owned(block));
            }
            End::Within { at, block, json, text } => {
                let line_end = if notice.is_empty() { "" } else { "\n" };
                self.blocks[at] = with_text(block, json, &format!("{text}{line_end}{notice}"));
            }
        }
    }

    /// The JSON text of `content`.
    pub(super) fn into_content(self) -> String {
        format!("[{}]", self.blocks.join(","))
    }
}

/// The block with another text in the place of the one that is spelt `json`.
fn with_text<'a>(block: &'a str, json: &str, text: &str) -> Cow<'a, str> {
    let text = serde_json::Value::from(text).to_string();
    json::replace(block, json, &text).map_or(Cow::Borrowed(block), Cow::Owned)
}

/// Holds a text to fewer characters than it has.
fn shorten(text: &str, room: usize) -> Short {
    let is_json = text.trim_ascii_start().starts_with(['{', '['])
        && serde_json::from_str::<IgnoredAny>(text).is_ok();
    if !is_json {
        let plain = cut_plain(text, room);
        return if plain.is_empty() { Short::Nothing } else { Short::Plain(plain.to_owned()) };
    }
    let short = cut(text, room);
    // An empty array or object is as short as JSON can be, and may be longer than that.
    if byte_of(&short.json, room) < short.json.len() {
        Short::Nothing
    } else if !short.cut {
        Short::Whole(short.json.into_owned())
    } else if matches!(&*short.json, "{}" | "[]") {
        Short::Nothing
    } else {
        Short::Json(short.json.into_owned())
    }
}

/// The beginning of a text, up to the end of a line in the last fifth of what there is room for, else of a word, else
/// of a character.
fn cut_plain(text: &str, room: usize) -> &str {
    let end = byte_of(text, room);
    let late = byte_of(text, room - room / 5);
    // The character that no longer fits may be the one that ends a line or a word.
    let next = text[end..].chars().next();
    let behind = end + next.map_or(0, char::len_utf8);
    let last = |ends: fn(char) -> bool| text[late..behind].rfind(ends).map(|at| late + at);
    let at = last(|letter| letter == '\n').or_else(|| last(char::is_whitespace)).unwrap_or(end);
    text[..at].trim_end()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_end_at_lines_words_or_characters() {
        fn check(text: &str, room: usize, expected: &str) {
            let plain = cut_plain(text, room);
            assert_eq!(plain, expected, "{text:?} within {room}");
            assert!(plain.chars().count() <= room);
        }
        check("12345678\nabc", 10, "12345678");
        check("12345678\r\nab", 10, "12345678");
        check("12345678 abc", 10, "12345678");
        check("1234567\nabcdef", 10, "1234567\nab");
        check("123456789\nab cd", 12, "123456789\nab");
        check("1234567890\nab cd", 12, "1234567890");
        check("1234567890\nabc", 10, "1234567890");
        check("1234567890 abc", 10, "1234567890");
        check("1234567890abc", 10, "1234567890");
        check("日本語日本語日本語日本語", 10, "日本語日本語日本語日");
        check("abc", 0, "");
        check("\n\n\n\n\n\n", 5, "");
    }

    #[test]
    fn large_numbers_of_blocks_take_no_time() {
        let mut texts = Texts::new(1000);
        let block = Block::new(r#"{"type":"text","text":"x"}"#);
        for _ in 0..100_000 {
            texts.add(&block);
        }
        assert_eq!(texts.left(), Some(1000));
        assert_eq!(texts.blocks.len(), 1000);
    }
}
