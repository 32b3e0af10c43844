//! What a server leaves behind when it ends, or has said while it starts.

use std::fmt;

/// How a process ended, what it wrote to stderr last, and which variables it seems to miss.
#[derive(Debug, Clone, Default)]
pub struct LastWords {
    /// Such as `exit code 1` or `signal 9`; empty while it runs.
    pub status: String,
    /// The last lines of its stderr, secrets blotted out.
    pub stderr: Vec<String>,
    /// Variables that those lines name and that the server was not given.
    pub unset: Vec<UnsetVariable>,
    /// It is reached by URL, so that there is no process and no stderr.
    pub remote: bool,
}

/// A variable that a server asked for in vain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnsetVariable {
    /// Its name.
    pub name: String,
    /// The bridge itself has it, but does not hand it on unasked.
    pub known_to_bridge: bool,
}

impl LastWords {
    /// Of a server that did nothing wrong.
    pub(super) fn closed_by_us() -> Self {
        Self { status: "closed by the bridge".to_owned(), ..Self::default() }
    }

    /// What to do about the first variable that it misses.
    pub(super) fn hint(&self) -> Option<String> {
        let variable = self.unset.first()?;
        let name = &variable.name;
        let others: Vec<String> = self.unset[1..].iter().map(|v| format!("`{}`", v.name)).collect();
        let also = if others.is_empty() {
            String::new()
        } else {
            format!(" (also {})", others.join(", "))
        };
        Some(if variable.known_to_bridge {
            format!(
                "`{name}` is set for the bridge but not handed to this server: add \
                 `\"env\": {{\"{name}\": \"${{{name}}}\"}}` to its entry{also}"
            )
        } else {
            format!(
                "`{name}` is not set: put `{name}=…` into the .env file and \
                 `\"env\": {{\"{name}\": \"${{{name}}}\"}}` into the server's entry{also}"
            )
        })
    }
}

impl fmt::Display for LastWords {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.remote {
            return formatter.write_str("no answer yet");
        }
        let status = if self.status.is_empty() { "still running" } else { &self.status };
        formatter.write_str(status)?;
        if self.stderr.is_empty() {
            formatter.write_str(", nothing on stderr")
        } else {
            write!(formatter, "; stderr: {}", self.stderr.join(" | "))
        }
    }
}
