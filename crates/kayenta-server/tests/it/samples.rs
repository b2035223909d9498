//! Files under `testdata`, and the binary under test.

use std::path::{Path, PathBuf};

/// The built binary.
pub(crate) const BINARY: &str = env!("CARGO_BIN_EXE_kayenta");

/// A path under `testdata`.
pub(crate) fn testdata(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../testdata")
        .join(path)
}

/// A sample configuration with `{{name}}`s put in.
pub(crate) fn sample(name: &str, values: &[(&str, &str)]) -> String {
    let text = std::fs::read_to_string(testdata("samples").join(name)).unwrap();
    values.iter().fold(text, |text, (name, value)| {
        text.replace(&format!("{{{{{name}}}}}"), value)
    })
}
