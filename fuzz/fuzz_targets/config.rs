//! Whatever stands in a config file, it is read without a panic, and twice alike.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use mcp_bridge::base::environment::Environment;
use mcp_bridge::base::paths::Paths;
use mcp_bridge::config::{self, Source};
use tempfile::TempDir;

/// The only files that are read lie in here.
static FOLDER: LazyLock<TempDir> = LazyLock::new(|| tempfile::tempdir().expect("a folder"));

fuzz_target!(|data: &[u8]| {
    let folder = FOLDER.path();
    let file = folder.join("config.json");
    std::fs::write(&file, data).expect("the file is ours");
    let home = folder.to_str().expect("folders for temporary files are Unicode");
    let environment = Environment::from_pairs([
        ("BRIDGE_HOME", home),
        ("HOME", home),
        ("USERPROFILE", home),
        ("TOKEN", "t\u{0}k\"e\\n${TOKEN}"),
    ]);
    let paths = Paths::new(&environment).expect("a home folder");
    let source = Source::of(Some(&file), &paths);
    let tell = || match config::load(&source, &paths, &environment) {
        Ok(loaded) => {
            let findings: Vec<String> = loaded.findings.iter().map(ToString::to_string).collect();
            (format!("{:?}", loaded.config), findings.join("\n"))
        }
        Err(error) => (String::new(), error.to_string()),
    };
    assert_eq!(tell(), tell());
});
