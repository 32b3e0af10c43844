//! A wish in words, taken apart once for every index that is asked.

use super::action::{Actions, Number, is_listing_verb, is_reading_verb};
use super::literal::{Kind as LiteralKind, literals};
use super::words::{Form, each_word, is_stop_word, stem};

/// What is read of a wish, in bytes: a wish is a sentence, not a document.
const LONGEST_TEXT: usize = 4000;
/// Different words that are looked for.
const MOST_WORDS: usize = 64;
/// Words of one value that are looked for.
const MOST_WORDS_OF_VALUE: usize = 8;

/// A wish, ready to be searched for.
#[derive(Debug, Clone, Default)]
pub struct Query {
    pub(super) words: Vec<QueryWord>,
    /// Stems of neighbours written as one.
    pub(super) joined: Vec<String>,
    pub(super) actions: Actions,
    pub(super) number: Number,
}

/// One word of it, each only once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct QueryWord {
    /// Folded, in lower case.
    pub(super) word: String,
    pub(super) stem: String,
    pub(super) kind: Kind,
    /// It stands behind a preposition, where it says in which place or by what means, but not what is wanted.
    pub(super) is_context: bool,
    /// The stem of the name that it is a part of: of `github` for "GitHub".
    pub(super) whole: Option<String>,
}

/// What a word is to the wish, the most telling first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Plain,
    /// It says no more than that something is to be seen.
    Verb,
    /// What tools say that take such a value as the wish has.
    Taker,
    Placeholder,
    Stop,
    /// Within a value.
    Literal,
}

impl Query {
    /// Takes a wish apart. Any text will do; what has no words finds nothing.
    pub fn new(text: &str) -> Self {
        let text = &text[..text.floor_char_boundary(LONGEST_TEXT)];
        let mut reader = Reader::default();
        let values = literals(text);
        let mut at = 0;
        for value in &values {
            reader.read(&text[at..value.range.start]);
            reader.read_value(&text[value.range.clone()], value.kind);
            at = value.range.end;
        }
        reader.read(&text[at..]);
        reader.end_object();
        for word in values.iter().flat_map(|value| value.kind.words()) {
            reader.push(word, Kind::Taker);
        }
        Self { actions: Actions::of_wish(text), ..reader.query }
    }

    /// Whether there is nothing to look for.
    pub fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    /// Its words, each with a bit of its own.
    pub(super) fn bits(&self) -> impl Iterator<Item = (u64, &QueryWord)> {
        const { assert!(MOST_WORDS <= 64, "each has a bit") };
        self.words.iter().enumerate().map(|(at, word)| (1 << at, word))
    }

    /// What it wants done.
    pub fn actions(&self) -> Actions {
        self.actions
    }

    /// How many things it is about.
    pub fn number(&self) -> Number {
        self.number
    }
}

/// Goes through a wish and notes where in its clause a word stands.
#[derive(Default)]
struct Reader {
    query: Query,
    /// What is wanted was named.
    is_behind_object: bool,
    is_context: bool,
    /// The last noun of what is wanted.
    noun: String,
}

impl Reader {
    /// Reads a part of the wish that has no values in it.
    fn read(&mut self, text: &str) {
        const ENDS: [char; 6] = ['.', ';', ',', '?', '!', '\n'];
        for clause in text.split_inclusive(ENDS) {
            self.read_clause(clause);
            if clause.ends_with(ENDS) {
                self.begin_clause();
            }
        }
    }

    fn read_value(&mut self, text: &str, kind: LiteralKind) {
        let kind = match kind {
            LiteralKind::Placeholder => Kind::Placeholder,
            _ => Kind::Literal,
        };
        let mut left = MOST_WORDS_OF_VALUE;
        each_word(text, |word, _| {
            if left > 0 {
                left -= 1;
                self.push(word, kind);
            }
        });
    }

    fn read_clause(&mut self, text: &str) {
        let mut before: Option<String> = None;
        let mut places = Vec::new();
        each_word(text, |word, form| {
            if let Form::Joined(parts) = form {
                let first = places.len().saturating_sub(parts);
                for place in places.drain(first..).flatten() {
                    let part: &mut QueryWord = &mut self.query.words[place];
                    part.whole = Some(stem(word));
                }
                self.push(word, Kind::Plain);
                return;
            }
            self.follow(word);
            let kind = self.kind_of(word);
            places.push(self.push(word, kind));
            let plain = (kind == Kind::Plain).then(|| word.to_owned());
            if let (Some(before), Some(word)) = (before.take(), &plain) {
                self.push_joined(&(before + word));
            }
            before = plain;
        });
    }

    /// Notes what a small word says of those behind it.
    fn follow(&mut self, word: &str) {
        match word {
            "and" | "then" => self.begin_clause(),
            "all" | "every" | "many" => self.query.number = Number::Many,
            "in" | "on" | "from" | "within" | "to" | "under" | "with" | "using" | "at" | "by"
            | "where" | "that" | "via" | "into" | "through"
                if self.is_behind_object =>
            {
                self.end_object();
                self.is_context = true;
            }
            "for" | "of" if self.is_behind_object => {
                self.end_object();
                self.is_context = false;
            }
            _ => {}
        }
    }

    fn kind_of(&mut self, word: &str) -> Kind {
        if is_stop_word(word) {
            return Kind::Stop;
        }
        if self.is_behind_object {
            word.clone_into(&mut self.noun);
        } else if is_reading_verb(word) {
            if is_listing_verb(word) {
                self.query.number = Number::Many;
            }
            return Kind::Verb;
        } else if matches!(word, "detail" | "details" | "information" | "info") {
            // These are of the thing that is named next.
            if self.query.number == Number::Unknown {
                self.query.number = Number::One;
            }
        } else {
            self.is_behind_object = true;
            word.clone_into(&mut self.noun);
        }
        Kind::Plain
    }

    fn begin_clause(&mut self) {
        self.end_object();
        self.is_behind_object = false;
        self.is_context = false;
    }

    /// What is wanted was named in full: its last noun says how many.
    fn end_object(&mut self) {
        if self.is_behind_object && !self.is_context && self.query.number == Number::Unknown {
            self.query.number = Number::of_noun(&self.noun);
        }
    }

    /// Adds a word and gives its place, unless there are too many.
    fn push(&mut self, word: &str, kind: Kind) -> Option<usize> {
        let stem = stem(word);
        let words = &mut self.query.words;
        if let Some(at) = words.iter().position(|known| known.stem == stem) {
            words[at].kind = words[at].kind.min(kind);
            words[at].is_context &= self.is_context;
            return Some(at);
        }
        if words.len() == MOST_WORDS {
            return None;
        }
        let is_context = self.is_context;
        words.push(QueryWord { word: word.to_owned(), stem, kind, is_context, whole: None });
        Some(words.len() - 1)
    }

    fn push_joined(&mut self, word: &str) {
        let stem = stem(word);
        if self.query.joined.len() < MOST_WORDS && !self.query.joined.contains(&stem) {
            self.query.joined.push(stem);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The words of one kind, separated by blanks.
    fn of_kind(wish: &str, kind: Kind) -> String {
        let query = Query::new(wish);
        let words = query.words.iter().filter(|word| word.kind == kind);
        words.map(|word| word.word.as_str()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn words_are_told_apart_by_what_they_are_to_the_wish() {
        fn check(wish: &str, kind: Kind, expected: &str) {
            assert_eq!(of_kind(wish, kind), expected, "{wish}");
        }
        let wish =
            "Show me the \"Pulp Fiction\" page at https://example.org/films for <actor name>";
        check(wish, Kind::Plain, "page");
        check(wish, Kind::Verb, "show");
        check(wish, Kind::Stop, "me the at for");
        check(wish, Kind::Literal, "pulp fiction https example org films");
        check(wish, Kind::Placeholder, "actor name");
        check(wish, Kind::Taker, "url web");
        // Behind what is wanted, a verb is no longer one.
        check("open the list view", Kind::Plain, "open list view");
    }

    #[test]
    fn what_stands_behind_a_preposition_is_context() {
        fn check(wish: &str, expected: &str) {
            let query = Query::new(wish);
            let words =
                query.words.iter().filter(|word| word.is_context && word.kind == Kind::Plain);
            let words: Vec<&str> = words.map(|word| word.word.as_str()).collect();
            assert_eq!(words.join(" "), expected, "{wish}");
        }
        check("List the tables in the orders database", "orders database");
        check("Show details of the server in Oslo", "oslo");
        check("In Oslo, show the weather", "");
        check("Copy the file from the share and delete the folder", "share");
    }

    #[test]
    fn numbers_are_read() {
        fn check(wish: &str, expected: Number) {
            assert_eq!(Query::new(wish).number(), expected, "{wish}");
        }
        check("Show me my subscriptions", Number::Many);
        check("Show me the subscription", Number::One);
        check("Show me the tables in the database", Number::Many);
        check("Get the details of these tables", Number::One);
        check("How many items are there?", Number::Many);
        check("", Number::Unknown);
    }

    #[test]
    fn names_with_capitals_are_whole_and_parts() {
        let query = Query::new("Search GitHub");
        let words: Vec<&str> = query.words.iter().map(|word| word.word.as_str()).collect();
        assert_eq!(words, ["search", "git", "hub", "github"]);
    }

    #[test]
    fn any_text_is_bounded() {
        let long = (0..20_000).map(|number| format!("word{number}")).collect::<Vec<_>>().join(" ");
        let words = (0..200).map(|number| "ab".repeat(number)).collect::<Vec<_>>().join(" ");
        for text in [&long, &words, &"é".repeat(50_000), &"\"".repeat(50_000), &"日".repeat(9999)]
        {
            let query = Query::new(text);
            assert!(query.words.len() <= MOST_WORDS && query.joined.len() <= MOST_WORDS);
        }
        for text in ["", " ", "?!…", "🙂🙂", "\u{200b}", "'", "<", "{}", "the of and"] {
            let query = Query::new(text);
            assert!(query.words.iter().all(|word| word.kind == Kind::Stop), "{text:?}: {query:?}");
        }
    }
}
