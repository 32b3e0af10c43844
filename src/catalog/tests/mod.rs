//! What the parts of the catalog do together.

mod documents;
mod names;
mod signed;
mod slow;
