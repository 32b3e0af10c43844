//! The names of the transports, in the config as in recipes.

/// A way in which a server can be reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// As a child process.
    Stdio,
    /// By the older HTTP transport, with its stream of events beside it.
    Sse,
    /// By the present HTTP transport.
    StreamableHttp,
}

impl Kind {
    /// What each is called.
    pub(crate) const NAMED: [(&'static str, Self); 3] = [
        (Self::Stdio.name(), Self::Stdio),
        (Self::Sse.name(), Self::Sse),
        (Self::StreamableHttp.name(), Self::StreamableHttp),
    ];

    /// What it is called.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Stdio => "stdio",
            Self::Sse => "sse",
            Self::StreamableHttp => "streamable-http",
        }
    }
}
