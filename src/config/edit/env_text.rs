//! One variable put into the text of a `.env` file.
//!
//! What is a line, a comment or a value is not decided here a second time: the parser that reads the file is asked.

use std::collections::HashMap;
use std::ops::Range;

use crate::config::dotenv::{self, Entry};

/// A text with the variable in it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Put {
    pub(super) text: String,
    /// Whether the variable stood there before.
    pub(super) replaced: bool,
    /// Lines, counted from 1, on which the variable stands as well and has no effect.
    pub(super) shadowed: Vec<usize>,
}

/// Sets a variable: in its place if it stands there already, else on a line of its own at the end. Fails with the
/// faulty line, counted from 1, if the parser would not read it so, or would read another one differently.
pub(super) fn put(text: &str, name: &str, value: &str) -> Result<Put, usize> {
    let mark = text.len() - text.strip_prefix('\u{FEFF}').unwrap_or(text).len();
    let lines = Lines::of(text, mark);
    let entries = dotenv::entries(text);
    let mut places = places(&entries, name);
    let new = if let Some((entry, old)) = places.pop() {
        let range = lines.range(entry);
        let new = assignment(&text[range.clone()], old, value);
        [&text[..range.start], &new, &text[range.end..]].concat()
    } else {
        let end = if text.contains("\r\n") { "\r\n" } else { "\n" };
        let open = text.len() > mark && !text.ends_with('\n');
        [text, if open { end } else { "" }, name, "=", &quoted(value), end].concat()
    };
    let mut expected = variables(&entries);
    let replaced = expected.insert(name, value).is_some();
    let after = dotenv::entries(&new);
    if variables(&after) != expected {
        let faulty = entries.iter().chain(&after).find(|entry| entry.variable.is_err());
        return Err(faulty.map_or(1, |entry| lines.first(entry) + 1));
    }
    let shadowed = places.iter().map(|(entry, _)| lines.first(entry) + 1).collect();
    Ok(Put { text: new, replaced, shadowed })
}

/// The text without the lines of a variable; nothing if it has none. Fails as [`put`] does.
pub(super) fn take_out(text: &str, name: &str) -> Result<Option<String>, usize> {
    let mark = text.len() - text.strip_prefix('\u{FEFF}').unwrap_or(text).len();
    let lines = Lines::of(text, mark);
    let entries = dotenv::entries(text);
    let ranges: Vec<Range<usize>> =
        places(&entries, name).into_iter().map(|(entry, _)| lines.range(entry)).collect();
    if ranges.is_empty() {
        return Ok(None);
    }
    let mut new = text.to_owned();
    for range in ranges.into_iter().rev() {
        new.replace_range(range, "");
    }
    let mut expected = variables(&entries);
    expected.remove(name);
    let after = dotenv::entries(&new);
    if variables(&after) != expected {
        let faulty = entries.iter().chain(&after).find(|entry| entry.variable.is_err());
        return Err(faulty.map_or(1, |entry| lines.first(entry) + 1));
    }
    Ok(Some(new))
}

/// What the entries say, the last one of a name.
fn variables(entries: &[Entry]) -> HashMap<&str, &str> {
    let read = entries.iter().filter_map(|entry| entry.variable.as_ref().ok());
    read.map(|(name, value)| (name.as_str(), value.as_str())).collect()
}

fn places<'a>(entries: &'a [Entry], name: &str) -> Vec<(&'a Entry, &'a str)> {
    let of_name = entries.iter().filter_map(|entry| match &entry.variable {
        Ok((found, value)) if found == name => Some((entry, value.as_str())),
        _ => None,
    });
    of_name.collect()
}

/// Where the lines of a text lie.
struct Lines<'a> {
    text: &'a str,
    ranges: Vec<Range<usize>>,
}

impl<'a> Lines<'a> {
    fn of(text: &'a str, mark: usize) -> Self {
        let mut at = mark;
        let ranges = text[mark..].split_inclusive('\n').map(|line| {
            let start = at;
            at += line.len();
            start..at
        });
        Self { ranges: ranges.collect(), text }
    }

    /// The first line of an entry, counted from 0, behind the empty lines and comments that the parser has passed over.
    fn first(&self, entry: &Entry) -> usize {
        let says_something = |line: &usize| {
            let range = self.ranges.get(*line).cloned().unwrap_or_default();
            let line = self.text[range].trim();
            !line.is_empty() && !line.starts_with('#')
        };
        entry.lines.clone().find(says_something).unwrap_or(entry.lines.start)
    }

    fn range(&self, entry: &Entry) -> Range<usize> {
        let own = self.ranges.get(self.first(entry)..entry.lines.end.min(self.ranges.len()));
        match own.unwrap_or_default() {
            [first, .., last] => first.start..last.end,
            [only] => only.clone(),
            [] => self.text.len()..self.text.len(),
        }
    }
}

/// An entry with another value. What stands before the value stays, as do a comment behind it and the end of the line.
fn assignment(entry: &str, old: &str, value: &str) -> String {
    let line = entry.strip_suffix('\n').unwrap_or(entry);
    let line = line.strip_suffix('\r').unwrap_or(line);
    let end = &entry[line.len()..];
    let head = line.find('=').map_or(line, |equal| &line[..=equal]);
    [head, &quoted(value), &comment(line, head.len(), old), end].concat()
}

/// The comment behind the value and the blanks before it: the longest rest without which the parser reads the same.
fn comment(line: &str, head: usize, value: &str) -> String {
    let is_blank = |letter: char| letter == ' ' || letter == '\t';
    let starts = line[head..].char_indices().map(|(at, _)| head + at);
    for at in starts {
        let rest = &line[at..];
        let begins = at == head || rest.starts_with(is_blank);
        if !begins || !rest.trim_start_matches(is_blank).starts_with('#') {
            continue;
        }
        let short = dotenv::entries(&line[..at]);
        if variables(&short).values().eq([&value]) {
            let blank = if rest.starts_with('#') { " " } else { "" };
            return format!("{blank}{rest}");
        }
    }
    String::new()
}

/// The value as the parser reads it back: bare where all readers of such files agree, else in single quotes, in which
/// nothing has a meaning, else in double quotes with escapes and on one line.
fn quoted(value: &str) -> String {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "_-./:@%+=,".contains(letter);
    if value.chars().all(is_plain) {
        return value.to_owned();
    }
    if !value.contains(['\'', '\\', '\n', '\r']) {
        return format!("'{value}'");
    }
    let mut quoted = String::with_capacity(value.len() + 2);
    quoted.push('"');
    for letter in value.chars() {
        match letter {
            '\n' => quoted.push_str("\\n"),
            '\\' | '"' | '$' => quoted.extend(['\\', letter]),
            _ => quoted.push(letter),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(before: &str, value: &str, after: &str) {
        let put = put(before, "KEY", value).expect("it can be put in");
        assert_eq!(put.text, after);
        let entries = dotenv::entries(after);
        assert_eq!(variables(&entries).get("KEY"), Some(&value));
    }

    #[test]
    fn writes_values() {
        check("", "v", "KEY=v\n");
        check("", "", "KEY=\n");
        check("", "two words", "KEY='two words'\n");
        check("", "a#b $c \"d\"", "KEY='a#b $c \"d\"'\n");
        check("", "it's $5\\", "KEY=\"it's \\$5\\\\\"\n");
        check("", "-----BEGIN\nabc+/=\n-----END\n", "KEY=\"-----BEGIN\\nabc+/=\\n-----END\\n\"\n");
        check("", "a\r\nb\r", "KEY=\"a\r\\nb\r\"\n");
    }

    #[test]
    fn takes_variables_out() {
        fn check(before: &str, after: Option<&str>) {
            assert_eq!(take_out(before, "KEY").expect("it can be").as_deref(), after, "{before:?}");
        }
        check("", None);
        check("A=1\nKEYS=2\n", None);
        check("# mine\r\nexport KEY='x y' # note\r\nA=1", Some("# mine\r\nA=1"));
        check("KEY=1\nA=1\nKEY=\"a\\nb\"\n", Some("A=1\n"));
        check("\u{FEFF}KEY=1", Some("\u{FEFF}"));
        take_out("KEY=1\nA='open\n", "KEY").expect("what is faulty already stays so");
    }

    #[test]
    fn appends_in_the_style_of_the_file() {
        check("A=1\n", "v", "A=1\nKEY=v\n");
        check("A=1", "v", "A=1\nKEY=v\n");
        check("A=1\r\n# x\r\n", "v", "A=1\r\n# x\r\nKEY=v\r\n");
        check("A=1\r\nB=2", "v", "A=1\r\nB=2\r\nKEY=v\r\n");
        check("\u{FEFF}", "v", "\u{FEFF}KEY=v\n");
        check(
            "# KEY=old\n#KEY=old\nKEY2=x\nMY_KEY=y",
            "v",
            "# KEY=old\n#KEY=old\nKEY2=x\nMY_KEY=y\nKEY=v\n",
        );
        check("not a variable\n", "v", "not a variable\nKEY=v\n");
    }

    #[test]
    fn replaces_in_place() {
        check("# a\n\nKEY=old\nB=2", "v w", "# a\n\nKEY='v w'\nB=2");
        check("A=1\r\nKEY=old\r\nB=2\r\n", "v", "A=1\r\nKEY=v\r\nB=2\r\n");
        check("KEY=old", "v", "KEY=v");
        check("\u{FEFF}KEY=old\n", "v", "\u{FEFF}KEY=v\n");
        check("  export KEY =  'old' # why\n", "v", "  export KEY =v # why\n");
        check("KEY=\"x # y\"\t# it's z # w\r\n", "v", "KEY=v\t# it's z # w\r\n");
        check("KEY= # fill in\n", "v", "KEY=v # fill in\n");
        check("KEY=# fill in\n", "v", "KEY=v # fill in\n");
        check("KEY=x#y\n", "v", "KEY=v\n");
        check(
            "A='1\n2'\n\n# c\nKEY=\"old\n# in it\nKEY=x\"\nB=$KEY\n",
            "v",
            "A='1\n2'\n\n# c\nKEY=v\nB=$KEY\n",
        );
        check("A=\"\nKEY=old\n\"\nB=1\n", "v", "A=\"\nKEY=old\n\"\nB=1\nKEY=v\n");
    }

    #[test]
    fn replaces_the_one_that_counts_and_tells_of_the_others() {
        let put = put("KEY=1\nA=\nKEY=2\n\nKEY=3\n", "KEY", "v").expect("it can be put in");
        assert_eq!(put.text, "KEY=1\nA=\nKEY=2\n\nKEY=v\n");
        assert_eq!((put.replaced, put.shadowed), (true, vec![1, 3]));
    }

    #[test]
    fn refuses_where_the_parser_would_not_see_it() {
        assert_eq!(put("A=1\n# c\nB='open\nC=3\n", "KEY", "v"), Err(3));
        assert_eq!(put("B='open", "KEY", "it's"), Err(1));
    }

    /// Texts that are likely to hold what has a meaning in such files.
    fn text() -> impl Strategy<Value = String> {
        let piece = prop_oneof![
            Just("\n"),
            Just("\r\n"),
            Just("\r"),
            Just("'"),
            Just("\""),
            Just("\\"),
            Just("$"),
            Just("${A}"),
            Just("#"),
            Just(" # "),
            Just(" "),
            Just("\t"),
            Just("="),
            Just("KEY="),
            Just("A=1"),
            Just("export "),
            Just("é"),
            Just("\u{FDD0}"),
            Just("\u{FEFF}"),
            Just("\u{85}"),
            Just("n"),
        ];
        prop_oneof![
            proptest::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat()),
            any::<String>(),
        ]
    }

    proptest! {
        #[test]
        fn any_value_comes_back(value in text()) {
            for before in ["", "KEY=old # it's\n", "A='x'\nKEY=\"a\nb\"\r\nB=1"] {
                let put = put(before, "KEY", &value).expect("the file is in order");
                let entries = dotenv::entries(&put.text);
                let read = variables(&entries).get("KEY").copied();
                prop_assert_eq!(read, Some(value.as_str()));
            }
        }

        /// Whatever the file holds, the variable is read back and all others stay, or the file does.
        #[test]
        fn any_file_keeps_the_rest(before in text(), value in text()) {
            if let Ok(put) = put(&before, "KEY", &value) {
                let old = dotenv::entries(&before);
                let new = dotenv::entries(&put.text);
                let mut expected = variables(&old);
                expected.insert("KEY", &value);
                prop_assert_eq!(variables(&new), expected);
                if !put.replaced {
                    prop_assert!(put.text.starts_with(&before));
                }
            }
        }
    }
}
