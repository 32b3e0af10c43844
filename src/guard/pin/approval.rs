//! What waits for approval, and approving it. Works on the files alone; no server is needed for it.

use std::path::PathBuf;

use serde_json::value::RawValue;

use super::book::Record;
use super::difference::Difference;
use super::store::{Error, Store};
use crate::base::blotter::Blotter;
use crate::base::lock::PATIENCE;
use crate::config::ServerName;

/// Names that a shell takes as they are.
const PLAIN: &str = "_-./";

/// The pins of all servers, for their owner.
#[derive(Debug)]
pub struct Approvals {
    folder: PathBuf,
}

/// A tool that waits for approval, or did.
#[derive(Debug)]
pub struct Pending {
    /// Its name, as the server gives it.
    pub tool: String,
    /// Whether it had no pin at all.
    pub is_new: bool,
    /// What differs.
    pub difference: Difference,
    /// The definition that was pinned, as far as it is kept.
    pub was: Option<Box<RawValue>>,
    /// The definition that the server showed last, as far as it is kept.
    pub is: Box<RawValue>,
    /// The hash of all of it.
    hash: String,
}

impl Approvals {
    /// Those in this folder.
    pub fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// The servers that have pins, by name.
    pub fn servers(&self) -> Vec<ServerName> {
        Store::servers(&self.folder)
    }

    /// The tools of a server that are known, whether they wait or not.
    pub fn tools(&self, server: &ServerName) -> Result<Vec<String>, Error> {
        let book = Store::new(&self.folder, server).load()?;
        Ok(book.map(|book| book.tools.into_keys().collect()).unwrap_or_default())
    }

    /// What waits for approval.
    pub fn pending(&self, server: &ServerName) -> Result<Vec<Pending>, Error> {
        let Some(book) = Store::new(&self.folder, server).load()? else {
            return Ok(Vec::new());
        };
        Ok(book.pending().filter_map(|(name, record)| Pending::of(name.clone(), record)).collect())
    }

    /// Forgets the pins of a server that is no longer there; false if it had none. One that comes back under the name is
    /// trusted as it is at first sight.
    pub fn forget(&self, server: &ServerName) -> Result<bool, Error> {
        let store = Store::new(&self.folder, server);
        if store.stamp().is_none() {
            return Ok(false);
        }
        let _lock = store.lock(PATIENCE)?;
        store.remove().map(|()| true)
    }

    /// Approves exactly these changes, as their owner has seen them; none of them if one has changed since.
    pub fn approve(&self, server: &ServerName, seen: &[Pending]) -> Result<(), Error> {
        let store = Store::new(&self.folder, server);
        let lock = store.lock(PATIENCE)?;
        let mut book = store.load()?.ok_or(Error::Moved)?;
        if !book.approve(seen.iter().map(|tool| (tool.tool.as_str(), tool.hash.as_str()))) {
            return Err(Error::Moved);
        }
        store.save(&book, &lock)
    }
}

impl Pending {
    fn of(tool: String, record: &Record) -> Option<Self> {
        let (pinned, pending) = (record.pinned.as_ref(), record.pending.as_ref()?);
        Some(Self {
            tool,
            is_new: pinned.is_none(),
            difference: Difference::between(pinned, pending, &Blotter::default()),
            was: pinned.map(|kept| kept.definition.clone()),
            is: pending.definition.clone(),
            hash: pending.hash.clone(),
        })
    }
}

/// How to approve a tool: the command, and what else it accepts. It is copied into shells, so a name that is not plain is
/// left out of it and the command is that for the whole server.
pub fn command(server: &ServerName, tool: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || PLAIN.contains(c);
    if !tool.is_empty() && tool.chars().all(plain) && !tool.starts_with('-') {
        format!("`bridge approve {server} {tool}`")
    } else {
        format!(
            "`bridge approve {server}` (which accepts every change of this server, since the tool's name is not plain \
             enough for a shell)"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_can_be_copied_into_a_shell() {
        let check = |tool: &str, expected: &str| {
            let server = ServerName::parse("one").expect("a name");
            assert_eq!(command(&server, tool), expected, "{tool:?}");
        };
        check("read_file", "`bridge approve one read_file`");
        check("a.b/c-d", "`bridge approve one a.b/c-d`");
        for tool in ["", "x; rm -rf ~", "$(id)", "--help", "a b", "x\ny", "naïve", "'"] {
            let whole = "`bridge approve one` (which accepts every change of this server, since the tool's name is not plain enough for a shell)";
            check(tool, whole);
        }
    }
}
