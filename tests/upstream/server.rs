//! The reading loop and the methods of the protocol.

use std::collections::HashMap;
use std::mem;
use std::process::ExitCode;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::arguments::{Cancelled, Envelope};
use crate::frames::{Batch, Output, Reader};
use crate::options::Options;
use crate::stateless::{self, Stream, Unknown};
use crate::timer::Timer;
use crate::tools::Tools;

const REVISIONS: [&str; 4] = ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"];

/// How long the end of stdin is ignored: longer than any test, but not for ever when one fails.
const STUBBORN: Duration = Duration::from_mins(10);

/// What to do after a message.
pub(crate) enum Flow {
    Continue,
    Exit(u8),
    /// Read no more, but live and keep stdout open.
    CloseStdin,
}

/// The server between two reads. Answers gather in `batch` until all that one read returned is done.
pub(crate) struct Server {
    pub(crate) options: Options,
    pub(crate) output: Arc<Output>,
    pub(crate) batch: Batch,
    pub(crate) timer: Timer,
    pub(crate) tools: Tools,
    /// Our own requests to the client: their id, and the call that waits for the answer, with where that goes.
    pub(crate) asked: HashMap<String, (Box<RawValue>, Arc<Output>)>,
    /// Calls whose answer has not been written when the call was handled, with the tool's name.
    pub(crate) open: HashMap<String, String>,
    pub(crate) cancelled: Vec<Value>,
    /// A message that belongs to a call which has its answer already.
    pub(crate) left: Option<Value>,
    /// Those of the stateless era.
    pub(crate) streams: Vec<Stream>,
    pub(crate) count: u64,
    pub(crate) grown: u64,
    /// How often `tools/list` was asked for.
    pub(crate) lists: u64,
    /// The level that was set for logs.
    pub(crate) level: Value,
    /// Resources that somebody subscribed to.
    pub(crate) subscribed: Vec<String>,
    /// Results that the script holds, with the ids of their requests.
    pub(crate) held: Vec<(Box<RawValue>, Box<RawValue>)>,
}

impl Server {
    pub(crate) fn new(options: Options) -> Self {
        let output = Arc::new(Output::new());
        let mut tools = Tools::new(&options);
        if options.stateless {
            for name in stateless::TOOLS {
                tools.add(name, "A tool of the stateless era.");
            }
        }
        Self {
            batch: Batch::new(&options),
            timer: Timer::new(),
            tools,
            asked: HashMap::new(),
            open: HashMap::new(),
            cancelled: Vec::new(),
            left: None,
            streams: Vec::new(),
            count: 0,
            grown: 0,
            lists: 0,
            level: Value::Null,
            subscribed: Vec::new(),
            held: Vec::new(),
            options,
            output,
        }
    }

    /// Reads until stdin ends or a tool ends the process.
    pub(crate) fn serve(mut self) -> ExitCode {
        let mut reader = Reader::new(self.options.framing);
        while reader.fill() {
            while let Some(message) = reader.next_message() {
                match self.handle(message) {
                    Flow::Continue => {}
                    Flow::Exit(code) => {
                        self.flush();
                        return ExitCode::from(code);
                    }
                    Flow::CloseStdin => return self.live_on(reader),
                }
            }
            self.flush();
        }
        if self.options.ignore_eof {
            thread::sleep(STUBBORN);
        }
        ExitCode::SUCCESS
    }

    /// Answers once stdin is closed, so that whoever reads the answer knows that it is.
    fn live_on(mut self, reader: Reader) -> ExitCode {
        if reader.close().is_err() {
            return ExitCode::FAILURE;
        }
        self.flush();
        thread::sleep(STUBBORN);
        ExitCode::SUCCESS
    }

    /// Writes what has gathered.
    pub(crate) fn flush(&mut self) {
        if !self.batch.is_empty() {
            self.output.write(self.batch.bytes());
            self.batch.clear();
        }
    }

    /// Adds a result to the batch.
    pub(crate) fn answer(&mut self, id: &RawValue, result: &str) {
        self.batch.message(|body| write_answer(body, id.get(), "result", result));
    }

    /// Adds the notification that the tools have changed.
    pub(crate) fn tools_changed(&mut self) {
        if self.options.stateless {
            return self.tell("notifications/tools/list_changed", &json!({}));
        }
        self.batch.message(|body| {
            body.extend_from_slice(
                br#"{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}"#,
            );
        });
    }

    /// Adds an error to the batch.
    pub(crate) fn refuse(&mut self, id: &RawValue, code: i64, message: &str) {
        let error = json!({"code": code, "message": message}).to_string();
        self.batch.message(|body| write_answer(body, id.get(), "error", &error));
    }

    pub(crate) fn handle(&mut self, message: &[u8]) -> Flow {
        if message.trim_ascii().is_empty() || self.options.silent {
            return Flow::Continue;
        }
        let Ok(envelope) = serde_json::from_slice::<Envelope>(message) else {
            self.refuse(RawValue::NULL, -32700, "parse error");
            return Flow::Continue;
        };
        if self.options.stateless
            && let Some(flow) = self.stateless(&envelope)
        {
            return flow;
        }
        match (envelope.id, &*envelope.method) {
            (Some(id), "tools/call") => return self.call(id, envelope.params),
            (Some(id), "") => self.answered(id, message),
            (Some(id), method) => return self.request(id, method, envelope.params),
            (None, "notifications/cancelled") => self.cancel(envelope.params),
            (None, _) => {}
        }
        Flow::Continue
    }

    fn request(&mut self, id: &RawValue, method: &str, params: Option<&RawValue>) -> Flow {
        match method {
            _ if self.scripted(id, method, params) => {}
            "initialize" => {
                let result = self.initialize(params).to_string();
                self.answer(id, &result);
            }
            "ping" => self.answer(id, "{}"),
            "server/discover" if self.options.http.is_some() => {
                let result = self.discover().to_string();
                self.answer(id, &result);
            }
            "tools/list" => {
                self.lists += 1;
                if let Some(file) = &self.options.tools_file {
                    self.tools.take_over(file);
                }
                let result = self.tools.page(&self.options, params);
                self.answer(id, &result);
                if self.options.changed_storm {
                    self.tools_changed();
                }
                for _ in 0..std::mem::take(&mut self.options.changed_burst) {
                    self.tools_changed();
                }
            }
            _ if self.rich(id, method, params) => {}
            _ => match self.options.unknown {
                Unknown::Refuse => self.refuse(id, -32601, &format!("method not found: {method}")),
                Unknown::Exit => return Flow::Exit(1),
                Unknown::Ignore => {}
            },
        }
        Flow::Continue
    }

    fn initialize(&mut self, params: Option<&RawValue>) -> Value {
        let params: Value =
            params.and_then(|params| serde_json::from_str(params.get()).ok()).unwrap_or_default();
        let asked = params["protocolVersion"].as_str().filter(|asked| REVISIONS.contains(asked));
        let revision = self.options.protocol.as_deref().or(asked).unwrap_or(REVISIONS[3]);
        let mut capabilities =
            json!({"tools": {"listChanged": true}, "logging": {}, "x-unknown": {"a": 1}});
        self.rich_capabilities(&mut capabilities);
        if params["capabilities"]["elicitation"].is_object() {
            for number in 1..=self.options.asked_tools {
                self.tools.add(&format!("asked_{number:04}"), "A tool that may ask.");
            }
        }
        json!({
            "protocolVersion": revision,
            "capabilities": capabilities,
            "serverInfo": {"name": self.options.name, "title": "Scripted server", "version": "1.0.0"},
            "instructions": format!("Instructions of {}.", self.options.name),
        })
    }

    fn discover(&self) -> Value {
        json!({
            "supportedVersions": ["2026-07-28"],
            "capabilities": {"tools": {"listChanged": true}, "x-unknown": {"a": 1}},
            "instructions": format!("Instructions of {}.", self.options.name),
            "ttlMs": 60000,
            "cacheScope": "public",
            "_meta": {"io.modelcontextprotocol/serverInfo": {
                "name": self.options.name, "title": "Scripted server", "version": "1.0.0",
            }},
        })
    }

    /// The client's answer to one of our own requests, handed on to the call that asked.
    fn answered(&mut self, id: &RawValue, message: &[u8]) {
        let Some((call, output)) = self.asked.remove(id.get()) else {
            return;
        };
        let message = String::from_utf8_lossy(message).into_owned();
        let result = json!({"content": [{"type": "text", "text": message}]});
        let mut batch = self.later();
        batch.message(|body| write_answer(body, call.get(), "result", &result.to_string()));
        self.flush();
        output.write(batch.bytes());
    }

    fn cancel(&mut self, params: Option<&RawValue>) {
        let Some(cancelled) =
            params.and_then(|params| serde_json::from_str::<Cancelled>(params.get()).ok())
        else {
            return;
        };
        let id = cancelled.request_id.get();
        self.timer.cancel(id);
        self.close_stream(id);
        let tool = self.open.remove(id);
        self.cancelled.push(json!({
            "requestId": cancelled.request_id,
            "reason": cancelled.reason,
            "tool": tool,
        }));
    }

    /// A batch with the same framing for messages that are written later.
    pub(crate) fn later(&self) -> Batch {
        Batch::new(&self.options)
    }

    /// Takes the batch, leaving an empty one, to write it in an order of one's own.
    pub(crate) fn take_batch(&mut self) -> Batch {
        let empty = self.later();
        mem::replace(&mut self.batch, empty)
    }
}

/// Appends an answer whose `part` is `result` or `error`.
pub(crate) fn write_answer(body: &mut Vec<u8>, id: &str, part: &str, payload: &str) {
    for piece in [r#"{"jsonrpc":"2.0","id":"#, id, r#",""#, part, r#"":"#, payload, "}"] {
        body.extend_from_slice(piece.as_bytes());
    }
}
