//! What a server says when it fails, as far as it may reach the model.

use super::Error;
use super::attempt::Attempt;
use super::routing::Found;
use crate::config::Trust;
use crate::protocol::error::INVALID_PARAMS;
use crate::tools::signature::signature;
use crate::upstream;

impl Found<'_> {
    /// The error of a server that could not be reached or answered with an error.
    pub(super) fn failed(self, source: upstream::Error) -> Error {
        let said = source.to_string();
        let (said, _) = self.settings.guard.text(&said);
        Error::Upstream {
            server: self.name.to_string(),
            said: said.into_owned(),
            untrusted: self.settings.guard.trust() == Trust::Untrusted,
            source: self.clean(source),
            signature: None,
            retries: 0,
        }
    }

    /// The error without what must not reach the model in the data that may come with it.
    fn clean(self, source: upstream::Error) -> upstream::Error {
        let upstream::Error::Refused(mut error) = source else { return source };
        error.data = error.data.map(|data| {
            let clean = self.settings.guard.result(data.get(), false).json;
            super::value::raw(clean.into_owned())
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
