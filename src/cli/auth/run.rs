//! Which of the commands it is.

use super::arguments::Auth;
use super::{login, logout, status};
use crate::cli::exit::{Exit, Failure};
use crate::cli::setup::Setup;

/// Does what is to be done about logins.
pub(in crate::cli) fn run(auth: &Auth, setup: &Setup) -> Result<Exit, Failure> {
    match auth {
        Auth::Login(login) => login::run(login, setup),
        Auth::Logout(logout) => logout::run(logout, setup),
        Auth::Status(status) => status::run(status, setup),
    }
}
