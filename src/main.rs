//! The `bridge` binary.

fn main() {}
