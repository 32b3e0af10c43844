//! Logins and renewals with an authorization server of this machine, and with hostile ones.

mod bindings;
mod hostile;
mod logins;
mod machines;
mod renewals;
mod revocations;
mod site;
mod vaults;
