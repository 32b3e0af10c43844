//! What is different from system to system and that the modules beside this one need, with one interface.

#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

#[cfg(unix)]
pub(in crate::base) use self::unix::{files, owners, programs, workers};
#[cfg(windows)]
pub(in crate::base) use self::windows::{files, owners, programs, workers};
