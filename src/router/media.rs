//! Images and sounds in the results of a batch: they travel beside its JSON, not within it, where they would be nothing
//! but a long text.

use std::borrow::Cow;

use serde_json::json;

use crate::base::json::{elements, member, replace, string};

/// A result without its images and sounds, each of which has left word where it is.
pub(super) struct Lifted {
    pub(super) result: Box<str>,
    /// Blocks of content.
    pub(super) media: Vec<String>,
}

/// Takes images, sounds and binary resources out of the content of a result. In their places stands the number of the
/// block in the content of the whole answer, the first of them being `next`.
pub(super) fn lift(result: Box<str>, next: usize) -> Lifted {
    let Some(content) = member(&result, "content") else {
        return Lifted { result, media: Vec::new() };
    };
    let mut media = Vec::new();
    let mut blocks = Vec::new();
    for block in elements(content) {
        match kind_of_media(block) {
            Some((kind, mime_type)) => {
                let number = next + media.len();
                let word = json!({ "type": kind, "mimeType": mime_type, "block": number });
                blocks.push(word.to_string());
                media.push(block.to_owned());
            }
            None => blocks.push(block.to_owned()),
        }
    }
    if media.is_empty() {
        return Lifted { result, media };
    }
    let without = format!("[{}]", blocks.join(","));
    let replaced = replace(&result, content, &without);
    Lifted { result: replaced.map_or(result, String::into_boxed_str), media }
}

/// What a block is, if its data is binary.
fn kind_of_media(block: &str) -> Option<(String, Option<String>)> {
    let text = |object, name: &str| string(member(object, name)?).map(Cow::into_owned);
    let kind = text(block, "type")?;
    match &*kind {
        "image" | "audio" => Some((kind, text(block, "mimeType"))),
        "resource" => {
            let resource = member(block, "resource")?;
            member(resource, "blob").map(|_| (kind, text(resource, "mimeType")))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(content: &str, expected: &str, media: &[&str]) {
        let result = |content| format!(r#"{{"content":{content},"isError":false}}"#);
        let lifted = lift(result(content).into(), 3);
        assert_eq!(&*lifted.result, result(expected));
        assert_eq!(lifted.media, media);
    }

    #[test]
    fn media_leave_word_where_they_are() {
        check("[]", "[]", &[]);
        let text = r#"{"type":"text","text":"x"}"#;
        check(&format!("[{text}]"), &format!("[{text}]"), &[]);
        let image = r#"{"type":"image","mimeType":"image/png","data":"AA=="}"#;
        let blob = r#"{"type":"resource","resource":{"uri":"a:b","blob":"AA=="}}"#;
        check(
            &format!("[{image}, {text},{blob}]"),
            &format!(
                r#"[{{"type":"image","mimeType":"image/png","block":3}},{text},{{"type":"resource","mimeType":null,"block":4}}]"#
            ),
            &[image, blob],
        );
    }
}
