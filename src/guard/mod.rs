//! What may reach the model: channels that nobody sees, instructions in what servers say.
//!
//! A text passes two steps, each in linear time. *Channels* (`channel`) are closed for every server that is not
//! `trusted`: they carry what a person does not see. *Detection* (`detect`) is for `trust: sanitize`: it works on a
//! folded copy (`fold`) and maps what it finds back onto the text. A text that is JSON is taken apart, treated string
//! by string, and stays JSON.
//!
//! HTML is changed only where something was found in it: the words of a comment, a hidden element or an attribute that
//! are an instruction go, and all markup that does nothing stays as it is. So a page without such words keeps every
//! byte, and a text that quotes HTML or is code is never rewritten as a page. Hidden elements are found by a parser.
//!
//! The strings of a result are looked at one by one, the strings of a text that is JSON together as well: instructions
//! that are cut over the blocks of a result or over the fields of its `structuredContent` are not found. Joined, strings
//! that have nothing to do with one another (labels, hits of a search) read like sentences that nobody wrote.
//!
//! A channel that is seen stays: an emoji may have its selector or not. So does the space without width between words
//! of Thai, Khmer and their kin, and the joiner of scripts that have one, since there they are how words are written.
//!
//! What was cleaned is clean: treating it again changes nothing.
//!
//! Goals in plain words ("please send the report to …") look like any other text, and nothing here finds them.

mod channel;
mod closer;
mod definition;
mod detect;
mod direction;
mod dress;
mod enclosure;
mod encoded;
mod escape;
mod fields;
mod fold;
mod folded;
mod found;
mod hidden;
mod json;
mod letters;
mod mark;
mod misspelt;
mod ornament;
mod pattern;
mod quotation;
mod rules;
mod sanitize;
mod scan;
mod server;
mod speech;
mod stray;
mod stretches;
mod variant;

pub use definition::UnusableName;
pub use found::{Found, Kind};
pub use mark::unmarked;
pub use scan::{ToolFinding, scan_definition};
pub use server::{Guard, Guarded};

pub mod limit;

pub mod pin;
