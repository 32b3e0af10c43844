//! What is kept of a tool: the hash of its definition, and the definition itself, to tell later what changed.

use std::fmt::Write;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use crate::base::blotter::Blotter;
use crate::protocol::tool::Definition;

/// A longer definition is kept as its hash and the beginning of its description.
const MAX_BYTES: usize = 64 * 1024;
/// As much of the description then.
const BEGINNING: usize = 4000;

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

impl Kept {
    /// What is kept of this definition.
    pub(super) fn of(definition: &Definition) -> Self {
        let text = canonical(definition);
        let hash = Sha256::digest(text.as_bytes()).iter().fold(String::new(), |mut hash, byte| {
            write!(hash, "{byte:02x}").expect("a string takes all");
            hash
        });
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
    Kept::of(definition).hash
}

/// The members that count, their keys sorted at every depth, without blanks.
fn canonical(definition: &Definition) -> String {
    let names = ["name", "title", "description", "inputSchema", "outputSchema", "annotations"];
    let member = |name: &str| Some((name.to_owned(), value(definition.member(name)?)));
    let members = names.into_iter().filter_map(member);
    let mut text = String::new();
    write_sorted(&mut text, &Value::Object(members.collect()));
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

fn write_sorted(to: &mut String, value: &Value) {
    match value {
        Value::Object(members) => write_object(to, members),
        Value::Array(items) => {
            to.push('[');
            for (index, item) in items.iter().enumerate() {
                to.push_str(if index == 0 { "" } else { "," });
                write_sorted(to, item);
            }
            to.push(']');
        }
        leaf => write!(to, "{leaf}").expect("a string takes all"),
    }
}

fn write_object(to: &mut String, members: &Map<String, Value>) {
    let mut members: Vec<(&String, &Value)> = members.iter().collect();
    members.sort_unstable_by_key(|(key, _)| *key);
    to.push('{');
    for (index, (key, value)) in members.into_iter().enumerate() {
        to.push_str(if index == 0 { "" } else { "," });
        write!(to, "{}:", Value::from(key.as_str())).expect("a string takes all");
        write_sorted(to, value);
    }
    to.push('}');
}

#[cfg(test)]
mod tests {
    use super::*;

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
