//! What a server that refuses a request says about tokens (`WWW-Authenticate`, RFC 6750 Section 3, RFC 9728 Section 5.1).

/// The parameters of a `Bearer` challenge.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Challenge {
    /// Where the server's metadata are.
    pub resource_metadata: Option<String>,
    /// What a token has to be good for.
    pub scopes: Vec<String>,
    /// What is wrong with the token that came.
    pub error: Option<String>,
}

impl Challenge {
    /// Reads a header's value, in which other schemes may stand as well.
    pub fn parse(header: &str) -> Self {
        let mut challenge = Self::default();
        let mut rest = header;
        let mut is_bearer = false;
        while !rest.is_empty() {
            rest = rest.trim_start_matches([' ', '\t', ',']);
            let end = rest.find(|c: char| !is_token(c)).unwrap_or(rest.len());
            let (word, after) = rest.split_at(end);
            let spaced = after.trim_start();
            if let Some(value) = spaced.strip_prefix('=').filter(|_| !word.is_empty()) {
                let (value, after) = read_value(value.trim_start());
                if is_bearer {
                    challenge.take(word, value);
                }
                rest = after;
            } else if word.is_empty() {
                // What is no part of the grammar cannot be skipped with certainty.
                break;
            } else {
                is_bearer = word.eq_ignore_ascii_case("bearer");
                rest = after;
            }
        }
        challenge
    }

    /// Whether the token is good, but not for this.
    pub fn is_insufficient_scope(&self) -> bool {
        self.error.as_deref() == Some("insufficient_scope")
    }

    fn take(&mut self, name: &str, value: String) {
        match name.to_ascii_lowercase().as_str() {
            "resource_metadata" if self.resource_metadata.is_none() => {
                self.resource_metadata = Some(value);
            }
            "scope" if self.scopes.is_empty() => self.scopes = scopes(&value),
            "error" if self.error.is_none() => self.error = Some(value),
            _ => {}
        }
    }
}

/// The words of a scope; what no scope may hold (RFC 6749, Section 3.3) is left out.
pub(super) fn scopes(text: &str) -> Vec<String> {
    let is_scope = |word: &&str| {
        word.bytes().all(|byte| matches!(byte, 0x21 | 0x23..=0x5b | 0x5d..=0x7e))
            && word.len() < 256
    };
    text.split(' ').filter(|word| !word.is_empty()).filter(is_scope).map(str::to_owned).collect()
}

fn is_token(character: char) -> bool {
    character.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(character)
}

/// A value, quoted or not, and what follows it.
fn read_value(text: &str) -> (String, &str) {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find([',', ' ', '\t']).unwrap_or(text.len());
        return (text[..end].to_owned(), &text[end..]);
    };
    let mut value = String::new();
    let mut characters = quoted.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return (value, &quoted[at + 1..]),
            '\\' => value.extend(characters.next().map(|(_, escaped)| escaped)),
            plain => value.push(plain),
        }
    }
    (value, "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_bearer_challenges() {
        let check = |header: &str, metadata: Option<&str>, scopes: &[&str], error: Option<&str>| {
            let challenge = Challenge::parse(header);
            assert_eq!(challenge.resource_metadata.as_deref(), metadata, "{header}");
            assert_eq!(challenge.scopes, scopes, "{header}");
            assert_eq!(challenge.error.as_deref(), error, "{header}");
        };
        check("Bearer", None, &[], None);
        check(
            r#"Bearer resource_metadata="https://a.example/.well-known/x", scope="a b""#,
            Some("https://a.example/.well-known/x"),
            &["a", "b"],
            None,
        );
        check(
            r#"Basic realm="a, Bearer scope=\"no\"", bearer error=insufficient_scope, scope="w:x""#,
            None,
            &["w:x"],
            Some("insufficient_scope"),
        );
        check(r#"Digest error="x""#, None, &[], None);
        check(r#"Bearer error="unfinished"#, None, &[], Some("unfinished"));
        check("Bearer \u{7f}=\"\" , error=x", None, &[], None);
        check(r#"Bearer scope="a	b ok c\"d""#, None, &["ok"], None);
    }
}
