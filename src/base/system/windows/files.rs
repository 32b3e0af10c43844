//! Files on Windows. Who may read one is inherited from its folder and left as it is; a lock would keep everybody else from
//! reading, so that none marks what is being written; and a file that others have open is not always replaced at once.

use std::fs::{self, File, FileType, Metadata, OpenOptions};
use std::io;
use std::path::Path;
use std::thread;
use std::time::Duration;

use tempfile::NamedTempFile;

use crate::base::fs::PRIVATE;

/// Virus scanners and indexers open what is new for a moment; editors hold on for longer.
const PATIENCE: Duration = Duration::from_secs(1);
const PAUSE: Duration = Duration::from_millis(10);

/// What the system says where somebody has the file open who lets nobody replace it meanwhile, see `Winerror.h`:
/// `ERROR_ACCESS_DENIED`, `ERROR_SHARING_VIOLATION`, `ERROR_LOCK_VIOLATION`.
const HELD: [i32; 3] = [5, 32, 33];

pub(in crate::base) fn create_private_folder(path: &Path) -> io::Result<()> {
    fs::create_dir_all(path)
}

pub(in crate::base) fn is_open_to_others(_found: &Metadata) -> bool {
    false
}

pub(in crate::base) fn make_private(_options: &mut OpenOptions) {}

pub(in crate::base) fn mode_of(_found: &Metadata) -> u32 {
    PRIVATE
}

pub(in crate::base) fn number_of(path: &Path, _found: &Metadata) -> io::Result<u64> {
    winapi_util::file::information(File::open(path)?).map(|found| found.file_index())
}

/// Nothing makes opening wait here, and what is no file does not tell what it is.
pub(in crate::base) fn wait_for_nobody(_options: &mut OpenOptions) {}

pub(in crate::base) fn special_kind(_kind: FileType) -> Option<&'static str> {
    None
}

pub(in crate::base) fn mark_as_being_written(_file: &File) {}

pub(in crate::base) fn is_not_being_written(_path: &Path) -> bool {
    false
}

pub(in crate::base) fn is_ours(_found: &Metadata) -> bool {
    true
}

#[expect(clippy::unnecessary_wraps, reason = "the same shape as on Unix")]
pub(in crate::base) fn set_mode(_file: &File, _mode: u32) -> io::Result<()> {
    Ok(())
}

/// The standard library renames as on Unix where the system can: a file that somebody reads is replaced, too.
pub(in crate::base) fn put(file: NamedTempFile, path: &Path) -> io::Result<()> {
    // Removes the file when it is dropped, unless that has got another name.
    let written = file.into_temp_path();
    let mut waited = Duration::ZERO;
    loop {
        match fs::rename(&written, path) {
            Err(error) if is_held(&error) && waited < PATIENCE => {
                thread::sleep(PAUSE);
                waited += PAUSE;
            }
            renamed => return renamed,
        }
    }
}

fn is_held(error: &io::Error) -> bool {
    error.raw_os_error().is_some_and(|code| HELD.contains(&code))
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};
    use std::os::windows::fs::OpenOptionsExt;
    use std::thread;

    use super::PAUSE;
    use crate::base::fs::{PRIVATE, write_atomically};

    #[test]
    fn what_others_have_open_is_replaced_once_they_let_go_of_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("config.json");
        fs::write(&path, "old").expect("written");
        // Nobody else may read, write or replace it.
        let held = File::options().read(true).share_mode(0).open(&path).expect("opened");
        thread::scope(|scope| {
            let written = scope.spawn(|| write_atomically(&path, b"new", PRIVATE));
            thread::sleep(PAUSE * 3);
            drop(held);
            written.join().expect("no panic").expect("it was given up");
        });
        assert_eq!(fs::read(&path).expect("readable"), b"new");
    }

    #[test]
    fn what_others_read_is_replaced() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("config.json");
        fs::write(&path, "old").expect("written");
        let mut reader = File::open(&path).expect("opened");
        write_atomically(&path, b"new", PRIVATE).expect("replaced");
        let mut text = String::new();
        std::io::Read::read_to_string(&mut reader, &mut text).expect("readable");
        assert_eq!(
            (text.as_str(), fs::read(&path).expect("readable").as_slice()),
            ("old", &b"new"[..])
        );
    }
}
