//! Why a filter gives no result, in words that its author can act upon.

use std::fmt;
use std::io;

use serde::{Deserialize, Serialize};

/// Where in a filter something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// The line, the first being 1.
    pub line: usize,
    /// The character in that line, the first being 1.
    pub column: usize,
}

impl Position {
    /// The position of a byte offset.
    pub(super) fn of(filter: &str, offset: usize) -> Self {
        let before = filter.get(..offset).unwrap_or(filter);
        let line_start = before.rfind('\n').map_or(0, |end| end + 1);
        let line = before.matches('\n').count() + 1;
        Self { line, column: before[line_start..].chars().count() + 1 }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line > 1 {
            write!(formatter, "line {}, ", self.line)?;
        }
        write!(formatter, "character {}", self.column)
    }
}

/// What is wrong with a filter, or with what it makes of its input.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
pub enum Fault {
    /// The filter does not parse or names what does not exist.
    #[error("the jq filter has a fault at {position}: {message}")]
    Syntax {
        /// Where.
        position: Position,
        /// What is wrong there.
        message: String,
    },
    /// The filter fails on this input. The message may quote the input.
    #[error("the jq filter fails at {position}, in `{part}`: {message}")]
    Failed {
        /// Where the part begins.
        position: Position,
        /// The part of the filter that fails: what stands between two pipes, shortened.
        part: String,
        /// What went wrong there.
        message: String,
    },
    /// The outputs are too long.
    #[error("the jq filter gives more than {limit} bytes; let it select less, such as `.[:100]`")]
    OutputTooLong {
        /// How many bytes of JSON it may give.
        limit: usize,
    },
    /// The outputs are nested too deeply.
    #[error(
        "what the jq filter gives is nested more than {limit} levels deep; let it go less deep"
    )]
    OutputTooDeep {
        /// How many levels it may have.
        limit: usize,
    },
    /// The input is no JSON that jq could read.
    #[error("the jq filter cannot be applied: its input is not readable: {message}")]
    Input {
        /// Why not.
        message: String,
    },
}

/// Why there is no result.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The filter is wrong, or wrong for this input.
    #[error(transparent)]
    Filter(#[from] Fault),
    /// The filter's text is too long.
    #[error("the jq filter has {length} bytes, more than {limit}; write a shorter one")]
    FilterTooLong {
        /// Its length in bytes.
        length: usize,
        /// The most that is taken.
        limit: usize,
    },
    /// The input is too long to be filtered.
    #[error(
        "the jq filter cannot be applied to {length} bytes, only to {limit}; call without `select`"
    )]
    InputTooLong {
        /// Its length in bytes.
        length: usize,
        /// The most that is taken.
        limit: usize,
    },
    /// The filter took too long and was stopped.
    #[error(
        "the jq filter timed out: it computes for more than {seconds} s; does it loop for ever, or can it select less?"
    )]
    TimedOut {
        /// How long it may compute.
        seconds: u64,
    },
    /// The filter has not ended, though it may not have had the time that it may compute.
    #[error(
        "the jq filter timed out: it gave nothing within {seconds} s, which it may share with others; try again, or let it select less"
    )]
    NoAnswer {
        /// How long was waited.
        seconds: u64,
    },
    /// The filter asked for too much memory and was stopped.
    #[error("the jq filter needs more than {megabytes} MB of memory; let it build less")]
    TooMuchMemory {
        /// How much it may use.
        megabytes: u64,
    },
    /// The filter calls itself too often or builds something too deep.
    #[error(
        "the jq filter is too deeply nested: it calls itself, or nests what it builds, too often"
    )]
    TooDeep,
    /// No filter can be run at the moment; the filter is not to blame.
    #[error("jq filters cannot be run: {0}; call without `select`")]
    Unavailable(#[source] io::Error),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_count_characters_and_lines() {
        let check = |filter, offset, expected: &str| {
            assert_eq!(Position::of(filter, offset).to_string(), expected, "{filter:?} {offset}");
        };
        check("", 0, "character 1");
        check(".a | é | b", 5, "character 6");
        check(".a | é | b", 8, "character 8");
        check(".a\n| .b\n| c", 5, "line 2, character 3");
        check(".a", 99, "character 3");
    }
}
