//! Where members of objects lie, noted by the strict check, so that whoever asks for them later need not go over the
//! text again.

use std::ops::{Deref, Range};

use super::cut::{Found, Member};
#[cfg(test)]
use super::{Strict, members};

/// Longer texts have no places that notes could name.
pub(super) const MAX_LENGTH: usize = u32::MAX as usize;

/// As many notes are kept with a value that travels: those of a call through `mcp` with all that it usually has.
const KEPT: usize = 12;

/// Where one member lies in the text. Behind it follow the notes of what is in its value.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Note {
    /// The key with its quotes.
    key: (u32, u32),
    value: (u32, u32),
    /// How many notes there are of what is in the value.
    within: u32,
    pub(super) is_escaped: bool,
}

/// A value of a text that was checked, with what was noted of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part<'a> {
    text: &'a str,
    noted: Option<Notes<'a>>,
}

/// The notes of one value, and the text that they speak of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Notes<'a> {
    pub(super) whole: &'a str,
    pub(super) notes: &'a [Note],
}

/// A value of its own with what was noted of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Noted {
    text: Box<str>,
    notes: [Note; KEPT],
    /// How many of the notes there are; nothing where they are too many.
    count: Option<usize>,
}

/// The members of an object, from the notes of it or from its text.
enum Members<'a> {
    Noted(Notes<'a>),
    Found(Found<'a>),
}

#[expect(clippy::cast_possible_truncation, reason = "no text is longer than `MAX_LENGTH`")]
fn place(at: usize) -> u32 {
    at as u32
}

fn range((start, end): (u32, u32)) -> Range<usize> {
    start as usize..end as usize
}

impl Note {
    /// Of a member whose value begins at `value`, and whose end is not known yet.
    #[inline]
    pub(super) fn new(key: Range<usize>, is_escaped: bool, value: usize) -> Self {
        let value = (place(value), place(value));
        Self { key: (place(key.start), place(key.end)), value, within: 0, is_escaped }
    }

    /// The value ends here, and so many notes were made of what is in it.
    #[inline]
    pub(super) fn close(&mut self, end: usize, within: usize) {
        self.value.1 = place(end);
        self.within = place(within);
    }

    #[inline]
    pub(super) fn within(&self) -> usize {
        self.within as usize
    }

    /// Where the name begins.
    pub(super) fn key_start(&self) -> usize {
        self.key.0 as usize + 1
    }

    /// The key with its quotes.
    #[inline]
    pub(super) fn key<'a>(&self, text: &'a str) -> &'a str {
        &text[range(self.key)]
    }

    fn earlier_by(self, start: usize) -> Self {
        let earlier = |(from, to): (u32, u32)| (from - place(start), to - place(start));
        Self { key: earlier(self.key), value: earlier(self.value), ..self }
    }
}

impl<'a> Part<'a> {
    /// A value in the `whole` to which these notes belong.
    pub(super) fn noted(text: &'a str, whole: &'a str, notes: &'a [Note]) -> Self {
        Self { text, noted: Some(Notes { whole, notes }) }
    }

    /// The JSON text of the value.
    pub fn text(self) -> &'a str {
        self.text
    }

    /// The value of the member of this name, if the value is an object that has it.
    pub fn member(self, name: &str) -> Option<Self> {
        self.members().find(|member| member.name() == name).map(|member| member.part())
    }

    /// The members, in their order; none if the value is no object.
    pub fn members(self) -> impl Iterator<Item = Member<'a>> {
        match self.noted {
            Some(noted) => Members::Noted(noted),
            None => Members::Found(Found::new(self.text)),
        }
    }
}

/// A text of which nothing was noted.
impl<'a> From<&'a str> for Part<'a> {
    fn from(text: &'a str) -> Self {
        Self { text, noted: None }
    }
}

impl<'a> Iterator for Members<'a> {
    type Item = Member<'a>;

    fn next(&mut self) -> Option<Member<'a>> {
        let noted = match self {
            Self::Found(found) => return found.next(),
            Self::Noted(noted) => noted,
        };
        let (note, rest) = noted.notes.split_first()?;
        let (within, after) = rest.split_at(note.within());
        noted.notes = after;
        let Notes { whole, .. } = *noted;
        let value = &whole[range(note.value)];
        // Without notes it has no members, or none that were noted.
        let noted = (!within.is_empty()).then_some(Notes { whole, notes: within });
        Some(Member::new(note.key(whole), note.is_escaped, value, noted))
    }
}

impl Noted {
    /// The value with what was noted of it.
    pub fn part(&self) -> Part<'_> {
        let notes = self.count.and_then(|count| self.notes.get(..count));
        let noted = notes.map(|notes| Notes { whole: &self.text, notes });
        Part { text: &self.text, noted }
    }
}

impl Deref for Noted {
    type Target = str;

    fn deref(&self) -> &str {
        &self.text
    }
}

impl From<Part<'_>> for Noted {
    fn from(part: Part<'_>) -> Self {
        let mut kept = [Note::default(); KEPT];
        let count = part.noted.and_then(|Notes { whole, notes }| {
            let start = super::offset(whole, part.text)?;
            for (place, note) in kept.get_mut(..notes.len())?.iter_mut().zip(notes) {
                *place = note.earlier_by(start);
            }
            Some(notes.len())
        });
        Self { text: part.text.into(), notes: kept, count }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What was noted is what is found in the text.
    #[track_caller]
    fn agree(part: Part<'_>) {
        let noted: Vec<_> = part.members().collect();
        let found: Vec<_> = members(part.text()).collect();
        let spelt = |all: &[Member<'_>]| {
            let one = |it: &Member<'_>| {
                (it.key().to_owned(), it.name().into_owned(), it.value.to_owned())
            };
            all.iter().map(one).collect::<Vec<_>>()
        };
        assert_eq!(spelt(&noted), spelt(&found), "{}", part.text());
        for member in noted {
            agree(member.part());
        }
    }

    #[track_caller]
    fn check(text: &str, noted: [bool; 4]) {
        let mut strict = Strict::new();
        let mut part = strict.check(text.as_bytes()).expect("it is JSON").part();
        agree(part);
        let kept = Noted::from(part);
        agree(kept.part());
        for expected in noted {
            assert_eq!(part.noted.is_some(), expected, "{}", part.text());
            let inner = part.member("a");
            part = inner.unwrap_or_else(|| "".into());
            if let Some(inner) = inner {
                agree(Noted::from(inner).part());
            }
        }
    }

    #[test]
    fn members_are_noted_as_deep_as_they_are_asked_for() {
        check(r#"{"a":{"a":{"a":{"a":1}}}}"#, [true, true, true, false]);
        check(
            r#" { "x" : [ {"a":1} ] , "a" : { "\u0061" : {} , "b":"}" } } "#,
            [true, true, false, false],
        );
        check(r#"{"a":{"b":{"c":1,"d":{"e":2}},"a":"{"}}"#, [true, true, false, false]);
        check(r#"{"a":[{"a":1}]}"#, [true, false, false, false]);
        check(r#"[{"a":1}]"#, [true, false, false, false]);
        check("7", [true, false, false, false]);
    }

    #[test]
    fn of_many_members_no_notes_are_kept() {
        let many: Vec<_> = (0..=KEPT).map(|index| format!("\"k{index}\":{index}")).collect();
        for count in [KEPT, KEPT + 1] {
            let text = format!(r#"{{"x":1,"a":{{{}}}}}"#, many[..count].join(","));
            let mut strict = Strict::new();
            let checked = strict.check(text.as_bytes()).expect("it is JSON");
            let kept = Noted::from(checked.part().member("a").expect("it is there"));
            assert_eq!(kept.part().noted.is_some(), count == KEPT);
            assert_eq!(kept.part().members().count(), count);
            agree(kept.part());
        }
    }

    fn json() -> impl Strategy<Value = String> {
        let leaf = prop::sample::select(vec!["null", "-1.5e3", r#""a\"b{""#, "[]", "{ }", "\"\""]);
        leaf.prop_map(str::to_owned).prop_recursive(5, 40, 4, |inner| {
            let key =
                prop::sample::select(vec!["a", r"\u0061b", "", "é", "a long name of a member"]);
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..3)
                    .prop_map(|all| format!("[ {}]", all.join(" ,"))),
                prop::collection::vec((key, inner), 0..4).prop_map(|all| {
                    let member = |(index, (key, value)): (usize, &(&str, String))| {
                        format!("\"{key}{index}\" :{value}")
                    };
                    let all: Vec<_> = all.iter().enumerate().map(member).collect();
                    format!("{{{}\n}}", all.join(", "))
                }),
            ]
        })
    }

    proptest! {
        #[test]
        fn notes_agree_with_the_text(text in json()) {
            let mut strict = Strict::new();
            let part = strict.check(text.as_bytes()).expect("it is JSON").part();
            agree(part);
            for member in part.members() {
                agree(Noted::from(member.part()).part());
            }
        }
    }
}
