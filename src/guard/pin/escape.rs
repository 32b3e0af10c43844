//! Text of a server as somebody reads it who must not be deceived.

use std::fmt::Write;

use crate::base::unicode::deceptive;

/// Shows what would otherwise act or hide: control characters, turns of direction, characters without width.
/// `\` is doubled, so that what was escaped can be told from what was sent.
pub fn escape(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' => shown.push_str("\\\\"),
            '\n' => shown.push_str("\\n"),
            '\r' => shown.push_str("\\r"),
            '\t' => shown.push_str("\\t"),
            _ => push_visible(&mut shown, c),
        }
    }
    shown
}

/// The same for the text of JSON, which escapes `\` and the first control characters itself.
pub(super) fn escape_json(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    text.chars().for_each(|c| push_visible(&mut shown, c));
    shown
}

fn push_visible(shown: &mut String, c: char) {
    if deceptive(c) {
        write!(shown, "\\u{{{:x}}}", u32::from(c)).expect("a string takes all");
    } else {
        shown.push(c);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_acts_and_nothing_hides() {
        let check = |text: &str, expected: &str| assert_eq!(escape(text), expected, "{text:?}");
        check("plain, ünïcödé, 日本", "plain, ünïcödé, 日本");
        check("\x1b[2J\u{9b}31m", "\\u{1b}[2J\\u{9b}31m");
        check("a\nb\r\tc", "a\\nb\\r\\tc");
        check("\u{202e}evil\u{2066}", "\\u{202e}evil\\u{2066}");
        check("in\u{200b}vis\u{e0041}ible\u{fe0f}", "in\\u{200b}vis\\u{e0041}ible\\u{fe0f}");
        check("a\u{a0}b\u{3000}c", "a\\u{a0}b\\u{3000}c");
        check("\\u{202e} as it was sent", "\\\\u{202e} as it was sent");
        assert_eq!(escape_json("\"a\\n\u{202e}\""), "\"a\\n\\u{202e}\"");
    }
}
