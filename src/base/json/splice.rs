//! Members put into and taken out of the text of an object, as a careful person would do it: all other bytes stay, and
//! what is new looks like what stands around it.
//!
//! The texts must have passed a check. Libraries that keep formats wrap an object that stands on one line over several
//! when something comes in, and such a file belongs to its user.

use super::cut::{Member, members, offset};
use super::scan::blank;

/// Where in an object a member is put.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Before all others.
    First,
    /// After all others.
    Last,
}

/// Where a member lies in the text.
#[derive(Debug, Clone, Copy)]
struct Span {
    key: usize,
    key_end: usize,
    value: usize,
    value_end: usize,
}

/// `whole` without the member of `object`, a part of `whole`, that has this index. Nothing if there is no such member.
pub fn remove(whole: &str, object: &str, index: usize) -> Option<String> {
    let mut spans = members(object).map(|member| span(whole, &member));
    let before = match index.checked_sub(1) {
        Some(before) => Some(spans.nth(before)??),
        None => None,
    };
    let gone = spans.next()??;
    let (from, to) = match (before, spans.next().flatten()) {
        (None, None) => inside(whole, object)?,
        (Some(before), None) => (before.value_end, gone.value_end),
        // A line of its own goes with its own indentation; of several on one line the next takes its place.
        (Some(before), Some(after)) if whole[gone.value_end..after.key].contains('\n') => {
            (before.value_end, gone.value_end)
        }
        (_, Some(after)) => (gone.key, after.key),
    };
    Some([&whole[..from], &whole[to..]].concat())
}

/// `whole` with another member in `object`, a part of `whole`; `value` is JSON. Nothing if `object` is none.
pub fn insert(whole: &str, object: &str, place: Place, key: &str, value: &str) -> Option<String> {
    let spans = spans(whole, object)?;
    let (from, to) = inside(whole, object)?;
    let key = serde_json::to_string(key).ok()?;
    let colon = spans.last().map_or_else(
        || (if is_tight(whole) { ":" } else { ": " }).to_owned(),
        |span| colon(&whole[span.key_end..span.value]).to_owned(),
    );
    let member = format!("{key}{colon}{value}");
    let (at, new) = match (place, spans.as_slice()) {
        (_, []) => {
            let margin = &whole[from..to];
            let new = match margin.rfind('\n') {
                Some(_) => format!("{}{}{member}", line_break(margin), deeper(margin)),
                None => member,
            };
            (from, new)
        }
        (Place::First, all @ [first, ..]) => {
            (first.key, format!("{member}{}", gap(whole, from, all)))
        }
        (Place::Last, all @ [.., last]) => {
            (last.value_end, format!("{}{member}", gap(whole, from, all)))
        }
    };
    Some([&whole[..at], &new, &whole[at..]].concat())
}

/// Whether the text is written without blanks after its colons; judged by its first one.
pub fn is_tight(whole: &str) -> bool {
    let first = members(whole).next().and_then(|first| span(whole, &first));
    first.is_some_and(|span| span.value == span.key_end + 1)
}

/// What stands between two members: between the last two there are, or, of a single one, what stands before it.
fn gap(whole: &str, start: usize, spans: &[Span]) -> String {
    if let [.., before, last] = spans {
        return without_empty_lines(&whole[before.value_end..last.key]);
    }
    let Some(only) = spans.first() else {
        return String::new();
    };
    let margin = &whole[start..only.key];
    if margin.contains('\n') {
        format!(",{}", without_empty_lines(margin))
    } else if margin.is_empty() && only.value == only.key_end + 1 {
        ",".to_owned()
    } else {
        ", ".to_owned()
    }
}

/// Groups of members are set apart by empty lines; a single one needs none.
fn without_empty_lines(gap: &str) -> String {
    let (Some(first), Some(last)) = (gap.find('\n'), gap.rfind('\n')) else {
        return gap.to_owned();
    };
    let ends_with_return = |at: usize| gap[..at].ends_with('\r');
    let head = &gap[..first - usize::from(ends_with_return(first))];
    let tail = &gap[last - usize::from(ends_with_return(last))..];
    let short = format!("{}{tail}", head.trim_end_matches([' ', '\t']));
    if short.contains(',') == gap.contains(',') { short } else { gap.to_owned() }
}

/// The colon and the blanks around it, where they stand on one line.
fn colon(text: &str) -> &str {
    if text.contains('\n') { ": " } else { text }
}

fn line_break(margin: &str) -> &'static str {
    if margin.contains("\r\n") { "\r\n" } else { "\n" }
}

/// The indentation of what stands in an object whose closing bracket is on a line of its own.
fn deeper(margin: &str) -> String {
    let own = &margin[margin.rfind('\n').map_or(0, |at| at + 1)..];
    if own.contains('\t') { format!("{own}\t") } else { format!("{own}  ") }
}

fn spans(whole: &str, object: &str) -> Option<Vec<Span>> {
    offset(whole, object)?;
    members(object).map(|member| span(whole, &member)).collect()
}

fn span(whole: &str, member: &Member<'_>) -> Option<Span> {
    let key = offset(whole, member.key())?;
    let value = offset(whole, member.value)?;
    Some(Span {
        key,
        key_end: key + member.key().len(),
        value,
        value_end: value + member.value.len(),
    })
}

/// What lies between the brackets of an object.
fn inside(whole: &str, object: &str) -> Option<(usize, usize)> {
    let start = offset(whole, object)?;
    let open = blank(object.as_bytes(), 0);
    let close = object.rfind('}')?;
    (object.as_bytes().get(open) == Some(&b'{')).then_some((start + open + 1, start + close))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The object under `o`, or the whole text where there is none.
    fn object(whole: &str) -> &str {
        members(whole).find(|member| member.name() == "o").map_or(whole, |member| member.value)
    }

    #[track_caller]
    fn check(found: Option<&str>, expected: &str) {
        assert_eq!(found, Some(expected));
        serde_json::from_str::<serde_json::Value>(expected).expect("it is still JSON");
    }

    #[test]
    fn members_are_taken_out() {
        let check = |whole: &str, index, expected: &str| {
            check(remove(whole, object(whole), index).as_deref(), expected);
        };
        check(r#"{"o":{"a":1}}"#, 0, r#"{"o":{}}"#);
        check(r#"{ "o": { "a": 1 } }"#, 0, r#"{ "o": {} }"#);
        check(r#"{"a":{"x":"}"},"b":2}"#, 0, r#"{"b":2}"#);
        check(r#"{"a":1,"b":2}"#, 1, r#"{"a":1}"#);
        check(r#"{ "a": 1, "b": 2, "c": 3 }"#, 1, r#"{ "a": 1, "c": 3 }"#);
        check("{\n  \"a\": 1\n}\n", 0, "{}\n");
        check("{\n  \"a\": 1,\n  \"b\" : 2\n}\n", 0, "{\n  \"b\" : 2\n}\n");
        check("{\n  \"a\": 1 ,\n  \"b\": 2\n}", 1, "{\n  \"a\": 1\n}");
        check(
            "{\r\n\t\"a\": 1,\r\n\t\"b\": 2,\r\n\t\"c\": 3\r\n}\r\n",
            1,
            "{\r\n\t\"a\": 1,\r\n\t\"c\": 3\r\n}\r\n",
        );
        check("{\n  \"a\": 1,\n  \"b\": 2,\n\n  \"c\": 3\n}", 1, "{\n  \"a\": 1,\n\n  \"c\": 3\n}");
        check("{\n  \"a\": 1,\n  \"b\": 2, \"c\": 3\n}", 1, "{\n  \"a\": 1,\n  \"c\": 3\n}");
        check("{\n  \"a\": 1\n  , \"b\": 2\n  , \"c\": 3\n}", 1, "{\n  \"a\": 1\n  , \"c\": 3\n}");
        assert_eq!(remove("{\"a\":1}", "{\"a\":1}", 1), None);
        assert_eq!(remove("[1]", "[1]", 0), None);
    }

    #[test]
    fn members_are_put_in_behind() {
        let check = |whole: &str, expected: &str| {
            check(insert(whole, object(whole), Place::Last, "n", "[7]").as_deref(), expected);
        };
        check("{}", r#"{"n": [7]}"#);
        check(" { } ", r#" {"n": [7] } "#);
        check("{\n}\n", "{\n  \"n\": [7]\n}\n");
        check("{\r\n\t\"o\": {\r\n\t}\r\n}", "{\r\n\t\"o\": {\r\n\t\t\"n\": [7]\r\n\t}\r\n}");
        check(r#"{"o":{}}"#, r#"{"o":{"n":[7]}}"#);
        check(r#"{"a":1}"#, r#"{"a":1,"n":[7]}"#);
        check(r#"{"a": 1}"#, r#"{"a": 1, "n": [7]}"#);
        check(r#"{ "a" : 1 }"#, r#"{ "a" : 1, "n" : [7] }"#);
        check("{\n  \"a\": 1\n}\n", "{\n  \"a\": 1,\n  \"n\": [7]\n}\n");
        check("{\r\n\t\"a\":\r\n1\r\n}", "{\r\n\t\"a\":\r\n1,\r\n\t\"n\": [7]\r\n}");
        check("{\n  \"a\": 1,\n\n  \"b\": 2\n}", "{\n  \"a\": 1,\n\n  \"b\": 2,\n  \"n\": [7]\n}");
        check("{\n  \"a\": 1\n  , \"b\": 2\n}", "{\n  \"a\": 1\n  , \"b\": 2\n  , \"n\": [7]\n}");
        check("{\"a\": 1\n,\n\"b\": 2\n}", "{\"a\": 1\n,\n\"b\": 2\n,\n\"n\": [7]\n}");
        check(
            "{\n \"o\": {\"a\": 1,\n   \"b\": 2}\n}",
            "{\n \"o\": {\"a\": 1,\n   \"b\": 2,\n   \"n\": [7]}\n}",
        );
        assert_eq!(insert("[]", "[]", Place::Last, "n", "7"), None);
    }

    #[test]
    fn members_are_put_in_before() {
        let check = |whole: &str, expected: &str| {
            check(insert(whole, object(whole), Place::First, "n", "7").as_deref(), expected);
        };
        check("{}", r#"{"n": 7}"#);
        check(r#"{"a":1}"#, r#"{"n":7,"a":1}"#);
        check(r#"{ "a": 1, "b": 2 }"#, r#"{ "n": 7, "a": 1, "b": 2 }"#);
        check("{\r\n\t\"a\": {}\r\n}", "{\r\n\t\"n\": 7,\r\n\t\"a\": {}\r\n}");
        check("{\n  \"a\": 1,\n\n  \"b\": 2\n}", "{\n  \"n\": 7,\n  \"a\": 1,\n\n  \"b\": 2\n}");
    }

    fn blank() -> impl Strategy<Value = &'static str> {
        prop_oneof![Just(""), Just(" "), Just("\n"), Just("\r\n\t"), Just(" \n\n  ")]
    }

    const KEYS: [&str; 5] = ["\"k0\"", "\"k1\"", "\"k2\"", "\"k3\"", "\"k4\""];

    proptest! {
        /// However the text is laid out, what comes out is JSON with just this change, and no other token is touched.
        #[test]
        fn any_layout_survives(
            blanks in proptest::collection::vec(blank(), 24),
            count in 0..5_usize,
            at in 0..5_usize,
        ) {
            let mut blanks = blanks.into_iter();
            let mut blank = || blanks.next().unwrap_or_default();
            let mut parts = vec![blank(), "{", blank()];
            for key in &KEYS[..count] {
                let comma = if parts.len() > 3 { "," } else { "" };
                parts.extend([comma, blank(), key, blank(), ":", blank(), "[\"},{\"]", blank()]);
            }
            parts.extend(["}", blank()]);
            let text = parts.concat();
            let tree = |text: &str| {
                serde_json::from_str::<serde_json::Value>(text).expect("JSON")
            };
            let dense = |text: &str| text.replace([' ', '\n', '\r', '\t'], "");
            let mut expected = tree(&text);
            for place in [Place::First, Place::Last] {
                let longer = insert(&text, &text, place, "n", "7").expect("an object");
                let mut keys: Vec<String> = (0..count).map(|key| format!("k{key}")).collect();
                keys.insert(if place == Place::First { 0 } else { count }, "n".to_owned());
                prop_assert!(tree(&longer).as_object().expect("an object").keys().eq(&keys));
                let index = if place == Place::First { 0 } else { count };
                let back = remove(&longer, &longer, index);
                prop_assert_eq!(dense(&back.expect("a member")), dense(&text));
            }
            let shorter = remove(&text, &text, at);
            prop_assert_eq!(shorter.is_some(), at < count);
            expected.as_object_mut().expect("an object").shift_remove(&format!("k{at}"));
            prop_assert_eq!(tree(shorter.as_deref().unwrap_or(&text)), expected);
        }
    }
}
