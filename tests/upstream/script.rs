//! Answers that a test has written itself.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::server::{Server, write_answer};

/// How a method is answered.
#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Scripted {
    Result(Box<RawValue>),
    Error(Box<RawValue>),
    /// The result that is sent once the tool `release` is called.
    Hold(Box<RawValue>),
    Never,
}

/// What of the parameters a method may be scripted for.
#[derive(Default, Deserialize)]
#[serde(default)]
struct About {
    uri: String,
}

impl Server {
    /// Answers what the script file has an answer for, which is read again each time: an object with methods, or methods
    /// with a blank and a URI behind them, as keys. Calls are only asked here for tools that are not known. False if there is none.
    pub(crate) fn scripted(
        &mut self,
        id: &RawValue,
        method: &str,
        params: Option<&RawValue>,
    ) -> bool {
        let Some(mut script) = self.options.script.as_deref().and_then(read) else { return false };
        let about: About =
            params.and_then(|params| serde_json::from_str(params.get()).ok()).unwrap_or_default();
        let answer = script.remove(&format!("{method} {}", about.uri));
        match answer.or_else(|| script.remove(method)) {
            None => return false,
            Some(Scripted::Result(result)) => self.answer(id, result.get()),
            Some(Scripted::Error(error)) => {
                self.batch.message(|body| write_answer(body, id.get(), "error", error.get()));
            }
            Some(Scripted::Hold(result)) => self.held.push((id.to_owned(), result)),
            Some(Scripted::Never) => {}
        }
        true
    }

    /// Sends all results that are held.
    pub(crate) fn release(&mut self) {
        for (id, result) in std::mem::take(&mut self.held) {
            self.answer(&id, result.get());
        }
    }
}

fn read(file: &Path) -> Option<HashMap<String, Scripted>> {
    let text = fs::read_to_string(file).ok()?;
    Some(serde_json::from_str(&text).expect("the script is one"))
}
