//! One tool of a `tools/list` answer (specification, Tools, Data Types).

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use crate::base::json;

/// A tool, as the whole text in which its server defined it. Members are read from that text when they are asked for,
/// so that those which the bridge does not know stay, and none is held twice. Copies share the text.
#[derive(Debug, Clone)]
pub struct Definition {
    /// Unique among the tools of its server.
    pub name: String,
    /// What its text is a part of: that alone, or the list that it came in.
    whole: Arc<String>,
    text: Span,
    /// Where the JSON Schema of the arguments lies in the text: each call asks for it.
    input_schema: Option<Span>,
}

/// A part of a text. No text is as long as could not be counted so.
#[derive(Debug, Clone, Copy)]
struct Span {
    start: u32,
    end: u32,
}

/// A text with a list of tools, which can go on sharing it: one piece of memory instead of thousands.
#[derive(Debug)]
pub struct Source<'a> {
    /// Unless it is mostly something else than tools.
    whole: Option<&'a Arc<String>>,
}

/// Why something is no tool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// It is a string, an array or the like.
    #[error("a tool is no object")]
    NoObject,
    /// Without a name nobody can call it.
    #[error("a tool has no `name` that is a string")]
    NoName,
}

impl Span {
    fn new(start: usize, length: usize) -> Self {
        let narrow = |place| u32::try_from(place).expect("messages are much shorter");
        Self { start: narrow(start), end: narrow(start + length) }
    }

    fn range(self) -> Range<usize> {
        self.start as usize..self.end as usize
    }
}

impl<'a> Source<'a> {
    /// The text with these elements in it.
    pub fn new(whole: &'a Arc<String>, tools: &[&RawValue]) -> Self {
        let bytes: usize = tools.iter().map(|tool| tool.get().len()).sum();
        Self { whole: Some(whole).filter(|whole| bytes >= whole.len() / 2) }
    }

    /// Reads one of the elements, as [`Definition::parse`] does.
    pub fn definition(&self, raw: &RawValue) -> Result<Definition, Fault> {
        let name = name_in(raw.get())?;
        match self.whole.and_then(|whole| Some((whole, json::offset(whole, raw.get())?))) {
            Some((whole, start)) => {
                let text = Span::new(start, raw.get().len());
                Ok(Definition::within(name, whole.clone(), text))
            }
            None => Ok(Definition::new(name, raw.get().to_owned())),
        }
    }
}

/// The name of the tool that this text defines.
fn name_in(text: &str) -> Result<String, Fault> {
    if !json::is_object(text) {
        return Err(Fault::NoObject);
    }
    let name = json::member(text, "name").and_then(json::string).ok_or(Fault::NoName)?;
    Ok(name.into_owned())
}

impl Definition {
    /// Reads one element of `tools`. Only its name has to be right: whatever else is odd about it, one tool never costs
    /// the rest of its list.
    pub fn parse(raw: &RawValue) -> Result<Self, Fault> {
        Ok(Self::new(name_in(raw.get())?, raw.get().to_owned()))
    }

    /// A tool of this name, whose text was found to be an object.
    fn new(name: String, text: String) -> Self {
        let span = Span::new(0, text.len());
        Self::within(name, Arc::new(text), span)
    }

    fn within(name: String, whole: Arc<String>, text: Span) -> Self {
        let own = &whole[text.range()];
        let schema = member(own, "inputSchema");
        let input_schema =
            schema.and_then(|schema| Some(Span::new(json::offset(own, schema)?, schema.len())));
        Self { name, whole, text, input_schema }
    }

    /// The same with a text of its own, where little of what it came in is still needed.
    #[must_use]
    pub fn alone(self) -> Self {
        let text = self.text().to_owned();
        Self::new(self.name, text)
    }

    /// The object as its server wrote it.
    pub fn text(&self) -> &str {
        &self.whole[self.text.range()]
    }

    /// For people.
    pub fn title(&self) -> Option<Cow<'_, str>> {
        self.words("title")
    }

    /// For the model.
    pub fn description(&self) -> Option<Cow<'_, str>> {
        self.words("description")
    }

    /// JSON Schema of the arguments.
    pub fn input_schema(&self) -> Option<&str> {
        self.text().get(self.input_schema?.range())
    }

    /// JSON Schema of the structured result.
    pub fn output_schema(&self) -> Option<&str> {
        self.member("outputSchema")
    }

    /// Hints such as `readOnlyHint`.
    pub fn annotations(&self) -> Option<&str> {
        self.member("annotations")
    }

    /// The JSON text of a member, unless it is missing or `null`.
    pub fn member(&self, name: &str) -> Option<&str> {
        member(self.text(), name)
    }

    /// A member that is a string; anything else says nothing.
    fn words(&self, name: &str) -> Option<Cow<'_, str>> {
        self.member(name).filter(|value| value.starts_with('"')).map(json::text)
    }

    /// The text with another name in it, and every other byte as it was.
    pub fn renamed(&self, name: &str) -> String {
        let name = serde_json::to_string(name).expect("strings are written without fail");
        let old = json::member(self.text(), "name").expect("it was read from there");
        json::replace(self.text(), old, &name).expect("it was cut from this text")
    }

    /// The tool without this member; all others stay as they are.
    #[must_use]
    pub fn without(&self, member: &str) -> Self {
        let own = self.text();
        let index = json::members(own).position(|found| found.name() == member);
        let text = index.and_then(|index| json::remove(own, own, index));
        text.map_or_else(|| self.clone(), |text| Self::new(self.name.clone(), text))
    }

    /// The tool with this text in the place of its own, whose name stays what it was.
    #[must_use]
    pub fn with_text(self, text: &str) -> Self {
        let Ok(name) = name_in(text) else { return self };
        let read = Self::new(name, text.to_owned());
        if read.name == self.name {
            return read;
        }
        let text = read.renamed(&self.name);
        Self::new(self.name, text)
    }
}

/// The JSON text of a member, unless it is missing or `null`.
fn member<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    json::member(text, name).filter(|value| *value != "null")
}

impl<'de> Deserialize<'de> for Definition {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        Self::parse(&raw).map_err(D::Error::custom)
    }
}

/// One page of a `tools/list` answer, its tools unread.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Page<'a> {
    /// The tools of this page.
    #[serde(borrow)]
    pub tools: Vec<&'a RawValue>,
    /// Where the next page begins, if there is one.
    #[serde(default)]
    pub next_cursor: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn define(text: &str) -> Result<Definition, Fault> {
        Definition::parse(&RawValue::from_string(text.to_owned()).expect("JSON"))
    }

    #[test]
    fn only_the_name_has_to_be_right() {
        fn check(text: &str, expected: Result<&str, Fault>) {
            let name = define(text).map(|tool| tool.name);
            assert_eq!(name, expected.map(str::to_owned), "{text}");
        }
        check(r#"{"name":"a"}"#, Ok("a"));
        check(r#"{"na\u006de":"\u0061"}"#, Ok("a"));
        check(r#"{"title":7,"name":"a","inputSchema":true,"icons":{}}"#, Ok("a"));
        check(r#"{"title":"a"}"#, Err(Fault::NoName));
        check(r#"{"name":7}"#, Err(Fault::NoName));
        check(r#"{"name":"\ud800"}"#, Err(Fault::NoName));
        check(r#"["name"]"#, Err(Fault::NoObject));
        check("7", Err(Fault::NoObject));
    }

    #[test]
    fn members_are_read_from_the_text() {
        let text = r#"{"name":"a","title":7,"description":"b\nc\ud800","inputSchema": {"x" : 1},
            "outputSchema":true,"annotations":null}"#;
        let tool = define(text).expect("a tool");
        assert_eq!(tool.text(), text);
        assert_eq!(tool.title(), None);
        assert_eq!(tool.description().as_deref(), Some("b\nc\u{fffd}"));
        assert_eq!(tool.input_schema(), Some(r#"{"x" : 1}"#));
        assert_eq!(tool.output_schema(), Some("true"));
        assert_eq!(tool.annotations(), None);
    }

    #[test]
    fn tools_share_the_list_that_they_came_in() {
        let check = |rest: usize, is_shared: bool| {
            let (a, b) = (r#"{"name":"a","inputSchema": {"é":1}}"#, r#"{ "name":"b"}"#);
            let text = format!(r#"{{"tools":[{a}, {b},7],"_meta":"{}"}}"#, "x".repeat(rest));
            let whole = Arc::new(text);
            let page: Page<'_> = serde_json::from_str(&whole).expect("a page");
            let source = Source::new(&whole, &page.tools);
            let tools: Vec<_> = page.tools.iter().map(|raw| source.definition(raw)).collect();
            let [Ok(one), Ok(other), Err(Fault::NoObject)] = &tools[..] else {
                panic!("{tools:?}");
            };
            assert_eq!((one.text(), other.text()), (a, b));
            assert_eq!((one.name.as_str(), one.input_schema()), ("a", Some(r#"{"é":1}"#)));
            assert_eq!((other.name.as_str(), other.input_schema()), ("b", None));
            assert_eq!(Arc::strong_count(&whole) > 1, is_shared, "{rest}");
        };
        check(0, true);
        check(1000, false);
    }

    #[test]
    fn what_is_not_changed_keeps_its_bytes() {
        fn check(text: &str, renamed: &str, without: &str) {
            let tool = define(text).expect("a tool");
            assert_eq!(tool.renamed("s_\"b\""), renamed);
            assert_eq!(tool.without("outputSchema").text(), without);
            assert_eq!(tool.clone().with_text(renamed).text(), tool.renamed("a"));
        }
        check(
            r#"{ "icons":[ ], "name" : "a", "_meta":{"name":"x"} }"#,
            r#"{ "icons":[ ], "name" : "s_\"b\"", "_meta":{"name":"x"} }"#,
            r#"{ "icons":[ ], "name" : "a", "_meta":{"name":"x"} }"#,
        );
        check(
            r#"{"outputSchema":{"outputSchema":1},"name":"a"}"#,
            r#"{"outputSchema":{"outputSchema":1},"name":"s_\"b\""}"#,
            r#"{"name":"a"}"#,
        );
        check(
            r#"{"name":"a","outputSchema":false,"x":1e400}"#,
            r#"{"name":"s_\"b\"","outputSchema":false,"x":1e400}"#,
            r#"{"name":"a","x":1e400}"#,
        );
    }
}
