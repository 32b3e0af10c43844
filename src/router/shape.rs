//! From a server's answer to what the client gets of it: filtered, cleaned, cut, marked.

use std::borrow::Cow;

use serde_json::json;
use serde_json::value::RawValue;

use super::answer::Envelope;
use super::invocation::{Answered, Notes};
use super::marks::{Marks, Truncated};
use super::media::{Lifted, lift};
use super::routing::{Found, Router};
use super::{Error, direct, value};
use crate::base::json;
use crate::cache::{Kept, ResultId, only_text};
use crate::config::{CallFormat, ServerName, Trust};
use crate::guard::limit::Left;
use crate::guard::{Guard, limit};
use crate::protocol::content::json_result;
use crate::protocol::outcome::{Facts, Outcome};

/// Longer results are treated on another thread, so that nobody waits for them but those who asked.
const INLINE: usize = 128 * 1024;

/// How a result travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// As a result of its own, with what the bridge adds in `_meta`.
    Content,
    /// The same for a client that has no `read`.
    Direct,
    /// The same of `resources/read`.
    Contents,
    /// The same of `prompts/get`.
    Messages,
    /// The same of `completion/complete`. Its values are no text for the model, so no lines come around them.
    Values,
    /// As JSON within the bridge's own answer, with what the bridge adds around it; held to the limit as a whole.
    Plain,
    /// The same in an answer with several results, whose texts are held to the limit.
    Slot,
}

impl Form {
    /// Whether it is a result of its own.
    pub(super) fn is_own(self) -> bool {
        !matches!(self, Self::Plain | Self::Slot)
    }
}

impl From<CallFormat> for Form {
    fn from(format: CallFormat) -> Self {
        match format {
            CallFormat::Content => Self::Content,
            CallFormat::Envelope => Self::Plain,
        }
    }
}

/// A result that is fit to travel.
pub(super) struct Shaped {
    json: Box<str>,
    marks: Marks,
    facts: Facts,
    /// It is what a filter gave, and no result of `tools/call`.
    is_picked: bool,
}

impl Router {
    /// What a filter makes of the result; nothing without one, and of a result that says that the tool failed:
    /// then that is what the caller has to see. The call was made, so what it brought is kept if the filter fails,
    /// unless it is `kept` already.
    pub(super) async fn picked(
        &self,
        found: Found<'_>,
        result: &str,
        select: Option<&str>,
        kept: Option<&str>,
    ) -> Result<Option<String>, Error> {
        let Some(filter) = select.filter(|_| !value::is_error(result)) else {
            return Ok(None);
        };
        let value = value::of(result);
        // Boxed, as filters are rare, to keep the futures of other calls small.
        let picked = Box::pin(self.selector.select(filter, &value)).await;
        picked.map(Some).map_err(|source| {
            let keep = || {
                let id = self.kept.keep(found.name.as_str(), result.into());
                self.kept.share(&id);
                id.as_str().to_owned()
            };
            let id = kept.map_or_else(keep, str::to_owned);
            let said = self.fit(found.name, &source.to_string());
            Error::Filter { said, source, kept: Some(id) }
        })
    }

    /// Applies a filter to a value that a server gave.
    pub(super) async fn select(
        &self,
        filter: &str,
        value: &str,
        server: Option<&ServerName>,
    ) -> Result<String, Error> {
        let selected = Box::pin(self.selector.select(filter, value)).await;
        selected.map_err(|source| {
            let said = source.to_string();
            let said = server.map(|server| self.fit(server, &said)).unwrap_or(said);
            Error::Filter { said, source, kept: None }
        })
    }

    /// Makes sure that a filter can be read, before a call is made for it.
    pub(super) async fn check_filter(&self, filter: Option<&str>) -> Result<(), Error> {
        match filter {
            Some(filter) => {
                let checked = Box::pin(self.selector.check(filter)).await;
                checked.map_err(|source| Error::Filter {
                    said: source.to_string(),
                    source,
                    kept: None,
                })
            }
            None => Ok(()),
        }
    }

    /// Makes a result fit to travel. `picked` takes its place, if there is something.
    pub(super) async fn shape(
        &self,
        found: Found<'_>,
        answered: Answered,
        picked: Option<String>,
        form: Form,
    ) -> Shaped {
        let Answered { result, facts, notes } = answered;
        let is_picked = picked.is_some();
        let json: Box<str> = match (picked, form) {
            (None, _) => result,
            (Some(value), form) if form.is_own() => value::to_result(&value),
            (Some(value), _) => value.into(),
        };
        if found.settings.leaves_results_alone() {
            let facts = if is_picked { facts.after_change() } else { facts };
            return Shaped { json, marks: Marks::of(notes), facts, is_picked };
        }
        let length = json.len();
        let treatment = Treatment {
            server: found.name.clone(),
            guard: found.settings.guard.clone(),
            max: found.settings.max_result_chars,
            kept: self.kept.clone(),
            form,
            is_picked,
        };
        let apply = move || treatment.apply(&json, Marks::of(notes));
        let (json, marks) = Box::pin(off_thread(length, apply)).await;
        Shaped { json, marks, facts: facts.after_change(), is_picked }
    }
}

/// Does small work at once and large work on another thread.
pub(super) async fn off_thread<T: Send + 'static>(
    bytes: usize,
    work: impl FnOnce() -> T + Send + 'static,
) -> T {
    if bytes <= INLINE {
        return work();
    }
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        // Such tasks are never cancelled.
        Err(panic) => std::panic::resume_unwind(panic.into_panic()),
    }
}

/// What is done to the results of one server.
struct Treatment {
    server: ServerName,
    guard: Guard,
    max: Option<usize>,
    kept: Kept,
    form: Form,
    /// It is what a filter gave, and no result of `tools/call`.
    is_picked: bool,
}

impl Treatment {
    /// Cleans first and cuts then, so that nothing is cut in two before it is looked at; the lines around what an
    /// untrusted server says come last, so that they are never cut off.
    fn apply(&self, json: &str, mut marks: Marks) -> (Box<str>, Marks) {
        let clean = self.guard.result(json, false);
        marks.untrusted = self.guard.trust() == Trust::Untrusted;
        let mut id = None;
        if !clean.found.is_empty() {
            marks.sanitized = Some(clean.found);
            // What was taken away can be read by a person.
            let original = id.insert(self.keep(json));
            marks.original = Some(original.as_str().to_owned());
        }
        let mut notice = None;
        let short = match self.max {
            None => clean.json,
            Some(max) if self.is_result() => {
                let mut tell = |left: Left| {
                    let id = id.get_or_insert_with(|| self.keep(json));
                    marks.truncated = Some(Truncated::new(left.total, id));
                    if self.form == Form::Slot {
                        return String::new();
                    }
                    // Only of one plain text is the rest where the beginning ends.
                    let continues = left.in_plain_text && only_text(&clean.json).is_some();
                    let text = match self.form {
                        Form::Direct | Form::Contents | Form::Messages | Form::Values => {
                            notice_for_people(id, left)
                        }
                        _ => notice_of(id, left, continues),
                    };
                    if marks.untrusted {
                        // Within the lines around what the server says nobody would believe it.
                        notice = Some(text);
                        return String::new();
                    }
                    text
                };
                let shrunk = match self.form {
                    Form::Contents => {
                        direct::shrink_contents(&clean.json, max, |left| drop(tell(left)))
                    }
                    Form::Messages => {
                        direct::shrink_messages(&clean.json, max, |left| drop(tell(left)))
                    }
                    Form::Values => {
                        direct::shrink_values(&clean.json, max, |left| drop(tell(left)))
                    }
                    _ => limit::shrink(&clean.json, max, tell).map(|shrunk| shrunk.json),
                };
                shrunk.map_or(clean.json, Cow::Owned)
            }
            Some(max) => {
                let cut = limit::cut(&clean.json, max);
                if cut.cut {
                    let id = id.get_or_insert_with(|| self.keep(json));
                    marks.truncated = Some(Truncated::new(clean.json.chars().count(), id));
                }
                Cow::Owned(cut.json.into_owned())
            }
        };
        let is_enclosed = marks.untrusted && self.form.is_own() && self.form != Form::Values;
        let enclosed = if is_enclosed { self.guard.result(&short, true).json } else { short };
        let json = match notice {
            Some(notice) => with_block(&enclosed, &notice),
            None => match enclosed {
                Cow::Owned(text) => text,
                Cow::Borrowed(text) => text.to_owned(),
            },
        };
        (json.into(), marks)
    }

    /// Whether what is treated is a result of `tools/call` whose texts are held to the limit.
    fn is_result(&self) -> bool {
        self.form.is_own() || (self.form == Form::Slot && !self.is_picked)
    }

    /// Keeps the whole, as a result of `tools/call`, also for those who come when this bridge has ended.
    fn keep(&self, json: &str) -> ResultId {
        let whole = if self.form.is_own() || !self.is_picked {
            json.into()
        } else {
            (*value::to_result(json)).into()
        };
        let id = self.kept.keep(self.server.as_str(), whole);
        self.kept.share(&id);
        id
    }
}

/// The line that says that something is missing, and how to get it.
fn notice_of(id: &ResultId, left: Left, continues: bool) -> String {
    let Left { shown, total, .. } = left;
    let offset = if continues { format!(", \"offset\": {shown}") } else { String::new() };
    format!(
        "[cut: {shown} of {total} characters; read {} with {{\"action\": \"read\", \"id\": \"{}\"{offset}}}, or pick \
         from it with \"select\"]",
        if continues { "on" } else { "the whole" },
        id.as_str(),
    )
}

/// The same where only a person can get it.
fn notice_for_people(id: &ResultId, left: Left) -> String {
    let Left { shown, total, .. } = left;
    format!(
        "[cut: {shown} of {total} characters; the command `bridge read {}` shows the whole]",
        id.as_str()
    )
}

/// The result with one more text block.
fn with_block(result: &str, text: &str) -> String {
    let block = json!({ "type": "text", "text": text });
    let written = json::member(result, "content").and_then(|content| {
        let open = content.trim_end().strip_suffix(']')?;
        let comma = if json::elements(content).next().is_some() { "," } else { "" };
        json::replace(result, content, &format!("{open}{comma}{block}]"))
    });
    written.unwrap_or_else(|| result.to_owned())
}

impl Shaped {
    /// As the result of `tools/call`.
    pub(super) fn into_content(self) -> Box<str> {
        self.into_outcome().json
    }

    /// The same with what is known of it.
    pub(super) fn into_outcome(self) -> Outcome {
        let Self { json, marks, facts, .. } = self;
        if marks.is_empty() && !facts.has_meta {
            return Outcome { json, facts };
        }
        Outcome { json: marks.write_into(json), facts: facts.after_change() }
    }

    /// As the older answer of `call`.
    pub(super) fn into_envelope(self, server: &str, tool: &str) -> Box<str> {
        let is_error = self.facts.is_error;
        let (result, notes) = self.into_parts(server);
        json_result(
            &Envelope { server, action: "call", tool, result, about: notes.into() },
            is_error,
        )
    }

    /// Takes images and sounds out, to travel beside the answer, the first of them as its block number `next`.
    pub(super) fn lift(&mut self, next: usize) -> Vec<String> {
        if self.is_picked {
            return Vec::new();
        }
        let Lifted { result, media } = lift(std::mem::take(&mut self.json), next);
        self.json = result;
        media
    }

    /// The result within what the bridge says about it, and what it says about the call.
    pub(super) fn into_parts(self, server: &str) -> (Box<RawValue>, Notes) {
        let Self { json, marks, facts, is_picked } = self;
        // No server speaks for the bridge here either.
        let json =
            if facts.has_meta && !is_picked { Marks::default().write_into(json) } else { json };
        marks.enclose(value::raw(json.into()), server)
    }
}
