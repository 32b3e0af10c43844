//! What is kept of a tool: the hash of its definition, and the definition itself, to tell later what changed.

use std::borrow::Cow;
use std::cell::OnceCell;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::base::blotter::Blotter;
use crate::base::json::{elements, members, string};
use crate::base::text::hex;
use crate::protocol::tool::Definition;

/// A longer definition is kept as its hash and the beginning of its description.
const MAX_BYTES: usize = 64 * 1024;
/// As much of the description then.
const BEGINNING: usize = 4000;
/// The members that count, in the order in which they are written.
const MEMBERS: [&str; 6] =
    ["annotations", "description", "inputSchema", "name", "outputSchema", "title"];
/// A member that is nested more deeply counts as the text that it is.
const MAX_DEPTH: usize = 127;

/// A definition as it stands in the file.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Kept {
    /// SHA-256 of the canonical text, in hexadecimal digits.
    pub(super) hash: String,
    /// The length of the canonical text, where it was too long to be kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) bytes: Option<usize>,
    /// The canonical text, or what there is room for.
    pub(super) definition: Box<RawValue>,
}

/// A definition that a server shows. Its hash is worked out when it is first asked for.
#[derive(Debug)]
pub(super) struct Seen<'a> {
    definition: &'a Definition,
    hash: OnceCell<String>,
}

impl<'a> Seen<'a> {
    pub(super) fn new(definition: &'a Definition) -> Self {
        Self { definition, hash: OnceCell::new() }
    }

    /// The hash by which it is known.
    pub(super) fn hash(&self) -> &str {
        self.hash.get_or_init(|| hash(self.definition))
    }

    /// What is kept of it.
    pub(super) fn kept(&self) -> Kept {
        Kept::of(self.definition)
    }
}

impl Kept {
    /// What is kept of this definition.
    pub(super) fn of(definition: &Definition) -> Self {
        let text = canonical(definition);
        let hash = hash_of(&text);
        let bytes = (text.len() > MAX_BYTES).then_some(text.len());
        let text = if bytes.is_some() {
            beginning(&definition.name, definition.description().as_deref()).to_string()
        } else {
            text
        };
        let definition = RawValue::from_string(text).expect("it was just written as JSON");
        Self { hash, bytes, definition }
    }

    /// The definition as a value, without the secrets; as its text where it is nested too deeply for that.
    pub(super) fn value(&self, secrets: &Blotter) -> Value {
        value(&secrets.blot(self.definition.get()))
    }

    /// What is kept of a large definition, of any.
    pub(super) fn beginning(&self, secrets: &Blotter) -> Value {
        let value = self.value(secrets);
        beginning(value["name"].as_str().unwrap_or_default(), value["description"].as_str())
    }
}

/// The hash by which a definition is known: SHA-256, in small hexadecimal digits, of the members that count.
pub fn hash(definition: &Definition) -> String {
    hash_of(&canonical(definition))
}

fn hash_of(canonical: &str) -> String {
    hex(&Sha256::digest(canonical))
}

/// The members that count, their keys sorted at every depth, without blanks. Other forms than this one would be changes to
/// every tool that is pinned: it is what `serde_json` makes of a value.
fn canonical(definition: &Definition) -> String {
    let mut found = [None; MEMBERS.len()];
    for member in members(definition.text()).filter(|member| member.value != "null") {
        let name = member.name();
        if let Some(place) = MEMBERS.iter().position(|known| *known == name) {
            found[place].get_or_insert(member.value);
        }
    }
    let mut text = String::with_capacity(definition.text().len());
    for (name, value) in MEMBERS.iter().zip(found) {
        let Some(value) = value else { continue };
        text.push_str(if text.is_empty() { "{\"" } else { ",\"" });
        text.push_str(name);
        text.push_str("\":");
        let begin = text.len();
        if write(&mut text, value, MAX_DEPTH).is_none() {
            text.truncate(begin);
            write_string(&mut text, value);
        }
    }
    text.push_str(if text.is_empty() { "{}" } else { "}" });
    text
}

fn beginning(name: &str, description: Option<&str>) -> Value {
    let beginning = |text: &str| text.chars().take(BEGINNING).collect::<String>();
    json!({ "description": description.map(beginning), "name": name })
}

/// JSON that is nested too deeply to be taken apart counts as the text that it is.
fn value(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| Value::from(text))
}

/// Writes a value whose brackets are nested `depth` levels deep at most. Nothing where there is no such value: it is nested
/// more deeply, or has a string that stands for no text, or a number that is too large.
fn write(to: &mut String, value: &str, depth: usize) -> Option<()> {
    match value.as_bytes().first()? {
        b'{' => write_object(to, value, depth.checked_sub(1)?)?,
        b'[' => {
            let depth = depth.checked_sub(1)?;
            to.push('[');
            for (index, element) in elements(value).enumerate() {
                to.push_str(if index == 0 { "" } else { "," });
                write(to, element.trim(), depth)?;
            }
            to.push(']');
        }
        // Without escapes it is spelt as it would be written.
        b'"' if !value.contains('\\') => to.push_str(value),
        b'"' => write_string(to, &string(value)?),
        b't' | b'f' | b'n' => to.push_str(value),
        digits if is_plain(value) && *digits != b'-' => to.push_str(value),
        _ => to.push_str(&serde_json::from_str::<Value>(value).ok()?.to_string()),
    }
    Some(())
}

/// Whether a number is written as it is spelt.
fn is_plain(number: &str) -> bool {
    number.len() < 19 && number.bytes().all(|byte| byte.is_ascii_digit())
}

fn write_object(to: &mut String, object: &str, depth: usize) -> Option<()> {
    let mut found: Vec<(Cow<'_, str>, &str)> = Vec::new();
    for member in members(object) {
        found.push((string(member.key())?, member.value.trim()));
    }
    found.sort_by(|(one, _), (other, _)| one.cmp(other));
    to.push('{');
    let mut is_first = true;
    for (index, (key, value)) in found.iter().enumerate() {
        let begin = to.len();
        to.push_str(if is_first { "" } else { "," });
        write_string(to, key);
        to.push(':');
        write(to, value, depth)?;
        // Of several members of one name the last counts.
        if found.get(index + 1).is_some_and(|(next, _)| next == key) {
            to.truncate(begin);
        } else {
            is_first = false;
        }
    }
    to.push('}');
    Some(())
}

fn write_string(to: &mut String, text: &str) {
    to.push_str(&serde_json::to_string(text).expect("text is always JSON"));
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn definition(json: &str) -> Definition {
        let raw = RawValue::from_string(json.to_owned()).expect("JSON");
        Definition::parse(&raw).expect("a tool")
    }

    #[test]
    fn the_order_of_keys_and_blanks_mean_nothing() {
        let check = |json: &str, expected: &str| {
            assert_eq!(canonical(&definition(json)), expected);
        };
        check(r#"{"name": "a", "icons": [], "_meta": {"x": 1}}"#, r#"{"name":"a"}"#);
        check(
            r#"{"title":null, "inputSchema": {"z": [ {"b":1, "a":2.50} ], "a": {"y":null,"x":"\u0041\/"}}, "name":"a"}"#,
            r#"{"inputSchema":{"a":{"x":"A/","y":null},"z":[{"a":2.5,"b":1}]},"name":"a"}"#,
        );
        check(
            r#"{"description":"d\n\u202e","title":"t","outputSchema":true,"annotations":{"readOnlyHint":true},"name":"a"}"#,
            "{\"annotations\":{\"readOnlyHint\":true},\"description\":\"d\\n\u{202e}\",\"name\":\"a\",\
             \"outputSchema\":true,\"title\":\"t\"}",
        );
    }

    /// The same by values, as those pins were made that users have.
    fn by_values(definition: &Definition) -> String {
        fn sorted(value: &Value) -> String {
            match value {
                Value::Object(members) => {
                    let mut members: Vec<(&String, &Value)> = members.iter().collect();
                    members.sort_unstable_by_key(|(key, _)| *key);
                    let member = |(key, value): (&String, &Value)| {
                        format!("{}:{}", Value::from(key.as_str()), sorted(value))
                    };
                    let members: Vec<String> = members.into_iter().map(member).collect();
                    format!("{{{}}}", members.join(","))
                }
                Value::Array(items) => {
                    let items: Vec<String> = items.iter().map(sorted).collect();
                    format!("[{}]", items.join(","))
                }
                leaf => leaf.to_string(),
            }
        }
        let member = |name: &str| Some((name.to_owned(), value(definition.member(name)?)));
        sorted(&Value::Object(MEMBERS.into_iter().filter_map(member).collect()))
    }

    #[test]
    fn pins_stay_what_they_were() {
        let check = |member: &str| {
            let tool = definition(&format!(r#"{{"name":"a","inputSchema": {member} }}"#));
            assert_eq!(canonical(&tool), by_values(&tool), "{member}");
        };
        for number in [
            "0",
            "-0",
            "7",
            "-7",
            "0.0",
            "-0.0",
            "1e3",
            "1E+2",
            "2.50",
            "1e400",
            "1e-400",
            "1e21",
            "0.1",
            "123456789012345678",
            "1234567890123456789",
            "9223372036854775808",
            "18446744073709551615",
            "18446744073709551616",
            "-9223372036854775808",
            "-9223372036854775809",
            "0.30000000000000004",
        ] {
            check(number);
            check(&format!("[ {number} ,{{\"a\" : {number}}}]"));
        }
        for string in [
            r#""""#,
            r#""a""#,
            r#""\u0041\/\"""#,
            r#""\u0000\u001f\u007f\n\t""#,
            r#""\ud83d\ude00""#,
            r#""\ud800""#,
            "\"\u{7f}\u{2028}é😀\"",
            r#""\\ud800""#,
        ] {
            check(string);
            check(&format!("{{{string}: {string}, \"b\":[{string}]}}"));
        }
        for other in [
            "true",
            "false",
            "[ ]",
            "{ }",
            "[null, true ]",
            r#"{"b":1,"a":{"d":[{}],"c":null}}"#,
            r#"{"a":1,"\u0061":2,"b":3,"a":4}"#,
            "{\"z\":1,\"\u{e9}\":2,\"Z\":3,\"\u{1f600}\":4,\"\u{ffff}\":5}",
        ] {
            check(other);
        }
        for depth in [1, 100, 126, 127, 128, 129, 1000] {
            check(&("[".repeat(depth) + &"]".repeat(depth)));
            check(&(r#"{"a":"#.repeat(depth) + "1" + &"}".repeat(depth)));
        }
    }

    proptest! {
        #[test]
        fn whatever_a_schema_is_its_pin_stays_what_it_was(schema in json()) {
            let tool = definition(&format!(r#"{{"inputSchema":{schema},"name":"a","title":null}}"#));
            prop_assert_eq!(canonical(&tool), by_values(&tool));
        }
    }

    /// Texts of values, some of them spelt oddly.
    fn json() -> impl Strategy<Value = String> {
        let string = prop::collection::vec(
            prop::sample::select(vec![
                "a",
                "b",
                "\\u0061",
                "\\n",
                "\\/",
                "é",
                "\\ud83d\\ude00",
                "\\ud800",
                " ",
            ]),
            0..4,
        )
        .prop_map(|parts| format!("\"{}\"", parts.concat()));
        let leaf = prop_oneof![
            string.clone(),
            prop::sample::select(vec![
                "null",
                "true",
                "-1",
                "0",
                "1.50",
                "1e2",
                "12345678901234567890"
            ])
            .prop_map(str::to_owned),
        ];
        leaf.prop_recursive(4, 24, 4, move |inner| {
            let member =
                (string.clone(), inner.clone()).prop_map(|(key, value)| format!("{key} :{value}"));
            prop_oneof![
                prop::collection::vec(inner, 0..4)
                    .prop_map(|items| format!("[ {}]", items.join(" , "))),
                prop::collection::vec(member, 0..4)
                    .prop_map(|members| format!("{{ {}}}", members.join(","))),
            ]
        })
    }

    #[test]
    fn every_member_that_counts_changes_the_hash() {
        let hash = |json: &str| Kept::of(&definition(json)).hash;
        let plain = hash(r#"{"name":"a","description":"d","inputSchema":{"required":["x","y"]}}"#);
        assert_eq!(
            plain,
            hash(r#"{"inputSchema":{ "required": ["x", "y"] },"description":"d","name":"a"}"#)
        );
        for other in [
            r#"{"name":"b","description":"d","inputSchema":{"required":["x","y"]}}"#,
            r#"{"name":"a","description":"d ","inputSchema":{"required":["x","y"]}}"#,
            r#"{"name":"a","title":"d","inputSchema":{"required":["x","y"]}}"#,
            r#"{"name":"a","description":"d","inputSchema":{"required":["y","x"]}}"#,
            r#"{"name":"a","description":"d","outputSchema":{"required":["x","y"]}}"#,
            r#"{"name":"a","description":"d","inputSchema":{"required":["x","y"]},"annotations":{}}"#,
        ] {
            assert_ne!(plain, hash(other), "{other}");
        }
        assert_eq!(
            hash(r#"{"name":"a"}"#),
            "d9d719b27480b55cd4918020e7473e716ed3569c8adafe926cf9b10b4f8ef064"
        );
    }

    #[test]
    fn large_and_deep_definitions_are_kept_within_bounds() {
        let large = |end: &str| {
            let description = "x".repeat(MAX_BYTES) + end;
            Kept::of(&definition(&format!(r#"{{"name":"a","description":"{description}"}}"#)))
        };
        assert!(large("").definition.get().len() < BEGINNING + 100);
        assert!(large("").bytes > Some(MAX_BYTES));
        assert_ne!(large("").hash, large("!").hash, "the end counts as well");
        let deep = |leaf: &str| {
            let schema = "[".repeat(5000) + leaf + &"]".repeat(5000);
            Kept::of(&definition(&format!(r#"{{"name":"a","inputSchema":{schema}}}"#)))
        };
        assert_ne!(deep("1").hash, deep("2").hash);
        assert!(deep("1").value(&Blotter::default())["inputSchema"].is_string());
    }
}
