//! Results that are kept: those that may be given again, and those that were too long to be given at once.

mod files;
mod flight;
mod kept;
mod key;
mod page;
mod results;

pub use flight::{Flights, Joined};
pub use kept::{Kept, ResultId};
pub use key::Key;
pub use page::{Page, document, only_text, page};
pub use results::{Generation, Results};
