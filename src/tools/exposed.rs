//! The names under which tools, or prompts, of several servers stand side by side, and whose a name is.
//!
//! Names are at most 64 of `A-Z a-z 0-9 _ -`, different from one another, and follow from the config and the servers'
//! own names alone, so that they are the same after a restart. With a prefix they do not depend on which servers are
//! known by then.

use std::collections::HashMap;

use super::name::{digested, fit, qualified};
use crate::config::{ServerName, ToolPrefix};

/// A table of names that is never changed.
#[derive(Debug, Default)]
pub struct Exposed {
    names: HashMap<ServerName, HashMap<String, String>>,
    owners: HashMap<String, (ServerName, String)>,
}

impl Exposed {
    /// Names for what the servers have, given in the order of the config: where two want the same one, the first has it.
    pub fn new<'a>(
        prefix: ToolPrefix,
        all: impl Iterator<Item = (&'a ServerName, &'a str)> + Clone,
    ) -> Self {
        let mut wanted: HashMap<String, usize> = HashMap::new();
        if prefix == ToolPrefix::OnCollision {
            for (_, own) in all.clone() {
                *wanted.entry(fit(own)).or_default() += 1;
            }
        }
        let mut table = Self::default();
        for (server, own) in all {
            if table.name(server.as_str(), own).is_none() {
                let plain = match prefix {
                    ToolPrefix::Always => None,
                    ToolPrefix::Never => Some(fit(own)),
                    ToolPrefix::OnCollision => Some(fit(own)).filter(|name| wanted[name] == 1),
                };
                table.add(server, own, plain);
            }
        }
        table
    }

    /// The name of what the server calls `own`.
    pub fn name(&self, server: &str, own: &str) -> Option<&str> {
        self.names.get(server)?.get(own).map(String::as_str)
    }

    /// The server, and what it calls that which is exposed under this name.
    pub fn owner(&self, name: &str) -> Option<(&ServerName, &str)> {
        self.owners.get(name).map(|(server, own)| (server, own.as_str()))
    }

    fn add(&mut self, server: &ServerName, own: &str, plain: Option<String>) {
        let whole = format!("{server}_{own}");
        let numbered = (1..).map(|number| digested(&whole, number));
        let mut candidates = plain.into_iter().chain([qualified(server, own)]).chain(numbered);
        let free = candidates.find(|name| !self.owners.contains_key(name));
        let name = free.expect("there are more digests than names");
        self.owners.insert(name.clone(), (server.clone(), own.to_owned()));
        self.names.entry(server.clone()).or_default().insert(own.to_owned(), name);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    const PREFIXES: [ToolPrefix; 3] =
        [ToolPrefix::Always, ToolPrefix::Never, ToolPrefix::OnCollision];

    fn server(name: &str) -> ServerName {
        ServerName::parse(name).expect("a name")
    }

    #[track_caller]
    fn check(prefix: ToolPrefix, tools: &[(&str, &str)], expected: &[&str]) {
        let owned: Vec<(ServerName, &str)> =
            tools.iter().map(|(name, tool)| (server(name), *tool)).collect();
        let table = Exposed::new(prefix, owned.iter().map(|(name, tool)| (name, *tool)));
        let names: Vec<_> =
            tools.iter().filter_map(|(server, tool)| table.name(server, tool)).collect();
        assert_eq!(names, expected);
    }

    #[test]
    fn the_prefix_is_as_the_config_has_it() {
        let tools = [("a", "x"), ("a", "y"), ("b", "y"), ("b", "z.1")];
        check(ToolPrefix::Always, &tools, &["a_x", "a_y", "b_y", "b_z_1_94a2ad98"]);
        check(ToolPrefix::Never, &tools, &["x", "y", "b_y", "z_1_b2a5bf62"]);
        check(ToolPrefix::OnCollision, &tools, &["x", "a_y", "b_y", "z_1_b2a5bf62"]);
        // A name that is another's with its prefix.
        let tools = [("a", "b_x"), ("b", "x"), ("c", "x")];
        check(ToolPrefix::OnCollision, &tools, &["b_x", "b_x_62ccbbbc", "c_x"]);
    }

    #[test]
    fn shortened_names_are_told_apart() {
        let (first, second) = (format!("{}1", "n".repeat(80)), format!("{}2", "n".repeat(80)));
        let servers = [server("a"), server("a")];
        let tools = [(&servers[0], first.as_str()), (&servers[1], second.as_str())];
        let table = Exposed::new(ToolPrefix::Always, tools.iter().copied());
        let name = |own| table.name("a", own).expect("it has one");
        assert_ne!(name(&first), name(&second));
        assert_eq!((name(&first).len(), name(&second).len()), (64, 64));
        assert!(name(&first).starts_with("a_nnn"));
    }

    proptest! {
        #[test]
        fn names_are_different_fit_and_lead_back(
            tools in proptest::collection::hash_set(("[a-c]-?[a-c]?0", "[ab_.é-]{1,3}|[a-b]{60,70}|[ab]_[0-9a-f]{8}"), 0..40),
        ) {
            let mut tools: Vec<(ServerName, String)> =
                tools.into_iter().map(|(name, tool)| (server(&name), tool)).collect();
            tools.sort_by(|a, b| (a.0.as_str(), &a.1).cmp(&(b.0.as_str(), &b.1)));
            let all = tools.iter().map(|(server, tool)| (server, tool.as_str()));
            for prefix in PREFIXES {
                let table = Exposed::new(prefix, all.clone());
                let mut seen = HashSet::new();
                for (server, tool) in all.clone() {
                    let name = table.name(server.as_str(), tool).expect("all have one");
                    prop_assert!(seen.insert(name.to_owned()), "{} twice", name);
                    prop_assert!((1..=64).contains(&name.len()));
                    let fits = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
                    prop_assert!(name.chars().all(fits));
                    prop_assert_eq!(table.owner(name), Some((server, tool)));
                }
            }
        }

        #[test]
        fn with_a_prefix_it_does_not_matter_who_is_known(
            tools in proptest::collection::vec(("[a-c]", "[a-c_.]{1,3}"), 1..30),
            known in "[a-c]",
        ) {
            let tools: Vec<_> = tools.into_iter().map(|(name, tool)| (server(&name), tool)).collect();
            let all = tools.iter().map(|(server, tool)| (server, tool.as_str()));
            let whole = Exposed::new(ToolPrefix::Always, all.clone());
            let part = Exposed::new(
                ToolPrefix::Always,
                all.clone().filter(|(server, _)| server.as_str() == known),
            );
            for (server, tool) in all.filter(|(server, _)| server.as_str() == known) {
                let (server, tool) = (server.as_str(), tool);
                prop_assert_eq!(whole.name(server, tool), part.name(server, tool));
            }
        }
    }
}
