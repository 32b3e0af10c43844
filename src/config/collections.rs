//! Lists and maps of the configuration, of which every faulty item is reported.

use std::time::Duration;

use indexmap::IndexMap;
use serde_json::Value;

use super::finding::Severity;
use super::reader::{LONGEST_MS, Reader, shown};
use crate::base::locate;

impl Reader<'_> {
    /// Times in milliseconds by keys that are the user's own.
    pub(crate) fn duration_map_ms(
        &mut self,
        key: &'static str,
    ) -> Option<IndexMap<String, Duration>> {
        let place = self.at(key);
        let map = self.map(key)?;
        let mut times = IndexMap::with_capacity(map.len());
        for (name, item) in map {
            if let Some(time) = item.as_u64().filter(|time| *time <= LONGEST_MS) {
                times.insert(name.clone(), Duration::from_millis(time));
            } else {
                let wanted = format!("a whole number from 0 to {LONGEST_MS}");
                let message = format!("`{name}` in `{key}` must be {wanted}, not {}", shown(item));
                self.report.error(&locate::child(&place, name), message);
            }
        }
        Some(times)
    }

    /// A list of choices, each at most once.
    pub(crate) fn choices<T: Copy + PartialEq>(
        &mut self,
        key: &'static str,
        choices: &[(&str, T)],
    ) -> Option<Vec<T>> {
        let texts = self.strings(key)?;
        let mut picked = Vec::new();
        for (index, text) in texts.iter().enumerate() {
            let place = locate::child(&self.at(key), &index.to_string());
            let choice = self.pick(key, &place, text, choices)?;
            if !picked.contains(&choice) {
                picked.push(choice);
            }
        }
        Some(picked)
    }

    pub(crate) fn strings(&mut self, key: &'static str) -> Option<Vec<String>> {
        let value = self.value(key)?;
        let Some(items) = value.as_array() else {
            self.mistyped(key, "a list of strings", value);
            return None;
        };
        let mut strings = Vec::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            if let Some(text) = item.as_str() {
                strings.push(text.to_owned());
            } else {
                let place = locate::child(&self.at(key), &index.to_string());
                self.not_a_string(&place, &format!("item {index} of `{key}`"), item);
            }
        }
        (strings.len() == items.len()).then_some(strings)
    }

    pub(crate) fn string_map(&mut self, key: &'static str) -> Option<IndexMap<String, String>> {
        let place = self.at(key);
        let map = self.map(key)?;
        let mut strings = IndexMap::with_capacity(map.len());
        for (name, item) in map {
            if let Some(text) = item.as_str() {
                strings.insert(name.clone(), text.to_owned());
            } else {
                self.not_a_string(
                    &locate::child(&place, name),
                    &format!("`{name}` in `{key}`"),
                    item,
                );
            }
        }
        (strings.len() == map.len()).then_some(strings)
    }

    fn not_a_string(&self, pointer: &str, what: &str, value: &Value) {
        let message = format!("{what} must be a string, not {}", shown(value));
        let mut finding = self.report.finding(Severity::Error, pointer, message);
        if value.is_number() || value.is_boolean() {
            finding = finding.hint("put it in double quotes");
        }
        self.report.add(finding);
    }
}
