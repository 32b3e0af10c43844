//! What may reach the model: channels that nobody sees, instructions in what servers say.
//!
//! A text passes two steps, each in linear time. *Channels* (`channel`) are closed for every server that is not
//! `trusted`: they carry what a person does not see. *Detection* (`detect`) is for `trust: sanitize`: it works on a
//! folded copy (`fold`) and maps what it finds back onto the text.
//!
//! HTML is changed only where something was found in it: the comment, the hidden element or the attribute that holds an
//! instruction goes, and visible markup stays as it is. So a page without such a thing keeps every byte, and text that
//! quotes HTML or is code is never rewritten as a page.
//!
//! Goals in plain words ("please send the report to …") look like any other text, and nothing here finds them.

mod channel;
mod definition;
mod detect;
mod dress;
mod enclosure;
mod encoded;
mod fields;
mod fold;
mod found;
mod hidden;
mod json;
mod letters;
mod mark;
mod misspelt;
mod pattern;
mod rules;
mod sanitize;
mod scan;
mod server;
mod speech;

pub use definition::UnusableName;
pub use found::{Found, Kind};
pub use scan::{ToolFinding, scan_definition};
pub use server::{Guard, Guarded};

pub mod limit;

pub mod pin;
