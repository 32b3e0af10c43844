//! From bytes of a client to messages, or to the error that says why they are none.

use super::session::Session;
use super::way::Way;
use crate::base::json::{Checked, Fault, Strict, elements};
use crate::protocol::error::{ErrorObject, INVALID_REQUEST, PARSE_ERROR};
use crate::protocol::jsonrpc::{parse, salvage_id};
use crate::protocol::version::Revision;

/// No message of a client may be larger.
pub(super) const MAX_MESSAGE: usize = 16 * 1024 * 1024;
/// A batch is not longer.
const MAX_BATCH: usize = 100;

/// The error for bytes that are no JSON, or that are more than JSON allows.
pub(super) fn unreadable(fault: &Fault) -> ErrorObject {
    // What is no JSON cannot be read, the other faults are of JSON that could be.
    let unreadable = matches!(fault, Fault::NotUtf8 { .. } | Fault::Syntax { .. });
    let code = if unreadable { PARSE_ERROR } else { INVALID_REQUEST };
    ErrorObject::new(code, fault.to_string())
}

/// Whether the array can be taken as a batch: an empty one is no request (JSON-RPC 2.0, section 6), and neither is one
/// without end.
pub(super) fn is_batch(message: &Checked<'_>) -> bool {
    message.is_array()
        && (1..=MAX_BATCH).contains(&elements(message.text).take(MAX_BATCH + 1).count())
}

/// Takes in the bytes of one message, or of one batch, on a stream that carries everything.
pub(super) fn take(session: &mut Session, way: &Way, strict: &mut Strict, bytes: &[u8]) {
    match strict.check(bytes) {
        // Batches came and went with one revision (2025-03-26, Base Protocol, Batching).
        Ok(message)
            if message.is_array()
                && session.revision() == Some(Revision::V2025_03_26)
                && is_batch(&message) =>
        {
            each(message.text, |message| {
                session.message(parse(message), way);
            });
        }
        Ok(message) => {
            session.message(parse(message), way);
        }
        Err(fault) => session.refuse(salvage_id(bytes).as_ref(), &unreadable(&fault), way),
    }
}

/// The messages of a batch.
pub(super) fn each(batch: &str, mut take: impl FnMut(Checked<'_>)) {
    let mut strict = Strict::new();
    for element in elements(batch) {
        // It was checked with the rest.
        if let Ok(message) = strict.check_text(element) {
            take(message);
        }
    }
}
