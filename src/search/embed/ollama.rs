//! The embeddings of Ollama, which runs models on this machine or on another one.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::{Value, json};

use super::address::{Address, Origin, bearer};
use super::embedder::Purpose;
use super::error::EmbedError;
use super::remote::{Dialect, Remote, Said};
use crate::base::secret::Secret;

/// The variable that says where it listens.
pub(super) const HOST: &str = "OLLAMA_HOST";
/// The variable with the key, which only the hosted service asks for.
pub(super) const KEY: &str = "OLLAMA_API_KEY";
const SERVICE: &str = "Ollama";
const DEFAULT_HOST: &str = "127.0.0.1";
const DEFAULT_PORT: u16 = 11_434;
const DEFAULT_MODEL: &str = "nomic-embed-text";
/// It works on them one after the other, and a call should not take minutes.
const MOST_TEXTS: usize = 64;

/// What models were trained to see before queries and documents, by the beginning of their name. Ollama does not put
/// it there, and without it they find less.
const PREFIXES: [(&str, &str, &str); 5] = [
    ("nomic-embed-text", "search_query: ", "search_document: "),
    ("embeddinggemma", "task: search result | query: ", "title: none | text: "),
    ("mxbai-embed-large", "Represent this sentence for searching relevant passages: ", ""),
    ("snowflake-arctic-embed", "Represent this sentence for searching relevant passages: ", ""),
    (
        "qwen3-embedding",
        "Instruct: Given what a user wants, find the tool that does it\nQuery:",
        "",
    ),
];

/// The language of the service.
#[derive(Debug)]
pub(super) struct Ollama {
    model: String,
    /// What comes before queries and before documents.
    prefixes: (&'static str, &'static str),
}

#[derive(Deserialize)]
struct Answer {
    embeddings: Vec<Vec<f32>>,
}

/// The model at the host that is given, or on this machine.
pub(super) fn open(
    model: Option<&str>,
    host: Option<&str>,
    key: Option<&Secret>,
) -> Result<Remote, EmbedError> {
    let origin = Origin { service: SERVICE, variable: HOST, may_be_plain: host.is_some() };
    let base = base(host.unwrap_or(DEFAULT_HOST));
    let address = Address::below(&base, &["api", "embed"], key.map(bearer), origin)?;
    let model = model.unwrap_or(DEFAULT_MODEL).to_owned();
    let prefixes = prefixes(&model);
    // A model of one name is the same wherever Ollama runs.
    let identity = format!("ollama/{model}");
    Remote::new(Ollama { model, prefixes }, identity, &address, 0)
}

/// The base URL, out of what Ollama itself understands: host, port, both, or a URL; where it listens on every address,
/// this machine.
fn base(host: &str) -> String {
    let host = host.trim().trim_matches(['"', '\'']);
    let (scheme, rest, port) = match host.split_once("://") {
        Some((scheme, rest)) => (scheme, rest, None),
        None => ("http", host, Some(DEFAULT_PORT)),
    };
    let (authority, path) = rest.find('/').map_or((rest, ""), |at| rest.split_at(at));
    let is_port = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let (name, given) = match authority.rsplit_once(':') {
        // An address of version 6 without brackets has no port.
        Some((name, given)) if is_port(given) && (name.ends_with(']') || !name.contains(':')) => {
            (name, Some(given.to_owned()))
        }
        _ => (authority, None),
    };
    let name = match name {
        "" | "0.0.0.0" => DEFAULT_HOST.to_owned(),
        "::" | "[::]" => "[::1]".to_owned(),
        bare if bare.contains(':') && !bare.contains(['[', '@']) => format!("[{bare}]"),
        name => name.to_owned(),
    };
    let port = given.filter(|given| !given.is_empty()).or(port.map(|port| port.to_string()));
    let port = port.map(|port| format!(":{port}")).unwrap_or_default();
    format!("{scheme}://{name}{port}{path}")
}

/// What comes before queries and before documents of a model; a name may have a namespace before it and a tag behind.
fn prefixes(model: &str) -> (&'static str, &'static str) {
    let name = model.rsplit('/').next().unwrap_or(model);
    PREFIXES
        .iter()
        .find(|(known, ..)| name.starts_with(known))
        .map_or(("", ""), |(_, query, document)| (*query, *document))
}

impl Dialect for Ollama {
    fn name(&self) -> &'static str {
        SERVICE
    }

    fn most_texts(&self) -> usize {
        MOST_TEXTS
    }

    fn key_variable(&self) -> &'static str {
        KEY
    }

    fn request(&self, texts: &[Cow<'_, str>], purpose: Purpose) -> Value {
        let prefix = match purpose {
            Purpose::Query => self.prefixes.0,
            Purpose::Document => self.prefixes.1,
        };
        let input: Vec<String> = texts.iter().map(|text| format!("{prefix}{text}")).collect();
        json!({"model": self.model, "input": input, "truncate": true})
    }

    fn vectors(&self, answer: &[u8], _count: usize) -> Result<Vec<Vec<f32>>, String> {
        let answer: Answer = serde_json::from_slice(answer).map_err(|error| error.to_string())?;
        Ok(answer.embeddings)
    }

    /// `{"error": "model \"x\" not found, try pulling it first"}`
    fn said(&self, answer: &[u8]) -> Said {
        let answer: Option<Value> = serde_json::from_slice(answer).ok();
        let message = answer.and_then(|answer| answer["error"].as_str().map(str::to_owned));
        Said { message, ..Said::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_understood_as_ollama_does() {
        let check = |host: &str, expected: &str| assert_eq!(base(host), expected, "{host}");
        check("127.0.0.1", "http://127.0.0.1:11434");
        check("127.0.0.1:", "http://127.0.0.1:11434");
        check("example.com", "http://example.com:11434");
        check("example.com:80", "http://example.com:80");
        check(":8080", "http://127.0.0.1:8080");
        check("", "http://127.0.0.1:11434");
        check("0.0.0.0", "http://127.0.0.1:11434");
        check("http://0.0.0.0:5", "http://127.0.0.1:5");
        check("[::]:5", "http://[::1]:5");
        check("::1", "http://[::1]:11434");
        check("[::1]", "http://[::1]:11434");
        check("https://example.com", "https://example.com");
        check("https://example.com:8/ollama/", "https://example.com:8/ollama/");
        check(" \"example.com\" ", "http://example.com:11434");
    }

    #[test]
    fn models_see_what_they_were_trained_on() {
        let check = |model: &str, query: &str, document: &str| {
            assert_eq!(prefixes(model), (query, document), "{model}");
        };
        check("nomic-embed-text", "search_query: ", "search_document: ");
        check("someone/nomic-embed-text:v1.5", "search_query: ", "search_document: ");
        check("all-minilm", "", "");
    }
}
