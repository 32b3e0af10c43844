//! What checking against a schema can cost at most. References can make a short schema branch without end, so this is
//! worked out before the schema is used.

use std::collections::HashMap;

use serde_json::Value;

/// Steps that one check may take.
const MAX_STEPS: u64 = 10_000_000;
/// Steps for one value, all that lies within it included.
const MAX_UNFOLDED: u64 = 100_000;
/// Arguments do not lie deeper: what reads them refuses more.
const MAX_DEPTH: usize = 127;
/// Schemas that are applied to the same value one through another: each takes its part of the stack.
const MAX_CHAIN: usize = 32;
/// Schemas that lie behind one another, references followed: reading and compiling them takes the stack.
const MAX_HEIGHT: usize = 256;
/// References in one schema.
const MAX_REFERENCES: usize = 256;
/// Regular expressions in one schema: each is compiled.
const MAX_PATTERNS: usize = 100;

/// Applied to the value itself, to values within it, by name or as a list.
const IN_PLACE_ONE: [&str; 4] = ["not", "if", "then", "else"];
const IN_PLACE_LIST: [&str; 3] = ["allOf", "anyOf", "oneOf"];
const IN_PLACE_NAMED: [&str; 2] = ["dependentSchemas", "dependencies"];
const WITHIN_ONE: [&str; 8] = [
    "items",
    "additionalItems",
    "additionalProperties",
    "contains",
    "propertyNames",
    "unevaluatedItems",
    "unevaluatedProperties",
    "contentSchema",
];
const WITHIN_LIST: [&str; 2] = ["prefixItems", "items"];
const WITHIN_NAMED: [&str; 2] = ["properties", "patternProperties"];

/// The most that checking can take, by the depth of the arguments.
#[derive(Debug)]
pub(super) struct Expense {
    /// Steps for one value, at every depth that is bearable.
    steps: Vec<u64>,
    patterns: usize,
}

impl Expense {
    /// `None` where the schema should not even be compiled.
    pub(super) fn of(schema: &Value) -> Option<Self> {
        let mut graph = Graph::default();
        graph.add(schema, schema, 0)?;
        let mut steps: Vec<u64> = Vec::new();
        let mut last = vec![0_u64; graph.nodes.len()];
        for _ in 0..=MAX_DEPTH {
            let mut now = vec![None; graph.nodes.len()];
            let total = graph.steps(0, &last, &mut now, 0)?;
            if total > MAX_UNFOLDED {
                break;
            }
            for node in 0..graph.nodes.len() {
                graph.steps(node, &last, &mut now, 0)?;
            }
            let now: Vec<u64> = now.into_iter().map(|steps| steps.unwrap_or(u64::MAX)).collect();
            steps.push(total);
            // Nothing lies deeper than this: all further depths cost the same.
            if now == last {
                steps.resize(MAX_DEPTH + 1, total);
                break;
            }
            last = now;
        }
        (!steps.is_empty()).then_some(Self { steps, patterns: graph.patterns })
    }

    pub(super) fn has_patterns(&self) -> bool {
        self.patterns > 0
    }

    /// Whether these arguments can be checked in bounded time.
    pub(super) fn is_bearable(&self, text: &str, value: &Value) -> bool {
        let values =
            text.bytes().filter(|byte| matches!(byte, b',' | b'[' | b'{')).count() as u64 + 1;
        self.steps.get(depth(value)).is_some_and(|steps| steps.saturating_mul(values) <= MAX_STEPS)
    }
}

/// How deep arrays and objects lie within one another; the reader has bounded it.
fn depth(value: &Value) -> usize {
    let inner = match value {
        Value::Array(items) => items.iter().map(depth).max(),
        Value::Object(members) => members.values().map(depth).max(),
        _ => return 0,
    };
    1 + inner.unwrap_or(0)
}

/// The schemas within a schema, the outermost first, and which leads to which.
#[derive(Default)]
struct Graph {
    nodes: Vec<Node>,
    known: HashMap<*const Value, usize>,
    references: usize,
    patterns: usize,
}

#[derive(Default)]
struct Node {
    in_place: Vec<usize>,
    within: Vec<usize>,
    /// How many schemas lie behind one another from here; compiling takes its part of the stack for each.
    height: usize,
}

impl Graph {
    /// `None` for what is no schema that can be followed: references out of it or by other names than pointers.
    fn add(&mut self, schema: &Value, root: &Value, chain: usize) -> Option<usize> {
        if let Some(known) = self.known.get(&std::ptr::from_ref(schema)) {
            return Some(*known);
        }
        let id = self.nodes.len();
        self.nodes.push(Node::default());
        self.known.insert(std::ptr::from_ref(schema), id);
        let Some(members) = schema.as_object() else {
            return schema.is_boolean().then_some(id);
        };
        if chain > MAX_HEIGHT || (id > 0 && members.get("$id").is_some_and(Value::is_string)) {
            return None;
        }
        if ["$dynamicRef", "$recursiveRef"].iter().any(|key| members.contains_key(*key)) {
            return None;
        }
        let mut node = Node::default();
        if let Some(reference) = members.get("$ref") {
            self.references += 1;
            let target =
                reference.as_str()?.strip_prefix('#').filter(|path| !path.contains('%'))?;
            if self.references > MAX_REFERENCES {
                return None;
            }
            node.in_place.push(self.add(root.pointer(target)?, root, chain + 1)?);
        }
        self.patterns += usize::from(members.contains_key("pattern"));
        self.patterns += members
            .get("patternProperties")
            .and_then(Value::as_object)
            .map_or(0, serde_json::Map::len);
        if self.patterns > MAX_PATTERNS {
            return None;
        }
        for (name, member) in members {
            let name = name.as_str();
            let is_any = |names: &[&str]| names.contains(&name);
            let (inner, in_place): (Vec<&Value>, bool) = match member {
                Value::Object(_) | Value::Bool(_) if is_any(&IN_PLACE_ONE) => (vec![member], true),
                Value::Object(_) | Value::Bool(_) if is_any(&WITHIN_ONE) => (vec![member], false),
                Value::Array(list) if is_any(&IN_PLACE_LIST) => (list.iter().collect(), true),
                Value::Array(list) if is_any(&WITHIN_LIST) => (list.iter().collect(), false),
                Value::Object(named) if is_any(&IN_PLACE_NAMED) => {
                    (named.values().filter(|value| !value.is_array()).collect(), true)
                }
                Value::Object(named) if is_any(&WITHIN_NAMED) => (named.values().collect(), false),
                _ => continue,
            };
            for schema in inner {
                let inner = self.add(schema, root, chain + 1)?;
                if in_place { node.in_place.push(inner) } else { node.within.push(inner) }
            }
        }
        let inner = node.in_place.iter().chain(&node.within);
        node.height = 1 + inner.map(|inner| self.nodes[*inner].height).max().unwrap_or(0);
        let is_flat = node.height <= MAX_HEIGHT;
        self.nodes[id] = node;
        is_flat.then_some(id)
    }

    /// Steps for one value with this schema, `last` being those for values within it. `None` where a schema is applied
    /// to a value through itself.
    fn steps(&self, id: usize, last: &[u64], now: &mut [Option<u64>], chain: usize) -> Option<u64> {
        if let Some(steps) = now[id] {
            return Some(steps);
        }
        if chain > MAX_CHAIN {
            return None;
        }
        let mut sum =
            self.nodes[id].within.iter().fold(1_u64, |sum, id| sum.saturating_add(last[*id]));
        for inner in &self.nodes[id].in_place {
            sum = sum.saturating_add(self.steps(*inner, last, now, chain + 1)?);
        }
        now[id] = Some(sum);
        Some(sum)
    }
}
