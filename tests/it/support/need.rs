//! What a machine may lack that a test cannot do without.

use std::io::{self, Write as _};

/// Tells that a test is left out and why, where the runner of tests swallows nothing. It fails instead where the
/// variable is `required`, as it is where all of them have to run.
#[track_caller]
pub(crate) fn leave_out(variable: &str, why: &str) {
    assert!(!is_required(variable), "{why}, and {variable} is `required`");
    let thread = std::thread::current();
    let test = thread.name().unwrap_or("a test");
    // In one piece, since others write as well.
    let line = format!("\nleft out: {test}: {why}\n");
    io::stderr().write_all(line.as_bytes()).expect("stderr is open");
}

/// Whether the variable asks for all that a test can do.
#[expect(clippy::disallowed_methods, reason = "this is the test's environment, not the bridge's")]
pub(crate) fn is_required(variable: &str) -> bool {
    std::env::var(variable).is_ok_and(|value| value == "required")
}
