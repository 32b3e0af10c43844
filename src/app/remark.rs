//! What a checked config asks for and this version does not carry out.

use crate::config::ServerName;

/// One thing that is otherwise than the config has it; reads as a sentence.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Remark {
    /// Somebody has set a key that is checked and has no effect yet.
    #[error("`/{key}` is not in force in this version")]
    NotInForce {
        /// The key, which stands at the top of the config.
        key: &'static str,
    },
    /// A server cannot be served as its entry demands, and is not served.
    #[error("server `{server}` is left out: {reason}")]
    LeftOut {
        /// Its name.
        server: ServerName,
        /// Why.
        reason: Unusable,
    },
}

/// Why a server cannot be served as its entry demands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unusable {
    /// Its entry has a login by OAuth 2.
    #[error("logging in to servers by OAuth 2 is not available in this version (`auth`)")]
    Login,
}

impl Remark {
    /// What its reader can do about it.
    pub fn remedy(&self) -> String {
        match self {
            Self::NotInForce { .. } => "take it out, or leave it for a later version".to_owned(),
            Self::LeftOut { server, .. } => {
                format!("mend its entry, or take it out with `bridge remove {server}`")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn remarks_read_as_sentences_with_a_remedy() {
        let check = |remark: &Remark, sentence: &str, remedy: &str| {
            assert_eq!(remark.to_string(), sentence);
            assert!(remark.remedy().contains(remedy), "{}", remark.remedy());
        };
        check(
            &Remark::NotInForce { key: "autoMerge" },
            "`/autoMerge` is not in force in this version",
            "take it out",
        );
        let server = ServerName::parse("one").expect("a name");
        check(
            &Remark::LeftOut { server, reason: Unusable::Login },
            "server `one` is left out: logging in to servers by OAuth 2 is not available in this version (`auth`)",
            "`bridge remove one`",
        );
    }
}
