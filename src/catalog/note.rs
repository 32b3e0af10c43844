//! What there is to say about the sources of recipes beside the recipes themselves.

use std::path::PathBuf;
use std::time::Duration;

/// One thing that somebody who looks for recipes should know; reads as a sentence.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Note {
    /// Of two recipes of one id the user's own counts.
    #[error("your own recipe `{id}` in `{}` hides the built-in one", file.display())]
    HidesBuiltIn {
        /// The id.
        id: String,
        /// The file of the user's own.
        file: PathBuf,
    },
    /// A recipe in the home folder that cannot be used.
    #[error("the recipe in `{}` is left out: {reason}", folder.display())]
    Unusable {
        /// Its folder.
        folder: PathBuf,
        /// Why.
        reason: String,
    },
    /// A recipe of a remote catalog that cannot be used.
    #[error("recipe `{id}` of the catalog `{catalog}` is left out: {reason}")]
    LeftOut {
        /// The catalog.
        catalog: String,
        /// Its id, or its place in the list.
        id: String,
        /// Why.
        reason: Reason,
    },
    /// A catalog has more recipes than are read.
    #[error(
        "the catalog `{catalog}` has {beyond} recipes more than the {read} that are read of one"
    )]
    TooMany {
        /// The catalog.
        catalog: String,
        /// How many are read, the first ones.
        read: usize,
        /// How many are not.
        beyond: usize,
    },
    /// A catalog cannot be fetched.
    #[error("the catalog `{catalog}` cannot be fetched: {reason}; {}", copy(*.age))]
    NotFetched {
        /// The catalog.
        catalog: String,
        /// Why.
        reason: String,
        /// How old the copy is that serves instead.
        age: Option<Duration>,
    },
    /// What was fetched could not be written down.
    #[error("the catalog `{catalog}` cannot be kept for later: {reason}")]
    NotKept {
        /// The catalog.
        catalog: String,
        /// Why.
        reason: String,
    },
}

/// Why a recipe of a remote catalog is left out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// It has none, and the config requires one.
    #[error("it is not signed")]
    Unsigned,
    /// It is not what was signed, or another key signed it.
    #[error("its signature does not fit it and the key of the config")]
    BadSignature,
    /// An earlier copy of the catalog had a newer one: somebody may be offering an old one again.
    #[error(
        "it is older than the one that was there before (`metadata.lastVerified` was {before})"
    )]
    Older {
        /// The day of the newer one.
        before: String,
    },
    /// It is signed, and nobody can tell whether it is older than another.
    #[error("its `metadata.lastVerified` is no day such as `2026-11-20`")]
    NoDay,
    /// It is no recipe without errors.
    #[error("{0}")]
    Faulty(String),
    /// There is one of this id that comes first: built in, of the user, of an earlier catalog or item, or signed or newer
    /// where this one is not.
    #[error("there is another of this id, which comes first")]
    Hidden,
}

fn copy(age: Option<Duration>) -> String {
    match age {
        Some(age) => format!("a copy from {} serves instead", ago(age)),
        None => "there is no copy of it".to_owned(),
    }
}

/// How long ago something was, to the greatest unit.
pub(super) fn ago(age: Duration) -> String {
    let minutes = age.as_secs() / 60;
    let (count, unit) = match minutes {
        0 => return "just now".to_owned(),
        1..60 => (minutes, "minute"),
        60..1440 => (minutes / 60, "hour"),
        _ => (minutes / 1440, "day"),
    };
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {unit}{plural} ago")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_told_in_one_unit() {
        let check = |seconds, expected: &str| {
            assert_eq!(ago(Duration::from_secs(seconds)), expected);
        };
        check(59, "just now");
        check(60, "1 minute ago");
        check(3599, "59 minutes ago");
        check(7200, "2 hours ago");
        check(86400, "1 day ago");
        check(86400 * 9, "9 days ago");
    }
}
