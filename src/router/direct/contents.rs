//! Contents of resources, held to a limit as the results of tools are.

use crate::base::json::{elements, member, replace};
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

#[cfg(test)]
mod tests {
    use super::*;

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
