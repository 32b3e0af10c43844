//! Answers in parts, late, too large or wrong: what becomes of the texts.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::server::{
    Asked, PATIENCE, Reply, SECRET, Server, assert_close, backwards, expected, texts,
};
use crate::search::embed::remote::Patience;
use crate::search::embed::{EmbedError, Embedder, Purpose, ollama};

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
