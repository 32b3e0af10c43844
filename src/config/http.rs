//! Serving over HTTP: who may come in, and for how long.

use std::time::Duration;

use super::authority::{Authority, Origin};
use super::reader::Reader;

/// `http`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Http {
    /// Origins of pages that may call, beside pages of the bridge itself.
    pub allowed_origins: Vec<Origin>,
    /// Hosts by which the bridge may be called, beside loopback names and its own address.
    pub allowed_hosts: Vec<Authority>,
    /// A session that is not used for so long ends.
    pub session_idle_timeout: Duration,
    /// Sessions at a time at most.
    pub max_sessions: usize,
}

impl Default for Http {
    fn default() -> Self {
        Self {
            allowed_origins: Vec::new(),
            allowed_hosts: Vec::new(),
            session_idle_timeout: Duration::from_mins(30),
            max_sessions: 4096,
        }
    }
}

impl Http {
    pub(super) fn read(reader: Option<Reader<'_>>) -> Self {
        let default = Self::default();
        let Some(mut reader) = reader else {
            return default;
        };
        let expected = "an origin such as `https://app.example.com`, without a path";
        let allowed_origins = list(&mut reader, "allowedOrigins", Origin::parse, expected);
        let expected = "a host such as `bridge.example.com`, with or without a port";
        let allowed_hosts = list(&mut reader, "allowedHosts", Authority::parse, expected);
        let idle = reader.duration_ms("sessionIdleTimeoutMs", 1);
        let section = Self {
            allowed_origins,
            allowed_hosts,
            session_idle_timeout: idle.unwrap_or(default.session_idle_timeout),
            max_sessions: reader.count("maxSessions", 1).unwrap_or(default.max_sessions),
        };
        reader.finish();
        section
    }
}

fn list<T>(
    reader: &mut Reader<'_>,
    key: &'static str,
    parse: impl Fn(&str) -> Option<T>,
    expected: &str,
) -> Vec<T> {
    let mut read = Vec::new();
    for (index, text) in reader.strings(key).unwrap_or_default().iter().enumerate() {
        if let Some(value) = parse(text) {
            read.push(value);
        } else {
            let pointer = format!("{}/{index}", reader.at(key));
            reader.report().error(&pointer, format!("`{text}` is not {expected}"));
        }
    }
    read
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::finding::{Lines, Report};

    fn check(json: &str, findings: &[&str]) -> Http {
        let object = serde_json::from_str(json).expect("an object");
        let report = Report::top();
        let section = Http::read(Some(Reader::new(&object, "/http", &report)));
        let told = report.into_findings(&Lines::default());
        let told: Vec<String> = told.iter().map(ToString::to_string).collect();
        assert_eq!(told, findings, "{json}");
        section
    }

    #[test]
    fn reads_who_may_come_in() {
        assert_eq!(check("{}", &[]), Http::default());
        let section = check(
            r#"{"allowedOrigins": ["https://a.example:8443"], "allowedHosts": ["b.example"],
                "sessionIdleTimeoutMs": 1000, "maxSessions": 2}"#,
            &[],
        );
        assert_eq!(section.allowed_origins[0].port(), 8443);
        assert_eq!(section.allowed_hosts[0].host.to_string(), "b.example");
        assert_eq!(section.session_idle_timeout, Duration::from_secs(1));
        assert_eq!(section.max_sessions, 2);
    }

    #[test]
    fn reports_what_is_no_origin_and_no_host() {
        check(
            r#"{"allowedOrigins": ["*", "https://a.example/"], "allowedHosts": ["http://b"], "allowedOrigin": []}"#,
            &[
                "`/http/allowedOrigins/0`: `*` is not an origin such as `https://app.example.com`, without a path",
                "`/http/allowedOrigins/1`: `https://a.example/` is not an origin such as `https://app.example.com`, without a path",
                "`/http/allowedHosts/0`: `http://b` is not a host such as `bridge.example.com`, with or without a port",
                "`/http/allowedOrigin`: unknown key `allowedOrigin`; did you mean `allowedOrigins`?",
            ],
        );
    }
}
