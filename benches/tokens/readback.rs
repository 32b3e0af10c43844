//! Whether a list suffices: what a schema says is read from the schema and from the signature, and compared.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};

use mcp_bridge::tools::{ServerTools, Tool};
use serde_json::{Map, Value};

use crate::signature::{self, Kind, Parameters};

/// References are followed this far.
const MAX_REFERENCES: usize = 20;

/// What came out so far.
#[derive(Default)]
pub(crate) struct Readback {
    tools: usize,
    /// Tools of which something lies too deep to be spelt out.
    cut: Vec<String>,
    faults: Vec<String>,
}

/// What can be said about a value, in an order of its own.
#[derive(Debug, Default, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Facts {
    words: BTreeSet<String>,
    literals: BTreeSet<String>,
    objects: BTreeSet<BTreeMap<String, Member>>,
    cut: bool,
}

#[derive(Debug, Default, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Member {
    optional: bool,
    default: Option<String>,
    facts: Facts,
}

impl Readback {
    pub(crate) fn read(&mut self, server: &str, list: &str, tools: &ServerTools) {
        let list: Value = serde_json::from_str(list).expect("the list is JSON");
        let entries = list["tools"].as_array().map_or(&[][..], Vec::as_slice);
        if entries.len() != tools.len() {
            let (listed, all) = (entries.len(), tools.len());
            self.faults.push(format!("{server}: {listed} tools are listed of {all}"));
        }
        for (tool, entry) in tools.iter().zip(entries) {
            self.tools += 1;
            let name = &tool.definition.name;
            let outcome = entry["signature"].as_str().ok_or_else(|| "no signature".to_owned());
            let outcome = outcome.and_then(|text| signature::read(text, &list["types"]));
            let fault = match outcome {
                Err(fault) => Some(fault),
                Ok((other, _)) if other != *name => Some(format!("is called {other}")),
                Ok((_, kind)) => {
                    let mut told = Facts::default();
                    told.add_kind(&kind);
                    if told.has_cut() {
                        self.cut.push(format!("{server}/{name}"));
                    }
                    compare(&expected(tool), &told).err()
                }
            };
            self.faults.extend(fault.map(|fault| format!("{server}/{name}: {fault}")));
        }
    }

    pub(crate) fn is_complete(&self) -> bool {
        self.faults.is_empty()
    }

    pub(crate) fn write(&self, out: &mut impl Write) -> io::Result<()> {
        let Self { tools, cut, faults } = self;
        let right = tools - faults.len();
        writeln!(out, "signatures that say what the schema says: {right} of {tools}")?;
        writeln!(out, "of them, with an object that lies too deep and is `{{…}}`: {}", cut.len())?;
        for name in cut {
            writeln!(out, "  {name}")?;
        }
        for fault in faults {
            writeln!(out, "  not read back: {fault}")?;
        }
        Ok(())
    }
}

fn expected(tool: &Tool) -> Facts {
    let schema = tool.definition.input_schema();
    let schema: Value = schema.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
    let mut facts = Facts::default();
    facts.add_schema(&schema, &schema, 0);
    if facts.objects.is_empty() {
        facts.objects.insert(BTreeMap::new());
    }
    facts.words.clear();
    facts
}

/// Whether everything expected is told; where something is cut, objects may be missing.
fn compare(expected: &Facts, told: &Facts) -> Result<(), String> {
    if expected.words != told.words {
        return Err(format!("kinds {:?} instead of {:?}", told.words, expected.words));
    }
    if expected.literals != told.literals {
        return Err(format!("values {:?} instead of {:?}", told.literals, expected.literals));
    }
    for object in &told.objects {
        let fits = |other: &&BTreeMap<String, Member>| compare_objects(other, object).is_ok();
        if expected.objects.iter().find(fits).is_none() {
            let mut others = expected.objects.iter();
            let fault = others.find_map(|other| compare_objects(other, object).err());
            return Err(fault.unwrap_or_else(|| "an object that is not there".to_owned()));
        }
    }
    let is_told = |object: &BTreeMap<String, Member>| {
        told.objects.iter().any(|other| compare_objects(object, other).is_ok())
    };
    if !told.cut && !expected.objects.iter().all(is_told) {
        return Err("an object is missing".to_owned());
    }
    Ok(())
}

fn compare_objects(
    expected: &BTreeMap<String, Member>,
    told: &BTreeMap<String, Member>,
) -> Result<(), String> {
    if !expected.keys().eq(told.keys()) {
        let (expected, told): (Vec<_>, Vec<_>) = (expected.keys().collect(), told.keys().collect());
        return Err(format!("names {told:?} instead of {expected:?}"));
    }
    for ((name, expected), told) in expected.iter().zip(told.values()) {
        if expected.optional != told.optional || expected.default != told.default {
            return Err(format!("{name}: {told:?} instead of {expected:?}"));
        }
        compare(&expected.facts, &told.facts).map_err(|fault| format!("{name}: {fault}"))?;
    }
    Ok(())
}

impl Facts {
    fn has_cut(&self) -> bool {
        let members = self.objects.iter().flat_map(BTreeMap::values);
        self.cut || members.into_iter().any(|member| member.facts.has_cut())
    }

    fn add_kind(&mut self, kind: &Kind) {
        match kind {
            Kind::Word(word) => {
                self.words.insert(word.clone());
            }
            Kind::Literal(value) => {
                self.literals.insert(value.to_string());
            }
            Kind::Union(kinds) => kinds.iter().for_each(|kind| self.add_kind(kind)),
            Kind::Array(item) => {
                self.words.insert("[]".to_owned());
                self.add_kind(item);
            }
            Kind::Record(value) => {
                self.words.insert("Record".to_owned());
                self.add_kind(value);
            }
            Kind::Object(parameters) => {
                self.objects.insert(Self::of_parameters(parameters));
            }
            Kind::Cut => self.cut = true,
        }
    }

    fn of_parameters(parameters: &Parameters) -> BTreeMap<String, Member> {
        let member = |(name, parameter): (&String, &signature::Parameter)| {
            let mut facts = Self::default();
            facts.add_kind(&parameter.kind);
            let default = parameter.default.as_ref().map(Value::to_string);
            (name.clone(), Member { optional: parameter.optional, default, facts })
        };
        parameters.iter().map(member).collect()
    }

    fn add_schema(&mut self, schema: &Value, root: &Value, references: usize) {
        if references > MAX_REFERENCES {
            self.words.insert("any".to_owned());
            return;
        }
        if let Some(target) = resolve(schema, root) {
            self.add_schema(target, root, references + 1);
        } else if let Some(value) = schema.get("const") {
            self.literals.insert(value.to_string());
        } else if let Some(values) = schema["enum"].as_array() {
            self.literals.extend(values.iter().map(Value::to_string));
        } else if let Some(properties) =
            schema["properties"].as_object().filter(|all| !all.is_empty())
        {
            let required = schema["required"].as_array();
            self.objects.insert(members_of(properties, required, root, references));
            let types = schema["type"].as_array().into_iter().flatten().filter_map(Value::as_str);
            self.words.extend(types.filter(|name| *name != "object").map(word));
        } else if let Some(choices) =
            ["anyOf", "oneOf", "allOf"].iter().find_map(|key| schema[*key].as_array())
        {
            for choice in choices {
                self.add_schema(choice, root, references + 1);
            }
        } else {
            let types: Vec<&str> = match &schema["type"] {
                Value::String(name) => vec![name],
                Value::Array(names) => names.iter().filter_map(Value::as_str).collect(),
                _ => vec!["any"],
            };
            for name in types {
                self.add_type(name, schema, root, references);
            }
        }
    }

    fn add_type(&mut self, name: &str, schema: &Value, root: &Value, references: usize) {
        match name {
            "array" => {
                self.words.insert("[]".to_owned());
                let item = schema.get("items").unwrap_or(&Value::Null);
                self.add_schema(item, root, references);
            }
            "object" => {
                let mut values = Self::default();
                if let Some(kind) =
                    schema.get("additionalProperties").filter(|kind| kind.is_object())
                {
                    values.add_schema(kind, root, references);
                }
                if values == Self::default() || values.words.contains("any") {
                    self.words.insert("object".to_owned());
                } else {
                    self.words.insert("Record".to_owned());
                    self.words.extend(values.words);
                    self.literals.extend(values.literals);
                    self.objects.extend(values.objects);
                }
            }
            other => {
                self.words.insert(word(other));
            }
        }
    }
}

fn resolve<'a>(schema: &Value, root: &'a Value) -> Option<&'a Value> {
    root.pointer(schema["$ref"].as_str()?.strip_prefix('#')?)
}

fn word(name: &str) -> String {
    if name == "integer" { "number".to_owned() } else { name.to_owned() }
}

fn members_of(
    properties: &Map<String, Value>,
    required: Option<&Vec<Value>>,
    root: &Value,
    references: usize,
) -> BTreeMap<String, Member> {
    let is_required = |name: &str| required.is_some_and(|all| all.iter().any(|one| one == name));
    let member = |(name, schema): (&String, &Value)| {
        let own = schema.get("default").or_else(|| resolve(schema, root)?.get("default"));
        let default = own.filter(|default| !default.is_null()).map(Value::to_string);
        let optional = default.is_some() || !is_required(name);
        let mut facts = Facts::default();
        facts.add_schema(schema, root, references + 1);
        if optional {
            // A value that may be left out need not be null besides.
            facts.words.remove("null");
            facts.literals.remove("null");
        } else if facts.literals.remove("null") {
            facts.words.insert("null".to_owned());
        }
        (name.clone(), Member { optional, default, facts })
    };
    properties.iter().map(member).collect()
}
