//! Bytes that both sides share: messages cut out of a stream, and gathered writes.

mod buffer;
pub mod lines;
pub mod outbox;
mod turn;

pub use lines::{Decoder, Frame};
pub use outbox::{Closed, Outbox, Sink, Urgency, Writer};
pub use turn::Turn;
