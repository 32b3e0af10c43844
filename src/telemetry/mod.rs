//! What the bridge says about itself: logs, on stderr or in a file, never on stdout.

pub mod logging;
mod sink;
