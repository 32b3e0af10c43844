//! stdin and stdout as files of our own: the standard streams buffer by the line or lock.

#[cfg(unix)]
pub(crate) use self::unix::{close_stdin, close_stdout, stdin, stdout};
#[cfg(windows)]
pub(crate) use self::windows::{close_stdin, close_stdout, stdin, stdout};

#[cfg(unix)]
mod unix {
    use std::fs::File;
    use std::io;
    use std::os::fd::{AsFd, OwnedFd};

    pub(crate) fn stdin() -> File {
        owned(&io::stdin())
    }

    pub(crate) fn stdout() -> File {
        owned(&io::stdout())
    }

    pub(crate) fn close_stdin() -> io::Result<()> {
        let nothing = File::open("/dev/null")?;
        rustix::stdio::dup2_stdin(&nothing).map_err(io::Error::from)
    }

    /// What is written to from now on.
    pub(crate) fn close_stdout() -> io::Result<File> {
        let nothing = File::options().write(true).open("/dev/null")?;
        rustix::stdio::dup2_stdout(&nothing)?;
        Ok(nothing)
    }

    fn owned(stream: &impl AsFd) -> File {
        let descriptor: OwnedFd =
            stream.as_fd().try_clone_to_owned().expect("a standard stream can be duplicated");
        File::from(descriptor)
    }
}

#[cfg(windows)]
mod windows {
    use std::fs::File;
    use std::io;
    use std::os::windows::io::{AsHandle, OwnedHandle};

    pub(crate) fn stdin() -> File {
        owned(&io::stdin())
    }

    pub(crate) fn stdout() -> File {
        owned(&io::stdout())
    }

    pub(crate) fn close_stdin() -> io::Result<()> {
        Err(unsupported())
    }

    pub(crate) fn close_stdout() -> io::Result<File> {
        Err(unsupported())
    }

    fn unsupported() -> io::Error {
        io::Error::new(io::ErrorKind::Unsupported, "closing one stream needs a Unix system")
    }

    fn owned(stream: &impl AsHandle) -> File {
        let handle: OwnedHandle =
            stream.as_handle().try_clone_to_owned().expect("a standard stream can be duplicated");
        File::from(handle)
    }
}
