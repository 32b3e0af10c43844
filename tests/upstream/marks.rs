//! Calls that leave a mark: each run is written down in a file before it is answered, well or badly.

use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::arguments::CallParams;
use crate::calls::arguments;
use crate::server::{Flow, Server, write_answer};
use crate::startup;

/// The tools: the same under three names, by what they say of themselves.
pub(crate) const TOOLS: [(&str, &str); 3] = [
    ("mark", "{}"),
    ("mark_read", r#"{"readOnlyHint":true}"#),
    ("mark_again", r#"{"readOnlyHint":false,"idempotentHint":true}"#),
];

/// More than any client takes in one message.
const TOO_LARGE: usize = 33 * 1024 * 1024;

#[derive(Deserialize)]
struct Mark {
    /// What is written down, and answered.
    nonce: String,
    /// Answer so much later.
    #[serde(default)]
    ms: u64,
    #[serde(default)]
    fault: Fault,
}

/// What goes wrong with the answer.
#[derive(Default, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Fault {
    #[default]
    None,
    /// Lines that are no messages come before it.
    Junk,
    /// Answers to requests that nobody made come before it.
    StrangeIds,
    /// It comes twice, with other words the second time.
    Twice,
    /// It comes byte by byte.
    Trickle,
    /// It is larger than anybody takes.
    Huge,
    /// It never comes.
    Never,
    /// Half of it comes, and the process ends.
    Half,
    /// The process ends.
    Exit,
    /// There is nothing that it could be written to any more.
    CloseStdout,
    /// Nothing is read any more, and the process lives.
    CloseStdin,
}

impl Server {
    /// Nothing for other tools, or where nothing is written down.
    pub(crate) fn mark(&mut self, id: &RawValue, call: &CallParams) -> Option<Flow> {
        let file = self.options.record.clone()?;
        let known = TOOLS.iter().any(|(name, _)| *name == call.name);
        let mark: Mark = known.then(|| arguments(call)).flatten()?;
        record(&file, &mark.nonce);
        let mut answer = Vec::new();
        let result = json!({"content": [{"type": "text", "text": mark.nonce}]}).to_string();
        write_answer(&mut answer, id.get(), "result", &result);
        let whole = |body: &mut Vec<u8>| body.extend_from_slice(&answer);
        match mark.fault {
            Fault::Never => return Some(Flow::Continue),
            Fault::Exit => return Some(Flow::Exit(1)),
            Fault::Half => {
                self.batch.raw(&answer[..answer.len() / 2]);
                return Some(Flow::Exit(1));
            }
            Fault::CloseStdout => {
                self.flush();
                // What is not closed is answered late: that is no answer either.
                let _ = self.output.close();
                return Some(Flow::Continue);
            }
            Fault::CloseStdin => return Some(Flow::CloseStdin),
            Fault::Huge => self.batch.message(|body| {
                write_answer(body, id.get(), "result", r#"{"content":[{"type":"text","text":""#);
                body.pop();
                body.resize(body.len() + TOO_LARGE, b'x');
                body.extend_from_slice(b"\"}]}}");
            }),
            Fault::Trickle => {
                self.flush();
                for piece in answer.chunks(16) {
                    self.output.write(piece);
                    sleep(Duration::from_millis(1));
                }
                self.output.write(b"\n");
            }
            Fault::None | Fault::Junk | Fault::StrangeIds | Fault::Twice => {
                self.strange(id, mark.fault);
                // What comes first of two answers is the right one.
                if mark.ms > 0 && mark.fault != Fault::Twice {
                    let mut batch = self.later();
                    batch.message(whole);
                    let after = Duration::from_millis(mark.ms);
                    self.timer.schedule(after, id.get(), &self.output, batch.into_bytes());
                } else {
                    self.batch.message(whole);
                }
                if mark.fault == Fault::Twice {
                    self.text(id, "answered twice");
                }
            }
        }
        Some(Flow::Continue)
    }

    /// What comes before an answer that is well.
    fn strange(&mut self, id: &RawValue, fault: Fault) {
        if fault == Fault::Junk {
            self.batch
                .raw(b"Listening on port 1234\n[1,2\n\x00\xff\xfe\n\"text\"\n{}\n{\"id\":1\n\n");
        }
        if fault == Fault::StrangeIds {
            let number = id.get().parse::<u64>().unwrap_or_default();
            let ids =
                [json!(id.get()), json!(number + 1_000_000), json!(-1), json!(0), Value::Null];
            let result = json!({"content": [{"type": "text", "text": "not yours"}]}).to_string();
            for id in ids {
                self.batch.message(|body| write_answer(body, &id.to_string(), "result", &result));
            }
        }
    }
}

/// A run that cannot be written down must not look like none.
fn record(file: &Path, nonce: &str) {
    startup::append(file, nonce).expect("the record can be written");
}
