//! The names under which tools, or prompts, of several servers stand side by side, and whose a name is.
//!
//! Names are at most 64 of `A-Z a-z 0-9 _ -` and different from one another. What was named once keeps its name, and a
//! name that was given to one thing is not given to another one: whoever calls by a name shall never reach something
//! else than what it stood for when it was shown. With a prefix names follow from the servers' own names alone.

use std::collections::HashMap;

use indexmap::IndexMap;

use super::name::{digested, fit, qualified};
use crate::config::{ServerName, ToolPrefix};

/// Names of what a server no longer has that stay taken; of more, the oldest may be given anew.
const MAX_GONE: usize = 2000;

/// A table of names.
#[derive(Debug, Default)]
pub struct Exposed {
    names: HashMap<ServerName, IndexMap<String, String>>,
    owners: HashMap<String, (ServerName, String)>,
}

impl Exposed {
    /// Names for what the servers have, given in the order of the config. What has a name in `given` keeps it, and no
    /// other name there is taken; of two new ones that want the same name, the first has it.
    pub fn new<'a>(
        given: &Self,
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
        for (server, own) in all.clone() {
            if let Some(name) = given.name(server.as_str(), own) {
                table.put(server, own, name.to_owned());
            }
        }
        for (server, own) in all {
            if table.name(server.as_str(), own).is_none() {
                let plain = match prefix {
                    ToolPrefix::Always => None,
                    ToolPrefix::Never => Some(fit(own)),
                    ToolPrefix::OnCollision => Some(fit(own)).filter(|name| wanted[name] == 1),
                };
                let is_free = |name: &str| {
                    !table.owners.contains_key(name) && !given.owners.contains_key(name)
                };
                let name = name_for(server, own, plain, is_free);
                table.put(server, own, name);
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

    /// Every name with what it stands for, in no order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &ServerName, &str)> {
        self.owners.iter().map(|(name, (server, own))| (name.as_str(), server, own.as_str()))
    }

    /// Adds the names of a table that was made beside this one; whether there are new ones among them.
    pub fn take_in(&mut self, new: &Self) -> bool {
        let mut is_more = false;
        for (server, names) in &new.names {
            for (own, name) in names {
                if self.name(server.as_str(), own).is_none() && !self.owners.contains_key(name) {
                    self.put(server, own, name.clone());
                    is_more = true;
                }
            }
            self.drop_oldest(server, names);
        }
        is_more
    }

    /// Gives up the oldest names of what the server no longer has, if there are too many.
    fn drop_oldest(&mut self, server: &ServerName, now: &IndexMap<String, String>) {
        let Some(names) = self.names.get_mut(server) else { return };
        let surplus = names.len().saturating_sub(now.len() + MAX_GONE);
        if surplus == 0 {
            return;
        }
        let gone = names.keys().filter(|own| !now.contains_key(*own)).take(surplus);
        for own in gone.cloned().collect::<Vec<_>>() {
            if let Some(name) = names.shift_remove(&own) {
                self.owners.remove(&name);
            }
        }
    }

    /// Notes a name, which nothing has.
    pub fn put(&mut self, server: &ServerName, own: &str, name: String) {
        self.owners.insert(name.clone(), (server.clone(), own.to_owned()));
        self.names.entry(server.clone()).or_default().insert(own.to_owned(), name);
    }
}

/// The first free one of the names that something may have.
fn name_for(
    server: &ServerName,
    own: &str,
    plain: Option<String>,
    is_free: impl Fn(&str) -> bool,
) -> String {
    let whole = format!("{server}_{own}");
    let numbered = (1..).map(|number| digested(&whole, number));
    let mut candidates = plain.into_iter().chain([qualified(server, own)]).chain(numbered);
    candidates.find(|name| is_free(name)).expect("there are more digests than names")
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
        let table = Exposed::new(
            &Exposed::default(),
            prefix,
            owned.iter().map(|(name, tool)| (name, *tool)),
        );
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
        let table = Exposed::new(&Exposed::default(), ToolPrefix::Always, tools.iter().copied());
        let name = |own| table.name("a", own).expect("it has one");
        assert_ne!(name(&first), name(&second));
        assert_eq!((name(&first).len(), name(&second).len()), (64, 64));
        assert!(name(&first).starts_with("a_nnn"));
    }

    /// Names `first` and then `then`, and says what the latter are called.
    #[track_caller]
    fn check_later(
        prefix: ToolPrefix,
        first: &[(&str, &str)],
        then: &[(&str, &str)],
        expected: &[&str],
    ) {
        let owned = |tools: &[(&str, &str)]| -> Vec<(ServerName, String)> {
            tools.iter().map(|(name, tool)| (server(name), (*tool).to_owned())).collect()
        };
        let (first, then) = (owned(first), owned(then));
        let mut given = Exposed::default();
        let pairs = first.iter().map(|(name, tool)| (name, tool.as_str()));
        let table = Exposed::new(&given, prefix, pairs);
        assert_eq!(given.take_in(&table), !first.is_empty());
        assert!(!given.take_in(&table));
        let pairs = then.iter().map(|(name, tool)| (name, tool.as_str()));
        let table = Exposed::new(&given, prefix, pairs.clone());
        let names: Vec<_> =
            pairs.filter_map(|(name, tool)| table.name(name.as_str(), tool)).collect();
        assert_eq!(names, expected);
    }

    #[test]
    fn what_comes_later_takes_no_name_over() {
        let (first, both) = (&[("b", "x")], &[("a", "x"), ("b", "x")]);
        check_later(ToolPrefix::Never, first, both, &["a_x", "x"]);
        check_later(ToolPrefix::OnCollision, first, both, &["a_x", "x"]);
        check_later(ToolPrefix::Always, first, both, &["a_x", "b_x"]);
        // Nor is the name of what is gone anybody else's.
        check_later(ToolPrefix::Never, first, &[("a", "x")], &["a_x"]);
        check_later(ToolPrefix::OnCollision, first, &[("a", "x")], &["a_x"]);
        // What had to stand with a prefix keeps it.
        check_later(ToolPrefix::OnCollision, both, first, &["b_x"]);
    }

    #[test]
    fn names_of_what_is_gone_are_bounded() {
        let (a, mut given) = (server("a"), Exposed::default());
        for round in 0..MAX_GONE + 10 {
            let own = format!("t{round}");
            let all = [(&a, own.as_str())];
            let table = Exposed::new(&given, ToolPrefix::Never, all.into_iter());
            given.take_in(&table);
        }
        assert_eq!(given.iter().count(), MAX_GONE + 1);
        assert_eq!((given.owner("t8"), given.owner("t9").is_some()), (None, true));
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
                let table = Exposed::new(&Exposed::default(), prefix, all.clone());
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
            let whole = Exposed::new(&Exposed::default(), ToolPrefix::Always, all.clone());
            let part = Exposed::new(
                &Exposed::default(),
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
