//! A plan beside the config and the variables that it is for.

use indexmap::IndexMap;
use serde_json::Value;

use super::{Plan, Variable};
use crate::catalog::lock::Locked;
use crate::config::ServerName;
use crate::config::edit::{self, Target};

/// The keys of an entry that decide what runs, whether a recipe has them or not.
const DECIDING: [&str; 6] = ["command", "args", "env", "cwd", "url", "headers"];

/// A plan that can be carried out, or was.
#[derive(Debug)]
pub struct Candidate {
    /// What is to be done.
    pub plan: Plan,
    /// It was carried out before.
    pub is_done: bool,
    /// For each of the plan's variables, whether it has a value.
    pub is_set: Vec<bool>,
    /// What the lock has of it, where that is the measure.
    pub locked: Option<Locked>,
}

/// Another server has the name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is another server `{name}` in the config")]
pub struct Taken {
    /// The name.
    pub name: ServerName,
}

impl Candidate {
    /// Looks for what is there of the plan; `configured` are the entries of the config.
    pub fn new(
        plan: Plan,
        target: &Target<'_>,
        configured: &IndexMap<String, Value>,
    ) -> Result<Self, Taken> {
        let entry = configured.get(plan.name.as_str());
        if entry.is_some_and(|entry| !plan.is_entry(entry)) {
            return Err(Taken { name: plan.name });
        }
        let names: Vec<&str> = plan.variables.iter().map(|v| v.name.as_str()).collect();
        let is_set = edit::have_values(target, &names);
        Ok(Self { is_done: entry.is_some(), plan, is_set, locked: None })
    }

    /// The variables without which the server is left out.
    pub fn missing(&self) -> impl Iterator<Item = &Variable> {
        let variables = self.plan.variables.iter().zip(&self.is_set);
        variables.filter(|(variable, is_set)| variable.is_needed && !**is_set).map(|(v, _)| v)
    }
}

impl Plan {
    /// Whether an entry is the one that the plan would write. What its owner has added to it does not matter, unless it
    /// decides what runs.
    pub fn is_entry(&self, entry: &Value) -> bool {
        let keys = self.entry.keys().map(String::as_str).chain(DECIDING);
        keys.into_iter().all(|key| entry.get(key) == self.entry.get(key))
    }
}
