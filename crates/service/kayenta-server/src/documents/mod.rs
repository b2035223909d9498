//! What the documents say is tried: their links lead somewhere, their command lines parse, their
//! settings exist, and what is generated from the code is as the code is now.

mod canary_configs;
mod command_lines;
mod generated;
mod json_schemas;
mod links;
mod meters;
mod object_store_guide;
mod openapi;
mod page;
mod settings;

use std::path::{Path, PathBuf};

use self::page::Page;

/// The root of the repository.
fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../..")
        .canonicalize()
        .unwrap()
}

/// Every file of the repository whose name ends like this, in a folder that is not built.
fn files(ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![repository()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            let (path, name) = (entry.path(), entry.file_name());
            let name = name.to_str().unwrap();
            if entry.file_type().unwrap().is_dir() {
                if !matches!(
                    name,
                    "target" | "node_modules" | ".git" | "testdata" | "fuzz"
                ) {
                    folders.push(path);
                }
            } else if name.ends_with(ending) {
                found.push(path);
            }
        }
    }
    found.sort();
    assert!(!found.is_empty(), "no file ends with {ending}");
    found
}

/// Every page of the repository.
fn pages() -> Vec<Page> {
    files(".md").iter().map(|path| Page::read(path)).collect()
}

/// A path as a person names it.
fn short(path: &Path) -> String {
    let root = repository();
    path.strip_prefix(&root)
        .unwrap_or(path)
        .display()
        .to_string()
}
