//! Which parts of a server only make sense on the user's own machine.

use serde::{Serialize, Serializer};
use serde_json::Value;

use crate::config::reader::Reader;

/// `localOnly` of a recipe.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum LocalOnly {
    /// None of it.
    #[default]
    No,
    /// The whole server.
    Yes,
    /// These tools.
    Tools(Vec<String>),
}

impl LocalOnly {
    pub(super) fn read(top: &mut Reader<'_>) -> Self {
        const KEY: &str = "localOnly";
        match top.value(KEY) {
            None | Some(Value::Bool(false)) => Self::No,
            Some(Value::Bool(true)) => Self::Yes,
            Some(Value::Array(_)) => top.strings(KEY).map(Self::Tools).unwrap_or_default(),
            Some(other) => {
                top.mistyped(KEY, "`true`, `false` or a list of tools", other);
                Self::No
            }
        }
    }

    /// Whether there is nothing to say.
    pub(super) fn is_no(&self) -> bool {
        *self == Self::No
    }
}

impl Serialize for LocalOnly {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::No => serializer.serialize_bool(false),
            Self::Yes => serializer.serialize_bool(true),
            Self::Tools(tools) => tools.serialize(serializer),
        }
    }
}
