//! The `bridge` binary.

use std::process::ExitCode;

fn main() -> ExitCode {
    mcp_bridge::cli::main()
}
