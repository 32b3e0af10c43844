//! What log lines are written to. Neither a reader who is slow or gone nor a disk that is full may hold up or end what the
//! bridge does: lines are lost then, and it is told that they are.

use std::fs::File;
use std::io::{self, Write};
use std::path::PathBuf;

/// What a pipe that takes anything takes at once (`PIPE_BUF`, of which POSIX demands the lesser).
const PIECE: usize = if cfg!(target_os = "linux") { 4096 } else { 512 };

/// The stderr of this process. Each write is one line, or a few.
#[derive(Debug, Default)]
pub(super) struct Stderr {
    /// Lines since the last that was written.
    lost: u64,
    /// The last one was written in part.
    is_cut: bool,
}

/// A file for lines, and stderr for when it cannot be written.
#[derive(Debug)]
pub(super) struct LogFile {
    file: File,
    path: PathBuf,
    stderr: Stderr,
    is_failing: bool,
}

impl LogFile {
    pub(super) fn new(file: File, path: PathBuf) -> Self {
        Self { file, path, stderr: Stderr::default(), is_failing: false }
    }
}

impl Write for Stderr {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if self.lost > 0 {
            let begin = if self.is_cut { "\n" } else { "" };
            let notice = format!("{begin}{} log lines were lost: nobody read stderr\n", self.lost);
            if !put(notice.as_bytes()) {
                self.lost += 1;
                return Ok(line.len());
            }
            (self.lost, self.is_cut) = (0, false);
        }
        for (index, piece) in line.chunks(PIECE).enumerate() {
            if !put(piece) {
                (self.lost, self.is_cut) = (1, index > 0);
                break;
            }
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Write for LogFile {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        match self.file.write_all(line) {
            Ok(()) => self.is_failing = false,
            Err(error) if !self.is_failing => {
                self.is_failing = true;
                let path = self.path.display();
                writeln!(
                    self.stderr,
                    "the log file {path} cannot be written: {error}; lines are lost until it can be"
                )?;
            }
            Err(_) => {}
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Writes to stderr without waiting for anybody; false if it was not all taken.
fn put(bytes: &[u8]) -> bool {
    let mut stderr = io::stderr().lock();
    has_room(&stderr) && stderr.write(bytes).is_ok_and(|written| written == bytes.len())
}

#[cfg(unix)]
fn has_room(stderr: &io::StderrLock<'_>) -> bool {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    let mut stderr = [PollFd::new(stderr, PollFlags::OUT)];
    // What cannot be asked about, such as a closed stderr, holds nobody up.
    poll(&mut stderr, Some(&Timespec::default())).is_err()
        || stderr[0].revents().contains(PollFlags::OUT)
}

#[cfg(not(unix))]
fn has_room(_stderr: &io::StderrLock<'_>) -> bool {
    true
}
