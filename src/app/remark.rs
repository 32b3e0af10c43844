//! What a checked config asks for and this version does not carry out.

/// One thing that is otherwise than the config has it; reads as a sentence.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Remark {
    /// Somebody has set a key that is checked and has no effect yet.
    #[error("`/{key}` is not in force in this version")]
    NotInForce {
        /// The key, which stands at the top of the config.
        key: &'static str,
    },
}

impl Remark {
    /// What its reader can do about it.
    pub fn remedy(&self) -> String {
        match self {
            Self::NotInForce { .. } => "take it out, or leave it for a later version".to_owned(),
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
    }
}
