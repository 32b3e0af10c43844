//! Values as they stand in a header (revision 2026-07-28, Streamable HTTP, Value Encoding): plain where a header can carry
//! them, otherwise the base64 of their UTF-8 between two marks.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

const PREFIX: &str = "=?base64?";
const SUFFIX: &str = "?=";

/// The content between the marks, if both are there.
fn marked(value: &str) -> Option<&str> {
    value.strip_prefix(PREFIX)?.strip_suffix(SUFFIX)
}

/// `value` as a header carries it.
pub fn encode(value: &str) -> Cow<'_, str> {
    let visible = value.bytes().all(|byte| matches!(byte, b' '..=b'~'));
    let padded = value.starts_with(' ') || value.ends_with(' ');
    let looks_encoded = value.starts_with(PREFIX) && value.ends_with(SUFFIX);
    if visible && !padded && !looks_encoded {
        Cow::Borrowed(value)
    } else {
        Cow::Owned(format!("{PREFIX}{}{SUFFIX}", STANDARD.encode(value)))
    }
}

/// The value that a header carries; nothing if it is malformed. Blanks around it are none of it (RFC 9110, section 5.5).
pub fn decode(header: &[u8]) -> Option<Cow<'_, str>> {
    let header = std::str::from_utf8(header).ok()?.trim_matches([' ', '\t']);
    if !header.bytes().all(|byte| matches!(byte, b'\t' | b' '..=b'~')) {
        return None;
    }
    match marked(header) {
        Some(content) => String::from_utf8(STANDARD.decode(content).ok()?).ok().map(Cow::Owned),
        None => Some(Cow::Borrowed(header)),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn values_are_encoded_where_a_header_cannot_carry_them() {
        let check = |value: &str, header: &str| {
            assert_eq!(encode(value), header);
            assert_eq!(decode(header.as_bytes()).as_deref(), Some(value), "{header}");
        };
        check("us-west1", "us-west1");
        check("a b", "a b");
        check("", "");
        check("Hello, 世界", "=?base64?SGVsbG8sIOS4lueVjA==?=");
        check(" padded ", "=?base64?IHBhZGRlZCA=?=");
        check("line1\nline2", "=?base64?bGluZTEKbGluZTI=?=");
        check("=?base64?literal?=", "=?base64?PT9iYXNlNjQ/bGl0ZXJhbD89?=");
        check("=?base64?=", "=?base64?PT9iYXNlNjQ/PQ==?=");
        check("=?base64?open", "=?base64?open");
        check("open?=", "open?=");
    }

    #[test]
    fn malformed_headers_carry_nothing() {
        let check = |header: &[u8], expected: Option<&str>| {
            assert_eq!(decode(header).as_deref(), expected, "{}", header.escape_ascii());
        };
        check(b"=?base64?SGVsbG8=?=", Some("Hello"));
        check(b"=?base64?SGVsbG8?=", None);
        check(b"=?base64?SGV%bG8=?=", None);
        check(b"=?base64?/w==?=", None);
        check(b"caf\xc3\xa9", None);
        check(b"\xff", None);
        check(b"a\x01", None);
        check(b"  name\t", Some("name"));
        check(b"=?BASE64?SGVsbG8=?=", Some("=?BASE64?SGVsbG8=?="));
    }

    proptest! {
        /// Whatever is sent arrives, and no header holds anything but visible characters and blanks.
        #[test]
        fn what_is_encoded_is_decoded(value in any::<String>()) {
            let header = encode(&value);
            prop_assert!(header.bytes().all(|byte| (b' '..=b'~').contains(&byte)));
            let found = decode(header.as_bytes());
            prop_assert_eq!(found.as_deref(), Some(value.as_str()));
        }
    }
}
