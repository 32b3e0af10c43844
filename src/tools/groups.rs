//! Parameters that several tools have in common: those that go together become a group, which each of them mentions.

use std::collections::{HashMap, HashSet};

use indexmap::IndexMap;

use super::naming::inner_shapes;
use super::shape::{Member, Shape};
use super::sharing::{ENTRY, LEAST_GAIN, MENTION};
use super::spelling::{self, Names, Split};
use super::weight::weight;

use crate::base::sorting;

/// Text that is searched at most, repetitions included.
const MAX_TEXT: usize = 1_000_000;
/// Comparisons for one pair of parameters at most: every list is compared with itself.
const MAX_COMPARISONS: usize = 250_000;
/// Parameters among which the pairs are formed that groups grow from: those that cost most.
const SEEDS: usize = 32;
/// Groups at most, named by a capital letter each.
const MAX_GROUPS: usize = 16;

/// What a list of parameters consists of.
#[derive(Clone, Copy)]
pub(super) enum Item<'a> {
    Member(&'a Member),
    Group(usize),
}

/// The parameters of every tool, then the members of every object within them, then those of the groups.
pub(super) struct Lists<'a> {
    pub(super) lists: Vec<Vec<usize>>,
    /// What the lists hold, each thing once.
    pub(super) items: Vec<Item<'a>>,
    weights: Vec<usize>,
    /// Whose members stand in the lists behind those of the tools.
    objects: Vec<&'a Shape>,
    /// Which lists are groups.
    pub(super) groups: Vec<usize>,
    /// What all lists spell, repetitions included.
    characters: usize,
}

impl<'a> Lists<'a> {
    /// The lists of these tools, from which nothing is taken out yet.
    pub(super) fn new(tools: &'a [Shape]) -> Self {
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

    /// Whether all this can be searched in bounded time.
    pub(super) fn is_small(&self) -> bool {
        self.characters <= MAX_TEXT && self.comparisons() <= MAX_COMPARISONS
    }

    /// Takes out every group that is worth it.
    pub(super) fn take_groups_out(&mut self) {
        while self.groups.len() < MAX_GROUPS && self.take_group_out() {}
    }

    /// How the objects within the tools are divided, by their text.
    pub(super) fn splits(&self, tools: usize) -> HashMap<String, Split> {
        let objects = self.lists[tools..].iter().zip(&self.objects);
        let split = |(list, object): (&Vec<usize>, &&Shape)| {
            Some((spelling::plain(object), self.split(list, object)?))
        };
        objects.filter_map(split).collect()
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
        sorting::sort_by_key(&mut seeds, |id| {
            std::cmp::Reverse((counts[*id] - 1) * self.weights[*id])
        });
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
    pub(super) fn roots(&self, tools: &'a [Shape]) -> impl Iterator<Item = (&'a str, &'a Shape)> {
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

/// `A`, `B` and so on.
pub(super) fn group_name(group: usize) -> String {
    char::from(b'A' + u8::try_from(group).unwrap_or(25)).to_string()
}
