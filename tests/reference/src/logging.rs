//! Log messages to the client, at the level that it asked for.
#![expect(deprecated, reason = "logging is what the suite of 2025-11-25 asks for")]

use rmcp::RoleServer;
use rmcp::model::{LoggingLevel, LoggingMessageNotificationParam};
use rmcp::service::RequestContext;
use serde_json::Value;

use crate::era;

/// The place of a level in the order of severity.
fn severity(level: LoggingLevel) -> u8 {
    match level {
        LoggingLevel::Debug => 0,
        LoggingLevel::Info => 1,
        LoggingLevel::Notice => 2,
        LoggingLevel::Warning => 3,
        LoggingLevel::Error => 4,
        LoggingLevel::Critical => 5,
        LoggingLevel::Alert => 6,
        LoggingLevel::Emergency => 7,
    }
}

/// Sends one message on the stream of the request, if `info` is wanted. A request that stands alone says so itself and
/// otherwise wants nothing; a session that was not told a level gets everything from `info` on.
pub async fn inform(
    context: &RequestContext<RoleServer>,
    of_session: Option<LoggingLevel>,
    text: &str,
) {
    let wanted = if era::stands_alone(context) {
        context.meta.log_level()
    } else {
        of_session.or(Some(LoggingLevel::Info))
    };
    if wanted.is_none_or(|level| severity(level) > severity(LoggingLevel::Info)) {
        return;
    }
    let message =
        LoggingMessageNotificationParam::new(LoggingLevel::Info, Value::String(text.to_owned()))
            .with_logger("reference");
    if let Err(error) = context.peer.notify_logging_message(message).await {
        eprintln!("reference-server: a log message did not leave: {error}");
    }
}
