//! One server entry.

use std::path::Path;

use url::Url;

use super::auth::Auth;
use super::protection::Protection;
use super::rate_limit::RateLimit;
use super::reader::Reader;
use super::retry::Retry;
use super::tool_filter::ToolFilter;
use super::transport::Transport;
use crate::base::secret::Secret;

pub(super) const TRUST: [(&str, Trust); 3] =
    [("trusted", Trust::Trusted), ("untrusted", Trust::Untrusted), ("sanitize", Trust::Sanitize)];

/// What other programs write into entries and the bridge has no use for.
const FOREIGN: [&str; 11] = [
    "autoApprove",
    "alwaysAllow",
    "autoStart",
    "dev",
    "envFile",
    "gallery",
    "icon",
    "name",
    "note",
    "timeout",
    "version",
];

/// Lists by which other programs restrict tools. Whoever wrote one wants the restriction.
const FOREIGN_FILTERS: [&str; 5] =
    ["disabledTools", "enabledTools", "excludeTools", "includeTools", "tools"];

/// A server as its entry describes it.
#[derive(Debug, Clone, PartialEq)]
pub struct Server {
    /// What it is good for, in words for agents.
    pub description: Option<String>,
    /// How it is reached.
    pub transport: Transport,
    /// What its answers may do to whoever reads them.
    pub trust: Trust,
    /// What protects against them beyond that.
    pub protection: Protection,
    /// Which of its tools are there.
    pub tool_filter: ToolFilter,
    /// Characters of a result, where it differs from the limit of all.
    pub max_result_chars: Option<usize>,
    /// Further tries, where they differ from those of all.
    pub retry: Option<Retry>,
    /// How many calls it may get.
    pub rate_limit: RateLimit,
    /// Values that were filled in for variables or that log in, each once; they must be kept out of
    /// logs and answers.
    pub secrets: Vec<Secret>,
}

/// What is done to the answers of a server.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Trust {
    /// Nothing.
    #[default]
    Trusted,
    /// They are marked as what they are.
    Untrusted,
    /// They are cleaned.
    Sanitize,
}

/// What an entry is read against.
pub(super) struct Scene<'a> {
    /// The folder of the configuration.
    pub(super) folder: &'a Path,
    pub(super) user_home: Option<&'a Path>,
    /// The tries of all servers.
    pub(super) retry: &'a Retry,
    /// The protection of all servers.
    pub(super) protection: Protection,
}

impl Server {
    /// Reads an entry whose variables are filled in; `secrets` are their values. Faults are in the
    /// report.
    pub(super) fn read(
        mut reader: Reader<'_>,
        scene: &Scene<'_>,
        secrets: Vec<Secret>,
    ) -> Option<Self> {
        let transport = Transport::read(&mut reader, scene);
        let description = reader.string("description").filter(|text| !text.trim().is_empty());
        let trust = reader.choice("trust", &TRUST).unwrap_or_default();
        let protection = Protection::read(&mut reader, scene.protection);
        let tool_filter = ToolFilter::read(reader.object("toolFilter"));
        let max_result_chars = reader.count("maxResultChars", 1);
        let retry = reader.object("retry").map(|section| Retry::read(section, scene.retry));
        let rate_limit = RateLimit::read(reader.object("rateLimit"));
        // The list of all servers has looked at these two.
        reader.skip(&["disabled", "enabled"]);
        reader.foreign(&FOREIGN, None);
        reader.foreign(&FOREIGN_FILTERS, Some("use `toolFilter`"));
        reader.finish();
        let mut server = Self {
            description,
            transport: transport?,
            trust,
            protection,
            tool_filter,
            max_result_chars,
            retry,
            rate_limit,
            secrets,
        };
        server.add_login_secrets();
        Some(server)
    }

    /// What logs in is secret even where it stands in the file as it is.
    fn add_login_secrets(&mut self) {
        let found: Vec<Secret> = match &self.transport {
            Transport::Stdio(stdio) => {
                let login = stdio.login.as_ref().and_then(|login| login.oauth2.secret());
                let variables = stdio
                    .env
                    .iter()
                    .filter(|(name, value)| is_telling(name) || is_random(value.expose()));
                login.into_iter().chain(variables.map(|(_, value)| value)).cloned().collect()
            }
            Transport::Sse(remote) | Transport::StreamableHttp(remote) => {
                let auth = remote.auth.as_ref().map(Auth::secrets).unwrap_or_default();
                let headers = remote
                    .headers
                    .iter()
                    .filter(|(name, value)| is_telling(name) || is_random(value.expose()));
                let login = auth.into_iter().chain(headers.map(|(_, value)| value)).cloned();
                login.chain(in_url(remote.url.expose())).collect()
            }
        };
        for secret in found {
            if !secret.expose().is_empty() && !self.secrets.contains(&secret) {
                self.secrets.push(secret);
            }
        }
    }
}

/// The parts of a URL that services put keys into: the password, and what is named or reads like a key in the query and
/// the path; as it is written, and decoded.
pub(crate) fn in_url(url: &str) -> Vec<Secret> {
    let Ok(parsed) = Url::parse(url) else { return Vec::new() };
    let mut found: Vec<String> = Vec::new();
    found.extend(parsed.password().map(str::to_owned));
    let is_key = |name: &str, value: &str| is_telling(name) || is_random(value);
    let pairs = parsed.query_pairs().filter(|(name, value)| is_key(name, value));
    found.extend(pairs.map(|(_, value)| value.into_owned()));
    let written = parsed.query().into_iter().flat_map(|query| query.split('&'));
    let written = written.filter_map(|pair| pair.split_once('='));
    found.extend(written.filter(|(name, value)| is_key(name, value)).map(|(_, v)| v.to_owned()));
    let parts = parsed.path_segments().into_iter().flatten();
    found.extend(parts.filter(|part| is_random(part)).map(str::to_owned));
    found.into_iter().map(Secret::from).collect()
}

/// Whether a value reads like a token rather than like a setting: long, without blanks or slashes, of letters and
/// digits.
pub(crate) fn is_random(value: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-.+=".contains(c);
    value.len() >= 16
        && value.chars().all(plain)
        && value.contains(|c: char| c.is_ascii_digit())
        && value.contains(|c: char| c.is_ascii_alphabetic())
}

/// Whether a variable of this name usually holds something that logs in.
pub(crate) fn is_telling(name: &str) -> bool {
    const WORDS: [&str; 8] =
        ["KEY", "TOKEN", "SECRET", "PASS", "PWD", "CREDENTIAL", "AUTH", "COOKIE"];
    let name = name.to_ascii_uppercase();
    // A personal access token, a password and a signature may be words of their own; parts of words are none.
    let mut words = name.split(|letter: char| !letter.is_ascii_alphanumeric());
    WORDS.iter().any(|word| name.contains(word))
        || words.any(|word| matches!(word, "PAT" | "PW" | "PSK" | "SIG" | "SAS"))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::config::finding::{Lines, Report};
    use crate::config::{Framing, Stdio};

    fn check(json: &str, findings: &[&str]) -> Option<Server> {
        let object = serde_json::from_str(json).expect("an object");
        let report = Report::of_server("a");
        let retry = Retry { max_attempts: 3, ..Retry::default() };
        let scene = Scene {
            folder: Path::new("/etc"),
            user_home: None,
            retry: &retry,
            protection: Protection::default(),
        };
        let server = Server::read(Reader::new(&object, "", &report), &scene, Vec::new());
        let told = report.into_findings(&Lines::default());
        let told: Vec<String> = told.iter().map(ToString::to_string).collect();
        assert_eq!(told, findings, "{json}");
        server
    }

    fn transport(json: &str) -> &'static str {
        check(json, &[]).map_or("none", |server| server.transport.name())
    }

    #[test]
    fn names_of_other_programs_for_ours_are_told() {
        let wrong =
            |key: &str| format!("`/{key}`: `{key}` is what other programs call `url`; write `url`");
        for key in ["serverUrl", "httpUrl"] {
            for more in ["", r#", "type": "http""#, r#", "headers": {"A": "b"}"#] {
                check(&format!(r#"{{"{key}": "https://h/mcp"{more}}}"#), &[&wrong(key)]);
            }
            check(
                &format!(r#"{{"url": "https://h/mcp", "{key}": "https://h/mcp"}}"#),
                &[&format!(
                    "`/{key}`: `{key}` is a setting of other programs and has no effect here"
                )],
            );
        }
        check(
            r#"{"transport": {"type": "http", "url": "https://h/mcp"}}"#,
            &[
                "`/transport`: `transport` must be a string, not an object; put what it holds into the entry itself, and write `type` as `transport`",
            ],
        );
    }

    #[test]
    fn reads_an_entry_in_full() {
        let server = check(
            r#"{"command": "npx", "args": ["-y"], "env": {"A": "b"}, "framing": "lsp", "description": " ", "trust": "sanitize",
                "toolFilter": {"allow": ["x"], "deny": ["y"]}, "maxResultChars": 9, "retry": {"delayMs": 5},
                "rateLimit": {"maxCallsPerDay": 7}}"#,
            &[],
        );
        let expected = Server {
            description: None,
            transport: Transport::Stdio(Stdio {
                command: "npx".to_owned(),
                args: vec!["-y".into()],
                env: [("A".to_owned(), "b".into())].into_iter().collect(),
                cwd: None,
                framing: Framing::Lsp,
                login: None,
                own_folder: None,
            }),
            trust: Trust::Sanitize,
            protection: Protection::default(),
            tool_filter: ToolFilter {
                allow: Some(vec!["x".to_owned()]),
                deny: vec!["y".to_owned()],
            },
            max_result_chars: Some(9),
            retry: Some(Retry {
                max_attempts: 3,
                delay: Duration::from_millis(5),
                ..Retry::default()
            }),
            rate_limit: RateLimit { max_calls_per_day: Some(7), max_calls_per_month: None },
            secrets: Vec::new(),
        };
        assert_eq!(server, Some(expected));
    }

    #[test]
    fn finds_the_transport() {
        let check = |json, expected| assert_eq!(transport(json), expected, "{json}");
        check(r#"{"command": "x"}"#, "stdio");
        check(r#"{"url": "https://h/mcp"}"#, "streamable-http");
        check(r#"{"url": "https://h/sse"}"#, "sse");
        check(r#"{"url": "https://h/sse", "transport": "streamable-http"}"#, "streamable-http");
        check(r#"{"url": "https://h/mcp", "type": "sse"}"#, "sse");
        check(r#"{"url": "https://h/mcp", "type": "http"}"#, "streamable-http");
        check(r#"{"command": "x", "type": "stdio", "transport": null}"#, "stdio");
    }

    #[test]
    fn reports_what_does_not_fit_together() {
        check(
            r#"{"command": "x", "url": "https://h"}"#,
            &["has both `command` and `url`; keep one, or say which counts by `transport`"],
        );
        check(
            r#"{"transport": "stdio", "command": "npx -y x", "url": "https://h", "cwd": ""}"#,
            &[
                "`/url`: `url` has no effect on a stdio server",
                "`/command`: `command` holds blanks and is taken for the name of one program; put each argument into `args`",
                "`/cwd`: `cwd` is empty",
            ],
        );
        check(
            r#"{"url": "https://h", "args": [], "tools": ["*"]}"#,
            &[
                "`/args`: `args` has no effect on a server that is reached by URL",
                "`/tools`: `tools` is a setting of other programs and has no effect here; use `toolFilter`",
            ],
        );
        check(r#"{"transport": "sse"}"#, &["`url` is missing"]);
        check(
            r#"{"command": "x", "env": {"A=B": "c\u0000"}}"#,
            &[
                "`/env/A=B`: `A=B` is no name of a variable",
                "`/env/A=B`: variable `A=B` holds a NUL character",
            ],
        );
    }

    #[test]
    fn hands_tokens_to_children() {
        let server = check(
            r#"{"command": "x", "auth": {"type": "oauth2"}, "oauth2EnvBinding": "TOKEN",
                "oauth2CredentialsFile": {"format": "google-workspace"}}"#,
            &[],
        );
        let Some(Transport::Stdio(Stdio { login: Some(login), .. })) =
            server.map(|server| server.transport)
        else {
            panic!("a login");
        };
        assert_eq!(login.env_binding.as_deref(), Some("TOKEN"));
        assert!(login.credentials_file.is_some());
        check(
            r#"{"command": "x", "auth": {"type": "oauth2"}}"#,
            &[
                "`/auth`: the server never sees the token; name `oauth2EnvBinding` or `oauth2CredentialsFile`",
            ],
        );
        check(
            r#"{"command": "x", "oauth2EnvBinding": "T"}"#,
            &[
                "`/oauth2EnvBinding`: `oauth2EnvBinding` has no effect without `auth` of type `oauth2`",
            ],
        );
        check(
            r#"{"command": "x", "auth": {"type": "bearer", "token": "t"}}"#,
            &[
                "`/auth`: a stdio server can only have `auth` of type `oauth2`; this one has no effect",
            ],
        );
    }

    #[test]
    fn names_tell_what_logs_in() {
        let check = |name: &str, expected: bool| assert_eq!(is_telling(name), expected, "{name}");
        check("API_KEY", true);
        check("GITHUB_PAT", true);
        check("x-pat-2", true);
        check("pat", true);
        check("MEMORY_FILE_PATH", false);
        check("REGION", false);
    }

    #[test]
    fn remembers_what_logs_in() {
        let server =
            check(r#"{"url": "https://h", "auth": {"type": "bearer", "token": "t-123"}}"#, &[]);
        assert_eq!(server.map(|server| server.secrets), Some(vec![Secret::from("t-123")]));
        let server = check(
            r#"{"url": "https://u:pw12@h/mcp?key=a%2Fb1&v=2", "headers": {"X-Api-Key": "k-9", "Accept": "x"}}"#,
            &[],
        );
        let expected = ["k-9", "pw12", "a/b1", "a%2Fb1"].map(Secret::from);
        assert_eq!(server.map(|server| server.secrets), Some(expected.to_vec()));
    }
}
