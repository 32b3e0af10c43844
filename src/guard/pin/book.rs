//! The pins of one server as its file holds them, and how they follow what the server shows.

use std::collections::BTreeMap;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use super::kept::Kept;

/// The one version of the file that there is.
pub(super) const VERSION: u32 = 1;

/// A file of pins.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Book {
    pub(super) version: u32,
    /// Whether a list for clients that can be asked nothing was seen; those were the first, long before there were others.
    #[serde(default = "yes", skip_serializing_if = "is_yes")]
    pub(super) everybody: bool,
    /// Whether a list for clients that can be asked something was seen.
    #[serde(default, skip_serializing_if = "is_no")]
    pub(super) asked: bool,
    pub(super) tools: BTreeMap<String, Record>,
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
    pub(super) tools: &'a IndexMap<String, Kept>,
    pub(super) audience: Audience,
}

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

impl Record {
    fn pinned(kept: &Kept) -> Self {
        Self { pinned: Some(kept.clone()), pending: None, asked: false }
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

impl Book {
    /// Trusts everything that a server shows at first sight.
    pub(super) fn first(shown: Shown<'_>) -> Self {
        let pin = |(name, kept): (&String, &Kept)| (name.clone(), Record::pinned(kept));
        let asked = shown.audience == Audience::Asked;
        let tools = shown.tools.iter().map(pin).collect();
        Self { version: VERSION, everybody: !asked, asked, tools }
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
        for (name, kept) in shown.tools {
            self.tools.entry(name.clone()).or_insert_with(|| Record::pinned(kept));
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
            if seen.contains_key(name) || (record.pending.is_some() && record.asked != asked) {
                return true;
            }
            settled.dirty |= record.pending.take().is_some();
            if record.pinned.is_some() {
                settled.gone.push(name.clone());
            }
            record.pinned.is_some()
        });
        for (name, kept) in seen {
            let record = self.tools.entry(name.clone());
            let record = record.or_insert(Record { pinned: None, pending: None, asked });
            let is = |other: &Option<Kept>| other.as_ref().is_some_and(|o| o.hash == kept.hash);
            if is(&record.pinned) {
                settled.dirty |= record.pending.take().is_some();
            } else if !is(&record.pending) {
                record.pending = Some(kept.clone());
                record.asked = asked;
                settled.dirty = true;
                settled.fresh.push(name.clone());
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
    fn seen(tools: &[&str]) -> IndexMap<String, Kept> {
        let keep = |tool: &&str| {
            let (name, description) = tool.split_once('=').expect("two parts");
            let value = json!({ "name": name, "description": description });
            let raw = to_raw_value(&value).expect("a value is JSON");
            (name.to_owned(), Kept::of(&Definition::parse(&raw).expect("a tool")))
        };
        tools.iter().map(keep).collect()
    }

    fn shown(tools: &IndexMap<String, Kept>) -> Shown<'_> {
        Shown { tools, audience: Audience::Everybody }
    }

    fn to_asked(tools: &IndexMap<String, Kept>) -> Shown<'_> {
        Shown { tools, audience: Audience::Asked }
    }

    /// Shows one list after the other; the last one comes to `fresh` and leaves `pending`.
    fn check(lists: &[&[&str]], dirty: bool, fresh: &[&str], pending: &[&str]) {
        let mut book = Book::first(shown(&seen(lists[0])));
        let mut settled = Settled::default();
        for list in &lists[1..] {
            settled = book.settle(shown(&seen(list)));
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
        let mut book = Book::first(shown(&seen(&["a=1", "b=1"])));
        assert_eq!(book.settle(shown(&seen(&["a=1"]))).gone, ["b"]);
    }

    #[test]
    fn what_one_audience_is_shown_first_is_trusted_once() {
        let mut book = Book::first(shown(&seen(&["a=1"])));
        let settled = book.settle(to_asked(&seen(&["a=1", "b=1"])));
        assert!(settled.dirty && settled.fresh.is_empty());
        assert_eq!(book.settle(shown(&seen(&["a=1"]))).gone, ["b"], "its pin is kept");
        assert_eq!(book.settle(to_asked(&seen(&["a=1", "b=1"]))), Settled::default());
        let settled = book.settle(to_asked(&seen(&["a=1", "b=2", "c=1"])));
        assert_eq!(settled.fresh, ["b", "c"]);
        book.settle(shown(&seen(&["a=1"])));
        assert_eq!(book.pending().count(), 2, "they still wait");
        book.settle(to_asked(&seen(&["a=1", "b=1"])));
        assert_eq!(book.pending().count(), 0);

        let mut book = Book::first(to_asked(&seen(&["a=1", "b=1"])));
        assert_eq!(book.settle(shown(&seen(&["a=2", "c=1"]))).fresh, ["a"]);
        assert_eq!(book.settle(shown(&seen(&["a=2", "c=1", "d=1"]))).fresh, ["d"]);
    }

    #[test]
    fn approval_pins_what_was_seen_and_nothing_else() {
        let mut book = Book::first(shown(&seen(&["a=1"])));
        book.settle(shown(&seen(&["a=2", "b=1"])));
        let looked_at = seen(&["a=2", "b=1", "c=1"]);
        let approve = |book: &mut Book, tools: &[&str]| {
            book.approve(tools.iter().map(|tool| (*tool, looked_at[*tool].hash.as_str())))
        };
        assert!(!approve(&mut book, &["c"]));
        book.settle(shown(&seen(&["a=3", "b=1"])));
        assert!(!approve(&mut book, &["b", "a"]), "it has changed again");
        assert_eq!(book.pending().count(), 2, "nor is the other one approved");
        book.settle(shown(&seen(&["a=2", "b=1"])));
        assert!(approve(&mut book, &["a"]));
        assert_eq!(book.settle(shown(&seen(&["a=2", "b=1"]))), Settled::default());
        assert!(approve(&mut book, &["b"]));
        assert_eq!(book.pending().count(), 0);
        assert!(!approve(&mut book, &["b"]), "it no longer waits");
        assert_eq!(
            book.settle(shown(&seen(&["a=1", "b=1"]))).fresh,
            ["a"],
            "the old one is no more"
        );
    }
}
