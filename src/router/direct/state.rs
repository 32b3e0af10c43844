//! What direct mode keeps from one request to the next.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::known::Known;
use super::subscriptions::Subscriptions;
use super::tools::ToolList;
use crate::protocol::log::Level;

/// All of it; each part is locked by itself and for a moment only.
#[derive(Debug, Default)]
pub(in crate::router) struct State {
    tools: Mutex<Option<Arc<ToolList>>>,
    known: Mutex<Known>,
    /// What clients have set with `logging/setLevel`.
    levels: Mutex<HashMap<u64, Level>>,
    pub(super) subscriptions: Subscriptions,
}

impl State {
    pub(super) fn tools(&self) -> MutexGuard<'_, Option<Arc<ToolList>>> {
        self.tools.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn levels(&self) -> MutexGuard<'_, HashMap<u64, Level>> {
        self.levels.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
