//! Results that a client of an older revision could not read at all, since its schema rejects the whole for one part.
//! The bridge asks servers for the newest revision that they have, so they do not know whom they answer. Only what would
//! break is changed; members that are merely unknown stay.

use std::borrow::Cow;

use serde_json::json;

use super::method;
use super::version::Revision;
use crate::base::json::{
    elements, is_object, member, members, offset, replace, set, string, without,
};

/// A result for a client of a revision with sessions.
pub(super) fn result_for<'a>(revision: Revision, method: &str, result: &'a str) -> Cow<'a, str> {
    match method {
        method::TOOLS_LIST => each_element(result, "tools", without_other_output),
        method::TOOLS_CALL => {
            let plain = without_other_structure(result);
            if !looks_into_blocks(revision) {
                return plain;
            }
            chain(plain, |plain| each_element(plain, "content", |block| lower(revision, block)))
        }
        method::PROMPTS_GET => each_element(result, "messages", |message| {
            let content = member(message, "content")?;
            replace(message, content, &lower(revision, content)?)
        }),
        _ => Cow::Borrowed(result),
    }
}

/// Whether blocks of content may have to be changed for a client of this revision; where not, none has to be looked for in
/// what may be megabytes.
pub(super) fn looks_into_blocks(revision: Revision) -> bool {
    revision < Revision::V2025_06_18
}

/// `change` applied to what another change may have made.
fn chain(text: Cow<'_, str>, change: impl Fn(&str) -> Cow<'_, str>) -> Cow<'_, str> {
    match change(&text) {
        Cow::Owned(changed) => Cow::Owned(changed),
        Cow::Borrowed(_) => text,
    }
}

/// `result` with those elements of its array `list` replaced for which `change` gives something else.
fn each_element<'a>(
    result: &'a str,
    list: &str,
    change: impl Fn(&str) -> Option<String>,
) -> Cow<'a, str> {
    let Some(array) = member(result, list) else {
        return Cow::Borrowed(result);
    };
    let mut text = String::new();
    let mut rest = array;
    for element in elements(array) {
        let (Some(changed), Some(start)) = (change(element), offset(rest, element)) else {
            continue;
        };
        text.push_str(&rest[..start]);
        text.push_str(&changed);
        rest = &rest[start + element.len()..];
    }
    if rest.len() == array.len() {
        return Cow::Borrowed(result);
    }
    text.push_str(rest);
    replace(result, array, &text).map_or(Cow::Borrowed(result), Cow::Owned)
}

/// Up to 2025-11-25 the schema of a tool's output describes an object and nothing else (schema, `Tool`).
fn without_other_output(tool: &str) -> Option<String> {
    let schema = member(tool, "outputSchema")?;
    let describes_object = member(schema, "type").and_then(string).as_deref() == Some("object");
    if describes_object {
        return None;
    }
    Some(without(tool, |name| name == "outputSchema").into_owned())
}

/// Up to 2025-11-25 `structuredContent` is an object and nothing else (schema, `CallToolResult`). Where it goes, its text
/// stands in for it, unless the server has given one already, as it should.
fn without_other_structure(result: &str) -> Cow<'_, str> {
    let Some(structure) = member(result, "structuredContent").filter(|it| !is_object(it)) else {
        return Cow::Borrowed(result);
    };
    let has_content = member(result, "content").is_some_and(|it| elements(it).next().is_some());
    let plain = without(result, |name| name == "structuredContent");
    if has_content {
        return plain;
    }
    let content = json!([{ "type": "text", "text": structure }]).to_string();
    set(&plain, "content", &content).map_or(plain, Cow::Owned)
}

/// A block of content in older terms: sound came with 2025-03-26, links to resources with 2025-06-18.
fn lower(revision: Revision, block: &str) -> Option<String> {
    if !looks_into_blocks(revision) {
        return None;
    }
    let kind = member(block, "type").and_then(string)?;
    match &*kind {
        "audio" if revision < Revision::V2025_03_26 => {
            let (data, mime) = (member(block, "data")?, member(block, "mimeType")?);
            // A resource must have a URI; this one names nothing that could be read.
            let resource = format!(r#"{{"uri":"data:,","mimeType":{mime},"blob":{data}}}"#);
            let rest = without(block, |name| name == "data" || name == "mimeType");
            let kind = set(&rest, "type", "\"resource\"")?;
            set(&kind, "resource", &resource)
        }
        "resource_link" => {
            let said = |name| member(block, name).and_then(string);
            let title = said("title").or_else(|| said("name")).unwrap_or_default();
            let mut text = format!("{title}: {}", said("uri")?);
            if let Some(description) = said("description") {
                text = format!("{text}\n{description}");
            }
            let mut lowered = json!({ "type": "text", "text": text }).to_string();
            for kept in members(block) {
                if matches!(&*kept.name(), "annotations" | "_meta") {
                    lowered = set(&lowered, &kept.name(), kept.value)?;
                }
            }
            Some(lowered)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(revision: Revision, method: &str, result: &str, expected: &str) {
        let found = result_for(revision, method, result);
        assert_eq!(found, expected, "{method}");
        assert_eq!(matches!(found, Cow::Borrowed(_)), result == expected, "{result}");
        assert_eq!(result_for(revision, method, expected), expected, "{method} again");
    }

    const FIRST: Revision = Revision::V2024_11_05;
    const SECOND: Revision = Revision::V2025_03_26;
    const THIRD: Revision = Revision::V2025_06_18;

    #[test]
    fn schemas_of_other_outputs_than_objects_are_left_out() {
        let check = |result: &str, expected: &str| {
            check(Revision::LATEST_SESSION, "tools/list", result, expected);
        };
        check(
            r#"{"tools":[{"name":"a","outputSchema":{"type":"array"}}, {"name":"b" ,"outputSchema":{"type":"object"}},{"outputSchema":{"anyOf":[]},"name":"c"}],"x":1}"#,
            r#"{"tools":[{"name":"a"}, {"name":"b" ,"outputSchema":{"type":"object"}},{"name":"c"}],"x":1}"#,
        );
        let plain = r#"{ "tools" : [ {"name":"a"} ] }"#;
        check(plain, plain);
        check("{}", "{}");
    }

    #[test]
    fn structures_that_are_no_objects_become_text() {
        let check = |result: &str, expected: &str| {
            check(Revision::LATEST_SESSION, "tools/call", result, expected);
        };
        check(
            r#"{"content":[],"structuredContent":[1, "a"]}"#,
            r#"{"content":[{"type":"text","text":"[1, \"a\"]"}]}"#,
        );
        check(
            r#"{"structuredContent":7,"content":[{"type":"text","text":"7"}]}"#,
            r#"{"content":[{"type":"text","text":"7"}]}"#,
        );
        let object = r#"{"content":[],"structuredContent":{"a":[1]}}"#;
        check(object, object);
    }

    #[test]
    fn blocks_that_came_later_are_said_otherwise() {
        let sound = r#"{"content":[{"type":"audio","data":"AA==","mimeType":"audio/wav","annotations":{}}]}"#;
        let blob = r#"{"content":[{"type":"resource","annotations":{},"resource":{"uri":"data:,","mimeType":"audio/wav","blob":"AA=="}}]}"#;
        check(FIRST, "tools/call", sound, blob);
        check(SECOND, "tools/call", sound, sound);
        let link = r#"{"content":[{"type":"text","text":"a"}, {"type":"resource_link","uri":"a:b","name":"n","description":"d","_meta":{"x":1}}]}"#;
        let text = r#"{"content":[{"type":"text","text":"a"}, {"type":"text","text":"n: a:b\nd","_meta":{"x":1}}]}"#;
        check(FIRST, "tools/call", link, text);
        check(SECOND, "tools/call", link, text);
        check(THIRD, "tools/call", link, link);
    }

    #[test]
    fn messages_of_prompts_are_said_otherwise_too() {
        let link = r#"{"messages":[{"role":"user","content":{"type":"resource_link","uri":"a:b","name":"n"}}]}"#;
        let text = r#"{"messages":[{"role":"user","content":{"type":"text","text":"n: a:b"}}]}"#;
        check(SECOND, "prompts/get", link, text);
        check(THIRD, "prompts/get", link, link);
    }
}
