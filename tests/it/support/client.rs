//! A client that sees every line. Nothing waits longer than its patience, and what it saw is in the failure.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::Command;
use std::sync::mpsc::RecvTimeoutError;
use std::time::Duration;

use rustix::process::Signal;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::time::Instant;

use super::bridge::{Output, run_in};
use super::spawned::Spawned;
use super::{PATIENCE, assert_words, eventually, json_of};

const SHOWN: usize = 12;

/// A running bridge, killed when dropped.
pub(crate) struct Client {
    process: Spawned,
    home: TempDir,
    kept: VecDeque<Value>,
    /// The rest of an array that was taken apart.
    unpacked: VecDeque<Value>,
    /// The revision has arrays of messages.
    batches: bool,
    last_seen: VecDeque<String>,
    last_line: String,
    last_id: u64,
}

impl Client {
    pub(crate) fn start(command: Command, home: TempDir) -> Self {
        Self {
            process: Spawned::start(command),
            home,
            kept: VecDeque::new(),
            unpacked: VecDeque::new(),
            batches: false,
            last_seen: VecDeque::new(),
            last_line: String::new(),
            last_id: 0,
        }
    }

    /// Shakes hands with the newest session revision; returns the result of `initialize`.
    #[track_caller]
    pub(crate) fn initialize(&mut self) -> Value {
        self.initialize_as("2025-11-25")
    }

    /// Shakes hands, asking for this revision.
    #[track_caller]
    pub(crate) fn initialize_as(&mut self, revision: &str) -> Value {
        self.batches = revision == "2025-03-26";
        let id = self.request("initialize", initialize_params(revision));
        let result = self.result(id);
        self.notify("notifications/initialized", json!({}));
        result
    }

    /// Writes bytes as they are.
    #[track_caller]
    pub(crate) fn send_raw(&mut self, bytes: &[u8]) {
        let sent = self.process.write(bytes);
        assert!(sent.is_ok(), "the bridge does not read: {sent:?}\n{}", self.seen());
    }

    /// Writes one message and its line end.
    #[track_caller]
    pub(crate) fn send(&mut self, message: &Value) {
        self.send_raw(format!("{message}\n").as_bytes());
    }

    /// Sends a request and returns its id.
    #[track_caller]
    pub(crate) fn request(&mut self, method: &str, params: Value) -> u64 {
        self.last_id += 1;
        let id = self.last_id;
        let mut message = json!({"jsonrpc": "2.0", "id": id, "method": method});
        message["params"] = params;
        self.send(&message);
        id
    }

    #[track_caller]
    pub(crate) fn notify(&mut self, method: &str, params: Value) {
        let mut message = json!({"jsonrpc": "2.0", "method": method});
        message["params"] = params;
        self.send(&message);
    }

    /// The answer to this id, as a whole message. Other messages are kept for `next`.
    #[track_caller]
    pub(crate) fn answer(&mut self, id: impl Into<Value>) -> Value {
        let id = id.into();
        self.find(|message| message["id"] == id && message.get("method").is_none())
    }

    /// The same, and nothing when there is none in time.
    #[track_caller]
    pub(crate) fn answer_within(&mut self, id: u64, within: Duration) -> Option<Value> {
        let is_answer = |message: &Value| message["id"] == id && message.get("method").is_none();
        if let Some(index) = self.kept.iter().position(is_answer) {
            return self.kept.remove(index);
        }
        let deadline = Instant::now() + within;
        while self.unpacked.is_empty() {
            let left = deadline.saturating_duration_since(Instant::now());
            let message = match self.process.line(left) {
                Ok(line) => self.parse(&line),
                Err(_) => return None,
            };
            if is_answer(&message) {
                return Some(message);
            }
            self.kept.push_back(message);
        }
        None
    }

    /// The result for this id.
    #[track_caller]
    pub(crate) fn result(&mut self, id: u64) -> Value {
        let mut answer = self.answer(id);
        assert!(answer.get("result").is_some(), "no result: {answer}\n{}", self.seen());
        answer["result"].take()
    }

    /// The first message, kept or to come, that is wanted. Others are kept.
    #[track_caller]
    pub(crate) fn find(&mut self, wanted: impl Fn(&Value) -> bool) -> Value {
        if let Some(index) = self.kept.iter().position(&wanted) {
            return self.kept.remove(index).expect("the index was just found");
        }
        let deadline = Instant::now() + PATIENCE;
        loop {
            let message = self.receive(deadline);
            if wanted(&message) {
                return message;
            }
            self.kept.push_back(message);
        }
    }

    /// The next message in order of arrival.
    #[track_caller]
    pub(crate) fn next(&mut self) -> Value {
        match self.kept.pop_front() {
            Some(message) => message,
            None => self.receive(Instant::now() + PATIENCE),
        }
    }

    /// Everything that has arrived by the time that a ping sent now is answered.
    #[track_caller]
    pub(crate) fn drain(&mut self) -> Vec<Value> {
        let ping = self.request("ping", json!({}));
        self.answer(ping);
        self.kept.drain(..).collect()
    }

    /// Sends a call of the `mcp` tool and returns its id.
    #[track_caller]
    pub(crate) fn start_mcp(&mut self, arguments: &Value) -> u64 {
        self.request("tools/call", json!({"name": "mcp", "arguments": arguments}))
    }

    /// Calls the `mcp` tool and returns the result.
    #[track_caller]
    pub(crate) fn mcp(&mut self, arguments: &Value) -> Value {
        let id = self.start_mcp(arguments);
        self.result(id)
    }

    /// Calls the `mcp` tool and returns the JSON in its text, be it an error or not.
    #[track_caller]
    pub(crate) fn mcp_json(&mut self, arguments: &Value) -> Value {
        json_of(&self.mcp(arguments))
    }

    /// Sends a call of an upstream's tool and returns its id.
    #[track_caller]
    pub(crate) fn start_call(&mut self, server: &str, tool: &str, params: Value) -> u64 {
        let mut arguments = json!({"action": "call", "server": server, "tool": tool});
        arguments["params"] = params;
        self.start_mcp(&arguments)
    }

    /// Calls an upstream's tool through the bridge.
    #[track_caller]
    pub(crate) fn call(&mut self, server: &str, tool: &str, params: Value) -> Value {
        let id = self.start_call(server, tool, params);
        self.result(id)
    }

    /// Asserts that a server echoes.
    #[track_caller]
    pub(crate) fn assert_echo(&mut self, server: &str) {
        let result = self.call(server, "echo", json!({"message": "still here"}));
        assert_eq!(result["content"][0]["text"], "still here", "{}", self.seen());
    }

    pub(crate) fn close_stdin(&mut self) {
        self.process.close_stdin();
    }

    /// Leaves stdout open and unread from now on, but for a line or two.
    pub(crate) fn stop_reading(&mut self) {
        self.process.stop_reading();
    }

    /// The process id of the bridge.
    pub(crate) fn pid(&self) -> u32 {
        self.process.pid()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        self.process.signal(signal).expect("it is our child");
    }

    /// Waits for the end and returns the exit code, -1 after a signal.
    #[track_caller]
    pub(crate) fn wait_exit(&mut self, within: Duration) -> i32 {
        match self.process.exit_code(within) {
            Some(code) => code,
            None => panic!(
                "the bridge still runs after {within:?}
{}",
                self.seen()
            ),
        }
    }

    /// Waits for the end of stdout; everything that came before is returned.
    #[track_caller]
    pub(crate) fn rest(&mut self) -> Vec<Value> {
        let mut messages: Vec<Value> = self.kept.drain(..).collect();
        loop {
            match self.process.line(PATIENCE) {
                Ok(line) => {
                    messages.push(self.parse(&line));
                    messages.extend(self.unpacked.drain(..));
                }
                Err(RecvTimeoutError::Disconnected) => return messages,
                Err(RecvTimeoutError::Timeout) => {
                    panic!("stdout is still open\n{}", self.seen())
                }
            }
        }
    }

    /// A path below the bridge's home folder.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    /// Runs another bridge to its end, in the same home folder.
    pub(crate) fn run_beside(&self, args: &[&str]) -> Output {
        run_in(self.home.path(), args)
    }

    /// Waits until stderr has all the words; it is read by another thread than stdout.
    #[track_caller]
    pub(crate) fn expect_stderr(&self, words: &[&str]) {
        eventually(|| words.iter().all(|word| self.stderr_text().contains(word)));
        assert_words(&self.stderr_text(), words);
    }

    /// The last line on stdout that was read.
    pub(crate) fn last_line(&self) -> &str {
        &self.last_line
    }

    /// Everything on stderr so far.
    pub(crate) fn stderr_text(&self) -> String {
        self.process.stderr_text()
    }

    #[track_caller]
    fn receive(&mut self, deadline: Instant) -> Value {
        if let Some(message) = self.unpacked.pop_front() {
            return message;
        }
        let left = deadline.saturating_duration_since(Instant::now());
        match self.process.line(left) {
            Ok(line) => self.parse(&line),
            Err(RecvTimeoutError::Timeout) => panic!("nothing came in time\n{}", self.seen()),
            Err(RecvTimeoutError::Disconnected) => panic!("stdout has ended\n{}", self.seen()),
        }
    }

    /// Every line on stdout must be a JSON-RPC message, in every test.
    #[track_caller]
    fn parse(&mut self, line: &[u8]) -> Value {
        let text = String::from_utf8_lossy(line);
        if self.last_seen.len() == SHOWN {
            self.last_seen.pop_front();
        }
        self.last_seen.push_back(text.chars().take(400).collect());
        self.last_line = text.into_owned();
        let message: Value = serde_json::from_slice(line).unwrap_or_else(|error| {
            panic!("stdout has a line that is no JSON: {error}\n{}", self.seen())
        });
        let message = match message {
            Value::Array(messages) if self.batches => {
                self.unpacked.extend(messages);
                let first = self.unpacked.pop_front();
                first.unwrap_or_else(|| panic!("an empty array came\n{}", self.seen()))
            }
            message => message,
        };
        for message in self.unpacked.iter().chain([&message]) {
            assert_eq!(
                message["jsonrpc"], "2.0",
                "stdout has a line that is no JSON-RPC: {message}"
            );
        }
        message
    }

    fn seen(&self) -> String {
        let mut text = String::from("--- last lines from stdout\n");
        for line in &self.last_seen {
            let _ = writeln!(text, "{line}");
        }
        let _ = write!(text, "--- stderr\n{}", self.stderr_text());
        text
    }
}

/// The parameters of `initialize` for a client without capabilities.
pub(crate) fn initialize_params(revision: &str) -> Value {
    json!({
        "protocolVersion": revision,
        "capabilities": {},
        "clientInfo": {"name": "test-client", "version": "1.0.0"},
    })
}
