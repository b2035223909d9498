//! No file makes the loader panic or run away:
//! `cd crates/foundation/kayenta-properties && cargo +nightly fuzz run loader`.
//!
//! `tests/it/hostile.rs` drives the same entrance with generated texts in every run of the tests.

#![no_main]

use std::sync::LazyLock;

use kayenta_properties::{Binder, Environment, EnvironmentView, Loader};
use libfuzzer_sys::fuzz_target;
use tempfile::TempDir;

/// A file system of its own, so that no input reads files of this machine.
static ROOT: LazyLock<TempDir> = LazyLock::new(|| tempfile::tempdir().expect("a temporary directory"));

fuzz_target!(|file: &[u8]| {
    std::fs::write(ROOT.path().join("application.yml"), file).expect("a file in it");
    let environment = Environment::empty(ROOT.path());
    let gathered = Loader::new().load(&environment);
    let _ = EnvironmentView::new(&gathered);
    let binder = Binder::new(&gathered.properties, &environment);
    let group = binder.group("a");
    let _ = (group.items("b"), group.map("c"), group.object("d"), group.text("e"));
    let _ = group.elements("f", "name", |element| element.text("name"));
    binder.warn_unknown("a");
    let _ = binder.finish();
});
