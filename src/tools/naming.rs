//! Names for types that are spelt out more than once.

use indexmap::IndexMap;

use super::shape::Shape;
use super::sharing::{ENTRY, LEAST_GAIN, MENTION};
use super::spelling::{self, Names, can_be_named};
use super::weight::weight;

/// Types at most.
const MAX_TYPES: usize = 24;

/// What is seen of one shape while names are sought.
struct Sighting<'a> {
    count: usize,
    shape: &'a Shape,
    hint: &'a str,
}

type Sightings<'a> = IndexMap<String, Sighting<'a>>;

/// Names for what is spelt out so often that a name saves something, the one that saves most first. Returns the shapes
/// in the order of their names.
pub(super) fn name_types<'a>(roots: &[(&'a str, &'a Shape)], names: &mut Names) -> Vec<&'a Shape> {
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

/// What a shape consists of, with the names that it has there; of an object that is divided, only its own members.
pub(super) fn inner_shapes<'a>(
    shape: &'a Shape,
    names: Option<&Names>,
) -> Vec<(Option<&'a str>, &'a Shape)> {
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
