//! Blots secrets out of what others say, before it becomes a log line or an error.

use std::borrow::Cow;

use super::secret::{HIDDEN, Secret};

/// Shorter values would blot out ordinary words.
const SHORTEST: usize = 6;

/// The secrets of one server.
#[derive(Debug, Default)]
pub struct Blotter {
    /// The longest first: one may be the beginning of another.
    secrets: Vec<Secret>,
}

impl Blotter {
    /// Knows these secrets, line by line where they have several: a key in PEM form shows up so.
    pub fn new(secrets: &[Secret]) -> Self {
        let lines = secrets.iter().flat_map(|secret| secret.expose().lines());
        let mut secrets: Vec<Secret> = lines
            .map(str::trim)
            .filter(|line| line.len() >= SHORTEST)
            .flat_map(|line| [line.to_owned(), in_json(line)])
            .map(Secret::from)
            .collect();
        secrets.sort_by(|a, b| {
            let (a, b) = (a.expose(), b.expose());
            b.len().cmp(&a.len()).then_with(|| a.cmp(b))
        });
        secrets.dedup();
        Self { secrets }
    }

    /// The text without the secrets.
    pub fn blot<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let mut blotted = Cow::Borrowed(text);
        for secret in self.secrets.iter().map(Secret::expose) {
            if blotted.contains(secret) {
                blotted = Cow::Owned(blotted.replace(secret, HIDDEN));
            }
        }
        blotted
    }
}

/// How the text reads inside a JSON string.
fn in_json(text: &str) -> String {
    let quoted = serde_json::to_string(text).expect("a text always serialises");
    quoted[1..quoted.len() - 1].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(secrets: &[&str], text: &str, expected: &str) {
        let secrets: Vec<Secret> = secrets.iter().map(|secret| Secret::from(*secret)).collect();
        assert_eq!(Blotter::new(&secrets).blot(text), expected);
    }

    #[test]
    fn secrets_are_blotted_out() {
        check(&[], "all clear", "all clear");
        check(&["hunter2!"], "key hunter2!, again hunter2!", "key ***, again ***");
        check(&["token", "abcdef", "abcdefghi"], "token abcdefghi abcdef", "token *** ***");
        check(&["-----BEGIN\nMIIabc\n-----END"], "MIIabc and -----END", "*** and ***");
        check(&["a\"b\\cde"], r#"{"x":"a\"b\\cde"}"#, r#"{"x":"***"}"#);
    }
}
