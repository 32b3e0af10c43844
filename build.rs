//! Tells the linker to put the functions of a start and of calls side by side, as `layout.ld` says: the system maps 64 kB
//! around each page that is touched, and these functions are a tenth of the program.
#![expect(clippy::disallowed_methods, reason = "this is how Cargo speaks to build scripts")]

use std::env;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=layout.ld");
    let is = |name: &str, value: &str| env::var(name).is_ok_and(|found| found == value);
    // Where the compiler brings its own linker; another one, told by a flag, may not know such scripts.
    let has_linker = is("CARGO_CFG_TARGET_OS", "linux")
        && is("CARGO_CFG_TARGET_ENV", "gnu")
        && is("CARGO_CFG_TARGET_ARCH", "x86_64")
        && env::var_os("RUSTC_LINKER").is_none();
    let flags = env::var("CARGO_ENCODED_RUSTFLAGS").unwrap_or_default();
    if has_linker && is("PROFILE", "release") && !flags.contains("link") {
        let folder = env::var("CARGO_MANIFEST_DIR").expect("Cargo sets it");
        println!("cargo::rustc-link-arg-bin=bridge=-Wl,-T,{folder}/layout.ld");
    }
}
