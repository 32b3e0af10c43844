//! Which service was chosen, with what the config and the variables say of it.

use std::sync::Arc;

use super::embedder::Embedder;
use super::error::EmbedError;
use super::{gemini, ollama, openai};
use crate::base::secret::Secret;
use crate::config::{Embedding, IntentRouting};

/// The service that the config names, which is not asked anything yet; none where it names no service.
pub fn open(settings: &IntentRouting) -> Option<Result<Arc<dyn Embedder>, EmbedError>> {
    let first = |names: &[&str]| names.iter().find_map(|name| settings.variable(name));
    let model = settings.model.as_deref();
    Some(match settings.embedding {
        Embedding::OpenAi => {
            let (base, key) = (first(&[openai::BASE]), first(&[openai::KEY]));
            openai::open(model, base.map(Secret::expose), key).map(shared)
        }
        Embedding::Gemini => {
            let (base, key) = (first(&gemini::BASES), first(&gemini::KEYS));
            gemini::open(model, base.map(Secret::expose), key).map(shared)
        }
        Embedding::Ollama => {
            let (host, key) = (first(&[ollama::HOST]), first(&[ollama::KEY]));
            ollama::open(model, host.map(Secret::expose), key).map(shared)
        }
        Embedding::Auto | Embedding::Keyword | Embedding::Fastembed => return None,
    })
}

fn shared(embedder: impl Embedder + 'static) -> Arc<dyn Embedder> {
    Arc::new(embedder)
}
