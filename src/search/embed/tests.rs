//! The services against a server on this machine that speaks as they do, well or badly.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use super::remote::{Dialect, Patience, Remote};
use super::{EmbedError, Embedder, Purpose, gemini, ollama, openai, services};
use crate::base::backoff::Backoff;
use crate::base::secret::Secret;
use crate::config::{Embedding, IntentRouting};

const CLOSED: &str = "Connection: close\r\n";
const SECRET: &str = "sk-very/secret";

/// One request as it came.
#[derive(Clone)]
struct Asked {
    /// The request line and the headers.
    head: String,
    body: Value,
}

enum Reply {
    Json(u16, Value),
    /// With further headers, each ended.
    Headed(u16, &'static str, Value),
    /// Whatever bytes, after which the connection ends.
    Raw(String),
    /// No answer as long as the connection is open.
    Silence,
}

/// A server that answers each request by its number, counted from 0, and remembers them.
struct Server {
    base: String,
    asked: Arc<Mutex<Vec<Asked>>>,
    task: JoinHandle<()>,
}

impl Server {
    async fn start(reply: impl Fn(usize, &Asked) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let base = format!("http://{}", listener.local_addr().expect("an address"));
        let asked: Arc<Mutex<Vec<Asked>>> = Arc::default();
        let noted = asked.clone();
        let task = tokio::spawn(async move {
            let mut silent = Vec::new();
            loop {
                let (mut stream, _) = listener.accept().await.expect("a connection");
                let request = read(&mut stream).await;
                let number = {
                    let mut noted = noted.lock().unwrap_or_else(PoisonError::into_inner);
                    noted.push(request.clone());
                    noted.len() - 1
                };
                let text = match reply(number, &request) {
                    Reply::Json(status, body) => whole(status, CLOSED, &body),
                    Reply::Headed(status, headers, body) => {
                        whole(status, &format!("{CLOSED}{headers}"), &body)
                    }
                    Reply::Raw(text) => text,
                    Reply::Silence => {
                        silent.push(stream);
                        continue;
                    }
                };
                // A client that has seen enough may be gone.
                let _ = stream.write_all(text.as_bytes()).await;
            }
        });
        Self { base, asked, task }
    }

    fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn openai(&self) -> Remote<impl Dialect + use<>> {
        let key = Secret::from(SECRET);
        let opened = openai::open(Some("m"), Some(&self.base), Some(&key));
        opened.expect("an address").with_patience(PATIENCE)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

const PATIENCE: Patience = Patience {
    tries: 3,
    limit: Duration::from_secs(20),
    backoff: Backoff { first: Duration::from_millis(1), longest: Duration::from_secs(1) },
};

async fn read(stream: &mut TcpStream) -> Asked {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.expect("a request"));
    }
    let head = String::from_utf8(head).expect("headers are ASCII").to_ascii_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    let length: usize = length.expect("a length").parse().expect("a number");
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.expect("a body");
    Asked { head, body: serde_json::from_slice(&body).expect("JSON") }
}

fn whole(status: u16, headers: &str, body: &Value) -> String {
    let body = body.to_string();
    let length = body.len();
    format!("HTTP/1.1 {status} Said\r\n{headers}Content-Length: {length}\r\n\r\n{body}")
}

fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

/// An answer to each text of a request, in `OpenAI`'s words, last one first: its length and 1.
fn backwards(asked: &Asked) -> Value {
    let inputs = asked.body["input"].as_array().expect("texts");
    let one = |(index, text): (usize, &Value)| {
        let length = text.as_str().expect("a text").len();
        json!({"object": "embedding", "index": index, "embedding": [length, 1]})
    };
    json!({"object": "list", "data": inputs.iter().enumerate().rev().map(one).collect::<Vec<_>>()})
}

/// The vector that belongs to a text of this length.
fn expected(length: u16) -> Vec<f32> {
    let norm = f32::from(length).hypot(1.0);
    vec![f32::from(length) / norm, 1.0 / norm]
}

fn assert_close(found: &[Vec<f32>], expected: &[Vec<f32>]) {
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(expected) {
        assert_eq!(found.len(), expected.len());
        let is_close = found.iter().zip(expected).all(|(one, other)| (one - other).abs() < 1e-6);
        assert!(is_close, "{found:?} is not {expected:?}");
    }
}

/// What comes of one text when the server answers like that, and how often it was asked.
async fn outcome(
    reply: impl Fn(usize, &Asked) -> Reply + Send + Sync + 'static,
) -> (Result<Vec<Vec<f32>>, EmbedError>, usize) {
    let server = Server::start(reply).await;
    let outcome = server.openai().embed(&texts(&["abc"]), Purpose::Query).await;
    if let Err(error) = &outcome {
        let told = format!("{error} {error:?}");
        assert!(!told.contains("secret"), "{told}");
    }
    (outcome, server.asked().len())
}

#[tokio::test]
async fn vectors_find_their_texts_in_whatever_order_they_come() {
    let server = Server::start(|_, asked| Reply::Json(200, backwards(asked))).await;
    let openai = server.openai();
    assert_eq!(openai.dimensions(), 0);
    let found = openai.embed(&texts(&["a", "", "abc"]), Purpose::Query).await.expect("vectors");
    assert_close(&found, &[expected(1), expected(1), expected(3)]);
    assert_eq!(openai.dimensions(), 2);
    let asked = &server.asked()[0];
    assert!(asked.head.starts_with("post /v1/embeddings http/1.1\r\n"), "{}", asked.head);
    assert!(asked.head.contains(&format!("\r\nauthorization: bearer {SECRET}\r\n")));
    assert!(asked.head.contains("\r\ncontent-type: application/json\r\n"));
    // An empty text would be refused.
    let body = json!({"model": "m", "input": ["a", "-", "abc"], "encoding_format": "float"});
    assert_eq!(asked.body, body);
}

#[tokio::test]
async fn many_texts_go_out_in_parts() {
    let server = Server::start(|_, asked| Reply::Json(200, backwards(asked))).await;
    let many: Vec<String> = (1..=600).map(|length| "x".repeat(length)).collect();
    let found = server.openai().embed(&many, Purpose::Document).await.expect("vectors");
    let expected: Vec<Vec<f32>> = (1..=600).map(expected).collect();
    assert_close(&found, &expected);
    let sizes = |server: &Server| -> Vec<usize> {
        let asked = server.asked();
        asked.iter().map(|asked| asked.body["input"].as_array().map_or(0, Vec::len)).collect()
    };
    assert_eq!(sizes(&server), [256, 256, 88]);
    // Long ones are cut, and fewer of them go together.
    let server = Server::start(|_, asked| Reply::Json(200, backwards(asked))).await;
    let long = vec!["é".repeat(7000); 20];
    server.openai().embed(&long, Purpose::Document).await.expect("vectors");
    assert_eq!(sizes(&server), [16, 4]);
    let first = server.asked()[0].body["input"][0].as_str().map(|text| text.chars().count());
    assert_eq!(first, Some(6000));
    assert!(server.openai().embed(&[], Purpose::Query).await.expect("nothing").is_empty());
    assert_eq!(server.asked().len(), 2);
}

#[tokio::test]
async fn what_passes_by_itself_is_tried_again() {
    let good = |asked: &Asked| Reply::Json(200, backwards(asked));
    let error = || json!({"error": {"message": "slow down", "type": "requests", "code": null}});
    let (found, tries) = outcome(move |number, asked| match number {
        0 => Reply::Headed(429, "Retry-After: 0\r\n", error()),
        _ => good(asked),
    })
    .await;
    assert_close(&found.expect("vectors"), &[expected(3)]);
    assert_eq!(tries, 2);
    let (found, tries) = outcome(move |number, asked| match number {
        0 => Reply::Raw("HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n".to_owned()),
        1 => Reply::Raw("HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{\"data\"".to_owned()),
        _ => good(asked),
    })
    .await;
    assert_close(&found.expect("vectors"), &[expected(3)]);
    assert_eq!(tries, 3);
}

#[tokio::test]
async fn there_is_an_end_to_trying() {
    let told = |message: &str| json!({"error": {"message": message}});
    let check = async |reply: fn(Value) -> Reply, status: u16, tries: usize, words: &str| {
        let body = told(&format!("no {SECRET}\n\u{1b}[2J for you"));
        let (outcome, found) = outcome(move |_, _| reply(body.clone())).await;
        let error = outcome.expect_err("refused");
        assert!(
            matches!(&error, EmbedError::Refused { status: found, .. } if *found == status),
            "{error:?}"
        );
        assert!(error.to_string().contains(words), "{error}");
        assert_eq!(found, tries, "{error}");
    };
    check(|body| Reply::Json(500, body), 500, 3, "no *** [2J for you").await;
    check(|body| Reply::Json(400, body), 400, 1, "no *** [2J for you").await;
    check(|body| Reply::Json(401, body), 401, 1, "`OPENAI_API_KEY`").await;
    check(|_| Reply::Json(404, json!("gone")), 404, 1, "its answer has status 404").await;
    check(|body| Reply::Headed(429, "Retry-After: 3600\r\n", body), 429, 1, "no ***").await;
    let elsewhere = |body| Reply::Headed(302, "Location: http://elsewhere.example/\r\n", body);
    check(elsewhere, 302, 1, "`elsewhere.example`").await;
    check(
        |_| Reply::Json(429, json!({"error": {"message": "pay", "code": "insufficient_quota"}})),
        429,
        1,
        "pay",
    )
    .await;
}

#[tokio::test]
async fn answers_that_are_no_vectors_are_told_apart() {
    let check = async |body: Value, words: &str| {
        let (outcome, tries) = outcome(move |_, _| Reply::Json(200, body.clone())).await;
        let error = outcome.expect_err("no vectors");
        assert!(matches!(error, EmbedError::WrongShape { .. }), "{error:?}");
        assert!(error.to_string().contains(words), "{error}");
        assert_eq!((tries, error.retryable()), (1, false));
    };
    let at = |index: usize, vector: Value| json!({"index": index, "embedding": vector});
    check(json!({"data": []}), "no vector has index 0").await;
    check(json!({"data": [at(1, json!([1]))]}), "index 1, of 1").await;
    check(json!({"data": [at(0, json!([1])), at(0, json!([1]))]}), "two vectors").await;
    check(json!({"data": [at(0, json!([]))]}), "0 numbers").await;
    check(json!({"data": [at(0, json!([0, 0]))]}), "no direction").await;
    check(json!({"data": [at(0, json!([1e39, 0]))]}), "").await;
    check(json!({"data": [at(0, json!([null, 1]))]}), "null").await;
    check(json!({"data": SECRET}), "***").await;
    check(json!([]), "").await;
}

#[tokio::test]
async fn what_is_too_large_is_not_read() {
    let head = "HTTP/1.1 200 OK\r\nContent-Length: 999999999\r\n\r\n{";
    let (outcome, tries) = outcome(move |_, _| Reply::Raw(head.to_owned())).await;
    assert!(matches!(outcome, Err(EmbedError::WrongShape { .. })), "{outcome:?}");
    assert_eq!(tries, 1);
}

#[tokio::test]
async fn a_vector_of_another_length_than_before_is_an_error() {
    let reply = |number, _: &Asked| {
        let vector = if number == 0 { json!([1, 0]) } else { json!([1, 0, 0]) };
        Reply::Json(200, json!({"data": [{"index": 0, "embedding": vector}]}))
    };
    let server = Server::start(reply).await;
    let openai = server.openai();
    openai.embed(&texts(&["a"]), Purpose::Query).await.expect("a vector");
    let error = openai.embed(&texts(&["a"]), Purpose::Query).await.expect_err("another length");
    assert!(error.to_string().contains("3 numbers and should have 2"), "{error}");
    assert_eq!(openai.dimensions(), 2);
}

#[tokio::test]
async fn who_is_silent_or_not_there_is_not_waited_for() {
    let server = Server::start(|_, _| Reply::Silence).await;
    let hasty = Patience { tries: 2, limit: Duration::from_millis(30), ..PATIENCE };
    let openai = server.openai().with_patience(hasty);
    let error = openai.embed(&texts(&["a"]), Purpose::Query).await.expect_err("silent");
    assert!(matches!(error, EmbedError::Unreachable { .. }), "{error:?}");
    assert!(error.to_string().contains("no answer within 30ms"), "{error}");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let base = format!("http://{}", listener.local_addr().expect("an address"));
    drop(listener);
    let gone = ollama::open(None, Some(&base), None).expect("an address");
    let gone = gone.with_patience(PATIENCE);
    let error = gone.embed(&texts(&["a"]), Purpose::Query).await.expect_err("nobody");
    assert!(matches!(error, EmbedError::Unreachable { .. }), "{error:?}");
    assert!(error.retryable());
}

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
