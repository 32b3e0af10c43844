//! Secrets that stand in clients' files, and the variables that they become.

use std::collections::{HashMap, HashSet};

use indexmap::IndexMap;
use url::Url;

use super::reference::variable_name;
use crate::base::secret::Secret;
use crate::config::{in_url, is_random, is_telling};

/// Ends of names of settings that say where a secret is, not what it is.
const PLACES: [&str; 5] = ["FILE", "PATH", "DIR", "FOLDER", "URL"];
/// How keys of well-known services begin.
const BEGINNINGS: [&str; 9] =
    ["sk-", "pk-", "ghp_", "gho_", "github_pat_", "glpat-", "xoxb-", "xoxp-", "AKIA"];
/// Letters and digits in one piece of a key that no name or version has.
const LONG_PIECE: usize = 12;
/// The same in a header, which hardly ever says anything else that looks so.
const LONG_PIECE_OF_HEADER: usize = 8;
/// Headers that say what is spoken, and by whom.
const PLAIN_HEADERS: [&str; 9] = [
    "accept",
    "accept-encoding",
    "accept-language",
    "cache-control",
    "content-type",
    "mcp-protocol-version",
    "origin",
    "referer",
    "user-agent",
];
/// Flags before headers.
const HEADER_FLAGS: [&str; 2] = ["-H", "--header"];
/// Values behind `-k` that are shorter are numbers and words.
const SHORTEST_KEY: usize = 6;

/// Gives every secret a variable, and the same secret the same one.
#[derive(Debug, Default)]
pub(super) struct Vault {
    /// Variables that are set in files, or that somebody names without setting them there.
    taken: HashMap<String, Option<Secret>>,
    kept: IndexMap<String, Secret>,
    /// All names that were given.
    found: HashSet<String>,
}

impl Vault {
    /// With the variables that are set, and those that are named somewhere and mean something else.
    pub(super) fn new(
        set: impl IntoIterator<Item = (String, Secret)>,
        named: HashSet<String>,
    ) -> Self {
        let mut taken: HashMap<String, Option<Secret>> =
            named.into_iter().map(|name| (name, None)).collect();
        taken.extend(set.into_iter().map(|(name, value)| (name, Some(value))));
        taken.insert("CONFIG_DIR".to_owned(), None);
        Self { taken, kept: IndexMap::new(), found: HashSet::new() }
    }

    /// What stands in place of the secret of a server: `${NAME}`, with the name that it has there, or that behind the one of
    /// the server where it is taken.
    pub(super) fn keep(&mut self, server: &str, name: &str, value: &str) -> String {
        let (server, name) = (variable_name(server), variable_name(name));
        let is_its_own = name.strip_prefix(&server).is_some_and(|rest| rest.starts_with('_'));
        let long = if is_its_own { name.clone() } else { format!("{server}_{name}") };
        let numbered = (2..).map(|number| format!("{long}_{number}"));
        let mut names = [name, long.clone()].into_iter().chain(numbered);
        let value = Secret::from(value);
        let name = names.find(|name| self.can_be(name, &value)).expect("numbers do not end");
        if !self.taken.contains_key(&name) {
            self.kept.insert(name.clone(), value);
        }
        let reference = format!("${{{name}}}");
        self.found.insert(name);
        reference
    }

    /// The variables that are to be set, of those that entries name.
    pub(super) fn wanted(&self, named: &HashSet<String>) -> Vec<(String, Secret)> {
        let wanted = self.kept.iter().filter(|(name, _)| named.contains(*name));
        wanted.map(|(name, value)| (name.clone(), value.clone())).collect()
    }

    /// Whether a variable will hold a secret that was found, or does so already.
    pub(super) fn keeps(&self, name: &str) -> bool {
        self.found.contains(name)
    }

    /// Whether a variable is set in a file, or will be.
    pub(super) fn has(&self, name: &str) -> bool {
        self.kept.contains_key(name) || self.taken.get(name).is_some_and(Option::is_some)
    }

    fn can_be(&self, name: &str, value: &Secret) -> bool {
        match (self.taken.get(name), self.kept.get(name)) {
            (Some(taken), _) => taken.as_ref() == Some(value),
            (None, Some(kept)) => kept == value,
            (None, None) => true,
        }
    }

    /// The value of a setting, or a variable in its place if it is a secret.
    pub(super) fn setting(&mut self, server: &str, name: &str, value: &str) -> String {
        if is_secret(name, value) {
            self.keep(server, name, value)
        } else {
            self.text(server, value)
        }
    }

    /// The value of a header; the word before the key stays, as in `Bearer …`.
    pub(super) fn header(&mut self, server: &str, name: &str, value: &str) -> String {
        if !is_secret(name, value) && !is_secret_header(name, value) {
            return self.text(server, value);
        }
        let name = if name.eq_ignore_ascii_case("authorization") { "token" } else { name };
        let name = format!("{server}-{name}");
        match value.split_once(' ') {
            Some((scheme, key)) if scheme.chars().all(|letter| letter.is_ascii_alphabetic()) => {
                format!("{scheme} {}", self.keep(server, &name, key.trim()))
            }
            _ => self.keep(server, &name, value),
        }
    }

    /// Arguments of a command: values behind flags that are called so, `NAME=value`, headers, URLs and lone keys.
    pub(super) fn arguments(&mut self, server: &str, args: &[String]) -> Vec<String> {
        let mut flag: Option<&str> = None;
        let mut new = Vec::with_capacity(args.len());
        for arg in args {
            let before = flag.take();
            if arg.starts_with('-') && !arg.contains(['=', ' ']) {
                flag = Some(arg);
            }
            new.push(self.argument(server, before, arg));
        }
        new
    }

    fn argument(&mut self, server: &str, flag: Option<&str>, arg: &str) -> String {
        if arg.contains("${") {
            return arg.to_owned();
        }
        if let Some((name, value)) = arg.split_once('=')
            && !name.contains([' ', '/', ':'])
            && is_secret(name, value)
        {
            let is_variable = name
                .chars()
                .all(|letter| letter.is_ascii_uppercase() || "_0123456789".contains(letter));
            let variable = if is_variable { name.to_owned() } else { format!("{server}-{name}") };
            return format!("{name}={}", self.keep(server, &variable, value));
        }
        if let Some((name, value)) = arg.split_once(':')
            && !value.starts_with("//")
            && !name.contains([' ', '/', '\\'])
            && (is_secret(name, value.trim())
                || flag.is_some_and(|flag| HEADER_FLAGS.contains(&flag))
                    && is_secret_header(name, value.trim()))
        {
            let blanks = &value[..value.len() - value.trim_start().len()];
            return format!("{name}:{blanks}{}", self.header(server, name, value.trim()));
        }
        if let Some(flag) = flag
            && !arg.starts_with('-')
            && (is_telling(flag) && is_secret(flag, arg) || flag == "-k" && may_be_key(arg))
        {
            return self.keep(server, &format!("{server}-{flag}"), arg);
        }
        if looks_like_key(arg) {
            return self.keep(server, &format!("{server}-key"), arg);
        }
        self.text(server, arg)
    }

    /// A URL, or a list of `Name=value;` as databases are reached by, without what is secret in it.
    fn text(&mut self, server: &str, text: &str) -> String {
        let separator = if text.contains(';') { ';' } else { ' ' };
        let is_list = !text.contains("${") && text.contains('=') && text.contains(separator);
        if !is_list {
            return self.url(server, text);
        }
        let pieces: Vec<String> = text
            .split(separator)
            .map(|piece| match piece.split_once('=') {
                Some((name, value)) if is_telling(name) && is_secret(name, value) => {
                    let variable = format!("{server}-{}", name.trim());
                    let plain = value.trim_matches(|letter: char| "'\"".contains(letter));
                    let kept = self.keep(server, &variable, plain);
                    format!("{name}={}", value.replacen(plain, &kept, 1))
                }
                _ => self.url(server, piece),
            })
            .collect();
        pieces.join(&separator.to_string())
    }

    /// A URL with its password and whatever else reads like a key replaced; anything else as it is.
    pub(super) fn url(&mut self, server: &str, text: &str) -> String {
        let mut new = text.to_owned();
        if !text.contains("://") || Url::parse(text).is_err() {
            return new;
        }
        for secret in in_url(text) {
            let secret = secret.expose();
            let is_plain = !secret.is_empty() && !secret.contains(['$', '{', '}', '%']);
            if is_plain && new.contains(secret) {
                let variable = self.keep(server, &format!("{server}-key"), secret);
                new = new.replacen(secret, &variable, 1);
            }
        }
        new
    }
}

/// Whether the value of a setting of this name is to be kept out of files that others may read.
fn is_secret(name: &str, value: &str) -> bool {
    let value = value.trim();
    let says_nothing = value.is_empty() || value.contains("${") || value.len() < 3;
    if says_nothing
        || matches!(value.to_ascii_lowercase().as_str(), "true" | "false" | "none" | "null")
    {
        return false;
    }
    let upper = variable_name(name);
    let is_place = PLACES.iter().any(|end| upper.ends_with(end));
    (is_telling(name) && !is_place) || is_random(value) || looks_like_key(value)
}

/// Whether the value of a header that says nothing of itself reads like a key.
fn is_secret_header(name: &str, value: &str) -> bool {
    let is_plain = PLAIN_HEADERS.iter().any(|plain| plain.eq_ignore_ascii_case(name));
    !is_plain
        && !value.contains([' ', '/', '$', ','])
        && has_mixed_piece(value, LONG_PIECE_OF_HEADER)
}

/// Whether what stands behind `-k` may be a key: the letter means other things as well.
fn may_be_key(value: &str) -> bool {
    value.len() >= SHORTEST_KEY
        && !value.contains(['/', '\\', '$', ' '])
        && !value.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether letters and digits mix in a piece of this length.
fn has_mixed_piece(text: &str, length: usize) -> bool {
    text.split(['-', '_', '.']).any(|piece| {
        piece.len() >= length
            && piece.contains(|letter: char| letter.is_ascii_digit())
            && piece.contains(|letter: char| letter.is_ascii_alphabetic())
    })
}

/// Whether a text without a name is a key: it begins like one, or has a long piece in which letters and digits mix, as
/// no word and no version does.
fn looks_like_key(text: &str) -> bool {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "_-.+=".contains(letter);
    if text.len() < 16 || !text.chars().all(is_plain) {
        return false;
    }
    BEGINNINGS.iter().any(|begin| text.starts_with(begin)) || has_mixed_piece(text, LONG_PIECE)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vault() -> Vault {
        let set = [("GITHUB_TOKEN".to_owned(), Secret::from("one"))];
        Vault::new(set, HashSet::from(["SHELL_TOKEN".to_owned()]))
    }

    #[test]
    fn the_same_secret_has_the_same_variable() {
        let mut vault = vault();
        assert_eq!(vault.keep("git", "GITHUB_TOKEN", "one"), "${GITHUB_TOKEN}");
        assert_eq!(vault.keep("git", "GITHUB_TOKEN", "two"), "${GIT_GITHUB_TOKEN}");
        assert_eq!(vault.keep("git", "GITHUB_TOKEN", "three"), "${GIT_GITHUB_TOKEN_2}");
        assert_eq!(vault.keep("git", "GITHUB_TOKEN", "two"), "${GIT_GITHUB_TOKEN}");
        assert_eq!(vault.keep("a", "SHELL_TOKEN", "x"), "${A_SHELL_TOKEN}");
        assert_eq!(vault.keep("a", "CONFIG_DIR", "x"), "${A_CONFIG_DIR}");
        let named = HashSet::from(["GIT_GITHUB_TOKEN".to_owned(), "GITHUB_TOKEN".to_owned()]);
        let wanted = vault.wanted(&named);
        assert_eq!((wanted.len(), wanted[0].0.as_str()), (1, "GIT_GITHUB_TOKEN"));
    }

    #[test]
    fn settings_that_are_secret() {
        let check = |name: &str, value: &str, expected: &str| {
            assert_eq!(vault().setting("web", name, value), expected, "{name}={value}");
        };
        check("API_KEY", "hunter2", "${API_KEY}");
        check("REGION", "eu-west-1", "eu-west-1");
        check("PLAIN", "a1b2c3d4e5f6a7b8c9d0", "${PLAIN}");
        check("USE_TOKEN", "true", "true");
        check("KEY_FILE", "/home/me/key.pem", "/home/me/key.pem");
        check("TOKEN", "${env}", "${env}");
        check("MY_PW", "hunter2", "${MY_PW}");
        check("DB", "Server=x;Password=hunter2;", "Server=x;Password=${WEB_PASSWORD};");
        check("DB", "host=x password='hunter2' y", "host=x password='${WEB_PASSWORD}' y");
        check("DB", "Server=x;Database=pass;", "Server=x;Database=pass;");
        check("HOOK", "https://h/x?sig=hunter2&y=1", "https://h/x?sig=${WEB_KEY}&y=1");
        check("DATABASE_URL", "postgres://me:hunter2@db/x", "postgres://me:${WEB_KEY}@db/x");
        let header = |name: &str, value: &str| vault().header("web", name, value);
        assert_eq!(header("Authorization", "Bearer abc"), "Bearer ${WEB_TOKEN}");
        assert_eq!(header("X-Api-Key", "abc"), "${WEB_X_API_KEY}");
        assert_eq!(header("Accept", "text/plain"), "text/plain");
        assert_eq!(header("X-Custom", "hunter2abcdefgh"), "${WEB_X_CUSTOM}");
        assert_eq!(header("X-Region", "eu-west-1"), "eu-west-1");
        assert_eq!(header("X-Version", "2026-01-01"), "2026-01-01");
        assert_eq!(header("Accept", "hunter2abcdefgh"), "hunter2abcdefgh");
    }

    #[test]
    fn arguments_that_are_secret() {
        let check = |args: &[&str], expected: &[&str]| {
            let args: Vec<String> = args.iter().map(|&arg| arg.to_owned()).collect();
            assert_eq!(vault().arguments("web", &args), expected);
        };
        check(&["-y", "@scope/server-web@1.2.3"], &["-y", "@scope/server-web@1.2.3"]);
        check(&["--api-key", "hunter2", "x"], &["--api-key", "${WEB_API_KEY}", "x"]);
        check(&["-k", "hunter2", "-k", "10"], &["-k", "${WEB_K}", "-k", "10"]);
        check(&["-k", "https://h/x"], &["-k", "https://h/x"]);
        check(
            &["--header", "X-Custom: hunter2abcdefgh"],
            &["--header", "X-Custom: ${WEB_X_CUSTOM}"],
        );
        check(&["--db", "Server=x;Pwd=hunter2"], &["--db", "Server=x;Pwd=${WEB_PWD}"]);
        check(&["--token=hunter2"], &["--token=${WEB_TOKEN}"]);
        check(
            &["-e", "WEB_TOKEN=abc", "-e", "OTHER"],
            &["-e", "WEB_TOKEN=${WEB_TOKEN}", "-e", "OTHER"],
        );
        check(
            &["mcp-remote", "https://h/mcp", "--header", "Authorization: Bearer abc"],
            &["mcp-remote", "https://h/mcp", "--header", "Authorization: Bearer ${WEB_TOKEN}"],
        );
        check(
            &[
                "https://h/mcp?api_key=hunter2&x=1",
                "server-sqlite-2025.1.14",
                "sk-abcdefghijklmnop",
            ],
            &["https://h/mcp?api_key=${WEB_KEY}&x=1", "server-sqlite-2025.1.14", "${WEB_KEY_2}"],
        );
        check(&["${TOKEN:-none}", "--token", "${T}"], &["${TOKEN:-none}", "--token", "${T}"]);
        check(&["--token-file", "/run/token", "C:\\x"], &["--token-file", "/run/token", "C:\\x"]);
    }
}
