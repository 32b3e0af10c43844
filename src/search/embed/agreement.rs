//! The engines at work on a real model, which `just model` gets, and on folders that are not what they should be.

use std::fmt::Write as _;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::engine::Engine;
use super::{EmbedError, Model, Purpose, Runtime, tokens};

/// What the model says of a text by another implementation; `tests/model/reference.py` says which.
#[derive(Deserialize)]
struct Reference {
    text: String,
    tokens: usize,
    vector: Vec<f32>,
}

fn references() -> Vec<Reference> {
    serde_json::from_str(include_str!("../../../tests/model/reference.json")).expect("references")
}

fn target() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("target/model")
}

/// The model; `None`, and a word on it, where nobody got it.
fn model() -> Option<Model> {
    match Model::open(&target().join("model")) {
        Ok(model) => Some(model),
        Err(EmbedError::NotInstalled { .. }) if !is_required() => {
            // Straight to the descriptor, since the test harness keeps back what passing tests print.
            let _unheard =
                io::stderr().write_all(b"embed: skipped, there is no model (just model)\n");
            None
        }
        Err(error) => panic!("{error}"),
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the test's environment, not the bridge's")]
fn is_required() -> bool {
    std::env::var("MODEL").is_ok_and(|value| value == "required")
}

fn cosine(left: &[f32], right: &[f32]) -> f32 {
    let dot = |left: &[f32], right: &[f32]| -> f32 {
        left.iter().zip(right).map(|(left, right)| left * right).sum()
    };
    dot(left, right) / (dot(left, left) * dot(right, right)).sqrt()
}

fn embed(engine: &mut Engine, texts: &[String], purpose: Purpose) -> Vec<Vec<f32>> {
    engine.embed(texts, purpose).expect("vectors")
}

fn agrees_with_the_references(engine: &mut Engine) -> Vec<Vec<f32>> {
    let references = references();
    let texts: Vec<String> = references.iter().map(|reference| reference.text.clone()).collect();
    let vectors = embed(engine, &texts, Purpose::Document);
    assert_eq!(vectors.len(), texts.len());
    for (reference, vector) in references.iter().zip(&vectors) {
        assert_eq!(vector.len(), reference.vector.len());
        let agreement = cosine(&reference.vector, vector);
        assert!(agreement >= 0.9995, "{agreement} for {:?}", reference.text);
        let length = cosine(vector, vector) * vector.iter().map(|value| value * value).sum::<f32>();
        assert!((length - 1.0).abs() < 1e-5, "{length} for {:?}", reference.text);
    }
    vectors
}

#[test]
fn texts_are_cut_into_the_tokens_of_the_reference() {
    let Some(model) = model() else { return };
    let json = model.tokenizer().expect("a tokenizer");
    let tokens = tokens::Tokens::parse(&json, model.max_tokens()).expect("a tokenizer");
    for reference in references() {
        let length = tokens.of(&reference.text).expect("tokens").len();
        assert_eq!(length, reference.tokens, "{:?}", reference.text);
    }
}

#[test]
fn the_encoder_agrees_with_the_references() {
    let Some(model) = model() else { return };
    let mut engine = Engine::load(&model, &Runtime::Rust).expect("a model");
    let together = agrees_with_the_references(&mut engine);
    let alone = embed(&mut engine, &[references()[1].text.clone()], Purpose::Query);
    let agreement = cosine(&alone[0], &together[1]);
    assert!(agreement > 0.999_999, "{agreement}");
    assert!(embed(&mut engine, &[], Purpose::Query).is_empty());
}

/// What is said of a folder with these files, whose manifest describes them as they are.
fn refused(graph: &[u8], weights: &[u8], tokenizer: &str) -> String {
    let folder = tempfile::tempdir().expect("a folder");
    let mut files = serde_json::Map::new();
    for (name, bytes) in
        [("g.onnx", graph), ("model.onnx_data", weights), ("t.json", tokenizer.as_bytes())]
    {
        fs::write(folder.path().join(name), bytes).expect("a file");
        let hash = Sha256::digest(bytes).iter().fold(String::new(), |mut text, byte| {
            write!(text, "{byte:02x}").expect("a string takes what it is given");
            text
        });
        files.insert(name.to_owned(), json!({"bytes": bytes.len(), "sha256": hash}));
    }
    let manifest = json!({
        "name": "odd", "files": files, "network": {
            "precision": "f32", "dimensions": 384, "maxTokens": 16, "graph": "g.onnx",
            "weights": "model.onnx_data", "tokenizer": "t.json",
        },
    });
    fs::write(folder.path().join("model.json"), manifest.to_string()).expect("a file");
    let model = Model::open(folder.path()).expect("a manifest");
    let error = Engine::load(&model, &Runtime::Rust).err().expect("a fault");
    assert!(matches!(error, EmbedError::Broken { .. }), "{error:?}");
    error.to_string()
}

#[test]
fn files_of_nonsense_are_errors_with_a_remedy() {
    let check = |error: String, expected: &str| {
        assert!(error.contains(expected), "{error}");
        assert!(error.contains("install the model again"), "{error}");
    };
    let tokenizer =
        r#"{"model": {"type": "WordPiece", "vocab": {"[CLS]": 0, "[SEP]": 1, "[UNK]": 2}}}"#;
    check(refused(b"", b"", "nonsense"), "t.json");
    check(refused(b"", b"", tokenizer), "g.onnx");
    check(refused(b"no graph at all", b"", tokenizer), "g.onnx");
    let Some(model) = model() else { return };
    let graph = model.graph().expect("a graph");
    check(refused(&graph, b"", tokenizer), "g.onnx");
    check(refused(&graph, &(1_u64 << 60).to_le_bytes(), tokenizer), "g.onnx");
}

#[cfg(feature = "onnx")]
#[test]
fn both_engines_agree() {
    let Some(model) = model() else { return };
    let folder = target().join("runtime");
    let library = match super::Library::find(None, &[folder]) {
        Ok(library) => library,
        Err(error) => {
            assert!(!is_required(), "{error}");
            return;
        }
    };
    let mut native = Engine::load(&model, &Runtime::Onnx(library)).expect("a model");
    let mut own = Engine::load(&model, &Runtime::Rust).expect("a model");
    let vectors = agrees_with_the_references(&mut native);
    for (left, right) in vectors.iter().zip(agrees_with_the_references(&mut own)) {
        let agreement = cosine(left, &right);
        assert!(agreement > 0.999_99, "{agreement}");
    }
}
