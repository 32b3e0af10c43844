//! What is done to everything that one server says.

use std::borrow::Cow;

use super::channel;
use super::definition::{self, UnusableName};
use super::enclosure;
use super::found::Found;
use super::json;
use super::sanitize::sanitize;
use crate::config::{SanitizeAction, ServerName, Trust};
use crate::protocol::tool::Definition;

/// What one server says is as welcome as its `trust` has it. Copies are cheap, and nothing is compiled before a
/// server that is not `trusted` says something.
#[derive(Debug, Clone)]
pub struct Guard {
    server: ServerName,
    trust: Trust,
    action: SanitizeAction,
}

/// A JSON text as it may reach the model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Guarded<'a> {
    /// Borrowed where nothing changed.
    pub json: Cow<'a, str>,
    /// What was in it.
    pub found: Found,
}

impl Guard {
    /// The guard of a server.
    pub fn new(server: &ServerName, trust: Trust, action: SanitizeAction) -> Self {
        Self { server: server.clone(), trust, action }
    }

    /// How far the server is trusted.
    pub fn trust(&self) -> Trust {
        self.trust
    }

    /// Treats every string of a JSON text, keys too, that [`crate::base::json::Strict`] has passed: a result of
    /// `tools/call`, a prompt, a resource. Bytes of images, sounds and binary resources are left alone. With `enclose`,
    /// the texts of an `untrusted` server come between two lines that say so.
    pub fn result<'a>(&self, result: &'a str, enclose: bool) -> Guarded<'a> {
        if self.trust == Trust::Trusted {
            return Guarded { json: Cow::Borrowed(result), found: Found::default() };
        }
        let mut found = Found::default();
        let enclose = enclose && self.trust == Trust::Untrusted;
        let json = json::rewrite(result, |text, place| {
            let (text, more) = self.text(text);
            found.merge(more);
            if enclose && place == json::Place::Text {
                return Cow::Owned(enclosure::enclose(&text, self.server.as_str()));
            }
            text
        });
        Guarded { json, found }
    }

    /// Treats one text: an error message, a name, a line.
    pub fn text<'a>(&self, text: &'a str) -> (Cow<'a, str>, Found) {
        match self.trust {
            Trust::Trusted => (Cow::Borrowed(text), Found::default()),
            Trust::Untrusted => {
                let closed = channel::close(text);
                (closed.text, closed.found)
            }
            Trust::Sanitize => sanitize(text, self.action),
        }
    }

    /// Treats all that a tool says of itself. Its name must stay as it is for the tool to be called, so a name that
    /// would have to change makes the tool unusable.
    pub fn definition(&self, definition: Definition) -> Result<Definition, UnusableName> {
        definition::treat(self, definition)
    }
}
