//! Buffers that keep the room of recent large messages, and give it back when no more come.

/// Room that is always kept.
const KEPT: usize = 64 * 1024;
/// Room that is never kept.
const NEVER_KEPT: usize = 4 * 1024 * 1024;
/// After this many uses that did not need the room, it is given back.
const USES: u32 = 32;

/// Counts how often a buffer was larger than it had to be.
#[derive(Debug, Default)]
pub(super) struct Thrift {
    idle_uses: u32,
}

impl Thrift {
    /// Empties the buffer after a use that filled it up to `used` bytes. Memory that is freed and
    /// taken again for each large message costs more than all that is done to the message.
    pub(super) fn empty(&mut self, buffer: &mut Vec<u8>, used: usize) {
        buffer.clear();
        let room = buffer.capacity();
        self.idle_uses = if used > KEPT { 0 } else { self.idle_uses.saturating_add(1) };
        if room > NEVER_KEPT || (room > KEPT && self.idle_uses > USES) {
            *buffer = Vec::new();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_is_kept_while_it_is_used() {
        let mut thrift = Thrift::default();
        let mut buffer = Vec::with_capacity(1024 * 1024);
        for used in [1024 * 1024, 100, 1024 * 1024] {
            thrift.empty(&mut buffer, used);
            assert!(buffer.capacity() > KEPT);
        }
        for _ in 0..=USES {
            thrift.empty(&mut buffer, 100);
        }
        assert_eq!(buffer.capacity(), 0);
        let mut huge = Vec::with_capacity(NEVER_KEPT + 1);
        thrift.empty(&mut huge, NEVER_KEPT);
        assert_eq!(huge.capacity(), 0);
    }
}
