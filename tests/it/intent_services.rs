//! `intent` where meaning is compared: by services that are asked over HTTP, and by a model of this machine.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::intent::{recipes, server};
use crate::support::{
    Bridge, Client, Reply, Request, Web, assert_words, error_of, eventually, json_of, run_in,
    within,
};

const KEY: &str = "sk-correct-horse-battery-staple";
/// No tool has a word of it; only the service knows that what is heated are liquids.
const WISH: &str = "beverages";

/// How a service is spoken to.
struct Service {
    embedding: &'static str,
    model: &'static str,
    /// Where its address goes, and what comes behind host and port there.
    variable: &'static str,
    base: &'static str,
    key: Option<&'static str>,
    path: &'static str,
}

const OPENAI: Service = Service {
    embedding: "openai",
    model: "tiny",
    variable: "OPENAI_BASE_URL",
    base: "/v1",
    key: Some("OPENAI_API_KEY"),
    path: "/v1/embeddings",
};
const GEMINI: Service = Service {
    embedding: "gemini",
    model: "tiny",
    variable: "GEMINI_BASE_URL",
    base: "",
    key: Some("GEMINI_API_KEY"),
    path: "/v1beta/models/tiny:batchEmbedContents",
};
const OLLAMA: Service = Service {
    embedding: "ollama",
    model: "tiny",
    variable: "OLLAMA_HOST",
    base: "",
    key: None,
    path: "/api/embed",
};

/// Tools about liquids lie in one direction, all others in another.
fn vector(text: &str) -> [f32; 3] {
    let is_liquid = ["liquid", WISH].iter().any(|word| text.to_lowercase().contains(word));
    if is_liquid { [1.0, 0.0, 0.2] } else { [0.0, 1.0, 0.2] }
}

/// The texts of a request to any of the services.
fn texts(request: &Request) -> Vec<String> {
    let inputs = request.body["input"].as_array();
    let requests = request.body["requests"].as_array();
    let parts = requests.into_iter().flatten().map(|one| &one["content"]["parts"][0]["text"]);
    let all = inputs.into_iter().flatten().chain(parts);
    all.map(|text| text.as_str().expect("a text").to_owned()).collect()
}

/// Answers as the service would that has this path.
fn embed(request: &Request, reply: &mut Reply) -> bool {
    let vectors: Vec<[f32; 3]> = texts(request).iter().map(|text| vector(text)).collect();
    let numbered = vectors.iter().enumerate();
    let answer = match request.path.as_str() {
        "/v1/embeddings" => {
            let data: Vec<Value> =
                numbered.map(|(at, vector)| json!({"index": at, "embedding": vector})).collect();
            json!({"object": "list", "data": data})
        }
        "/api/embed" => json!({"model": "tiny", "embeddings": vectors}),
        _ => {
            let values: Vec<Value> =
                vectors.iter().map(|vector| json!({"values": vector})).collect();
            json!({"embeddings": values})
        }
    };
    reply.json(&answer)
}

fn asks(service: &Service, web: &Web) -> Bridge {
    let bridge = asked_at(service, &web.url(service.base));
    bridge.config(|config| {
        config["intentRouting"] = json!({"embedding": service.embedding, "model": service.model});
    })
}

fn asked_at(service: &Service, url: &str) -> Bridge {
    let bridge = server(Bridge::new(), "kitchen", &recipes()).env(service.variable, url);
    service.key.into_iter().fold(bridge, |bridge, key| bridge.env(key, KEY))
}

fn ask(client: &mut Client, wish: &str) -> Value {
    client.mcp(&json!({"intent": wish}))
}

fn search_line(client: &mut Client) -> String {
    let status = client.mcp_json(&json!({"action": "status"}));
    status["intentSearch"].as_str().expect("a line").to_owned()
}

/// Asks until vectors of the tools are there.
#[track_caller]
fn assert_meaning_is_compared(client: &mut Client) {
    let found = eventually(|| json_of(&ask(client, WISH))["match"]["tool"] == "heat");
    assert!(found, "{}", client.stderr_text());
}

#[test]
fn services_compare_meanings() {
    for service in [OPENAI, GEMINI, OLLAMA] {
        let web = Web::start(embed);
        let bridge = asks(&service, &web);
        let output = bridge.run(&["intent", "--json", WISH]).expect(0);
        let answer = output.json();
        assert_eq!(answer["tools"][0]["tool"], "heat", "{answer}");
        assert_words(answer["model"].as_str().expect("a model"), &[service.embedding, "tiny"]);
        let asked = web.seen().clone();
        assert!(asked.iter().all(|request| request.path == service.path), "{asked:?}");
        let sent: Vec<String> = asked.iter().flat_map(texts).collect();
        assert_eq!(sent.len(), 9, "eight tools and a wish: {sent:?}");
        let has_key = asked[0].header("authorization") == Some(&format!("Bearer {KEY}"))
            || asked[0].header("x-goog-api-key") == Some(KEY);
        assert_eq!(has_key, service.key.is_some());
        assert!(!format!("{output:?}").contains(KEY));
        // From now on only the wish is sent.
        web.seen().clear();
        let mut client = bridge.serve_initialized();
        assert_meaning_is_compared(&mut client);
        let sent: Vec<String> = web.seen().iter().flat_map(texts).collect();
        assert!(sent.iter().all(|text| text.contains(WISH)), "{sent:?}");
        let line = search_line(&mut client);
        assert_words(&line, &["words and meaning", service.embedding, "tiny"]);
        assert!(!line.contains("to be made") && !line.contains(KEY), "{line}");
    }
}

#[test]
fn a_service_that_fails_leaves_the_words_and_is_told() {
    for service in [OPENAI, GEMINI, OLLAMA] {
        let says = format!("no such key: {KEY}");
        let web = Web::start(move |_, reply| {
            reply.send(400, &[], &json!({"error": {"message": says}}).to_string())
        });
        let bridge = asks(&service, &web);
        let output = bridge.run(&["intent", "delete the recipe"]).expect(0);
        assert_words(&output.stdout, &["delete_recipe"]);
        assert_words(&output.stderr, &["only words are compared", "refused"]);
        let explained = bridge.run(&["explain", "intent", "delete the recipe"]).expect(0);
        assert!(!explained.stderr.contains("bridge model install"), "{explained:?}");
        let mut client = bridge.serve_initialized();
        let answer = json_of(&ask(&mut client, "delete the recipe"));
        assert_eq!(answer["match"]["tool"], "delete_recipe", "{answer}");
        error_of(&ask(&mut client, WISH), "not_found");
        client.expect_stderr(&["by words only", "refused"]);
        let line = search_line(&mut client);
        assert_words(&line, &["words only", "refused"]);
        if service.key.is_some() {
            let all = format!("{output:?}{explained:?}{line}{}", client.stderr_text());
            assert!(!all.contains(KEY), "{all}");
        }
    }
}

#[test]
fn a_service_that_is_not_there_leaves_the_words() {
    let gone = Web::start(|_, reply| reply.cut());
    for service in [OPENAI, OLLAMA] {
        let mut client = asks(&service, &gone).serve_initialized();
        let answer = json_of(&ask(&mut client, "delete the recipe"));
        assert_eq!(answer["match"]["tool"], "delete_recipe", "{answer}");
        let told =
            within(Duration::from_secs(10), || search_line(&mut client).starts_with("words only"));
        assert!(told, "{}", search_line(&mut client));
        client.close_stdin();
        client.wait_exit(Duration::from_secs(10));
    }
}

#[test]
fn odd_answers_are_told_and_crash_nothing() {
    let answers = [
        json!({"embeddings": []}),
        json!({"embeddings": [[]]}),
        json!({"embeddings": [[0, 0, 0]]}),
        json!({"embeddings": [["a"]]}),
        json!({"embeddings": vec![vec![1; 9000]; 9]}),
        json!([]),
        json!("vectors"),
    ];
    for answer in answers {
        let web = Web::start(move |_, reply| reply.json(&answer));
        let output = asks(&OLLAMA, &web).run(&["intent", "delete the recipe"]).expect(0);
        assert_words(&output.stdout, &["delete_recipe"]);
        assert_words(&output.stderr, &["only words are compared"]);
    }
    let texts = ["", "{", "<html>", "{\"embeddings\": [[1e999, 1, 1]]}"];
    for text in texts {
        let web = Web::start(move |_, reply| reply.send(200, &[], text));
        let output = asks(&OLLAMA, &web).run(&["intent", "delete the recipe"]).expect(0);
        assert_words(&output.stdout, &["delete_recipe"]);
        assert_words(&output.stderr, &["only words are compared"]);
    }
}

#[test]
fn nothing_is_sent_anywhere_that_the_config_does_not_send() {
    for service in [OPENAI, GEMINI, OLLAMA] {
        for routing in
            [None, Some(json!({"embedding": "auto"})), Some(json!({"embedding": "keyword"}))]
        {
            let web = Web::start(embed);
            let bridge = asked_at(&service, &web.url(service.base)).config(|config| {
                if let Some(routing) = routing {
                    config["intentRouting"] = routing;
                }
            });
            bridge.run(&["intent", "delete the recipe"]).expect(0);
            let mut client = bridge.serve_initialized();
            error_of(&ask(&mut client, WISH), "not_found");
            client.close_stdin();
            client.wait_exit(Duration::from_secs(10));
            assert_eq!(web.seen().len(), 0);
        }
    }
}

#[test]
fn a_key_that_is_missing_is_said() {
    let bridge = server(Bridge::new(), "kitchen", &recipes())
        .config(|config| config["intentRouting"] = json!({"embedding": "openai"}));
    let output = bridge.run(&["intent", "delete the recipe"]).expect(0);
    let words = ["only", "`OPENAI_API_KEY` is not set", "bridge set-env"];
    assert_words(&output.stderr, &words);
    let mut client = bridge.serve_initialized();
    assert_words(&search_line(&mut client), &words);
    let answer = json_of(&ask(&mut client, "delete the recipe"));
    assert_eq!(answer["match"]["tool"], "delete_recipe", "{answer}");
}

#[test]
fn the_bridge_ends_while_vectors_are_made() {
    let web = Web::start(|request, reply| {
        let is_wish = texts(request).iter().any(|text| text.contains("recipe, please"));
        if is_wish { embed(request, reply) } else { reply.wait_gone() }
    });
    let bridge = asks(&OLLAMA, &web).set("shutdownTimeoutMs", 4000);
    let mut client = bridge.serve_initialized();
    let answer = json_of(&ask(&mut client, "delete the recipe, please"));
    assert_eq!(answer["match"]["tool"], "delete_recipe", "{answer}");
    assert!(eventually(|| web.seen().len() == 2), "the tools are on their way");
    client.signal(Signal::TERM);
    client.wait_exit(Duration::from_secs(3));
    assert!(!client.stderr_text().contains("not everything ended"), "{}", client.stderr_text());
}

#[test]
fn bridges_of_one_home_share_their_vectors() {
    let web = Web::start(embed);
    let host = format!("OLLAMA_HOST={}\n", web.host());
    let bridge = asks(&OLLAMA, &web).file(".env", &host);
    bridge.run(&["tools", "kitchen"]).expect(0);
    let intent = || run_in(bridge.home(), &["intent", WISH]).expect(0);
    let outputs = thread::scope(|scope| {
        let runs: Vec<_> = (0..4).map(|_| scope.spawn(intent)).collect();
        runs.into_iter().map(|run| run.join().expect("no panic")).collect::<Vec<_>>()
    });
    assert!(outputs.iter().all(|output| output.stdout.contains("heat")), "{outputs:?}");
    web.seen().clear();
    intent();
    let sent: Vec<String> = web.seen().iter().flat_map(texts).collect();
    assert_eq!(sent.len(), 1, "only the wish: {sent:?}");
}

#[test]
fn vectors_that_cannot_be_kept_are_used() {
    let web = Web::start(embed);
    // Nobody, not even a superuser, makes a folder out of a file.
    let bridge = asks(&OLLAMA, &web).file("cache/vectors", "");
    let output = bridge.run(&["intent", WISH]).expect(0);
    assert_words(&output.stdout, &["heat"]);
    assert_words(&output.stderr, &["vectors are not kept"]);
}

#[test]
fn damaged_vectors_are_made_again() {
    let web = Web::start(embed);
    let bridge = asks(&OLLAMA, &web);
    bridge.run(&["intent", WISH]).expect(0);
    let folder = bridge.path("cache/vectors");
    let files = fs::read_dir(&folder).expect("kept").map(|entry| entry.expect("read").path());
    let file = files.into_iter().find(|path| path.extension().is_some_and(|end| end == "vectors"));
    let file = file.expect("a file of vectors");
    let whole = fs::read(&file).expect("readable");
    for damaged in [&whole[..whole.len() / 2], b"no vectors at all", b""] {
        fs::write(&file, damaged).expect("written");
        let output = bridge.run(&["intent", WISH]).expect(0);
        assert_words(&output.stdout, &["heat"]);
        assert_eq!(fs::read(&file).expect("readable").len(), whole.len());
    }
}

/// The folder below `target/model`; none, and a word on it, where nobody got the model.
fn fetched(name: &str) -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/model").join(name);
    let is_there = fs::read_dir(&folder).is_ok_and(|mut entries| entries.next().is_some());
    if !is_there {
        use std::io::Write as _;
        let _ = std::io::stderr().write_all(b"intent: skipped, there is no model (just model)\n");
    }
    is_there.then_some(folder)
}

/// A bridge with the model installed; none where nobody got it.
fn with_model() -> Option<Bridge> {
    let folder = fetched("model")?;
    let bridge = server(Bridge::new(), "kitchen", &recipes());
    let folder = folder.to_str().expect("the path is UTF-8");
    bridge.run(&["model", "install", "--from", folder]).expect(0);
    Some(bridge)
}

#[test]
fn the_installed_model_takes_part() {
    let Some(bridge) = with_model() else { return };
    let answer = bridge.run(&["intent", "--json", "make the soup hot"]).expect(0).json();
    assert_eq!(answer["tools"][0]["tool"], "heat", "{answer}");
    assert_words(answer["model"].as_str().expect("a model"), &["all-MiniLM-L6-v2"]);
    let explained = bridge.run(&["explain", "intent", "make the soup hot"]).expect(0);
    assert_words(&explained.stdout, &["by meaning 1", "cosine"]);
    let mut client = bridge.serve_initialized();
    let found =
        eventually(|| json_of(&ask(&mut client, "make the soup hot"))["match"]["tool"] == "heat");
    assert!(found, "{}", client.stderr_text());
    assert_words(&search_line(&mut client), &["words and meaning", "all-MiniLM-L6-v2"]);
}

#[test]
fn a_damaged_model_leaves_the_words_and_says_what_to_do() {
    let Some(bridge) = with_model() else { return };
    let weights = bridge.path("models/all-MiniLM-L6-v2/model.onnx_data");
    let length = fs::metadata(&weights).expect("installed").len();
    let file = fs::File::options().write(true).open(&weights).expect("ours");
    // Cut off, and as long as before but with other bytes.
    for cut in [length / 2, length] {
        file.set_len(length / 2).expect("cut");
        file.set_len(cut).expect("filled with zeros");
        let output = bridge.run(&["intent", "delete the recipe"]).expect(0);
        assert_words(&output.stdout, &["delete_recipe"]);
        assert_words(&output.stderr, &["only words", "model.onnx_data", "install the model again"]);
    }
    let mut client = bridge.serve_initialized();
    let answer = json_of(&ask(&mut client, "delete the recipe"));
    assert_eq!(answer["match"]["tool"], "delete_recipe", "{answer}");
    let told = eventually(|| search_line(&mut client).contains("install the model again"));
    assert!(told, "{}", search_line(&mut client));
}

#[test]
fn a_library_that_is_none_leaves_the_words_and_is_told() {
    for name in ["missing.so", "none.so", "relative"] {
        let Some(bridge) = with_model() else { return };
        let bridge = bridge.file("none.so", "no library");
        let path = bridge.path(name).to_str().expect("the path is UTF-8").to_owned();
        let path = if name == "relative" { name } else { path.as_str() };
        let bridge = bridge.env("ORT_DYLIB_PATH", path);
        let output = bridge.run(&["intent", "delete the recipe"]).expect(0);
        assert_words(&output.stdout, &["delete_recipe"]);
        assert_words(&output.stderr, &["only words", "`ORT_DYLIB_PATH`"]);
        let mut client = bridge.serve_initialized();
        let answer = json_of(&ask(&mut client, "delete the recipe"));
        assert_eq!(answer["match"]["tool"], "delete_recipe", "{answer}");
        let told = eventually(|| search_line(&mut client).contains("`ORT_DYLIB_PATH`"));
        assert!(told, "{name}: {}", search_line(&mut client));
    }
}
