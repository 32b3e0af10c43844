//! Contents of resources, messages of prompts and values of completions, held to a limit as the results of tools are.

use crate::base::json::{elements, member, replace, set, string};
use crate::guard::limit::{Left, length_of_text, shrink};

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
    let total = parts.iter().map(|(_, content)| length(content)).sum();
    for (message, content) in parts {
        let size = length(content);
        if size <= left {
            left -= size;
            kept.push(message.to_owned());
        } else if lost.is_none() {
            let cut = cut_content(content, left);
            let cut =
                cut.and_then(|short| Some((length(&short), replace(message, content, &short)?)));
            lost = Some(max - left + cut.as_ref().map_or(0, |(length, _)| *length));
            kept.extend(cut.map(|(_, message)| message));
            left = 0;
        }
    }
    let shown = lost?;
    told(Left { shown, total, in_plain_text: false });
    replace(result, messages, &format!("[{}]", kept.join(",")))
}

/// The characters of what a message holds: a block, or several of them. A mere string is none of them, and is shown by
/// some all the same.
fn length(content: &str) -> usize {
    match content.as_bytes().first() {
        Some(b'[') => elements(content).map(length).sum(),
        Some(b'"') => string(content).map_or(0, |text| text.chars().count()),
        _ => length_of_text(content),
    }
}

/// What a message holds, with fewer characters than it has; nothing where none of it is left.
fn cut_content(content: &str, max: usize) -> Option<String> {
    let is_list = content.starts_with('[');
    let blocks = if is_list { content.to_owned() } else { format!("[{content}]") };
    // One that is too long otherwise than by its texts cannot be cut.
    let cut = shrink(&format!(r#"{{"content":{blocks}}}"#), max, |_| String::new())?.json;
    let cut = member(&cut, "content")?;
    let first = elements(cut).next()?;
    let short = if is_list { cut } else { first };
    (length(short) <= max).then(|| short.to_owned())
}

/// The same for the result of `completion/complete`: values beyond the limit are left out, since a part of one would be
/// another value.
pub(in crate::router) fn shrink_values(
    result: &str,
    max: usize,
    told: impl FnOnce(Left),
) -> Option<String> {
    let completion = member(result, "completion")?;
    let values = member(completion, "values")?;
    let length = |value: &&str| string(value).map_or(value.len(), |text| text.chars().count());
    let total = elements(values).map(|value| length(&value)).sum();
    if total <= max {
        return None;
    }
    let mut shown = 0;
    let fits = |value: &&str| {
        let with = shown + length(value);
        let fits = with <= max;
        shown = if fits { with } else { shown };
        fits
    };
    let kept: Vec<&str> = elements(values).take_while(fits).collect();
    let list = format!("[{}]", kept.join(","));
    told(Left { shown, total, in_plain_text: false });
    let fewer = set(&replace(completion, values, &list)?, "hasMore", "true")?;
    replace(result, completion, &fewer)
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

    #[track_caller]
    fn check_content(content: &str, expected: Option<&str>) {
        let result =
            |content: &str| format!(r#"{{"messages":[{{"role":"user","content":{content}}}]}}"#);
        let left = expected.map_or_else(|| r#"{"messages":[]}"#.to_owned(), result);
        assert_eq!(shrink_messages(&result(content), 5, |_| ()), Some(left), "{content}");
    }

    #[test]
    fn whatever_shape_a_message_has_it_is_cut() {
        let text = |text: &str| format!(r#"{{"type":"text","text":"{text}"}}"#);
        let list = |texts: &[&str]| {
            format!("[{}]", texts.iter().map(|it| text(it)).collect::<Vec<_>>().join(","))
        };
        check_content(&list(&["123", "4567", "8"]), Some(&list(&["123", "45"])));
        check_content(&list(&["123456"]), Some(&list(&["12345"])));
        check_content(r#""123456""#, None);
        check_content(r#"["123456"]"#, None);
        // What does not count shall not stand in the way of cutting what does.
        let resource = |text: &str| {
            format!(r#"{{"type":"resource","text":"{text}","resource":{{"text":"{text}"}}}}"#)
        };
        let cut = resource("1234567").replacen(r#"{"text":"1234567"}"#, r#"{"text":"12345"}"#, 1);
        check_content(&resource("1234567"), Some(&cut));
    }

    #[test]
    fn values_are_left_out_whole() {
        let check = |completion: &str, expected: Option<&str>| {
            let result = |completion| format!(r#"{{"completion":{completion},"x":1.50}}"#);
            let shrunk = shrink_values(&result(completion), 5, |left| assert_eq!(left.total, 6));
            assert_eq!(shrunk, expected.map(result), "{completion}");
        };
        check(r#"{"values":["12","345"]}"#, None);
        check(
            r#"{"values":["12","é34","5"],"hasMore":false,"total":3}"#,
            Some(r#"{"values":["12","é34"],"hasMore":true,"total":3}"#),
        );
        check(r#"{"values":["123456"]}"#, Some(r#"{"values":[],"hasMore":true}"#));
        check("{}", None);
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
