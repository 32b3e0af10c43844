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

# The official TypeScript and Python clients and five real servers, installed below tests/interop/.work.
interop:
    tests/interop/run

# Added latency and CPU time per call against calling the test server directly.
bench *arguments:
    cargo bench --features test-upstream --bench stdio -- {{ arguments }}

# Tokens of `list` for published servers, against plain lists; `--check` fails when they are more.
bench-tokens *arguments:
    cargo bench --bench tokens -- {{ arguments }}

# What the sanitizer finds in the texts of ../shared/data/injection and what it costs; `--check` fails on a missed target.
bench-guard *arguments:
    cargo bench --bench guard -- {{ arguments }}
