//! A tool's arguments in one line of TypeScript, which suffices to call it.

use super::shape::Shape;
use super::spelling;
use crate::protocol::tool::Definition;

/// Objects within objects are spelt out this deep.
const MAX_DEPTH: usize = 4;
/// A longer signature is of no use; the schema is the better answer then.
const MAX_LENGTH: usize = 2000;

/// Such as `search(query,limit=10,sort?:'asc'|'desc')`, in the spelling of lists.
pub fn signature(definition: &Definition) -> String {
    let shape = Shape::of(definition, MAX_DEPTH);
    let spelt = spelling::plain(&shape);
    let arguments = match shape {
        Shape::Object(_) => &spelt[1..spelt.len() - 1],
        _ => &spelt,
    };
    let mut line = format!("{}({arguments})", definition.name);
    if let Some((cut, _)) = line.char_indices().nth(MAX_LENGTH) {
        line.truncate(cut);
        line.push('…');
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::value::to_raw_value;
    use serde_json::{Map, Value, json};

    fn check(schema: &Value, expected: &str) {
        let raw = to_raw_value(&json!({ "name": "t", "inputSchema": schema })).expect("plain JSON");
        let definition = Definition::parse(&raw).expect("a tool");
        assert_eq!(signature(&definition), expected);
    }

    #[test]
    fn a_line_says_how_to_call_a_tool() {
        check(&json!({}), "t()");
        check(
            &json!({"properties": {
                "b": {"type": "integer", "default": 5},
                "a": {"type": "string"},
                "c": {"enum": ["x", "y"]},
            }, "required": ["a"]}),
            "t(a,b=5,c?:'x'|'y')",
        );
        check(
            &json!({"properties": {
                "list": {"type": "array", "items": {"type": ["string", "null"]}},
                "any": {},
                "either": {"anyOf": [{"type": "number"}, {"type": "integer"}, {"const": null}]},
                "must": {"type": ["number", "null"]},
                "nested": {"type": "object", "properties": {"x": {"type": "boolean"}}},
                "free": {"type": "object"},
                "words": {"type": "object", "additionalProperties": {"type": "string"}},
            }, "required": ["must"]}),
            "t(must:number|null,list?:(string|null)[],any?:any,either?:number,\
             nested?:{x?:boolean},free?:object,words?:Record<string,string>)",
        );
    }

    #[test]
    fn what_has_a_default_can_be_left_out() {
        check(
            &json!({"properties": {"a": {"type": "string", "default": "x"}}, "required": ["a"]}),
            "t(a='x')",
        );
    }

    #[test]
    fn combined_schemas_are_put_together() {
        let object =
            |name: &str| json!({"type": "object", "properties": {name: {"type": "string"}}});
        check(
            &json!({"type": "object", "properties": {"a": {"type": "string"}},
                "anyOf": [{"required": ["a"]}, {"required": ["b"]}]}),
            "t(a?)",
        );
        check(&json!({"allOf": [object("a"), object("b")]}), "t(a?,b?)");
        check(&json!({"anyOf": [object("a"), object("b")]}), "t({a?}|{b?})");
        check(&json!({"$ref": "#/$defs/x", "$defs": {"x": object("a")}}), "t(a?)");
    }

    #[test]
    fn references_are_followed_but_not_for_ever() {
        check(
            &json!({"properties": {"a": {"$ref": "#/$defs/a"}}, "$defs": {"a": {"type": "string"}}}),
            "t(a?)",
        );
        check(
            &json!({"properties": {"a": {"$ref": "#/$defs/a"}}, "$defs": {"a": {"$ref": "#/$defs/a"}}}),
            "t(a?:any)",
        );
        check(&json!({"properties": {"a": {"$ref": "https://else.where/schema"}}}), "t(a?:any)");
    }

    #[test]
    fn long_values_that_multiply_are_cut_short() {
        let long: Vec<String> = (0..5000).map(|n| format!("value {n}")).collect();
        let references = (0..900).map(|n| (format!("p{n}"), json!({"$ref": "#/$defs/long"})));
        let properties: Map<String, Value> = references.collect();
        let schema = json!({"properties": properties, "$defs": {"long": {"enum": long}}});
        let raw = to_raw_value(&json!({ "name": "t", "inputSchema": schema })).expect("plain JSON");
        let Shape::Object(members) = Shape::of(&Definition::parse(&raw).expect("a tool"), 3) else {
            panic!("an object")
        };
        let spelt = members.iter().filter(|member| member.shape != Shape::Word("any")).count();
        assert!((1..20).contains(&spelt), "{spelt} long ones");
    }

    #[test]
    fn schemas_that_multiply_are_cut_short() {
        let references = (0..1000).map(|n| (format!("p{n}"), json!({"$ref": "#"})));
        let properties: Map<String, Value> = references.collect();
        let schema = json!({"type": "object", "properties": properties});
        let raw = to_raw_value(&json!({ "name": "t", "inputSchema": schema })).expect("plain JSON");
        let line = signature(&Definition::parse(&raw).expect("a tool"));
        assert_eq!(line.chars().count(), MAX_LENGTH + 1);
    }
}
