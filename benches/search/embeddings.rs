//! Vectors of tools and sentences by a model of this machine, made once and kept below `target`.

use std::io;
use std::path::Path;
use std::sync::Arc;

use mcp_bridge::base::environment::Environment;
use mcp_bridge::search::embed::{
    EmbedError, Embedder, Local, Model, Program, Purpose, Runtime, UNLOAD_AFTER,
};
use mcp_bridge::search::{Kept, Key, Store};

const MODEL: &str = "target/model/model";
const KEPT: &str = "target/search";
/// Texts after which what was made is written down.
const TEXTS_PER_SAVE: usize = 512;

/// A model, and what it made of texts before.
pub(crate) struct Embeddings {
    pub(crate) runtime: tokio::runtime::Runtime,
    pub(crate) embedder: Arc<Local>,
    /// The one in which the bridge itself would look for vectors of tools.
    pub(crate) store: Store,
}

impl Embeddings {
    /// Nothing where no model is installed.
    pub(crate) fn open(root: &Path) -> io::Result<Option<Self>> {
        let model = match Model::open(&root.join(MODEL)) {
            Err(EmbedError::NotInstalled { .. }) => return Ok(None),
            model => model.map_err(io::Error::other)?,
        };
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        let program = Program::new(env!("CARGO_BIN_EXE_bridge").into(), &Environment::default());
        let embedder = Arc::new(Local::new(model, Runtime::Rust, program, UNLOAD_AFTER));
        Ok(Some(Self { runtime, embedder, store: Store::new(root.join(KEPT)) }))
    }

    /// The vector of each text. Those that were not kept are made.
    pub(crate) fn of(&self, texts: &[String], purpose: Purpose) -> io::Result<Vec<Vec<f32>>> {
        let mut identity = self.embedder.identity().to_owned();
        // What a model makes of a query is not what it makes of a tool with the same text.
        if purpose == Purpose::Query {
            identity.push_str("/query");
        }
        let mut kept = self.store.load(&identity);
        let mut missing: Vec<String> =
            texts.iter().filter(|text| kept.take(&Key::of(text)).is_none()).cloned().collect();
        missing.sort_unstable();
        missing.dedup();
        for texts in missing.chunks(TEXTS_PER_SAVE) {
            let made = self.runtime.block_on(self.embedder.embed(texts, purpose));
            let made = made.map_err(io::Error::other)?;
            let add = |kept: &mut Kept| {
                for (text, vector) in texts.iter().zip(&made) {
                    kept.insert(Key::of(text), vector);
                }
            };
            add(&mut kept);
            self.store.update(&identity, add).map_err(io::Error::other)?;
        }
        let vector = |text: &String| {
            let vector = kept.take(&Key::of(text)).map(<[f32]>::to_vec);
            vector.ok_or_else(|| io::Error::other(format!("there is no vector of `{text}`")))
        };
        texts.iter().map(vector).collect()
    }
}
