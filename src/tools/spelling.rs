//! The shortest spelling that models read as TypeScript: no blanks, and `string` only where something hangs on it.

use std::collections::HashMap;

use indexmap::IndexMap;
use serde_json::Value;

use super::number;
use super::shape::{Member, Shape};

/// What is written shorter, by its text without any names.
#[derive(Debug, Default)]
pub(super) struct Names {
    /// Types that have a name.
    pub(super) types: IndexMap<String, String>,
    /// Objects of which some members stand in groups.
    pub(super) objects: HashMap<String, Split>,
}

/// The members that an object has for itself, by position, and the names of the groups that hold the others.
#[derive(Debug, Default)]
pub(super) struct Split {
    pub(super) own: Vec<usize>,
    pub(super) groups: Vec<String>,
}

impl Names {
    fn is_empty(&self) -> bool {
        self.types.is_empty() && self.objects.is_empty()
    }
}

/// `name`, `name?`, `name:number`, `name=10`, or `name:'a'|'b'='a'`.
pub(super) fn member(member: &Member, names: &Names) -> String {
    let name = key(&member.name);
    let kind = shape(&member.shape, names);
    if let Some(default) = &member.default {
        let inferred = match &**default {
            Value::Number(_) => "number",
            number if number::kept(number).is_some() => "number",
            Value::String(_) => "string",
            Value::Bool(_) => "boolean",
            _ => "",
        };
        let default = literal(default);
        return if kind == inferred {
            format!("{name}={default}")
        } else {
            format!("{name}:{kind}={default}")
        };
    }
    let mark = if member.required { "" } else { "?" };
    if kind == "string" { format!("{name}{mark}") } else { format!("{name}{mark}:{kind}") }
}

/// A shape by its name, if it has one, else spelt out.
pub(super) fn shape(of: &Shape, names: &Names) -> String {
    if !names.types.is_empty()
        && can_be_named(of)
        && let Some(name) = names.types.get(&plain(of))
    {
        return name.clone();
    }
    spell(of, names)
}

/// A shape without any names.
pub(super) fn plain(of: &Shape) -> String {
    spell(of, &Names::default())
}

/// Whether giving it a name could ever pay.
pub(super) fn can_be_named(shape: &Shape) -> bool {
    matches!(shape, Shape::Union(_) | Shape::Object(_) | Shape::Array(_) | Shape::Record(_))
}

/// A shape spelt out, what it consists of by name where there is one.
pub(super) fn spell(of: &Shape, names: &Names) -> String {
    match of {
        Shape::Word(word) => (*word).to_owned(),
        Shape::Literal(value) => literal(value),
        Shape::Union(shapes) => {
            shapes.iter().map(|one| shape(one, names)).collect::<Vec<_>>().join("|")
        }
        Shape::Array(item) => {
            let spelt = shape(item, names);
            let is_open = matches!(**item, Shape::Union(_)) && spelt.contains('|');
            if is_open { format!("({spelt})[]") } else { format!("{spelt}[]") }
        }
        Shape::Record(value) => format!("Record<string,{}>", shape(value, names)),
        Shape::Object(members) => {
            let split = if names.is_empty() { None } else { names.objects.get(&plain(of)) };
            object(members, split, names)
        }
        Shape::Cut => "{…}".to_owned(),
    }
}

/// An object that is nothing but one group goes by its name.
fn object(members: &[Member], split: Option<&Split>, names: &Names) -> String {
    let Some(Split { own, groups }) = split else {
        let members = members.iter().map(|one| member(one, names));
        return format!("{{{}}}", members.collect::<Vec<_>>().join(","));
    };
    if let ([], [group]) = (own.as_slice(), groups.as_slice()) {
        return group.clone();
    }
    let own = own.iter().map(|at| member(&members[*at], names));
    let groups = groups.iter().map(|group| format!("...{group}"));
    format!("{{{}}}", own.chain(groups).collect::<Vec<_>>().join(","))
}

/// A name as it is, if nothing in it could be taken for something else, else in quotes.
fn key(name: &str) -> String {
    let is_plain = |letter: char| letter.is_alphanumeric() || matches!(letter, '_' | '-' | '$');
    if !name.is_empty() && name.chars().all(is_plain) { name.to_owned() } else { quoted(name) }
}

fn literal(value: &Value) -> String {
    if let Some(number) = number::kept(value) {
        return number.to_owned();
    }
    match value {
        Value::String(text) => quoted(text),
        Value::Array(items) => {
            format!("[{}]", items.iter().map(literal).collect::<Vec<_>>().join(","))
        }
        Value::Object(members) => {
            let member =
                |(name, value): (&String, &Value)| format!("{}:{}", key(name), literal(value));
            format!("{{{}}}", members.iter().map(member).collect::<Vec<_>>().join(","))
        }
        other => other.to_string(),
    }
}

/// In single quotes: double ones would need a backslash each within JSON.
fn quoted(text: &str) -> String {
    let json = Value::from(text).to_string();
    let inside = json[1..json.len() - 1].replace("\\\"", "\"").replace('\'', "\\'");
    format!("'{inside}'")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::tool::Definition;
    use serde_json::json;
    use serde_json::value::to_raw_value;

    fn check(properties: &Value, expected: &str) {
        let schema =
            json!({"type": "object", "properties": properties, "required": ["must", "null"]});
        let raw = to_raw_value(&json!({ "name": "t", "inputSchema": schema })).expect("plain JSON");
        let shape = Shape::of(&Definition::parse(&raw).expect("a tool"), 1);
        assert_eq!(plain(&shape), format!("{{{expected}}}"));
    }

    #[test]
    fn spells_no_more_than_is_needed() {
        check(&json!({"may": {"type": "string"}, "must": {"type": "string"}}), "must,may?");
        check(
            &json!({"a": {"type": "integer"}, "b": {"type": "boolean", "default": false}}),
            "a?:number,b=false",
        );
        check(&json!({"a": {"type": "integer", "default": "7"}}), "a:number='7'");
        check(&json!({"must": {"enum": ["x", "y"], "default": "x"}}), "must:'x'|'y'='x'");
        check(
            &json!({"null": {"type": ["string", "null"]}, "a": {"type": ["string", "null"]}}),
            "null:string|null,a?",
        );
        check(&json!({"a": {"type": "array", "items": {"enum": [1, null]}}}), "a?:(1|null)[]");
        check(&json!({"a": {"default": {"b": ["c", {}]}}}), "a:any={b:['c',{}]}");
    }

    #[test]
    fn numbers_are_spelt_as_they_were() {
        let raw = r#"{"name":"t","inputSchema":{"type":"object","properties":{
            "id":{"type":"integer","default":100000000000000000001},"n":{"enum":[1.50,1e3,7]}}}}"#;
        let raw = serde_json::value::RawValue::from_string(raw.to_owned()).expect("valid");
        let shape = Shape::of(&Definition::parse(&raw).expect("a tool"), 1);
        assert_eq!(plain(&shape), "{id=100000000000000000001,n?:1.50|1e3|7}");
    }

    #[test]
    fn nothing_can_be_taken_for_something_else() {
        check(&json!({"a-b": {"type": "string"}, "a b": {}, "": {}}), "a-b?,'a b'?:any,''?:any");
        check(&json!({"a": {"const": "it's \"so\"\n\\"}}), r#"a?:'it\'s "so"\n\\'"#);
        check(&json!({"a": {"enum": ["'|'", ")"]}}), r"a?:'\'|\''|')'");
    }

    #[test]
    fn what_lies_too_deep_is_cut() {
        let inner = json!({"type": "object", "properties": {"b": {"type": "string"}}});
        let outer = json!({"type": "object", "properties": {"inner": inner}});
        check(&json!({ "outer": outer }), "outer?:{inner?:{…}}");
    }
}
