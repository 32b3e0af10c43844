//! Files that must never be half written, nor readable by others for a moment.

use std::collections::HashSet;
use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::Duration;

use tempfile::{Builder, NamedTempFile};

use super::system::files as system;

/// The mode of a file that only its owner may read.
pub const PRIVATE: u32 = 0o600;

/// How names of files begin and end that are still being written; between them stand random letters and digits.
const UNFINISHED: (&str, &str) = (".mcp-bridge-", ".unfinished");
const RANDOM: usize = 16;
/// No file takes this long to be written: its writer was killed.
const LONGEST_WRITE: Duration = Duration::from_hours(1);
/// A file that is this old and that nobody holds locked has no writer any more: each locks what it writes at once.
const LONGEST_UNLOCKED: Duration = Duration::from_secs(10);
/// Folders that were looked through by this process. What it leaves behind itself, the next one finds.
static SWEPT: LazyLock<Mutex<HashSet<PathBuf>>> = LazyLock::new(Mutex::default);

/// Creates a folder, and those above it that are missing, for this user alone (0700 on Unix). One
/// that exists becomes private if it is empty; with files in it, it stays as it is.
///
/// On Windows, where folders inherit who may look into them, nothing is set: what is in the user's own folder is his.
pub fn create_private_folder(path: &Path) -> io::Result<()> {
    system::create_private_folder(path)
}

/// Whether other users of this machine may read or change what is there, or look into it. Windows is not asked.
pub fn is_open_to_others(found: &Metadata) -> bool {
    system::is_open_to_others(found)
}

/// Has a file that is made be one for this user alone, see [`create_private_folder`].
pub fn make_private(options: &mut OpenOptions) -> &mut OpenOptions {
    system::make_private(options);
    options
}

/// The mode of a file as far as one has one: [`PRIVATE`] where there are none.
pub fn mode_of(found: &Metadata) -> u32 {
    system::mode_of(found)
}

/// A number that tells the file, of which `found` was found, from any that takes its place.
pub fn number_of(path: &Path, found: &Metadata) -> io::Result<u64> {
    system::number_of(path, found)
}

/// Opens a regular file. What is none, such as a pipe on which nobody writes, is `InvalidInput` at once: opening or
/// reading it could wait for ever.
pub fn open_regular(path: &Path, options: &mut OpenOptions) -> io::Result<File> {
    system::wait_for_nobody(options);
    let file = match options.open(path) {
        Ok(file) => file,
        // Where opening a folder is refused, it is not said why.
        Err(_) if cfg!(windows) && path.is_dir() => return Err(irregular("a folder")),
        Err(fault) => return Err(fault),
    };
    let found = file.metadata()?;
    if found.is_file() { Ok(file) } else { Err(irregular(kind(&found))) }
}

fn irregular(kind: &str) -> io::Error {
    let message = format!("it is {kind} and no regular file");
    io::Error::new(io::ErrorKind::InvalidInput, message)
}

/// The bytes of a regular file. One that is longer than `longest` bytes is `FileTooLarge`, without all of it being read;
/// for what is no regular file see [`open_regular`].
pub fn read_regular(path: &Path, longest: u64) -> io::Result<Vec<u8>> {
    let file = open_regular(path, File::options().read(true))?;
    let mut bytes = Vec::new();
    // The length that the system tells may not be that of what it hands out.
    file.take(longest + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > longest {
        let message = format!("it is longer than {longest} bytes");
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, message));
    }
    Ok(bytes)
}

/// What something is that is no regular file, in words for people.
fn kind(found: &Metadata) -> &'static str {
    let special = system::special_kind(found.file_type());
    special.unwrap_or(if found.is_dir() { "a folder" } else { "something else" })
}

/// Replaces a file in one step: whoever reads it sees the old bytes or the new ones. The folder
/// must exist. Where `path` is a symbolic link, the link is replaced and the file behind it stays
/// untouched. `mode` (such as 0o600) counts on Unix only.
pub fn write_atomically(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    write_in_pieces(path, mode, |file| file.write_all(bytes))
}

/// The same for what `write` writes bit by bit, so that a long text need not be held whole.
pub fn write_in_pieces(
    path: &Path,
    mode: u32,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> io::Result<()> {
    system::put(write_beside(path, mode, write)?, path)
}

/// Writes a file that must not exist yet, in one step; fails with `AlreadyExists` otherwise.
pub fn create_new(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    let file = write_beside(path, mode, |file| file.write_all(bytes))?;
    file.persist_noclobber(path).map_err(|fault| fault.error)?;
    Ok(())
}

/// Writes to a temporary file in the folder of `path`, since a rename is atomic within one file
/// system only. The file is private from its first byte and gets `mode` when it is complete; it is
/// removed if anything fails.
fn write_beside(
    path: &Path,
    mode: u32,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> io::Result<NamedTempFile> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    if SWEPT.lock().unwrap_or_else(PoisonError::into_inner).insert(folder.to_owned()) {
        sweep(folder);
    }
    let (begin, end) = UNFINISHED;
    let mut builder = Builder::new();
    builder.prefix(begin).suffix(end).rand_bytes(RANDOM);
    let mut file = builder.make_in(folder, create_private)?;
    system::mark_as_being_written(file.as_file());
    let mut pieces = BufWriter::new(file.as_file_mut());
    write(&mut pieces)?;
    pieces.flush()?;
    drop(pieces);
    system::set_mode(file.as_file(), mode)?;
    file.as_file().sync_all()?;
    Ok(file)
}

/// Makes a file for this user alone. Left to the library, errors would name the random path, which nobody knows, so that
/// what is told once would be another text each time.
fn create_private(path: &Path) -> io::Result<File> {
    make_private(File::options().read(true).write(true).create_new(true)).open(path)
}

/// Removes what was being written in a folder when its writer was killed: it may hold secrets, and nobody else ever
/// looks at it. What cannot be looked at or removed stays.
fn sweep(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.file_name().to_str().is_some_and(is_unfinished)
            // Of a link it is that of the link.
            && entry.metadata().is_ok_and(|found| is_left_behind(&entry.path(), &found))
        {
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// Whether a file of this name is one that is still being written.
pub fn is_unfinished(name: &str) -> bool {
    let random = name.strip_prefix(UNFINISHED.0).and_then(|rest| rest.strip_suffix(UNFINISHED.1));
    random.is_some_and(|random| {
        random.len() == RANDOM && random.bytes().all(|letter| letter.is_ascii_alphanumeric())
    })
}

fn is_left_behind(path: &Path, found: &Metadata) -> bool {
    let age = found.modified().ok().and_then(|modified| modified.elapsed().ok());
    let is_too_old =
        |age| age > LONGEST_WRITE || (age > LONGEST_UNLOCKED && system::is_not_being_written(path));
    found.is_file() && system::is_ours(found) && age.is_some_and(is_too_old)
}

/// What lies in a folder, in order.
#[cfg(test)]
pub(crate) fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .expect("a folder")
        .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    fn mode(path: &Path) -> u32 {
        use std::os::unix::fs::PermissionsExt;
        path.metadata().expect("metadata").permissions().mode() & 0o777
    }

    #[test]
    fn replaces_a_file_and_leaves_nothing_beside_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("config.json");
        write_atomically(&path, b"one", 0o600).expect("written");
        write_atomically(&path, b"two", 0o600).expect("written");
        assert_eq!(std::fs::read(&path).expect("readable"), b"two");
        assert_eq!(names(folder.path()), ["config.json"]);
    }

    #[test]
    fn what_goes_wrong_is_told_without_random_names() {
        let folder = tempfile::tempdir().expect("a folder");
        let fault = |path: &Path| write_atomically(path, b"x", PRIVATE).expect_err("no folder");
        let path = folder.path().join("missing/config.json");
        assert_eq!(fault(&path).kind(), io::ErrorKind::NotFound);
        assert_eq!(fault(&path).to_string(), fault(&path).to_string());
    }

    /// What a power cut between the writing and the renaming leaves.
    #[cfg(unix)]
    #[test]
    fn what_was_not_renamed_leaves_the_old_file() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join(".env");
        for old in [None, Some("old")] {
            if let Some(old) = old {
                write_atomically(&path, old.as_bytes(), 0o644).expect("written");
            }
            let unfinished =
                write_beside(&path, PRIVATE, |file| file.write_all(b"new")).expect("written");
            let (_, left) = unfinished.keep().expect("it stays as after a kill");
            assert_eq!(std::fs::read_to_string(&path).ok().as_deref(), old);
            assert_eq!(mode(&left), 0o600);
            assert!(is_unfinished(&left.file_name().expect("a name").to_string_lossy()));
        }
        write_atomically(&path, b"new", PRIVATE).expect("the next one is not held up");
        assert_eq!(std::fs::read(&path).expect("readable"), b"new");
    }

    #[test]
    fn refuses_to_overwrite() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("config.json");
        create_new(&path, b"one", 0o600).expect("written");
        let fault = create_new(&path, b"two", 0o600).expect_err("it exists");
        assert_eq!(fault.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(std::fs::read(&path).expect("readable"), b"one");
        assert_eq!(names(folder.path()), ["config.json"]);
    }

    #[test]
    fn what_the_killed_left_is_cleared_away_and_nothing_else() {
        let folder = tempfile::tempdir().expect("a folder");
        let long_ago = std::time::SystemTime::now() - LONGEST_WRITE * 2;
        let just_now = std::time::SystemTime::now() - LONGEST_UNLOCKED * 2;
        let make_at = |name: &str, time: std::time::SystemTime| {
            let file = fs::File::create(folder.path().join(name)).expect("made");
            file.set_modified(time).expect("set");
            file
        };
        let make = |name: &str, is_old: bool| {
            drop(make_at(name, if is_old { long_ago } else { std::time::SystemTime::now() }));
        };
        let ours = |random: &str| format!(".mcp-bridge-{random}.unfinished");
        make(&ours("0123456789abcdEF"), true);
        let locked = make_at(&ours("bbbbbbbbbbbbbbbb"), just_now);
        locked.try_lock().expect("nobody else knows it");
        if cfg!(unix) {
            drop(make_at(&ours("cccccccccccccccc"), just_now));
        }
        // Somebody may be writing it; or it is not named as we name them.
        let kept = [
            (ours("fedcba9876543210"), false),
            (ours("0123456789abcde"), true),
            (ours("0123456789abcde-"), true),
            (".tmpABCDEF".to_owned(), true),
            (".mcp-bridge-0123456789abcdEF.unfinished.bak".to_owned(), true),
        ];
        for (name, is_old) in &kept {
            make(name, *is_old);
        }
        fs::create_dir(folder.path().join(ours("aaaaaaaaaaaaaaaa"))).expect("made");
        write_atomically(&folder.path().join("a"), b"x", PRIVATE).expect("written");
        let mut expected: Vec<String> = kept.into_iter().map(|(name, _)| name).collect();
        expected.extend([ours("aaaaaaaaaaaaaaaa"), ours("bbbbbbbbbbbbbbbb"), "a".to_owned()]);
        expected.sort();
        assert_eq!(names(folder.path()), expected);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn pipes_are_not_waited_for() {
        let folder = tempfile::tempdir().expect("a folder");
        let pipe = folder.path().join("pipe");
        rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, rustix::fs::Mode::RWXU).expect("made");
        let check = |path: &Path, options: &mut OpenOptions, expected: Option<io::ErrorKind>| {
            let opened = open_regular(path, options);
            assert_eq!(opened.err().map(|fault| fault.kind()), expected, "{}", path.display());
        };
        let invalid = Some(io::ErrorKind::InvalidInput);
        check(&pipe, File::options().read(true), invalid);
        check(&pipe, File::options().read(true).write(true), invalid);
        check(folder.path(), File::options().read(true), invalid);
        check(&folder.path().join("a"), File::options().read(true), Some(io::ErrorKind::NotFound));
        check(&folder.path().join("a"), File::options().write(true).create(true), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn only_so_much_of_a_regular_file_is_read() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("file");
        fs::write(&file, "12345").expect("written");
        let link = folder.path().join("link");
        std::os::unix::fs::symlink("/dev/zero", &link).expect("linked");
        let pipe = folder.path().join("pipe");
        rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, rustix::fs::Mode::RWXU).expect("made");
        let check = |path: &Path, longest: u64, expected: Result<&str, &str>| {
            let read = read_regular(path, longest).map_err(|fault| fault.to_string());
            let read = read.map(|bytes| String::from_utf8(bytes).expect("UTF-8"));
            assert_eq!(read, expected.map(str::to_owned).map_err(str::to_owned));
        };
        check(&file, 5, Ok("12345"));
        check(&file, 4, Err("it is longer than 4 bytes"));
        check(&link, 4, Err("it is a device and no regular file"));
        check(&pipe, 4, Err("it is a pipe and no regular file"));
        check(folder.path(), 4, Err("it is a folder and no regular file"));
    }

    #[test]
    fn unfinished_files_are_known_by_their_name() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = write_beside(&folder.path().join("a"), PRIVATE, |file| file.write_all(b"x"))
            .expect("written");
        let name = file.path().file_name().and_then(|name| name.to_str()).expect("a name");
        assert!(is_unfinished(name), "{name}");
    }

    #[cfg(unix)]
    #[test]
    fn sets_modes() {
        let folder = tempfile::tempdir().expect("a folder");
        let private = folder.path().join("a").join("b");
        create_private_folder(&private).expect("created");
        create_private_folder(&private).expect("nothing to do");
        assert_eq!(mode(&private), 0o700);
        let check = |name: &str, wanted: u32| {
            let path = private.join(name);
            write_atomically(&path, b"x", wanted).expect("written");
            assert_eq!(mode(&path), wanted);
        };
        check(".env", PRIVATE);
        check("shared.json", 0o644);
    }

    #[cfg(unix)]
    #[test]
    fn leaves_the_file_behind_a_link_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        let target = folder.path().join("target");
        let link = folder.path().join("link");
        std::fs::write(&target, "kept").expect("written");
        std::os::unix::fs::symlink(&target, &link).expect("linked");
        create_new(&link, b"new", 0o600).expect_err("the link exists");
        write_atomically(&link, b"new", 0o600).expect("written");
        assert_eq!(std::fs::read(&target).expect("readable"), b"kept");
        assert_eq!(std::fs::read(&link).expect("readable"), b"new");
    }
}
