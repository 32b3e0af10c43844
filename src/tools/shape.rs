//! What an input schema says about arguments, as far as a line of TypeScript can say it.

use std::cell::Cell;

use std::collections::HashSet;

use serde_json::{Map, Value};

use super::number;
use crate::protocol::tool::Definition;

/// So many shapes are read of one schema: references can multiply without end.
const MAX_SHAPES: usize = 1000;
/// So many characters of names and values count as one shape more.
const CHARACTERS: usize = 64;
/// References are followed this far, one behind the other.
const MAX_REFERENCES: usize = 12;

/// The kind of one value.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Shape {
    /// `string`, `number`, `boolean`, `null`, `any` or `object`.
    Word(&'static str),
    /// Its numbers may be [`number::kept`], here and in defaults.
    Literal(Value),
    Union(Vec<Shape>),
    Array(Box<Shape>),
    /// An object whose names are free and whose values are alike.
    Record(Box<Shape>),
    Object(Vec<Member>),
    /// An object that lies too deep to be spelt out.
    Cut,
}

/// One parameter, or one member of an object.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Member {
    pub(super) name: String,
    /// What has a default can be left out, whatever `required` says.
    pub(super) required: bool,
    pub(super) shape: Shape,
    pub(super) default: Option<Box<Value>>,
}

impl Shape {
    /// The arguments of a tool; objects within objects are spelt out `depth` deep.
    pub(super) fn of(definition: &Definition, depth: usize) -> Self {
        let schema: Value = definition
            .input_schema()
            .and_then(|schema| serde_json::from_str(&number::keep(schema)).ok())
            .unwrap_or_default();
        let reading = Reading { root: &schema, left: Cell::new(MAX_SHAPES), deepest: depth };
        let at = Place { depth: 0, references: 0 };
        let (mut schema, mut references) = (&schema, 0);
        while let Some(target) = reading.target(schema).filter(|_| references < MAX_REFERENCES) {
            (schema, references) = (target, references + 1);
        }
        match reading.object(schema, at) {
            Self::Word(_)
                if ["anyOf", "oneOf", "allOf"].iter().any(|key| !schema[*key].is_null()) =>
            {
                reading.shape(schema, at)
            }
            Self::Object(members) => Self::Object(members),
            _ => Self::Object(Vec::new()),
        }
    }
}

/// Where in the schema something stands.
#[derive(Clone, Copy)]
struct Place {
    depth: usize,
    references: usize,
}

struct Reading<'a> {
    /// Where references lead to.
    root: &'a Value,
    /// Shapes that may still be read.
    left: Cell<usize>,
    deepest: usize,
}

impl<'a> Reading<'a> {
    /// What a local reference leads to; nothing is ever fetched.
    fn target(&self, schema: &Value) -> Option<&'a Value> {
        self.root.pointer(schema["$ref"].as_str()?.strip_prefix('#')?)
    }

    /// Long names and values that references repeat are paid for each time.
    fn charge(&self, characters: usize) {
        self.left.set(self.left.get().saturating_sub(characters / CHARACTERS));
    }

    fn shape(&self, schema: &Value, at: Place) -> Shape {
        let left = self.left.get();
        self.left.set(left.saturating_sub(1));
        if left == 0 || at.references > MAX_REFERENCES {
            return Shape::Word("any");
        }
        let inner = Place { references: at.references + 1, ..at };
        if let Some(target) = self.target(schema) {
            return self.shape(target, inner);
        }
        if let Some(constant) = schema.get("const") {
            self.charge(constant.to_string().len());
            return Shape::Literal(constant.clone());
        }
        if let Some(values) = schema["enum"].as_array() {
            self.charge(schema["enum"].to_string().len());
            return union(values.iter().cloned().map(Shape::Literal));
        }
        if schema["properties"].as_object().is_none_or(Map::is_empty) {
            let choices = ["anyOf", "oneOf"].iter().find_map(|key| schema[*key].as_array());
            if let Some(choices) = choices.filter(|choices| !choices.is_empty()) {
                return union(choices.iter().map(|choice| self.shape(choice, inner)));
            }
            if let Some(parts) = schema["allOf"].as_array() {
                return all_of(parts.iter().map(|part| self.shape(part, inner)), schema);
            }
        }
        match &schema["type"] {
            Value::String(name) => self.named(name, schema, at),
            Value::Array(names) => {
                let names = names.iter().filter_map(Value::as_str);
                union(names.map(|name| self.named(name, schema, at)))
            }
            _ if schema["properties"].is_object() => self.object(schema, at),
            _ if schema["items"].is_object() => self.named("array", schema, at),
            _ => Shape::Word("any"),
        }
    }

    fn named(&self, name: &str, schema: &Value, at: Place) -> Shape {
        match name {
            "string" => Shape::Word("string"),
            "integer" | "number" => Shape::Word("number"),
            "boolean" => Shape::Word("boolean"),
            "null" => Shape::Word("null"),
            "array" => {
                let item = schema.get("items").map(|items| self.shape(items, at));
                Shape::Array(Box::new(item.unwrap_or(Shape::Word("any"))))
            }
            "object" => self.object(schema, at),
            _ => Shape::Word("any"),
        }
    }

    /// The properties of an object, those that must be given first.
    fn object(&self, schema: &Value, at: Place) -> Shape {
        let inner = Place { depth: at.depth + 1, ..at };
        let Some(properties) = schema["properties"].as_object().filter(|all| !all.is_empty())
        else {
            let values = schema.get("additionalProperties").filter(|values| values.is_object());
            return match values.map(|values| self.shape(values, inner)) {
                None | Some(Shape::Word("any")) => Shape::Word("object"),
                Some(values) => Shape::Record(Box::new(values)),
            };
        };
        if at.depth > self.deepest {
            return Shape::Cut;
        }
        let required: HashSet<&str> = schema["required"]
            .as_array()
            .map(|names| names.iter().filter_map(Value::as_str).collect())
            .unwrap_or_default();
        let member = |(name, schema): (&String, &Value)| {
            let default = schema.get("default").or_else(|| self.target(schema)?.get("default"));
            let default = default.filter(|default| !default.is_null()).cloned().map(Box::new);
            self.charge(
                name.len() + default.as_ref().map_or(0, |default| default.to_string().len()),
            );
            let named = required.contains(name.as_str());
            let required = named && default.is_none();
            let shape = self.shape(schema, inner);
            let shape = if required { shape } else { without_null(shape) };
            Member { name: name.clone(), required, shape, default }
        };
        let (mut first, rest): (Vec<_>, Vec<_>) =
            properties.iter().map(member).partition(|member| member.required);
        // Lists of thousands of tools hold all of these at once.
        first.reserve_exact(rest.len());
        first.extend(rest);
        first.shrink_to_fit();
        Shape::Object(first)
    }
}

/// The different ones of several shapes.
fn union(shapes: impl Iterator<Item = Shape>) -> Shape {
    let mut different: Vec<Shape> = Vec::new();
    // Servers may name tens of thousands of values.
    let mut seen = HashSet::new();
    let flat = shapes.flat_map(|shape| match shape {
        Shape::Union(shapes) => shapes,
        other => vec![other],
    });
    for shape in flat {
        // What null is called makes no difference.
        let shape = if shape == Shape::Literal(Value::Null) { Shape::Word("null") } else { shape };
        if seen.insert(format!("{shape:?}")) {
            different.push(shape);
        }
    }
    match different.len() {
        0 => Shape::Word("any"),
        1 => different.remove(0),
        _ => {
            different.shrink_to_fit();
            Shape::Union(different)
        }
    }
}

/// What can be left out need not be null as well.
fn without_null(shape: Shape) -> Shape {
    match shape {
        Shape::Union(shapes) => {
            union(shapes.into_iter().filter(|shape| *shape != Shape::Word("null")))
        }
        other => other,
    }
}

/// Objects are put together; of other kinds, the first that says something counts.
fn all_of(shapes: impl Iterator<Item = Shape>, schema: &Value) -> Shape {
    let mut together: Vec<Member> = Vec::new();
    let mut names = HashSet::new();
    let mut first = None;
    for shape in shapes {
        match shape {
            Shape::Object(members) => {
                for member in members {
                    if names.insert(member.name.clone()) {
                        together.push(member);
                    }
                }
            }
            Shape::Word("any") => {}
            other => first = first.or(Some(other)),
        }
    }
    if !together.is_empty() {
        return Shape::Object(together);
    }
    first.unwrap_or(match schema["type"].as_str() {
        Some("object") => Shape::Word("object"),
        Some("string") => Shape::Word("string"),
        _ => Shape::Word("any"),
    })
}
