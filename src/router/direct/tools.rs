//! `tools/list`: the tools of all servers, each as its server describes it but for the name.

use std::collections::HashSet;
use std::sync::Arc;

use memchr::memmem::Finder;

use super::audience::is_asked;
use crate::base::sorting;
use crate::config::ServerName;
use crate::protocol::era::Era;
use crate::protocol::headers::KEYWORD;
use crate::router::caller::{Caller, Client};
use crate::router::routing::{Enough, Router};
use crate::router::settings::ServerSettings;
use crate::tools::name_file::Section;
use crate::tools::{Exposed, Snapshot, Tool};
use crate::upstream;

/// The answer to `tools/list` at one moment, and whose the names in it are.
#[derive(Debug)]
pub(super) struct ToolList {
    /// Of both kinds of clients.
    snapshots: [Arc<Snapshot>; 2],
    pub(super) names: Exposed,
    /// Every name is settled. Before a list is shown, names are only what they would be if nothing else turned up.
    pub(super) is_given: bool,
    /// Of the names that were given before.
    version: u64,
    /// Those of the names whose tools may want arguments in HTTP headers as well.
    pub(super) annotated: HashSet<String>,
    pub(super) text: Box<str>,
}

impl Router {
    /// The answer to `tools/list`, with the tools of every server that can be reached in time.
    pub(super) async fn list_tools(&self, caller: &Caller) -> Box<str> {
        self.reach_for(caller, Enough::Remembered, |_| true).await;
        // One without a session is nobody that anything could be told about it later.
        if caller.client.revision.era() == Era::Stateless {
            return self.given_tools(&caller.client).text.clone();
        }
        self.look_up_later(caller);
        // Under one lock, so that no change in between goes untold.
        let mut shown = self.direct.shown();
        let list = self.given_tools(&caller.client);
        shown.insert(caller.client.id, list.clone());
        list.text.clone()
    }

    /// The tools that are known by now, as this client would be shown them; put together once for each snapshot.
    pub(super) fn direct_tools(&self, client: &Client) -> Arc<ToolList> {
        self.put_together(client, false)
    }

    /// The same as the client is shown them: from now on each keeps its name.
    pub(super) fn given_tools(&self, client: &Client) -> Arc<ToolList> {
        self.put_together(client, true)
    }

    fn put_together(&self, client: &Client, gives: bool) -> Arc<ToolList> {
        let asked = is_asked(client);
        let snapshots = self.snapshots(asked);
        let mut kept = self.direct.tools();
        let mut given = self.direct.given();
        let kept = &mut kept[usize::from(asked)];
        let is_same = |(old, new)| Arc::ptr_eq(old, new);
        if let Some(list) = kept
            && list.version == given.version
            && (list.is_given || !gives)
            && list.snapshots.iter().zip(&snapshots).all(is_same)
        {
            return list.clone();
        }
        if gives {
            self.revive_names(&mut given, &snapshots);
        }
        let snapshot = self.seen_by(asked, &snapshots);
        let names = snapshot.exposed(&given.names, self.settings.exposure.tool_prefix);
        if gives && given.names.take_in(&names) {
            given.version += 1;
            self.keep_names(Section::Tools, &given.names, &given.lost);
        }
        let owner = |name| given.names.owner(name);
        let is_given = names.iter().all(|(name, server, own)| owner(name) == Some((server, own)));
        let mut annotated = HashSet::new();
        let keyword = Finder::new(KEYWORD);
        let listed: Vec<String> = snapshot
            .iter()
            .filter_map(|(server, tool)| {
                let name = names.name(server.as_str(), &tool.definition.name)?;
                if keyword.find(tool.definition.text().as_bytes()).is_some() {
                    annotated.insert(name.to_owned());
                }
                Some(listed(tool, name, self.settings.servers.get(server)?))
            })
            .collect();
        let text = format!("{{\"tools\":[{}]}}", listed.join(",")).into();
        let version = given.version;
        let list = ToolList { snapshots, names, is_given, version, annotated, text };
        let list = Arc::new(list);
        *kept = Some(list.clone());
        list
    }

    /// Reaches the servers that a tool of this name may belong to and that were never reached: those that its prefix
    /// tells, and all of them where it need not have one. Returns those that cannot be reached, those that the prefix
    /// tells first.
    pub(super) async fn reach_behind(
        &self,
        name: &str,
        caller: &Caller,
    ) -> Vec<(ServerName, upstream::Error)> {
        let is_meant = |server: &ServerName| is_prefix(server.as_str(), name);
        // Names that need no prefix are given only when all are known that can be.
        let is_wanted = |server: &ServerName| self.may_be_plain() || is_meant(server);
        let mut failures = self.reach_for(caller, Enough::Shown, is_wanted).await;
        sorting::sort_by_key(&mut failures, |(server, _)| !is_meant(server));
        failures
    }
}

/// Whether the name begins as one of this server does; a long one is cut.
pub(super) fn is_prefix(server: &str, name: &str) -> bool {
    match name.strip_prefix(server) {
        Some(rest) => rest.starts_with('_'),
        None => name.len() > 54 && name.get(..54).is_some_and(|start| server.starts_with(start)),
    }
}

/// A tool under its other name. The schema of its result goes where the result may be changed on its way, since
/// clients check one against the other.
fn listed(tool: &Tool, name: &str, settings: &ServerSettings) -> String {
    if settings.leaves_results_alone() {
        tool.definition.renamed(name)
    } else {
        tool.definition.without("outputSchema").renamed(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(server: &str, name: &str, expected: bool) {
        assert_eq!(is_prefix(server, name), expected, "{server} {name}");
    }

    #[test]
    fn names_begin_as_their_server_does() {
        check("one", "one_x", true);
        check("one", "onex", false);
        check("one", "two_x", false);
        check(&"s".repeat(64), &format!("{}_0123abcd", "s".repeat(54)), true);
        // A client may send any text as a name, and a character may lie across the place of the cut.
        check(&"s".repeat(64), &format!("{}ééé", "s".repeat(53)), false);
    }
}
