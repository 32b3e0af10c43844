//! Whether the arguments of a call are what the tool's input schema asks for, found out before they travel. Most calls
//! are settled at once. What may take longer is done on a thread of its own, and nobody waits long for it; what could
//! take very long is not begun. A call whose arguments are not checked is sent as it is: the server checks for itself.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::Value;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;
use tokio::time::{Instant, timeout};

use super::Tool;
use super::checker::{Checker, TooCostly};
pub use super::fault::Fault;
use super::quick::Quick;

/// Longer schemas are not compiled.
const MAX_SCHEMA: usize = 64 * 1024;
/// Longer schemas and arguments are not looked at on the caller's thread.
const MAX_AT_ONCE: usize = 16 * 1024;
/// What may be spent on the caller's thread.
const AT_ONCE: Duration = Duration::from_millis(5);
/// A call waits this long for its check. A schema that took longer is not used again.
const DEADLINE: Duration = Duration::from_millis(250);
/// What is not begun because it could take longer: nothing can stop a check. A slow machine or a busy one takes a
/// multiple of this.
const MAX_TIME: Duration = Duration::from_millis(200);
/// Checks that run beside the bridge's own thread. Those that nobody waits for any more still hold their places.
static PLACES: Semaphore = Semaphore::const_new(2);

/// What is known about checking one tool's arguments. Boxed, since most tools are never called.
#[derive(Debug, Default)]
pub(super) struct Checks {
    /// What passes most arguments; `None` where the schema is not plain.
    quick: OnceLock<Option<Box<Quick>>>,
    /// What checks the others; `None` where that cannot be.
    checker: OnceLock<Option<Box<Checker>>>,
    /// A check took longer than anybody waits.
    is_slow: AtomicBool,
}

/// Checks the JSON text of an object against the input schema that the server sent. What cannot be checked in time
/// passes, and so does everything where the schema is missing, faulty, too large or too costly. Cancel safe.
pub async fn check(tool: &Tool, params: &str) -> Result<(), Vec<Fault>> {
    let faults = match tool.checks().at_once(schema(tool), params) {
        Ok(faults) => faults,
        Err(TooCostly) => aside(&PLACES, tool, params).await,
    };
    if faults.is_empty() { Ok(()) } else { Err(faults) }
}

/// The text of the schema as the server sent it: what the model sees of it may have been changed.
fn schema(tool: &Tool) -> Option<&str> {
    let text = tool.original().input_schema()?;
    (text.len() <= MAX_SCHEMA).then_some(text)
}

/// Checks on another thread, for as long as a call may wait.
async fn aside(places: &'static Semaphore, tool: &Tool, params: &str) -> Vec<Fault> {
    let work = async {
        // They are never closed.
        let place = places.acquire().await.ok()?;
        let checks = tool.checks().clone();
        let (schema, params) = (schema(tool).map(str::to_owned), params.to_owned());
        let work = move || {
            let _place = place;
            checks.in_full(schema.as_deref(), &params)
        };
        spawn_blocking(work).await.inspect_err(|fault| tracing::warn!("{fault}")).ok()
    };
    timeout(DEADLINE, work).await.ok().flatten().unwrap_or_default()
}

impl Checks {
    /// Checks as far as that takes no time to speak of.
    fn at_once(&self, schema: Option<&str>, params: &str) -> Result<Vec<Fault>, TooCostly> {
        let Some(text) = schema else {
            return Ok(Vec::new());
        };
        let quick =
            self.quick.get_or_init(|| Quick::of(&serde_json::from_str(text).ok()?).map(Box::new));
        if quick.as_ref().is_some_and(|quick| quick.permits(params)) || self.is_slow() {
            return Ok(Vec::new());
        }
        if params.len() > MAX_AT_ONCE {
            return Err(TooCostly);
        }
        if self.checker.get().is_none() {
            if text.len() > MAX_AT_ONCE {
                return Err(TooCostly);
            }
            let checker = Checker::new(parse(text), true)?;
            // Another thread may have been faster.
            let _ = self.checker.set(checker.map(Box::new));
        }
        match self.checker.get().and_then(Option::as_deref) {
            Some(checker) => checker.check(params, AT_ONCE),
            None => Ok(Vec::new()),
        }
    }

    /// Checks whatever can be checked in bounded time.
    fn in_full(&self, schema: Option<&str>, params: &str) -> Vec<Fault> {
        let compile = || Checker::new(parse(schema?), false).ok().flatten().map(Box::new);
        let Some(checker) = self.checker.get_or_init(compile).as_ref().filter(|_| !self.is_slow())
        else {
            return Vec::new();
        };
        let begun = Instant::now();
        let faults = checker.check(params, MAX_TIME);
        if begun.elapsed() > DEADLINE {
            self.is_slow.store(true, Ordering::Relaxed);
        }
        faults.unwrap_or_default()
    }

    fn is_slow(&self) -> bool {
        self.is_slow.load(Ordering::Relaxed)
    }
}

/// A schema that is no JSON asks for nothing.
fn parse(schema: &str) -> Value {
    serde_json::from_str(schema).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::tool::Definition;
    use crate::tools::expense::Expense;
    use serde_json::json;
    use serde_json::value::to_raw_value;

    fn tool(schema: &Value) -> Tool {
        let raw = to_raw_value(&json!({ "name": "t", "inputSchema": schema })).expect("plain JSON");
        Tool::new(Definition::parse(&raw).expect("a tool"))
    }

    /// Without a deadline, so that a busy machine makes no difference.
    fn faults_of(tool: &Tool, params: &str) -> Vec<Fault> {
        let at_once = tool.checks().at_once(schema(tool), params);
        let in_full = tool.checks().in_full(schema(tool), params);
        assert!(at_once.is_err() || at_once.as_ref() == Ok(&in_full), "{at_once:?} {in_full:?}");
        in_full
    }

    fn faults(schema: &Value, params: &Value) -> Vec<String> {
        let faults = faults_of(&tool(schema), &params.to_string());
        faults.into_iter().map(|fault| fault.message).collect()
    }

    #[track_caller]
    fn passes(schema: &Value, params: &Value) {
        assert_eq!(faults(schema, params), Vec::<String>::new(), "{schema} {params}");
    }

    #[track_caller]
    fn refuses(schema: &Value, params: &Value, expected: &[&str]) {
        assert_eq!(faults(schema, params), expected, "{schema} {params}");
    }

    fn typical() -> Value {
        json!({"type": "object", "additionalProperties": false, "required": ["owner"], "properties": {
            "owner": {"type": "string"},
            "limit": {"type": "integer", "minimum": 1},
            "sort": {"enum": ["asc", "desc"]},
            "date": {"type": "string", "format": "date"},
            "code": {"type": "string", "pattern": "^[a-z]+$"},
            "either": {"anyOf": [{"type": "string"}, {"type": "null"}]},
            "files": {"type": "array", "items": {"type": "object", "required": ["path"], "properties": {"path": {}}}},
        }})
    }

    #[test]
    fn faults_name_the_parameter_and_what_was_expected() {
        let schema = typical();
        passes(
            &schema,
            &json!({"owner": "me", "limit": 5.0, "sort": "asc", "either": null, "date": "soon"}),
        );
        refuses(&schema, &json!({}), &["`owner` is missing"]);
        refuses(
            &schema,
            &json!({"owner": "x", "onwer": 1}),
            &["`onwer` is unknown, did you mean `owner`?"],
        );
        refuses(&schema, &json!({"owner": "x", "zzz": 1}), &["`zzz` is unknown"]);
        refuses(&schema, &json!({"owner": 7}), &["`owner` should be string, not 7"]);
        refuses(
            &schema,
            &json!({"owner": "x", "limit": "ten"}),
            &["`limit` should be integer, not \"ten\""],
        );
        refuses(
            &schema,
            &json!({"owner": "x", "sort": "up"}),
            &["`sort` should be one of \"asc\", \"desc\", not \"up\""],
        );
        refuses(
            &schema,
            &json!({"owner": "x", "code": "A1"}),
            &["`code` should match `^[a-z]+$`, not be \"A1\""],
        );
        refuses(
            &schema,
            &json!({"owner": "x", "either": 1}),
            &["`either` has none of the forms that it may have: 1"],
        );
        refuses(
            &schema,
            &json!({"owner": "x", "limit": 0}),
            &["`limit` is 0: the value is less than the minimum of 1"],
        );
        refuses(
            &schema,
            &json!({"owner": "x", "files": [{}]}),
            &["`path` is missing in `files/0`"],
        );
    }

    #[test]
    fn no_more_faults_than_a_model_reads() {
        let schema = json!({"additionalProperties": {"type": "string"}});
        let params: serde_json::Map<String, Value> =
            (0..100).map(|n| (format!("p{n}"), json!(n))).collect();
        let faults = faults(&schema, &Value::Object(params));
        assert_eq!(faults.len(), 5);
        let long = json!({"a": "x".repeat(1_000_000)});
        let schema = json!({"properties": {"a": {"type": "integer"}}});
        let fault = faults_of(&tool(&schema), &long.to_string());
        assert!(fault.len() == 1 && fault[0].message.len() < 200, "{fault:?}");
    }

    #[test]
    fn what_asks_for_nothing_accepts_anything() {
        let wild = json!({"anything": [1, {"x": null}]});
        for schema in [
            json!({}),
            json!(true),
            json!({"type": "string"}),
            json!({"type": "array"}),
            json!([]),
            json!(7),
        ] {
            passes(&schema, &wild);
        }
        passes(&json!({"type": 7}), &wild);
        passes(&json!({"properties": {"anything": {"pattern": "("}}}), &json!({"anything": ""}));
        let raw = to_raw_value(&json!({"name": "t"})).expect("plain JSON");
        let tool = Tool::new(Definition::parse(&raw).expect("a tool"));
        assert_eq!(faults_of(&tool, "{}"), []);
    }

    #[test]
    fn what_has_a_default_is_never_missing() {
        let schema = json!({"properties": {"a": {"type": "string", "default": "x"}, "b": {}}, "required": ["a", "b"]});
        passes(&schema, &json!({"b": 1}));
        refuses(&schema, &json!({}), &["`b` is missing"]);
    }

    #[test]
    fn drafts_are_honoured() {
        // In draft 7 what stands beside a reference does not count; since 2019-09 it does.
        let beside = |draft: &str| {
            json!({"$schema": draft, "type": "object", "definitions": {"text": {"type": "string"}},
                "properties": {"a": {"$ref": "#/definitions/text", "maxLength": 1}}})
        };
        passes(&beside("http://json-schema.org/draft-07/schema#"), &json!({"a": "long"}));
        refuses(
            &beside("http://json-schema.org/draft-07/schema#"),
            &json!({"a": 1}),
            &["`a` should be string, not 1"],
        );
        refuses(
            &beside("https://json-schema.org/draft/2020-12/schema"),
            &json!({"a": "long"}),
            &["`a` is \"long\": the value is longer than 1 character"],
        );
        passes(&beside("https://else.where/schema"), &json!({"a": 1}));
    }

    #[test]
    fn nothing_is_fetched_and_what_cannot_be_followed_passes() {
        for reference in [
            "https://else.where/a.json",
            "file:///etc/passwd",
            "other.json#/a",
            "#name",
            "#/nowhere",
            "#",
        ] {
            let schema = json!({"type": "object", "properties": {"a": {"allOf": [{"$ref": reference}]}}, "required": ["b"]});
            let expected = usize::from(reference == "#");
            assert_eq!(faults(&schema, &json!({"a": {"b": 1}})).len(), expected, "{reference}");
        }
    }

    /// What becomes of a check.
    #[derive(Debug, Clone, Copy, PartialEq)]
    enum Fate {
        /// The schema is not even compiled.
        Unused,
        /// It may be done on the caller's thread.
        AtOnce,
        /// It is done on another thread.
        Aside,
        /// It is not begun.
        TooCostly,
    }

    #[track_caller]
    fn check_fate(schema: &Value, params: &Value, expected: Fate) {
        let time = Expense::of(schema).map(|expense| expense.time(params).unwrap_or(Duration::MAX));
        let fate = match time {
            None => Fate::Unused,
            Some(time) if time <= AT_ONCE => Fate::AtOnce,
            Some(time) if time <= MAX_TIME => Fate::Aside,
            Some(_) => Fate::TooCostly,
        };
        let shown: String = schema.to_string().chars().take(300).collect();
        assert_eq!(fate, expected, "{shown}: {time:?}");
    }

    /// Types by name, each in terms of the next; the last is `end`.
    fn chained(count: usize, end: &Value, level: &dyn Fn(Value) -> Value) -> Value {
        let one =
            |n: usize| (format!("a{n}"), level(json!({"$ref": format!("#/$defs/a{}", n + 1)})));
        let mut defs: serde_json::Map<String, Value> = (0..count).map(one).collect();
        defs.insert(format!("a{count}"), end.clone());
        json!({"$defs": defs, "properties": {"x": {"$ref": "#/$defs/a0"}}})
    }

    fn doubled(count: usize, end: &Value) -> Value {
        chained(count, end, &|next| json!({"allOf": [next, next]}))
    }

    /// Schemas that hang or overflow a checker that is not careful, with arguments to match.
    fn hostile() -> Vec<(Value, Value, Fate)> {
        let text = json!({"type": "string"});
        let within = |next: Value| json!({"properties": {"x": next}});
        // A chain whose end is met before its beginning.
        let nested = |next: Value| (0..25).fold(next, |inner, _| json!({"not": inner}));
        let mut backwards = chained(250, &text, &|next| json!({"properties": {"x": nested(next)}}));
        backwards["properties"] = (0..250)
            .rev()
            .map(|n| (format!("p{n}"), json!({"$ref": format!("#/$defs/a{n}")})))
            .collect();
        let same = json!({"anyOf": [{"properties": {"x": {"$ref": "#"}}, "required": ["y"]},
            {"properties": {"x": {"$ref": "#"}}, "required": ["z"]}]});
        let many: serde_json::Map<String, Value> =
            (0..1500).map(|n| (format!("p{n}"), json!({"pattern": "(a{900}){900}"}))).collect();
        let x = |schema: &Value| json!({"properties": {"x": schema}});
        let bomb = x(&json!({"pattern": "((((a{60}){60}){60}){60}){60}"}));
        let blowing: Vec<Value> =
            (0..90).map(|n| json!({"pattern": format!("[ab]*a[ab]{{{}}}c", 100 + n)})).collect();
        let group = json!({"pattern": "^(a|b)*$"});
        let short = json!({"maxLength": 5});
        let of = |letters: usize| json!({"x": "ab".repeat(letters / 2)});
        let list = |count: usize| json!({"x": (0..count).collect::<Vec<_>>()});
        let unevaluated =
            chained(10, &text, &|next| json!({"allOf": [next], "unevaluatedProperties": false}));
        vec![
            (doubled(60, &text), json!({"x": 1}), Fate::Unused),
            (chained(250, &text, &|next| next), json!({"x": 1}), Fate::Unused),
            (chained(250, &text, &within), deep("x", 120), Fate::Unused),
            (chained(2000, &text, &|next| next), json!({"x": 1}), Fate::Unused),
            (chained(2000, &text, &within), deep("x", 120), Fate::Unused),
            (backwards, json!({"p0": deep("x", 100)}), Fate::Unused),
            (json!({"$ref": "#"}), json!({"x": 1}), Fate::Unused),
            (json!({"allOf": [{"$ref": "#"}]}), json!({"x": 1}), Fate::Unused),
            (same, deep("x", 120), Fate::TooCostly),
            (json!({"properties": many}), json!({"p1": "a"}), Fate::Unused),
            (bomb.clone(), json!({"x": "a"}), Fate::Aside),
            (bomb, of(100_000), Fate::TooCostly),
            (x(&json!({"pattern": "^(a+)+$"})), of(20_000), Fate::AtOnce),
            (x(&json!({"pattern": "^(a+)+$"})), of(200_000), Fate::Aside),
            (x(&json!({"allOf": blowing})), of(200_000), Fate::TooCostly),
            (doubled(14, &group), of(240_000), Fate::TooCostly),
            (doubled(11, &short), json!({"x": "a"}), Fate::Aside),
            (doubled(14, &short), of(10_000_000), Fate::TooCostly),
            (x(&short), of(10_000_000), Fate::Aside),
            (x(&json!({"enum": vec!["y"; 100_000]})), list(1), Fate::Aside),
            (x(&json!({"items": {"enum": vec!["y"; 10_000]}})), list(10_000), Fate::TooCostly),
            (x(&json!({"uniqueItems": true})), list(1_000_000), Fate::TooCostly),
            (unevaluated, json!({"x": {}}), Fate::TooCostly),
        ]
    }

    fn deep(name: &str, levels: usize) -> Value {
        (0..levels).fold(json!({}), |inner, _| json!({ name: inner }))
    }

    #[test]
    fn hostile_schemas_are_told_by_what_they_can_cost() {
        for (schema, params, fate) in hostile() {
            check_fate(&schema, &params, fate);
        }
        check_fate(&typical(), &json!({"owner": "me", "code": "a".repeat(10_000)}), Fate::AtOnce);
    }

    #[test]
    fn hostile_schemas_do_not_overflow_a_small_stack() {
        let run = || {
            for (schema, params, _) in hostile() {
                faults(&schema, &params);
            }
        };
        let thread = std::thread::Builder::new().stack_size(2 << 20).spawn(run).expect("a thread");
        thread.join().expect("nothing panicked");
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_waits_for_a_place_for_long() {
        static FEW: Semaphore = Semaphore::const_new(1);
        let tool = tool(&json!({"properties": {"a": {"type": "string", "maxLength": 1}}}));
        let params = json!({"a": "x".repeat(2 * MAX_AT_ONCE)}).to_string();
        assert_eq!(tool.checks().at_once(schema(&tool), &params), Err(TooCostly));
        let taken = FEW.acquire().await.expect("it is open");
        assert_eq!(aside(&FEW, &tool, &params).await, [], "it goes on unchecked");
        drop(taken);
        // Nobody else takes the place now, and this check is over long before its deadline.
        assert_eq!(tool.checks().in_full(schema(&tool), &params).len(), 1);
        tool.checks().is_slow.store(true, Ordering::Relaxed);
        assert_eq!(
            tool.checks().at_once(schema(&tool), &params),
            Ok(Vec::new()),
            "it is remembered"
        );
    }

    #[test]
    fn what_the_server_sent_counts_not_what_the_model_sees() {
        let mut tool = tool(&json!({"properties": {"a": {"enum": ["changed"]}}}));
        let raw = json!({"name": "t", "inputSchema": {"properties": {"a": {"enum": ["sent"]}}}});
        let raw = to_raw_value(&raw).expect("plain JSON");
        tool.original = Some(Box::new(Definition::parse(&raw).expect("a tool")));
        assert_eq!(faults_of(&tool, r#"{"a":"sent"}"#), []);
        let faults = faults_of(&tool, r#"{"a":"changed"}"#);
        assert_eq!(faults[0].message, "`a` should be one of \"sent\", not \"changed\"");
    }

    #[test]
    fn recursive_schemas_reach_deep_arguments() {
        let tree = json!({"$defs": {"node": {"type": "object", "required": ["name"], "properties": {
            "name": {"type": "string"}, "child": {"anyOf": [{"$ref": "#/$defs/node"}, {"type": "null"}]}}}},
            "properties": {"root": {"$ref": "#/$defs/node"}}});
        let nested = |levels: usize, name: Value| {
            let leaf = json!({ "name": name });
            json!({"root": (0..levels).fold(leaf, |child, _| json!({"name": "x", "child": child}))})
        };
        let run = move || {
            let tool = tool(&tree);
            for levels in [0, 10, 60, 120] {
                let good = nested(levels, json!("leaf")).to_string();
                assert_eq!(faults_of(&tool, &good), [], "{levels} levels");
                let bad = nested(levels, json!(1)).to_string();
                assert!(!faults_of(&tool, &bad).is_empty(), "{levels} levels");
            }
        };
        let thread = std::thread::Builder::new().stack_size(2 << 20).spawn(run).expect("a thread");
        thread.join().expect("nothing panicked");
    }

    #[tokio::test]
    async fn a_schema_is_compiled_once() {
        let tool = tool(&typical());
        assert!(tool.checks().checker.get().is_none(), "not before the first call");
        assert!(check(&tool, "{}").await.is_err());
        let first = std::ptr::from_ref(tool.checks().checker.get().expect("it was compiled"));
        assert!(check(&tool, "{}").await.is_err());
        assert_eq!(first, std::ptr::from_ref(tool.checks().checker.get().expect("it is kept")));
    }
}
