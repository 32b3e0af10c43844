//! The words of `bridge auth`, as its help shows them.

use clap::{Args, Subcommand};

/// What is to be done about logins.
#[derive(Debug, Subcommand)]
pub(in crate::cli) enum Auth {
    /// Log in to a server whose entry says `"auth": {"type": "oauth2"}`
    #[command(after_help = LOGIN_EXAMPLES)]
    Login(Login),
    /// Forget the tokens of a server
    #[command(after_help = LOGOUT_EXAMPLES, override_usage = LOGOUT_USAGE)]
    Logout(Logout),
    /// Show who is logged in where, for what and until when; never a token
    #[command(after_help = STATUS_EXAMPLES)]
    Status(Status),
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Login {
    /// The server's name in the config
    pub(super) server: String,
    /// Open no browser: the URL is printed in any case
    #[arg(long)]
    pub(super) no_browser: bool,
    /// Log in with a code that is typed in a browser on any device
    #[arg(long, conflicts_with = "port")]
    pub(super) device: bool,
    /// Have the browser come back to this port of this machine [default: any that is free]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub(super) port: Option<u16>,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Logout {
    /// The server's name in the config
    #[arg(required_unless_present = "all", conflicts_with = "all")]
    pub(super) server: Option<String>,
    /// All servers
    #[arg(long)]
    pub(super) all: bool,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Status {
    /// Only this server
    pub(super) server: Option<String>,
}

pub(in crate::cli) const EXAMPLES: &str = "\
Examples:
  bridge auth login notion     log in with the browser
  bridge auth status           who is logged in where
  bridge auth logout notion    forget the login

docs/AUTH.md says more. Tokens lie in tokens/ in the home folder, readable by you alone.";

const LOGIN_EXAMPLES: &str = "\
Examples:
  bridge auth login notion                the browser opens; it comes back by itself
  bridge auth login notion --no-browser   open the URL on any machine, and paste the address at which it ends up
  bridge auth login notion --device       type a code in a browser anywhere, for a machine without one
  bridge auth login notion --port 8765    where the service permits one address to return to only

Bridges that run use the new login with their next call.
Exit codes: 0 logged in, 1 failed, 2 usage, 3 config invalid, 4 no such server, 5 the service or the login server refused";

const LOGOUT_USAGE: &str = "bridge auth logout SERVER\n       bridge auth logout --all";

const LOGOUT_EXAMPLES: &str = "\
Examples:
  bridge auth logout notion
  bridge auth logout --all";

const STATUS_EXAMPLES: &str = "\
Examples:
  bridge auth status
  bridge auth status notion --json

Exit codes: 0 shown, 1 failed, 3 config invalid, 4 no such server";
