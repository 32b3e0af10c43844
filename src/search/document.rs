//! One tool as it is searched: its words by field, and the text that stands for it where meaning is compared.

use std::borrow::Cow;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::Value;

use super::action::{Actions, Number};
use super::field::Field;
use super::words::{Form, each_word};
use crate::guard::unmarked;
use crate::protocol::tool::Definition;
use crate::recipe::Recipe;
use crate::tools::Hints;

/// How deep parameters within parameters are read.
const DEEPEST: usize = 4;
/// Parameters that are read of one tool, those within others counted.
const MOST_PARAMETERS: usize = 60;
/// Permitted values that are read of one parameter.
const MOST_VALUES: usize = 20;
/// Characters of one description of a parameter.
const LONGEST_PARAMETER: usize = 300;
/// Characters of the text for an embedding model: what such models read, about 256 tokens.
const LONGEST_TEXT: usize = 1200;
const LONGEST_TITLE: usize = 150;
/// What follows says how a tool is called more than what it is for, and blurs what the model makes of it.
const LONGEST_BEGINNING: usize = 600;
/// Characters of a description; the index stops earlier, at so many words.
const LONGEST_DESCRIPTION: usize = 4000;
/// Where a description says that its tool is deprecated.
const LONGEST_WARNING: usize = 200;

/// What is known of a server, shared by its tools.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ServerWords {
    about: Arc<str>,
    said: Arc<str>,
}

impl ServerWords {
    /// The server's name in the config, and the title or the description that it has there, if any.
    pub fn new(name: &str, title: Option<&str>) -> Self {
        let about = format!("{name} {}", title.unwrap_or_default());
        Self { about: about.trim_end().into(), said: Arc::default() }
    }

    /// The same with what the server says of itself.
    #[must_use]
    pub fn with(&self, instructions: Option<&str>) -> Self {
        Self { about: self.about.clone(), said: unmarked(instructions.unwrap_or_default()).into() }
    }

    /// What the server says of itself.
    pub fn said(&self) -> &str {
        &self.said
    }
}

/// One tool as it is searched.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Document {
    name: String,
    title: String,
    summary: String,
    description: String,
    parameters: Vec<Parameter>,
    actions: Actions,
    number: Number,
    is_deprecated: bool,
    server: ServerWords,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Parameter {
    name: String,
    text: String,
}

impl Document {
    /// Reads a tool. What is odd about its schema is left out, and so is what the guard put in the place of instructions.
    pub fn read(server: &ServerWords, definition: &Definition) -> Self {
        let description = definition.description().unwrap_or_default();
        let description = unmarked(&description);
        let (summary, rest) = first_sentence(cut(&description, LONGEST_DESCRIPTION));
        let annotations = definition.annotations();
        let annotations: Annotations =
            annotations.and_then(|json| serde_json::from_str(json).ok()).unwrap_or_default();
        let title = definition.title().map(Cow::into_owned).or(annotations.title);
        let title = title.map(|title| unmarked(&title).into_owned());
        let schema: Option<Value> =
            definition.input_schema().and_then(|schema| serde_json::from_str(schema).ok());
        let mut parameters = Vec::new();
        if let Some(schema) = &schema {
            read_parameters(schema, 0, &mut parameters);
        }
        Self {
            actions: Actions::of_tool(annotations.hints, &definition.name, summary),
            number: Number::of_tool(&definition.name, summary),
            is_deprecated: is_deprecated(&description),
            name: definition.name.clone(),
            title: title.unwrap_or_default(),
            summary: summary.to_owned(),
            description: rest.to_owned(),
            parameters,
            server: server.clone(),
        }
    }

    /// Reads a recipe, so that servers are found before anybody has installed them: its tags and categories stand where a
    /// tool has its title, the tools that it names where a tool has its parameters.
    pub fn of_recipe(recipe: &Recipe) -> Self {
        let metadata = &recipe.metadata;
        let kinds = metadata.category.iter().chain(&metadata.subcategory).chain(&metadata.tags);
        let kinds: Vec<&str> = kinds.map(String::as_str).collect();
        let tools = metadata.tool_examples.iter().map(|tool| Parameter {
            name: tool.name.clone(),
            text: tool.description.clone().unwrap_or_default(),
        });
        Self {
            // Names that are written together are often asked for as two words, and the other way round.
            name: format!("{} {}", recipe.id, recipe.name),
            title: kinds.join(", "),
            summary: recipe.description.clone(),
            parameters: tools.take(MOST_PARAMETERS).collect(),
            is_deprecated: metadata.is_deprecated(),
            ..Self::default()
        }
    }

    /// The tool's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What is known of its server.
    pub fn server(&self) -> &ServerWords {
        &self.server
    }

    /// What the tool does.
    pub fn actions(&self) -> Actions {
        self.actions
    }

    /// How many things the tool deals with at once.
    pub fn number(&self) -> Number {
        self.number
    }

    /// Whether its server advises against it.
    pub fn is_deprecated(&self) -> bool {
        self.is_deprecated
    }

    /// What an embedding model reads of the tool: the words of its name, its title, the beginning of its description.
    pub fn text(&self) -> String {
        let mut words = Vec::new();
        each_word(&self.name, |word, form| {
            if form == Form::Part {
                words.push(word.to_owned());
            }
        });
        let mut text = words.join(" ");
        if !self.title.is_empty() {
            text.push_str(" (");
            text.push_str(cut(&self.title, LONGEST_TITLE));
            text.push(')');
        }
        let description = format!("{} {}", self.summary, self.description);
        let description = cut(description.trim(), LONGEST_BEGINNING).trim_end();
        if !description.is_empty() {
            text.push_str(": ");
            text.push_str(description);
        }
        cut(&text, LONGEST_TEXT).to_owned()
    }

    /// Gives the texts of each field.
    pub(super) fn each_text(&self, mut take: impl FnMut(Field, &str)) {
        take(Field::Name, &self.name);
        take(Field::Title, &self.title);
        take(Field::Summary, &self.summary);
        take(Field::Description, &self.description);
        for parameter in &self.parameters {
            take(Field::Parameter, &parameter.name);
            take(Field::ParameterText, &parameter.text);
        }
        take(Field::Server, &self.server.about);
    }
}

/// What is read of a tool's annotations.
#[derive(Default, Deserialize)]
struct Annotations {
    #[serde(default)]
    title: Option<String>,
    #[serde(flatten)]
    hints: Hints,
}

/// Whether a description begins by calling its tool deprecated.
fn is_deprecated(description: &str) -> bool {
    cut(description, LONGEST_WARNING).to_ascii_lowercase().contains("deprecated")
}

/// The first sentence and the rest. A line break ends a sentence as well: many descriptions begin with a heading.
fn first_sentence(text: &str) -> (&str, &str) {
    let text = text.trim();
    let line = text.find('\n').unwrap_or(text.len());
    for (at, letter) in text[..line].char_indices() {
        let after = at + letter.len_utf8();
        let ends = match letter {
            '。' | '！' | '？' => true,
            '.' | '!' | '?' => {
                let mut rest = text[after..].chars();
                rest.next().is_none_or(char::is_whitespace)
                    && rest.next().is_none_or(|next| !next.is_lowercase())
            }
            _ => false,
        };
        if ends {
            return (&text[..after], text[after..].trim_start());
        }
    }
    (&text[..line], text[line..].trim_start())
}

/// Collects what a schema says of its parameters, those within others included.
fn read_parameters(schema: &Value, depth: usize, found: &mut Vec<Parameter>) {
    let Some(schema) = schema.as_object() else { return };
    if depth > DEEPEST {
        return;
    }
    if let Some(properties) = schema.get("properties").and_then(Value::as_object) {
        for (name, property) in properties {
            if found.len() == MOST_PARAMETERS {
                return;
            }
            found.push(Parameter { name: name.clone(), text: parameter_text(property) });
            read_parameters(property, depth + 1, found);
        }
    }
    if let Some(items) = schema.get("items") {
        read_parameters(items, depth + 1, found);
    }
    for member in ["anyOf", "oneOf", "allOf"] {
        for choice in schema.get(member).and_then(Value::as_array).into_iter().flatten() {
            read_parameters(choice, depth + 1, found);
        }
    }
}

/// The description, the permitted values and the format of a parameter, in words.
fn parameter_text(property: &Value) -> String {
    let words = |name: &str| property.get(name).and_then(Value::as_str);
    let description = unmarked(words("description").unwrap_or_default());
    let mut text = cut(&description, LONGEST_PARAMETER).to_owned();
    let values = property.get("enum").and_then(Value::as_array).into_iter().flatten();
    let format = words("format").map(|format| match format {
        "uri" | "url" | "uri-reference" => "url",
        "date-time" => "date time",
        format => format,
    });
    for word in values.filter_map(Value::as_str).take(MOST_VALUES).chain(format) {
        text.push(' ');
        text.push_str(&unmarked(word));
    }
    text
}

/// The text up to so many bytes, whole characters only.
fn cut(text: &str, length: usize) -> &str {
    &text[..text.floor_char_boundary(length)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use serde_json::value::RawValue;

    fn read(definition: &Value) -> Document {
        let raw = RawValue::from_string(definition.to_string()).expect("valid JSON");
        let definition = Definition::parse(&raw).expect("a tool");
        Document::read(&ServerWords::new("tracker", Some("Issue Tracker")), &definition)
    }

    /// The texts of a field, separated by bars.
    fn texts(document: &Document, wanted: Field) -> String {
        let mut found = Vec::new();
        document.each_text(|field, text| {
            if field == wanted {
                found.push(text.to_owned());
            }
        });
        found.join("|")
    }

    fn issue_tool() -> Value {
        json!({
            "name": "list_issues",
            "title": "Issues",
            "description": "Lists issues, e.g. open ones. Newest first.\nAt most 50.",
            "annotations": {"readOnlyHint": true, "title": "ignored"},
            "inputSchema": {"properties": {
                "state": {"description": "Of the issue", "enum": ["open", "closed", 1]},
                "since": {"format": "date-time"},
                "filter": {"properties": {"label": {"description": "Its label"}}},
                "pages": {"items": {"anyOf": [{"properties": {"size": {}}}]}},
            }},
        })
    }

    #[test]
    fn fields_are_read() {
        let document = read(&issue_tool());
        let check = |field, expected: &str| assert_eq!(texts(&document, field), expected);
        check(Field::Name, "list_issues");
        check(Field::Title, "Issues");
        check(Field::Summary, "Lists issues, e.g. open ones.");
        check(Field::Description, "Newest first.\nAt most 50.");
        check(Field::Parameter, "state|since|filter|label|pages|size");
        check(Field::ParameterText, "Of the issue open closed| date time||Its label||");
        check(Field::Server, "tracker Issue Tracker");
        assert_eq!((document.actions(), document.number()), (Actions::READ, Number::Many));
        assert!(!document.is_deprecated());
    }

    #[test]
    fn marks_of_the_guard_are_not_read() {
        let removed = "[removed: instruction to the model (override)]";
        let document = read(&json!({
            "name": "t",
            "title": removed,
            "description": format!("Rings. {removed} ⟦flagged: role⟧Loud⟦/flagged⟧."),
            "inputSchema": {"properties": {"p": {"description": removed, "enum": [removed]}}},
        }));
        assert_eq!(document.text(), "t: Rings. Loud.");
        assert_eq!(texts(&document, Field::Description), "Loud.");
        assert_eq!(texts(&document, Field::ParameterText).trim(), "");
    }

    #[test]
    fn the_text_for_models_is_bounded() {
        let text = read(&issue_tool()).text();
        assert_eq!(
            text,
            "list issues (Issues): Lists issues, e.g. open ones. Newest first.\nAt most 50."
        );
        assert_eq!(read(&json!({"name": "whoAmI"})).text(), "who am i");
        let long = "é".repeat(9000);
        let properties: serde_json::Map<_, _> =
            (0..200).map(|number| (format!("{long}{number}"), json!({}))).collect();
        let schema = json!({"properties": properties});
        let definition =
            json!({"name": long, "title": long, "description": long, "inputSchema": schema});
        assert!(read(&definition).text().len() <= LONGEST_TEXT);
    }

    #[test]
    fn odd_definitions_are_read() {
        for schema in [json!(true), json!([]), json!({"properties": 1}), json!({"items": null})] {
            let document = read(&json!({"name": "t", "inputSchema": schema, "annotations": 7}));
            assert_eq!(document.text(), "t");
        }
        let mut deep = json!({});
        for _ in 0..50 {
            deep = json!({"properties": {"a": deep}});
        }
        let document = read(&json!({"name": "t", "inputSchema": deep}));
        assert_eq!(texts(&document, Field::Parameter), "a|a|a|a|a");
        assert!(read(&json!({"name": "t", "description": "DEPRECATED: use u."})).is_deprecated());
    }
}
