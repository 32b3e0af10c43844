//! The calls of a batch, and how they refer to each other's results.

use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::Range;

use super::Error;
use super::arguments::{object, short, text};
use crate::base::json::{first_value, is_object, members, objects, string};
use crate::telemetry::logging::excerpt;

/// A reference has this member, and no other one but `select`.
const REFERENCE: &str = "$ref";
const MAX_ID: usize = 64;

/// One call of a batch.
#[derive(Debug)]
pub struct Item<'a> {
    /// Its name for other calls.
    pub id: Option<Cow<'a, str>>,
    /// Where, if the caller knows.
    pub server: Option<Cow<'a, str>>,
    /// Which.
    pub tool: Cow<'a, str>,
    /// The tool's arguments: the JSON text of an object.
    pub params: Cow<'a, str>,
    /// A jq filter for the result.
    pub select: Option<Cow<'a, str>>,
    /// The places in `params` that results of other calls fill, in their order.
    pub(super) references: Vec<Reference>,
}

/// A place in the arguments of a call that the result of another one fills.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reference {
    /// Where it stands in the text of the arguments.
    pub(super) place: Range<usize>,
    /// Which call of the batch, counted from 0.
    pub(super) item: usize,
    /// A jq filter for that call's result.
    pub(super) select: Option<String>,
}

/// A reference that was read and whose call is not looked up yet.
struct Found {
    place: Range<usize>,
    id: String,
    select: Option<String>,
}

/// Reads the calls, resolves their references and makes sure that they can be run in some order. Nothing runs if
/// anything is wrong.
/// `server` is that of calls that name none.
pub(super) fn read<'a>(
    calls: &[Cow<'a, str>],
    server: Option<&str>,
    max: usize,
) -> Result<Vec<Item<'a>>, Error> {
    if calls.is_empty() {
        return Err(Error::invalid("`calls` is empty"));
    }
    if calls.len() > max {
        let reason = format!("{} calls in one batch, at most {max} are taken", calls.len());
        return Err(Error::invalid(reason).with_hint("split it, or raise `maxBatchSize`"));
    }
    let mut items = Vec::with_capacity(calls.len());
    let mut found = Vec::with_capacity(calls.len());
    for (index, call) in calls.iter().enumerate() {
        let item = match call {
            Cow::Borrowed(call) => parse(call),
            Cow::Owned(call) => parse(call).map(Item::into_owned),
        };
        let mut item = item.map_err(|error| within(index, error))?;
        if item.server.is_none() {
            item.server = server.map(|server| Cow::Owned(server.to_owned()));
        }
        found.push(references(&item.params).map_err(|error| within(index, error))?);
        items.push(item);
    }
    let mut places = HashMap::new();
    for (index, item) in items.iter().enumerate() {
        if let Some(id) = &item.id
            && places.insert(id.to_string(), index).is_some()
        {
            return Err(Error::invalid(format!("two calls have the id `{id}`")));
        }
    }
    for (index, found) in found.into_iter().enumerate() {
        for Found { place, id, select } in found {
            let Some(&item) = places.get(&id) else {
                let reason = format!("`{REFERENCE}` names `{id}`, which no call of the batch has");
                return Err(within(index, Error::invalid(reason)));
            };
            items[index].references.push(Reference { place, item, select });
        }
    }
    match circle(&items) {
        Some(circle) => {
            let reason = format!("the calls wait for each other: {}", circle.join(" → "));
            Err(Error::invalid(reason))
        }
        None => Ok(items),
    }
}

/// The error, with the call that it is about.
fn within(index: usize, error: Error) -> Error {
    match error {
        Error::InvalidParams { reason, hint } => {
            Error::InvalidParams { reason: format!("`calls[{index}]`: {reason}"), hint }
        }
        error => error,
    }
}

fn parse(call: &str) -> Result<Item<'_>, Error> {
    if !is_object(call) {
        return Err(Error::invalid(format!("must be an object, not {}", short(call))));
    }
    let (mut server, mut tool, mut params, mut select, mut id) = (None, None, None, None, None);
    for member in members(call) {
        let name = member.name();
        let place = match &*name {
            "server" => &mut server,
            "tool" => &mut tool,
            "params" | "arguments" => &mut params,
            "select" => &mut select,
            "id" => &mut id,
            _ => {
                let reason = format!("unknown argument `{}`", excerpt(name.as_bytes(), 40));
                let hint = "a call has `server`, `tool`, `params`, `select` and `id`; the arguments of the tool \
                            itself belong into `params`";
                return Err(Error::invalid(reason).with_hint(hint));
            }
        };
        if member.value != "null" && place.replace(member.value).is_some() {
            return Err(Error::invalid("`params` and `arguments` mean the same; give one"));
        }
    }
    let id = text("id", id)?;
    if let Some(id) = id.as_deref().filter(|id| !is_id(id)) {
        let id = excerpt(id.as_bytes(), 40);
        let hint = format!("an id has letters, digits, `_` and `-`, at most {MAX_ID}");
        return Err(Error::invalid(format!("`{id}` cannot be an id")).with_hint(hint));
    }
    Ok(Item {
        id,
        server: text("server", server)?,
        tool: text("tool", tool)?.ok_or_else(|| Error::invalid("`tool` is missing"))?,
        params: object("params", params)?,
        select: text("select", select)?,
        references: Vec::new(),
    })
}

/// Whether a text can be an id. References of JSON Schema (`#/$defs/x`, addresses) are none, so that schemas can be
/// arguments.
fn is_id(text: &str) -> bool {
    (1..=MAX_ID).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
}

/// All references in the arguments, in their order.
fn references(params: &str) -> Result<Vec<Found>, Error> {
    let mut found = Vec::new();
    // Most arguments hold none, and a key spelt with escapes has a backslash.
    if !params.contains(REFERENCE) && !params.contains('\\') {
        return Ok(found);
    }
    for object in objects(params) {
        if let Some((id, select)) = reference(object)? {
            let start = params.len() - object.len();
            let length = first_value(object).map_or(0, str::len);
            found.push(Found { place: start..start + length, id, select });
        }
    }
    Ok(found)
}

/// The id and the filter, if the object is a reference.
fn reference(object: &str) -> Result<Option<(String, Option<String>)>, Error> {
    let (mut id, mut select) = (None, None);
    for member in members(object) {
        match &*member.name() {
            REFERENCE => id = string(member.value).filter(|id| is_id(id)),
            "select" => select = Some(member.value),
            _ => return Ok(None),
        }
    }
    let Some(id) = id else { return Ok(None) };
    let select = text("select", select)?.map(Cow::into_owned);
    Ok(Some((id.into_owned(), select)))
}

/// Calls that wait for each other, the first one again at the end.
fn circle(items: &[Item<'_>]) -> Option<Vec<String>> {
    /// Not yet looked at, on the way that is being looked at, or known to end.
    #[derive(Clone, Copy, PartialEq)]
    enum Mark {
        New,
        Open,
        Done,
    }
    let name = |index: usize| items[index].id.as_deref().unwrap_or("?").to_owned();
    let mut marks = vec![Mark::New; items.len()];
    for start in 0..items.len() {
        let mut way = vec![(start, 0)];
        while let Some((index, next)) = way.last_mut() {
            let (here, edge) = (*index, *next);
            *next += 1;
            marks[here] = Mark::Open;
            match items[here].references.get(edge).map(|reference| reference.item) {
                None => {
                    marks[here] = Mark::Done;
                    way.pop();
                }
                Some(to) if marks[to] == Mark::Open => {
                    let from = way.iter().position(|(index, _)| *index == to).unwrap_or(0);
                    let circle = way[from..].iter().map(|(index, _)| name(*index));
                    return Some(circle.chain([name(to)]).collect());
                }
                Some(to) if marks[to] == Mark::New => way.push((to, 0)),
                Some(_) => {}
            }
        }
    }
    None
}

impl Item<'_> {
    fn into_owned<'b>(self) -> Item<'b> {
        let own = |text: Cow<'_, str>| Cow::Owned(text.into_owned());
        Item {
            id: self.id.map(own),
            server: self.server.map(own),
            tool: own(self.tool),
            params: own(self.params),
            select: self.select.map(own),
            references: self.references,
        }
    }

    /// How long the arguments are with the values in the places of the references.
    pub(super) fn filled_length(&self, values: &[impl AsRef<str>]) -> usize {
        let values = values.iter().map(|value| value.as_ref().len());
        values.fold(self.params.len(), usize::saturating_add)
    }

    /// The arguments with the values in the places of the references.
    pub(super) fn filled(&self, values: &[impl AsRef<str>]) -> String {
        let mut text = String::with_capacity(self.params.len());
        let mut from = 0;
        for (reference, value) in self.references.iter().zip(values) {
            text.push_str(&self.params[from..reference.place.start]);
            text.push_str(value.as_ref());
            from = reference.place.end;
        }
        text.push_str(&self.params[from..]);
        text
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn check(calls: &[&str], expected: &str) {
        let calls: Vec<Cow<'_, str>> = calls.iter().map(|call| Cow::Borrowed(*call)).collect();
        let found = match read(&calls, None, 4) {
            Ok(items) => {
                let needs = |item: &Item<'_>| {
                    let needs = item.references.iter().map(|needed| needed.item.to_string());
                    format!("{}({})", item.tool, needs.collect::<Vec<_>>().join(","))
                };
                items.iter().map(needs).collect::<Vec<_>>().join(" ")
            }
            Err(error) => error.to_string(),
        };
        assert_eq!(found, expected, "{calls:?}");
    }

    #[test]
    fn references_are_found_wherever_they_stand() {
        check(&[r#"{"tool":"a"}"#, r#"{"tool":"b","id":"x"}"#], "a() b()");
        check(
            &[
                r#"{"tool":"a","id":"x"}"#,
                r#"{"tool":"b","params":{"p":[{"$ref":"x"},{"q":{"select":".z","$ref":"x"}}]}}"#,
            ],
            "a() b(0,0)",
        );
        // A later call may be named, too.
        check(
            &[r#"{"tool":"a","params":{"p":{"\u0024ref":"x"}}}"#, r#"{"tool":"b","id":"x"}"#],
            "a(1) b()",
        );
        // Schemas refer to other things.
        for schema in [
            r##"{"tool":"a","params":{"p":{"$ref":"#/$defs/x"}}}"##,
            r#"{"tool":"a","params":{"p":{"$ref":"x","type":"object"}}}"#,
            r#"{"tool":"a","params":{"p":{"$ref":5}}}"#,
            r#"{"tool":"a","params":{"p":"{\"$ref\":\"x\"}"}}"#,
        ] {
            check(&[schema], "a()");
        }
    }

    #[test]
    fn faults_name_the_call() {
        check(&[], "`calls` is empty");
        check(&["1"; 5], "5 calls in one batch, at most 4 are taken");
        check(&["1"], "`calls[0]`: must be an object, not 1");
        check(&[r#"{"tool":"a"}"#, "{}"], "`calls[1]`: `tool` is missing");
        check(&[r#"{"tool":"a","x":1}"#], "`calls[0]`: unknown argument `x`");
        check(&[r#"{"tool":"a","id":"a b"}"#], "`calls[0]`: `a b` cannot be an id");
        check(&[r#"{"tool":"a","id":"x"}"#; 2], "two calls have the id `x`");
        check(
            &[r#"{"tool":"a","params":{"p":{"$ref":"y"}}}"#],
            "`calls[0]`: `$ref` names `y`, which no call of the batch has",
        );
        check(
            &[r#"{"tool":"a","id":"x","params":{"p":{"$ref":"x"}}}"#],
            "the calls wait for each other: x → x",
        );
        check(
            &[
                r#"{"tool":"a","id":"x","params":{"p":{"$ref":"y"}}}"#,
                r#"{"tool":"b","id":"y","params":{"p":{"$ref":"z"}}}"#,
                r#"{"tool":"c","id":"z","params":{"p":{"$ref":"y"}}}"#,
            ],
            "the calls wait for each other: y → z → y",
        );
    }

    #[test]
    fn values_take_the_places_of_references() {
        let params = r#"{"tool":"b","params":{"p":{"$ref":"x"},"q":[{"$ref":"y"} ,1]}}"#;
        let calls =
            [r#"{"tool":"a","id":"x"}"#, r#"{"tool":"a","id":"y"}"#, params].map(Cow::Borrowed);
        let items = read(&calls, None, 3).expect("a batch");
        assert_eq!(items[2].filled(&["\"v\"", "{}"]), r#"{"p":"v","q":[{} ,1]}"#);
    }

    /// A value with references in it, and the same with `values` in their places.
    fn replaced(value: &Value, values: &[Value]) -> Value {
        match value {
            Value::Object(members) => {
                let index = value["$ref"].as_str().and_then(|id| id.strip_prefix("id"));
                match index.and_then(|index| index.parse::<usize>().ok()) {
                    Some(index) => values[index].clone(),
                    None => members
                        .iter()
                        .map(|(name, value)| (name.clone(), replaced(value, values)))
                        .collect::<serde_json::Map<_, _>>()
                        .into(),
                }
            }
            Value::Array(elements) => {
                elements.iter().map(|value| replaced(value, values)).collect()
            }
            other => other.clone(),
        }
    }

    fn json(ids: usize) -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            4 => (0..ids).prop_map(|id| json!({ "$ref": format!("id{id}") })),
            1 => Just(json!({"$ref": "#/$defs/x"})),
            1 => any::<i32>().prop_map(Value::from),
            1 => "\\PC{0,6}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::hash_map("[a-z$\"{}]{1,4}", inner, 0..4)
                    .prop_map(|members| members.into_iter().collect::<Value>()),
            ]
        })
    }

    proptest! {
        /// Whoever can be put in an order is, and nobody else; every reference is found and filled where it stands.
        #[test]
        fn graphs_run_unless_they_run_in_circles(params in prop::collection::vec(json(5), 5)) {
            let calls: Vec<String> = params
                .iter()
                .enumerate()
                .map(|(id, value)| {
                    json!({"id": format!("id{id}"), "tool": "t", "params": {"p": value}}).to_string()
                })
                .collect();
            let calls: Vec<Cow<'_, str>> = calls.iter().map(|call| Cow::from(call.as_str())).collect();
            let needs = |value: &Value| {
                let text = value.to_string();
                (0..5).filter(|id| text.contains(&format!(r#"{{"$ref":"id{id}"}}"#))).collect::<Vec<_>>()
            };
            // Taking out whoever needs nobody that is left must take out all.
            let mut left: Vec<usize> = (0..5).collect();
            loop {
                let free = left.iter().position(|id| {
                    needs(&params[*id]).iter().all(|needed| !left.contains(needed))
                });
                match free {
                    Some(place) => drop(left.remove(place)),
                    None => break,
                }
            }
            match read(&calls, None, 5) {
                Err(error) => {
                    prop_assert!(!left.is_empty(), "{error}");
                    prop_assert!(error.to_string().contains("wait for each other"), "{error}");
                }
                Ok(items) => {
                    prop_assert!(left.is_empty());
                    let values: Vec<Value> = (0..5).map(|n| json!([n, {"x": "\"{"}])).collect();
                    for (item, value) in items.iter().zip(&params) {
                        let texts: Vec<String> =
                            item.references.iter().map(|r| values[r.item].to_string()).collect();
                        let filled: Value = serde_json::from_str(&item.filled(&texts)).expect("JSON");
                        prop_assert_eq!(&filled["p"], &replaced(value, &values));
                    }
                }
            }
        }
    }
}
