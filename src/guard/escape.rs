//! Control sequences of terminals: how long one is, and whether it hides what follows.

/// How long the control sequence at the start of `text` is (ECMA-48, section 5.4, and xterm's strings).
pub(super) fn length(text: &str) -> usize {
    let bytes = text.as_bytes();
    let (start, introducer) = match bytes {
        [0x1b, introducer, ..] => (2, *introducer),
        [0x1b] => return 1,
        // U+009B, the one character that stands for both.
        _ => (2, b'['),
    };
    match introducer {
        b'[' => {
            let parameters = bytes[start..].iter().take_while(|byte| (0x20..0x40).contains(*byte));
            let end = start + parameters.count();
            let last = bytes.get(end).is_some_and(|byte| (0x40..0x7f).contains(byte));
            end + usize::from(last)
        }
        b']' | b'P' | b'X' | b'^' | b'_' => string_length(bytes).unwrap_or(start),
        0x20..0x30 => {
            let between = bytes[1..].iter().take_while(|byte| (0x20..0x30).contains(*byte)).count();
            1 + between + usize::from(bytes.get(1 + between).is_some_and(u8::is_ascii_graphic))
        }
        0x30..0x7f => 2,
        _ => 1,
    }
}

/// How long a control string is; nothing if it has no end, in which case its content is text.
fn string_length(bytes: &[u8]) -> Option<usize> {
    let stops = |byte: &u8| *byte < b' ' && *byte != b'\t';
    let end = 2 + bytes[2..].iter().position(stops)?;
    match bytes[end..] {
        [0x07, ..] => Some(end + 1),
        [0x1b, b'\\', ..] => Some(end + 2),
        _ => None,
    }
}

/// Whether a select graphic rendition hides what follows, or shows it again; nothing of other sequences.
pub(super) fn hides(sequence: &str) -> Option<bool> {
    let parameters = sequence.strip_suffix('m')?.trim_start_matches(['\u{1b}', '\u{9b}', '[']);
    let codes: Vec<u16> =
        parameters.split([';', ':']).map(|code| code.parse().unwrap_or(0)).collect();
    let colour = |from: u16| {
        codes.iter().find(|code| (from..from + 8).contains(*code)).map(|code| code - from)
    };
    let same = |front: u16, back: u16| colour(front).is_some() && colour(front) == colour(back);
    Some(codes.contains(&8) || same(30, 40) || same(90, 100))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sequences_end_where_they_end() {
        let check = |text: &str, expected: usize| assert_eq!(length(text), expected, "{text:?}");
        check("\u{1b}[31;1mred", 7);
        check("\u{9b}8mhid", 4);
        check("\u{1b}]0;title\u{7}b", 10);
        check("\u{1b}]0;title\u{1b}\\b", 11);
        check("\u{1b}]0;no end\nnext", 2);
        check("\u{1b}(Btext", 3);
        check("\u{1b}", 1);
    }

    #[test]
    fn renditions_hide_by_their_code_or_by_one_colour() {
        let check = |sequence: &str, expected: Option<bool>| {
            assert_eq!(hides(sequence), expected, "{sequence:?}");
        };
        check("\u{1b}[8m", Some(true));
        check("\u{9b}1;30;40m", Some(true));
        check("\u{1b}[97;107m", Some(true));
        check("\u{1b}[31;40m", Some(false));
        check("\u{1b}[m", Some(false));
        check("\u{1b}[2K", None);
    }
}
