//! Each service is spoken to in its way, and found by its variables.

use serde_json::json;

use super::server::{PATIENCE, Reply, SECRET, Server, assert_close, texts};
use crate::base::secret::Secret;
use crate::config::{Embedding, IntentRouting};
use crate::search::embed::{Embedder, Purpose, gemini, ollama, services};

#[tokio::test]
async fn gemini_is_spoken_to_in_its_way() {
    let server = Server::start(|number, _| match number {
        0 => Reply::Json(
            429,
            json!({"error": {"code": 429, "message": "quota", "status": "RESOURCE_EXHAUSTED",
                "details": [{"@type": "…/QuotaFailure"}, {"retryDelay": "0.002s"}]}}),
        ),
        _ => Reply::Json(200, json!({"embeddings": [{"values": [3, 4]}, {"values": [0, -2]}]})),
    })
    .await;
    let key = Secret::from(SECRET);
    let gemini = gemini::open(Some("models/e-1"), Some(&server.base), Some(&key));
    let gemini = gemini.expect("an address").with_patience(PATIENCE);
    let found = gemini.embed(&texts(&["a", "b"]), Purpose::Query).await.expect("vectors");
    assert_close(&found, &[vec![0.6, 0.8], vec![0.0, -1.0]]);
    let asked = server.asked();
    let asked = asked.last().expect("two requests");
    assert!(asked.head.starts_with("post /v1beta/models/e-1:batchembedcontents http/1.1\r\n"));
    assert!(asked.head.contains(&format!("\r\nx-goog-api-key: {SECRET}\r\n")));
    let request = |text: &str| {
        json!({"model": "models/e-1", "content": {"parts": [{"text": text}]},
            "taskType": "RETRIEVAL_QUERY"})
    };
    assert_eq!(asked.body, json!({"requests": [request("a"), request("b")]}));
    gemini.embed(&texts(&["a", "b"]), Purpose::Document).await.expect("vectors");
    let task = server.asked().last().map(|asked| asked.body["requests"][0]["taskType"].clone());
    assert_eq!(task, Some(json!("RETRIEVAL_DOCUMENT")));
    let error = gemini.embed(&texts(&["a"]), Purpose::Document).await.expect_err("one too many");
    assert!(error.to_string().contains("2 vectors came for 1 texts"), "{error}");
}

#[tokio::test]
async fn ollama_is_spoken_to_in_its_way() {
    let server = Server::start(|number, _| match number {
        0 => Reply::Json(200, json!({"model": "m", "embeddings": [[0.6, 0.8]]})),
        _ => Reply::Json(404, json!({"error": "model \"m\" not found, try pulling it first"})),
    })
    .await;
    let ollama = ollama::open(None, Some(&server.base), None).expect("an address");
    let ollama = ollama.with_patience(PATIENCE);
    let found = ollama.embed(&texts(&["a"]), Purpose::Query).await.expect("a vector");
    assert_close(&found, &[vec![0.6, 0.8]]);
    let asked = &server.asked()[0];
    assert!(asked.head.starts_with("post /api/embed http/1.1\r\n"), "{}", asked.head);
    assert!(!asked.head.contains("authorization"), "{}", asked.head);
    let body = json!({"model": "nomic-embed-text", "input": ["search_query: a"], "truncate": true});
    assert_eq!(asked.body, body);
    let error = ollama.embed(&texts(&["a"]), Purpose::Query).await.expect_err("no such model");
    assert!(error.to_string().contains("try pulling it first"), "{error}");
}

#[tokio::test]
async fn vectors_of_gemini_are_shorter_than_they_could_be() {
    let server = Server::start(|_, _| Reply::Json(200, json!({"embeddings": []}))).await;
    let gemini = gemini::open(None, Some(&server.base), None).expect("an address");
    assert_eq!(gemini.dimensions(), 768);
    gemini.embed(&texts(&["a"]), Purpose::Query).await.expect_err("none came");
    let request = server.asked()[0].body["requests"][0].clone();
    assert_eq!(request["model"], "models/gemini-embedding-001");
    assert_eq!(request["outputDimensionality"], 768);
}

#[test]
fn services_take_what_the_variables_say() {
    let check = |embedding, variables: &[(&'static str, &str)], expected: Result<&str, &str>| {
        let variables = variables.iter().map(|(name, value)| (*name, Secret::from(*value)));
        let variables = variables.collect();
        let settings = IntentRouting { embedding, variables, ..IntentRouting::default() };
        let opened = services::open(&settings).expect("a service");
        match (opened, expected) {
            (Ok(opened), Ok(identity)) => assert_eq!(opened.identity(), identity),
            (Err(error), Err(words)) => assert!(error.to_string().contains(words), "{error}"),
            (opened, _) => panic!("{opened:?} instead of {expected:?}"),
        }
    };
    let (openai, gemini, ollama) = (Embedding::OpenAi, Embedding::Gemini, Embedding::Ollama);
    check(openai, &[], Err("`OPENAI_API_KEY` is not set; run `bridge set-env OPENAI_API_KEY`"));
    check(openai, &[("OPENAI_API_KEY", "k")], Ok("openai/text-embedding-3-small"));
    check(
        openai,
        &[("OPENAI_BASE_URL", "http://localhost:1234/v1/")],
        Ok("openai/localhost:1234/v1/text-embedding-3-small"),
    );
    check(openai, &[("OPENAI_BASE_URL", "http://example.com")], Err("another machine"));
    check(openai, &[("OPENAI_API_KEY", "k\nk"), ("OPENAI_BASE_URL", "https://h")], Err("cannot"));
    check(gemini, &[], Err("`GEMINI_API_KEY` is not set"));
    check(gemini, &[("GOOGLE_API_KEY", "k")], Ok("gemini/gemini-embedding-001/768"));
    check(ollama, &[], Ok("ollama/nomic-embed-text"));
    check(ollama, &[("OLLAMA_HOST", "10.0.0.1")], Ok("ollama/nomic-embed-text"));
    check(ollama, &[("OLLAMA_HOST", "10.0.0.1"), ("OLLAMA_API_KEY", "k")], Err("another machine"));
    for embedding in [Embedding::Auto, Embedding::Keyword, Embedding::Fastembed] {
        let settings = IntentRouting { embedding, ..IntentRouting::default() };
        assert!(services::open(&settings).is_none());
    }
}
