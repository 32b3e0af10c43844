//! Lists of tools as published servers gave them pass through direct mode unchanged but for the names.
//!
//! A list with everything odd stands beside this file. Those of published servers lie in `../shared/data/real-tools`,
//! outside of the repository, since nothing says under which licence each may be handed on; where the folder is
//! missing, they are left out, unless `RECORDED_LISTS` is `required`, as `just recorded` has it.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use indexmap::IndexMap;
use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;

use crate::support::{Bridge, Client, is_required};

/// A tool, member by member in their order, each as its text.
type Tool = IndexMap<String, Box<RawValue>>;

#[derive(Deserialize)]
struct List {
    tools: Vec<Tool>,
}

#[derive(Deserialize)]
struct Answer {
    result: List,
}

/// The files in a folder, none where it is missing.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> =
        fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    files.sort();
    files
}

/// The lists, by the names of their servers.
fn recorded() -> Vec<(String, PathBuf)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let published = root.join("../shared/data/real-tools");
    let found = files(&published);
    if found.is_empty() {
        let missing = format!("no list of a published server in {}", published.display());
        assert!(!is_required("RECORDED_LISTS"), "{missing}");
        writeln!(io::stderr(), "{missing}: they are left out").expect("stderr is open");
    }
    let own = files(&root.join("tests/it/lists"));
    assert!(!own.is_empty());
    let named = |path: PathBuf| {
        let name = path.file_stem().and_then(|name| name.to_str()).expect("a plain name");
        (name.to_owned(), path)
    };
    own.into_iter().chain(found).map(named).collect()
}

/// The tools as they travel: on one line, all else as it was recorded.
fn tools(text: &str) -> Vec<Tool> {
    let list: List = serde_json::from_str(&text.replace('\n', " ")).expect("a list of tools");
    list.tools
}

fn listed(client: &mut Client) -> Vec<Tool> {
    let id = client.request("tools/list", json!({}));
    client.result(id);
    let answer: Answer = serde_json::from_str(client.last_line()).expect("a list of tools");
    answer.result.tools
}

/// Clients of the session era refuse a whole list for a schema of results that is not one of objects, so they do not
/// see it.
fn is_of_objects(schema: &RawValue) -> bool {
    let schema: serde_json::Value = serde_json::from_str(schema.get()).expect("JSON");
    schema["type"] == "object"
}

#[test]
fn lists_pass_unchanged_but_for_the_names() {
    let lists = recorded();
    let mut bridge = Bridge::new().set("mode", "direct").set("connectionTimeoutMs", 60_000);
    for (name, path) in &lists {
        bridge = bridge.server(name, &["--list-file", path.to_str().expect("the path is UTF-8")]);
    }
    let mut listed = listed(&mut bridge.serve_initialized()).into_iter();
    for (name, path) in &lists {
        for mut expected in tools(&fs::read_to_string(path).expect("readable")) {
            expected.retain(|key, value| key != "outputSchema" || is_of_objects(value));
            let listed = listed.next().unwrap_or_else(|| panic!("tools of {name} are missing"));
            let keys = |tool: &Tool| tool.keys().cloned().collect::<Vec<_>>();
            assert_eq!(keys(&listed), keys(&expected), "{name}");
            for (key, value) in &expected {
                let now = listed[key].get();
                if key == "name" {
                    assert!(now.starts_with(&format!("\"{name}_")), "{now}");
                } else {
                    assert_eq!(now, value.get(), "`{key}` of {} of {name}", expected["name"]);
                }
            }
        }
    }
    assert_eq!(listed.next().map(|tool| tool["name"].to_string()), None);
}
