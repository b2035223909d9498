//! No file makes the loader panic or run away: `cd crates/service/kayenta-config && cargo +nightly fuzz run loader`.
//!
//! `tests/it/hostile.rs` drives the same entrance with generated texts in every run of the tests.

#![no_main]

use std::sync::LazyLock;

use kayenta_config::{Environment, check_config};
use libfuzzer_sys::fuzz_target;
use tempfile::TempDir;

/// A file system of its own, so that no input reads files of this machine.
static ROOT: LazyLock<TempDir> = LazyLock::new(|| {
    let root = tempfile::tempdir().expect("a temporary directory");
    std::fs::create_dir_all(root.path().join("opt/kayenta/config")).expect("a directory in it");
    root
});

fuzz_target!(|file: &[u8]| {
    let root = ROOT.path();
    std::fs::write(root.join("opt/kayenta/config/kayenta.yml"), file).expect("a file in it");
    let report = check_config(&Environment::empty(root));
    let _ = (report.to_string(), report.effective_text());
});
