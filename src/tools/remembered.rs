//! Lists of tools as servers last showed them, kept from one run to the next, so that a bridge that has just started
//! can say what there is before any server is up.
//!
//! A file each, `cache/lists/<server>.json` in the home folder (0600, the folder 0700), replaced in one step and only
//! where the list is another. It holds the definitions as the server wrote them, before any filter or guard, which both
//! apply when it is read again. Lists for clients that can be asked something are in `cache/lists/asked/`. With them goes what tells whether the server's entry still means the same server:
//!
//! ```json
//! {"version": 1, "salt": "5eb2…", "entry": "9f86…", "instructions": "Files of …", "tools": [{"name": "read_file", …}]}
//! ```
//!
//! A list whose entry was edited is forgotten. One that cannot be read is passed over with a line in the log; whatever
//! happens to these files, the next time that the server is reached puts them right. One that cannot be written costs
//! nothing but the wait for its server next time.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::sync::{Mutex, MutexGuard};

use super::Shown;
use super::entry::{Entry, SALT, Salt};
use crate::base::fs::{PRIVATE, create_private_folder, open_regular, write_atomically};
use crate::base::json::Strict;
use crate::config::ServerName;
use crate::protocol::tool::Definition;

/// The one version of the files that there is.
const VERSION: u32 = 1;
/// A longer list is not kept.
const MAX_BYTES: usize = 20 * 1024 * 1024;

/// The lists of all servers. The default keeps none.
#[derive(Debug, Default)]
pub struct Remembered {
    folder: PathBuf,
    servers: HashMap<ServerName, Server>,
}

#[derive(Debug)]
struct Server {
    entry: Entry,
    /// The file was looked at; what comes later comes from the server itself.
    is_read: AtomicBool,
    /// Held while the file is written, so that a list does not take the place of a later one.
    writing: Mutex<()>,
}

/// The right to write one server's file, in the order in which it was asked for.
pub(super) struct Writing<'a> {
    lists: &'a Remembered,
    name: &'a ServerName,
    entry: &'a Entry,
    _held: MutexGuard<'a, ()>,
}

/// What a file holds.
#[derive(Deserialize)]
struct Listed<'a> {
    version: u32,
    salt: &'a str,
    entry: &'a str,
    /// Not there where the server gave none.
    #[serde(default)]
    instructions: Option<String>,
    #[serde(borrow)]
    tools: Vec<&'a RawValue>,
}

/// Why there is no list in a file.
#[derive(Debug, thiserror::Error)]
enum Fault {
    #[error(transparent)]
    Unreadable(#[from] io::Error),
    #[error("{0}")]
    Damaged(String),
}

impl Remembered {
    /// Keeps the lists of these servers in this folder. Touches nothing yet.
    pub fn new(folder: PathBuf, entries: HashMap<ServerName, Entry>) -> Self {
        let server =
            |entry| Server { entry, is_read: AtomicBool::default(), writing: Mutex::default() };
        let servers = entries.into_iter().map(|(name, entry)| (name, server(entry))).collect();
        Self { folder, servers }
    }

    /// The lists that the same servers show to clients that can be asked something, in a folder inside this one.
    pub(super) fn for_asked(&self) -> Self {
        let entry = |(name, server): (&ServerName, &Server)| (name.clone(), server.entry);
        Self::new(self.folder.join("asked"), self.servers.iter().map(entry).collect())
    }

    /// Whether there may be a list that nobody has looked at yet.
    pub(super) fn is_unread(&self, server: &ServerName) -> bool {
        self.servers.get(server).is_some_and(|server| !server.is_read.load(Ordering::Relaxed))
    }

    /// What a server showed, when that is asked for the first time and there is a list. Reads a file.
    pub(super) fn read(&self, name: &ServerName) -> Option<Shown> {
        let server = self.servers.get(name)?;
        if server.is_read.swap(true, Ordering::Relaxed) {
            return None;
        }
        let read = self.bytes(name).map_err(Fault::from);
        let read = read.and_then(|bytes| match bytes {
            Some(bytes) => shown(&bytes, &server.entry),
            None => Ok(None),
        });
        read.unwrap_or_else(|fault| {
            let path = self.path(name);
            let path = path.display();
            tracing::warn!("what `{name}` showed last is not known: {path}: {fault}; it is written anew when the server is reached");
            None
        })
    }

    /// Waits, in a thread that may, until nobody writes the server's file; nothing where its lists are not kept.
    pub(super) fn writing<'a>(&'a self, name: &'a ServerName) -> Option<Writing<'a>> {
        let server = self.servers.get(name)?;
        let held = server.writing.blocking_lock();
        Some(Writing { lists: self, name, entry: &server.entry, _held: held })
    }

    /// Waits until nothing is being written.
    pub(super) async fn settled(&self) {
        for server in self.servers.values() {
            drop(server.writing.lock().await);
        }
    }

    fn write(&self, name: &ServerName, entry: &Entry, shown: &Shown) -> io::Result<()> {
        let path = self.path(name);
        // Whatever is wrong with the old file, it is replaced.
        let old = self.bytes(name).ok().flatten();
        let salt = old.as_deref().and_then(salt_of);
        let new = text(&salt.map_or_else(Salt::random, Ok)?, entry, shown);
        if new.len() > MAX_BYTES {
            return match fs::remove_file(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
                _ => Err(io::ErrorKind::FileTooLarge.into()),
            };
        }
        if old.is_some_and(|old| old == new.as_bytes()) {
            return Ok(());
        }
        create_private_folder(&self.folder)?;
        write_atomically(&path, new.as_bytes(), PRIVATE)
    }

    /// What the file holds, `None` when it is not there.
    fn bytes(&self, name: &ServerName) -> io::Result<Option<Vec<u8>>> {
        let mut bytes = Vec::new();
        let limit = MAX_BYTES as u64;
        let file = match open_regular(&self.path(name), File::options().read(true)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            opened => opened?,
        };
        file.take(limit + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > limit {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        Ok(Some(bytes))
    }

    fn path(&self, name: &ServerName) -> PathBuf {
        self.folder.join(format!("{name}.json"))
    }
}

impl Writing<'_> {
    /// Keeps a list, unless the file holds it already. Reads and writes a file.
    pub(super) fn keep(self, shown: &Shown) {
        let Self { lists, name, entry, .. } = &self;
        if let Err(error) = lists.write(name, entry, shown) {
            let path = lists.path(name);
            tracing::info!("what `{name}` shows cannot be kept in {}: {error}", path.display());
        }
    }
}

fn text(salt: &Salt, entry: &Entry, shown: &Shown) -> String {
    let Shown { definitions: tools, instructions } = shown;
    let bytes: usize = tools.iter().map(|tool| tool.text().len() + 1).sum();
    let mut text = String::with_capacity(bytes + 256);
    let salt = salt.as_str();
    let entry = entry.salted(salt);
    write!(text, r#"{{"version":{VERSION},"salt":"{salt}","entry":"{entry}","#)
        .expect("a string takes all");
    if let Some(instructions) = instructions {
        let instructions = serde_json::to_string(instructions).expect("a text always serialises");
        write!(text, r#""instructions":{instructions},"#).expect("a string takes all");
    }
    text.push_str(r#""tools":["#);
    for (index, tool) in tools.iter().enumerate() {
        text.push_str(if index == 0 { "\n" } else { ",\n" });
        text.push_str(tool.text());
    }
    text.push_str("\n]}\n");
    text
}

/// What a file holds; nothing where it belongs to another entry.
fn shown(bytes: &[u8], entry: &Entry) -> Result<Option<Shown>, Fault> {
    let damaged = |reason: &dyn std::fmt::Display| Fault::Damaged(reason.to_string());
    let mut strict = Strict::new();
    let checked = strict.check(bytes).map_err(|fault| damaged(&fault))?;
    let listed: Listed<'_> = serde_json::from_str(checked.text).map_err(|error| damaged(&error))?;
    if listed.version != VERSION {
        return Err(damaged(&format_args!("there is no version {}", listed.version)));
    }
    if entry.salted(listed.salt) != listed.entry {
        return Ok(None);
    }
    let tools = listed.tools.into_iter().map(Definition::parse).collect::<Result<_, _>>();
    let tools = tools.map_err(|fault| damaged(&fault))?;
    Ok(Some(Shown::new(tools, listed.instructions.as_deref())))
}

/// The salt of a file as this version writes it.
fn salt_of(bytes: &[u8]) -> Option<Salt> {
    let begin = format!(r#"{{"version":{VERSION},"salt":""#);
    let salt = bytes.strip_prefix(begin.as_bytes())?.get(..SALT)?;
    Salt::parse(std::str::from_utf8(salt).ok()?)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn name() -> ServerName {
        ServerName::parse("s").expect("a name")
    }

    fn remembered(folder: &Path, entry: &str) -> Remembered {
        let entries = HashMap::from([(name(), Entry::from_text(entry))]);
        Remembered::new(folder.join("lists"), entries)
    }

    fn tools(texts: &[&str]) -> Shown {
        let tool = |text: &&str| {
            let raw = RawValue::from_string((*text).to_owned()).expect("JSON");
            Definition::parse(&raw).expect("a tool")
        };
        Shown::new(texts.iter().map(tool).collect(), None)
    }

    fn keep(remembered: &Remembered, shown: &Shown) {
        remembered.writing(&name()).expect("its lists are kept").keep(shown);
    }

    fn texts(shown: &Shown) -> Vec<String> {
        shown.definitions.iter().map(|tool| tool.text().to_owned()).collect()
    }

    const LIST: [&str; 2] =
        [r#"{"name":"a", "_meta" :{"x":1e400}}"#, r#"{"icons":[],"name":"\u0062"}"#];

    #[test]
    fn a_list_comes_back_as_it_was_and_once() {
        let home = tempfile::tempdir().expect("a folder");
        let read = |entry| {
            let remembered = remembered(home.path(), entry);
            assert!(remembered.is_unread(&name()));
            let list = remembered.read(&name());
            assert!(!remembered.is_unread(&name()));
            assert!(remembered.read(&name()).is_none(), "what comes later comes from the server");
            list.map(|list| texts(&list))
        };
        assert_eq!(read("one"), None);
        keep(&remembered(home.path(), "one"), &tools(&LIST));
        assert_eq!(read("one").expect("kept"), LIST);
        assert_eq!(read("another"), None);
        keep(&remembered(home.path(), "one"), &Shown::default());
        assert_eq!(read("one").expect("kept"), [""; 0]);
    }

    #[test]
    fn instructions_come_back_with_the_list() {
        let home = tempfile::tempdir().expect("a folder");
        for said in [Some("Say \"please\",\nor é."), None] {
            let shown = Shown::new(tools(&LIST).definitions, said);
            keep(&remembered(home.path(), "one"), &shown);
            let read = remembered(home.path(), "one").read(&name()).expect("kept");
            assert_eq!((read.instructions.as_deref(), texts(&read)), (said, texts(&shown)));
        }
        for (said, length) in [("é".repeat(9000), 4000), (" \n".to_owned(), 0)] {
            let instructions = Shown::new(Vec::new(), Some(&said)).instructions;
            assert_eq!(instructions.map_or(0, |text| text.len()), length);
        }
    }

    #[test]
    fn an_equal_list_is_not_written_again_and_another_keeps_the_salt() {
        let home = tempfile::tempdir().expect("a folder");
        let remembered = remembered(home.path(), "one");
        let path = remembered.path(&name());
        let kept = |list: &[&str]| {
            keep(&remembered, &tools(list));
            let bytes = fs::read(&path).expect("kept");
            (salt_of(&bytes).expect("it is there").as_str().to_owned(), bytes)
        };
        let (salt, first) = kept(&LIST);
        let before = fs::metadata(&path).expect("kept").modified().expect("known");
        assert_eq!(kept(&LIST).1, first);
        assert_eq!(fs::metadata(&path).expect("kept").modified().expect("known"), before);
        let (same, other) = kept(&LIST[..1]);
        assert_eq!(same, salt);
        assert_ne!(other, first);
    }

    #[test]
    fn damaged_files_are_passed_over_and_replaced() {
        let home = tempfile::tempdir().expect("a folder");
        let path = remembered(home.path(), "one").path(&name());
        let whole = {
            keep(&remembered(home.path(), "one"), &tools(&LIST));
            fs::read_to_string(&path).expect("kept")
        };
        let halved = &whole[..whole.len() / 2];
        let doubled = whole.replace("\"icons\"", "\"name\"");
        let newer = whole.replace("\"version\":1", "\"version\":2");
        for damaged in ["", "[]", halved, &doubled, &newer] {
            fs::write(&path, damaged).expect("written");
            let remembered = remembered(home.path(), "one");
            assert!(remembered.read(&name()).is_none(), "{damaged}");
            keep(&remembered, &tools(&LIST));
            let again = self::remembered(home.path(), "one").read(&name()).expect("replaced");
            assert_eq!(texts(&again), LIST);
        }
        fs::remove_file(&path).expect("removed");
        fs::create_dir(&path).expect("made");
        assert!(remembered(home.path(), "one").read(&name()).is_none());
    }
}
