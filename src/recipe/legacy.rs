//! Version 1, `config.json`: one flat object for one transport. It is read into the same recipe, so that nothing
//! behind it knows of two versions.

use serde_json::{Map, Value};

use super::auth::{Auth, AuthKind};
use super::capabilities::Capabilities;
use super::concern::Subject;
use super::fetched::fetch;
use super::install::{Install, Method};
use super::local_only::LocalOnly;
use super::metadata::Metadata;
use super::program::Program;
use super::spec::{self, Recipe};
use super::transport::{Stdio, Transport};
use super::{choice, variables};
use crate::config::ServerName;
use crate::config::finding::Severity;
use crate::config::reader::Reader;

/// Reads version 1; faults are in the report, with the places of that version.
pub(super) fn read(object: &Map<String, Value>, top: &mut Reader<'_>) -> Option<Recipe> {
    top.skip(&["$schema", "schemaVersion"]);
    let (name, description) = spec::read_names(top);
    let id = name.as_deref().and_then(|name| read_id(name, top));
    let key = if top.has("transport") { "transport" } else { "type" };
    top.skip(&["transport", "type"]);
    let transport = Transport::read(top, key);
    let repository = top.filled_string("repository");
    let homepage = choice::web_address(top, "homepage");
    if !top.has("repository") && !top.has("homepage") {
        let message = "`homepage` is missing, which says where the server comes from";
        top.report().error(top.pointer(), message);
    }
    let env_vars = variables::used(&[object]);
    let kind = if env_vars.is_empty() { AuthKind::None } else { AuthKind::ApiKey };
    let required = top.bool("authRequired");
    let auth = Auth {
        required: required.unwrap_or(!env_vars.is_empty()),
        // A login that is required and needs no variable is one that only its page explains.
        kind: Some(if required == Some(true) && env_vars.is_empty() {
            AuthKind::Custom
        } else {
            kind
        }),
        env_vars,
        credentials_url: choice::web_address(top, "credentialsUrl"),
        ..Auth::default()
    };
    let message = "this is a recipe of version 1, which still works";
    let finding = top.report().finding(Severity::Warning, top.pointer(), message);
    top.report().add(finding.hint("`bridge migrate-recipe` writes it anew"));
    let transport = transport?;
    let install = match &transport {
        Transport::Stdio(stdio) => Some(install_of(stdio)),
        _ => None,
    };
    let transports = [(top.pointer().to_owned(), transport)];
    let subject = Subject {
        transports: &transports,
        install: install.as_ref().map(|install| (None, install)),
        auth: (top.pointer(), &auth),
    };
    subject.tell(top.report());
    Some(Recipe {
        id: id?,
        name: name?,
        description: description?,
        repository,
        transports: transports.map(|(_, transport)| transport).into(),
        install,
        auth,
        metadata: Metadata { homepage, ..Metadata::default() },
        capabilities: Capabilities::default(),
        local_only: LocalOnly::No,
    })
}

/// Version 1 has one name for both; the id is made of it.
fn read_id(name: &str, top: &Reader<'_>) -> Option<String> {
    let id = ServerName::normalise(name).ok().map(|id| id.to_string());
    let id = id.filter(|id| spec::is_id(id));
    if id.is_none() {
        let message = format!("no id can be made of `{name}`");
        let finding = top.report().finding(Severity::Error, &top.at("name"), message);
        top.report().add(finding.hint("let it have 2 to 64 letters, digits and `-`"));
    }
    id
}

/// How a server of this command is got. Version 1 does not say; whatever is no fetcher is taken for a program that has
/// to be there.
fn install_of(stdio: &Stdio) -> Install {
    let args: Vec<&str> = stdio.args.iter().map(String::as_str).collect();
    let method = match Program::of(&stdio.command) {
        Program::Npx => Method::Npx,
        Program::Uvx => Method::Uvx,
        Program::Docker => Method::Docker,
        _ => return Install::by(Method::Binary),
    };
    let fetch = fetch(&stdio.command, &args).filter(|fetch| fetch.runs);
    let Some(fetch) = fetch else {
        // `npm start` and `uv run` run what is there.
        return Install::by(if method == Method::Docker { method } else { Method::Binary });
    };
    let is_name = |subject: &&str| !subject.trim().is_empty() && !subject.contains("${");
    let mut subjects = fetch.subjects.iter().map(|(_, subject)| *subject);
    let subject = subjects.find(is_name).map(str::to_owned);
    let mut install = Install::by(method);
    match method {
        Method::Docker => install.image = subject,
        _ => install.package = subject,
    }
    install
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_is_installed() {
        let check = |line: &str, method: Method, subject: Option<&str>| {
            let mut words = line.split(' ').map(str::to_owned);
            let stdio = Stdio {
                command: words.next().expect("a command"),
                args: words.collect(),
                env: indexmap::IndexMap::new(),
                framing: None,
                auth: None,
            };
            let install = install_of(&stdio);
            assert_eq!(install.method, method, "{line}");
            let found = install.package.or(install.image);
            assert_eq!(found.as_deref(), subject, "{line}");
        };
        check("npx -y @doist/todoist-ai", Method::Npx, Some("@doist/todoist-ai"));
        check("npx.cmd -y some-server --port 1", Method::Npx, Some("some-server"));
        check("uvx --python 3.12 mcp-server-git", Method::Uvx, Some("mcp-server-git"));
        check("docker run -i --rm -e TOKEN ghcr.io/a/b:1", Method::Docker, Some("ghcr.io/a/b:1"));
        check("docker compose up", Method::Docker, None);
        check("npm run start", Method::Binary, None);
        check("npx -p some-server start", Method::Npx, Some("some-server"));
        check("uvx --from mcp-server-git start", Method::Uvx, Some("mcp-server-git"));
        check("npx -y ${PACKAGE}", Method::Npx, None);
        check("/opt/server --stdio", Method::Binary, None);
    }
}
