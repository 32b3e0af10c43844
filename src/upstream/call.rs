//! A request to a server over HTTP: its body, and the headers that repeat what those on the way have to know.

use std::borrow::Cow;

use memchr::memmem;

use crate::protocol::era::Era;
use crate::protocol::headers::{Annotations, KEYWORD, request_headers};
use crate::protocol::jsonrpc;

/// A request on its way.
#[derive(Debug)]
pub(super) struct Call<'a> {
    pub(super) id: u64,
    pub(super) method: &'a str,
    pub(super) body: Vec<u8>,
    /// Names and values of headers that this request has beside the others.
    pub(super) headers: Vec<(Cow<'static, str>, String)>,
}

impl<'a> Call<'a> {
    /// A request whose parameters `params` writes, given its id. A stateless one repeats in headers what those on the way
    /// have to know (revision 2026-07-28, Streamable HTTP, Standard and Custom Headers); `input_schema` is that of the
    /// tool's arguments. `speaks` is how the server is spoken to, once that is agreed on.
    pub(super) fn new(
        speaks: Option<Era>,
        id: u64,
        method: &'a str,
        params: impl FnOnce(&mut Vec<u8>, u64),
        input_schema: Option<&str>,
    ) -> Self {
        if speaks == Some(Era::Session) {
            let mut body = Vec::with_capacity(512);
            jsonrpc::write_call(&mut body, id, method, params);
            return Self { id, method, body, headers: Vec::new() };
        }
        let (mut body, mut written) = (Vec::with_capacity(1024), 0..0);
        jsonrpc::write_call(&mut body, id, method, |to, id| {
            let start = to.len();
            params(to, id);
            written = start..to.len();
        });
        let text = std::str::from_utf8(&body[written]).unwrap_or_default();
        let is_stateless = || Era::of_request(Some(text.into())) == Era::Stateless;
        let headers = if speaks.is_some() || is_stateless() {
            // Few tools have annotations, and looking for the word in the text costs next to nothing.
            let annotated = input_schema
                .filter(|schema| memmem::find(schema.as_bytes(), KEYWORD.as_bytes()).is_some());
            let annotations = annotated.and_then(|schema| Annotations::parse(schema).ok());
            request_headers(method, Some(text), annotations.as_ref())
        } else {
            Vec::new()
        };
        Self { id, method, body, headers }
    }
}
