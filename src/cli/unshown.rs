//! Typing that is not shown. The terminal stops showing it before it is asked for: whoever pastes at the first sight of the
//! question would have it on the screen otherwise.

/// Asks for a line at the terminal.
#[cfg(not(unix))]
pub(super) fn read(prompt: &str) -> std::io::Result<String> {
    rpassword::prompt_password(prompt)
}

#[cfg(unix)]
pub(super) use terminal::read;

#[cfg(unix)]
mod terminal {
    use std::fs::File;
    use std::io::{self, Read, Write};

    use rpassword::{ConfigBuilder, read_password_with_config};
    use rustix::termios::{
        LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr,
    };

    /// The byte of Ctrl-C.
    const INTERRUPT: u8 = 3;

    /// The terminal as long as it shows nothing of what is typed; then it is as it was.
    struct Unshown {
        terminal: File,
        before: Termios,
    }

    /// What is typed, byte by byte.
    struct Typed {
        terminal: File,
        unshown: Option<Unshown>,
    }

    /// Asks for a line at the terminal.
    pub(in crate::cli) fn read(prompt: &str) -> io::Result<String> {
        let mut terminal = File::options().read(true).write(true).open("/dev/tty")?;
        let unshown = Some(Unshown::begin(terminal.try_clone()?)?);
        let typed = Typed { terminal: terminal.try_clone()?, unshown };
        terminal.write_all(prompt.as_bytes())?;
        let config = ConfigBuilder::new().input_reader(typed).output_discard().build();
        let line = read_password_with_config(config);
        terminal.write_all(b"\n")?;
        line
    }

    impl Unshown {
        fn begin(terminal: File) -> io::Result<Self> {
            let before = tcgetattr(&terminal)?;
            let mut modes = before.clone();
            // Byte by byte, since the system's own lines end at 4096 bytes. What Ctrl-C does is done once all is as it was.
            let shown = LocalModes::ECHO | LocalModes::ECHONL;
            modes.local_modes.remove(shown | LocalModes::ICANON | LocalModes::ISIG);
            modes.special_codes[SpecialCodeIndex::VMIN] = 1;
            modes.special_codes[SpecialCodeIndex::VTIME] = 0;
            tcsetattr(&terminal, OptionalActions::Now, &modes)?;
            Ok(Self { terminal, before })
        }
    }

    impl Drop for Unshown {
        fn drop(&mut self) {
            // A terminal that has gone needs nothing.
            let _ = tcsetattr(&self.terminal, OptionalActions::Now, &self.before);
        }
    }

    impl Read for Typed {
        fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
            let count = self.terminal.read(bytes)?;
            // Whoever reads it may end the process on the spot.
            if bytes[..count].contains(&INTERRUPT) {
                self.unshown = None;
            }
            Ok(count)
        }
    }
}
