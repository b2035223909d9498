# Shortcuts for https://just.systems; each is one command that also works without it.

# Lists the recipes.
default:
    @just --list

# Formats the code.
format:
    cargo fmt --all

# Tests that need nothing but the Rust toolchain; arguments go to `cargo test`.
test *arguments:
    cargo test --workspace {{ arguments }}

# Every test, with real servers; arguments go to `cargo test`.
test-all *arguments:
    ./test {{ arguments }}

# Formatting, clippy, rustdoc and the rules of the code structure.
lint:
    .ci/run lint

# Everything a change has to pass.
ci:
    .ci/run

# Renews what is generated from the code: documents, the OpenAPI document, snapshots.
update:
    UPDATE_DOCS=1 UPDATE_OPENAPI=1 INSTA_UPDATE=always cargo test --workspace

# The documentation of the crates, in the browser.
doc:
    cargo doc --workspace --no-deps --open

# The service with a canary to look at, on http://localhost:8090.
demo:
    cargo run --bin kayenta -- demo
