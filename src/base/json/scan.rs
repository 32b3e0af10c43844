//! Finding the ends of JSON tokens (RFC 8259). Most bytes of all messages are passed over in here.

use super::Fault;

/// Words of eight bytes of a string that are looked at in one step.
const BLOCK: usize = 4;

/// Words of eight bytes of a string that are looked at where it is met, without the call of a function.
const WORDS_AT_ONCE: usize = 2;

/// Words of a string that are looked at before the first block.
const WORDS: usize = 4;

/// The fault of a byte that does not fit.
#[cold]
#[expect(clippy::unnecessary_box_returns, reason = "see `Strict::walk`")]
pub(super) fn unexpected(at: usize, expected: &'static str) -> Box<Fault> {
    Box::new(Fault::Syntax { at, expected })
}

/// The first byte from `at` on that is no white space.
#[inline]
pub(super) fn blank(bytes: &[u8], mut at: usize) -> usize {
    while let Some(b' ' | b'\t' | b'\n' | b'\r') = bytes.get(at) {
        at += 1;
    }
    at
}

/// Offset of the quote that ends the string whose content starts at `at`.
#[inline]
pub(super) fn string_end(bytes: &[u8], at: usize) -> Result<usize, Box<Fault>> {
    match end_in_words(bytes, at) {
        Ok(end) if bytes[end] == b'"' => Ok(end),
        Ok(at) | Err(at) => string_end_after(bytes, at),
    }
}

/// The same from a byte on before which it does not end.
#[inline(never)]
fn string_end_after(bytes: &[u8], mut at: usize) -> Result<usize, Box<Fault>> {
    loop {
        at = plain_end_of_long(bytes, at);
        match bytes.get(at) {
            Some(b'"') => return Ok(at),
            Some(b'\\') => at = escape_end(bytes, at)?,
            Some(_) => return Err(unexpected(at, "`\\n` or another escape")),
            None => return Err(unexpected(at, "the end of a string")),
        }
    }
}

/// Where the escape at `at` ends (RFC 8259, section 7).
fn escape_end(bytes: &[u8], at: usize) -> Result<usize, Box<Fault>> {
    let hex = |digits: &[u8]| digits.iter().all(u8::is_ascii_hexdigit);
    match bytes.get(at + 1) {
        Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => Ok(at + 2),
        Some(b'u') if bytes.get(at + 2..at + 6).is_some_and(hex) => Ok(at + 6),
        _ => Err(unexpected(at, "an escape of JSON")),
    }
}

/// Where the plain text that starts at `at` ends: at a quote, a backslash, a control character or
/// the end.
#[inline]
pub(super) fn plain_end(bytes: &[u8], at: usize) -> usize {
    match end_in_words(bytes, at) {
        Ok(end) => end,
        Err(at) => plain_end_of_long(bytes, at),
    }
}

/// The same, but no further than the first words, within which most strings end: as an error, up to where they were
/// looked at.
#[inline]
pub(super) fn end_in_words(bytes: &[u8], at: usize) -> Result<usize, usize> {
    let mut from = at;
    for _ in 0..WORDS_AT_ONCE {
        let Some(word) = bytes.get(from..).and_then(<[u8]>::first_chunk::<8>) else {
            return Err(from);
        };
        let found = specials(u64::from_le_bytes(*word));
        if found != 0 {
            return Ok(from + found.trailing_zeros() as usize / 8);
        }
        from += 8;
    }
    Err(from)
}

const ONES: u64 = u64::from_ne_bytes([1; 8]);
const HIGHS: u64 = ONES << 7;

/// The highest bits of those bytes of a word that end plain text; above the lowest of them, others
/// may be set as well.
#[inline]
fn specials(word: u64) -> u64 {
    marks(word) & HIGHS
}

/// The same with bits below the highest that say nothing, so that those of several words may be joined first.
#[inline]
fn marks(word: u64) -> u64 {
    // With this bit turned, the quote (0x22) follows on the control characters, so that one comparison finds both.
    let controls_and_quote = (word ^ (ONES * 0x02)).wrapping_sub(ONES * 0x21);
    let backslash = (word ^ (ONES * 0x5c)).wrapping_sub(ONES);
    (controls_and_quote | backslash) & !word
}

#[inline(never)]
fn plain_end_of_long(bytes: &[u8], mut at: usize) -> usize {
    let special = |byte: u8| byte ^ 0x02 < 0x21 || byte == b'\\';
    // Of the others most end before it pays to look at more than a word at a time.
    for _ in 0..WORDS {
        let Some(word) = bytes.get(at..).and_then(<[u8]>::first_chunk::<8>) else { break };
        let found = specials(u64::from_le_bytes(*word));
        if found != 0 {
            return at + found.trailing_zeros() as usize / 8;
        }
        at += 8;
    }
    // In words rather than by wide instructions, which a program that is built to be small has not: 83 µs for 1 MB, where a
    // loop over its bytes takes 630, and 45 with wide instructions.
    while let Some(block) = bytes.get(at..).and_then(<[u8]>::first_chunk::<{ 8 * BLOCK }>) {
        let [one, two, three, four] = block.as_chunks::<8>().0 else { break };
        let marks = |word: &[u8; 8]| marks(u64::from_le_bytes(*word));
        if (marks(one) | marks(two) | marks(three) | marks(four)) & HIGHS != 0 {
            break;
        }
        at += 8 * BLOCK;
    }
    while let Some(word) = bytes.get(at..).and_then(<[u8]>::first_chunk::<8>) {
        let found = specials(u64::from_le_bytes(*word));
        if found != 0 {
            return at + found.trailing_zeros() as usize / 8;
        }
        at += 8;
    }
    let rest = bytes.get(at..).unwrap_or_default();
    at + rest.iter().position(|byte| special(*byte)).unwrap_or(rest.len())
}

/// Where the number at `at` ends (RFC 8259, section 6).
pub(super) fn number_end(bytes: &[u8], at: usize) -> Result<usize, Box<Fault>> {
    let digits = |from: usize| {
        let rest = bytes.get(from..).unwrap_or_default();
        let count = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        if count == 0 { Err(unexpected(from, "a digit")) } else { Ok(from + count) }
    };
    let first = at + usize::from(bytes[at] == b'-');
    let mut end = digits(first)?;
    if bytes[first] == b'0' && end > first + 1 {
        return Err(unexpected(first, "a number without leading zeros"));
    }
    if bytes.get(end) == Some(&b'.') {
        end = digits(end + 1)?;
    }
    if let Some(b'e' | b'E') = bytes.get(end) {
        let sign = usize::from(matches!(bytes.get(end + 1), Some(b'+' | b'-')));
        end = digits(end + 1 + sign)?;
    }
    Ok(end)
}

/// Where the literal at `at` ends.
pub(super) fn literal_end(
    bytes: &[u8],
    at: usize,
    literal: &'static [u8],
) -> Result<usize, Box<Fault>> {
    if bytes[at..].starts_with(literal) {
        Ok(at + literal.len())
    } else {
        Err(unexpected(at, "`true`, `false` or `null`"))
    }
}
