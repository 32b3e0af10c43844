//! How many calls a server may get.

use serde_json::Value;

use super::edited::{Edited, Target};
use super::entries::{entries, named, one_member, one_named};
use super::error::Error;
use crate::base::json::{self, Place};
use crate::base::locate;
use crate::config::RateLimit;

const KEY: &str = "rateLimit";
const DAY: &str = "maxCallsPerDay";
const MONTH: &str = "maxCallsPerMonth";

/// What becomes of one limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Change {
    /// It stays as it is.
    #[default]
    Keep,
    /// There is none any more.
    Clear,
    /// It becomes this number of calls.
    To(u64),
}

/// The limits of one server as they stand in the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// The server, by the name that it runs under.
    pub server: String,
    /// Its limits.
    pub limit: RateLimit,
}

/// The limits after a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limited {
    /// The configuration.
    pub edited: Edited,
    /// The limits that the server has now.
    pub limits: Limits,
}

/// The limits of all servers, or of one, disabled ones and those without limits included.
pub fn rate_limits(target: &Target<'_>, server: Option<&str>) -> Result<Vec<Limits>, Error> {
    let text = target.config_text()?;
    let found = match server {
        Some(server) => named(&text, server, &target.source.config)?,
        None => entries(&text),
    };
    Ok(found
        .iter()
        .map(|entry| Limits { server: entry.name().into_owned(), limit: limit(entry.value) })
        .collect())
}

/// Sets or clears the limits of a server.
pub fn set_rate_limit(
    target: &Target<'_>,
    server: &str,
    day: Change,
    month: Change,
) -> Result<Limited, Error> {
    let (edited, limits) = target.edit_config(|text| {
        let mut text = text.to_owned();
        for (key, change) in [(DAY, day), (MONTH, month)] {
            text = one(target, &text, server, key, change)?;
        }
        let entry = one_named(&text, server, &target.source.config)?;
        let limits = Limits { server: entry.name().into_owned(), limit: limit(entry.value) };
        Ok((text, limits))
    })?;
    Ok(Limited { edited, limits })
}

/// The text with one limit changed.
fn one(
    target: &Target<'_>,
    text: &str,
    server: &str,
    key: &str,
    change: Change,
) -> Result<String, Error> {
    let file = &target.source.config;
    let entry = one_named(text, server, file)?;
    let not_an_object = |pointer: String| Error::NotAnObject { file: file.clone(), pointer };
    if !json::is_object(entry.value) {
        return Err(not_an_object(entry.pointer));
    }
    let section = one_member(text, entry.value, KEY, file)?;
    let Some((index, section)) = section else {
        return Ok(match change {
            Change::To(limit) => {
                let value = if json::is_tight(text) {
                    format!("{{\"{key}\":{limit}}}")
                } else {
                    format!("{{ \"{key}\": {limit} }}")
                };
                json::insert(text, entry.value, Place::Last, KEY, &value).expect(FOUND)
            }
            Change::Keep | Change::Clear => text.to_owned(),
        });
    };
    if !json::is_object(section) {
        return Err(not_an_object(locate::child(&entry.pointer, KEY)));
    }
    let present = one_member(text, section, key, file)?;
    let new = match (change, present) {
        (Change::Keep, _) | (Change::Clear, None) => Some(text.to_owned()),
        (Change::To(limit), Some((_, old))) => json::replace(text, old, &limit.to_string()),
        (Change::To(limit), None) => {
            json::insert(text, section, Place::Last, key, &limit.to_string())
        }
        // A section that says nothing any more goes as well.
        (Change::Clear, Some(_)) if json::members(section).count() == 1 => {
            json::remove(text, entry.value, index)
        }
        (Change::Clear, Some((at, _))) => json::remove(text, section, at),
    };
    Ok(new.expect(FOUND))
}

const FOUND: &str = "the object was found in this text";

fn limit(entry: &str) -> RateLimit {
    let entry: Value = serde_json::from_str(entry).unwrap_or_default();
    let read = |key| entry[KEY][key].as_u64();
    RateLimit { max_calls_per_day: read(DAY), max_calls_per_month: read(MONTH) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::edit::edited::scratch;

    const SET: (Change, Change) = (Change::To(5), Change::To(100));
    const CLEAR: (Change, Change) = (Change::Clear, Change::Clear);

    #[track_caller]
    fn check(before: &str, (day, month): (Change, Change), after: &str) {
        let (limited, config, _) =
            scratch::change(before, "", |target| set_rate_limit(target, "a", day, month));
        assert_eq!(config, after);
        let limited = limited.expect("set");
        assert_eq!(limited.edited.changed, before != after);
        assert_eq!(limited.limits.server, "a");
    }

    #[test]
    fn sets_limits_and_nothing_else() {
        check(
            "{\"servers\":{\"a\":{\"command\":\"x\"}}}",
            SET,
            "{\"servers\":{\"a\":{\"command\":\"x\",\"rateLimit\":{\"maxCallsPerDay\":5,\"maxCallsPerMonth\":100}}}}",
        );
        check(
            "{\r\n\t\"servers\": {\r\n\t\t\"a\": {\r\n\t\t\t\"command\": \"x\"\r\n\t\t}\r\n\t}\r\n}\r\n",
            SET,
            "{\r\n\t\"servers\": {\r\n\t\t\"a\": {\r\n\t\t\t\"command\": \"x\",\r\n\t\t\t\"rateLimit\": { \"maxCallsPerDay\": 5, \"maxCallsPerMonth\": 100 }\r\n\t\t}\r\n\t}\r\n}\r\n",
        );
        check(
            "{\n  \"mcpServers\": {\n    \"A\": {\"command\": \"x\", \"rateLimit\": {\n      \"maxCallsPerMonth\": 7 }}\n  }\n}\n",
            (Change::To(u64::MAX), Change::Keep),
            "{\n  \"mcpServers\": {\n    \"A\": {\"command\": \"x\", \"rateLimit\": {\n      \"maxCallsPerMonth\": 7,\n      \"maxCallsPerDay\": 18446744073709551615 }}\n  }\n}\n",
        );
        // A disabled or faulty server has limits, too.
        check(
            "{\"servers\": {\"a\": {\"disabled\": true}}}",
            (Change::To(0), Change::Keep),
            "{\"servers\": {\"a\": {\"disabled\": true, \"rateLimit\": { \"maxCallsPerDay\": 0 }}}}",
        );
        check(
            "{\"servers\": {\"a\": {}}}",
            (Change::Keep, Change::To(1)),
            "{\"servers\": {\"a\": {\"rateLimit\": { \"maxCallsPerMonth\": 1 }}}}",
        );
    }

    #[test]
    fn clears_limits() {
        let all = "{\"servers\": {\"a\": {\"command\": \"x\", \"rateLimit\": { \"maxCallsPerDay\": 5, \"maxCallsPerMonth\": 7 }}}}";
        let none = "{\"servers\": {\"a\": {\"command\": \"x\"}}}";
        check(all, CLEAR, none);
        check(none, CLEAR, none);
        check(all, (Change::Keep, Change::Keep), all);
        check(
            all,
            (Change::Clear, Change::Keep),
            "{\"servers\": {\"a\": {\"command\": \"x\", \"rateLimit\": { \"maxCallsPerMonth\": 7 }}}}",
        );
    }

    #[test]
    fn refuses_what_is_not_clear() {
        for entry in [
            "\"a\": 7",
            "\"a\": {\"rateLimit\": null}",
            "\"a\": {}, \"a\": {}",
            "\"a\": {\"rateLimit\": {}, \"rateLimit\": {}}",
            "\"a\": {\"rateLimit\": {\"maxCallsPerDay\": 1, \"maxCallsPerDay\": 2}}",
            "\"b\": {}",
        ] {
            let config = format!("{{\"servers\": {{{entry}}}}}");
            let (limited, after, _) = scratch::change(&config, "", |target| {
                set_rate_limit(target, "a", Change::To(1), Change::Keep)
            });
            let fault = limited.expect_err("it is not clear");
            assert!(
                matches!(
                    fault,
                    Error::NotAnObject { .. }
                        | Error::Repeated { .. }
                        | Error::UnknownServer { .. }
                ),
                "{fault}"
            );
            assert_eq!(after, config);
        }
    }

    #[test]
    fn shows_limits() {
        let config = r#"{"servers": {"Big One": {"rateLimit": {"maxCallsPerDay": 3}}, "off": {"disabled": true}}}"#;
        let (all, ..) = scratch::change(config, "", |target| rate_limits(target, None));
        let all = all.expect("read");
        assert_eq!(all[0].server, "big-one");
        assert_eq!(
            all[0].limit,
            RateLimit { max_calls_per_day: Some(3), max_calls_per_month: None }
        );
        assert_eq!((all[1].server.as_str(), &all[1].limit), ("off", &RateLimit::default()));
        let (none, ..) = scratch::change(config, "", |target| rate_limits(target, Some("no")));
        none.expect_err("unknown");
    }
}
