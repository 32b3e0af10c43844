//! The change itself: read, compare, replace.

use std::io;
use std::path::{Path, PathBuf};

use super::error::Error;
use super::folders::lock_all;
use super::rights::Access;
use crate::base::fs::{read_regular, write_atomically};
use crate::base::system::owners as system;

/// As many links as Linux follows, too.
const MAX_LINKS: usize = 40;
/// Bytes of a file that are read. Some programs keep whole histories in what they call their settings.
const LONGEST_FILE: u64 = 64 * 1024 * 1024;
/// Somebody without a lock, such as an editor, may save once or twice meanwhile.
const WRITE_TRIES: usize = 5;

/// Changes a file. `change` gets the present bytes, or nothing where there is no file, and says what the bytes should
/// be; it runs again when somebody else has written meanwhile. A symbolic link stays, and the file behind it is
/// changed. Nothing is written when nothing changes. Blocks while others hold the lock: for some seconds, and up to a minute while
/// they get on.
///
/// Returns the file that was really changed, and what `change` said last.
pub fn rewrite<T, E: From<Error>>(
    path: &Path,
    access: Access,
    mut change: impl FnMut(Option<&[u8]>) -> Result<(Vec<u8>, T), E>,
) -> Result<(PathBuf, T), E> {
    let ([file], said) = rewrite_together([(path, access)], |[old]| {
        let (new, said) = change(old)?;
        Ok::<_, E>(([Some(new)], said))
    })?;
    Ok((file, said))
}

/// The same of several files, whose folders stay locked for all of it. What `change` says nothing about stays as it is.
/// The files are replaced in the order in which they stand here, so that whoever is killed in between leaves the former
/// ones new, the others old, and none of them damaged.
pub fn rewrite_together<const N: usize, T, E: From<Error>>(
    files: [(&Path, Access); N],
    mut change: impl FnMut([Option<&[u8]>; N]) -> Result<([Option<Vec<u8>>; N], T), E>,
) -> Result<([PathBuf; N], T), E> {
    let accesses = files.map(|(_, access)| access);
    let files = all(files.map(|(path, _)| find(path)))?;
    let _locks = lock_all(&files)?;
    for _ in 0..WRITE_TRIES {
        let old = all(files.each_ref().map(|file| read(file)))?;
        let (new, said) = change(old.each_ref().map(Option::as_deref))?;
        let mut writes = Vec::with_capacity(N);
        for (((file, access), old), new) in files.iter().zip(accesses).zip(&old).zip(&new) {
            let Some(new) = new else { continue };
            let mode = system::mode(file, access).map_err(|source| unreadable(file, source))?;
            if old.as_ref() == Some(new) && mode.is_kept {
                continue;
            }
            if mode.is_write_protected {
                return Err(Error::WriteProtected { path: file.clone() }.into());
            }
            writes.push((file, new, mode.bits));
        }
        // Whoever saves without the lock in the moment after this is overwritten; no system offers more.
        if all(files.each_ref().map(|file| read(file)))? == old {
            for (file, new, mode) in writes {
                replace(file, new, mode)?;
            }
            return Ok((files, said));
        }
    }
    let path = files.into_iter().next().unwrap_or_default();
    Err(Error::Busy { path }.into())
}

/// The results, or the first fault.
fn all<const N: usize, T>(results: [Result<T, Error>; N]) -> Result<[T; N], Error> {
    let values = results.into_iter().collect::<Result<Vec<T>, Error>>()?;
    Ok(values.try_into().ok().expect("as many values as there were results"))
}

/// The file itself, which can be replaced.
fn find(path: &Path) -> Result<PathBuf, Error> {
    let file = follow(path).map_err(|source| unreadable(path, source))?;
    // Reading a pipe would wait for ever, and a device must not be replaced.
    if file.metadata().is_ok_and(|found| !found.is_file()) {
        return Err(Error::NotAFile { path: file });
    }
    Ok(file)
}

fn replace(file: &Path, new: &[u8], mode: u32) -> Result<(), Error> {
    let owner = system::Owner::of(file);
    write_atomically(file, new, mode)
        .map_err(|source| Error::Unwritable { path: file.to_owned(), source })?;
    owner.keep(file);
    Ok(())
}

pub(super) fn unreadable(path: &Path, source: io::Error) -> Error {
    Error::Unreadable { path: path.to_owned(), source }
}

fn read(path: &Path) -> Result<Option<Vec<u8>>, Error> {
    match read_regular(path, LONGEST_FILE) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(fault) if fault.kind() == io::ErrorKind::NotFound => Ok(None),
        // It has become one since it was looked for.
        Err(fault) if fault.kind() == io::ErrorKind::InvalidInput => {
            Err(Error::NotAFile { path: path.to_owned() })
        }
        Err(fault) => Err(unreadable(path, fault)),
    }
}

/// The file that a path means, which need not exist; links to it may be in a chain.
fn follow(path: &Path) -> io::Result<PathBuf> {
    let mut path = path.to_owned();
    for _ in 0..MAX_LINKS {
        match std::fs::read_link(&path) {
            Ok(target) => path = path.parent().unwrap_or(Path::new("")).join(target),
            // What is no link, or is not there at all, is the file itself.
            Err(_) => return Ok(path),
        }
    }
    Err(io::Error::other("too many symbolic links, or a circle of them"))
}

#[cfg(all(test, unix))]
mod tests {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    fn append(path: &Path, access: Access, more: &str) -> Result<PathBuf, Error> {
        let changed = rewrite::<_, Error>(path, access, |old| {
            let mut new = old.unwrap_or_default().to_owned();
            new.extend_from_slice(more.as_bytes());
            Ok((new, ()))
        });
        changed.map(|(file, ())| file)
    }

    fn mode_of(path: &Path) -> u32 {
        path.metadata().expect("it is there").permissions().mode() & 0o7777
    }

    #[test]
    fn keeps_or_tightens_the_mode() {
        let folder = tempfile::tempdir().expect("a folder");
        for (before, access, after) in [
            (Some(0o644), Access::Kept, 0o644),
            (Some(0o640), Access::Private, 0o600),
            (None, Access::Kept, 0o600),
            (None, Access::Private, 0o600),
        ] {
            let path = folder.path().join(format!("{before:?}{access:?}"));
            if let Some(before) = before {
                fs::write(&path, "a").expect("written");
                fs::set_permissions(&path, fs::Permissions::from_mode(before)).expect("set");
            }
            append(&path, access, "b").expect("changed");
            assert_eq!(mode_of(&path), after, "{before:?} {access:?}");
            // An unchanged text is no reason to leave it open to others.
            fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).expect("set");
            append(&path, access, "").expect("changed");
            assert_eq!(mode_of(&path), if access == Access::Kept { 0o644 } else { 0o600 });
        }
    }

    #[test]
    fn changes_the_file_behind_links() {
        let folder = tempfile::tempdir().expect("a folder");
        let at = |name: &str| folder.path().join(name);
        fs::create_dir(at("dotfiles")).expect("made");
        for (text, found) in [(Some("a"), "ab"), (None, "b")] {
            let target = at("dotfiles").join(found);
            if let Some(text) = text {
                fs::write(&target, text).expect("written");
            }
            symlink(Path::new("dotfiles").join(found), at("middle")).expect("linked");
            symlink(at("middle"), at("link")).expect("linked");
            let file = append(&at("link"), Access::Kept, "b").expect("changed");
            assert_eq!(file, target);
            assert_eq!(fs::read_to_string(&target).expect("readable"), found);
            assert!(at("link").is_symlink() && at("middle").is_symlink());
            fs::remove_file(at("link")).expect("removed");
            fs::remove_file(at("middle")).expect("removed");
        }
        symlink(at("b"), at("a")).expect("linked");
        symlink(at("a"), at("b")).expect("linked");
        let circle = append(&at("a"), Access::Kept, "x").expect_err("a circle");
        assert!(matches!(circle, Error::Unreadable { .. }), "{circle}");
    }

    #[test]
    fn leaves_what_is_no_file() {
        let folder = tempfile::tempdir().expect("a folder");
        let socket = folder.path().join("socket");
        let _listener = std::os::unix::net::UnixListener::bind(&socket).expect("bound");
        let link = folder.path().join(".env");
        for target in [&socket, folder.path(), Path::new("/dev/null")] {
            symlink(target, &link).expect("linked");
            let fault = append(&link, Access::Private, "").expect_err("no file");
            assert!(matches!(fault, Error::NotAFile { .. }), "{fault}");
            fs::remove_file(&link).expect("removed");
        }
    }

    #[test]
    fn leaves_what_is_write_protected() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("config.json");
        fs::write(&path, "a").expect("written");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o444)).expect("set");
        append(&path, Access::Kept, "").expect("nothing to write");
        let fault = append(&path, Access::Kept, "b").expect_err("protected");
        assert!(matches!(fault, Error::WriteProtected { .. }), "{fault}");
        assert_eq!(fs::read_to_string(&path).expect("readable"), "a");
    }

    #[test]
    fn starts_again_when_somebody_writes_without_the_lock() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("config.json");
        fs::write(&path, "a").expect("written");
        let mut runs = 0;
        let changed = rewrite::<_, Error>(&path, Access::Kept, |old| {
            runs += 1;
            if runs == 1 {
                fs::write(&path, "saved").expect("written");
            }
            Ok(([old.unwrap_or_default(), b"+"].concat(), runs))
        });
        assert_eq!(changed.expect("changed").1, 2);
        assert_eq!(fs::read_to_string(&path).expect("readable"), "saved+");
        let restless = rewrite::<(), Error>(&path, Access::Kept, |old| {
            fs::write(&path, [old.unwrap_or_default(), b"."].concat()).expect("written");
            Ok((Vec::new(), ()))
        });
        assert!(matches!(restless, Err(Error::Busy { .. })));
    }

    #[test]
    fn several_files_change_together() {
        let folder = tempfile::tempdir().expect("a folder");
        fs::create_dir(folder.path().join("other")).expect("made");
        let (one, two) = (folder.path().join("one"), folder.path().join("other/two"));
        let beside = folder.path().join("beside");
        let add = |path: &Path, first: bool| {
            let order: [&Path; 2] = if first { [path, &one] } else { [&one, path] };
            rewrite_together::<2, _, Error>(order.map(|path| (path, Access::Private)), |old| {
                Ok((old.map(|old| Some([old.unwrap_or_default(), b"x"].concat())), ()))
            })
            .expect("changed");
        };
        std::thread::scope(|scope| {
            for first in [true, false] {
                let (add, two) = (&add, &two);
                scope.spawn(move || (0..20).for_each(|_| add(two, first)));
            }
        });
        add(&beside, true);
        let length = |path: &Path| fs::read(path).expect("readable").len();
        assert_eq!((length(&one), length(&two), length(&beside)), (41, 40, 1));
        // What nothing is said about stays, and is not made.
        let files = [(&*beside, Access::Kept), (&*folder.path().join("none"), Access::Kept)];
        let (found, ()) =
            rewrite_together::<2, _, Error>(files, |_| Ok(([None, None], ()))).expect("looked at");
        assert_eq!((length(&found[0]), found[1].exists()), (1, false));
        // A fault of one keeps the others as they are.
        fs::set_permissions(&one, fs::Permissions::from_mode(0o400)).expect("set");
        let fault = rewrite_together::<2, (), Error>(
            [(&beside, Access::Kept), (&one, Access::Kept)],
            |_| Ok(([Some(b"new".to_vec()), Some(b"new".to_vec())], ())),
        );
        assert!(matches!(fault, Err(Error::WriteProtected { .. })));
        assert_eq!(length(&beside), 1);
    }

    #[test]
    fn threads_lose_nothing() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("config.json");
        std::thread::scope(|scope| {
            for letter in ["a", "b", "c", "d"] {
                let path = &path;
                scope.spawn(move || {
                    for _ in 0..25 {
                        append(path, Access::Kept, letter).expect("changed");
                    }
                });
            }
        });
        assert_eq!(fs::read(&path).expect("readable").len(), 100);
    }
}
