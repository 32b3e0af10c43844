//! What tools, prompts and resources hold.

use rmcp::ErrorData;
use rmcp::model::{
    CallToolResult, ContentBlock, GetPromptResult, JsonObject, PromptMessage, ReadResourceResult,
    ResourceContents, Role,
};
use serde_json::{Value, json};

/// A PNG of one pixel.
const PIXEL: &str = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M/wHwAEBgIApD5fRAAAAABJRU5ErkJggg==";
/// A WAV without a sample.
const SILENCE: &str = "UklGRiQAAABXQVZFZm10IBAAAAABAAEAQB8AAEAfAAABAAgAZGF0YQAAAAA=";

/// The argument as text; what is missing is empty.
pub fn text_of<'a>(arguments: &'a JsonObject, name: &str) -> &'a str {
    arguments.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// A result of one text.
pub fn said(text: impl Into<String>) -> CallToolResult {
    CallToolResult::success(vec![ContentBlock::text(text)])
}

fn embedded(uri: &str, mime_type: &str, text: &str) -> ContentBlock {
    ContentBlock::resource(ResourceContents::text(text, uri).with_mime_type(mime_type))
}

/// The result of a tool that only shows a kind of content; `None` when `name` is no such tool.
pub fn of_tool(name: &str, arguments: &JsonObject) -> Option<CallToolResult> {
    let blocks = match name {
        "test_simple_text" => vec![ContentBlock::text("A simple text, for testing.")],
        "test_image_content" => vec![ContentBlock::image(PIXEL, "image/png")],
        "test_audio_content" => vec![ContentBlock::audio(SILENCE, "audio/wav")],
        "test_embedded_resource" => {
            vec![embedded("test://embedded-resource", "text/plain", "The text of a resource.")]
        }
        "test_multiple_content_types" => vec![
            ContentBlock::text("Several kinds of content:"),
            ContentBlock::image(PIXEL, "image/png"),
            embedded("test://mixed-content", "application/json", r#"{"mixed":true}"#),
        ],
        "test_error_handling" => {
            return Some(CallToolResult::error(vec![ContentBlock::text(
                "This tool fails, as it is meant to.",
            )]));
        }
        "test_custom_header" | "json_schema_2020_12_tool" => {
            vec![ContentBlock::text(Value::Object(arguments.clone()).to_string())]
        }
        "test_extra_tool" => vec![ContentBlock::text("There for now.")],
        "greet" => vec![ContentBlock::text(format!("Hello, {}!", text_of(arguments, "name")))],
        _ => return None,
    };
    Some(CallToolResult::success(blocks))
}

/// A prompt that needs nothing of the client but arguments; `None` when `name` is no such prompt.
pub fn of_prompt(name: &str, arguments: &JsonObject) -> Option<GetPromptResult> {
    let said = |text: String| PromptMessage::new(Role::User, ContentBlock::text(text));
    let messages = match name {
        "test_simple_prompt" | "test_extra_prompt" => {
            vec![said("A simple prompt, for testing.".to_owned())]
        }
        "test_prompt_with_arguments" => vec![said(format!(
            "The arguments are {:?} and {:?}.",
            text_of(arguments, "arg1"),
            text_of(arguments, "arg2")
        ))],
        "test_prompt_with_embedded_resource" => {
            let uri = text_of(arguments, "resourceUri");
            let resource = embedded(uri, "text/plain", "The text of the resource.");
            vec![
                PromptMessage::new(Role::User, resource),
                said("Look at the resource above.".to_owned()),
            ]
        }
        "test_prompt_with_image" => vec![
            PromptMessage::new(Role::User, ContentBlock::image(PIXEL, "image/png")),
            said("Look at the image above.".to_owned()),
        ],
        _ => return None,
    };
    Some(GetPromptResult::new(messages))
}

/// The contents of a resource, the listed ones and those that a template or a subscription names.
pub fn of_resource(uri: &str) -> Result<ReadResourceResult, ErrorData> {
    let contents = match uri {
        "test://static-text" => ResourceContents::text("The text of a static resource.", uri)
            .with_mime_type("text/plain"),
        "test://static-binary" => ResourceContents::blob(PIXEL, uri).with_mime_type("image/png"),
        "test://watched-resource" => {
            ResourceContents::text("Watched.", uri).with_mime_type("text/plain")
        }
        other => {
            let id =
                other.strip_prefix("test://template/").and_then(|rest| rest.strip_suffix("/data"));
            let Some(id) = id.filter(|id| !id.is_empty() && !id.contains('/')) else {
                let data = json!({ "uri": uri });
                return Err(ErrorData::resource_not_found("Resource not found", Some(data)));
            };
            let text = json!({ "id": id, "data": format!("the data of {id}") }).to_string();
            ResourceContents::text(text, uri).with_mime_type("application/json")
        }
    };
    Ok(ReadResourceResult::new(vec![contents]))
}
