//! Ways to spell a letter so that rules for words do not see it: other alphabets, ornaments, entities, escapes.

/// Named entities that may stand inside of a sentence (HTML, section 13.5).
const ENTITIES: [(&str, char); 14] = [
    ("amp;", '&'),
    ("lt;", '<'),
    ("gt;", '>'),
    ("quot;", '"'),
    ("apos;", '\''),
    ("nbsp;", ' '),
    ("ensp;", ' '),
    ("emsp;", ' '),
    ("Tab;", ' '),
    ("NewLine;", '\n'),
    ("excl;", '!'),
    ("colon;", ':'),
    ("period;", '.'),
    ("comma;", ','),
];

/// Letters that look like Latin ones (Unicode, confusables), each beside the one that it looks like.
const LOOKALIKES: &str = "аaвbеeкkмmнhоoрpсcтtуyхxіiјjѕsԁdһhӏlԛqԝwгrпnѵvьbёeїi\
    АaВbЕeКkМmНhОoРpСcТtУyХxІiЈjЅsԀdҺhӀlԚqԜwЁeЇi\
    αaβbεeηnιiκkνvοoρpτtυuχxωwγyσo\
    ΑaΒbΕeΖzΗhΙiΚkΜmΝnΟoΡpΤtΥyΧx\
    օoսuոnցgհhլlզqյjԱuՕoՍu\
    ꭺaᎪaᏴbᏟcᎠdᎬeᏀgᎻhᎥiᎫjᏦkᏞlᎷmᏢpᎡrᏚsᎢtᏙvᏔwᏃz";

/// Latin letters of special shape that do not decompose.
const ORNAMENTS: &str = "ᴀaʙbᴄcᴅdᴇeꜰfɢgʜhɪiᴊjᴋkʟlᴍmɴnᴏoᴘpʀrꜱsᴛtᴜuᴠvᴡwʏyᴢzɑaɡgıiɩi";

/// The Latin letter that `letter` looks like, though it belongs to another script.
pub(super) fn lookalike(letter: char) -> Option<u8> {
    let known =
        matches!(letter, '\u{370}'..='\u{58f}' | '\u{13a0}'..='\u{13ff}' | '\u{ab70}'..='\u{abbf}');
    if known { beside(LOOKALIKES, letter) } else { None }
}

/// The Latin letter that an ornamental one stands for.
pub(super) fn undressed(letter: char) -> Option<u8> {
    let code = u32::from(letter);
    let nth = |first: u32| u8::try_from((code - first) % 26).map(|nth| b'a' + nth).ok();
    match letter {
        'Ａ'..='Ｚ' => nth(0xff21),
        'ａ'..='ｚ' => nth(0xff41),
        // Styles of 52 letters each; the few gaps in the block are filled from elsewhere, below.
        '\u{1d400}'..='\u{1d6a3}' => nth(0x1d400),
        '\u{24b6}'..='\u{24cf}' => nth(0x24b6),
        '\u{24d0}'..='\u{24e9}' => nth(0x24d0),
        '\u{249c}'..='\u{24b5}' => nth(0x249c),
        '\u{1f130}'..='\u{1f149}' => nth(0x1f130),
        '\u{1f150}'..='\u{1f169}' => nth(0x1f150),
        '\u{1f170}'..='\u{1f189}' => nth(0x1f170),
        'ℎ' | 'ℋ' | 'ℌ' | 'ℍ' => Some(b'h'),
        'ℬ' => Some(b'b'),
        'ℂ' | 'ℭ' => Some(b'c'),
        'ℯ' | 'ℰ' => Some(b'e'),
        'ℱ' => Some(b'f'),
        'ℊ' => Some(b'g'),
        'ℐ' | 'ℑ' => Some(b'i'),
        'ℒ' => Some(b'l'),
        'ℳ' => Some(b'm'),
        'ℕ' => Some(b'n'),
        'ℴ' => Some(b'o'),
        'ℙ' => Some(b'p'),
        'ℚ' => Some(b'q'),
        'ℛ' | 'ℜ' | 'ℝ' => Some(b'r'),
        'ℤ' | 'ℨ' => Some(b'z'),
        '\u{250}'..='\u{2af}' | '\u{1d00}'..='\u{1d2b}' | 'ı' | '\u{a730}' | '\u{a731}' => {
            beside(ORNAMENTS, letter)
        }
        _ => None,
    }
}

/// What stands beside `letter` in a table of pairs.
fn beside(table: &str, letter: char) -> Option<u8> {
    let mut letters = table.chars();
    while let (Some(key), Some(value)) = (letters.next(), letters.next()) {
        if key == letter {
            return u8::try_from(value).ok();
        }
    }
    None
}

/// Letters with marks, and forms of compatibility: what NFKC changes and is no script of its own.
pub(super) fn decomposes(letter: char) -> bool {
    matches!(letter,
        '\u{a0}'..='\u{24f}' | '\u{1e00}'..='\u{1fff}' | '\u{2000}'..='\u{24ff}' | '\u{300}'..='\u{36f}'
        | '\u{fb00}'..='\u{fb06}' | '\u{ff01}'..='\u{ff5e}' | '\u{1d400}'..='\u{1d7ff}' | '\u{1f100}'..='\u{1f1e5}')
}

/// Quotation marks and dashes of typography, as ASCII has them.
pub(super) fn quote(letter: char) -> char {
    match letter {
        '\u{2018}'..='\u{201b}' | '\u{2032}' | '\u{b4}' | '\u{2bc}' => '\'',
        '\u{201c}'..='\u{201f}' | '\u{ab}' | '\u{bb}' => '"',
        '\u{2010}'..='\u{2015}' => '-',
        _ => letter,
    }
}

/// The character that the entity at the start of `text` stands for, and the entity's length.
pub(super) fn entity(text: &str) -> Option<(char, usize)> {
    let rest = text.strip_prefix('&')?;
    if let Some(number) = rest.strip_prefix('#') {
        let (digits, radix, before) = match number.strip_prefix(['x', 'X']) {
            Some(digits) => (digits, 16, 3),
            None => (number, 10, 2),
        };
        let length =
            digits.bytes().take(8).take_while(|byte| char::from(*byte).is_digit(radix)).count();
        let letter = char::from_u32(u32::from_str_radix(&digits[..length], radix).ok()?)?;
        let closed = usize::from(digits[length..].starts_with(';'));
        return Some((letter, before + length + closed));
    }
    let (name, letter) = ENTITIES.iter().find(|(name, _)| rest.starts_with(name))?;
    Some((*letter, 1 + name.len()))
}

/// The character that the escape at the start of `text` stands for, as JSON and most languages spell it, and its length.
pub(super) fn escape(text: &str) -> Option<(char, usize)> {
    let bytes = text.as_bytes();
    match bytes.get(1)? {
        // Text in JSON in JSON is escaped twice.
        b'\\' => escape_once(&text[1..]).map(|(letter, length)| (letter, length + 1)),
        _ => escape_once(text),
    }
}

fn escape_once(text: &str) -> Option<(char, usize)> {
    let bytes = text.as_bytes();
    let hex = |from: usize, to: usize| {
        let digits =
            text.get(from..to).filter(|part| part.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
        char::from_u32(u32::from_str_radix(digits, 16).ok()?)
    };
    match bytes.get(1)? {
        b'n' | b'r' => Some(('\n', 2)),
        b't' => Some((' ', 2)),
        b'"' => Some(('"', 2)),
        b'\'' => Some(('\'', 2)),
        b'/' => Some(('/', 2)),
        b'u' if bytes.get(2) == Some(&b'{') => {
            let end = 3 + bytes[3..].iter().take(6).position(|byte| *byte == b'}')?;
            Some((hex(3, end)?, end + 1))
        }
        b'u' => Some((hex(2, 6)?, 6)),
        b'x' => Some((hex(2, 4)?, 4)),
        _ => None,
    }
}

/// The ASCII character that the percent escape at the start of `text` stands for, and its length.
pub(super) fn percent(text: &str) -> Option<(char, usize)> {
    let digits = text.get(1..3).filter(|part| part.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
    let byte = u8::from_str_radix(digits, 16).ok()?;
    matches!(byte, b'\n' | b' '..=b'~').then_some((char::from(byte), 3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entities_are_read() {
        let check = |text: &str, expected| assert_eq!(entity(text), expected, "{text}");
        check("&#105;x", Some(('i', 6)));
        check("&#x69 ", Some(('i', 5)));
        check("&lt;b", Some(('<', 4)));
        check("&copy;", None);
        check("& so", None);
        check("&#;", None);
        check("&#99999999;", None);
    }

    #[test]
    fn escapes_are_read() {
        let check = |text: &str, expected| assert_eq!(escape(text), expected, "{text}");
        check("\\u0041b", Some(('A', 6)));
        check("\\u{41}", Some(('A', 6)));
        check("\\x41", Some(('A', 4)));
        check("\\nx", Some(('\n', 2)));
        check("\\ud800", None);
        check("\\u00é", None);
        check("\\", None);
        check("\\d", None);
    }

    #[test]
    fn lookalikes_have_a_letter() {
        assert_eq!(lookalike('а'), Some(b'a'));
        assert_eq!(lookalike('Τ'), Some(b't'));
        assert_eq!(lookalike('ж'), None);
        assert_eq!(undressed('𝐈'), Some(b'i'));
        assert_eq!(undressed('𝚣'), Some(b'z'));
        assert_eq!(undressed('ｚ'), Some(b'z'));
        assert_eq!(undressed('x'), None);
    }
}
