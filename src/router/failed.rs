//! What a server says when it fails, as far as it may reach the model.

use super::Error;
use super::attempt::Attempt;
use super::routing::Found;
use crate::base::text::byte_of;
use crate::config::Trust;
use crate::guard::limit;
use crate::protocol::error::INVALID_PARAMS;
use crate::tools::signature::signature;
use crate::upstream;

/// Characters of an error that may reach the model where the config sets no limit: an error is no result.
const MAX_ERROR: usize = 20_000;

impl Found<'_> {
    /// The error of a server that could not be reached or answered with an error: cut to what a result of its may
    /// have, and cleaned as such.
    pub(super) fn failed(self, source: upstream::Error) -> Error {
        let settings = self.settings;
        let max = self.longest_error();
        let said = source.to_string();
        let short = &said[..byte_of(&said, max)];
        let (clean, _) = settings.guard.text(short);
        let said =
            if short.len() < said.len() { format!("{clean}…") } else { clean.into_owned() };
        Error::Upstream {
            server: self.name.to_string(),
            said,
            untrusted: settings.guard.trust() == Trust::Untrusted,
            source: self.clean(source),
            signature: None,
            retries: 0,
        }
    }

    /// Characters of an error of the server at most.
    pub(super) fn longest_error(self) -> usize {
        self.settings.max_result_chars.map_or(MAX_ERROR, |max| max.min(MAX_ERROR))
    }

    /// The error without what must not reach the model in the data that may come with it.
    pub(super) fn clean(self, source: upstream::Error) -> upstream::Error {
        let upstream::Error::Refused(mut error) = source else { return source };
        error.data = error.data.map(|data| {
            let short = limit::cut(data.get(), self.longest_error()).json;
            super::value::raw(self.settings.guard.result(&short, false).json.into_owned())
        });
        upstream::Error::Refused(error)
    }
}

impl Attempt<'_> {
    /// The same for a call that was tried so often, with what the tool wants where the server found fault with the
    /// arguments (JSON-RPC 2.0, section 5.1).
    pub(super) fn failed(&self, source: upstream::Error, tries: u32) -> Error {
        let refused = matches!(&source, upstream::Error::Refused(e) if e.code == INVALID_PARAMS);
        let mut error = self.found.failed(source);
        if let Error::Upstream { signature: place, retries, .. } = &mut error {
            *retries = tries;
            *place = refused.then(|| signature(&self.tool.definition));
        }
        error
    }
}
