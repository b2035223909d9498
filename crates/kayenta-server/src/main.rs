//! The `kayenta` binary.
fn main() {}
