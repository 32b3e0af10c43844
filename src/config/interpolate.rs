//! Fills `${NAME}` into the strings of one server entry.
//!
//! This happens inside parsed strings, never over the text of the file, so a value cannot bring
//! JSON of its own; and in a single pass, so a value that holds `${…}` stays as it is.

use std::collections::HashSet;
use std::path::Path;

use serde_json::Value;

use super::finding::{Report, Severity};
use super::variables::Variables;
use crate::base::locate;
use crate::base::secret::Secret;

/// The name that stands for the server's own folder of files.
pub(crate) const CONFIG_DIR: &str = "CONFIG_DIR";

/// Fills one entry.
pub(super) struct Filler<'a> {
    variables: &'a Variables<'a>,
    config_dir: &'a Path,
    report: &'a Report,
    filled: HashSet<String>,
    lacking: HashSet<String>,
    secrets: Vec<Secret>,
    names_own_folder: bool,
}

/// What was filled in, without the entry itself.
pub(super) struct Filled {
    /// Pointers of the strings in which a variable stood.
    pub(super) pointers: HashSet<String>,
    /// Pointers of the strings that lack one, which is in the report.
    pub(super) lacking: HashSet<String>,
    /// The values that must be kept out of sight, each once.
    pub(super) secrets: Vec<Secret>,
    /// Whether the server's own folder stands in some string.
    pub(super) names_own_folder: bool,
}

/// A string taken apart.
#[derive(Debug, PartialEq, Eq)]
enum Part<'a> {
    Text(&'a str),
    Variable {
        name: &'a str,
        default: Option<&'a str>,
    },
    /// `${…}` around something that is no name.
    Other(&'a str),
    /// `${` without its end.
    Open(&'a str),
}

impl<'a> Filler<'a> {
    pub(super) fn new(
        variables: &'a Variables<'a>,
        config_dir: &'a Path,
        report: &'a Report,
    ) -> Self {
        Self {
            variables,
            config_dir,
            report,
            filled: HashSet::new(),
            lacking: HashSet::new(),
            secrets: Vec::new(),
            names_own_folder: false,
        }
    }

    /// Fills every string below `value`. Keys are left alone. The depth is bounded by that of the
    /// JSON parser.
    pub(super) fn fill(&mut self, value: &mut Value, pointer: &str) {
        match value {
            Value::String(text) if text.contains("${") => *text = self.text(text, pointer),
            Value::Array(items) => {
                for (index, item) in items.iter_mut().enumerate() {
                    self.fill(item, &locate::child(pointer, &index.to_string()));
                }
            }
            Value::Object(members) => {
                for (key, member) in members.iter_mut() {
                    self.fill(member, &locate::child(pointer, key));
                }
            }
            _ => {}
        }
    }

    pub(super) fn finish(self) -> Filled {
        Filled {
            pointers: self.filled,
            lacking: self.lacking,
            secrets: self.secrets,
            names_own_folder: self.names_own_folder,
        }
    }

    fn text(&mut self, text: &str, pointer: &str) -> String {
        let mut full = String::with_capacity(text.len());
        for part in parts(text) {
            match part {
                Part::Text(text) => full.push_str(text),
                Part::Variable { name, default } => {
                    full.push_str(&self.variable(name, default, pointer));
                }
                Part::Other(other) => {
                    self.other(other, pointer);
                    full.push_str(other);
                }
                Part::Open(rest) => {
                    let message = "`${` without `}` is left as it is";
                    self.report.warning(pointer, message);
                    full.push_str(rest);
                }
            }
        }
        full
    }

    fn variable(&mut self, name: &str, default: Option<&str>, pointer: &str) -> String {
        if name == CONFIG_DIR {
            self.names_own_folder = true;
            return self.config_dir.to_string_lossy().into_owned();
        }
        let value = self.variables.lookup(name);
        // As in a shell, `:-` counts an empty variable as missing.
        match (value, default) {
            (None | Some(""), Some(default)) => default.to_owned(),
            (Some(value), _) => {
                self.filled.insert(pointer.to_owned());
                let secret = Secret::from(value);
                if Variables::is_secret(name)
                    && !value.is_empty()
                    && !self.secrets.contains(&secret)
                {
                    self.secrets.push(secret);
                }
                value.to_owned()
            }
            (None, None) => {
                self.missing(name, pointer);
                String::new()
            }
        }
    }

    fn missing(&mut self, name: &str, pointer: &str) {
        self.lacking.insert(pointer.to_owned());
        let why = self.variables.why_missing(name);
        let message = format!("variable `{name}` {why}");
        let mut hint = format!("put `{name}=…` into `{}`", self.variables.remedy().display());
        if let Some(near) = self.variables.nearest(name) {
            hint = format!("did you mean `{near}`? Else {hint}");
        }
        self.report.add(self.report.finding(Severity::Error, pointer, message).hint(hint));
    }

    fn other(&self, other: &str, pointer: &str) {
        let input = other.strip_prefix("${input:").and_then(|rest| rest.strip_suffix('}'));
        let Some(input) = input else {
            self.report
                .warning(pointer, format!("`{other}` names no variable and is left as it is"));
            return;
        };
        let name = variable_name(input);
        let message =
            format!("`{other}` has an editor ask for a value, which the bridge cannot do");
        let hint = format!(
            "write `${{{name}}}` and put `{name}=…` into `{}`",
            self.variables.remedy().display()
        );
        self.report.add(self.report.finding(Severity::Error, pointer, message).hint(hint));
    }
}

/// Takes a string apart at its `${…}`. `${env:NAME}`, as some editors write it, is `${NAME}`.
fn parts(text: &str) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some(start) = rest.find("${") {
        if start > 0 {
            parts.push(Part::Text(&rest[..start]));
        }
        let Some(length) = rest[start..].find('}') else {
            parts.push(Part::Open(&rest[start..]));
            return parts;
        };
        let whole = &rest[start..=start + length];
        let inner = &whole[2..whole.len() - 1];
        let (name, default) = match inner.split_once(":-") {
            Some((name, default)) => (name, Some(default)),
            None => (inner, None),
        };
        let name = name.strip_prefix("env:").unwrap_or(name);
        // A variable inside a default would need a second pass over what was filled in.
        let fits = is_name(name) && !default.is_some_and(|default| default.contains("${"));
        parts.push(if fits { Part::Variable { name, default } } else { Part::Other(whole) });
        rest = &rest[start + length + 1..];
    }
    if !rest.is_empty() {
        parts.push(Part::Text(rest));
    }
    parts
}

/// The names of the variables that stand in strings below `value`, each as often as it does.
pub(crate) fn names(value: &Value) -> Vec<&str> {
    match value {
        Value::String(text) => parts(text)
            .into_iter()
            .filter_map(|part| match part {
                Part::Variable { name, .. } => Some(name),
                _ => None,
            })
            .collect(),
        Value::Array(items) => items.iter().flat_map(names).collect(),
        Value::Object(members) => members.values().flat_map(names).collect(),
        _ => Vec::new(),
    }
}

/// The names of the variables that stand in a string and have no default.
pub(crate) fn needed(text: &str) -> Vec<&str> {
    let needed = |part| match part {
        Part::Variable { name, default: None } => Some(name),
        _ => None,
    };
    parts(text).into_iter().filter_map(needed).collect()
}

/// The string with its variables under other names, where there is one for them.
pub(crate) fn renamed(text: &str, new: &impl Fn(&str) -> Option<String>) -> String {
    let part = |part| match part {
        Part::Text(text) | Part::Other(text) | Part::Open(text) => text.to_owned(),
        Part::Variable { name, default } => {
            let name = new(name).unwrap_or_else(|| name.to_owned());
            default.map_or_else(|| format!("${{{name}}}"), |rest| format!("${{{name}:-{rest}}}"))
        }
    };
    parts(text).into_iter().map(part).collect()
}

/// The string with `value` in place of each variable.
pub(crate) fn with_stand_ins(text: &str, value: &str) -> String {
    let part = |part| match part {
        Part::Text(text) | Part::Other(text) | Part::Open(text) => text,
        Part::Variable { .. } => value,
    };
    parts(text).into_iter().map(part).collect()
}

/// Whether `${…}` around it names a variable.
pub(crate) fn is_name(text: &str) -> bool {
    let mut letters = text.chars();
    letters.next().is_some_and(|first| first.is_ascii_alphabetic() || first == '_')
        && letters.all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
}

fn variable_name(text: &str) -> String {
    text.chars()
        .map(
            |letter| {
                if letter.is_ascii_alphanumeric() { letter.to_ascii_uppercase() } else { '_' }
            },
        )
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::environment::Environment;
    use crate::config::finding::Lines;

    #[test]
    fn takes_strings_apart() {
        fn check(text: &str, expected: &[Part<'_>]) {
            assert_eq!(parts(text), expected, "{text}");
        }
        let variable = |name, default| Part::Variable { name, default };
        check("", &[]);
        check("$A {B}", &[Part::Text("$A {B}")]);
        check("x${A}y", &[Part::Text("x"), variable("A", None), Part::Text("y")]);
        check("${A}${_b2}", &[variable("A", None), variable("_b2", None)]);
        check("${A:-}", &[variable("A", Some(""))]);
        check("${A:-b:-c}", &[variable("A", Some("b:-c"))]);
        check("${env:A}", &[variable("A", None)]);
        check("${}", &[Part::Other("${}")]);
        check("${x.y}", &[Part::Other("${x.y}")]);
        check("${A:-${B}}", &[Part::Other("${A:-${B}"), Part::Text("}")]);
        check("ä${", &[Part::Text("ä"), Part::Open("${")]);
        check("${ä}", &[Part::Other("${ä}")]);
    }

    #[test]
    fn variables_get_other_names() {
        let new = |name: &str| (name == "A").then(|| "A_2".to_owned());
        let check = |text: &str, expected: &str| assert_eq!(renamed(text, &new), expected);
        check("x${A}y${B}", "x${A_2}y${B}");
        check("${env:A} ${A:-d} ${a b} ${A", "${A_2} ${A_2:-d} ${a b} ${A");
    }

    #[test]
    fn tells_what_is_needed() {
        let check = |text: &str, needed_names: &[&str], full: &str| {
            assert_eq!(needed(text), needed_names, "{text}");
            assert_eq!(with_stand_ins(text, "x"), full, "{text}");
        };
        check("https://${HOST}/${env:PATH_}", &["HOST", "PATH_"], "https://x/x");
        check("${A:-b} ${x y} ${", &[], "x ${x y} ${");
    }

    fn check(text: &str, expected: &str, secrets: &[&str], findings: &[&str]) {
        let process = Environment::from_pairs([
            ("TOKEN", "t-123"),
            ("NESTED", "${TOKEN}"),
            ("EMPTY", ""),
            ("HOME", "/home/ann"),
        ]);
        let report = Report::of_server("git");
        let variables = Variables::read(&[], &process, &report, &[]);
        let mut filler = Filler::new(&variables, Path::new("/b/config/git"), &report);
        let mut value = serde_json::json!({"k": [1, text]});
        filler.fill(&mut value, "/s");
        let filled = filler.finish();
        assert_eq!(value["k"][1], expected, "{text}");
        let expected: Vec<Secret> = secrets.iter().map(|secret| Secret::from(*secret)).collect();
        assert!(filled.secrets == expected, "{text}");
        let told = report.into_findings(&Lines::default());
        let told: Vec<String> = told.iter().map(ToString::to_string).collect();
        assert_eq!(told, findings, "{text}");
    }

    #[test]
    fn fills_strings() {
        check("Bearer ${TOKEN} ${TOKEN}", "Bearer t-123 t-123", &["t-123"], &[]);
        check("${NESTED}", "${TOKEN}", &["${TOKEN}"], &[]);
        check("${EMPTY}", "", &[], &[]);
        check("${EMPTY:-x} ${NONE:-y} ${TOKEN:-z}", "x y t-123", &["t-123"], &[]);
        check("${HOME}/x", "/home/ann/x", &[], &[]);
        check("${CONFIG_DIR}/keys.json", "/b/config/git/keys.json", &[], &[]);
        check("$TOKEN", "$TOKEN", &[], &[]);
    }

    #[test]
    fn reports_what_cannot_be_filled() {
        check(
            "${NONE}",
            "",
            &[],
            &["`/s/k/1`: variable `NONE` is not set; put `NONE=…` into `.env`"],
        );
        check(
            "a ${x y}",
            "a ${x y}",
            &[],
            &["`/s/k/1`: `${x y}` names no variable and is left as it is"],
        );
        check("${TOKEN", "${TOKEN", &[], &["`/s/k/1`: `${` without `}` is left as it is"]);
        check(
            "${input:api-key}",
            "${input:api-key}",
            &[],
            &[
                "`/s/k/1`: `${input:api-key}` has an editor ask for a value, which the bridge cannot do; \
               write `${API_KEY}` and put `API_KEY=…` into `.env`",
            ],
        );
    }
}
