//! Files of JSON, with or without comments and trailing commas.
//!
//! A text that is plain JSON is spliced as the bridge's own files are. One with comments is left to a parser that keeps
//! them, which lays out what it puts in by rules of its own.

use std::collections::HashSet;

use jsonc_parser::ParseOptions;
use jsonc_parser::cst::{CstInputValue, CstNode, CstObject, CstRootNode};
use serde_json::{Map, Value};

use super::document::Fault;
use crate::base::json;
use crate::config::edit::shape;

/// What editors allow in the files of their settings, and no more.
const OPTIONS: ParseOptions = ParseOptions {
    allow_comments: true,
    allow_loose_object_property_names: false,
    allow_trailing_commas: true,
    allow_missing_commas: false,
    allow_single_quoted_strings: false,
    allow_hexadecimal_numbers: false,
    allow_unary_plus_numbers: false,
    allow_bare_decimal_point_numbers: false,
    allow_non_finite_numbers: false,
    allow_extended_string_escapes: false,
};

const KIND: &str = "object `{…}`";
/// A text that says nothing yet.
const NEW: &str = "{\n}\n";

/// All that the text says; an empty one is an empty object.
pub(super) fn value(text: &str) -> Result<Value, Fault> {
    match root(text)? {
        Some(object) => to_value(&object.into()),
        None => Ok(Value::Object(Map::new())),
    }
}

/// The servers under a key, in their order.
pub(super) fn servers(text: &str, section: &str) -> Result<Vec<(String, Value)>, Fault> {
    let Some(root) = root(text)? else { return Ok(Vec::new()) };
    let Some(servers) = container(&root, section)? else { return Ok(Vec::new()) };
    only_once(&servers)?;
    let read = servers.properties().into_iter().map(|property| {
        let name = property.decoded_name().unwrap_or_default();
        let value = property.value().map_or(Ok(Value::Null), |value| to_value(&value))?;
        Ok((name, value))
    });
    read.collect()
}

/// The text with a server under its key.
pub(super) fn put(text: &str, section: &str, name: &str, entry: &Value) -> Result<String, Fault> {
    if is_plain(text) || text.trim().is_empty() {
        // What says nothing yet is laid out as a new file is.
        let says_something = json::members(text).next().is_some();
        let text = if says_something { text } else { NEW };
        return put_plain(text, section, name, entry).ok_or(Fault::Unsafe);
    }
    let tree = parse(text)?;
    let Some(root) = tree.object_value() else { return Err(Fault::Unsafe) };
    let Some(container) = container(&root, section)? else {
        let servers = Map::from_iter([(name.to_owned(), entry.clone())]);
        root.append(section, to_input(&Value::Object(servers)));
        return Ok(tree.to_string());
    };
    if let Some(old) = container.get(name) {
        old.set_value(to_input(entry));
    } else {
        container.append(name, to_input(entry));
    }
    Ok(tree.to_string())
}

/// The text without the server of this name.
pub(super) fn take(text: &str, section: &str, name: &str) -> Result<String, Fault> {
    if is_plain(text) {
        let container = json::members(text).find(|member| member.name() == section);
        let Some(container) = container else { return Ok(text.to_owned()) };
        let index = json::members(container.value).position(|member| member.name() == name);
        let shorter = index.and_then(|index| json::remove(text, container.value, index));
        return Ok(shorter.unwrap_or_else(|| text.to_owned()));
    }
    let tree = parse(text)?;
    let root = tree.object_value();
    let servers = root.as_ref().and_then(|root| root.object_value(section));
    if let Some(property) = servers.and_then(|servers| servers.get(name)) {
        property.remove();
    }
    Ok(tree.to_string())
}

/// Whether the text is JSON as the standard has it.
fn is_plain(text: &str) -> bool {
    serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok()
}

fn put_plain(text: &str, section: &str, name: &str, entry: &Value) -> Option<String> {
    let container = json::members(text).find(|member| member.name() == section);
    let Some(container) = container else {
        let servers = Value::Object(Map::from_iter([(name.to_owned(), entry.clone())]));
        return shape::insert(text, text.trim(), section, &servers);
    };
    match json::members(container.value).find(|member| member.name() == name) {
        Some(old) => shape::replace(text, old.value, entry),
        None => shape::insert(text, container.value, name, entry),
    }
}

fn parse(text: &str) -> Result<CstRootNode, Fault> {
    CstRootNode::parse(text, &OPTIONS).map_err(|fault| Fault::Syntax {
        line: fault.line_display(),
        reason: fault.kind().to_string(),
    })
}

/// The object that the text is; nothing if the text is empty.
fn root(text: &str) -> Result<Option<CstObject>, Fault> {
    if text.trim().is_empty() {
        return Ok(None);
    }
    let tree = parse(text)?;
    match tree.value() {
        Some(CstNode::Container(node)) if node.is_object() => {
            let object = tree.object_value().expect("its value is an object");
            only_once(&object)?;
            Ok(Some(object))
        }
        None | Some(_) => Err(Fault::NotAnObject { what: "what it holds".to_owned(), kind: KIND }),
    }
}

fn container(root: &CstObject, section: &str) -> Result<Option<CstObject>, Fault> {
    let Some(property) = root.get(section) else { return Ok(None) };
    match property.object_value() {
        Some(servers) => Ok(Some(servers)),
        None => Err(Fault::NotAnObject { what: format!("`{section}`"), kind: KIND }),
    }
}

fn only_once(object: &CstObject) -> Result<(), Fault> {
    let mut seen = HashSet::new();
    for property in object.properties() {
        let key = property.decoded_name().unwrap_or_default();
        if seen.contains(&key) {
            return Err(Fault::Twice { key });
        }
        seen.insert(key);
    }
    Ok(())
}

fn to_value(node: &CstNode) -> Result<Value, Fault> {
    if let Some(object) = node.as_object() {
        let mut members = Map::new();
        for property in object.properties() {
            let name = property.decoded_name().unwrap_or_default();
            let value = property.value().map_or(Ok(Value::Null), |value| to_value(&value))?;
            members.insert(name, value);
        }
        return Ok(Value::Object(members));
    }
    if let Some(array) = node.as_array() {
        return array.elements().iter().map(to_value).collect::<Result<_, _>>().map(Value::Array);
    }
    let unreadable = |_| Fault::Syntax { line: 1, reason: format!("`{node}` is no value") };
    match node.as_string_lit() {
        Some(text) => text
            .decoded_value()
            .map(Value::String)
            .map_err(|fault| Fault::Syntax { line: 1, reason: fault.to_string() }),
        None => serde_json::from_str(&node.to_string()).map_err(unreadable),
    }
}

fn to_input(value: &Value) -> CstInputValue {
    match value {
        Value::Null => CstInputValue::Null,
        Value::Bool(value) => CstInputValue::Bool(*value),
        Value::Number(number) => CstInputValue::Number(number.to_string()),
        Value::String(text) => CstInputValue::String(text.clone()),
        Value::Array(items) => CstInputValue::Array(items.iter().map(to_input).collect()),
        Value::Object(members) => CstInputValue::Object(
            members.iter().map(|(key, value)| (key.clone(), to_input(value))).collect(),
        ),
    }
}
