//! Reads a signature as a model has to: text in, parameters out. Knows nothing of how signatures are made.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// One parameter as the signature tells it.
#[derive(Debug, Clone)]
pub(crate) struct Parameter {
    pub(crate) optional: bool,
    pub(crate) kind: Kind,
    pub(crate) default: Option<Value>,
}

#[derive(Debug, Clone)]
pub(crate) enum Kind {
    Word(String),
    Literal(Value),
    Union(Vec<Kind>),
    Array(Box<Kind>),
    Record(Box<Kind>),
    Object(Parameters),
    Cut,
}

pub(crate) type Parameters = BTreeMap<String, Parameter>;

/// The tool's name and its arguments: an object, or a union of objects.
pub(crate) fn read(signature: &str, types: &Value) -> Result<(String, Kind), String> {
    let start = signature.find('(').ok_or("no parenthesis")?;
    let mut reader = Reader { rest: &signature[start + 1..], types };
    let kind = if reader.rest.starts_with('{') {
        reader.kind()?
    } else {
        Kind::Object(reader.members(")")?)
    };
    reader.eat(")")?;
    if reader.rest.is_empty() {
        Ok((signature[..start].to_owned(), kind))
    } else {
        Err(format!("more behind the end: {}", reader.rest))
    }
}

struct Reader<'a> {
    rest: &'a str,
    types: &'a Value,
}

impl<'a> Reader<'a> {
    fn take(&mut self, text: &str) -> bool {
        let found = self.rest.strip_prefix(text);
        self.rest = found.unwrap_or(self.rest);
        found.is_some()
    }

    fn eat(&mut self, text: &str) -> Result<(), String> {
        if self.take(text) { Ok(()) } else { Err(format!("no {text} before {}", self.rest)) }
    }

    fn word(&mut self) -> &'a str {
        let is_part = |letter: char| letter.is_alphanumeric() || "_-$.+".contains(letter);
        let end = self.rest.find(|letter| !is_part(letter)).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        word
    }

    fn named(&self, name: &str) -> Result<Kind, String> {
        let text = self.types[name].as_str().ok_or_else(|| format!("unknown type {name}"))?;
        let mut reader = Reader { rest: text, types: self.types };
        let kind = reader.kind()?;
        if reader.rest.is_empty() {
            Ok(kind)
        } else {
            Err(format!("{name} has more: {}", reader.rest))
        }
    }

    fn members(&mut self, end: &str) -> Result<Parameters, String> {
        let mut members = Parameters::new();
        while !self.rest.starts_with(end) {
            if self.take("...") {
                let name = self.word();
                let Kind::Object(shared) = self.named(name)? else {
                    return Err(format!("{name} is no object"));
                };
                members.extend(shared);
            } else {
                let name = if self.rest.starts_with('\'') {
                    self.quoted()?
                } else {
                    self.word().to_owned()
                };
                let mut parameter = Parameter {
                    optional: self.take("?"),
                    kind: Kind::Word("string".to_owned()),
                    default: None,
                };
                let typed = self.take(":");
                if typed {
                    parameter.kind = self.kind()?;
                }
                if self.take("=") {
                    let default = self.literal()?;
                    if !typed {
                        let inferred = match &default {
                            Value::Number(_) => "number",
                            Value::Bool(_) => "boolean",
                            Value::String(_) => "string",
                            other => return Err(format!("no type beside {other}")),
                        };
                        parameter.kind = Kind::Word(inferred.to_owned());
                    }
                    parameter.optional = true;
                    parameter.default = Some(default);
                }
                if name.is_empty() {
                    return Err(format!("no name before {}", self.rest));
                }
                members.insert(name, parameter);
            }
            if !self.take(",") {
                break;
            }
        }
        Ok(members)
    }

    fn kind(&mut self) -> Result<Kind, String> {
        let mut kinds = vec![self.single()?];
        while self.take("|") {
            kinds.push(self.single()?);
        }
        Ok(if kinds.len() == 1 { kinds.remove(0) } else { Kind::Union(kinds) })
    }

    fn single(&mut self) -> Result<Kind, String> {
        let mut kind = if self.take("(") {
            let kind = self.kind()?;
            self.eat(")")?;
            kind
        } else if self.take("{…}") {
            Kind::Cut
        } else if self.take("{") {
            let members = self.members("}")?;
            self.eat("}")?;
            Kind::Object(members)
        } else if self.take("Record<string,") {
            let kind = self.kind()?;
            self.eat(">")?;
            Kind::Record(Box::new(kind))
        } else if self.rest.starts_with('\'') {
            Kind::Literal(Value::String(self.quoted()?))
        } else {
            match self.word() {
                word @ ("string" | "number" | "boolean" | "null" | "any" | "object") => {
                    Kind::Word(word.to_owned())
                }
                word => match serde_json::from_str(word) {
                    Ok(value) => Kind::Literal(value),
                    Err(_) => self.named(word)?,
                },
            }
        };
        while self.take("[]") {
            kind = Kind::Array(Box::new(kind));
        }
        Ok(kind)
    }

    fn literal(&mut self) -> Result<Value, String> {
        if self.rest.starts_with('\'') {
            return self.quoted().map(Value::String);
        }
        if self.take("[") {
            let mut items = Vec::new();
            while !self.take("]") {
                items.push(self.literal()?);
                self.take(",");
            }
            return Ok(Value::Array(items));
        }
        if self.take("{") {
            let mut members = Map::new();
            while !self.take("}") {
                let name = if self.rest.starts_with('\'') {
                    self.quoted()?
                } else {
                    self.word().to_owned()
                };
                self.eat(":")?;
                members.insert(name, self.literal()?);
                self.take(",");
            }
            return Ok(Value::Object(members));
        }
        let word = self.word();
        serde_json::from_str(word).map_err(|_| format!("no literal: {word}"))
    }

    /// A string in single quotes: JSON's escapes, `\'` besides.
    fn quoted(&mut self) -> Result<String, String> {
        self.eat("'")?;
        let mut json = String::from("\"");
        let mut letters = self.rest.char_indices();
        while let Some((at, letter)) = letters.next() {
            match letter {
                '\'' => {
                    self.rest = &self.rest[at + 1..];
                    json.push('"');
                    return serde_json::from_str(&json).map_err(|error| format!("{json}: {error}"));
                }
                '\\' => match letters.next() {
                    Some((_, '\'')) => json.push('\''),
                    Some((_, other)) => json.extend(['\\', other]),
                    None => break,
                },
                '"' => json.push_str("\\\""),
                other => json.push(other),
            }
        }
        Err(format!("no end of '{}", self.rest))
    }
}
