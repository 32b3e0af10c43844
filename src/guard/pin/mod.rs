//! Pins against rug pulls: a server that was trusted once must not change its tools unnoticed.
//!
//! The first time that a server shows tools, each is pinned as it is (trust on first use). From then on a tool that
//! is not as it was, or that was not there, is *pending*: it is told, and under `pinning: "enforce"` withheld, until
//! its owner approves it. A tool that vanishes keeps its pin, so that coming back changed does not help it. A server
//! without tools has not been seen yet.
//!
//! Pins belong to the server's name, not to its command or URL: the usual reason for a change is an intended update
//! of the server, which is approved by `bridge approve SERVER` like any other. A tool that `toolFilter` denies has no
//! pin; let in later, it is a new one. Servers whose definitions differ at every start (a date in a description) are
//! better given `pinning: "off"`, which neither looks nor remembers and leaves the file as it is.
//!
//! What counts is what a model gets to see: `name`, `title`, `description`, `inputSchema`, `outputSchema` and
//! `annotations`, as JSON with sorted keys and no blanks, hashed with SHA-256. The order of keys and blanks between
//! tokens therefore mean nothing; the order of an array does. Other members (`icons`, `_meta`, `execution`), which only
//! direct mode passes on, are for programs: they are guarded like the rest, but may change.
//!
//! The file, `pins/<server>.json` in the home folder (0600, the folder 0700), is replaced whole, under the lock
//! `pins/.lock` since bridges may share a home folder:
//!
//! ```json
//! {"version": 1, "tools": {
//!   "read_file": {"pinned": {"hash": "9f86…", "definition": {"name": "read_file", …}}},
//!   "send_mail": {"pinned": {"hash": "60303a…", "definition": {…}}, "pending": {"hash": "fcde2b…", "definition": {…}}},
//!   "new_tool": {"pending": {"hash": "2c26b4…", "bytes": 70112, "definition": {"name": …, "description": …}}}
//! }}
//! ```
//!
//! A server may show more tools to clients that it can ask something than to others. The first list that either kind of
//! client is shown makes the tools pins that are not known yet (`"asked": true` says that there was one for those); they
//! count as any other from then on, and are not gone where they are missing in the shorter list.
//!
//! `bytes` stands where the definition was too large to be kept whole; its hash is that of all of it.
//!
//! A change that cannot be written down, since another process holds the lock or the disk is full, is withheld with
//! that reason and tried again at the next use. Where the pins cannot be read, or the first ones cannot be written, `enforce` withholds every tool with that
//! reason; `warn` says so and goes on, and moves a damaged file aside (`<server>.json.damaged`) to pin anew.

mod approval;
mod book;
mod difference;
mod escape;
mod kept;
mod review;
mod store;

pub use approval::{Approvals, Pending, command};
pub use difference::Difference;
pub use escape::escape;
pub use kept::hash;
pub use review::{Note, PATIENCE, Pins, Review};
pub use store::Error;
