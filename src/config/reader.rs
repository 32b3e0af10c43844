//! Reads the values of one JSON object by key, and collects what is wrong with them.
//!
//! A method that finds a fault reports it and answers `None`, as it does for an absent value or
//! `null`; the caller falls back to the default and reads on, so that one pass finds everything.
//! [`Reader::finish`] reports the keys nobody asked for.

use std::ops::RangeInclusive;
use std::time::Duration;

use serde_json::{Map, Value};

use super::finding::{Report, Severity};
use crate::base::{locate, text};

/// The longest time that a key may give: what fits a signed 32-bit count of milliseconds, nearly 25
/// days.
pub(crate) const LONGEST_MS: u64 = 2_147_483_647;

/// The longest time of a key that no timer waits for: a hundred years.
pub(crate) const LONGEST_LONG_MS: u64 = 3_155_760_000_000;

/// One object of the configuration.
pub(crate) struct Reader<'a> {
    object: &'a Map<String, Value>,
    pointer: String,
    pub(crate) report: &'a Report,
    known: Vec<&'static str>,
    ignored: Vec<&'static str>,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(object: &'a Map<String, Value>, pointer: &str, report: &'a Report) -> Self {
        Self { object, pointer: pointer.to_owned(), report, known: Vec::new(), ignored: Vec::new() }
    }

    pub(crate) fn report(&self) -> &'a Report {
        self.report
    }

    /// Pointer of the object itself.
    pub(crate) fn pointer(&self) -> &str {
        &self.pointer
    }

    /// Pointer of one of its members.
    pub(crate) fn at(&self, key: &str) -> String {
        locate::child(&self.pointer, key)
    }

    /// Whether the key stands there with a value other than `null`.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.object.get(key).is_some_and(|value| !value.is_null())
    }

    /// Whether the key holds an object.
    pub(crate) fn is_object(&self, key: &str) -> bool {
        self.object.get(key).is_some_and(Value::is_object)
    }

    /// The text of a key that will be read later on, if it is one.
    pub(crate) fn glance(&self, key: &str) -> Option<&'a str> {
        self.object.get(key).and_then(Value::as_str)
    }

    /// The place of the key among the others; those that are not there come last.
    pub(crate) fn index(&self, key: &str) -> usize {
        self.object.keys().position(|known| known == key).unwrap_or(usize::MAX)
    }

    pub(crate) fn value(&mut self, key: &'static str) -> Option<&'a Value> {
        self.known.push(key);
        self.object.get(key).filter(|value| !value.is_null())
    }

    pub(crate) fn text(&mut self, key: &'static str) -> Option<&'a str> {
        let value = self.value(key)?;
        let text = value.as_str();
        if text.is_none() {
            self.mistyped(key, "a string", value);
        }
        text
    }

    pub(crate) fn string(&mut self, key: &'static str) -> Option<String> {
        self.text(key).map(str::to_owned)
    }

    /// A string that must say something.
    pub(crate) fn filled_string(&mut self, key: &'static str) -> Option<String> {
        let text = self.text(key)?;
        if text.trim().is_empty() {
            self.report.error(&self.at(key), format!("`{key}` is empty"));
            return None;
        }
        Some(text.to_owned())
    }

    pub(crate) fn bool(&mut self, key: &'static str) -> Option<bool> {
        let value = self.value(key)?;
        let answer = value.as_bool();
        if answer.is_none() {
            self.mistyped(key, "`true` or `false`", value);
        }
        answer
    }

    pub(crate) fn whole(&mut self, key: &'static str, range: RangeInclusive<u64>) -> Option<u64> {
        let value = self.value(key)?;
        let number = value.as_u64().filter(|number| range.contains(number));
        if number.is_none() {
            let wanted = match (range.start(), range.end()) {
                (0, &u64::MAX) => "a whole number from 0".to_owned(),
                (from, &u64::MAX) => format!("a whole number from {from}"),
                (from, to) => format!("a whole number from {from} to {to}"),
            };
            self.mistyped(key, &wanted, value);
        }
        number
    }

    pub(crate) fn count(&mut self, key: &'static str, from: u64) -> Option<usize> {
        let number = self.whole(key, from..=u64::MAX)?;
        Some(usize::try_from(number).unwrap_or(usize::MAX))
    }

    pub(crate) fn number(&mut self, key: &'static str, range: RangeInclusive<f64>) -> Option<f64> {
        let value = self.value(key)?;
        let number = value.as_f64().filter(|number| range.contains(number));
        if number.is_none() {
            let wanted = format!("a number from {} to {}", range.start(), range.end());
            self.mistyped(key, &wanted, value);
        }
        number
    }

    /// A time in milliseconds, from `from` to [`LONGEST_MS`].
    pub(crate) fn duration_ms(&mut self, key: &'static str, from: u64) -> Option<Duration> {
        self.whole(key, from..=LONGEST_MS).map(Duration::from_millis)
    }

    /// A time in milliseconds that may be longer than any timer: up to a hundred years.
    pub(crate) fn long_duration_ms(&mut self, key: &'static str) -> Option<Duration> {
        self.whole(key, 1..=LONGEST_LONG_MS).map(Duration::from_millis)
    }

    pub(crate) fn choice<T: Copy>(
        &mut self,
        key: &'static str,
        choices: &[(&str, T)],
    ) -> Option<T> {
        let text = self.text(key)?;
        self.pick(key, &self.at(key), text, choices)
    }

    /// An object whose keys are the user's own.
    pub(crate) fn map(&mut self, key: &'static str) -> Option<&'a Map<String, Value>> {
        let value = self.value(key)?;
        let map = value.as_object();
        if map.is_none() {
            self.mistyped(key, "an object", value);
        }
        map
    }

    /// An object whose keys are known.
    pub(crate) fn object(&mut self, key: &'static str) -> Option<Reader<'a>> {
        let map = self.map(key)?;
        Some(Reader::new(map, &self.at(key), self.report))
    }

    /// A string that has to be there and say something.
    pub(crate) fn required_string(&mut self, key: &'static str) -> Option<String> {
        if !self.has(key) {
            self.known.push(key);
            self.report.error(&self.pointer, format!("`{key}` is missing"));
            return None;
        }
        self.filled_string(key)
    }

    /// Takes keys for known without reading them.
    pub(crate) fn skip(&mut self, keys: &[&'static str]) {
        self.known.extend_from_slice(keys);
    }

    /// Known keys that mean nothing beside what else stands here: each gets a warning that says
    /// `why`.
    pub(crate) fn useless(&mut self, keys: &[&'static str], why: &str) {
        self.skip(keys);
        for key in keys.iter().filter(|key| self.has(key)) {
            self.report.warning(&self.at(key), format!("`{key}` {why}"));
        }
    }

    /// Keys that other programs know and that mean nothing here: each gets a warning, however near
    /// it is to one of ours.
    pub(crate) fn foreign(&mut self, keys: &[&'static str], hint: Option<&str>) {
        for key in keys {
            self.ignored.push(key);
            if self.object.contains_key(*key) {
                let message =
                    format!("`{key}` is a setting of other programs and has no effect here");
                let mut finding = self.report.finding(Severity::Warning, &self.at(key), message);
                finding.hint = hint.map(str::to_owned);
                self.report.add(finding);
            }
        }
    }

    /// A key by which other programs mean one of ours: whether it stands here in its place, which is told. Beside ours
    /// it only has no effect.
    pub(crate) fn is_renamed(&mut self, foreign: &'static str, ours: &'static str) -> bool {
        if !self.has(foreign) || self.has(ours) {
            self.foreign(&[foreign], None);
            return false;
        }
        self.ignored.push(foreign);
        let message = format!("`{foreign}` is what other programs call `{ours}`");
        let finding = self.report.finding(Severity::Error, &self.at(foreign), message);
        self.report.add(finding.hint(format!("write `{ours}`")));
        true
    }

    /// Reports the keys that were never read. In a server entry one that looks like a slip is an
    /// error, since a misspelt restriction would otherwise be no restriction.
    pub(crate) fn finish(self) {
        #[cfg(test)]
        KNOWN.with_borrow_mut(|known| known.push((self.pointer.clone(), self.known.clone())));
        for key in self.object.keys() {
            if self.known.contains(&key.as_str()) || self.ignored.contains(&key.as_str()) {
                continue;
            }
            let meant = text::nearest(key, self.known.iter().copied());
            let severity = match meant {
                Some(_) if self.report.is_of_server() => Severity::Error,
                _ => Severity::Warning,
            };
            let message = format!("unknown key `{key}`");
            let mut finding = self.report.finding(severity, &self.at(key), message);
            finding.hint = meant.map(|meant| format!("did you mean `{meant}`?"));
            self.report.add(finding);
        }
    }

    pub(crate) fn pick<T: Copy>(
        &self,
        key: &str,
        pointer: &str,
        text: &str,
        choices: &[(&str, T)],
    ) -> Option<T> {
        if let Some((_, choice)) = choices.iter().find(|(name, _)| *name == text) {
            return Some(*choice);
        }
        let names: Vec<String> = choices.iter().map(|(name, _)| format!("`{name}`")).collect();
        let mut message = format!("`{key}` must be one of {}", names.join(", "));
        let mut meant = None;
        if self.report.may_show(pointer) {
            message = format!("{message}, not `{text}`");
            meant = text::nearest(text, choices.iter().map(|(name, _)| *name));
        }
        let mut finding = self.report.finding(Severity::Error, pointer, message);
        finding.hint = meant.map(|meant| format!("did you mean `{meant}`?"));
        self.report.add(finding);
        None
    }

    pub(crate) fn mistyped(&self, key: &str, wanted: &str, value: &Value) {
        let message = format!("`{key}` must be {wanted}, not {}", shown(value));
        self.report.error(&self.at(key), message);
    }
}

/// A value as messages show it. Strings may be secrets and are only named; a variable can only fill
/// strings.
pub(crate) fn shown(value: &Value) -> String {
    match value {
        Value::Null => "`null`".to_owned(),
        Value::Bool(_) | Value::Number(_) => format!("`{value}`"),
        Value::String(_) => "a string".to_owned(),
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "an object".to_owned(),
    }
}

#[cfg(test)]
thread_local! {
    static KNOWN: std::cell::RefCell<Vec<(String, Vec<&'static str>)>> = const { std::cell::RefCell::new(Vec::new()) };
}

/// What the readers of this test have asked for up to now, with the places of their objects.
#[cfg(test)]
pub(crate) fn known_keys() -> Vec<(String, Vec<&'static str>)> {
    KNOWN.take()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::finding::Lines;

    /// Runs `read` over an object and compares the findings.
    fn check<T>(json: &str, read: impl FnOnce(&mut Reader<'_>) -> T, expected: &[&str]) -> T {
        let object: Map<String, Value> = serde_json::from_str(json).expect("an object");
        let report = Report::top();
        let mut reader = Reader::new(&object, "/s", &report);
        let answer = read(&mut reader);
        reader.finish();
        let findings = report.into_findings(&Lines::default());
        let told: Vec<String> = findings.iter().map(ToString::to_string).collect();
        assert_eq!(told, expected, "{json}");
        answer
    }

    #[test]
    fn reads_numbers_and_times() {
        let read =
            |json, expected: &[&str]| check(json, |reader| reader.duration_ms("ms", 1), expected);
        assert_eq!(read(r#"{"ms": 5}"#, &[]), Some(Duration::from_millis(5)));
        assert_eq!(read("{}", &[]), None);
        assert_eq!(read(r#"{"ms": null}"#, &[]), None);
        read(
            r#"{"ms": 0}"#,
            &["`/s/ms`: `ms` must be a whole number from 1 to 2147483647, not `0`"],
        );
        read(
            r#"{"ms": 1.5}"#,
            &["`/s/ms`: `ms` must be a whole number from 1 to 2147483647, not `1.5`"],
        );
        read(
            r#"{"ms": "5"}"#,
            &["`/s/ms`: `ms` must be a whole number from 1 to 2147483647, not a string"],
        );
        let score = |reader: &mut Reader<'_>| reader.number("score", 0.0..=1.0);
        assert_eq!(check(r#"{"score": 1}"#, score, &[]), Some(1.0));
        check(
            r#"{"score": 2}"#,
            score,
            &["`/s/score`: `score` must be a number from 0 to 1, not `2`"],
        );
    }

    #[test]
    fn reads_choices() {
        const MODES: [(&str, u8); 2] = [("router", 1), ("direct", 2)];
        let read =
            |json, expected: &[&str]| check(json, |reader| reader.choice("mode", &MODES), expected);
        assert_eq!(read(r#"{"mode": "direct"}"#, &[]), Some(2));
        read(
            r#"{"mode": "Direct"}"#,
            &[
                "`/s/mode`: `mode` must be one of `router`, `direct`, not `Direct`; did you mean `direct`?",
            ],
        );
        let list = |reader: &mut Reader<'_>| reader.choices("mode", &MODES);
        assert_eq!(
            check(r#"{"mode": ["direct", "router", "direct"]}"#, list, &[]),
            Some(vec![2, 1])
        );
        check(
            r#"{"mode": ["direct", "x"]}"#,
            list,
            &["`/s/mode/1`: `mode` must be one of `router`, `direct`, not `x`"],
        );
    }

    #[test]
    fn reads_lists_and_maps_of_strings() {
        let list = |reader: &mut Reader<'_>| reader.strings("args");
        assert_eq!(check(r#"{"args": []}"#, list, &[]), Some(vec![]));
        check(
            r#"{"args": ["a", 1, null]}"#,
            list,
            &[
                "`/s/args/1`: item 1 of `args` must be a string, not `1`; put it in double quotes",
                "`/s/args/2`: item 2 of `args` must be a string, not `null`",
            ],
        );
        check(
            r#"{"env": {"A": "x", "B/C": true}}"#,
            |reader| reader.string_map("env"),
            &[
                "`/s/env/B~1C`: `B/C` in `env` must be a string, not `true`; put it in double quotes",
            ],
        );
    }

    #[test]
    fn reports_unknown_keys() {
        let read = |reader: &mut Reader<'_>| {
            reader.foreign(&["maxEntriez"], None);
            reader.count("maxEntries", 1)
        };
        check(
            r#"{"maxEntrys": 1, "colour": 2, "maxEntriez": 3}"#,
            read,
            &[
                "`/s/maxEntriez`: `maxEntriez` is a setting of other programs and has no effect here",
                "`/s/maxEntrys`: unknown key `maxEntrys`; did you mean `maxEntries`?",
                "`/s/colour`: unknown key `colour`",
            ],
        );
    }
}
