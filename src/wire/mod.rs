//! Bytes that both sides share: messages cut out of a stream, and gathered writes.

mod buffer;
pub mod lines;
pub mod outbox;

pub use lines::{Decoder, Frame};
pub use outbox::{Outbox, Sink, Urgency, Writer};
