//! Cutting the result of a tool call to a result of a tool call.

use super::cut;
use super::texts::{Block, Texts};
use crate::base::json;

/// A result that was held to a limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shrunk {
    /// The JSON text of the result.
    pub json: String,
    /// The characters that it had: those of its texts or those of its `structuredContent`, whichever are more, since
    /// a client shows its model the one or the other.
    pub original_length: usize,
    /// Something is missing. Where blanks between tokens of JSON were enough, nothing is, and there is no notice.
    pub cut: bool,
}

/// How many characters there were of something, and how many are left where it was cut.
#[derive(Debug, Clone, Copy)]
struct Amount {
    total: usize,
    left: Option<usize>,
}

/// Holds the result of a tool call to `max` characters; nothing if it fits.
///
/// What counts are the characters of the texts (of text blocks and of embedded resources) together, and those of
/// `structuredContent` as compact JSON; each of the two is held to `max`. Data of images, sounds and blobs do not
/// count. Texts take what there is in their order: the first that does not fit is cut, a text that is JSON to
/// JSON (see [`cut()`]), another one at the end of a line, of a word or anywhere; texts behind it are left out with
/// their blocks. Everything else stays byte for byte.
///
/// `notice` gives the sentence that says so, of the characters that are left and those there were, of the texts or
/// of `structuredContent`, whichever lost more of a longer one. It becomes the last line of the text that was cut,
/// or a text block of its own: behind one that was cut to JSON or belongs to a resource, in the place of one of which
/// nothing is left, or at the end. It comes on top of `max`. An empty one is left out.
///
/// `result` is a JSON text that has passed [`json::Strict`]. The time is linear in its length.
pub fn shrink(result: &str, max: usize, notice: impl FnOnce(Left) -> String) -> Option<Shrunk> {
    // No character takes less than one byte to spell.
    if result.len() <= max {
        return None;
    }
    let (mut content, mut structured) = (None, None);
    for member in json::members(result) {
        match &*member.name() {
            "content" => content = Some(member.value),
            "structuredContent" => structured = Some(member.value),
            _ => {}
        }
    }
    let blocks: Vec<Block<'_>> =
        content.into_iter().flat_map(json::elements).map(Block::new).collect();
    let mut texts = Amount::whole(blocks.iter().map(Block::length).sum());
    let compact_length = structured.map(|json| json::compact(json).chars().count());
    let mut structure = Amount::whole(compact_length.unwrap_or(0));
    let original_length = texts.total.max(structure.total);
    if original_length <= max {
        return None;
    }

    let mut edits = Vec::new();
    if let Some(structured) = structured.filter(|_| structure.total > max) {
        let short = cut(structured, max).json.into_owned();
        structure.left = Some(short.chars().count());
        edits.push((structured, short));
    }
    let mut kept = Texts::new(max);
    for block in &blocks {
        kept.add(block);
    }
    texts.left = kept.left();

    let told = [texts, structure].into_iter().filter(|amount| amount.left.is_some());
    let told = told.max_by_key(|amount| amount.total);
    if let Some(Amount { total, left: Some(left) }) = told {
        let in_plain_text = kept.ends_in_plain_text();
        kept.tell(&notice(Left { shown: left, total, in_plain_text }));
    }
    let new_content = kept.into_content();
    match content {
        Some(content) if content.starts_with('[') => edits.push((content, new_content)),
        // There is nothing in it that a client could show.
        Some(_) => {}
        None => {
            let end = result.trim_ascii_end().len().saturating_sub(1);
            let bracket = result.get(end..=end).unwrap_or_default();
            edits.push((bracket, format!(",\"content\":{new_content}}}")));
        }
    }
    Some(Shrunk { json: splice(result, edits), original_length, cut: told.is_some() })
}

/// What a notice has to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Left {
    /// Characters that are left.
    pub shown: usize,
    /// Characters that there were.
    pub total: usize,
    /// The cut is in a text that is no JSON, so that it goes on where it ends.
    pub in_plain_text: bool,
}

impl Amount {
    fn whole(total: usize) -> Self {
        Self { total, left: None }
    }
}

/// The text with parts of it replaced.
fn splice(text: &str, mut edits: Vec<(&str, String)>) -> String {
    edits.sort_unstable_by_key(|(part, _)| part.as_ptr());
    let mut spliced = String::new();
    let mut from = 0;
    for (part, with) in edits {
        let start = (part.as_ptr() as usize).saturating_sub(text.as_ptr() as usize);
        spliced.push_str(text.get(from..start).unwrap_or_default());
        spliced.push_str(&with);
        from = start + part.len();
    }
    spliced.push_str(text.get(from..).unwrap_or_default());
    spliced
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn notice(left: Left) -> String {
        format!("[{} of {}]", left.shown, left.total)
    }

    fn check(result: &str, max: usize, expected: &str) {
        let shrunk = shrink(result, max, notice).expect("too long");
        assert_eq!(shrunk.json, expected, "{result} within {max}");
        serde_json::from_str::<Value>(&shrunk.json).expect("JSON");
    }

    fn text(text: &str) -> String {
        json!({"type": "text", "text": text}).to_string()
    }

    fn content(texts: &[&str]) -> String {
        let blocks: Vec<String> = texts.iter().map(|of| text(of)).collect();
        format!("{{\"content\":[{}]}}", blocks.join(","))
    }

    #[test]
    fn what_fits_is_left_alone() {
        for result in [
            content(&["12345", "67890"]),
            content(&["日本語日本語日本語日"]),
            content(&["\n\n\n\n\n\n\n\n\n\n"]),
            r#"{"content":[],"structuredContent":{ "a" : [ 11, 2 ] }}"#.to_owned(),
            format!(r#"{{"content":[{{"type":"image","data":"{}"}}]}}"#, "A".repeat(500)),
            format!(r#"{{"content":[],"_meta":{{"a":"{}"}}}}"#, "x".repeat(500)),
        ] {
            assert_eq!(shrink(&result, 14, notice), None, "{result}");
        }
        assert_eq!(shrink(&content(&["x"]), 1, notice), None);
        assert_eq!(shrink("{}", 0, notice), None);
    }

    #[test]
    fn texts_are_cut_in_their_order() {
        check(&content(&["one two three"]), 8, &content(&["one two\n[7 of 13]"]));
        check(&content(&["12345", "6789 abcde", "f"]), 10, &content(&["12345", "6789\n[9 of 16]"]));
        check(&content(&["12345", "67890", "f"]), 10, &content(&["12345", "67890", "[10 of 11]"]));
        check(&content(&["12345"]), 0, &content(&["[0 of 5]"]));
    }

    #[test]
    fn json_texts_stay_json() {
        check(&content(&["[1,2,3,4,5]", "x"]), 7, &content(&["[1,2,3]", "[7 of 12]"]));
        check(&content(&["{\"a\":12345}"]), 9, &content(&["[0 of 11]"]));
        check(&content(&["12", "[1,2]"]), 3, &content(&["12", "[2 of 7]"]));
        // What only looks like JSON is text.
        check(&content(&["[1,2,3,4,5"]), 7, &content(&["[1,2,3,\n[7 of 10]"]));
    }

    #[test]
    fn blanks_go_before_anything_is_lost() {
        let shrunk = shrink(&content(&["[ 1,\n  2 ]", "x"]), 6, notice).expect("too long");
        let expected = Shrunk { json: content(&["[1,2]", "x"]), original_length: 11, cut: false };
        assert_eq!(shrunk, expected);
        check(&content(&["[ 1,\n  2 ]", "xyz"]), 7, &content(&["[1,2]", "xy\n[12 of 13]"]));
    }

    #[test]
    fn everything_else_stays_byte_for_byte() {
        check(
            r#"{ "x" : 1, "content": [ {"annotations" : {}, "text": "abcdef", "type":"text", "y":[ ]} ], "isError" : true }"#,
            3,
            r#"{ "x" : 1, "content": [{"annotations" : {}, "text": "abc\n[3 of 6]", "type":"text", "y":[ ]}], "isError" : true }"#,
        );
        let image = r#"{"type":"image", "data":"AAAAAAAAAA"}"#;
        let link = r#"{"type":"resource_link","uri":"x:y"}"#;
        let blob = r#"{"type":"resource","resource":{"uri":"x:y","blob":"AAAA"}}"#;
        check(
            &format!(r#"{{"content":[{image},{},{link},{},{blob}]}}"#, text("abcdef"), text("g")),
            3,
            &format!(r#"{{"content":[{image},{},{link},{blob}]}}"#, text("abc\n[3 of 7]")),
        );
    }

    #[test]
    fn resources_are_cut_and_get_no_line() {
        let resource = |text: &str| {
            format!(
                r#"{{"type":"resource","text":"no","resource":{{"uri":"x:y","text":"{text}"}}}}"#
            )
        };
        check(
            &format!(r#"{{"content":[{}]}}"#, resource("abcdef")),
            3,
            &format!(r#"{{"content":[{},{}]}}"#, resource("abc"), text("[3 of 6]")),
        );
    }

    #[test]
    fn structured_content_is_held_to_the_limit_as_well() {
        check(
            r#"{"content":[],"structuredContent":{"a":[1, 2, 3, 4]}}"#,
            13,
            &format!(
                r#"{{"content":[{}],"structuredContent":{{"a":[1,2,3]}}}}"#,
                text("[13 of 15]")
            ),
        );
        check(
            r#"{"structuredContent":{"a":1,"b":2} } "#,
            10,
            &format!(r#"{{"structuredContent":{{"a":1}} ,"content":[{}]}} "#, text("[7 of 13]")),
        );
        // Both: the notice tells of the longer one.
        let (long, short) = ("[1,2,3,4]", "[1,2]");
        check(
            &format!(r#"{{"structuredContent":{long},"content":[{}]}}"#, text(long)),
            5,
            &format!(
                r#"{{"structuredContent":{short},"content":[{},{}]}}"#,
                text(short),
                text("[5 of 9]")
            ),
        );
    }

    #[test]
    fn odd_results_cause_no_trouble() {
        let long = "x".repeat(50);
        check(
            &format!(
                r#"{{"content":[5,null,[],{{"text":7}},{{"text":"{long}","type":"t\u0065xt"}}]}}"#
            ),
            1,
            r#"{"content":[5,null,[],{"text":7},{"text":"x\n[1 of 50]","type":"t\u0065xt"}]}"#,
        );
        // Surrogates without a partner do not hide a text.
        let lone = format!(r#"{{"content":[{{"type":"text","text":"\ud800{long}"}}]}}"#);
        check(&lone, 2, &content(&["\u{fffd}x\n[2 of 51]"]));
        let odd = format!(r#"{{"content":"{long}","structuredContent":[1,2]}}"#);
        check(&odd, 3, &format!(r#"{{"content":"{long}","structuredContent":[1]}}"#));
    }

    proptest! {
        #[test]
        fn texts_are_held_to_the_limit(
            texts in prop::collection::vec("[a-c \n\"é😀\\[\\]{},0]{0,30}", 0..5),
            structured in prop::collection::vec("[a-cé]{0,20}", 0..5),
            max in 0_usize..60,
        ) {
            let blocks: Vec<Value> =
                texts.iter().map(|text| json!({"type": "text", "text": text})).collect();
            let result = json!({"content": blocks, "structuredContent": structured});
            let total: usize = texts.iter().map(|text| text.chars().count()).sum();
            let structure = result["structuredContent"].to_string().chars().count();
            let Some(shrunk) = shrink(&result.to_string(), max, |_| "#".to_owned()) else {
                prop_assert!(total.max(structure) <= max);
                return Ok(());
            };
            prop_assert_eq!(shrunk.original_length, total.max(structure));
            let short: Value = serde_json::from_str(&shrunk.json).expect("JSON");
            prop_assert!(short["structuredContent"].to_string().chars().count() <= max.max(2));
            let left: usize = short["content"]
                .as_array()
                .expect("blocks")
                .iter()
                .map(|block| block["text"].as_str().expect("a text"))
                .map(|text| text.strip_suffix("\n#").unwrap_or(if text == "#" { "" } else { text }))
                .map(|text| text.chars().count())
                .sum();
            prop_assert!(left <= max, "{} > {} in {}", left, max, short);
            prop_assert_eq!(shrunk.cut, shrunk.json.contains('#'));
        }
    }
}
