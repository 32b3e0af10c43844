//! `tools/call`: the tools that misbehave.

use std::io::{self, Write};

use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::arguments::{Ask, CallParams, Deep, Leak, Place, Size};
use crate::calls::arguments;
use crate::server::{Server, write_answer};
use crate::startup;

const PIECE: usize = 64 * 1024;

impl Server {
    /// Does what the tool is named after; nothing when there is no such tool or its arguments are wrong.
    pub(crate) fn odd(&mut self, id: &RawValue, call: &CallParams) -> Option<()> {
        match &*call.name {
            "junk" => {
                self.batch.raw(b"Listening on port 1234\n[1,2\n\x00\xff\xfe\n\"text\"\n{}\n\n");
                self.text(id, "after junk");
            }
            "unknown_id" => {
                self.odd_answer("987654321", "not yours");
                self.text(id, "after an unknown id");
            }
            "twice" => {
                self.text(id, "once");
                self.text(id, "twice");
            }
            "string_id" => {
                let spelled = json!(id.get().trim_matches('"')).to_string();
                self.odd_answer(&spelled, "id as a string");
                self.text(id, "id as it was");
            }
            "never" => {
                self.open.insert(id.get().to_owned(), "never".to_owned());
            }
            "flood_stderr" => {
                flood(arguments::<Size>(call)?.bytes);
                self.text(id, "flooded");
            }
            "close_stdout" => {
                self.flush();
                self.output.close().ok()?;
            }
            "deep" => self.deep(id, &arguments(call)?),
            "duplicate_key" => self.answer(
                id,
                r#"{"content":[{"type":"text","text":"first"}],"c\u006fntent":[{"type":"text","text":"second"}]}"#,
            ),
            "invalid_utf8" => self.batch.message(|body| {
                write_answer(body, id.get(), "result", r#"{"content":[{"type":"text","text":""#);
                body.pop();
                body.extend_from_slice(b"\xff\xc3\x28\"}]}}");
            }),
            "huge_line" => self.huge_line(id, arguments::<Size>(call)?.bytes),
            "leak" => self.leak(id, &arguments(call)?),
            "bad_request" => self.bad_request(id),
            "leave" => self.leave(id, &arguments(call)?),
            "bring" => self.bring(id)?,
            _ => return None,
        }
        Some(())
    }

    fn leak(&mut self, id: &RawValue, leak: &Leak) {
        match leak.place {
            Place::Stderr => startup::complain(&leak.text),
            Place::Junk => self.batch.raw(format!("{}\n", leak.text).as_bytes()),
            Place::Log => {
                let params = json!({"level": "warning", "data": leak.text});
                let text =
                    json!({"jsonrpc": "2.0", "method": "notifications/message", "params": params});
                self.batch.message(|body| body.extend_from_slice(text.to_string().as_bytes()));
            }
            Place::Error => return self.refuse(id, -32000, &leak.text),
        }
        self.text(id, "leaked");
    }

    /// Answers, and keeps what it had to say meanwhile.
    fn leave(&mut self, id: &RawValue, ask: &Ask) {
        let mut message = json!({"jsonrpc": "2.0", "method": ask.method});
        if !ask.method.starts_with("notifications/") {
            message["id"] = json!(format!("late-{}", id.get()));
        }
        message["params"] = ask.params.map_or(json!({}), |params| json!(params));
        self.left = Some(message);
        self.text(id, "left");
    }

    /// Says what an earlier call has kept, and tells what came of it.
    fn bring(&mut self, id: &RawValue) -> Option<()> {
        let message = self.left.take()?;
        self.batch.message(|body| body.extend_from_slice(message.to_string().as_bytes()));
        match &message["id"] {
            Value::Null => self.text(id, "brought"),
            asked => {
                self.asked.insert(asked.to_string(), (id.to_owned(), self.output.clone()));
            }
        }
        Some(())
    }

    /// The ids of both directions are apart, so this request has nothing to do with the call of its id.
    fn bad_request(&mut self, id: &RawValue) {
        let request = format!(
            r#"{{"jsonrpc":"2.0","id":{id},"method":"roots/list","params":{{"a":1,"a":2}}}}"#
        );
        self.batch.message(|body| body.extend_from_slice(request.as_bytes()));
        self.text(id, "after a bad request");
    }

    fn odd_answer(&mut self, id: &str, text: &str) {
        let result = json!({"content": [{"type": "text", "text": text}]}).to_string();
        self.batch.message(|body| write_answer(body, id, "result", &result));
    }

    fn deep(&mut self, id: &RawValue, deep: &Deep) {
        let nested = format!("{}{}", "[".repeat(deep.levels), "]".repeat(deep.levels));
        let result = format!(r#"{{"content":[],"structuredContent":{{"nested":{nested}}}}}"#);
        self.answer(id, &result);
    }

    /// Writes past the batch, so that the reader sees a long line grow.
    fn huge_line(&mut self, id: &RawValue, bytes: usize) {
        let before = self.take_batch();
        self.output.write(before.bytes());
        let mut body = Vec::new();
        write_answer(&mut body, id.get(), "result", r#"{"content":[{"type":"text","text":""#);
        body.pop();
        self.output.write(&body);
        let piece = vec![b'x'; PIECE];
        let mut left = bytes;
        while left > 0 {
            let size = left.min(PIECE);
            self.output.write(&piece[..size]);
            left -= size;
        }
        self.output.write(b"\"}]}}\n");
    }
}

fn flood(bytes: usize) {
    let line = [b"noise ".repeat(20), b"\n".to_vec()].concat();
    let mut stderr = io::stderr().lock();
    let mut left = bytes;
    while left > 0 {
        let size = left.min(line.len());
        if stderr.write_all(&line[..size]).is_err() {
            return;
        }
        left -= size;
    }
}
