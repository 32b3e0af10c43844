//! Logging in with the user: by a browser on this machine, or by a code that is typed anywhere. Nothing is opened or printed
//! here; the caller gets what to show, and says what the user brought back.

mod browser;
mod device;
mod request;

pub use browser::{Browser, Returned};
pub use device::Device;
