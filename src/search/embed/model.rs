//! A model folder: `model.json` says what the model is and which bytes its files must have. Nothing is worked with that
//! has other bytes: weights that were cut off while they were copied give vectors too, only wrong ones.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Write};
use std::path::{Path, PathBuf};

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use crate::base::fs::open_regular;
use crate::model::{self, MANIFEST, Manifest, Network};

use super::embedder::Purpose;
use super::error::EmbedError;
use super::frame::exact;

const REMEDY: &str = "install the model again, or set `intentRouting.embedding` to `keyword`";
/// Counted up when the bridge makes other vectors of the same files, as by cutting texts into other tokens.
const VERSION: u32 = 1;

/// A model folder whose manifest was read and makes sense. Its files are read, and checked, when they are needed.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Model {
    #[serde(with = "exact")]
    folder: PathBuf,
    network: Network,
    files: IndexMap<String, model::File>,
    identity: String,
}

impl Model {
    /// Reads the manifest in `folder`.
    pub fn open(folder: &Path) -> Result<Self, EmbedError> {
        let path = folder.join(MANIFEST);
        let Manifest { name, network, files, .. } =
            Manifest::read(folder).map_err(|error| match error.kind() {
                io::ErrorKind::NotFound => EmbedError::NotInstalled {
                    missing: format!("an embedding model in `{}`", folder.display()),
                    remedy: REMEDY.to_owned(),
                },
                _ => broken(&path, error.to_string()),
            })?;
        let no_network =
            || broken(&path, "it does not say how the model is worked with".to_owned());
        let network = network.ok_or_else(no_network)?;
        let hash = hash(&network, &files);
        let identity = format!("{name}/{}/{}", network.precision, &hash[..16]);
        Ok(Self { folder: folder.to_owned(), network, files, identity })
    }

    /// The model, its precision, and the beginning of a hash over all that changes its vectors.
    pub fn identity(&self) -> &str {
        &self.identity
    }

    /// How many numbers a vector has.
    pub fn dimensions(&self) -> usize {
        self.network.dimensions
    }

    /// How much of a text counts, in tokens.
    pub(super) fn max_tokens(&self) -> usize {
        self.network.max_tokens
    }

    pub(super) fn pooling(&self) -> model::Pooling {
        self.network.pooling
    }

    /// What the model wants to see before a text.
    pub(super) fn prefix(&self, purpose: Purpose) -> &str {
        match purpose {
            Purpose::Query => &self.network.query_prefix,
            Purpose::Document => &self.network.document_prefix,
        }
    }

    /// The tokenizer's JSON.
    pub(super) fn tokenizer(&self) -> Result<String, EmbedError> {
        let name = &self.network.tokenizer;
        String::from_utf8(self.read(name)?)
            .map_err(|_| broken(&self.folder.join(name), "it is no UTF-8 text".to_owned()))
    }

    /// The ONNX graph.
    pub(super) fn graph(&self) -> Result<Vec<u8>, EmbedError> {
        self.read(&self.network.graph)
    }

    /// The name under which the graph knows its weights, and the weights; `None` where the graph has them itself.
    pub(super) fn weights(&self) -> Result<Option<(&str, Vec<u8>)>, EmbedError> {
        let Some(name) = &self.network.weights else {
            return Ok(None);
        };
        Ok(Some((name, self.read(name)?)))
    }

    /// The path of the graph, after it and the weights beside it were checked, for engines that read them themselves.
    #[cfg(feature = "onnx")]
    pub(super) fn checked_graph(&self) -> Result<PathBuf, EmbedError> {
        for name in std::iter::once(&self.network.graph).chain(&self.network.weights) {
            self.pass_over(name, self.opened(name)?, io::sink())?;
        }
        Ok(self.graph_path())
    }

    /// The path of the graph.
    pub(super) fn graph_path(&self) -> PathBuf {
        self.folder.join(&self.network.graph)
    }

    /// What a fault of the graph is told as that only its engine saw.
    pub(super) fn unusable(&self, reason: impl Into<String>) -> EmbedError {
        broken(&self.graph_path(), reason.into())
    }

    /// The same of the tokenizer.
    pub(super) fn unusable_tokenizer(&self, reason: impl Into<String>) -> EmbedError {
        broken(&self.folder.join(&self.network.tokenizer), reason.into())
    }

    fn read(&self, name: &str) -> Result<Vec<u8>, EmbedError> {
        let mut bytes = Vec::new();
        let file = self.opened(name)?;
        // So many bytes are there: the file was found to have them.
        bytes.reserve_exact(usize::try_from(self.files[name].bytes).unwrap_or(0));
        self.pass_over(name, file, &mut bytes)?;
        Ok(bytes)
    }

    /// A file of the right length.
    fn opened(&self, name: &str) -> Result<File, EmbedError> {
        let path = self.folder.join(name);
        let opened = open(&path).and_then(|file| Ok((file.metadata()?.len(), file)));
        let (length, file) = opened.map_err(|error| broken(&path, error.to_string()))?;
        let wanted = self.files[name].bytes;
        if length != wanted {
            let reason = format!("it has {length} bytes, not the {wanted} of the model");
            return Err(broken(&path, reason));
        }
        Ok(file)
    }

    /// Hands on a file, and says in the end whether it was the right one.
    fn pass_over(&self, name: &str, file: File, to: impl Write) -> Result<(), EmbedError> {
        let path = self.folder.join(name);
        let expected = &self.files[name];
        // A file that grows meanwhile is a wrong one, and no reason to read for ever.
        let found = model::File::copied(file.take(expected.bytes), to)
            .map_err(|error| broken(&path, error.to_string()))?;
        if found.sha256 != expected.sha256 {
            return Err(broken(&path, "its SHA-256 is not that of the model".to_owned()));
        }
        Ok(())
    }
}

/// Of everything that vectors depend on, in hexadecimal digits.
fn hash(network: &Network, files: &IndexMap<String, model::File>) -> String {
    let of_files = [&network.graph, &network.tokenizer].into_iter().chain(&network.weights);
    let of_files: Vec<&str> = of_files.map(|name| files[name].sha256.as_str()).collect();
    let text = serde_json::to_vec(&(VERSION, network, of_files));
    let text = text.expect("texts and numbers become JSON");
    model::File::copied(text.as_slice(), io::sink()).expect("nothing is read or written").sha256
}

fn open(path: &Path) -> io::Result<File> {
    open_regular(path, OpenOptions::new().read(true))
}

fn broken(path: &Path, reason: String) -> EmbedError {
    EmbedError::Broken { path: path.to_owned(), reason, remedy: REMEDY.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Pooling;

    const FILES: [(&str, &[u8]); 3] =
        [("model.onnx", b"a graph"), ("weights.data", b"numbers"), ("tokenizer.json", b"{}")];

    /// A model folder with these files, and a manifest in which `from` is replaced by `to`.
    fn folder(from: &str, to: &str) -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("a folder");
        let mut files = serde_json::Map::new();
        for (name, bytes) in FILES {
            std::fs::write(folder.path().join(name), bytes).expect("a file");
            let sha256 = model::File::copied(bytes, io::sink()).expect("hashed").sha256;
            let described = serde_json::json!({"bytes": bytes.len(), "sha256": sha256});
            files.insert(name.to_owned(), described);
        }
        let manifest = serde_json::json!({
            "name": "tiny", "files": files, "network": {
                "precision": "f32", "dimensions": 4, "maxTokens": 16, "queryPrefix": "query: ",
                "graph": "model.onnx", "weights": "weights.data", "tokenizer": "tokenizer.json",
            },
        });
        let text = manifest.to_string();
        assert!(text.contains(from), "{from} is not in {text}");
        std::fs::write(folder.path().join(MANIFEST), text.replacen(from, to, 1)).expect("a file");
        folder
    }

    #[test]
    fn a_folder_is_read() {
        let folder = folder("", "");
        let model = Model::open(folder.path()).expect("a model");
        assert_eq!(
            (model.dimensions(), model.max_tokens(), model.pooling()),
            (4, 16, Pooling::Mean)
        );
        assert_eq!(
            (model.prefix(Purpose::Query), model.prefix(Purpose::Document)),
            ("query: ", "")
        );
        assert_eq!(model.graph().expect("a graph"), b"a graph");
        assert_eq!(model.weights().expect("weights"), Some(("weights.data", b"numbers".to_vec())));
        assert_eq!(model.tokenizer().expect("a tokenizer"), "{}");
    }

    #[test]
    fn whatever_changes_vectors_changes_the_identity() {
        let identity = |from: &str, to: &str| {
            let folder = folder(from, to);
            Model::open(folder.path()).expect("a model").identity().to_owned()
        };
        let usual = identity("", "");
        assert_eq!(usual, identity("", ""), "the folder does not matter");
        let hash = usual.strip_prefix("tiny/f32/").expect("name and precision");
        assert_eq!(hash.len(), 16);
        let check = |from: &str, to: &str| assert_ne!(identity(from, to), usual, "{from} {to}");
        for (_, bytes) in FILES {
            let sha256 = model::File::copied(bytes, io::sink()).expect("hashed").sha256;
            check(&sha256, &"0".repeat(64));
        }
        check("\"tiny\"", "\"small\"");
        check("\"f32\"", "\"int8\"");
        check("query: ", "");
        check("\"queryPrefix\"", "\"documentPrefix\"");
        check("\"dimensions\":4", "\"dimensions\":5");
        check("\"maxTokens\":16", "\"maxTokens\":17");
        check("\"precision\"", "\"pooling\":\"cls\",\"precision\"");
    }

    #[test]
    fn manifests_that_make_no_sense_are_refused() {
        let check = |from: &str, to: &str, expected: &str| {
            let folder = folder(from, to);
            let error = Model::open(folder.path()).expect_err("a fault");
            assert!(matches!(error, EmbedError::Broken { .. }), "{error:?}");
            let text = error.to_string();
            assert!(text.contains(expected) && text.contains("install the model again"), "{text}");
        };
        check("{", "nonsense {", "expected");
        check("\"tiny\"", "\"a/b\"", "`name` must be");
        check("\"f32\"", "\"\"", "`precision` must be");
        check(":4,", ":0,", "`dimensions` is 0");
        check(":16,", ":1000000,", "`maxTokens` is 1000000");
        check("queryPrefix", "quaryPrefix", "unknown field");
        check("\"graph\":\"model.onnx\"", "\"graph\":\"other.onnx\"", "`files` says nothing");
        check("\"bytes\":7", "\"bytes\":1152921504606846976", "more than");
        check("\"sha256\":\"", "\"sha256\":\"X", "is not 64 digits");
    }

    #[test]
    fn no_file_outside_of_the_folder_is_read() {
        let folder = folder("\"tokenizer.json\":{", "\"../tokenizer.json\":{");
        let path = folder.path().join(MANIFEST);
        let text = std::fs::read_to_string(&path).expect("the manifest");
        let text = text.replace("\"tokenizer\":\"", "\"tokenizer\":\"../");
        std::fs::write(&path, text).expect("a file");
        let error = Model::open(folder.path()).expect_err("a fault").to_string();
        assert!(error.contains("no name of a file"), "{error}");
    }

    #[test]
    fn files_that_are_not_the_models_are_refused() {
        let check = |change: &dyn Fn(&Path), expected: &str| {
            let folder = folder("", "");
            let model = Model::open(folder.path()).expect("a model");
            change(&folder.path().join("weights.data"));
            let error = model.weights().expect_err("a fault");
            assert!(matches!(error, EmbedError::Broken { .. }), "{error:?}");
            assert!(error.to_string().contains(expected), "{error}");
        };
        check(&|path| std::fs::remove_file(path).expect("it was there"), "weights.data");
        check(&|path| std::fs::write(path, b"numb").expect("a file"), "it has 4 bytes, not the 7");
        check(&|path| std::fs::write(path, b"Numbers").expect("a file"), "SHA-256");
        check(
            &|path| {
                std::fs::remove_file(path).expect("it was there");
                std::fs::create_dir(path).expect("a folder");
            },
            "no regular file",
        );
    }

    #[test]
    fn a_folder_without_a_model_says_what_to_do() {
        let folder = tempfile::tempdir().expect("a folder");
        for path in [folder.path().to_owned(), folder.path().join("missing")] {
            let error = Model::open(&path).expect_err("nothing is there");
            assert!(matches!(error, EmbedError::NotInstalled { .. }), "{error:?}");
            assert!(error.to_string().contains("`intentRouting.embedding`"), "{error}");
        }
    }
}
