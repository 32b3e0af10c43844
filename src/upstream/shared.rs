//! What the supervisors of all servers have in common, as the config has it that is in force.

use std::sync::{Arc, Weak};

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::Terms;
use super::changes::Changes;
use crate::config;
use crate::protocol::era::Era;
use crate::tools::{Registries, Registry};

/// How long things may take; the same for every server.
#[derive(Debug, Clone)]
pub struct Settings {
    /// For connecting, calling and ending.
    pub timeouts: config::Timeouts,
    /// For closing and not trying again.
    pub lifecycle: config::Lifecycle,
}

/// What supervisors share, as the config has it that is in force.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) settings: Settings,
    pub(super) registries: Registries,
    /// Those of earlier configs: requests that began under them look there for what a server shows.
    pub(super) earlier: Vec<(Weak<Registry>, Weak<Registry>)>,
    pub(super) tasks: TaskTracker,
    pub(super) closing: CancellationToken,
    pub(super) changes: Changes,
}

impl Shared {
    /// Where that belongs which a server shows in a session on these terms that turned out to be of this era. A stateless
    /// session is one of everybody.
    pub(super) fn registry(&self, terms: &Terms, era: Era) -> &Arc<Registry> {
        if era == Era::Session && terms.want_questions() {
            &self.registries.asked
        } else {
            &self.registries.everybody
        }
    }

    /// The same place under the configs before, as far as anybody still looks there.
    pub(super) fn earlier(&self, terms: &Terms, era: Era) -> impl Iterator<Item = Arc<Registry>> {
        let is_asked = era == Era::Session && terms.want_questions();
        let earlier = self.earlier.iter();
        earlier.filter_map(move |(all, asked)| if is_asked { asked } else { all }.upgrade())
    }

    /// The registries of this config and those before, for the one that comes next.
    pub(super) fn so_far(&self) -> Vec<(Weak<Registry>, Weak<Registry>)> {
        let Registries { everybody, asked } = &self.registries;
        let earlier = self.earlier.iter().filter(|(all, _)| all.strong_count() > 0).cloned();
        earlier.chain([(Arc::downgrade(everybody), Arc::downgrade(asked))]).collect()
    }
}
