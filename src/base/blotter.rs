//! Blots secrets out of what others say, before it becomes a log line or an error.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::secret::{HIDDEN, Secret};
use super::sorting;

/// Shorter values would blot out ordinary words.
const SHORTEST: usize = 6;

/// So many secrets that came later are known; the oldest make room.
const MAX_LEARNED: usize = 16;

/// The secrets of one server.
#[derive(Debug, Default)]
pub struct Blotter {
    /// The longest first: one may be the beginning of another.
    secrets: Vec<Secret>,
    /// Tokens that the server was given as time went by, the newest last, each in all its spellings, the first of them as it is.
    learned: Mutex<VecDeque<Vec<Secret>>>,
}

impl Blotter {
    /// Knows these secrets, line by line where they have several: a key in PEM form shows up so.
    pub fn new(secrets: &[Secret]) -> Self {
        let lines = secrets.iter().flat_map(|secret| secret.expose().lines());
        let mut secrets: Vec<Secret> = lines
            .map(str::trim)
            .filter(|line| line.len() >= SHORTEST)
            .flat_map(spellings)
            .collect();
        sorting::sort_by(&mut secrets, |a, b| {
            let (a, b) = (a.expose(), b.expose());
            b.len().cmp(&a.len()).then_with(|| a.cmp(b))
        });
        secrets.dedup();
        Self { secrets, learned: Mutex::default() }
    }

    /// Knows this secret, too, from now on.
    pub fn learn(&self, secret: &Secret) {
        let mut learned = self.learned();
        let is_known = learned.iter().any(|known| known.first() == Some(secret));
        if secret.expose().len() < SHORTEST || is_known {
            return;
        }
        if learned.len() == MAX_LEARNED {
            learned.pop_front();
        }
        learned.push_back(spellings(secret.expose()));
    }

    fn learned(&self) -> MutexGuard<'_, VecDeque<Vec<Secret>>> {
        self.learned.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The text without the secrets.
    pub fn blot<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let mut blotted = Cow::Borrowed(text);
        let learned = self.learned();
        for secret in self.secrets.iter().chain(learned.iter().flatten()).map(Secret::expose) {
            if blotted.contains(secret) {
                blotted = Cow::Owned(blotted.replace(secret, HIDDEN));
            }
        }
        blotted
    }
}

/// How the text reads as it is, inside a JSON string, and inside one that is inside another one; as different programs
/// write JSON: with slashes escaped or not, with characters beyond ASCII escaped in small letters, in capitals, or not; and
/// inside a URL or a form.
fn spellings(text: &str) -> Vec<Secret> {
    let plain = in_json(text);
    let small = in_ascii(&plain, |unit| format!("\\u{unit:04x}"));
    let capital = in_ascii(&plain, |unit| format!("\\u{unit:04X}"));
    let mut once: Vec<String> = vec![plain, small, capital];
    once.extend(once.clone().into_iter().map(|text| text.replace('/', "\\/")));
    let twice: Vec<String> = once.iter().map(|text| in_json(text)).collect();
    let all = std::iter::once(text.to_owned()).chain(once).chain(twice).chain(in_urls(text));
    let mut spellings: Vec<Secret> = Vec::new();
    for spelling in all.map(Secret::from) {
        if !spellings.contains(&spelling) {
            spellings.push(spelling);
        }
    }
    spellings
}

/// How the text reads inside a URL (RFC 3986, Section 2.1), in capitals and in small letters, and inside a form.
fn in_urls(text: &str) -> [String; 3] {
    let spell = |escape: fn(u8) -> String| {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        let spelt = text
            .bytes()
            .map(|byte| if is_plain(byte) { char::from(byte).to_string() } else { escape(byte) });
        spelt.collect()
    };
    let form = url::form_urlencoded::byte_serialize(text.as_bytes()).collect();
    [spell(|byte| format!("%{byte:02X}")), spell(|byte| format!("%{byte:02x}")), form]
}

/// How the text reads inside a JSON string.
fn in_json(text: &str) -> String {
    let quoted = serde_json::to_string(text).expect("a text always serialises");
    quoted[1..quoted.len() - 1].to_owned()
}

/// The text with all but ASCII in escapes, as many as UTF-16 needs.
fn in_ascii(text: &str, escape: impl Fn(u16) -> String) -> String {
    let spell = |letter: char| {
        if letter.is_ascii() {
            return letter.to_string();
        }
        letter.encode_utf16(&mut [0; 2]).iter().map(|unit| escape(*unit)).collect()
    };
    text.chars().map(spell).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(secrets: &[&str], text: &str, expected: &str) {
        let secrets: Vec<Secret> = secrets.iter().map(|secret| Secret::from(*secret)).collect();
        assert_eq!(Blotter::new(&secrets).blot(text), expected);
    }

    #[test]
    fn secrets_that_come_later_are_blotted_out_too() {
        let blotter = Blotter::new(&["hunter2!".into()]);
        assert_eq!(blotter.blot("hunter2! token-1"), "*** token-1");
        blotter.learn(&"token-1".into());
        blotter.learn(&"no".into());
        assert_eq!(blotter.blot("hunter2! token-1 no"), "*** *** no");
        for number in 2..2 + MAX_LEARNED {
            blotter.learn(&format!("token-{number:03}").into());
        }
        assert_eq!(blotter.blot("token-1 token-002 token-017"), "token-1 *** ***");
        blotter.learn(&"to/ken+=".into());
        assert_eq!(
            blotter.blot(r"to/ken+= to\/ken+= to%2Fken%2B%3D to%2fken%2b%3d"),
            "*** *** *** ***"
        );
    }

    #[test]
    fn secrets_are_blotted_out() {
        check(&[], "all clear", "all clear");
        check(&["hunter2!"], "key hunter2!, again hunter2!", "key ***, again ***");
        check(&["token", "abcdef", "abcdefghi"], "token abcdefghi abcdef", "token *** ***");
        check(&["-----BEGIN\nMIIabc\n-----END"], "MIIabc and -----END", "*** and ***");
        check(&["pass word~"], "x=pass+word%7E&y=pass%20word~", "x=***&y=***");
        check(&["a\"b\\cde"], r#"{"x":"a\"b\\cde"}"#, r#"{"x":"***"}"#);
        let secret = "s/t\"\u{e4}\u{1f309}";
        for spelt in [
            "s/t\"\u{e4}\u{1f309}",
            r#"s/t\"\u00e4\ud83c\udf09"#,
            r#"s\/t\"\u00E4\uD83C\uDF09"#,
            r#"s\/t\"ä\u{1f309}"#,
            r#"s\\/t\\\"\\u00e4\\ud83c\\udf09"#,
            "s%2Ft%22%C3%A4%F0%9F%8C%89",
            "s%2ft%22%c3%a4%f0%9f%8c%89",
        ] {
            let spelt = spelt.replace("\\u{1f309}", "\u{1f309}");
            check(&[secret], &format!("key {spelt} no"), "key *** no");
        }
    }
}
