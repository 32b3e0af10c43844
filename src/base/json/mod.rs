//! JSON as text: checked once and strictly when it comes in, then cut into parts and put together again without
//! being built up as values.

mod canonical;
mod cut;
mod edit;
mod notes;
mod scan;
mod spelling;
mod splice;
mod strict;

pub use canonical::canonical;
pub use cut::{
    Member, elements, first_value, is_object, member, members, objects, offset, replace, string,
};
pub use edit::{set, without};
pub use notes::{Noted, Part};
pub use spelling::{compact, string_end, text, unescape, write_string};
pub use splice::{Place, insert, is_tight, remove};
pub use strict::{Checked, Fault, MAX_DEPTH, Strict};
