//! Log lines. In stdio mode stdout belongs to the protocol, so they go to stderr or to a file.

use std::fs::OpenOptions;
use std::io::{self, IsTerminal};
use std::path::Path;
use std::sync::Mutex;

use tracing::Level;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use super::sink::{LogFile, Stderr};
use crate::base::fs::make_private;
use crate::base::unicode::harmful;

/// Starts logging at `level`, into `file` (appended to, created 0600) or on stderr. Call it once.
///
/// Fails when the file cannot be opened.
pub fn start(level: Level, file: Option<&Path>, colour: bool) -> io::Result<()> {
    // Told otherwise, the library prints to stderr that it cannot, and panics where that fails too.
    let format = fmt().with_max_level(level).with_target(false).log_internal_errors(false);
    // Libraries may log what the bridge would not: addresses, headers.
    let own = Targets::new().with_default(Level::WARN).with_target(env!("CARGO_CRATE_NAME"), level);
    if let Some(path) = file {
        let mut options = OpenOptions::new();
        make_private(options.append(true).create(true));
        format
            .with_ansi(false)
            .with_writer(Mutex::new(LogFile::new(options.open(path)?, path.to_owned())))
            .finish()
            .with(own)
            .init();
    } else {
        let colour = colour && io::stderr().is_terminal();
        format
            .with_ansi(colour)
            .with_writer(Mutex::new(Stderr::default()))
            .finish()
            .with(own)
            .init();
    }
    Ok(())
}

/// Text of somebody else, fit for one log line: control characters escaped, cut at `limit` characters.
pub fn excerpt(text: &[u8], limit: usize) -> String {
    let end = text.len().min(limit * 4);
    let text = String::from_utf8_lossy(&text[..end]);
    let mut line: String = text
        .chars()
        .take(limit)
        .flat_map(|c| if harmful(c) { c.escape_default().collect() } else { vec![c] })
        .collect();
    if text.chars().nth(limit).is_some() {
        line.push('…');
    }
    line
}

#[cfg(test)]
mod tests {
    use super::excerpt;

    #[test]
    fn excerpts_are_one_harmless_line() {
        assert_eq!(excerpt(b"plain", 10), "plain");
        assert_eq!(excerpt(b"a\x1b[31m\nb", 10), "a\\u{1b}[31m\\nb");
        assert_eq!(excerpt("äöüß".as_bytes(), 2), "äö…");
        assert_eq!(excerpt(b"\xff", 2), "\u{fffd}");
    }
}
