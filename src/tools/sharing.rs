//! What several tools of a server have in common, so that a list says it once: parameters that go together, and types
//! that are spelt out more than once.

use std::collections::HashSet;

use indexmap::IndexMap;

use super::shape::{Member, Shape};
use super::spelling::{self, Names, Split, can_be_named};
use super::weight::weight;

/// Text that is searched at most, repetitions included.
const MAX_TEXT: usize = 1_000_000;
/// Comparisons for one pair of parameters at most: every list is compared with itself.
const MAX_COMPARISONS: usize = 250_000;
/// Parameters among which the pairs are formed that groups grow from: those that cost most.
const SEEDS: usize = 32;
/// Groups at most, named by a capital letter each.
const MAX_GROUPS: usize = 16;
/// Types at most.
const MAX_TYPES: usize = 24;
/// What saves no more than this is not worth the reader's looking it up.
const LEAST_GAIN: usize = 8;
/// Tokens of an entry besides its text, and of a mention.
const ENTRY: usize = 5;
const MENTION: usize = 2;

/// The parameters of several tools, with what they share taken out.
#[derive(Debug, Default)]
pub(super) struct Shared {
    /// By name, what the signatures refer to; groups first.
    pub(super) types: IndexMap<String, String>,
    /// What stands between the parentheses, tool by tool.
    pub(super) arguments: Vec<String>,
}

/// Takes out what is worth it. The same tools in the same order always give the same text.
pub(super) fn share(tools: &[Shape]) -> Shared {
    let mut lists = Lists::new(tools);
    let is_small = lists.characters <= MAX_TEXT && lists.comparisons() <= MAX_COMPARISONS;
    while is_small && lists.groups.len() < MAX_GROUPS && lists.take_group_out() {}
    let mut names = Names::default();
    for (list, object) in lists.lists[tools.len()..].iter().zip(&lists.objects) {
        if let Some(split) = lists.split(list, object) {
            names.objects.insert(spelling::plain(object), split);
        }
    }
    let roots: Vec<(&str, &Shape)> = lists.roots(tools).collect();
    let shapes = if is_small { name_types(&roots, &mut names) } else { Vec::new() };
    let spell = |list: &[usize]| {
        let item = |id: &usize| match lists.items[*id] {
            Item::Member(member) => spelling::member(member, &names),
            Item::Group(group) => format!("...{}", group_name(group)),
        };
        list.iter().map(item).collect::<Vec<_>>().join(",")
    };
    let mut shared = Shared::default();
    for (group, list) in lists.groups.iter().enumerate() {
        shared.types.insert(group_name(group), format!("{{{}}}", spell(&lists.lists[*list])));
    }
    for (shape, name) in shapes.iter().zip(names.types.values()) {
        shared.types.insert(name.clone(), spelling::spell(shape, &names));
    }
    let arguments = |(tool, list): (&Shape, &Vec<usize>)| match tool {
        Shape::Object(_) => spell(list),
        other => spelling::shape(other, &names),
    };
    shared.arguments = tools.iter().zip(&lists.lists).map(arguments).collect();
    shared
}

fn group_name(group: usize) -> String {
    char::from(b'A' + u8::try_from(group).unwrap_or(25)).to_string()
}

/// What a list of parameters consists of.
#[derive(Clone, Copy)]
enum Item<'a> {
    Member(&'a Member),
    Group(usize),
}

/// The parameters of every tool, then the members of every object within them, then those of the groups.
struct Lists<'a> {
    lists: Vec<Vec<usize>>,
    /// What the lists hold, each thing once.
    items: Vec<Item<'a>>,
    weights: Vec<usize>,
    /// Whose members stand in the lists behind those of the tools.
    objects: Vec<&'a Shape>,
    /// Which lists are groups.
    groups: Vec<usize>,
    /// What all lists spell, repetitions included.
    characters: usize,
}

impl<'a> Lists<'a> {
    fn new(tools: &'a [Shape]) -> Self {
        let mut nested = IndexMap::new();
        for tool in tools {
            gather_within(tool, &mut nested);
        }
        let objects: Vec<&Shape> = nested.into_values().collect();
        let mut distinct: IndexMap<String, Item<'_>> = IndexMap::new();
        let list = |shape: &'a Shape| match shape {
            Shape::Object(members) => {
                let mut id = |member: &'a Member| {
                    let entry = distinct.entry(spelling::member(member, &Names::default()));
                    let id = entry.index();
                    entry.or_insert(Item::Member(member));
                    id
                };
                members.iter().map(&mut id).collect()
            }
            _ => Vec::new(),
        };
        let lists: Vec<Vec<usize>> =
            tools.iter().chain(objects.iter().copied()).map(list).collect();
        let lengths: Vec<usize> = distinct.keys().map(String::len).collect();
        let characters = lists.iter().flatten().map(|id| lengths[*id]).sum();
        let weights = distinct.keys().map(|text| weight(text) + 1).collect();
        let items = distinct.into_values().collect();
        Self { lists, items, weights, objects, groups: Vec::new(), characters }
    }

    fn comparisons(&self) -> usize {
        self.lists.iter().map(|list| list.len() * list.len()).sum()
    }

    /// Takes out the parameters that save most when several tools have them in common. A group may be part of a larger
    /// one.
    fn take_group_out(&mut self) -> bool {
        let mut counts = vec![0_usize; self.items.len()];
        for id in self.lists.iter().flatten() {
            counts[*id] += 1;
        }
        let mut seeds: Vec<usize> = (0..counts.len()).filter(|id| counts[*id] > 1).collect();
        seeds.sort_by_key(|id| std::cmp::Reverse((counts[*id] - 1) * self.weights[*id]));
        seeds.truncate(SEEDS);
        let mut best: (usize, Vec<usize>) = (LEAST_GAIN, Vec::new());
        let mut seen = HashSet::new();
        for (at, one) in seeds.iter().enumerate() {
            for other in &seeds[at + 1..] {
                let (group, holders) = self.closure(*one, *other);
                if holders < 2 || group.len() < 2 || !seen.insert(group.clone()) {
                    continue;
                }
                let text: usize = group.iter().map(|id| self.weights[*id]).sum();
                let gain = ((holders - 1) * text).saturating_sub(holders * MENTION + ENTRY);
                if gain > best.0 {
                    best = (gain, group);
                }
            }
        }
        let (_, group) = best;
        if group.is_empty() {
            return false;
        }
        let mention = self.items.len();
        self.items.push(Item::Group(self.groups.len()));
        self.weights.push(MENTION);
        for list in &mut self.lists {
            if group.iter().all(|id| list.contains(id)) {
                list.retain(|id| !group.contains(id));
                list.push(mention);
            }
        }
        self.groups.push(self.lists.len());
        self.lists.push(group);
        true
    }

    /// Everything that every list has which has these two, in the order of the first, and how many such lists there are.
    fn closure(&self, one: usize, other: usize) -> (Vec<usize>, usize) {
        let mut holders =
            self.lists.iter().filter(|list| list.contains(&one) && list.contains(&other));
        let Some(first) = holders.next() else {
            return (Vec::new(), 0);
        };
        let (mut group, mut count) = (first.clone(), 1);
        for list in holders {
            group.retain(|id| list.contains(id));
            count += 1;
        }
        (group, count)
    }

    /// How an object is divided, where some of it stands in groups.
    fn split(&self, list: &[usize], object: &Shape) -> Option<Split> {
        let Shape::Object(members) = object else {
            return None;
        };
        let mut split = Split::default();
        for id in list {
            match self.items[*id] {
                Item::Group(group) => split.groups.push(group_name(group)),
                // The same member may stand in an object of another place; by name it is found here.
                Item::Member(one) => {
                    split.own.extend(members.iter().position(|member| member.name == one.name));
                }
            }
        }
        (!split.groups.is_empty()).then_some(split)
    }

    /// Every shape that will be spelt out outside of objects, with the name of what has it.
    fn roots(&self, tools: &'a [Shape]) -> impl Iterator<Item = (&'a str, &'a Shape)> {
        let groups = self.groups.iter().map(|list| &self.lists[*list]);
        let ids = groups.chain(&self.lists[..tools.len()]).flatten();
        let members = ids.filter_map(|id| match self.items[*id] {
            Item::Member(member) => Some((member.name.as_str(), &member.shape)),
            Item::Group(_) => None,
        });
        let others = tools.iter().filter(|tool| !matches!(tool, Shape::Object(_)));
        members.chain(others.map(|tool| ("Arguments", tool)))
    }
}

/// Every object within a shape, each once.
fn gather_within<'a>(shape: &'a Shape, into: &mut IndexMap<String, &'a Shape>) {
    for (_, inner) in inner_shapes(shape, None) {
        if matches!(inner, Shape::Object(_)) {
            into.entry(spelling::plain(inner)).or_insert(inner);
        }
        gather_within(inner, into);
    }
}

/// What a shape consists of, with the names that it has there; of an object that is divided, only its own members.
fn inner_shapes<'a>(shape: &'a Shape, names: Option<&Names>) -> Vec<(Option<&'a str>, &'a Shape)> {
    match shape {
        Shape::Union(shapes) => shapes.iter().map(|shape| (None, shape)).collect(),
        Shape::Array(inner) | Shape::Record(inner) => vec![(None, inner)],
        Shape::Object(members) => {
            let split = names.and_then(|names| names.objects.get(&spelling::plain(shape)));
            let is_own = |at: &usize| split.is_none_or(|split| split.own.contains(at));
            let own = members.iter().enumerate().filter(|(at, _)| is_own(at));
            own.map(|(_, member)| (Some(member.name.as_str()), &member.shape)).collect()
        }
        Shape::Word(_) | Shape::Literal(_) | Shape::Cut => Vec::new(),
    }
}

/// What is seen of one shape while names are sought.
struct Sighting<'a> {
    count: usize,
    shape: &'a Shape,
    hint: &'a str,
}

type Sightings<'a> = IndexMap<String, Sighting<'a>>;

/// Names for what is spelt out so often that a name saves something, the one that saves most first. Returns the shapes
/// in the order of their names.
fn name_types<'a>(roots: &[(&'a str, &'a Shape)], names: &mut Names) -> Vec<&'a Shape> {
    let mut shapes: Vec<&Shape> = Vec::new();
    while shapes.len() < MAX_TYPES {
        let mut sightings = Sightings::new();
        for (hint, shape) in roots {
            sight(shape, hint, names, &mut sightings);
        }
        for shape in &shapes {
            sight_within(shape, "Item", names, &mut sightings);
        }
        let mut best = (LEAST_GAIN, None);
        for (text, sighting) in sightings.iter().filter(|(_, sighting)| sighting.count > 1) {
            let text_weight = weight(&spelling::spell(sighting.shape, names));
            let cost = sighting.count * MENTION + ENTRY;
            let gain = ((sighting.count - 1) * text_weight).saturating_sub(cost);
            if gain > best.0 {
                best = (gain, Some((text, sighting)));
            }
        }
        let (_, Some((text, sighting))) = best else {
            break;
        };
        let name = free_name(sighting.hint, names);
        shapes.push(sighting.shape);
        names.types.insert(text.clone(), name);
    }
    shapes
}

fn sight<'a>(shape: &'a Shape, hint: &'a str, names: &Names, into: &mut Sightings<'a>) {
    if can_be_named(shape) {
        let text = spelling::plain(shape);
        if names.types.contains_key(&text) {
            return;
        }
        into.entry(text).or_insert(Sighting { count: 0, shape, hint }).count += 1;
    }
    sight_within(shape, hint, names, into);
}

fn sight_within<'a>(shape: &'a Shape, hint: &'a str, names: &Names, into: &mut Sightings<'a>) {
    for (name, inner) in inner_shapes(shape, Some(names)) {
        sight(inner, name.unwrap_or(hint), names, into);
    }
}

/// The parameter's name with a capital, and a number where that is taken. Never one letter: those are groups.
fn free_name(hint: &str, names: &Names) -> String {
    let mut name: String = hint.chars().filter(char::is_ascii_alphanumeric).collect();
    if let Some(first) = name.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    if name.len() < 2 || !name.starts_with(|first: char| first.is_ascii_uppercase()) {
        name = format!("Type{name}");
    }
    let is_taken = |name: &String| names.types.values().any(|other| other == name);
    let numbered = (2..).map(|number| format!("{name}{number}"));
    let all = std::iter::once(name.clone()).chain(numbered);
    let mut free = all.skip_while(is_taken);
    free.next().expect("numbers do not end")
}
