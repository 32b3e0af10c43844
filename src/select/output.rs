//! Outputs of a filter as compact JSON on one line, within bounds.

use std::fmt::Write as _;
use std::io::Write as _;

use jaq_json::{Num, Val};

use super::surrogates;
use crate::base::json::MAX_DEPTH;

/// Why a value is not written.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Unwritable {
    TooLong,
    TooDeep,
    /// jq knows more values than JSON.
    NotJson(&'static str),
}

/// Outputs one after the other.
#[derive(Debug)]
pub(super) struct Outputs {
    /// An array that is not closed yet.
    text: Vec<u8>,
    count: usize,
    limit: usize,
    deepest: usize,
}

impl Outputs {
    pub(super) fn new(limit: usize) -> Self {
        Self { text: Vec::new(), count: 0, limit, deepest: 0 }
    }

    pub(super) fn push(&mut self, value: &Val) -> Result<(), Unwritable> {
        self.text.push(if self.count == 0 { b'[' } else { b',' });
        self.count += 1;
        self.value(value, 0)?;
        // Several outputs become the elements of an array, which is one level more.
        if self.count > 1 && self.deepest == MAX_DEPTH {
            return Err(Unwritable::TooDeep);
        }
        Ok(())
    }

    /// `null` for no output, one as it is, several as an array.
    pub(super) fn finish(mut self) -> String {
        match self.count {
            0 => return "null".to_owned(),
            1 => drop(self.text.remove(0)),
            _ => self.text.push(b']'),
        }
        String::from_utf8(self.text).expect("only JSON is written")
    }

    fn value(&mut self, value: &Val, depth: usize) -> Result<(), Unwritable> {
        match value {
            Val::Null => self.text.extend_from_slice(b"null"),
            Val::Bool(true) => self.text.extend_from_slice(b"true"),
            Val::Bool(false) => self.text.extend_from_slice(b"false"),
            Val::Num(number) => self.number(number),
            Val::TStr(string) => surrogates::write(string, &mut self.text),
            Val::BStr(_) => return Err(Unwritable::NotJson("bytes, as `tobytes` makes them")),
            Val::Arr(elements) => {
                self.descend(depth)?;
                self.text.push(b'[');
                for (index, element) in elements.iter().enumerate() {
                    if index > 0 {
                        self.text.push(b',');
                    }
                    self.value(element, depth + 1)?;
                }
                self.text.push(b']');
            }
            Val::Obj(members) => {
                self.descend(depth)?;
                self.text.push(b'{');
                for (index, (key, member)) in members.iter().enumerate() {
                    if index > 0 {
                        self.text.push(b',');
                    }
                    let Val::TStr(key) = key else {
                        return Err(Unwritable::NotJson("an object with a key that is no string"));
                    };
                    surrogates::write(key, &mut self.text);
                    self.text.push(b':');
                    self.value(member, depth + 1)?;
                }
                self.text.push(b'}');
            }
        }
        if self.text.len() > self.limit { Err(Unwritable::TooLong) } else { Ok(()) }
    }

    /// Goes into an array or object that lies `depth` levels deep.
    fn descend(&mut self, depth: usize) -> Result<(), Unwritable> {
        self.deepest = self.deepest.max(depth + 1);
        if self.deepest > MAX_DEPTH { Err(Unwritable::TooDeep) } else { Ok(()) }
    }

    /// Numbers that were read keep their spelling; what was computed is written as jq does it.
    fn number(&mut self, number: &Num) {
        let written = match number {
            Num::Float(float) if float.is_nan() => write!(self.text, "null"),
            Num::Float(float) if float.is_infinite() => {
                write!(self.text, "{:?}", f64::MAX.copysign(*float))
            }
            Num::Float(float) if float.fract() == 0.0 && float.abs() < 1e17 => {
                write!(self.text, "{float:.0}")
            }
            Num::Float(float) => write!(self.text, "{float:?}"),
            read => write!(self.text, "{read}"),
        };
        written.expect("memory takes all that is written");
    }
}

/// The head and the tail of a text that is formatted into it; what lies between is dropped.
#[derive(Debug, Default)]
pub(super) struct Ends {
    head: String,
    tail: String,
    cut: bool,
}

const HEAD: usize = 240;
const TAIL: usize = 120;

impl Ends {
    /// The ends of what `shown` displays as, whole if it is short.
    pub(super) fn of(shown: impl std::fmt::Display) -> String {
        let mut ends = Self::default();
        let _ = write!(ends, "{shown}");
        if ends.cut { ends.head + " … " + &ends.tail } else { ends.head + &ends.tail }
    }
}

impl std::fmt::Write for Ends {
    fn write_str(&mut self, mut text: &str) -> std::fmt::Result {
        if self.tail.is_empty() {
            let room = text.floor_char_boundary(HEAD.saturating_sub(self.head.len()));
            self.head.push_str(&text[..room]);
            text = &text[room..];
        }
        if text.len() > TAIL {
            self.cut = true;
            self.tail.clear();
            text = &text[text.ceil_char_boundary(text.len() - TAIL)..];
        }
        self.tail.push_str(text);
        if self.tail.len() > 2 * TAIL {
            self.cut = true;
            self.tail.drain(..self.tail.ceil_char_boundary(self.tail.len() - TAIL));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_ends_of_long_texts_are_kept() {
        assert_eq!(Ends::of("short"), "short");
        for piece in [1, 7, 100, 5000] {
            let text = "é".repeat(2500);
            let pieces: Vec<String> = text
                .chars()
                .collect::<Vec<_>>()
                .chunks(piece)
                .map(|part| part.iter().collect())
                .collect();
            let mut ends = Ends::default();
            for part in pieces {
                let _ = ends.write_str(&part);
            }
            assert!(ends.cut);
            assert!(ends.head.len() <= HEAD && ends.tail.len() <= 2 * TAIL, "{piece}");
            assert!(ends.tail.len() >= TAIL - 2, "{piece}");
        }
    }
}
