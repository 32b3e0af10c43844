//! What the files beside an exported model say of it, in the layout of the Sentence Transformers library.

use std::io::Read;
use std::path::Path;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::Error;
use super::manifest::{Network, Pooling};
use super::unpack::{self, Files};

/// `config.json`.
#[derive(Deserialize)]
struct Config {
    hidden_size: usize,
    max_position_embeddings: Option<usize>,
}

/// `sentence_bert_config.json`.
#[derive(Deserialize)]
struct Sentences {
    max_seq_length: Option<usize>,
}

/// `1_Pooling/config.json`.
#[derive(Deserialize)]
struct Pools {
    #[serde(default)]
    pooling_mode_cls_token: bool,
}

/// Without a word on it, models read so many tokens.
const USUAL_TOKENS: usize = 256;
/// Of one of these files, in bytes; they hold a page of text.
const LONGEST: u64 = 1 << 20;
/// Longer texts take longer and say no more about a tool.
const MOST_TOKENS: usize = 512;

/// How the model in `folder` is worked with.
pub(super) fn network(folder: &Path, files: &Files) -> Result<Network, Error> {
    let config: Config = read(folder, "config.json")?;
    let sentences: Option<Sentences> = read(folder, "sentence_bert_config.json").ok();
    let pools: Option<Pools> = read(folder, "1_Pooling/config.json").ok();
    let longest = sentences.and_then(|read| read.max_seq_length).or(config.max_position_embeddings);
    let is_cls = pools.is_some_and(|pools| pools.pooling_mode_cls_token);
    Ok(Network {
        dimensions: config.hidden_size,
        max_tokens: longest.unwrap_or(USUAL_TOKENS).min(MOST_TOKENS),
        pooling: if is_cls { Pooling::Cls } else { Pooling::Mean },
        ..unpack::network(files)
    })
}

fn read<T: DeserializeOwned>(folder: &Path, name: &str) -> Result<T, Error> {
    let path = folder.join(name);
    let file = match unpack::open(&path) {
        Err(_) if !path.exists() => return Err(unpack::missing(folder, name)),
        opened => opened?,
    };
    serde_json::from_reader(file.take(LONGEST)).map_err(|error| Error::NoModel {
        path: folder.to_owned(),
        reason: format!("`{name}` does not say what it should: {error}"),
    })
}
