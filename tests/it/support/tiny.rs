//! A model of a few numbers, written as ONNX by hand: each token is looked up in a table, and that is all.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use serde_json::json;
use sha2::{Digest as _, Sha256};

/// What the tokenizer knows, each word by its place.
const WORDS: [&str; 5] = ["[CLS]", "[SEP]", "[UNK]", "ring", "bell"];
/// What the model makes of each token.
const TABLE: [[f32; 2]; 5] = [[0.0, 0.0], [0.0, 0.0], [1.0, 1.0], [1.0, 0.0], [0.0, 1.0]];
const FLOAT: u64 = 1;
const INT64: u64 = 7;

/// The files of a model.
pub(crate) struct Tiny {
    pub(crate) graph: Vec<u8>,
    pub(crate) tokenizer: String,
}

impl Tiny {
    /// "ring" becomes 1, 0 and "bell" 0, 1.
    pub(crate) fn new() -> Self {
        Self { graph: graph(), tokenizer: tokenizer() }
    }

    /// A graph that ends within a number, over which a library reads for ever.
    pub(crate) fn endless() -> Self {
        Self { graph: vec![0x08, 0x80], tokenizer: tokenizer() }
    }

    /// Writes it into a folder, described as it is.
    pub(crate) fn write(&self, folder: &Path) {
        let mut files = serde_json::Map::new();
        let both = [("model.onnx", &self.graph[..]), ("tokenizer.json", self.tokenizer.as_bytes())];
        for (name, bytes) in both {
            fs::write(folder.join(name), bytes).expect("written");
            let hash = Sha256::digest(bytes).iter().fold(String::new(), |mut text, byte| {
                write!(text, "{byte:02x}").expect("a string takes what it is given");
                text
            });
            files.insert(name.to_owned(), json!({"bytes": bytes.len(), "sha256": hash}));
        }
        let manifest = json!({
            "name": "tiny", "files": files, "network": {
                "precision": "f32", "dimensions": 2, "maxTokens": 16,
                "graph": "model.onnx", "tokenizer": "tokenizer.json",
            },
        });
        fs::write(folder.join("model.json"), manifest.to_string()).expect("written");
    }
}

fn tokenizer() -> String {
    let places = WORDS.iter().enumerate().map(|(at, word)| ((*word).to_owned(), at.into()));
    let vocabulary: serde_json::Map<_, _> = places.collect();
    let tokenizer = json!({
        "normalizer": {"type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true,
            "strip_accents": null, "lowercase": true},
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "model": {"type": "WordPiece", "vocab": vocabulary},
    });
    tokenizer.to_string()
}

/// A `ModelProto` with one node; the numbers are those of the fields in ONNX's definition.
fn graph() -> Vec<u8> {
    let numbers: Vec<u8> = TABLE.iter().flatten().flat_map(|number| number.to_le_bytes()).collect();
    let table = [
        number(1, TABLE.len() as u64),
        number(1, TABLE[0].len() as u64),
        number(2, FLOAT),
        bytes(8, b"table"),
        bytes(9, &numbers),
    ];
    let node = [
        bytes(1, b"table"),
        bytes(1, b"input_ids"),
        bytes(2, b"last_hidden_state"),
        bytes(4, b"Gather"),
    ];
    let graph = [
        bytes(1, &node.concat()),
        bytes(2, b"tiny"),
        bytes(5, &table.concat()),
        bytes(11, &value(b"input_ids", INT64, &["texts", "tokens"])),
        bytes(12, &value(b"last_hidden_state", FLOAT, &["texts", "tokens", "numbers"])),
    ];
    let version = [bytes(1, b""), number(2, 17)].concat();
    [number(1, 8), bytes(7, &graph.concat()), bytes(8, &version)].concat()
}

/// A `ValueInfoProto`.
fn value(name: &[u8], kind: u64, sizes: &[&str]) -> Vec<u8> {
    let sizes: Vec<u8> =
        sizes.iter().flat_map(|size| bytes(1, &bytes(2, size.as_bytes()))).collect();
    let tensor = [number(1, kind), bytes(2, &sizes)].concat();
    [bytes(1, name), bytes(2, &bytes(1, &tensor))].concat()
}

fn number(field: u64, value: u64) -> Vec<u8> {
    [varint(field << 3), varint(value)].concat()
}

fn bytes(field: u64, value: &[u8]) -> Vec<u8> {
    [&varint(field << 3 | 2), &varint(value.len() as u64), value].concat()
}

fn varint(mut value: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let low = u8::try_from(value & 0x7f).expect("seven bits");
        value >>= 7;
        if value == 0 {
            bytes.push(low);
            return bytes;
        }
        bytes.push(low | 0x80);
    }
}
