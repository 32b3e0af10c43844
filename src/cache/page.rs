//! What is read of a long result, page by page.

use std::borrow::Cow;

use crate::base::json;
use crate::base::text::byte_of;

/// A part of a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Page<'a> {
    /// The part.
    pub text: &'a str,
    /// The character at which the next page begins; nothing on the last one.
    pub next: Option<usize>,
    /// Characters of the document.
    pub total: usize,
}

/// What is paged through of a result: the text where a single text block is all that it has, else the compact JSON
/// of the whole. `isError` and `_meta` beside the text do not count, they travelled with its beginning.
pub fn document(result: &str) -> Cow<'_, str> {
    only_text(result).unwrap_or_else(|| json::compact(result))
}

/// The text of a result that has a single text block and nothing else to read.
pub fn only_text(result: &str) -> Option<Cow<'_, str>> {
    let mut content = None;
    for member in json::members(result) {
        match &*member.name() {
            "content" => content = Some(member.value),
            "isError" | "_meta" => {}
            _ => return None,
        }
    }
    let mut blocks = json::elements(content?);
    let block = blocks.next()?;
    if blocks.next().is_some() {
        return None;
    }
    let text = json::member(block, "text")?;
    (json::text(json::member(block, "type")?) == "text" && text.starts_with('"'))
        .then(|| json::text(text))
}

/// The page that begins at a character and has at most `max` characters, of which there is always one. It ends
/// behind a line where one ends in its last fifth. The pages of a document, joined, are the document.
pub fn page(document: &str, offset: usize, max: usize) -> Page<'_> {
    let max = max.max(1);
    let total = document.chars().count();
    if offset >= total {
        return Page { text: "", next: None, total };
    }
    let rest = &document[byte_of(document, offset)..];
    if total - offset <= max {
        return Page { text: rest, next: None, total };
    }
    let text = &rest[..byte_of(rest, max)];
    let late = byte_of(text, max - max / 5);
    let line = text[late..].rfind('\n').map(|at| late + at + 1);
    let text = &text[..line.unwrap_or(text.len())];
    Page { text, next: Some(offset + text.chars().count()), total }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_are_texts_or_results() {
        fn check(result: &str, expected: &str) {
            assert_eq!(document(result), expected, "{result}");
        }
        check(r#"{"content":[{"type":"text","text":"a\nb"}],"isError":true}"#, "a\nb");
        check(r#"{"_meta":{}, "content":[ {"annotations":{}, "text":"", "type":"text"} ]}"#, "");
        check(
            r#"{"content": [{"type":"text","text":"a"}], "structuredContent": {}}"#,
            r#"{"content":[{"type":"text","text":"a"}],"structuredContent":{}}"#,
        );
        for whole in [
            "{}",
            r#"{"content":[]}"#,
            r#"{"content":"x"}"#,
            r#"{"content":[5]}"#,
            r#"{"content":[{"type":"text"}]}"#,
            r#"{"content":[{"type":"text","text":5}]}"#,
            r#"{"content":[{"type":"image","text":"x"}]}"#,
            r#"{"content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]}"#,
        ] {
            check(whole, whole);
        }
    }

    #[test]
    fn pages_end_at_lines() {
        fn check(offset: usize, max: usize, text: &str, next: Option<usize>) {
            let document = "äbcdefgh\nijklmnopq\nrst";
            assert_eq!(page(document, offset, max), Page { text, next, total: 22 });
        }
        check(0, 22, "äbcdefgh\nijklmnopq\nrst", None);
        check(0, 10, "äbcdefgh\n", Some(9));
        check(0, 20, "äbcdefgh\nijklmnopq\n", Some(19));
        check(0, 14, "äbcdefgh\nijklm", Some(14));
        check(19, 10, "rst", None);
        check(21, 1, "t", None);
        check(20, 0, "s", Some(21));
        check(22, 5, "", None);
        check(usize::MAX, usize::MAX, "", None);
    }

    proptest::proptest! {
        #[test]
        fn pages_join_to_the_document(document in "[aé\n😀]{0,80}", max in 0_usize..30) {
            let (mut joined, mut at) = (String::new(), Some(0));
            while let Some(offset) = at {
                let page = page(&document, offset, max);
                proptest::prop_assert!(page.text.chars().count() <= max.max(1));
                proptest::prop_assert!(page.next.is_none_or(|next| next > offset));
                joined += page.text;
                at = page.next;
            }
            proptest::prop_assert_eq!(joined, document);
        }
    }
}
