//! What `docs/adding-an-object-store.md` says about the files to edit.

use std::collections::BTreeSet;

use super::{files, repository};

/// The files of the numbered list of edits.
fn listed() -> BTreeSet<String> {
    let text =
        std::fs::read_to_string(repository().join("docs/adding-an-object-store.md")).unwrap();
    let (_, edits) = text.split_once("## 2. The edits elsewhere").unwrap();
    edits
        .lines()
        .filter(|line| line.starts_with(|c: char| c.is_ascii_digit()))
        .filter_map(|line| line.split('`').nth(1))
        .map(str::to_owned)
        .collect()
}

/// Whether the file, but for its tests, names the crate of the example.
fn names_the_example(path: &str, text: &str) -> bool {
    let of_the_crate = path.starts_with("crates/objects/kayenta-azure/");
    let of_tests = path.contains("/tests/") || path.contains("/documents/");
    let shipped = text.split("[dev-dependencies]").next().unwrap_or_default();
    !of_the_crate
        && !of_tests
        && (shipped.contains("kayenta-azure") || shipped.contains("kayenta_azure"))
}

#[test]
fn a_new_object_store_needs_no_edits_but_the_listed_ones() {
    let root = repository();
    let naming: BTreeSet<String> = [".rs", ".toml", "ARCHITECTURE.md"]
        .iter()
        .flat_map(|ending| files(ending))
        .filter_map(|path| {
            let text = std::fs::read_to_string(&path).unwrap();
            let short = path.strip_prefix(&root).unwrap().to_str().unwrap();
            names_the_example(short, &text).then(|| short.to_owned())
        })
        .collect();
    assert_eq!(naming, listed());
    assert_eq!(naming.len(), 4, "the fewer the better: {naming:?}");
}
