//! Results that are kept: those that may be given again, and those that were too long to be given at once.

mod flight;
mod key;
mod results;

pub use flight::{Flights, Joined};
pub use key::Key;
pub use results::{Generation, Results};
