//! What checking against a schema can cost at most. References can make a short schema branch without end, and a long
//! text can be looked at many times, so this is worked out before the schema is used.

use std::collections::HashMap;
use std::time::Duration;

use regex_syntax::hir::{Class, Hir, HirKind};
use serde_json::Value;

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
/// Steps for one value, and states of regular expressions, up to which compiling takes no time to speak of.
const LITTLE: u64 = 1000;

/// Nanoseconds for a schema that is applied to a value, its fault told.
const STEP: u64 = 100;
/// Nanoseconds for a byte that is counted.
const COUNTED: u64 = 1;
/// Nanoseconds for a byte that is compared with others of the same list.
const COMPARED: u64 = 20;
/// Nanoseconds for a byte and a state of a regular expression that it may be in.
const MATCHED: u64 = 10;
/// Bytes of values in a schema that are compared with as quickly as a schema is applied.
const VALUES: usize = 16;
/// What is assumed of a regular expression whose states cannot be counted.
const MOST_STATES: u64 = 4096;

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
/// What a value is held against.
const VALUED: [&str; 5] = ["const", "enum", "required", "dependentRequired", "dependencies"];

/// The most that checking can take, by the depth of the arguments.
#[derive(Debug)]
pub(super) struct Expense {
    /// For one value, at every depth that is bearable.
    costs: Vec<Cost>,
    /// Of all regular expressions.
    states: u64,
}

/// What one value costs, all that lies within it down to some depth included, with one value at each place.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Cost {
    /// Schemas that are applied.
    steps: u64,
    /// Nanoseconds for each of its bytes.
    per_byte: u64,
}

impl Cost {
    fn add(&mut self, other: Self, times: u64) {
        self.steps = self.steps.saturating_add(other.steps.saturating_mul(times));
        self.per_byte = self.per_byte.saturating_add(other.per_byte.saturating_mul(times));
    }
}

/// Faults are only told of what was found faulty, so both are paid for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Costs {
    deciding: Cost,
    /// At every choice, it is decided anew which of its schemas hold.
    telling: Cost,
}

impl Expense {
    /// `None` where the schema should not even be compiled.
    pub(super) fn of(schema: &Value) -> Option<Self> {
        let mut graph = Graph::default();
        graph.add(schema, schema, 0)?;
        let mut costs: Vec<Cost> = Vec::new();
        let mut last = vec![Costs::default(); graph.nodes.len()];
        for _ in 0..=MAX_DEPTH {
            let mut now = vec![None; graph.nodes.len()];
            let total = graph.costs(0, &last, &mut now, 0)?;
            if total.deciding.steps > MAX_UNFOLDED {
                break;
            }
            for node in 0..graph.nodes.len() {
                graph.costs(node, &last, &mut now, 0)?;
            }
            let now: Vec<Costs> = now.into_iter().map(Option::unwrap_or_default).collect();
            let mut both = total.telling;
            both.add(total.deciding, 1);
            costs.push(both);
            // Nothing lies deeper than this: all further depths cost the same.
            if now == last {
                costs.resize(MAX_DEPTH + 1, both);
                break;
            }
            last = now;
        }
        (!costs.is_empty()).then_some(Self { costs, states: graph.states })
    }

    /// Whether compiling the schema takes no time to speak of.
    pub(super) fn is_small(&self) -> bool {
        let deepest = self.costs.last().map_or(0, |cost| cost.steps);
        self.states <= LITTLE && deepest <= LITTLE
    }

    /// How long checking these arguments can take at most, on a usual machine; `None` where they lie too deep to tell.
    pub(super) fn time(&self, arguments: &Value) -> Option<Duration> {
        let mut extent = Extent::default();
        extent.add(arguments, 0);
        let levels = extent.0;
        self.costs.get(levels.len() - 1)?;
        let mut time = 0_u64;
        // What lies within a value may be looked at together with it.
        let mut bytes = 0;
        for (level, (values, own)) in levels.iter().enumerate().rev() {
            bytes += own;
            let above = level.checked_sub(1).map_or_else(Cost::default, |above| self.costs[above]);
            let cost = self.costs[level];
            let steps =
                cost.steps.saturating_sub(above.steps).saturating_mul(*values).saturating_mul(STEP);
            let looks = cost.per_byte.saturating_sub(above.per_byte).saturating_mul(bytes);
            time = time.saturating_add(steps).saturating_add(looks);
        }
        Some(Duration::from_nanos(time))
    }
}

/// How much there is to look at, by how deep it lies: values with names of members, and bytes, with some for every
/// value. The reader has bounded the depth.
#[derive(Debug, Default)]
struct Extent(Vec<(u64, u64)>);

impl Extent {
    fn add(&mut self, value: &Value, level: usize) {
        self.count(level, 0);
        match value {
            Value::String(text) => self.count(level, text.len()),
            Value::Array(items) => items.iter().for_each(|item| self.add(item, level + 1)),
            Value::Object(members) => {
                for (name, member) in members {
                    self.count(level + 1, name.len());
                    self.add(member, level + 1);
                }
            }
            _ => {}
        }
    }

    fn count(&mut self, level: usize, bytes: usize) {
        if self.0.len() <= level {
            self.0.resize(level + 1, (0, 0));
        }
        self.0[level].0 += 1;
        self.0[level].1 += (bytes + VALUES) as u64;
    }
}

/// How many states a regular expression may be in at once, at most.
fn states(pattern: &str) -> u64 {
    regex_syntax::parse(pattern).map_or(MOST_STATES, |parsed| states_of(&parsed).min(MOST_STATES))
}

/// The reader has bounded how deep the parts lie within one another.
fn states_of(part: &Hir) -> u64 {
    let sum = |parts: &[Hir]| parts.iter().map(states_of).fold(1, u64::saturating_add);
    match part.kind() {
        HirKind::Empty | HirKind::Look(_) => 1,
        HirKind::Literal(text) => text.0.len() as u64,
        // Where there are many ranges, they are searched.
        HirKind::Class(Class::Unicode(class)) => 1 + class.ranges().len() as u64 / 8,
        HirKind::Class(Class::Bytes(class)) => 1 + class.ranges().len() as u64 / 8,
        HirKind::Repetition(repeated) => {
            let times = repeated.max.unwrap_or(repeated.min).max(1);
            states_of(&repeated.sub).saturating_add(1).saturating_mul(times.into())
        }
        HirKind::Capture(group) => states_of(&group.sub).saturating_add(1),
        HirKind::Concat(parts) | HirKind::Alternation(parts) => sum(parts),
    }
}

/// The schemas within a schema, the outermost first, and which leads to which.
#[derive(Default)]
struct Graph {
    nodes: Vec<Node>,
    known: HashMap<*const Value, usize>,
    references: usize,
    patterns: usize,
    states: u64,
    /// What has been evaluated is found out by applying schemas again.
    has_unevaluated: bool,
}

#[derive(Default)]
struct Node {
    own: Cost,
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
        let own = self.own_cost(schema);
        self.nodes.push(Node { own, ..Node::default() });
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
        let mut node = Node { own, ..Node::default() };
        if let Some(reference) = members.get("$ref") {
            self.references += 1;
            let target =
                reference.as_str()?.strip_prefix('#').filter(|path| !path.contains('%'))?;
            if self.references > MAX_REFERENCES {
                return None;
            }
            node.in_place.push(self.add(root.pointer(target)?, root, chain + 1)?);
        }
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

    /// What the schema costs apart from those within it; its regular expressions are noted.
    fn own_cost(&mut self, schema: &Value) -> Cost {
        let mut own = Cost { steps: 1, per_byte: 0 };
        for (name, member) in schema.as_object().into_iter().flatten() {
            match (name.as_str(), member) {
                (name, member) if VALUED.contains(&name) => {
                    own.steps += (member.to_string().len() / VALUES) as u64;
                }
                ("maxLength" | "minLength", _) => own.per_byte += COUNTED,
                ("uniqueItems", _) => own.per_byte += COMPARED,
                ("pattern", Value::String(pattern)) => self.add_pattern(pattern, &mut own),
                // What is left for `additionalProperties` is found out by matching again.
                ("patternProperties", Value::Object(named)) => {
                    for pattern in named.keys() {
                        self.add_pattern(pattern, &mut own);
                        own.per_byte += MATCHED * states(pattern);
                    }
                }
                ("unevaluatedItems" | "unevaluatedProperties", _) => self.has_unevaluated = true,
                _ => {}
            }
        }
        own
    }

    fn add_pattern(&mut self, pattern: &str, own: &mut Cost) {
        self.patterns += 1;
        if self.patterns <= MAX_PATTERNS {
            let states = states(pattern);
            self.states += states;
            own.per_byte += MATCHED * states;
        }
    }

    /// What one value costs with this schema, `last` being that for values within it. `None` where a schema is applied
    /// to a value through itself.
    fn costs(
        &self,
        id: usize,
        last: &[Costs],
        now: &mut [Option<Costs>],
        chain: usize,
    ) -> Option<Costs> {
        if let Some(costs) = now[id] {
            return Some(costs);
        }
        if chain > MAX_CHAIN {
            return None;
        }
        let node = &self.nodes[id];
        let mut sum = Costs { deciding: node.own, telling: Cost::default() };
        for inner in &node.within {
            sum.deciding.add(last[*inner].deciding, 1);
            sum.telling.add(last[*inner].telling, 1);
        }
        // Applied, applied to see what is evaluated, and looked through for what is evaluated within.
        let times = if self.has_unevaluated { 3 } else { 1 };
        for inner in &node.in_place {
            let inner = self.costs(*inner, last, now, chain + 1)?;
            sum.deciding.add(inner.deciding, times);
            sum.telling.add(inner.telling, times);
        }
        sum.telling.add(sum.deciding, 1);
        now[id] = Some(sum);
        Some(sum)
    }
}
