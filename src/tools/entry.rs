//! Whether a server's entry in the config still means the same server.

use std::io;

use serde_json::json;
use sha2::{Digest, Sha256};

use crate::base::blotter::Blotter;
use crate::base::secret::Secret;
use crate::base::text::hex;
use crate::config::Transport;

/// Characters of a salt: 128 random bits in hexadecimal digits.
pub(super) const SALT: usize = 32;

/// What reaches a server through its entry: its command, arguments and folder or its URL, and the names of its
/// variables or headers. Their values, and whatever else was filled in, stay out of it: another token is no other
/// server. Held as a digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry([u8; 32]);

/// Stands before what is hashed for a file, so that what an argument was cannot be looked up by its hash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Salt(String);

impl Entry {
    /// The entry with this transport, in which the secrets count for nothing.
    pub fn of(transport: &Transport, secrets: &Blotter) -> Self {
        let blot = |secret: &Secret| secrets.blot(secret.expose()).into_owned();
        let kind = transport.name();
        let entry = match transport {
            Transport::Stdio(stdio) => json!([
                kind,
                secrets.blot(&stdio.command),
                stdio.args.iter().map(blot).collect::<Vec<_>>(),
                stdio
                    .cwd
                    .as_deref()
                    .map(|folder| secrets.blot(&folder.to_string_lossy()).into_owned()),
                sorted(stdio.env.keys()),
            ]),
            Transport::Sse(remote) | Transport::StreamableHttp(remote) => {
                json!([kind, blot(&remote.url), sorted(remote.headers.keys())])
            }
        };
        Self::from_text(&entry.to_string())
    }

    pub(super) fn from_text(text: &str) -> Self {
        Self(Sha256::digest(text).into())
    }

    /// Its hash under a salt, in hexadecimal digits.
    pub(super) fn salted(&self, salt: &str) -> String {
        hex(&Sha256::new().chain_update(salt).chain_update(self.0).finalize())
    }
}

impl Salt {
    pub(super) fn random() -> io::Result<Self> {
        let mut bits = [0; SALT / 2];
        getrandom::fill(&mut bits).map_err(io::Error::other)?;
        Ok(Self(hex(&bits)))
    }

    pub(super) fn parse(text: &str) -> Option<Self> {
        let is_hex = text.bytes().all(|digit| digit.is_ascii_hexdigit());
        (text.len() == SALT && is_hex).then(|| Self(text.to_owned()))
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

/// Their order means nothing.
fn sorted<'a>(names: impl Iterator<Item = &'a String>) -> Vec<&'a String> {
    let mut names: Vec<&String> = names.collect();
    names.sort_unstable();
    names
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Framing, Stdio};

    fn stdio(args: &[&str], env: &[(&str, &str)]) -> Transport {
        let variable = |(name, value): &(&str, &str)| ((*name).to_owned(), Secret::from(*value));
        Transport::Stdio(Stdio {
            command: "npx".to_owned(),
            args: args.iter().map(|arg| Secret::from(*arg)).collect(),
            env: env.iter().map(variable).collect(),
            cwd: None,
            framing: Framing::default(),
            login: None,
            own_folder: None,
        })
    }

    #[test]
    fn what_reaches_the_server_counts_but_no_value() {
        let secrets = Blotter::new(&[Secret::from("hunter2hunter2"), Secret::from("swordfish")]);
        let base = Entry::of(&stdio(&["-y", "s"], &[("A", "1"), ("B", "2")]), &secrets);
        let check = |args: &[&str], env: &[(&str, &str)], same: bool| {
            assert_eq!(Entry::of(&stdio(args, env), &secrets) == base, same, "{args:?} {env:?}");
        };
        check(&["-y", "s"], &[("B", "3"), ("A", "4")], true);
        check(&["-y", "t"], &[("A", "1"), ("B", "2")], false);
        check(&["-y s"], &[("A", "1"), ("B", "2")], false);
        check(&["-y", "s"], &[("A", "1")], false);
        let filled = |value: &str| Entry::of(&stdio(&[&format!("--key={value}")], &[]), &secrets);
        assert_eq!(filled("hunter2hunter2"), filled("swordfish"));
        assert_ne!(filled("hunter2hunter2"), filled("something else"));
        assert_ne!(base.salted("a"), base.salted("b"));
    }
}
