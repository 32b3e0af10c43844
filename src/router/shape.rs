//! From a server's answer to what the client gets of it: filtered, cleaned, cut, marked.

use serde_json::value::RawValue;

use super::answer::{self, Envelope};
use super::invocation::{Answered, Notes};
use super::marks::Marks;
use super::routing::{Found, Router};
use super::{Error, value};
use crate::config::CallFormat;

/// How a result travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// As a result of its own, with what the bridge adds in `_meta`.
    Content,
    /// As JSON within the bridge's own answer, with what the bridge adds around it.
    Plain,
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
}

impl Router {
    /// What a filter makes of the result; nothing without one, and of a result that says that the tool failed:
    /// then that is what the caller has to see.
    pub(super) async fn picked(
        &self,
        answered: &Answered,
        select: Option<&str>,
    ) -> Result<Option<String>, Error> {
        match select {
            Some(filter) if !value::is_error(&answered.result) => {
                self.select(filter, &value::of(&answered.result)).await.map(Some)
            }
            _ => Ok(None),
        }
    }

    /// Applies a filter to a value.
    pub(super) async fn select(&self, filter: &str, value: &str) -> Result<String, Error> {
        let _ = (filter, value);
        Err(Error::invalid("no filters yet"))
    }

    /// Makes a result fit to travel. `picked` takes its place, if there is something.
    pub(super) async fn shape(
        &self,
        _found: Found<'_>,
        answered: Answered,
        picked: Option<String>,
        form: Form,
    ) -> Shaped {
        let Answered { result, notes } = answered;
        let json: Box<str> = match (picked, form) {
            (None, _) => result,
            (Some(value), Form::Content) => value::to_result(&value),
            (Some(value), Form::Plain) => value.into(),
        };
        let marks = Marks::of(notes);
        Shaped { json, marks }
    }
}

impl Shaped {
    /// As the result of `tools/call`.
    pub(super) fn into_content(self) -> Box<str> {
        self.marks.write_into(self.json)
    }

    /// As the older answer of `call`.
    pub(super) fn into_envelope(self, server: &str, tool: &str) -> Box<str> {
        let (result, notes) = self.into_parts(server);
        answer::result(&Envelope { server, action: "call", tool, result, about: notes.into() })
    }

    /// The result within what the bridge says about it, and what it says about the call.
    pub(super) fn into_parts(self, server: &str) -> (Box<RawValue>, Notes) {
        let Self { json, marks } = self;
        marks.enclose(value::raw(json.into()), server)
    }
}
