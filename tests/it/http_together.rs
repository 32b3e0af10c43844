//! Several clients at once over HTTP, with sessions and without: each hears of its own calls only, and is asked only what
//! they ask.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use crate::support::{
    Bridge, HttpReply, HttpServer, UPSTREAM, initialize_params, stateless, text_of,
};

/// The scripted server, reached by URL.
struct Upstream {
    process: Child,
    url: String,
}

/// One client of the bridge.
struct Who<'a> {
    name: &'static str,
    server: &'a HttpServer,
    /// Its session, if it has one.
    session: Option<String>,
    /// From which level on it wants logs.
    level: Option<&'static str>,
}

/// A call that has asked its client something.
struct Asked {
    reply: Option<HttpReply>,
    /// Each question with what its answer has to name.
    questions: Vec<(Value, Value)>,
    state: Value,
    call: (&'static str, Value),
}

impl Upstream {
    fn start(flags: &[&str]) -> Self {
        let mut command = Command::new(UPSTREAM);
        command.args(["--http", "0"]).args(flags);
        let mut process =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("it starts");
        let mut url = String::new();
        let stdout = process.stdout.take().expect("it is piped");
        BufReader::new(stdout).read_line(&mut url).expect("it says where it listens");
        Self { process, url: url.trim_end().to_owned() }
    }

    fn entry(&self) -> Value {
        json!({"transport": "streamable-http", "url": self.url})
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn capabilities() -> Value {
    json!({"sampling": {}, "elicitation": {}, "roots": {}})
}

impl Who<'_> {
    /// Two with sessions and two without.
    fn all(server: &HttpServer) -> [Who<'_>; 4] {
        let open = |name: &'static str, level: &'static str| {
            let mut params = initialize_params("2025-11-25");
            params["capabilities"] = capabilities();
            params["clientInfo"]["name"] = json!(name);
            let message =
                json!({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": params});
            let reply = server.post(&[], &message);
            let session = reply.header("mcp-session-id").map(str::to_owned);
            let who = Who { name, server, session, level: Some(level) };
            let set = json!({"jsonrpc": "2.0", "id": 1, "method": "logging/setLevel", "params": {"level": level}});
            assert_eq!(who.send(&set).json()["result"], json!({}));
            who
        };
        let alone = |name, level| Who { name, server, session: None, level };
        [
            open("first", "debug"),
            alone("second", Some("info")),
            open("third", "error"),
            alone("fourth", None),
        ]
    }

    fn send(&self, message: &Value) -> HttpReply {
        let session = self.session.as_deref().expect("it has one");
        self.server.post(&[("Mcp-Session-Id", session)], message)
    }

    /// All of them use the same ids and tokens.
    fn call(&self, id: u64, tool: &str, params: Value) -> HttpReply {
        let mut params = params;
        params["name"] = json!(tool);
        params["_meta"] = json!({"progressToken": "t"});
        if self.session.is_some() {
            let message =
                json!({"jsonrpc": "2.0", "id": id, "method": "tools/call", "params": params});
            return self.send(&message);
        }
        let mut message = stateless(id, "tools/call", params);
        let meta = &mut message["params"]["_meta"];
        meta["io.modelcontextprotocol/clientCapabilities"] = capabilities();
        if let Some(level) = self.level {
            meta["io.modelcontextprotocol/logLevel"] = json!(level);
        }
        let headers = [
            ("MCP-Protocol-Version", "2026-07-28"),
            ("Mcp-Method", "tools/call"),
            ("Mcp-Name", tool),
        ];
        self.server.post(&headers, &message)
    }

    /// Calls a tool that asks so many questions.
    fn ask(&self, id: u64, tool: &'static str, arguments: &Value, count: usize) -> Asked {
        let params = json!({ "arguments": arguments });
        let mut reply = self.call(id, tool, params.clone());
        let call = (tool, params);
        if self.session.is_some() {
            let is_stream = reply.header("content-type") == Some("text/event-stream");
            assert!(is_stream, "{} is not asked: {}", self.name, reply.body());
            let asked = std::iter::from_fn(|| reply.message()).take(count);
            let questions = asked.map(|asked| (asked["id"].clone(), asked)).collect();
            return Asked { reply: Some(reply), questions, state: Value::Null, call };
        }
        let result = reply.json()["result"].take();
        assert_eq!(result["resultType"], "input_required", "{result}");
        let questions = result["inputRequests"].as_object().expect("a map").iter();
        let questions = questions.map(|(key, asked)| (json!(key), asked.clone())).collect();
        Asked { reply: None, questions, state: result["requestState"].clone(), call }
    }

    /// Answers all of them, and returns the result of the call.
    fn answer(&self, id: u64, asked: Asked) -> Value {
        let Asked { reply, questions, state, call: (tool, mut params) } = asked;
        let last = if let Some(reply) = reply {
            for (id, question) in &questions {
                let answer = self.says(question);
                let message = json!({"jsonrpc": "2.0", "id": id, "result": answer});
                assert_eq!(self.send(&message).status, 202);
            }
            let rest = reply.messages();
            assert_eq!(rest.len(), 1, "{}: {rest:?}", self.name);
            rest[0].clone()
        } else {
            for (key, question) in &questions {
                params["inputResponses"][key.as_str().expect("a key")] = self.says(question);
            }
            params["requestState"] = state;
            self.call(id, tool, params).json()
        };
        assert_eq!(last["id"], id, "{last}");
        last["result"].clone()
    }

    /// Its answer to a question, in which its name stands.
    fn says(&self, question: &Value) -> Value {
        match question["method"].as_str().expect("a method") {
            "elicitation/create" => json!({"action": "accept", "content": {"who": self.name}}),
            "roots/list" => json!({"roots": [{"uri": format!("file:///{}", self.name)}]}),
            "sampling/createMessage" => {
                let content = json!({"type": "text", "text": self.name});
                json!({"role": "assistant", "content": content, "model": "m"})
            }
            other => panic!("{} is asked `{other}`", self.name),
        }
    }
}

/// The messages of an answer, be it a stream or not.
fn messages(reply: HttpReply) -> Vec<Value> {
    if reply.header("content-type") == Some("application/json") {
        return vec![reply.json()];
    }
    reply.messages()
}

fn serve(entry: Option<Value>, flags: &[&str]) -> HttpServer {
    let bridge = Bridge::new().set("mode", "direct");
    let bridge = match entry {
        Some(entry) => bridge.entry("one", entry),
        None => bridge.server("one", flags),
    };
    bridge.serve_http(&["--http"])
}

/// Everybody is asked before anybody answers.
fn check_questions(server: &HttpServer) {
    let all = Who::all(server);
    for method in ["elicitation/create", "sampling/createMessage"] {
        let asked = all.iter().map(|who| {
            let params = json!({"message": who.name, "messages": [], "maxTokens": 1, "requestedSchema": {"type": "object", "properties": {}}});
            let asked = who.ask(7, "one_ask", &json!({"method": method, "params": params}), 1);
            assert_eq!(asked.questions.len(), 1);
            let question = &asked.questions[0].1;
            assert_eq!(question["method"], method);
            assert_eq!(question["params"]["message"], who.name, "{question}");
            asked
        });
        let asked: Vec<Asked> = asked.collect();
        for (who, asked) in all.iter().zip(asked).rev() {
            let answer = who.says(&asked.questions[0].1);
            let result = who.answer(7, asked);
            let heard: Value = serde_json::from_str(text_of(&result)).expect("what it heard");
            assert_eq!(heard["result"], answer);
        }
    }
}

/// The same with a server that asks by results, always with the same words.
fn check_rounds(server: &HttpServer) {
    let all = Who::all(server);
    let asked: Vec<Asked> =
        all.iter().map(|who| who.ask(7, "one_rounds", &json!({"count": 1}), 2)).collect();
    for (who, asked) in all.iter().zip(asked).rev() {
        assert_eq!(asked.questions.len(), 2);
        let result = who.answer(7, asked);
        let heard: Value = serde_json::from_str(text_of(&result)).expect("what it heard");
        assert_eq!(heard["name"]["content"]["who"], who.name, "{heard}");
        assert_eq!(heard["folders"]["roots"][0]["uri"], format!("file:///{}", who.name));
    }
}

/// Calls that take a while, and others that write logs meanwhile; each client hears so many of these.
fn check_notifications(server: &HttpServer, logs: [usize; 4]) {
    let all = Who::all(server);
    let begun: Vec<HttpReply> = (20..)
        .zip(&all)
        .map(|(count, who)| {
            let arguments = json!({"count": count, "delayMs": 20});
            who.call(8, "one_progress", json!({ "arguments": arguments }))
        })
        .collect();
    check_logs(&all, logs);
    for ((total, reply), who) in (20_usize..).zip(begun).zip(&all) {
        let heard = messages(reply);
        assert_eq!(heard.len(), total + 1, "{}: {heard:?}", who.name);
        for (step, told) in (1..).zip(&heard[..total]) {
            assert_eq!(told["method"], "notifications/progress", "{}: {told}", who.name);
            let params = &told["params"];
            assert_eq!(
                (&params["progressToken"], &params["progress"]),
                (&json!("t"), &json!(step))
            );
            assert_eq!(params["total"], total, "{}: {told}", who.name);
        }
        assert_eq!(heard[total]["id"], 8);
    }
}

/// Each client hears so many log messages of a call.
fn check_logs(all: &[Who<'_>], logs: [usize; 4]) {
    for (who, count) in all.iter().zip(logs) {
        let heard = messages(who.call(9, "one_log", json!({"arguments": {}})));
        let (last, told) = heard.split_last().expect("an answer");
        assert_eq!(last["id"], 9, "{last}");
        let is_log = |message: &Value| message["method"] == "notifications/message";
        assert!(told.iter().all(is_log), "{}: {told:?}", who.name);
        assert_eq!(told.len(), count, "{}: {told:?}", who.name);
    }
}

#[test]
fn clients_of_a_child_process_do_not_hear_each_other() {
    let server = serve(None, &["--rich"]);
    check_questions(&server);
    check_notifications(&server, [3, 2, 1, 0]);
}

#[test]
fn clients_of_a_server_with_a_url_do_not_hear_each_other() {
    let upstream = Upstream::start(&["--rich", "--era", "session"]);
    let server = serve(Some(upstream.entry()), &[]);
    check_questions(&server);
    check_notifications(&server, [3, 2, 1, 0]);
}

#[test]
fn clients_of_a_child_process_without_sessions_do_not_hear_each_other() {
    let server = serve(None, &["--stateless"]);
    check_rounds(&server);
    // They share a stream on which nothing says whose a log message is, but all about a call comes before its answer.
    check_notifications(&server, [0; 4]);
    check_logs(&Who::all(&server), [1, 1, 1, 0]);
}

#[test]
fn clients_of_a_server_with_a_url_and_without_sessions_do_not_hear_each_other() {
    let upstream = Upstream::start(&["--stateless", "--era", "stateless"]);
    let server = serve(Some(upstream.entry()), &[]);
    check_rounds(&server);
    check_notifications(&server, [1, 1, 1, 0]);
}
