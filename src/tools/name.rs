//! What a server's tool is called where tools of several servers stand side by side.

use std::fmt::Write;

use sha2::{Digest, Sha256};

use crate::config::ServerName;

/// Models' interfaces take no longer names, and no other characters than these.
const MAX_LENGTH: usize = 64;
/// Digits of a digest that keep changed names apart.
const DIGITS: usize = 8;

/// The server's name, `_`, and the tool's name. Server names have no `_`, so that two tools never share a name; one
/// that has to be changed to be a name at all ends with a digest of what it was.
pub fn qualified(server: &ServerName, tool: &str) -> String {
    fit(&format!("{server}_{tool}"))
}

/// A name as models' interfaces take it: itself, where that is possible.
pub(super) fn fit(name: &str) -> String {
    let plain = name.len() <= MAX_LENGTH && !name.is_empty() && name.chars().all(fits);
    if plain && !ends_like_a_digest(name) { name.to_owned() } else { digested(name, 0) }
}

/// The same with a digest in any case; another one for each `number`.
pub(super) fn digested(name: &str, number: usize) -> String {
    let mut short: String = name.chars().map(|c| if fits(c) { c } else { '_' }).collect();
    short.truncate(MAX_LENGTH - DIGITS - 1);
    short.push('_');
    let mut digest = Sha256::new_with_prefix(name.as_bytes());
    if number > 0 {
        digest.update(format!("\0{number}"));
    }
    for byte in &digest.finalize()[..DIGITS / 2] {
        write!(short, "{byte:02x}").expect("a string takes all");
    }
    short
}

fn fits(character: char) -> bool {
    character.is_ascii_alphanumeric() || matches!(character, '_' | '-')
}

/// A name that ends so might be another one's with its digest.
fn ends_like_a_digest(name: &str) -> bool {
    name.rsplit_once('_').is_some_and(|(_, end)| {
        end.len() == DIGITS && end.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_taken_by_models() {
        let check = |tool: &str, expected: &str| {
            let server = ServerName::parse("git-hub").expect("a name");
            assert_eq!(qualified(&server, tool), expected);
        };
        check("list_issues", "git-hub_list_issues");
        check("a.b", "git-hub_a_b_822cb820");
        check("ä", "git-hub___22fceeba");
        check(&"x".repeat(57), &format!("git-hub_{}_ec05e1d9", "x".repeat(47)));
        check(&"x".repeat(56), &format!("git-hub_{}", "x".repeat(56)));
    }
}
