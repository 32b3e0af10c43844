//! Bytes that both sides share: messages cut out of a stream, gathered writes, events, and calls over HTTP.

mod buffer;
pub mod http;
pub mod lines;
pub mod outbox;
mod pool;
pub mod sse;
mod turn;

pub use lines::{Decoder, Frame};
pub use outbox::{Closed, Outbox, Reader, Sink, Urgency, Writer};
pub use turn::Turn;
