//! Contents of resources and messages of prompts, held to a limit as the results of tools are.

use crate::base::json::{elements, member, replace, string};
use crate::guard::limit::{Left, shrink};

/// The result of `resources/read` with at most `max` characters of text in it; nothing if it fits, or is no such result.
/// `told` hears what is missing.
pub(in crate::router) fn shrink_contents(
    result: &str,
    max: usize,
    told: impl FnOnce(Left),
) -> Option<String> {
    let contents = member(result, "contents")?;
    // An embedded resource of a result is what a resource is here.
    let block = |content| format!(r#"{{"type":"resource","resource":{content}}}"#);
    let blocks: Vec<String> = elements(contents).map(block).collect();
    let embedded = format!(r#"{{"content":[{}]}}"#, blocks.join(","));
    let tell = |left| {
        told(left);
        String::new()
    };
    let shrunk = shrink(&embedded, max, tell)?.json;
    let left = elements(member(&shrunk, "content")?).filter_map(|block| member(block, "resource"));
    let left: Vec<&str> = left.collect();
    replace(result, contents, &format!("[{}]", left.join(",")))
}

/// The same for the result of `prompts/get`. A message whose text does not fit at all goes with it.
pub(in crate::router) fn shrink_messages(
    result: &str,
    max: usize,
    told: impl FnOnce(Left),
) -> Option<String> {
    let messages = member(result, "messages")?;
    let parts: Vec<(&str, &str)> = elements(messages)
        .map(|message| (message, member(message, "content").unwrap_or("null")))
        .collect();
    let (mut left, mut lost) = (max, None);
    let mut kept = Vec::new();
    let length = |content: &str| {
        let text = member(content, "text").or_else(|| member(member(content, "resource")?, "text"));
        text.and_then(string).map_or(0, |text| text.chars().count())
    };
    let total = parts.iter().map(|(_, content)| length(content)).sum();
    for (message, content) in parts {
        let size = length(content);
        if size <= left {
            left -= size;
            kept.push(message.to_owned());
        } else if lost.is_none() {
            let block = format!(r#"{{"content":[{content}]}}"#);
            let cut = shrink(&block, left, |_| String::new())?.json;
            let cut = member(&cut, "content").and_then(|blocks| elements(blocks).next());
            let cut = cut.and_then(|short| Some((short, replace(message, content, short)?)));
            lost = Some(max - left + cut.as_ref().map_or(0, |(short, _)| length(short)));
            kept.extend(cut.map(|(_, message)| message));
            left = 0;
        }
    }
    let shown = lost?;
    told(Left { shown, total, in_plain_text: false });
    replace(result, messages, &format!("[{}]", kept.join(",")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_cut() {
        let result = |messages: &str| format!(r#"{{"messages":[{messages}],"contents":1}}"#);
        let message = |text: &str| {
            format!(r#"{{"role":"user","content":{{"type":"text","text":"{text}"}}}}"#)
        };
        let whole = [message("123"), message("4567"), message("8")].join(",");
        let mut told = None;
        let shrunk = shrink_messages(&result(&whole), 5, |left| told = Some(left));
        assert_eq!(shrunk, Some(result(&[message("123"), message("45")].join(","))));
        assert_eq!(told.map(|left| (left.shown, left.total)), Some((5, 8)));
        assert_eq!(shrink_messages(&result(&whole), 8, |_| ()), None);
    }

    fn check(contents: &str, expected: Option<&str>, total: Option<usize>) {
        let result = |contents| format!(r#"{{ "contents": {contents},"x":1.50}}"#);
        let mut told = None;
        let shrunk = shrink_contents(&result(contents), 5, |left| told = Some(left.total));
        assert_eq!((shrunk, told), (expected.map(result), total), "{contents}");
    }

    #[test]
    fn texts_are_cut_and_all_else_stays() {
        check(r#"[{"uri":"a:b","text":"12345"}]"#, None, None);
        check(r#"[{"uri":"a:b","blob":"123456789"}]"#, None, None);
        check(
            r#"[{"uri":"a:b","x" : 1.50,"text":"1234567"},{"blob":"AAAA"},{"text":"more"}]"#,
            Some(r#"[{"uri":"a:b","x" : 1.50,"text":"12345"},{"blob":"AAAA"}]"#),
            Some(11),
        );
        assert_eq!(shrink_contents(r#"{"content":[]}"#, 1, |_| ()), None);
    }
}
