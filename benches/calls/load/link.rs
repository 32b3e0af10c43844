//! What carries messages to a process and back.

use std::io;

/// One conversation with a process, blocking.
pub(super) trait Link {
    /// Sends messages, each ended by a line break, in as few writes as can be.
    fn send(&mut self, lines: &[u8]) -> io::Result<()>;

    /// Waits until at least one message has come and hands over all that are there.
    fn receive(&mut self, heard: &mut dyn FnMut(&[u8]) -> io::Result<()>) -> io::Result<()>;

    /// Waits until all that was sent has been taken, where the other side says so.
    fn settle(&mut self) -> io::Result<()> {
        Ok(())
    }

    /// Makes sure that messages can be sent, where the other side may have hung up in the meantime.
    fn renew(&mut self) -> io::Result<()> {
        Ok(())
    }

    /// Gives every message these headers from now on, where there are headers.
    fn name_headers(&mut self, _headers: &[(&str, &str)]) {}
}
