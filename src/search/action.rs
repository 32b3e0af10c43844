//! What a tool does to the world and what a wish wants done, in a few classes: who wants to see something is not served
//! by a tool that deletes it, however many words they share. Also whether one thing is meant or several.

use super::words::{Form, each_word, stem};
use crate::tools::Hints;

/// How far into a sentence its verb is looked for, in words.
const FIRST_WORDS: usize = 12;

/// A set of classes; a verb such as "set" belongs to several. The empty set says nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Actions(u8);

impl Actions {
    /// Says nothing.
    pub const NONE: Self = Self(0);
    /// Shows, finds or counts what there is.
    pub const READ: Self = Self(1);
    /// Makes something new.
    pub const CREATE: Self = Self(2);
    /// Makes something other than it was.
    pub const UPDATE: Self = Self(4);
    /// Takes something away.
    pub const DELETE: Self = Self(8);
    /// Gives something to somebody.
    pub const SEND: Self = Self(16);
    /// Sets something going.
    pub const RUN: Self = Self(32);
    /// Ends what goes on.
    pub const STOP: Self = Self(64);

    /// The classes of both.
    #[must_use]
    pub const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether nothing is known.
    pub fn is_none(self) -> bool {
        self == Self::NONE
    }

    /// Whether both have a class in common.
    pub fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// Whether it is reading and nothing else.
    pub fn only_reads(self) -> bool {
        self == Self::READ
    }

    /// What a tool does, by the verb of its name, else by the one that its description begins with, and by its hints. A
    /// tool that is said to be read-only is taken for that as well as for what its verb says, since some that send or
    /// create are said to be; that it is said not to be read-only is no evidence, since some libraries say so of every tool.
    pub fn of_tool(hints: Hints, name: &str, summary: &str) -> Self {
        let by_words =
            of_name(name).or_else(|| parts(summary).first().and_then(|word| of_verb(word)));
        if hints.is_read_only() {
            return Self::READ.or(by_words.unwrap_or_default());
        }
        let changes = Self::UPDATE.or(Self::DELETE).or(Self::RUN);
        let by_hint = if hints.destructive == Some(true) { changes } else { Self::NONE };
        by_words.unwrap_or(by_hint)
    }

    /// What a wish wants, by the first verb of each sentence and by those that follow "and" or "then".
    pub fn of_wish(text: &str) -> Self {
        let mut wanted = Self::NONE;
        let mut before = String::new();
        let (mut place, mut is_found) = (0, false);
        for clause in text.split_inclusive(['.', ';', '\n', ',', '!', '?']) {
            let mut is_first = true;
            each_word(clause, |word, form| {
                if form != Form::Part {
                    return;
                }
                place += 1;
                let is_next = matches!(before.as_str(), "and" | "then");
                // Nouns such as "post" and "order" are verbs where a verb stands.
                let is_asked = || {
                    is_first
                        || matches!(before.as_str(), "to" | "please" | "you" | "me")
                        || !is_noun_too(word)
                };
                if is_next || (!is_found && place <= FIRST_WORDS && is_asked()) {
                    let class = of_verb(word);
                    is_found |= class.is_some();
                    wanted = wanted.or(class.unwrap_or_default());
                }
                is_first = false;
                word.clone_into(&mut before);
            });
            if !clause.ends_with(',') {
                (place, is_found) = (0, false);
            }
        }
        wanted
    }
}

/// Whether one thing is meant or several.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Number {
    /// Nothing says so.
    #[default]
    Unknown,
    /// One thing.
    One,
    /// Several things.
    Many,
}

impl Number {
    /// By the ending of an English noun.
    pub fn of_noun(word: &str) -> Self {
        let is_singular = ["ss", "us", "is", "os", "as"].iter().any(|end| word.ends_with(end));
        if word.len() > 3 && word.ends_with('s') && !is_singular { Self::Many } else { Self::One }
    }

    /// How many things a tool shows at once, by its verb or by its noun.
    pub fn of_tool(name: &str, summary: &str) -> Self {
        let words = parts(name);
        let noun = words.iter().rev().find(|word| of_verb(word).is_none() && !says_no_thing(word));
        let lists = |word: &String| is_listing_verb(word);
        let is_many = words.iter().any(|word| is_listing_verb(word) || word == "all")
            || noun.is_some_and(|noun| Self::of_noun(noun) == Self::Many)
            || parts(summary).first().is_some_and(lists);
        let mut ends = [words.first(), words.last()].into_iter().flatten();
        if is_many {
            Self::Many
        } else if ends.any(|word| is_reading_verb(word)) {
            Self::One
        } else {
            Self::Unknown
        }
    }
}

/// Verbs that say no more than that something is to be seen.
pub(super) fn is_reading_verb(word: &str) -> bool {
    matches!(
        word,
        "show"
            | "shows"
            | "get"
            | "gets"
            | "give"
            | "tell"
            | "display"
            | "fetch"
            | "retrieve"
            | "view"
            | "see"
            | "list"
            | "lists"
            | "describe"
            | "provide"
            | "check"
            | "find"
            | "look"
            | "read"
    )
}

/// Verbs of which the object is several things.
pub(super) fn is_listing_verb(word: &str) -> bool {
    matches!(word, "list" | "lists" | "enumerate" | "enumerates" | "search" | "searches" | "browse")
}

/// Words of a name that are no thing which the tool shows.
fn says_no_thing(word: &str) -> bool {
    matches!(word, "details" | "detail" | "info" | "status" | "by" | "id")
}

/// The parts of all words, in order.
fn parts(text: &str) -> Vec<String> {
    let mut parts = Vec::new();
    each_word(text, |word, form| {
        if form == Form::Part {
            parts.push(word.to_owned());
        }
    });
    parts
}

/// The class of the verb in a name, which stands first (`list_issues`) or last (`issue-list`); a word that may be a noun
/// counts only where there is no clear verb.
fn of_name(name: &str) -> Option<Actions> {
    let words = parts(name);
    let ends = || [words.first(), words.last()].into_iter().flatten();
    let clear = ends().filter(|word| !is_noun_too(word)).find_map(|word| of_verb(word));
    let inside = || words.iter().filter(|word| !is_noun_too(word)).find_map(|word| of_verb(word));
    clear.or_else(|| ends().find_map(|word| of_verb(word))).or_else(inside)
}

/// The classes of a word, if it is a verb (or asks a question) that says what is done.
fn of_verb(word: &str) -> Option<Actions> {
    let stem = stem(word);
    Some(match stem.as_str() {
        "get" | "list" | "show" | "read" | "fetch" | "find" | "search" | "queri" | "view"
        | "describ" | "check" | "display" | "retriev" | "lookup" | "look" | "brows" | "inspect"
        | "count" | "summar" | "tell" | "what" | "which" | "how" | "who" | "where" | "when"
        | "is" | "are" | "explain" | "compar" | "analyz" | "preview" | "give" | "see" | "know"
        | "recommend" | "discov" | "detail" | "enumer" | "identifi" | "download" | "examin"
        | "review" => Actions::READ,
        "creat" | "new" | "make" | "insert" | "regist" | "provis" | "upload" | "import"
        | "clone" | "fork" | "book" | "build" | "generat" | "write" => Actions::CREATE,
        "add" | "save" | "put" | "store" | "upsert" | "set" | "schedul" | "attach" => {
            Actions::CREATE.or(Actions::UPDATE)
        }
        "updat" | "edit" | "modifi" | "chang" | "renam" | "move" | "replac" | "patch" | "enabl"
        | "disabl" | "assign" | "resiz" | "configur" | "mark" | "append" | "merg" | "reorder"
        | "adjust" | "convert" => Actions::UPDATE,
        "delet" | "remov" | "drop" | "destroy" | "clear" | "purg" | "eras" | "unlink"
        | "uninstal" | "revok" => Actions::DELETE,
        "archiv" => Actions::DELETE.or(Actions::UPDATE),
        "cancel" => Actions::DELETE.or(Actions::STOP),
        "abort" | "stop" | "kill" | "termin" | "paus" | "halt" | "interrupt" => Actions::STOP,
        "send" | "repli" | "notifi" | "email" | "broadcast" | "messag" => Actions::SEND,
        "post" | "publish" | "share" | "submit" => Actions::SEND.or(Actions::CREATE),
        "run" | "execut" | "call" | "invok" | "start" | "restart" | "trigger" | "launch"
        | "play" | "click" | "perform" | "deploy" | "resum" => Actions::RUN,
        _ => return None,
    })
}

/// Verbs that as often are the thing that is dealt with.
fn is_noun_too(word: &str) -> bool {
    matches!(
        stem(word).as_str(),
        "post"
            | "queri"
            | "messag"
            | "email"
            | "call"
            | "run"
            | "share"
            | "play"
            | "set"
            | "chang"
            | "book"
            | "store"
            | "review"
            | "detail"
            | "build"
            | "trigger"
            | "patch"
            | "fork"
            | "archiv"
            | "clone"
            | "drop"
            | "start"
            | "stop"
            | "view"
            | "count"
            | "schedul"
            | "mark"
            | "clear"
            | "import"
            | "download"
            | "upload"
            | "preview"
            | "search"
            | "look"
            | "list"
            | "check"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const NO_HINTS: Hints = Hints { read_only: None, destructive: None, idempotent: None };

    #[test]
    fn tools_are_told_by_their_verbs() {
        fn check(name: &str, summary: &str, expected: Actions) {
            assert_eq!(Actions::of_tool(NO_HINTS, name, summary), expected, "{name}");
        }
        check("list_issues", "", Actions::READ);
        check("issue-list", "", Actions::READ);
        check("createIssue", "", Actions::CREATE);
        check("sql_db_rename", "", Actions::UPDATE);
        check("delete-file", "", Actions::DELETE);
        check("send_email", "", Actions::SEND);
        check("email_send", "", Actions::SEND);
        check("get_message", "", Actions::READ);
        check("message_delete", "", Actions::DELETE);
        check("run_query", "", Actions::RUN);
        check("abort-actor-run", "", Actions::STOP);
        check("cancel_order", "", Actions::DELETE.or(Actions::STOP));
        check("add_card", "", Actions::CREATE.or(Actions::UPDATE));
        check("weather", "Shows the weather of a place.", Actions::READ);
        check("weather", "The weather of a place.", Actions::NONE);
        check("", "", Actions::NONE);
        check("🙂", "?", Actions::NONE);
    }

    #[test]
    fn hints_count_beside_verbs() {
        fn check(
            read_only: Option<bool>,
            destructive: Option<bool>,
            name: &str,
            expected: Actions,
        ) {
            let hints = Hints { read_only, destructive, idempotent: None };
            assert_eq!(Actions::of_tool(hints, name, ""), expected, "{name}");
        }
        check(Some(true), None, "bash", Actions::READ);
        check(Some(true), None, "issue", Actions::READ);
        check(Some(true), None, "send_email", Actions::READ.or(Actions::SEND));
        check(Some(false), None, "search", Actions::READ);
        check(None, Some(true), "delete_page", Actions::DELETE);
        check(None, Some(true), "bash", Actions::UPDATE.or(Actions::DELETE).or(Actions::RUN));
        check(None, Some(false), "bash", Actions::NONE);
    }

    #[test]
    fn wishes_are_told_by_their_verbs() {
        fn check(wish: &str, expected: Actions) {
            assert_eq!(Actions::of_wish(wish), expected, "{wish}");
        }
        check("Show me the deleted files", Actions::READ);
        check("What is in my inbox?", Actions::READ);
        check("Can you please delete the branch", Actions::DELETE);
        check("I want to create a post", Actions::CREATE);
        check("Email the report to Ann", Actions::SEND);
        check("the email of Ann", Actions::NONE);
        check("Find the file and delete it", Actions::READ.or(Actions::DELETE));
        check("Stop the build", Actions::STOP);
        check("Find the file. It is old, delete it.", Actions::READ);
        check("Find the file. Please delete it.", Actions::READ.or(Actions::DELETE));
        check("weather in Oslo", Actions::NONE);
        check("", Actions::NONE);
        check("日本の天気", Actions::NONE);
    }

    #[test]
    fn numbers_are_told_by_verbs_and_nouns() {
        fn check(name: &str, summary: &str, expected: Number) {
            assert_eq!(Number::of_tool(name, summary), expected, "{name}");
        }
        check("list_issue", "", Number::Many);
        check("get_issues", "", Number::Many);
        check("get_issue", "", Number::One);
        check("issue_get", "Lists issues.", Number::Many);
        check("get_film_details", "", Number::One);
        check("get_status", "", Number::One);
        check("create_issue", "", Number::Unknown);
    }
}
