//! The variables of a recipe: whoever installs it is asked for those that it declares, so it must declare what it uses.

use serde_json::{Map, Value};

use super::auth::Auth;
use crate::base::{locate, text};
use crate::config::finding::{Report, Severity};
use crate::config::interpolate::{CONFIG_DIR, needed};

/// Members of a transport in which every variable has to be declared.
const REQUIRED: [&str; 4] = ["env", "headers", "args", "url"];

/// Those in which one that is not is only warned about: nobody is asked for it, but it may be set already.
const OTHERS: [&str; 2] = ["auth", "command"];

/// One place in a recipe where a variable is used.
struct Use<'a> {
    name: &'a str,
    pointer: String,
    severity: Severity,
}

/// The variables that the strings of these objects use, each once in the order of the file, but the server's own folder.
pub(super) fn used(objects: &[&Map<String, Value>]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for object in objects {
        for used in uses(object, "") {
            if !names.iter().any(|name| name == used.name) {
                names.push(used.name.to_owned());
            }
        }
    }
    names
}

/// Reports the variables that transports and platforms use and `auth` does not declare.
pub(super) fn check(top: &Map<String, Value>, auth: &Auth, report: &Report) {
    let transports = top.get("transports").and_then(Value::as_array);
    let transports = transports.into_iter().flatten().enumerate();
    let transports = transports.map(|(index, value)| (format!("/transports/{index}"), value));
    let platforms = top.get("install").and_then(|install| install.get("platforms")?.as_object());
    let platforms = platforms.into_iter().flatten();
    let platforms =
        platforms.map(|(name, value)| (locate::child("/install/platforms", name), value));
    let binding = auth.oauth2.as_ref().and_then(|oauth2| oauth2.env_binding.as_deref());
    for (pointer, value) in transports.chain(platforms) {
        let Value::Object(object) = value else { continue };
        for used in uses(object, &pointer) {
            let declared = auth.env_vars.iter().any(|name| name == used.name);
            if !declared && binding != Some(used.name) {
                tell(&used, auth, report);
            }
        }
    }
}

fn tell(used: &Use<'_>, auth: &Auth, report: &Report) {
    let name = used.name;
    let message = format!("variable `{name}` does not stand in `auth.envVars`");
    let mut finding = report.finding(used.severity, &used.pointer, message);
    let near = text::nearest(name, auth.env_vars.iter().map(String::as_str));
    finding.hint = Some(match near {
        Some(near) => format!("did you mean `{near}`? Else add `{name}` there"),
        None => format!("add `{name}` there"),
    });
    report.add(finding);
}

fn uses<'a>(object: &'a Map<String, Value>, pointer: &str) -> Vec<Use<'a>> {
    let mut found = Vec::new();
    let required = REQUIRED.map(|key| (key, Severity::Error));
    for (key, severity) in required.into_iter().chain(OTHERS.map(|key| (key, Severity::Warning))) {
        if let Some(value) = object.get(key) {
            collect(value, &locate::child(pointer, key), severity, &mut found);
        }
    }
    found
}

fn collect<'a>(value: &'a Value, pointer: &str, severity: Severity, found: &mut Vec<Use<'a>>) {
    match value {
        Value::String(text) if text.contains("${") => {
            let mut told: Vec<&str> = vec![CONFIG_DIR];
            for name in needed(text) {
                if !told.contains(&name) {
                    told.push(name);
                    found.push(Use { name, pointer: pointer.to_owned(), severity });
                }
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                collect(item, &locate::child(pointer, &index.to_string()), severity, found);
            }
        }
        Value::Object(members) => {
            for (key, member) in members {
                collect(member, &locate::child(pointer, key), severity, found);
            }
        }
        _ => {}
    }
}
