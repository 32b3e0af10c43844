//! The pins of one server as its file holds them, and how they follow what the server shows.

use std::collections::BTreeMap;

use indexmap::IndexMap;
use serde::de::Error as _;
use serde::ser::SerializeStruct as _;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::value::RawValue;

use super::kept::{Kept, Seen};
use crate::base::json::{is_object, members};

/// The one version of the file that there is.
pub(super) const VERSION: u32 = 1;

/// A file of pins.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Book<Tools = BTreeMap<String, Record>> {
    pub(super) version: u32,
    /// Whether a list for clients that can be asked nothing was seen; those were the first, long before there were others.
    #[serde(default = "yes", skip_serializing_if = "is_yes")]
    pub(super) everybody: bool,
    /// Whether a list for clients that can be asked something was seen.
    #[serde(default, skip_serializing_if = "is_no")]
    pub(super) asked: bool,
    pub(super) tools: Tools,
}

/// What is known of one tool.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Record {
    /// What was trusted at first sight, or approved since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) pinned: Option<Kept>,
    /// What the server shows now, where that is something else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) pending: Option<Kept>,
    /// It is pending in what clients that can be asked something are shown.
    #[serde(default, skip_serializing_if = "is_no")]
    pub(super) asked: bool,
}

/// Whom a server shows tools to; see [`crate::protocol::capabilities::wants_questions`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Audience {
    /// Clients that can be asked nothing.
    #[default]
    Everybody,
    /// Clients that can be asked something, who may be shown more.
    Asked,
}

/// What a server shows, by name.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shown<'a> {
    pub(super) tools: &'a IndexMap<&'a str, Seen<'a>>,
    pub(super) audience: Audience,
}

/// The file in which everything is trusted that a server shows at first sight. Its records are made while it is written,
/// one at a time: ten thousand of them would take more than the tools do.
#[derive(Debug)]
pub(super) struct First<'a>(pub(super) Shown<'a>);

/// What following a list of tools came to.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Settled {
    /// The book is no longer what it was.
    pub(super) dirty: bool,
    /// Tools whose change was not known yet.
    pub(super) fresh: Vec<String>,
    /// Tools that are pinned and that the server no longer has.
    pub(super) gone: Vec<String>,
}

impl Shown<'_> {
    /// Whether a record says of the tool of this name that it is as it was pinned.
    pub(super) fn are_as_in(&self, name: &str, record: &Record) -> bool {
        let (Some(seen), Some(pinned)) = (self.tools.get(name), &record.pinned) else {
            return false;
        };
        record.pending.is_none() && seen.hash() == pinned.hash
    }
}

impl Record {
    fn pinned(kept: Kept) -> Self {
        Self { pinned: Some(kept), pending: None, asked: false }
    }
}

fn yes() -> bool {
    true
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
fn is_yes(flag: &bool) -> bool {
    *flag
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
fn is_no(flag: &bool) -> bool {
    !*flag
}

impl Serialize for First<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        struct Pinned<'a>(&'a Shown<'a>);
        impl Serialize for Pinned<'_> {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let mut tools: Vec<(&&str, &Seen<'_>)> = self.0.tools.iter().collect();
                tools.sort_unstable_by_key(|(name, _)| **name);
                let tools = tools.into_iter();
                serializer
                    .collect_map(tools.map(|(name, seen)| (*name, Record::pinned(seen.kept()))))
            }
        }
        let asked = self.0.audience == Audience::Asked;
        let mut file = serializer.serialize_struct("Book", if asked { 4 } else { 2 })?;
        file.serialize_field("version", &VERSION)?;
        if asked {
            file.serialize_field("everybody", &false)?;
            file.serialize_field("asked", &true)?;
        }
        file.serialize_field("tools", &Pinned(&self.0))?;
        file.end()
    }
}

impl Book {
    /// Of a server that has no pins yet.
    pub(super) fn empty() -> Self {
        Self { version: VERSION, everybody: false, asked: false, tools: BTreeMap::new() }
    }

    /// Reads a file. Of the records for which `is_as_pinned` says so the definitions are left out, which are nearly all there
    /// is: they tell what has changed, and there nothing has. Such a book must not be written.
    pub(super) fn read(
        text: &[u8],
        is_as_pinned: impl Fn(&str, &Record) -> bool,
    ) -> serde_json::Result<Self> {
        let Book { version, everybody, asked, tools: records } =
            serde_json::from_slice::<Book<&RawValue>>(text)?;
        if !is_object(records.get()) {
            return Err(serde_json::Error::custom("`tools` is no object"));
        }
        let mut tools = BTreeMap::new();
        for member in members(records.get()) {
            let mut record: Record = serde_json::from_str(member.value)?;
            let name: String = serde_json::from_str(member.key())?;
            if is_as_pinned(&name, &record)
                && let Some(pinned) = &mut record.pinned
            {
                pinned.definition = RawValue::NULL.to_owned();
            }
            tools.insert(name, record);
        }
        Ok(Self { version, everybody, asked, tools })
    }

    /// Trusts those tools that it does not know, if nothing was seen that this audience is shown; whether that is so.
    fn meet(&mut self, shown: Shown<'_>) -> bool {
        let is_known = match shown.audience {
            Audience::Everybody => &mut self.everybody,
            Audience::Asked => &mut self.asked,
        };
        if *is_known || shown.tools.is_empty() {
            return false;
        }
        *is_known = true;
        for (name, seen) in shown.tools {
            let pin = || Record::pinned(seen.kept());
            self.tools.entry((*name).to_owned()).or_insert_with(pin);
        }
        true
    }

    /// Takes down what the server shows now. Pending is only what it still shows: a tool that was never approved is
    /// forgotten with it, so that a server cannot fill the file. What is pending of one audience is not for the list of
    /// another to forget.
    pub(super) fn settle(&mut self, shown: Shown<'_>) -> Settled {
        let mut settled = Settled { dirty: self.meet(shown), ..Settled::default() };
        let (seen, asked) = (shown.tools, shown.audience == Audience::Asked);
        self.tools.retain(|name, record| {
            if seen.contains_key(name.as_str())
                || (record.pending.is_some() && record.asked != asked)
            {
                return true;
            }
            settled.dirty |= record.pending.take().is_some();
            if record.pinned.is_some() {
                settled.gone.push(name.clone());
            }
            record.pinned.is_some()
        });
        for (name, seen) in seen {
            let record = self.tools.entry((*name).to_owned());
            let record = record.or_insert(Record { pinned: None, pending: None, asked });
            let is = |other: &Option<Kept>| other.as_ref().is_some_and(|o| o.hash == seen.hash());
            if is(&record.pinned) {
                settled.dirty |= record.pending.take().is_some();
            } else if !is(&record.pending) {
                record.pending = Some(seen.kept());
                record.asked = asked;
                settled.dirty = true;
                settled.fresh.push((*name).to_owned());
            }
        }
        settled
    }

    /// Pins what is pending, if all of it is still what its owner has seen: tools with the hashes of their definitions.
    /// Otherwise nothing is pinned.
    pub(super) fn approve<'a>(
        &mut self,
        seen: impl Iterator<Item = (&'a str, &'a str)> + Clone,
    ) -> bool {
        let is_as_seen = |(tool, hash): (&str, &str)| {
            let pending = self.tools.get(tool).and_then(|record| record.pending.as_ref());
            pending.is_some_and(|pending| pending.hash == hash)
        };
        let are_as_seen = seen.clone().all(is_as_seen);
        if are_as_seen {
            for (tool, _) in seen {
                if let Some(record) = self.tools.get_mut(tool)
                    && let Some(pending) = record.pending.take()
                {
                    record.pinned = Some(pending);
                }
            }
        }
        are_as_seen
    }

    /// The tools that wait for approval.
    pub(super) fn pending(&self) -> impl Iterator<Item = (&String, &Record)> {
        self.tools.iter().filter(|(_, record)| record.pending.is_some())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use serde_json::value::to_raw_value;

    use super::*;
    use crate::protocol::tool::Definition;

    /// Tools written as `name=description`.
    struct Tools(Vec<Definition>);

    impl Tools {
        fn new(tools: &[&str]) -> Self {
            let define = |tool: &&str| {
                let (name, description) = tool.split_once('=').expect("two parts");
                let value = json!({ "name": name, "description": description });
                let raw = to_raw_value(&value).expect("a value is JSON");
                Definition::parse(&raw).expect("a tool")
            };
            Self(tools.iter().map(define).collect())
        }

        fn seen(&self) -> IndexMap<&str, Seen<'_>> {
            self.0.iter().map(|tool| (tool.name.as_str(), Seen::new(tool))).collect()
        }
    }

    /// The file as it is when these tools were the first.
    fn first(tools: &[&str], audience: Audience) -> Book {
        let (tools, mut book) = (Tools::new(tools), Book::empty());
        let seen = tools.seen();
        let shown = Shown { tools: &seen, audience };
        let text = serde_json::to_string(&First(shown)).expect("plain JSON");
        book.settle(shown);
        assert_eq!(text, serde_json::to_string(&book).expect("plain JSON"));
        Book::read(text.as_bytes(), |_, _| false).expect("a file of pins")
    }

    fn settle(book: &mut Book, tools: &[&str]) -> Settled {
        book.settle(Shown { tools: &Tools::new(tools).seen(), audience: Audience::Everybody })
    }

    fn settle_asked(book: &mut Book, tools: &[&str]) -> Settled {
        book.settle(Shown { tools: &Tools::new(tools).seen(), audience: Audience::Asked })
    }

    /// Shows one list after the other; the last one comes to `fresh` and leaves `pending`.
    fn check(lists: &[&[&str]], dirty: bool, fresh: &[&str], pending: &[&str]) {
        let mut book = first(lists[0], Audience::Everybody);
        let mut settled = Settled::default();
        for list in &lists[1..] {
            settled = settle(&mut book, list);
        }
        let waiting: Vec<&String> = book.pending().map(|(name, _)| name).collect();
        assert_eq!((settled.dirty, &settled.fresh[..]), (dirty, &owned(fresh)[..]), "{lists:?}");
        assert_eq!(waiting, pending, "{lists:?}");
    }

    fn owned(names: &[&str]) -> Vec<String> {
        names.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn what_differs_from_the_pin_is_pending() {
        check(&[&["a=1", "b=1"], &["b=1", "a=1"]], false, &[], &[]);
        check(&[&["a=1", "b=1"], &["a=2", "b=1"]], true, &["a"], &["a"]);
        check(&[&["a=1"], &["a=2"], &["a=2"]], false, &[], &["a"]);
        check(&[&["a=1"], &["a=2"], &["a=3"]], true, &["a"], &["a"]);
        check(&[&["a=1"], &["a=2"], &["a=1"]], true, &[], &[]);
        check(&[&["a=1"], &["a=1", "b=1"]], true, &["b"], &["b"]);
    }

    #[test]
    fn a_tool_that_vanishes_keeps_its_pin_and_nothing_else() {
        check(&[&["a=1", "b=1"], &["a=1"]], false, &[], &[]);
        check(&[&["a=1", "b=1"], &["a=1"], &["a=1", "b=2"]], true, &["b"], &["b"]);
        check(&[&["a=1", "b=1"], &["a=1"], &["a=1", "b=1"]], false, &[], &[]);
        check(&[&["a=1"], &["a=2"], &[]], true, &[], &[]);
        check(&[&["a=1"], &["a=1", "b=1"], &["a=1"], &["a=1", "b=1"]], true, &["b"], &["b"]);
        let mut book = first(&["a=1", "b=1"], Audience::Everybody);
        assert_eq!(settle(&mut book, &["a=1"]).gone, ["b"]);
    }

    #[test]
    fn of_tools_that_are_as_they_were_nothing_but_the_hash_is_read() {
        let (tools, mut book) = (Tools::new(&["a=1", "b=2", "c=1"]), Book::empty());
        settle(&mut book, &["a=1", "b=1", "d=1"]);
        let text = serde_json::to_vec(&book).expect("plain JSON");
        let seen = tools.seen();
        let shown = Shown { tools: &seen, audience: Audience::Everybody };
        let mut short = Book::read(&text, |name, record| shown.are_as_in(name, record))
            .expect("a file of pins");
        let is_left_out = |name: &str| {
            let pinned = short.tools[name].pinned.as_ref().expect("a pin");
            pinned.definition.get() == "null"
        };
        assert_eq!(["a", "b", "d"].map(is_left_out), [true, false, false]);
        assert_eq!(short.settle(shown), book.settle(shown));
    }

    #[test]
    fn what_one_audience_is_shown_first_is_trusted_once() {
        let mut book = first(&["a=1"], Audience::Everybody);
        let settled = settle_asked(&mut book, &["a=1", "b=1"]);
        assert!(settled.dirty && settled.fresh.is_empty());
        assert_eq!(settle(&mut book, &["a=1"]).gone, ["b"], "its pin is kept");
        assert_eq!(settle_asked(&mut book, &["a=1", "b=1"]), Settled::default());
        let settled = settle_asked(&mut book, &["a=1", "b=2", "c=1"]);
        assert_eq!(settled.fresh, ["b", "c"]);
        settle(&mut book, &["a=1"]);
        assert_eq!(book.pending().count(), 2, "they still wait");
        settle_asked(&mut book, &["a=1", "b=1"]);
        assert_eq!(book.pending().count(), 0);

        let mut book = first(&["a=1", "b=1"], Audience::Asked);
        assert_eq!(settle(&mut book, &["a=2", "c=1"]).fresh, ["a"]);
        assert_eq!(settle(&mut book, &["a=2", "c=1", "d=1"]).fresh, ["d"]);
    }

    #[test]
    fn approval_pins_what_was_seen_and_nothing_else() {
        let mut book = first(&["a=1"], Audience::Everybody);
        settle(&mut book, &["a=2", "b=1"]);
        let looked_at = Tools::new(&["a=2", "b=1", "c=1"]);
        let looked_at = looked_at.seen();
        let approve = |book: &mut Book, tools: &[&str]| {
            book.approve(tools.iter().map(|tool| (*tool, looked_at[*tool].hash())))
        };
        assert!(!approve(&mut book, &["c"]));
        settle(&mut book, &["a=3", "b=1"]);
        assert!(!approve(&mut book, &["b", "a"]), "it has changed again");
        assert_eq!(book.pending().count(), 2, "nor is the other one approved");
        settle(&mut book, &["a=2", "b=1"]);
        assert!(approve(&mut book, &["a"]));
        assert_eq!(settle(&mut book, &["a=2", "b=1"]), Settled::default());
        assert!(approve(&mut book, &["b"]));
        assert_eq!(book.pending().count(), 0);
        assert!(!approve(&mut book, &["b"]), "it no longer waits");
        assert_eq!(settle(&mut book, &["a=1", "b=1"]).fresh, ["a"], "the old one is no more");
    }
}
