//! Two registries of the same servers: a server may show more tools to clients that it can ask something (sampling,
//! elicitation, roots) than to others, and what one kind of client is shown must not take the place of what the other is.

use std::sync::Arc;

use super::Registry;
use crate::config::ServerName;

/// What servers show to which clients.
#[derive(Debug, Clone)]
pub struct Registries {
    /// What they show to a client that can be asked nothing, such as the bridge itself.
    pub everybody: Arc<Registry>,
    /// What they show to clients that can be asked something, in sessions of their own.
    pub asked: Arc<Registry>,
}

impl Registries {
    /// Adds the second one, which has the rules of the first.
    pub fn new(everybody: Registry) -> Self {
        let asked = Arc::new(everybody.for_asked());
        Self { everybody: Arc::new(everybody), asked }
    }

    /// Takes over what `before` knows of the servers that are `kept`; see [`Registry::adopt`].
    pub fn adopt(&self, before: &Self, kept: impl Fn(&ServerName) -> bool) {
        self.everybody.adopt(&before.everybody, &kept);
        self.asked.adopt(&before.asked, &kept);
    }
}
