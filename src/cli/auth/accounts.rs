//! The logins that the config has.

use crate::app;
use crate::base::text::nearest;
use crate::cli::exit::{Exit, Failure};
use crate::cli::setup::Setup;
use crate::config::{Config, Grant, Transport};
use crate::oauth::{Account, LoginError, Store, Tokens};

/// A login of the config.
#[derive(Debug)]
pub(in crate::cli) struct Login {
    pub(super) account: Account,
    pub(super) transport: Transport,
}

impl Login {
    /// Its tokens in the home folder.
    pub(super) fn tokens(&self, setup: &Setup) -> Tokens {
        Tokens::new(self.account.clone(), Store::new(setup.paths.tokens()))
    }

    /// The way to a token, as the config names it.
    pub(super) fn way(&self) -> &'static str {
        match self.account.login.grant {
            Grant::ClientCredentials { .. } => "client_credentials",
            Grant::AuthorizationCode { .. } => "authorization_code",
            Grant::DeviceCode { .. } => "device_code",
        }
    }
}

/// All logins, in the order of the config.
pub(super) fn all(config: &Config) -> Vec<Login> {
    let login = |(name, server): (_, &crate::config::Server)| {
        let account = app::account(name, &server.transport)?;
        Some(Login { account, transport: server.transport.clone() })
    };
    config.servers.iter().filter_map(login).collect()
}

/// The login of one server, or why there is none.
pub(super) fn find(config: &Config, server: &str) -> Result<Login, Failure> {
    if let Some(login) = all(config).into_iter().find(|login| login.account.server == server) {
        return Ok(login);
    }
    if let Some(skipped) = config.skipped.iter().find(|skipped| skipped.name == server) {
        let message = format!("the entry of `{server}` has faults: {}", skipped.reason);
        return Err(Failure::new(Exit::Config, message));
    }
    match config.servers.get(server).map(|server| &server.transport) {
        Some(Transport::Stdio(_)) => {
            let hint = "a process gets its login by `\"auth\": {\"type\": \"oauth2\", …}` with endpoints, and \
                        `oauth2EnvBinding`: see docs/AUTH.md";
            let message = format!("the entry of `{server}` has no login by OAuth");
            Err(Failure::new(Exit::Config, message).hint(Some(hint.to_owned())))
        }
        Some(_) => {
            let hint = "give its entry `\"auth\": {\"type\": \"oauth2\"}`";
            let message = format!("the entry of `{server}` has no login by OAuth");
            Err(Failure::new(Exit::Config, message).hint(Some(hint.to_owned())))
        }
        None => {
            let names = config.servers.keys().map(AsRef::as_ref);
            let hint = nearest(server, names).map(|near| format!("did you mean `{near}`?"));
            let message = format!("unknown server `{server}`");
            Err(Failure::new(Exit::NotFound, message).hint(hint))
        }
    }
}

/// A login that came to nothing, for the shell.
pub(super) fn failure(error: &LoginError) -> Failure {
    let exit = match error {
        LoginError::Discovery { .. }
        | LoginError::Registration { .. }
        | LoginError::Grant { .. }
        | LoginError::Moved { .. }
        | LoginError::Unsupported { .. } => Exit::Upstream,
        LoginError::Endpoint { .. } | LoginError::Key { .. } => Exit::Config,
        _ => Exit::Failed,
    };
    Failure::new(exit, error.to_string())
}
