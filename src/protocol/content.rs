//! Results of `tools/call` that the bridge itself composes (specification, Tools, Tool Result).

use serde::Serialize;

#[derive(Serialize)]
struct TextResult<'a> {
    content: [TextBlock<'a>; 1],
    #[serde(rename = "isError", skip_serializing_if = "std::ops::Not::not")]
    is_error: bool,
}

#[derive(Serialize)]
struct TextBlock<'a> {
    r#type: &'static str,
    text: &'a str,
}

/// A tool result of one text block that holds `value` as compact JSON.
pub fn json_result(value: &impl Serialize, is_error: bool) -> Box<str> {
    let text = serde_json::to_string(value).expect("answers are plain structs");
    text_result(&text, is_error)
}

/// A tool result of one text block.
pub fn text_result(text: &str, is_error: bool) -> Box<str> {
    let content = [TextBlock { r#type: "text", text }];
    serde_json::to_string(&TextResult { content, is_error })
        .expect("a text always serialises")
        .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_one_text_block() {
        assert_eq!(&*text_result("a\"b", false), r#"{"content":[{"type":"text","text":"a\"b"}]}"#);
        let error = json_result(&serde_json::json!({"error": "x"}), true);
        assert_eq!(
            &*error,
            r#"{"content":[{"type":"text","text":"{\"error\":\"x\"}"}],"isError":true}"#
        );
    }
}
