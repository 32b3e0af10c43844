//! The files of other programs: the bridge put in and taken out.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use serde_json::{Value, json};

use crate::support::{Bridge, assert_words, make_pipe};

/// A client, its file below the home folder, and what its owner has written there.
struct Owned {
    client: &'static str,
    file: &'static str,
    text: &'static str,
}

const OWNED: [Owned; 9] = [
    Owned {
        client: "claude-desktop",
        file: ".config/Claude/claude_desktop_config.json",
        text: "{\r\n\t\"mcpServers\": {\r\n\t\t\"Café\": {\"command\": \"npx\", \"args\": [\"-y\", \"x\"]}\r\n\t},\r\n\t\"theme\": 1.0\r\n}",
    },
    Owned {
        client: "claude-code",
        file: ".claude.json",
        text: "{\"numStartups\":12,\"projects\":{\"/w\":{\"mcpServers\":{\"a\":{}}}},\"mcpServers\":{}}",
    },
    Owned { client: "cursor", file: ".cursor/mcp.json", text: "{ \"mcpServers\": { } }\n" },
    Owned { client: "windsurf", file: ".codeium/windsurf/mcp_config.json", text: "" },
    Owned {
        client: "vscode",
        file: ".config/Code/User/mcp.json",
        text: "{\n\t// Servers of mine\n\t\"inputs\": [],\n\t\"servers\": {\n\t\t\"fs\": { \"type\": \"stdio\", \"command\": \"x\" }, // files\n\t},\n}\n",
    },
    Owned {
        client: "codex",
        file: ".codex/config.toml",
        text: "# Mine\nmodel = \"o3\"   # the large one\n\n[mcp_servers.fs]\ncommand = 'npx'\n\n[tui]\ntheme = \"x\"",
    },
    Owned {
        client: "cline",
        file: ".cline/data/settings/cline_mcp_settings.json",
        text: "\u{FEFF}{\n    \"mcpServers\": {\n        \"fs\": {\n            \"command\": \"x\",\n            \"autoApprove\": []\n        }\n    }\n}\n",
    },
    Owned {
        client: "zed",
        file: ".config/zed/settings.json",
        text: "// Zed settings\n//\n{\n  \"theme\": { \"mode\": \"dark\", }, // not light\n  \"languages\": {\"Rust\": {\"tab_size\": 4}},\n}\n",
    },
    Owned {
        client: "gemini",
        file: ".gemini/settings.json",
        text: "{\n  \"theme\": \"Dracula\"\n}\n",
    },
];

fn read(path: &Path) -> String {
    fs::read_to_string(path).expect("the file is there")
}

/// The files beside this one whose names begin with its name.
fn backups(path: &Path) -> Vec<String> {
    let name = path.file_name().expect("a name").to_string_lossy().into_owned();
    let folder = fs::read_dir(path.parent().expect("a folder")).expect("it is there");
    let names =
        folder.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned());
    let mut found: Vec<String> =
        names.filter(|other| *other != name && other.starts_with(&name)).collect();
    found.sort();
    found
}

#[test]
fn registered_once_and_taken_out_again_to_the_byte() {
    for Owned { client, file, text } in OWNED {
        let bridge = Bridge::new().file(file, text);
        let path = bridge.path(file);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).expect("set");
        let first = bridge.run(&["register", client]).expect(0);
        let registered = read(&path);
        assert!(registered.contains("bridge") && registered != text, "{client}: {registered}");
        assert_words(&first.stdout, &["registered", &path.display().to_string()]);
        let [backup] = backups(&path).try_into().expect("one copy");
        assert_eq!(read(&path.with_file_name(&backup)), text);
        assert_eq!(path.metadata().expect("there").permissions().mode() & 0o777, 0o640);

        let again = bridge.run(&["register", client]).expect(0);
        assert_words(&again.stdout, &["already"]);
        assert_eq!(read(&path), registered, "{client}");

        bridge.run(&["unregister", client]).expect(0);
        assert_eq!(read(&path), text, "{client}");
        assert_words(&bridge.run(&["unregister", client]).expect(0).stdout, &["does not have"]);
        assert_eq!(read(&path), text, "{client}");
    }
}

#[test]
fn what_changed_meanwhile_stays() {
    for Owned { client, file, text } in OWNED.into_iter().filter(|owned| owned.text.len() > 30) {
        let bridge = Bridge::new().file(file, text);
        let path = bridge.path(file);
        bridge.run(&["register", client]).expect(0);
        let edits = [
            ("\"x\"", "\"other\""),
            ("\"numStartups\":12", "\"numStartups\":13"),
            ("\"tab_size\": 4", "\"tab_size\": 8"),
            ("Dracula", "Light"),
        ];
        let edits: Vec<_> = edits.into_iter().filter(|(old, _)| text.contains(old)).collect();
        assert!(!edits.is_empty(), "{client}");
        let edit = |text: &str| {
            edits.iter().fold(text.to_owned(), |text, (old, new)| text.replace(old, new))
        };
        fs::write(&path, edit(&read(&path))).expect("written");
        bridge.run(&["unregister", client]).expect(0);
        let left = read(&path);
        for (old, new) in edits {
            assert!(left.contains(new) && !left.contains(old), "{client}: {new} in {left}");
        }
        assert!(!left.contains("\"command\": \"/") && !left.contains("BRIDGE_HOME"), "{left}");
        let comments = [
            "// Servers of mine",
            "// files",
            "// Zed settings",
            "// not light",
            "# the large one",
        ];
        for comment in comments {
            assert_eq!(left.contains(comment), text.contains(comment), "{comment} in {left}");
        }
    }
}

#[test]
fn a_file_that_the_bridge_made_goes_again() {
    let bridge = Bridge::new();
    let missing = bridge.run(&["register", "cursor"]).expect(4);
    assert_words(&missing.stderr, &["Cursor does not seem to be installed", "--create"]);
    assert!(!bridge.path(".cursor").exists());
    let path = bridge.path(".codex/config.toml");
    bridge.run(&["register", "codex", "--create", "--dry-run"]).expect(0);
    assert!(!path.exists());
    bridge.run(&["register", "codex", "--create"]).expect(0);
    assert!(read(&path).starts_with("[mcp_servers.bridge]\ncommand = "), "{}", read(&path));
    assert_eq!(path.metadata().expect("there").permissions().mode() & 0o777, 0o600);
    bridge.run(&["unregister", "codex"]).expect(0);
    assert!(!path.exists());
}

#[test]
fn the_entry_starts_this_bridge_with_this_config() {
    let bridge = Bridge::new()
        .file(".config/zed/settings.json", "{}")
        .file(".config/Code/User/mcp.json", "{}");
    bridge.run(&["--config", "work.json", "register", "--all", "--name", "work"]).expect(0);
    let json =
        |file: &str| -> Value { serde_json::from_str(&read(&bridge.path(file))).expect("JSON") };
    let (program, home) = (env!("CARGO_BIN_EXE_bridge"), bridge.home());
    let (args, env) = (json!(["--config", home.join("work.json")]), json!({"BRIDGE_HOME": home}));
    let zed = json!({"source": "custom", "command": program, "args": args, "env": env});
    assert_eq!(json(".config/zed/settings.json")["context_servers"]["work"], zed);
    let code = json!({"type": "stdio", "command": program, "args": args, "env": env});
    assert_eq!(json(".config/Code/User/mcp.json")["servers"]["work"], code);
    let listed = bridge.run(&["--config", "work.json", "register", "--json"]).expect(0).json();
    let state = |client: &str| {
        let all = listed["clients"].as_array().expect("a list");
        all.iter().find(|one| one["client"] == client).expect("it is known")["state"].clone()
    };
    assert_eq!(state("zed"), "registered");
    assert_eq!(state("cursor"), "not installed");
    for bad in ["a\"b\nx", "../x", "__proto__", ""] {
        let refused = bridge.run(&["register", "cursor", "--create", "--name", bad]).expect(2);
        assert_words(&refused.stderr, &["--name"]);
    }
    // Another config is another entry, and one name has one.
    let updated = bridge.run(&["register", "zed", "--name", "work", "--json"]).expect(0).json();
    assert_eq!(updated["clients"][0]["state"], "updated");
    assert_eq!(json(".config/zed/settings.json")["context_servers"]["work"]["args"], json!([]));
}

#[test]
fn a_server_of_somebody_else_keeps_its_name() {
    let text = "{\"mcpServers\": {\"bridge\": {\"command\": \"other\"}}}";
    let bridge = Bridge::new().file(".cursor/mcp.json", text);
    let taken = bridge.run(&["register", "cursor"]).expect(1);
    assert_words(&taken.stderr, &["`bridge`", "another server", "--name", "mcp.json"]);
    bridge.run(&["unregister", "cursor", "--name", "bridge"]).expect(1);
    bridge.run(&["unregister", "cursor"]).expect(0);
    assert_eq!(read(&bridge.path(".cursor/mcp.json")), text);
}

#[test]
fn files_of_projects_and_links() {
    let bridge = Bridge::new().file("dotfiles/zed.json", "{\n  // mine\n}\n");
    fs::create_dir_all(bridge.path(".config/zed")).expect("made");
    let link = bridge.path(".config/zed/settings.json");
    symlink("../../dotfiles/zed.json", &link).expect("linked");
    bridge.run(&["register", "zed"]).expect(0);
    assert!(
        link.is_symlink() && read(&bridge.path("dotfiles/zed.json")).contains("context_servers")
    );
    assert_eq!((backups(&link).len(), backups(&bridge.path("dotfiles/zed.json")).len()), (1, 0));
    bridge.run(&["unregister", "zed"]).expect(0);
    assert_eq!(read(&bridge.path("dotfiles/zed.json")), "{\n  // mine\n}\n");
    // The tests' working folder is the home folder.
    bridge.run(&["register", "claude-code", "vscode", "--project"]).expect(0);
    assert!(read(&bridge.path(".mcp.json")).contains("mcpServers"));
    assert!(read(&bridge.path(".vscode/mcp.json")).contains("\"servers\""));
    assert_words(
        &bridge.run(&["register", "windsurf", "--project"]).expect(2).stderr,
        &["projects"],
    );
}

#[test]
fn hostile_files_are_named_and_left_alone() {
    const FILE: &str = ".cursor/mcp.json";
    let check = |make: &dyn Fn(&Path), words: &[&str]| {
        let bridge = Bridge::new().file(".cursor/x", "");
        let path = bridge.path(FILE);
        make(&path);
        let before = fs::symlink_metadata(&path).expect("there").len();
        for command in ["register", "unregister"] {
            let output = bridge.run(&[command, "cursor"]).expect(1);
            assert_words(&output.stderr, &["mcp.json"]);
            assert_words(&output.stderr, words);
        }
        assert_eq!(fs::symlink_metadata(&path).expect("there").len(), before);
        assert_eq!(backups(&path), [""; 0]);
    };
    let text = |text: String| move |path: &Path| fs::write(path, &text).expect("written");
    check(&text("{\n\"a\": 1,\n\"b\" 2}".to_owned()), &["line 3"]);
    check(&text("[".repeat(1_000_000)), &["line 1"]);
    check(&text("{\"mcpServers\": []}".to_owned()), &["`mcpServers`", "no object"]);
    check(&|path| fs::write(path, b"{\"a\": \"\xFF\"}").expect("written"), &["UTF-8"]);
    check(
        &|path| fs::File::create(path).expect("made").set_len(65 << 20).expect("long"),
        &["longer"],
    );
    check(&|path| symlink("mcp.json", path).expect("linked"), &["cannot read"]);
    check(&|path| fs::create_dir(path).expect("made"), &["no regular file"]);
    check(&make_pipe, &["no regular file"]);
}

#[test]
fn init_registers_as_well() {
    let bridge = Bridge::new().without_config().file(".cursor/mcp.json", "{}");
    let output = bridge.run(&["init", "--register", "cursor"]).expect(0);
    assert_words(&output.stderr, &["config.json", "bridge install", "bridge model install"]);
    assert!(bridge.path("config.json").exists());
    assert!(read(&bridge.path(".cursor/mcp.json")).contains("bridge"));
    let told = bridge.run(&["init", "--register", "cursor", "--json"]).expect(0).json();
    assert_eq!(told["files"][0]["created"], false, "{told}");
    assert_eq!(told["clients"][0]["state"], "unchanged", "{told}");
    let unknown = bridge.run(&["init", "--register", "emacs"]).expect(2);
    assert_words(&unknown.stderr, &["emacs", "claude-desktop"]);
    let steps = bridge.run(&["init"]).expect(0);
    assert_words(&steps.stderr, &["bridge install", "bridge register", "bridge model install"]);
}
