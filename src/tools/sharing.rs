//! What several tools of a server have in common, so that a list says it once: parameters that go together, and types
//! that are spelt out more than once.

use indexmap::IndexMap;

use super::groups::{Item, Lists, group_name};
use super::naming::name_types;
use super::shape::Shape;
use super::spelling::{self, Names};

/// What saves no more than this is not worth the reader's looking it up.
pub(super) const LEAST_GAIN: usize = 8;
/// Tokens of an entry besides its text, and of a mention.
pub(super) const ENTRY: usize = 5;
pub(super) const MENTION: usize = 2;

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
    let is_small = lists.is_small();
    if is_small {
        lists.take_groups_out();
    }
    let mut names = Names { objects: lists.splits(tools.len()), ..Names::default() };
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

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::protocol::tool::Definition;

    /// Entries are given as `name = text`.
    #[track_caller]
    fn check(tools: &[Value], entries: &[&str], arguments: &[&str]) {
        let shape = |properties: &Value| {
            let schema = json!({"type": "object", "properties": properties});
            let tool = json!({"name": "t", "inputSchema": schema});
            let raw = serde_json::value::to_raw_value(&tool).expect("plain JSON");
            Shape::of(&Definition::parse(&raw).expect("a tool"), 3)
        };
        let shared = share(&tools.iter().map(shape).collect::<Vec<_>>());
        let types = shared.types.iter().map(|(name, text)| format!("{name} = {text}"));
        assert_eq!(types.collect::<Vec<_>>(), entries);
        assert_eq!(shared.arguments, arguments);
    }

    /// Properties of these names that are strings.
    fn strings(names: &[&str]) -> Value {
        names.iter().map(|name| ((*name).to_owned(), json!({"type": "string"}))).collect()
    }

    #[test]
    fn what_saves_nothing_stays_where_it_is() {
        check(&[], &[], &[]);
        check(&[json!({}), strings(&["a"])], &[], &["", "a?"]);
        check(&[strings(&["a", "b"]), strings(&["a", "b"])], &[], &["a?,b?", "a?,b?"]);
        let long = json!({"color": {"enum": ["olive_green", "berry_red", "sky_blue", "charcoal"]}});
        check(&[long], &[], &["color?:'olive_green'|'berry_red'|'sky_blue'|'charcoal'"]);
    }

    #[test]
    fn parameters_that_go_together_become_a_group() {
        let common = ["repository_owner", "repository_name", "branch_name"];
        let with = |other: &str| strings(&[&common[..], &[other]].concat());
        check(
            &[with("x"), with("y"), with("z"), strings(&common[..1])],
            &["A = {repository_owner?,repository_name?,branch_name?}"],
            &["x?,...A", "y?,...A", "z?,...A", "repository_owner?"],
        );
    }

    #[test]
    fn objects_within_parameters_have_groups_too() {
        let common = ["repository_owner", "repository_name", "branch_name"];
        let inner = json!({"type": "object", "properties": strings(&common)});
        let [outer, other] = [strings(&common), strings(&[&common[..], &["x"]].concat())];
        check(
            &[outer, other, json!({ "in": inner })],
            &["A = {repository_owner?,repository_name?,branch_name?}"],
            &["...A", "x?,...A", "in?:A"],
        );
    }

    #[test]
    fn types_that_come_again_have_a_name() {
        let color = json!({"enum": ["olive_green", "berry_red", "sky_blue", "charcoal"]});
        let list = json!({"type": "array", "items": color});
        check(
            &[json!({"color": color}), json!({"shades": list}), json!({"other": color})],
            &["Color = 'olive_green'|'berry_red'|'sky_blue'|'charcoal'"],
            &["color?:Color", "shades?:Color[]", "other?:Color"],
        );
    }

    #[test]
    fn names_are_told_apart() {
        let one = json!({"enum": ["olive_green", "berry_red", "sky_blue", "charcoal"]});
        let two = json!({"enum": ["circle_round", "square_edged", "triangle_sharp", "line"]});
        let of = |shape: &Value| json!({ "k": shape });
        check(
            &[of(&one), of(&two), of(&one), of(&two), of(&one), of(&two)],
            &[
                "TypeK = 'olive_green'|'berry_red'|'sky_blue'|'charcoal'",
                "TypeK2 = 'circle_round'|'square_edged'|'triangle_sharp'|'line'",
            ],
            &["k?:TypeK", "k?:TypeK2", "k?:TypeK", "k?:TypeK2", "k?:TypeK", "k?:TypeK2"],
        );
    }
}
