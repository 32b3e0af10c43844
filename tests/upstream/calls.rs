//! `tools/call`: the tools that behave.

use std::time::Duration;

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use crate::arguments::{
    Ask, CallParams, Echo, Exit, Flaky, Given, Names, Progress, RpcError, Size, Sleep, Tally,
};
use crate::server::{Flow, Server, write_answer};
use crate::startup;

impl Server {
    pub(crate) fn call(&mut self, id: &RawValue, params: Option<&RawValue>) -> Flow {
        let parsed = params.map(|params| serde_json::from_str::<CallParams>(params.get()));
        let Some(Ok(call)) = parsed else {
            self.refuse(id, -32602, "invalid parameters of tools/call");
            return Flow::Continue;
        };
        if let Some(flow) = self.mark(id, &call) {
            return flow;
        }
        let done = match &*call.name {
            "echo" => self.echo(id, &call),
            "exit" => {
                let Some(exit) = arguments::<Exit>(&call) else {
                    return self.invalid(id, &call.name);
                };
                if let Some(text) = &exit.stderr {
                    startup::complain(text);
                }
                return Flow::Exit(exit.code);
            }
            "flaky_read" | "flaky_write" => {
                let Some(flaky) = arguments::<Flaky>(&call) else {
                    return self.invalid(id, &call.name);
                };
                return self.flaky(id, &flaky);
            }
            "close_stdin" => {
                self.text(id, "stdin is closed");
                return Flow::CloseStdin;
            }
            "meta" => {
                self.text(id, params.map_or("null", RawValue::get));
                Some(())
            }
            _ => self
                .plain(id, &call)
                .or_else(|| self.rich_call(id, &call))
                .or_else(|| self.odd(id, &call))
                .or_else(|| self.scripted(id, "tools/call", params).then_some(())),
        };
        if done.is_some() { Flow::Continue } else { self.invalid(id, &call.name) }
    }

    fn plain(&mut self, id: &RawValue, call: &CallParams) -> Option<()> {
        match &*call.name {
            "sleep" => self.sleep(id, &arguments(call)?, id.get()),
            "late" => self.sleep(id, &arguments(call)?, ""),
            "progress" => self.progress(id, call, &arguments(call)?),
            "fail" => self.answer(
                id,
                r#"{"content":[{"type":"text","text":"it failed"}],"isError":true,"x-why":{"deep":[1]}}"#,
            ),
            "rpc_error" => self.rpc_error(id, &arguments(call)?),
            "image" => self.answer(id, IMAGE),
            "big" => self.big(id, &arguments(call)?),
            "env" => self.environment(id, &arguments(call)?),
            "grow" => self.grow(id),
            "ask" => self.ask(id, &arguments(call)?),
            "cancelled" => self.text(id, &Value::from(self.cancelled.clone()).to_string()),
            "lists" => self.text(id, &self.lists.to_string()),
            "result" => self.answer(id, arguments::<Given<'_>>(call)?.result.get()),
            "tally" => self.tally(id, &arguments(call)?),
            "count" | "write" => {
                self.count += 1;
                self.text(id, &self.count.to_string());
            }
            name if name.starts_with("asked_") && self.tools.has(name) => self.text(id, name),
            name if name.starts_with("tool_") || name.starts_with("grown_") => self.text(id, name),
            _ => return None,
        }
        Some(())
    }

    /// Answers with one text block.
    pub(crate) fn text(&mut self, id: &RawValue, text: &str) {
        self.answer(id, &json!({"content": [{"type": "text", "text": text}]}).to_string());
    }

    fn invalid(&mut self, id: &RawValue, tool: &str) -> Flow {
        self.refuse(id, -32602, &format!("unknown tool or invalid arguments: {tool}"));
        Flow::Continue
    }

    /// The message travels as the text that it was sent as; nothing is unescaped.
    fn echo(&mut self, id: &RawValue, call: &CallParams) -> Option<()> {
        let message = serde_json::from_str::<Echo>(call.arguments?.get()).ok()?.message.get();
        if !message.starts_with('"') {
            return None;
        }
        self.batch.message(|body| {
            for piece in [
                r#"{"jsonrpc":"2.0","id":"#,
                id.get(),
                r#","result":{"content":[{"type":"text","text":"#,
                message,
                "}]}}",
            ] {
                body.extend_from_slice(piece.as_bytes());
            }
        });
        Some(())
    }

    /// The benchmark calls it, so the text is written once and never looked at.
    fn big(&mut self, id: &RawValue, size: &Size<'_>) {
        self.batch.message(|body| {
            write_answer(body, id.get(), "result", r#"{"content":[{"type":"text","text":""#);
            body.pop();
            body.extend_from_slice(size.nonce.as_bytes());
            body.resize(body.len() + size.bytes, b'x');
            body.extend_from_slice(size.nonce.as_bytes());
            body.extend_from_slice(b"\"}]}}");
        });
    }

    /// Cancelling `owner` drops the answer; an answer without an owner comes in any case.
    fn sleep(&mut self, id: &RawValue, sleep: &Sleep, owner: &str) {
        let tool = if owner.is_empty() { "late" } else { "sleep" };
        self.open.insert(id.get().to_owned(), tool.to_owned());
        let result =
            json!({"content": [{"type": "text", "text": format!("slept {} ms", sleep.ms)}]});
        let mut batch = self.later();
        batch.message(|body| write_answer(body, id.get(), "result", &result.to_string()));
        self.timer.schedule(
            Duration::from_millis(sleep.ms),
            owner,
            &self.output,
            batch.into_bytes(),
        );
    }

    fn tally(&mut self, id: &RawValue, tally: &Tally) {
        self.count += 1;
        let result = json!({"content": [{"type": "text", "text": self.count.to_string()}]});
        let mut batch = self.later();
        batch.message(|body| write_answer(body, id.get(), "result", &result.to_string()));
        self.timer.schedule(
            Duration::from_millis(tally.ms),
            id.get(),
            &self.output,
            batch.into_bytes(),
        );
    }

    fn flaky(&mut self, id: &RawValue, flaky: &Flaky) -> Flow {
        let appended = startup::append(&flaky.file, "run");
        let text = appended.and_then(|()| std::fs::read_to_string(&flaky.file));
        let runs = text.map_or(0, |text| text.lines().count());
        if runs > flaky.failures {
            self.text(id, &format!("run {runs}"));
        } else if !flaky.silent {
            return Flow::Exit(1);
        }
        Flow::Continue
    }

    fn progress(&mut self, id: &RawValue, call: &CallParams, progress: &Progress) {
        let token = call.meta.as_ref().and_then(|meta| meta.progress_token);
        let total = progress.count;
        let result = json!({"content": [{"type": "text", "text": format!("{total} steps")}]});
        for step in 1..=total {
            let Some(token) = token else { break };
            let token = if progress.as_text { json!(token.get()) } else { json!(token) };
            let params = json!({
                "progressToken": token, "progress": step, "total": total,
                "message": format!("step {step}"), "x-extra": {"step": step},
            });
            let text =
                json!({"jsonrpc": "2.0", "method": "notifications/progress", "params": params});
            self.step(id, progress.delay_ms * step, |body| {
                body.extend_from_slice(text.to_string().as_bytes());
            });
        }
        self.step(id, progress.delay_ms * total, |body| {
            write_answer(body, id.get(), "result", &result.to_string());
        });
    }

    fn step(&mut self, id: &RawValue, after_ms: u64, body: impl FnOnce(&mut Vec<u8>)) {
        if after_ms == 0 {
            return self.batch.message(body);
        }
        let mut batch = self.later();
        batch.message(body);
        self.timer.schedule(
            Duration::from_millis(after_ms),
            id.get(),
            &self.output,
            batch.into_bytes(),
        );
    }

    fn rpc_error(&mut self, id: &RawValue, error: &RpcError<'_>) {
        self.count += 1;
        if error.times.is_some_and(|times| self.count > times) {
            return self.text(id, &format!("call {}", self.count));
        }
        let data = error.data.map_or(json!({"detail": [1, {"two": 3}]}), |data| json!(data));
        let error = json!({"code": error.code, "message": error.message, "data": data});
        self.batch.message(|body| write_answer(body, id.get(), "error", &error.to_string()));
    }

    fn environment(&mut self, id: &RawValue, names: &Names) {
        let shown: Map<String, Value> = names
            .names
            .iter()
            .map(|name| match startup::variable(name) {
                None => (name.clone(), json!("unset")),
                Some(value) if name.starts_with("TEST_") => (name.clone(), json!(value)),
                Some(_) => (name.clone(), json!("set")),
            })
            .collect();
        self.text(id, &Value::from(shown).to_string());
    }

    fn grow(&mut self, id: &RawValue) {
        self.grown += 1;
        let name = format!("grown_{}", self.grown);
        self.tools.add(&name, "A tool that was not there before.");
        self.tools_changed();
        self.text(id, &name);
    }

    fn ask(&mut self, id: &RawValue, ask: &Ask) {
        let own = json!(format!("ask-{}", id.get())).to_string();
        let mut request = json!({"jsonrpc": "2.0", "method": ask.method});
        request["id"] = json!(format!("ask-{}", id.get()));
        if let Some(params) = ask.params {
            request["params"] = json!(params);
        }
        self.asked.insert(own, (id.to_owned(), self.output.clone()));
        self.batch.message(|body| body.extend_from_slice(request.to_string().as_bytes()));
    }
}

/// The call's arguments as the tool wants them, none counting as an empty object.
pub(crate) fn arguments<'a, T: Deserialize<'a>>(call: &CallParams<'a>) -> Option<T> {
    serde_json::from_str(call.arguments.map_or("{}", RawValue::get)).ok()
}

/// Order of keys, spelling of numbers and fields that no revision defines are all to survive.
const IMAGE: &str = include_str!("image.json").trim_ascii_end();
