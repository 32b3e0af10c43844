//! `bridge auth status`: who is logged in where, for what and until when; never a token.

use std::time::{Duration, UNIX_EPOCH};

use serde_json::{Value, json};

use super::accounts::{self, Login, failure};
use super::arguments;
use crate::cli::exit::{Exit, Failure};
use crate::cli::printer::Printer;
use crate::cli::setup::Setup;
use crate::oauth::{Status, Tokens};

/// Shows the logins of the config.
pub(super) fn run(arguments: &arguments::Status, setup: &Setup) -> Result<Exit, Failure> {
    let printer = setup.printer;
    let config = setup.config(|text| printer.warn(text))?;
    let logins = match &arguments.server {
        Some(server) => vec![accounts::find(&config, server)?],
        None => accounts::all(&config),
    };
    let found = setup.block_on(async {
        let mut found = Vec::new();
        for login in &logins {
            let status = login.tokens(setup).status().await;
            found.push((login, status.map_err(|error| failure(&error))?));
        }
        Ok(found)
    })?;
    if printer.json {
        let servers: Vec<Value> = found.iter().map(|(login, status)| told(login, status)).collect();
        printer.json(&json!({ "servers": servers }));
    } else if found.is_empty() {
        printer.talk("no server has a login by OAuth; `\"auth\": {\"type\": \"oauth2\"}` in its entry gives it one");
    } else {
        let head = ["SERVER", "STATE", "WAY", "AT", "CLIENT", "SCOPES", "KEPT IN", "UNTIL"];
        let mut rows = vec![head.map(str::to_owned).to_vec()];
        rows.extend(found.iter().map(|(login, status)| row(login, status)));
        printer.table(&rows);
        for (_, status) in &found {
            if let Status::Locked { reason } = status {
                printer.warn(reason);
            }
        }
    }
    Ok(Exit::Done)
}

/// What came of a login.
pub(super) async fn tell_login(
    login: &Login,
    tokens: &Tokens,
    printer: Printer,
) -> Result<Exit, Failure> {
    let status = tokens.status().await.map_err(|error| failure(&error))?;
    let server = &login.account.server;
    if printer.json {
        printer.json(&told(login, &status));
        return Ok(Exit::Done);
    }
    match &status {
        Status::LoggedIn { issuer, client, scopes, is_renewable, .. } => {
            let scopes = if scopes.is_empty() {
                String::new()
            } else {
                format!(", for `{}`", scopes.join("`, `"))
            };
            let until = until(&status).map(|at| format!(", until {at}")).unwrap_or_default();
            let renewed = if *is_renewable { ", renewed by itself" } else { "" };
            printer.line(&format!(
                "logged in to `{server}` at {issuer}, as client `{client}`{scopes}{until}{renewed}"
            ));
            Ok(Exit::Done)
        }
        Status::Locked { reason } => Err(Failure::new(Exit::Failed, reason.clone())),
        Status::LoggedOut => {
            let message = format!("somebody else has logged out of `{server}` meanwhile");
            Err(Failure::new(Exit::Failed, message))
        }
    }
}

fn told(login: &Login, status: &Status) -> Value {
    let mut told = json!({
        "name": login.account.server,
        "grantType": login.way(),
        "state": state(login, status).replace(' ', "_"),
    });
    if let Status::Locked { reason } = status {
        told["keptIn"] = kept_in(true).into();
        told["reason"] = reason.as_str().into();
    }
    if let Status::LoggedIn { issuer, client, scopes, is_renewable, in_keychain, .. } = status {
        told["keptIn"] = kept_in(*in_keychain).into();
        told["issuer"] = issuer.as_str().into();
        told["clientId"] = client.as_str().into();
        told["scopes"] = scopes.clone().into();
        told["expiresAt"] = until(status).into();
        told["refreshable"] = (*is_renewable).into();
    }
    told
}

fn row(login: &Login, status: &Status) -> Vec<String> {
    let mut row =
        vec![login.account.server.clone(), state(login, status).to_owned(), login.way().to_owned()];
    if let Status::LoggedIn { issuer, client, scopes, is_renewable, in_keychain, .. } = status {
        let mut until = until(status).unwrap_or_else(|| "nobody said".to_owned());
        if *is_renewable {
            until.push_str(", renewed by itself");
        }
        let kept_in = kept_in(*in_keychain).to_owned();
        row.extend([issuer.clone(), client.clone(), scopes.join(" "), kept_in, until]);
    }
    row
}

fn state(login: &Login, status: &Status) -> &'static str {
    match status {
        Status::LoggedIn { is_expired: true, is_renewable: false, .. } => "login needed",
        Status::LoggedIn { .. } => "logged in",
        Status::Locked { .. } => "keychain locked",
        Status::LoggedOut if login.way() == "client_credentials" => "by itself",
        Status::LoggedOut => "login needed",
    }
}

/// Where the tokens lie.
fn kept_in(in_keychain: bool) -> &'static str {
    if in_keychain { "keychain" } else { "file" }
}

fn until(status: &Status) -> Option<String> {
    let Status::LoggedIn { expires_at: Some(at), .. } = status else { return None };
    let at = UNIX_EPOCH + Duration::from_secs(*at);
    Some(humantime::format_rfc3339_seconds(at).to_string())
}
