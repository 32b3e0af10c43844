//! Characters that are not simply seen where they stand, by what they do: the one table for the guard, for what the
//! owner is shown, and for the log. Those who use it differ in which of these they mind, and each says so.

/// Control characters that are no white space.
pub fn control(letter: char) -> bool {
    letter.is_control() && !matches!(letter, '\t' | '\n' | '\r')
}

/// Characters that are not seen and take no room.
pub fn zero_width(letter: char) -> bool {
    matches!(letter,
        '\u{ad}' | '\u{34f}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180e}' | '\u{180f}'
        | '\u{200b}'..='\u{200d}' | '\u{2060}'..='\u{2065}' | '\u{206a}'..='\u{206f}' | '\u{3164}' | '\u{feff}'
        | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
        | '\u{e0080}'..='\u{e00ff}' | '\u{e01f0}'..='\u{e0fff}')
}

/// Selectors of the look of the character before.
pub fn selector(letter: char) -> bool {
    matches!(letter, '\u{fe00}'..='\u{fe0f}' | '\u{e0100}'..='\u{e01ef}' | '\u{180b}'..='\u{180d}')
}

/// Unicode tags: invisible doubles of ASCII.
pub fn tag(letter: char) -> bool {
    matches!(letter, '\u{e0000}'..='\u{e007f}')
}

/// Separators of lines and paragraphs, at which a terminal or an editor may begin a new line.
pub fn line_separator(letter: char) -> bool {
    matches!(letter, '\u{2028}' | '\u{2029}')
}

/// Embeddings and overrides of the writing direction, which no text needs that has marks and isolates.
pub fn direction_override(letter: char) -> bool {
    matches!(letter, '\u{202a}'..='\u{202e}')
}

/// Marks and isolates, which texts written from right to left need.
pub fn direction_mark(letter: char) -> bool {
    matches!(letter, '\u{200e}' | '\u{200f}' | '\u{61c}' | '\u{2066}'..='\u{2069}')
}

/// Whether `letter` is not simply seen where it stands.
pub fn unseen(letter: char) -> bool {
    control(letter)
        || selector(letter)
        || zero_width(letter)
        || tag(letter)
        || direction_override(letter)
        || direction_mark(letter)
}

/// Whether `letter` does something to a terminal or a log instead of being shown: controls, new lines, turns of
/// direction. What merely takes no room is left alone, since names and emoji are written with it.
pub fn harmful(letter: char) -> bool {
    letter.is_control()
        || line_separator(letter)
        || direction_override(letter)
        || direction_mark(letter)
}

/// Whether `letter` deceives somebody who compares two texts: all that is unseen, blanks other than the plain one, and
/// what every font may draw otherwise or not at all (marks before numbers, private use, planes without letters).
pub fn deceptive(letter: char) -> bool {
    harmful(letter)
        || unseen(letter)
        || (letter.is_whitespace() && letter != ' ')
        || matches!(letter,
            '\u{600}'..='\u{605}' | '\u{6dd}' | '\u{70f}' | '\u{2800}' | '\u{e000}'..='\u{f8ff}' | '\u{fffc}'
            | '\u{e0000}'..='\u{10ffff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_purpose_minds_what_it_should() {
        let check = |letters: &str, expected: (bool, bool, bool)| {
            for letter in letters.chars() {
                let found = (unseen(letter), harmful(letter), deceptive(letter));
                assert_eq!(found, expected, "{letter:?}");
            }
        };
        check("aé日😀 -\\", (false, false, false));
        check("\0\x1b\x7f\u{9b}\u{85}", (true, true, true));
        check("\n\t\r\u{2028}\u{2029}", (false, true, true));
        check("\u{202a}\u{202e}\u{2066}\u{2069}\u{200e}\u{61c}", (true, true, true));
        check(
            "\u{200b}\u{200d}\u{fe0f}\u{e0041}\u{e0100}\u{feff}\u{ad}\u{1bca0}",
            (true, false, true),
        );
        check("\u{a0}\u{3000}\u{e000}\u{2800}\u{fffc}\u{10ffff}", (false, false, true));
    }

    #[test]
    fn what_is_unseen_or_harmful_always_deceives() {
        for letter in '\0'..=char::MAX {
            assert!(deceptive(letter) || !(unseen(letter) || harmful(letter)), "{letter:?}");
        }
    }
}
