//! A server's tools as `list` shows them: a signature each, and as much of the descriptions as that leaves room for.

use std::collections::{HashMap, HashSet};

use indexmap::IndexMap;
use serde::Serialize;

use super::shape::Shape;
use super::sharing::share;
use super::weight::weight;
use super::{Parameters, Tool};
use crate::base::sorting;
use crate::base::text::shorten;

/// Objects within objects are spelt out this deep; what lies deeper is `{…}`.
pub const MAX_DEPTH: usize = 3;
/// Characters of every description while all fit, tried one after the other.
const LENGTHS: [usize; 5] = [160, 120, 80, 64, 56];
/// Characters of a description where not all fit; those stay then that say most.
const CHOSEN: usize = 48;
/// What says at least so much that the tool's names do not say stays at this length, whatever it costs; so does what
/// is said of a tool whose name is a single word.
const TELLING: usize = 4;
const TELLING_LENGTH: usize = 34;
/// Tokens of a list entry besides its texts: what a name, a description and `requiredParams` would cost, each required
/// name besides, and what a signature costs, a description besides.
const NAMED: usize = 10;
const REQUIRED: usize = 1;
const SIGNED: usize = 3;
const DESCRIBED: usize = 3;
/// Weights are not exact: a list must seem this much shorter than it has to be, in percent.
const MARGIN: usize = 13;

/// A word is common when this many descriptions have it among their first characters, and more than a quarter of all.
const COMMON: usize = 4;
const BEGINNING: usize = 80;

/// The tools of one server in as few tokens as suffice to call them.
#[derive(Debug, Default, Serialize)]
pub struct Listing {
    /// What signatures refer to: `...A` stands for the parameters in `A`, any other name for the type that it has here.
    #[serde(skip_serializing_if = "IndexMap::is_empty")]
    pub types: IndexMap<String, String>,
    /// In the server's order.
    pub tools: Vec<Entry>,
}

/// One tool.
#[derive(Debug, Serialize)]
pub struct Entry {
    /// Such as `search(query,limit=10,sort?:'asc'|'desc')`.
    pub signature: Box<str>,
    /// What the signature does not say already.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<Box<str>>,
}

impl Listing {
    /// Descriptions are at most `limit` characters long; without a limit they stay whole.
    pub(super) fn new<'a>(
        server: &str,
        tools: impl Iterator<Item = &'a Tool>,
        limit: Option<usize>,
    ) -> Self {
        let tools: Vec<&Tool> = tools.collect();
        let shapes = tools.iter().map(|tool| Shape::of(&tool.definition, MAX_DEPTH));
        let shared = share(&shapes.collect::<Vec<_>>());
        let sign =
            |(tool, arguments): (&&Tool, String)| format!("{}({arguments})", tool.definition.name);
        let signatures: Vec<String> = tools.iter().zip(shared.arguments).map(sign).collect();
        let summaries = tools.iter().map(|tool| tool.summary(limit));
        let about = About::new(server, &tools, summaries.collect());
        let descriptions = match limit {
            None => about.all(usize::MAX).into_iter().map(|(_, text)| text).collect(),
            Some(limit) => {
                let entries = shared.types.iter();
                let entries = entries.map(|(name, text)| weight(name) + weight(text) + DESCRIBED);
                let signed = signatures.iter().map(|text| weight(text) + SIGNED);
                let taken: usize = entries.chain(signed).sum();
                let plain = |(tool, summary): (&&Tool, &String)| plain(tool, summary);
                let room: usize = tools.iter().zip(&about.summaries).map(plain).sum();
                about.within((room - room * MARGIN / 100).saturating_sub(taken), limit)
            }
        };
        let descriptions =
            descriptions.into_iter().map(|text| Some(text).filter(|text| !text.is_empty()));
        let entry = |(signature, description): (String, Option<String>)| Entry {
            signature: signature.into(),
            description: description.map(Into::into),
        };
        let tools = signatures.into_iter().zip(descriptions).map(entry).collect();
        Self { types: shared.types, tools }
    }
}

/// What the tool would cost with its name, its description and the names of what it requires.
fn plain(tool: &Tool, summary: &str) -> usize {
    let Parameters { required, .. } = tool.parameters();
    let required = required.iter().map(|name| weight(name) + REQUIRED).sum::<usize>();
    weight(&tool.definition.name) + weight(summary) + required + NAMED
}

/// What there is to say about the tools besides their signatures.
struct About<'a> {
    tools: &'a [&'a Tool],
    summaries: Vec<String>,
    /// The words that names say, each with its number.
    numbers: HashMap<String, usize>,
    /// The numbers of the words that each tool's names say already.
    known: Vec<Vec<usize>>,
    /// Words that tell no tool of this list from another.
    common: HashSet<String>,
}

impl<'a> About<'a> {
    fn new(server: &str, tools: &'a [&'a Tool], summaries: Vec<String>) -> Self {
        let mut numbers = HashMap::new();
        let mut number = |word: String| {
            let next = numbers.len();
            *numbers.entry(word).or_insert(next)
        };
        let known = tools.iter().map(|tool| words_of(tool, server).map(&mut number).collect());
        let known = known.collect();
        let common = common_words(&summaries);
        Self { tools, summaries, numbers, known, common }
    }

    /// Every description cut to `length`, with the number of its words that are no names.
    fn all(&self, length: usize) -> Vec<(usize, String)> {
        let one = |(summary, known): (&String, &Vec<usize>)| {
            let text = shorten(summary, length).into_owned();
            let is_known = |word: &String| {
                self.common.contains(word)
                    || self.numbers.get(word).is_some_and(|number| known.contains(number))
            };
            let is_new = |word: &String| !is_filler(word) && !is_known(word);
            (words(&text).filter(is_new).collect::<HashSet<_>>().len(), text)
        };
        self.summaries.iter().zip(&self.known).map(one).collect()
    }

    /// Descriptions that together weigh no more than `room`, as long as that can be done; what says nothing new is left
    /// out.
    fn within(&self, room: usize, limit: usize) -> Vec<String> {
        let cost = |text: &str| weight(text) + DESCRIBED;
        let lengths = LENGTHS.into_iter().filter(|length| *length < limit);
        for length in std::iter::once(limit).chain(lengths) {
            let mut all = self.all(length);
            all.retain_mut(|(new, text)| {
                if *new == 0 {
                    text.clear();
                }
                true
            });
            let total: usize =
                all.iter().filter(|(new, _)| *new > 0).map(|(_, text)| cost(text)).sum();
            if total <= room {
                return all.into_iter().map(|(_, text)| text).collect();
            }
        }
        let mut chosen = vec![String::new(); self.tools.len()];
        let mut left = room;
        let telling = self.all(limit.min(TELLING_LENGTH));
        for ((slot, tool), (new, text)) in chosen.iter_mut().zip(self.tools).zip(telling) {
            let is_terse = self.tools.len() > 1
                && words(&tool.definition.name).filter(|word| !is_filler(word)).count() < 2;
            if new >= TELLING || (is_terse && new + 1 >= TELLING) {
                left = left.saturating_sub(cost(&text));
                *slot = text;
            }
        }
        let mut others: Vec<(usize, (usize, String))> =
            self.all(limit.min(CHOSEN)).into_iter().enumerate().collect();
        others.retain(|(at, (new, _))| *new > 0 && chosen[*at].is_empty());
        sorting::sort_by_key(&mut others, |(_, (new, _))| std::cmp::Reverse(*new));
        for (at, (_, text)) in others {
            if cost(&text) <= left {
                left -= cost(&text);
                chosen[at] = text;
            }
        }
        chosen
    }
}

/// The words in the names of a tool, of its parameters and of its server.
fn words_of(tool: &Tool, server: &str) -> impl Iterator<Item = String> + use<> {
    let mut found: Vec<String> = words(&tool.definition.name).chain(words(server)).collect();
    found.extend(tool.parameters().named.iter().flat_map(|name| words(name)));
    found.into_iter()
}

/// Words that so many descriptions begin with that they tell no tool from another.
fn common_words(summaries: &[String]) -> HashSet<String> {
    let mut counts: IndexMap<String, usize> = IndexMap::new();
    for summary in summaries {
        let beginning = shorten(summary, BEGINNING);
        for word in words(&beginning).collect::<HashSet<_>>() {
            *counts.entry(word).or_default() += 1;
        }
    }
    let is_common = |count: usize| count >= COMMON && count * 4 > summaries.len();
    counts.into_iter().filter(|(_, count)| is_common(*count)).map(|(word, _)| word).collect()
}

/// Words without their endings, in small letters.
fn words(text: &str) -> impl Iterator<Item = String> + use<> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut after_small = false;
    for letter in text.chars() {
        if !letter.is_alphanumeric() || (letter.is_uppercase() && after_small) {
            words.push(std::mem::take(&mut word));
        }
        if letter.is_alphanumeric() {
            word.extend(letter.to_lowercase());
        }
        after_small = letter.is_lowercase();
    }
    words.push(word);
    words.into_iter().filter(|word| !word.is_empty()).map(|word| stem(&word))
}

fn stem(word: &str) -> String {
    if let Some(stem) = word.strip_suffix("ies") {
        return format!("{stem}y");
    }
    let without = |ending: &&str| word.strip_suffix(*ending).filter(|stem| stem.len() > 2);
    ["ing", "ed", "es", "s", "e"].iter().find_map(without).unwrap_or(word).to_owned()
}

/// Words that tell no tool from another.
fn is_filler(word: &str) -> bool {
    const FILLERS: [&str; 41] = [
        "a", "all", "an", "and", "any", "are", "as", "at", "be", "by", "exist", "fetch", "for",
        "from", "get", "given", "in", "into", "is", "it", "its", "list", "new", "of", "on", "one",
        "or", "retriev", "return", "show", "singl", "specific", "specify", "that", "the", "this",
        "to", "us", "via", "with", "your",
    ];
    FILLERS.contains(&word)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::tool::Definition;
    use proptest::prelude::*;
    use serde_json::value::to_raw_value;
    use serde_json::{Value, json};

    fn tool(name: &str, description: &str, properties: &Value) -> Tool {
        let schema = json!({"type": "object", "properties": properties});
        let tool = json!({"name": name, "description": description, "inputSchema": schema});
        let raw = to_raw_value(&tool).expect("plain JSON");
        Tool::new(Definition::parse(&raw).expect("a tool"))
    }

    fn list(tools: &[Tool], limit: Option<usize>) -> Value {
        serde_json::to_value(Listing::new("s", tools.iter(), limit)).expect("plain structs")
    }

    #[test]
    fn what_tools_share_is_said_once() {
        let color =
            json!({"enum": ["berry_red", "olive_green", "sky_blue", "lavender", "charcoal"]});
        let page = json!({"max_results": {"type": "integer"}, "start_after": {"type": "string"},
            "include_archived": {"type": "boolean"}});
        let with = |name: &str, shape: &Value| {
            let mut properties = page.clone();
            properties[name] = shape.clone();
            properties
        };
        let nested =
            json!({"type": "array", "items": {"type": "object", "properties": {"color": color}}});
        let tools = [
            tool("one", "", &with("color", &color)),
            tool("two", "", &with("items", &nested)),
            tool("three", "", &with("x", &color)),
            tool("four", "", &json!({})),
        ];
        assert_eq!(
            list(&tools, Some(80)),
            json!({
                "types": {
                    "A": "{max_results?:number,start_after?,include_archived?:boolean}",
                    "Color": "'berry_red'|'olive_green'|'sky_blue'|'lavender'|'charcoal'",
                },
                "tools": [
                    {"signature": "one(color?:Color,...A)"},
                    {"signature": "two(items?:{color?:Color}[],...A)"},
                    {"signature": "three(x?:Color,...A)"},
                    {"signature": "four()"},
                ],
            })
        );
    }

    #[test]
    fn descriptions_that_say_nothing_are_left_out() {
        let tools = [
            tool("create_issue", "Creates a new issue", &json!({})),
            tool("merge", "Puts two branches together", &json!({})),
        ];
        let expected = json!({"tools": [
            {"signature": "create_issue()"},
            {"signature": "merge()", "description": "Puts two branches together"},
        ]});
        assert_eq!(list(&tools, Some(80)), expected);
        let whole = list(&tools, None);
        assert_eq!(
            whole["tools"][0]["description"], "Creates a new issue",
            "nothing is to be shortened"
        );
        let short = list(&tools, Some(10));
        assert_eq!(short["tools"][1]["description"], "Puts two…");
    }

    #[test]
    fn many_tools_with_many_parameters_are_listed_in_bounded_time() {
        let properties = |prefix: usize, count: usize| {
            let name = |n: usize| format!("p{}", n + prefix);
            let all = (0..count).map(|n| (name(n), json!({"enum": ["a long value", name(n)]})));
            Value::Object(all.collect())
        };
        for (tools, count) in [(100, 100), (150, 40), (1000, 3)] {
            let tools: Vec<Tool> = (0..tools)
                .map(|n| tool(&format!("t{n}"), "Says", &properties(n % 7, count)))
                .collect();
            let start = tokio::time::Instant::now();
            let listing = Listing::new("s", tools.iter(), Some(80));
            assert_eq!(listing.tools.len(), tools.len());
            let taken = start.elapsed();
            assert!(taken < std::time::Duration::from_secs(30), "{count}: {taken:?}");
        }
    }

    proptest! {
        #[test]
        fn a_list_is_the_same_each_time(
            names in proptest::collection::vec(proptest::collection::btree_set("[a-e]{1,2}", 0..8), 0..12),
        ) {
            let of = |names: &std::collections::BTreeSet<String>| {
                let properties: serde_json::Map<String, Value> =
                    names.iter().map(|name| (name.clone(), json!({"enum": ["first", "second", name]}))).collect();
                tool("tool", "Says something", &Value::Object(properties))
            };
            let tools: Vec<Tool> = names.iter().map(of).collect();
            let once = list(&tools, Some(80));
            prop_assert_eq!(&once, &list(&tools, Some(80)));
            prop_assert_eq!(once["tools"].as_array().map(Vec::len), Some(tools.len()));
        }
    }
}
