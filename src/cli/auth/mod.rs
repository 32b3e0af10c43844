//! `bridge auth`: logging in to servers, logging out of them, and who is logged in.

mod accounts;
mod arguments;
mod browser;
mod login;
mod logout;
mod picture;
mod run;
mod status;

pub(super) use accounts::Login;
pub(super) use arguments::{Auth, EXAMPLES};
pub(super) use logout::{Taken, login_of, revoke, take_out, words};
pub(super) use run::run;
