//! The engines at work on a real model, which `just model` gets, and on folders that are not what they should be.

use std::fmt::Write as _;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;
use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::{EmbedError, Embedder as _, Local, Model, Purpose, Runtime, UNLOAD_AFTER, tokens};

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

async fn agrees_with_the_references(embedder: &Local) -> Vec<Vec<f32>> {
    let references = references();
    let texts: Vec<String> = references.iter().map(|reference| reference.text.clone()).collect();
    let vectors = embedder.embed(&texts, Purpose::Document).await.expect("vectors");
    assert_eq!(vectors.len(), texts.len());
    for (reference, vector) in references.iter().zip(&vectors) {
        assert_eq!(vector.len(), embedder.dimensions());
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

#[tokio::test]
async fn the_encoder_agrees_with_the_references() {
    let Some(model) = model() else { return };
    let embedder = Local::new(model, Runtime::Rust, UNLOAD_AFTER);
    let together = agrees_with_the_references(&embedder).await;
    let alone = embedder.embed(&[references()[1].text.clone()], Purpose::Query).await;
    let agreement = cosine(&alone.expect("a vector")[0], &together[1]);
    assert!(agreement > 0.999_999, "{agreement}");
    assert!(embedder.embed(&[], Purpose::Query).await.expect("nothing").is_empty());
}

/// What is said of a folder with these files, whose manifest describes them as they are.
async fn refused(graph: &[u8], weights: &[u8], tokenizer: &str) -> String {
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
    let embedder = Local::new(model, Runtime::Rust, UNLOAD_AFTER);
    let text = ["list open issues".to_owned()];
    let error = embedder.embed(&text, Purpose::Query).await.expect_err("a fault");
    let again = embedder.embed(&text, Purpose::Query).await.expect_err("a fault");
    assert_eq!(error.to_string(), again.to_string());
    assert!(matches!(error, EmbedError::Broken { .. }), "{error:?}");
    error.to_string()
}

#[tokio::test]
async fn files_of_nonsense_are_errors_with_a_remedy() {
    let check = |error: String, expected: &str| {
        assert!(error.contains(expected), "{error}");
        assert!(error.contains("install the model again"), "{error}");
    };
    let tokenizer =
        r#"{"model": {"type": "WordPiece", "vocab": {"[CLS]": 0, "[SEP]": 1, "[UNK]": 2}}}"#;
    check(refused(b"", b"", "nonsense").await, "t.json");
    check(refused(b"", b"", tokenizer).await, "g.onnx");
    check(refused(b"no graph at all", b"", tokenizer).await, "g.onnx");
    let Some(model) = model() else { return };
    let graph = model.graph().expect("a graph");
    check(refused(&graph, b"", tokenizer).await, "g.onnx");
    check(refused(&graph, &(1_u64 << 60).to_le_bytes(), tokenizer).await, "g.onnx");
}

#[tokio::test]
async fn an_idle_model_leaves_and_comes_back() {
    let Some(model) = model() else { return };
    let embedder = Local::new(model, Runtime::Rust, Duration::ZERO);
    let text = ["list open issues".to_owned()];
    let first = embedder.embed(&text, Purpose::Query).await.expect("a vector");
    let second = embedder.embed(&text, Purpose::Query).await.expect("a vector");
    assert_eq!(first, second);
}

#[cfg(feature = "onnx")]
#[tokio::test]
async fn both_engines_agree() {
    let Some(model) = model() else { return };
    let folder = target().join("runtime");
    let library = match super::Library::find(None, &[folder]) {
        Ok(library) => library,
        Err(error) => {
            assert!(!is_required(), "{error}");
            return;
        }
    };
    let native = Local::new(model.clone(), Runtime::Onnx(library), UNLOAD_AFTER);
    let own = Local::new(model, Runtime::Rust, UNLOAD_AFTER);
    assert_eq!(native.identity(), own.identity());
    let vectors = agrees_with_the_references(&native).await;
    for (left, right) in vectors.iter().zip(agrees_with_the_references(&own).await) {
        let agreement = cosine(left, &right);
        assert!(agreement > 0.999_99, "{agreement}");
    }
}
