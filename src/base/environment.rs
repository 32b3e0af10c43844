//! A snapshot of the process environment.
//!
//! Everything else takes an `Environment` as a value, so that tests can hand in their own and no
//! two parts of the bridge can disagree about what a variable held.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// Names and values of environment variables at one moment.
#[derive(Clone, Default)]
pub struct Environment {
    values: BTreeMap<String, String>,
    not_unicode: BTreeSet<String>,
}

impl Environment {
    /// Reads the environment of this process.
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the one place that reads the process environment"
    )]
    pub fn of_process() -> Self {
        let mut environment = Self::default();
        for (name, value) in std::env::vars_os() {
            match (name.into_string(), value.into_string()) {
                (Ok(name), Ok(value)) => {
                    environment.values.insert(name, value);
                }
                (Ok(name), Err(_)) => {
                    environment.not_unicode.insert(name);
                }
                (Err(name), _) => {
                    let name = name.to_string_lossy().into_owned();
                    environment.not_unicode.insert(name);
                }
            }
        }
        environment
    }

    /// Builds an environment from pairs of name and value; the last pair of a name counts.
    pub fn from_pairs<N: Into<String>, V: Into<String>>(
        pairs: impl IntoIterator<Item = (N, V)>,
    ) -> Self {
        let values = pairs.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
        Self { values, not_unicode: BTreeSet::new() }
    }

    /// The value of a variable. On Windows the case of the name does not matter.
    pub fn lookup(&self, name: &str) -> Option<&str> {
        if let Some(value) = self.values.get(name) {
            return Some(value);
        }
        if !cfg!(windows) {
            return None;
        }
        self.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// All variables whose name and value are Unicode, sorted by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.values.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Whether a variable of this name is set, but to something that is not Unicode.
    pub fn is_not_unicode(&self, name: &str) -> bool {
        self.not_unicode.contains(name)
    }
}

impl fmt::Debug for Environment {
    /// Values are often keys and passwords, so only the names are shown.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_set().entries(self.values.keys()).entries(&self.not_unicode).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looks_up_what_is_set() {
        let environment =
            Environment::from_pairs([("TOKEN", "old"), ("TOKEN", "t-123"), ("EMPTY", "")]);
        let check = |name, expected| assert_eq!(environment.lookup(name), expected, "{name}");
        check("TOKEN", Some("t-123"));
        check("EMPTY", Some(""));
        check("MISSING", None);
        check("token", cfg!(windows).then_some("t-123"));
    }

    #[test]
    fn debug_shows_no_values() {
        let shown = format!("{:?}", Environment::from_pairs([("TOKEN", "t-123")]));
        assert_eq!(shown, r#"{"TOKEN"}"#);
    }

    #[test]
    fn the_process_has_a_search_path() {
        assert!(Environment::of_process().lookup("PATH").is_some());
    }
}
