//! What makes two calls the same call.

use std::sync::Arc;

use sha2::{Digest, Sha256};

use crate::base::json;

/// Objects that are longer than this are put down by their digest.
const LONG_OBJECT: usize = 64;

/// Server, tool and parameters of a call. Keys are equal when the parameters are the same JSON value: the order of an
/// object's members, blanks and the spelling of strings make no difference. Numbers are the same when they are spelt
/// alike but for the form of the exponent: `1` and `1.0` are different things to many servers.
///
/// Of the parameters only a SHA-256 digest is held, so that keys are small however long the parameters are.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Key {
    server: Arc<str>,
    tool: Arc<str>,
    params: [u8; 32],
    /// Which of those that had the server's name one after the other.
    bearer: u64,
}

impl Key {
    /// The key of a call. `params` is a JSON text that has passed [`json::Strict`].
    pub fn new(server: &str, tool: &str, params: &str) -> Self {
        let params = Sha256::digest(canonical(params)).into();
        Self { server: server.into(), tool: tool.into(), params, bearer: 0 }
    }

    /// The same call of the server that had this number when it bore its name: what one answered is none of another's.
    #[must_use]
    pub fn of(self, bearer: u64) -> Self {
        Self { bearer, ..self }
    }

    /// The server that is called.
    pub fn server(&self) -> &str {
        &self.server
    }

    /// The tool that is called.
    pub fn tool(&self) -> &str {
        &self.tool
    }

    /// The bytes that a key takes up.
    pub(super) fn size(&self) -> usize {
        size_of::<Self>() + self.server.len() + self.tool.len()
    }
}

/// An object or array that the walk is inside of.
struct Outer {
    is_object: bool,
    /// Where its canonical form begins.
    start: usize,
    first_member: usize,
}

/// A member of an object that the walk is inside of: where its canonical form begins, key first, and where its value
/// does.
struct Member {
    start: usize,
    value: usize,
}

/// One form for all spellings of a value, another for every other value. Strings stand as their length and their
/// characters, members of objects are sorted. A long object is replaced by its digest as soon as it ends: sorting
/// moves every byte at most once then, however deep it lies.
fn canonical(text: &str) -> Vec<u8> {
    let bytes = text.as_bytes();
    let mut form = Vec::with_capacity(bytes.len());
    let mut outer: Vec<Outer> = Vec::new();
    let mut members: Vec<Member> = Vec::new();
    let mut at = 0;
    let mut key_comes = false;
    while let Some(byte) = bytes.get(at) {
        let start = at;
        at += 1;
        match byte {
            b' ' | b'\t' | b'\n' | b'\r' => {}
            b'{' | b'[' => {
                key_comes = *byte == b'{';
                let (start, first_member) = (form.len(), members.len());
                outer.push(Outer { is_object: key_comes, start, first_member });
                form.push(*byte);
            }
            b'"' => {
                at = json::string_end(bytes, at);
                if std::mem::take(&mut key_comes) {
                    members.push(Member { start: form.len(), value: form.len() });
                }
                write_string(text.get(start + 1..at - 1).unwrap_or_default(), &mut form);
            }
            b':' => {
                if let Some(member) = members.last_mut() {
                    member.value = form.len();
                }
            }
            b',' => {
                key_comes = outer.last().is_some_and(|outer| outer.is_object);
                // Members need nothing between them: each begins with a string.
                if !key_comes {
                    form.push(b',');
                }
            }
            b'}' | b']' => {
                key_comes = false;
                if let Some(ended) = outer.pop() {
                    sort(&mut form, ended.start + 1, &members[ended.first_member..]);
                    members.truncate(ended.first_member);
                    form.push(*byte);
                    shorten(&mut form, &ended);
                }
            }
            _ => {
                let ends = |byte: &u8| b",:]}[{\" \t\n\r".contains(byte);
                at += bytes[at..].iter().position(ends).unwrap_or(bytes.len() - at);
                write_scalar(&bytes[start..at], &mut form);
            }
        }
    }
    form
}

/// Sorts the members that stand from `start` to the end by their keys.
fn sort(form: &mut Vec<u8>, start: usize, members: &[Member]) {
    let key = |member: &Member| &form[member.start..member.value];
    if members.is_sorted_by_key(key) {
        return;
    }
    let ends = members.iter().skip(1).map(|next| next.start).chain([form.len()]);
    let mut parts: Vec<(&Member, usize)> = members.iter().zip(ends).collect();
    parts.sort_unstable_by_key(|(member, _)| key(member));
    let mut sorted = Vec::with_capacity(form.len() - start);
    for (member, end) in parts {
        sorted.extend_from_slice(&form[member.start..end]);
    }
    form.truncate(start);
    form.extend_from_slice(&sorted);
}

/// Puts a digest, of fixed length, in the place of an object that is long. Nothing else begins with `#`.
fn shorten(form: &mut Vec<u8>, ended: &Outer) {
    if ended.is_object && form.len() - ended.start > LONG_OBJECT {
        let digest = Sha256::digest(&form[ended.start..]);
        form.truncate(ended.start);
        form.push(b'#');
        form.extend_from_slice(&digest);
    }
}

fn write_string(inner: &str, form: &mut Vec<u8>) {
    const WIDTH: usize = size_of::<u64>();
    form.push(b'"');
    let length_at = form.len();
    form.extend_from_slice(&[0; WIDTH]);
    json::unescape(inner, form);
    let length = (form.len() - length_at - WIDTH) as u64;
    form[length_at..length_at + WIDTH].copy_from_slice(&length.to_be_bytes());
}

/// Writes a number, `true`, `false` or `null`. Of numbers only the exponent has spellings that no reader can tell
/// apart: `E` for `e`, a plus, leading zeros.
fn write_scalar(scalar: &[u8], form: &mut Vec<u8>) {
    let is_number = scalar.first().is_some_and(|byte| *byte == b'-' || byte.is_ascii_digit());
    let exponent = scalar.iter().position(|byte| matches!(byte, b'e' | b'E'));
    let Some(exponent) = exponent.filter(|_| is_number) else {
        form.extend_from_slice(scalar);
        return;
    };
    form.extend_from_slice(&scalar[..exponent]);
    form.push(b'e');
    let (sign, digits) = match &scalar[exponent + 1..] {
        [b'-', digits @ ..] => ("-", digits),
        [b'+', digits @ ..] | digits => ("", digits),
    };
    let zeros = digits.iter().take_while(|digit| **digit == b'0').count();
    if zeros == digits.len() {
        form.push(b'0');
    } else {
        form.extend_from_slice(sign.as_bytes());
        form.extend_from_slice(&digits[zeros..]);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Map, Value};

    use super::*;

    fn same(one: &str, other: &str) -> bool {
        Key::new("s", "t", one) == Key::new("s", "t", other)
    }

    #[test]
    fn spellings_of_one_value_are_one_key() {
        fn check(one: &str, other: &str) {
            assert!(same(one, other), "{one} {other}");
        }
        check(r#"{"a":1,"b":[1,2]}"#, "{ \"b\" : [ 1 ,\t2 ],\n\"a\":1 }");
        check(r#"{"a":{"c":1,"d":{}},"b":2}"#, r#"{"b":2,"a":{"d":{},"c":1}}"#);
        check(r#"{"é":"/"}"#, r#"{"\u00e9":"\/"}"#);
        check(r#"{"a":"😀\u000a"}"#, r#"{"\u0061":"\uD83D\ude00\n"}"#);
        check(r#"{"a":"\ud800"}"#, r#"{"a":"\uD800"}"#);
        check(r#"{"a":1e5}"#, r#"{"a":1E+05}"#);
        check(r#"{"a":1e0}"#, r#"{"a":1e-00}"#);
        let long = "x".repeat(100);
        check(
            &format!(r#"{{"p":[{{"a":"{long}","b":2}}],"o":1}}"#),
            &format!(r#"{{"o":1,"p":[{{"b":2,"a":"{long}"}}]}}"#),
        );
    }

    #[test]
    fn different_values_are_different_keys() {
        fn check(one: &str, other: &str) {
            assert!(!same(one, other), "{one} {other}");
        }
        check(r#"{"a":[1,2]}"#, r#"{"a":[2,1]}"#);
        check(r#"{"a":[1,2]}"#, r#"{"a":[12]}"#);
        check(r#"{"a":[[1],2]}"#, r#"{"a":[[1,2]]}"#);
        check(r#"{"a":[]}"#, r#"{"a":{}}"#);
        check(r#"{"a":1}"#, r#"{"a":"1"}"#);
        check(r#"{"a":1}"#, r#"{"a":1.0}"#);
        check(r#"{"a":0}"#, r#"{"a":-0}"#);
        check(r#"{"a":1e5}"#, r#"{"a":1e-5}"#);
        check(r#"{"a":1e5}"#, r#"{"a":1e50}"#);
        check(r#"{"a":true}"#, r#"{"a":"true"}"#);
        check(r#"{"a":"\ud800"}"#, r#"{"a":"\ud801"}"#);
        check(r#"{"a":"\ud800"}"#, r#"{"a":"\ufffd"}"#);
        check(r#"{"a":"\\n"}"#, r#"{"a":"\n"}"#);
        check(r#"{"a":"b","c":"d"}"#, r#"{"a":"b\",\"c\":\"d"}"#);
        check(r#"{"a":["b","c"]}"#, r#"{"a":["bc",""]}"#);
        check(r#"{"a":{"b":1},"c":2}"#, r#"{"a":{"b":1,"c":2}}"#);
    }

    #[test]
    fn server_and_tool_belong_to_the_key() {
        assert_ne!(Key::new("a", "bc", "{}"), Key::new("ab", "c", "{}"));
        assert_ne!(Key::new("a", "b", "{}"), Key::new("b", "a", "{}"));
        assert_eq!(Key::new("a", "b", "{}"), Key::new("a", "b", " { } "));
    }

    #[test]
    fn texts_that_are_no_json_cause_no_panic() {
        for text in
            ["", "{", "}", "]}", "\"", "\"\\", "{\"a", "{\"a\":", ":", "{,", "[[", "1e", "é{"]
        {
            canonical(text);
        }
    }

    #[test]
    fn depth_costs_nothing() {
        let deep = r#"{"b":"#.repeat(100_000) + "1" + &r#","a":2}"#.repeat(100_000);
        assert!(canonical(&deep).len() <= LONG_OBJECT);
    }

    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<String>().prop_map(Value::from),
            "[ab\"\\\\]{0,2}".prop_map(Value::from),
        ];
        leaf.prop_recursive(5, 40, 6, |inner| {
            let members = prop::collection::vec(("[a-c]{0,3}", inner.clone()), 0..6);
            prop_oneof![
                prop::collection::vec(inner, 0..6).prop_map(Value::from),
                members.prop_map(|members| Value::from(Map::from_iter(members))),
            ]
        })
    }

    /// The value spelt in another way, as the numbers from `choose` have it.
    fn respell(value: &Value, choose: &mut impl FnMut() -> usize) -> String {
        let blank = |choose: &mut dyn FnMut() -> usize| ["", " ", "\n\t", "\r "][choose() % 4];
        match value {
            Value::Array(items) => {
                let mut text = format!("[{}", blank(choose));
                for (index, item) in items.iter().enumerate() {
                    let comma = if index == 0 { "" } else { "," };
                    let item = respell(item, choose);
                    text.extend([comma, blank(choose), &item, blank(choose)]);
                }
                text + "]"
            }
            Value::Object(members) => {
                let mut members: Vec<_> = members.iter().collect();
                for index in (1..members.len()).rev() {
                    members.swap(index, choose() % (index + 1));
                }
                let mut text = format!("{{{}", blank(choose));
                for (index, (key, item)) in members.into_iter().enumerate() {
                    let comma = if index == 0 { "" } else { "," };
                    let key = respell(&Value::from(key.as_str()), choose);
                    let item = respell(item, choose);
                    text.extend([comma, blank(choose), &key, blank(choose), ":", &item]);
                }
                text + "}"
            }
            Value::String(text) if choose().is_multiple_of(2) => {
                let units: Vec<String> =
                    text.encode_utf16().map(|unit| format!("\\u{unit:04X}")).collect();
                format!("\"{}\"", units.concat())
            }
            other => other.to_string(),
        }
    }

    proptest! {
        #[test]
        fn any_spelling_gives_the_same_key(value in value(), seed: u64) {
            let mut state = seed;
            let mut choose = || {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                usize::try_from(state >> 40).unwrap_or(0)
            };
            let (one, other) = (value.to_string(), respell(&value, &mut choose));
            prop_assert!(json::Strict::new().check(other.as_bytes()).is_ok());
            prop_assert!(same(&one, &other), "{} {}", one, other);
        }

        #[test]
        fn different_values_never_meet(one in value(), other in value()) {
            // `Value` compares objects without regard to order.
            prop_assert_eq!(same(&one.to_string(), &other.to_string()), one == other);
        }

        #[test]
        fn one_changed_leaf_changes_the_key(value in value(), text: String) {
            let with = |leaf: &str| {
                serde_json::json!({"z": [value, {"y": leaf, "x": value}], "a": value}).to_string()
            };
            prop_assert_eq!(same(&with(""), &with(&text)), text.is_empty());
        }
    }
}
