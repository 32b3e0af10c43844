//! The way back to a client: where the answer to a request goes, and what the request causes before it.

use std::sync::Arc;

use super::outlet::Outlet;
use super::questions::{Asked, Questioner};
use crate::router::{Asks, Notify};

/// One for each stream or POST that requests come from.
#[derive(Debug, Clone)]
pub(super) struct Way {
    pub(super) outlet: Outlet,
    pub(super) notify: Notify,
    pub(super) asks: Asks,
}

impl Way {
    /// The way back to a client with a session, whose questions are in `asked`.
    pub(super) fn of_session(outlet: Outlet, asked: Asked) -> Self {
        let notify = outlet.notifier();
        let asks = Asks::Session(Arc::new(Questioner { asked, outlet: outlet.clone() }));
        Self { outlet, notify, asks }
    }
}
