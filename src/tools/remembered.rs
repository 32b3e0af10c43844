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
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read, Seek, Write};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::panicking;

use indexmap::IndexMap;
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::sync::watch;

use super::Shown;
use super::entry::{Entry, SALT, Salt};
use crate::base::fs::{PRIVATE, create_private_folder, open_regular, write_in_pieces};
use crate::base::json::Strict;
use crate::config::ServerName;
use crate::protocol::tool::Source;

/// The one version of the files that there is.
const VERSION: u32 = 1;
/// A longer list is not kept.
const MAX_BYTES: usize = 20 * 1024 * 1024;

/// The lists of all servers. The default keeps none.
#[derive(Debug, Default)]
pub struct Remembered {
    folder: PathBuf,
    servers: HashMap<ServerName, Server>,
    /// What is to be written: of each server the last list.
    unwritten: Mutex<IndexMap<ServerName, Shown>>,
    /// Somebody writes all of it.
    writing: watch::Sender<bool>,
}

#[derive(Debug)]
struct Server {
    entry: Entry,
    /// The file was looked at; what comes later comes from the server itself.
    is_read: AtomicBool,
}

/// The one who writes. Should he fail, the next list is written all the same.
struct Writing<'a>(&'a Remembered);

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
        let server = |entry| Server { entry, is_read: AtomicBool::default() };
        let servers = entries.into_iter().map(|(name, entry)| (name, server(entry))).collect();
        Self { folder, servers, ..Self::default() }
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

    /// Has a list kept, in the place of an earlier one that is not written yet. Where nobody is writing, the caller has to
    /// see to it that [`Remembered::write_all`] is called, and is told so.
    pub(super) fn keep(&self, server: &ServerName, shown: Shown) -> bool {
        if !self.servers.contains_key(server) {
            return false;
        }
        let mut unwritten = self.unwritten();
        unwritten.insert(server.clone(), shown);
        !self.writing.send_replace(true)
    }

    /// Writes what is to be kept, one list after the other, unless a file holds it already: many threads would take memory
    /// and make no disk faster. Reads and writes files.
    pub(super) fn write_all(&self) {
        let writing = Writing(self);
        while let Some((name, shown)) = writing.next() {
            let Some(server) = self.servers.get(&name) else { continue };
            if let Err(error) = self.write(&name, &server.entry, &shown) {
                let path = self.path(&name);
                tracing::info!("what `{name}` shows cannot be kept in {}: {error}", path.display());
            }
        }
    }

    /// Waits until nothing is being written.
    pub(super) async fn settled(&self) {
        // The sender lives as long as `self`.
        let _ = self.writing.subscribe().wait_for(|writing| !writing).await;
    }

    fn unwritten(&self) -> MutexGuard<'_, IndexMap<ServerName, Shown>> {
        self.unwritten.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self, name: &ServerName, entry: &Entry, shown: &Shown) -> io::Result<()> {
        let path = self.path(name);
        // Whatever is wrong with the old file, it is replaced.
        let mut old = open_regular(&path, File::options().read(true)).ok();
        let salt = old.as_mut().and_then(salt_of);
        let salt = salt.map_or_else(Salt::random, Ok)?;
        let mut compared = Compared { old: old.map(BufReader::new), bytes: 0 };
        write_list(&mut compared, &salt, entry, shown)?;
        if compared.bytes > MAX_BYTES {
            return match fs::remove_file(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
                _ => Err(io::ErrorKind::FileTooLarge.into()),
            };
        }
        if compared.is_whole() {
            return Ok(());
        }
        create_private_folder(&self.folder)?;
        write_in_pieces(&path, PRIVATE, |file| write_list(file, &salt, entry, shown))
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
    /// The next list. As long as the table is locked, nobody who adds one takes him for writing who has found it empty.
    fn next(&self) -> Option<(ServerName, Shown)> {
        let mut unwritten = self.0.unwritten();
        let next = unwritten.shift_remove_index(0);
        if next.is_none() {
            *unwritten = IndexMap::new();
            self.0.writing.send_replace(false);
        }
        next
    }
}

impl Drop for Writing<'_> {
    fn drop(&mut self) {
        if panicking() {
            self.0.writing.send_replace(false);
        }
    }
}

/// Counts what is written to it, and holds it against what a file has, neither of which is ever held whole.
struct Compared {
    /// As long as everything is the same.
    old: Option<BufReader<File>>,
    bytes: usize,
}

impl Compared {
    /// Whether the file has the same and nothing more.
    fn is_whole(&mut self) -> bool {
        self.old.as_mut().is_some_and(|old| old.fill_buf().is_ok_and(<[u8]>::is_empty))
    }
}

impl Write for Compared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.bytes += bytes.len();
        let mut chunk = [0; 512];
        for part in bytes.chunks(chunk.len()) {
            let is_same = |old: &mut BufReader<File>| {
                let chunk = &mut chunk[..part.len()];
                old.read_exact(chunk).is_ok() && chunk == part
            };
            if !self.old.as_mut().is_some_and(is_same) {
                self.old = None;
                break;
            }
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn write_list(to: &mut dyn Write, salt: &Salt, entry: &Entry, shown: &Shown) -> io::Result<()> {
    let Shown { definitions: tools, instructions } = shown;
    let salt = salt.as_str();
    let entry = entry.salted(salt);
    write!(to, r#"{{"version":{VERSION},"salt":"{salt}","entry":"{entry}","#)?;
    if let Some(instructions) = instructions {
        let instructions = serde_json::to_string(instructions).expect("a text always serialises");
        write!(to, r#""instructions":{instructions},"#)?;
    }
    to.write_all(b"\"tools\":[")?;
    for (index, tool) in tools.iter().enumerate() {
        to.write_all(if index == 0 { b"\n" } else { b",\n" })?;
        to.write_all(tool.text().as_bytes())?;
    }
    to.write_all(b"\n]}\n")
}

/// What a file holds; nothing where it belongs to another entry.
fn shown(bytes: &[u8], entry: &Entry) -> Result<Option<Shown>, Fault> {
    let damaged = |reason: &dyn std::fmt::Display| Fault::Damaged(reason.to_string());
    let mut strict = Strict::new();
    let checked = strict.check(bytes).map_err(|fault| damaged(&fault))?;
    let text = Arc::new(checked.text.to_owned());
    let listed: Listed<'_> = serde_json::from_str(&text).map_err(|error| damaged(&error))?;
    if listed.version != VERSION {
        return Err(damaged(&format_args!("there is no version {}", listed.version)));
    }
    if entry.salted(listed.salt) != listed.entry {
        return Ok(None);
    }
    let source = Source::new(&text, &listed.tools);
    let tools = listed.tools.iter().map(|raw| source.definition(raw)).collect::<Result<_, _>>();
    let tools = tools.map_err(|fault| damaged(&fault))?;
    Ok(Some(Shown::new(tools, listed.instructions.as_deref())))
}

/// The salt of a file as this version writes it.
fn salt_of(file: &mut File) -> Option<Salt> {
    let begin = format!(r#"{{"version":{VERSION},"salt":""#);
    let mut bytes = vec![0; begin.len() + SALT];
    let read = file.read_exact(&mut bytes);
    file.rewind().ok()?;
    read.ok()?;
    let salt = bytes.strip_prefix(begin.as_bytes())?;
    Salt::parse(std::str::from_utf8(salt).ok()?)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use futures_util::FutureExt;

    use super::*;
    use crate::protocol::tool::Definition;

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
        assert!(remembered.keep(&name(), shown.clone()), "nobody writes");
        remembered.write_all();
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
            let mut file = File::open(&path).expect("kept");
            (salt_of(&mut file).expect("it is there").as_str().to_owned(), bytes)
        };
        let (salt, first) = kept(&LIST);
        let before = fs::metadata(&path).expect("kept").modified().expect("known");
        assert_eq!(kept(&LIST).1, first);
        assert_eq!(fs::metadata(&path).expect("kept").modified().expect("known"), before);
        let (same, other) = kept(&LIST[..1]);
        assert_eq!(same, salt);
        assert_ne!(other, first);
    }

    #[tokio::test]
    async fn the_last_list_is_written_by_one() {
        let home = tempfile::tempdir().expect("a folder");
        let remembered = remembered(home.path(), "one");
        assert!(remembered.keep(&name(), tools(&LIST)));
        assert!(!remembered.keep(&name(), tools(&LIST[..1])), "somebody is to write already");
        assert!(remembered.settled().now_or_never().is_none());
        remembered.write_all();
        remembered.settled().await;
        let read = self::remembered(home.path(), "one").read(&name()).expect("kept");
        assert_eq!(texts(&read), LIST[..1]);
        let stranger = ServerName::parse("t").expect("a name");
        assert!(!remembered.keep(&stranger, tools(&LIST)), "its lists are not kept");
        assert!(remembered.keep(&name(), tools(&LIST)), "nobody writes any more");
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
