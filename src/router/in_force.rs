//! Whether the config on the disk is the one by which the bridge goes.

use arc_swap::ArcSwapOption;
use serde::Serialize;

/// What of the files is not in force.
#[derive(Debug, Default)]
pub struct InForce(ArcSwapOption<Pending>);

/// Why, or what.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Pending {
    /// Why nothing of the files as they are is in force.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Keys whose new values come into force when the bridge is started again.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub at_restart: Vec<&'static str>,
    /// What that means.
    pub note: &'static str,
}

impl InForce {
    /// Notes what is not in force; nothing where all is. Returns whether that is news.
    pub fn set(&self, pending: Option<Pending>) -> bool {
        let is_news = self.pending() != pending;
        self.0.store(pending.map(Into::into));
        is_news
    }

    pub(super) fn pending(&self) -> Option<Pending> {
        self.0.load().as_deref().cloned()
    }
}
