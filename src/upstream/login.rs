//! What a login adds on the way to a server: a token with each request over HTTP, a variable or a file for a child process.

use std::borrow::Cow;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use http::{HeaderValue, StatusCode};
use serde_json::json;
use tokio::task::spawn_blocking;
use tokio::time::sleep;

use super::connection::{Blueprint, Connection};
use super::http::{Http, Outgoing};
use super::{Error, Session};
use crate::base::fs::{PRIVATE, create_private_folder, write_atomically};
use crate::base::secret::{HIDDEN, Secret};
use crate::config::{CredentialsFormat, Stdio};
use crate::oauth::{Challenge, LoginError, Reason, Status, Tokens};
use crate::wire::http::Answer;

/// How often it is looked whether a child process has an old token. Tokens are renewed a minute before they expire.
const LOOK: Duration = Duration::from_secs(5);
/// The same where nobody gives one.
const LONGEST_LOOK: Duration = Duration::from_mins(5);

/// Where servers for Google Workspace look for files of credentials; the second name is that of earlier versions.
const FOLDER_VARIABLES: [&str; 2] = ["WORKSPACE_MCP_CREDENTIALS_DIR", "GOOGLE_MCP_CREDENTIALS_DIR"];
/// Whose credentials they take, unless a call says otherwise.
const ACCOUNT_VARIABLE: &str = "USER_GOOGLE_EMAIL";
/// The name of an account that has none: they take only files that are called like an address.
const NAMELESS: &str = "bridge@localhost";

/// The login of a server.
#[derive(Debug, Clone)]
pub struct Login {
    /// Where its tokens come from.
    pub tokens: Tokens,
    /// The server's own folder, for a file of credentials.
    pub folder: PathBuf,
}

/// What a child process gets of its login.
pub(super) struct Given {
    pub(super) token: Secret,
    variables: Vec<(String, Secret)>,
}

impl Given {
    /// The command with the variables of the login.
    pub(super) fn add_to(&self, stdio: &Stdio) -> Stdio {
        let mut stdio = stdio.clone();
        stdio.env.extend(self.variables.iter().cloned());
        stdio
    }
}

impl Http {
    /// Sends a request with the token of the server's login. A request that is answered by 401 was not run (RFC 9110,
    /// Section 15.5.2), so it is sent once more with a token that was renewed; by 403 likewise, where the bridge can get a token
    /// that is good for more.
    pub(super) async fn send_with_token(
        &self,
        session: &Session,
        tokens: &Tokens,
        mut message: Outgoing<'_>,
    ) -> Result<Answer, Error> {
        let login = |error: LoginError| Error::Login(Box::new(error));
        let token = tokens.bearer().await.map_err(login)?;
        let answer = self.send_as(session, &mut message, &token).await?;
        let challenge = challenge(session, &answer);
        if answer.status().is_success() {
            tokens.was_taken(&token);
        }
        if answer.status() != StatusCode::UNAUTHORIZED && !is_narrow(&answer, challenge.as_deref())
        {
            return Ok(answer);
        }
        let token = tokens.refused(&token, challenge.as_deref()).await.map_err(login)?;
        let answer = self.send_as(session, &mut message, &token).await?;
        if answer.status() == StatusCode::UNAUTHORIZED {
            tokens.was_in_vain(&token);
            let server = session.server.to_string();
            let command = format!("bridge auth login {server}");
            let (reason, scopes) = (Reason::Refused, Vec::new());
            return Err(login(LoginError::LoginNeeded { server, reason, command, scopes }));
        }
        let challenge = self::challenge(session, &answer);
        if is_narrow(&answer, challenge.as_deref()) {
            // What was asked for was not given: that is what the error says.
            tokens.refused(&token, challenge.as_deref()).await.map_err(login)?;
        }
        Ok(answer)
    }

    async fn send_as(
        &self,
        session: &Session,
        message: &mut Outgoing<'_>,
        token: &Secret,
    ) -> Result<Answer, Error> {
        // The server may repeat it in an error.
        session.blotter.learn(token);
        let value = format!("Bearer {}", token.expose());
        let mut value = HeaderValue::from_str(&value).map_err(|_| Error::Handshake {
            reason: "the token of the login cannot be sent in a header".to_owned(),
        })?;
        value.set_sensitive(true);
        message.headers.insert(AUTHORIZATION, value);
        self.send_out(session, message).await
    }
}

/// What the answer says of tokens. A scope that repeats one would be shown, kept and asked for: it is left out.
fn challenge(session: &Session, answer: &Answer) -> Option<String> {
    let header = answer.header(WWW_AUTHENTICATE.as_str())?;
    Some(match session.blotter.blot(header) {
        Cow::Borrowed(header) => header.to_owned(),
        Cow::Owned(clean) => clean.replace(HIDDEN, ""),
    })
}

/// Whether the token is good, but not for this (RFC 6750, Section 3.1).
fn is_narrow(answer: &Answer, challenge: Option<&str>) -> bool {
    let challenge = challenge.map(Challenge::parse);
    answer.status() == StatusCode::FORBIDDEN
        && challenge.is_some_and(|challenge| challenge.is_insufficient_scope())
}

/// What the child process of a server gets, if it has a login that it is to see.
pub(super) async fn given(blueprint: &Blueprint, stdio: &Stdio) -> Result<Option<Given>, Error> {
    let (Some(login), Some(asked)) = (&blueprint.login, &stdio.login) else { return Ok(None) };
    if asked.env_binding.is_none() && asked.credentials_file.is_none() {
        return Ok(None);
    }
    let failed = |error| Error::Login(Box::new(error));
    let token = login.tokens.bearer().await.map_err(failed)?;
    // It may repeat it on stderr.
    blueprint.blotter.learn(&token);
    let mut variables = Vec::new();
    variables.extend(asked.env_binding.iter().map(|name| (name.clone(), token.clone())));
    if let Some(CredentialsFormat::GoogleWorkspace) = asked.credentials_file {
        variables.extend(write_credentials(login, stdio, &token).await?);
    }
    Ok(Some(Given { token, variables }))
}

/// Writes the file, and says by which variables the server finds it. The refresh token stays with the bridge: a server that
/// used it would take it from whoever else has it, where each is good for one use.
async fn write_credentials(
    login: &Login,
    stdio: &Stdio,
    token: &Secret,
) -> Result<Vec<(String, Secret)>, Error> {
    let account = account(stdio);
    let (folder, file) = (login.folder.clone(), login.folder.join(format!("{account}.json")));
    let status = login.tokens.status().await.map_err(|error| Error::Login(Box::new(error)))?;
    let content = google_workspace(&status, token);
    let shown = file.display().to_string();
    let write = move || {
        create_private_folder(&folder)?;
        write_atomically(&file, content.as_bytes(), PRIVATE)
    };
    let written = spawn_blocking(write).await.map_err(io::Error::other).and_then(|done| done);
    written.map_err(|error| Error::Handshake {
        reason: format!("the file of credentials `{shown}` cannot be written: {error}"),
    })?;
    let folder = Secret::from(login.folder.to_string_lossy().into_owned());
    let variables = FOLDER_VARIABLES.map(|name| (name.to_owned(), folder.clone()));
    let account = (ACCOUNT_VARIABLE.to_owned(), Secret::from(account));
    let variables = variables.into_iter().chain([account]);
    Ok(variables.filter(|(name, _)| !stdio.env.contains_key(name)).collect())
}

/// Whose credentials they are: the address that the entry names, if it can be the name of a file.
fn account(stdio: &Stdio) -> String {
    let named = stdio.env.get(ACCOUNT_VARIABLE).map(Secret::expose);
    let is_plain = |name: &&str| {
        name.contains('@')
            && !name.starts_with('.')
            && name.chars().all(|letter| letter.is_ascii_alphanumeric() || "@._+-".contains(letter))
    };
    named.filter(is_plain).unwrap_or(NAMELESS).to_owned()
}

/// What the servers read: the members of `google.oauth2.credentials.Credentials`, the time as one without a zone, which they
/// take for UTC.
fn google_workspace(status: &Status, token: &Secret) -> String {
    let (token_url, client, scopes, expires_at) = match status {
        Status::LoggedIn { token_url, client, scopes, expires_at, .. } => {
            (Some(token_url), Some(client), &scopes[..], *expires_at)
        }
        Status::LoggedOut | Status::Locked { .. } => (None, None, &[][..], None),
    };
    let expiry = expires_at.map(|at| {
        let at = humantime::format_rfc3339_seconds(UNIX_EPOCH + Duration::from_secs(at));
        at.to_string().trim_end_matches('Z').to_owned()
    });
    let content = json!({
        "token": token.expose(),
        "refresh_token": null,
        "token_uri": token_url,
        "client_id": client,
        "client_secret": null,
        "scopes": scopes,
        "expiry": expiry,
    });
    format!("{content:#}\n")
}

/// The file of credentials that a server in this folder gets, if its entry asks for one.
pub fn credentials_file(stdio: &Stdio, folder: &Path) -> Option<PathBuf> {
    let asked = stdio.login.as_ref().and_then(|login| login.credentials_file);
    asked.map(|CredentialsFormat::GoogleWorkspace| folder.join(format!("{}.json", account(stdio))))
}

/// Waits until there is another token than the one that the child process was started with; for ever where it has none.
pub(super) async fn another_token(login: Option<&Login>, connection: &Connection) {
    let (Some(login), Some(token)) = (login, connection.token()) else {
        return std::future::pending().await;
    };
    let mut pause = LOOK;
    loop {
        sleep(pause).await;
        let now = login.tokens.bearer().await;
        if now.as_ref().is_ok_and(|now| now != token) {
            return;
        }
        pause = after(pause, now.err().as_ref());
    }
}

/// How long it is waited before the next look. Whoever was asked for a token and gave none is asked less and less often; what
/// asks nobody, such as a login that is needed, is looked at again soon.
fn after(pause: Duration, fault: Option<&LoginError>) -> Duration {
    match fault {
        Some(
            LoginError::Grant { .. } | LoginError::Discovery { .. } | LoginError::Moved { .. },
        ) => (pause * 2).min(LONGEST_LOOK),
        _ => LOOK,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oauth::{DiscoveryError, StoreError};

    #[test]
    fn who_gives_no_token_is_asked_less_and_less_often() {
        let server = || "web".to_owned();
        let error = Box::new(DiscoveryError::Nothing { host: server() });
        let fault = LoginError::Discovery { server: server(), error };
        let mut pause = LOOK;
        let pauses = std::iter::repeat_with(|| {
            pause = after(pause, Some(&fault));
            pause.as_secs()
        });
        let pauses: Vec<u64> = pauses.take(7).collect();
        assert_eq!(pauses, [10, 20, 40, 80, 160, 300, 300]);
        assert_eq!(after(LONGEST_LOOK, None), LOOK);
        let busy = LoginError::Store(StoreError::Busy { server: server() });
        assert_eq!(after(LONGEST_LOOK, Some(&busy)), LOOK);
    }
}
