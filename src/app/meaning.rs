//! What compares the meaning of an intent with that of tools: what the config asks for, or the best that is installed.
//! Nothing leaves the machine that the config does not send away.

use std::path::PathBuf;
use std::sync::Arc;

use crate::base::environment::Environment;
use crate::base::paths::Paths;
use crate::config::{Embedding, IntentRouting};
use crate::model::{DEFAULT, Installed, Kind, Models};
use crate::search::embed::{
    EmbedError, Embedder, Local, Model, Program, Runtime, UNLOAD_AFTER, services,
};
use crate::search::{Meaning, Store, WordsOnly};

/// Services by what a model's name begins with where `embedding` is `auto`.
const SERVICES: [(&str, Embedding); 3] = [
    ("openai/", Embedding::OpenAi),
    ("gemini/", Embedding::Gemini),
    ("ollama/", Embedding::Ollama),
];

/// Meaning, or why there is none and what to do about it.
pub(super) fn meaning(
    config: &IntentRouting,
    environment: &Environment,
    paths: &Paths,
) -> Result<Meaning, WordsOnly> {
    let embedder = embedder(config, environment, paths)?;
    Ok(Meaning::new(embedder, Store::new(paths.vectors())))
}

fn embedder(
    config: &IntentRouting,
    environment: &Environment,
    paths: &Paths,
) -> Result<Arc<dyn Embedder>, WordsOnly> {
    let told = |error: EmbedError| WordsOnly::Fault(error.to_string());
    match config.embedding {
        Embedding::Keyword => Err(WordsOnly::Chosen(KEYWORD.to_owned())),
        Embedding::Auto => {
            let service = |(prefix, embedding): &(&str, Embedding)| {
                let model = config.model.as_deref()?.strip_prefix(prefix)?;
                Some(IntentRouting {
                    embedding: *embedding,
                    model: Some(model.to_owned()),
                    ..config.clone()
                })
            };
            match SERVICES.iter().find_map(service) {
                Some(config) => {
                    services::open(&config).unwrap_or_else(|| Err(nothing())).map_err(told)
                }
                None => local(config, environment, paths).map_err(|error| match error {
                    EmbedError::NotInstalled { .. } if config.model.is_none() => {
                        WordsOnly::Chosen(ABSENT.to_owned())
                    }
                    error => told(error),
                }),
            }
        }
        Embedding::Fastembed => local(config, environment, paths).map_err(told),
        Embedding::OpenAi | Embedding::Gemini | Embedding::Ollama => {
            services::open(config).unwrap_or_else(|| Err(nothing())).map_err(told)
        }
    }
}

/// What is said where the config wants it so.
const KEYWORD: &str = "words only, as `intentRouting.embedding` says";
/// What is said where nobody has asked for a model.
const ABSENT: &str = "words only; `bridge model install` adds their meaning (84 MB)";

fn nothing() -> EmbedError {
    EmbedError::NotInstalled { missing: "an embedding model".to_owned(), remedy: ABSENT.to_owned() }
}

/// The installed model that is named, or the usual one, or the only one.
fn local(
    config: &IntentRouting,
    environment: &Environment,
    paths: &Paths,
) -> Result<Arc<dyn Embedder>, EmbedError> {
    let models = Models::new(paths);
    let folder = match &config.model {
        Some(name) => {
            models.find(name).map(|found| found.folder).ok_or_else(|| EmbedError::NotInstalled {
                missing: format!("the model `{name}` (`intentRouting.model`)"),
                remedy: "`bridge model list` shows what is; `bridge model install` adds one"
                    .to_owned(),
            })?
        }
        None => usual(&models).ok_or_else(nothing)?,
    };
    let model = Model::open(&folder)?;
    let runtime = runtime(&models, environment, paths)?;
    let program = Program::own(environment).map_err(|error| EmbedError::Ended {
        reason: format!("the bridge's own program is not found: {error}"),
    })?;
    Ok(Arc::new(Local::new(model, runtime, program, UNLOAD_AFTER)))
}

fn usual(models: &Models) -> Option<PathBuf> {
    let (installed, _) = models.list();
    let is_model = |found: &&Installed| found.kind() == Kind::Model;
    let usual = installed.iter().find(|found| found.name == DEFAULT);
    usual.or_else(|| installed.iter().find(is_model)).map(|found| found.folder.clone())
}

/// ONNX Runtime where it was named or installed, else this program itself.
#[cfg(feature = "onnx")]
fn runtime(
    models: &Models,
    environment: &Environment,
    paths: &Paths,
) -> Result<Runtime, EmbedError> {
    use crate::search::embed::Library;

    let named = environment.lookup("ORT_DYLIB_PATH").filter(|path| !path.is_empty());
    let named = named.map(PathBuf::from).or_else(|| models.runtime());
    let program = std::env::current_exe().ok();
    let beside = program.as_deref().and_then(std::path::Path::parent).map(PathBuf::from);
    let folders: Vec<PathBuf> =
        [Some(paths.home().to_owned()), beside].into_iter().flatten().collect();
    match Library::find(named.as_deref(), &folders) {
        Ok(library) => Ok(Runtime::Onnx(library)),
        Err(EmbedError::NotInstalled { .. }) => Ok(Runtime::Rust),
        Err(error) => Err(error),
    }
}

#[cfg(not(feature = "onnx"))]
#[expect(clippy::unnecessary_wraps, reason = "with the feature `onnx` it may fail")]
fn runtime(_: &Models, _: &Environment, _: &Paths) -> Result<Runtime, EmbedError> {
    Ok(Runtime::Rust)
}
