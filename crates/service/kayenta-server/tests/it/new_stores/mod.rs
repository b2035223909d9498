//! What a new store has to touch: a metric store and an object store are added to a copy of the repository,
//! which is built and tested, and are removed again.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// The lines that a new metric store adds to existing files, each after (or before) a line that is there.
/// `docs/adding-a-metric-store.md` lists the files.
const METRIC_STORE: &[(&str, &[Edit])] = &[
    (
        "crates/core/kayenta-model/src/query.rs",
        &[
            Edit::After(
                "query_shapes! {",
                "    /// A query of the dummy.\n    DummyDbQuery {\n        /// Name of the time series.\n        metric_name: \
                 String = \"lenient::string\",\n    }",
            ),
            Edit::After(
                "pub enum QueryConfig {",
                "    /// The dummy.\n    DummyDb(DummyDbQuery),",
            ),
            Edit::Before(
                "            Self::Prometheus(_) => \"prometheus\",",
                "            Self::DummyDb(_) => \"dummydb\",",
            ),
            Edit::Before(
                "            QueryConfig::Prometheus($shape) => $value,",
                "            QueryConfig::DummyDb($shape) => $value,",
            ),
            Edit::Before("        \"prometheus\",", "        \"dummydb\","),
            Edit::Before(
                "            \"prometheus\" => shape(fields).map(Self::Prometheus),",
                "            \"dummydb\" => shape(fields).map(Self::DummyDb),",
            ),
        ],
    ),
    (
        "Cargo.toml",
        &[Edit::After(
            "[workspace.dependencies]",
            "kayenta-dummydb = { path = \"crates/metrics/kayenta-dummydb\" }",
        )],
    ),
    (
        "crates/service/kayenta-server/Cargo.toml",
        &[Edit::After(
            "[dependencies]",
            "kayenta-dummydb.workspace = true",
        )],
    ),
    (
        "crates/service/kayenta-server/src/wiring/kinds.rs",
        &[Edit::After(
            "pub(crate) static KINDS: &[Kind] = &[",
            "    Kind::Metrics(&kayenta_dummydb::SECTION),",
        )],
    ),
];

/// The same for a new object store; `docs/adding-an-object-store.md` lists the files, and the map of the
/// code, which no compiler reads.
const OBJECT_STORE: &[(&str, &[Edit])] = &[
    (
        "Cargo.toml",
        &[Edit::After(
            "[workspace.dependencies]",
            "kayenta-dummybox = { path = \"crates/objects/kayenta-dummybox\" }",
        )],
    ),
    (
        "crates/service/kayenta-server/Cargo.toml",
        &[Edit::After(
            "[dependencies]",
            "kayenta-dummybox.workspace = true",
        )],
    ),
    (
        "crates/service/kayenta-server/src/wiring/kinds.rs",
        &[Edit::After(
            "pub(crate) static KINDS: &[Kind] = &[",
            "    Kind::Objects(&kayenta_dummybox::DESCRIPTION),",
        )],
    ),
];

/// What is generated, not edited: the lock file by cargo, the API document by its test.
const GENERATED: [&str; 2] = ["Cargo.lock", "api-spec/openapi.json"];

/// The most existing files that a new store may touch, generated ones included.
const MOST_FILES: usize = 6;

/// Lines put beside the only line that reads like this.
enum Edit {
    After(&'static str, &'static str),
    Before(&'static str, &'static str),
}

impl Edit {
    fn apply(&self, text: &str) -> String {
        let (line, with) = match self {
            Self::After(line, more) => (line, format!("{line}\n{more}\n")),
            Self::Before(line, more) => (line, format!("{more}\n{line}\n")),
        };
        let line = format!("{line}\n");
        assert_eq!(text.matches(&line).count(), 1, "{line}");
        text.replace(&line, &with)
    }
}

/// A copy of what is needed to build the service.
struct Copy {
    root: PathBuf,
    original: BTreeMap<String, Vec<u8>>,
}

impl Copy {
    fn make() -> Self {
        let from = repository();
        let root = from.join("target/new-stores");
        // Files are left as they are where they are the same, so that a second run builds little.
        let mut original = BTreeMap::new();
        for part in [
            "Cargo.toml",
            "Cargo.lock",
            "rust-toolchain.toml",
            "api-spec",
            "benches",
            "crates",
        ] {
            read(&from, &from.join(part), &mut original);
        }
        let mut there = BTreeMap::new();
        if root.exists() {
            read(&root, &root, &mut there);
        }
        for (path, bytes) in &original {
            if there.get(path) != Some(bytes) {
                write(&root.join(path), bytes);
            }
        }
        for path in there.keys().filter(|path| !original.contains_key(*path)) {
            fs::remove_file(root.join(path)).unwrap();
        }
        Self { root, original }
    }

    fn add(&self, area: &str, package: &str, edits: &[(&str, &[Edit])]) {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/new_stores");
        let mut files = BTreeMap::new();
        read(&source, &source.join(package), &mut files);
        for (path, bytes) in files {
            write(&self.root.join("crates").join(area).join(path), &bytes);
        }
        for (path, edits) in edits {
            let path = self.root.join(path);
            let text = fs::read_to_string(&path).unwrap();
            let text = edits.iter().fold(text, |text, edit| edit.apply(&text));
            write(&path, text.as_bytes());
        }
    }

    /// Removes the crate and undoes the edits.
    fn remove(&self, area: &str, package: &str, edits: &[(&str, &[Edit])]) {
        fs::remove_dir_all(self.root.join("crates").join(area).join(package)).unwrap();
        for (path, edits) in edits {
            let path = self.root.join(path);
            let mut text = fs::read_to_string(&path).unwrap();
            for edit in *edits {
                let (Edit::After(_, more) | Edit::Before(_, more)) = edit;
                text = text.replacen(&format!("{more}\n"), "", 1);
            }
            write(&path, text.as_bytes());
        }
    }

    /// Runs the unit tests of the binary whose names contain one of these: among them, that every crate of
    /// a store is in the table and that the model knows its queries.
    fn test(&self, names: &[&str]) {
        let built = Path::new(super::samples::BINARY).parent().unwrap();
        let target = self.root.with_extension("built");
        share_dependencies(built, &target.join(built.file_name().unwrap()));
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let output = Command::new(cargo)
            .args(["test", "--offline", "--workspace", "--bin", "kayenta", "--"])
            .args(names)
            .current_dir(&self.root)
            .env("CARGO_TARGET_DIR", target)
            .env("UPDATE_OPENAPI", "1")
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(
            output.status.success() && text.contains("test result: ok."),
            "{text}\n{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }

    /// The existing files that differ from the original.
    fn touched(&self) -> BTreeSet<&str> {
        self.original
            .iter()
            .filter(|(path, bytes)| fs::read(self.root.join(path)).unwrap() != **bytes)
            .map(|(path, _)| path.as_str())
            .collect()
    }
}

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../..")
        .canonicalize()
        .unwrap()
}

/// Gives a folder of build results what was built of the crates that are not of this repository. Those of the
/// repository have the same file names in the copy, so the copy must not build into the same folder.
fn share_dependencies(built: &Path, target: &Path) {
    for part in ["deps", ".fingerprint", "build"] {
        for entry in fs::read_dir(built.join(part)).unwrap() {
            let entry = entry.unwrap();
            let name = entry.file_name().into_string().unwrap();
            let crate_name = name.strip_prefix("lib").unwrap_or(&name);
            if !["kayenta", "it-", "image-"]
                .iter()
                .any(|own| crate_name.starts_with(own))
            {
                link(&entry.path(), &target.join(part).join(name));
            }
        }
    }
}

/// Links every file at or below a path that is not there yet. What cannot be linked is built instead.
fn link(from: &Path, to: &Path) {
    if from.is_dir() {
        fs::create_dir_all(to).unwrap();
        for entry in fs::read_dir(from).unwrap() {
            let entry = entry.unwrap();
            link(&entry.path(), &to.join(entry.file_name()));
        }
    } else if !to.exists() {
        let _ = fs::create_dir_all(to.parent().unwrap());
        let _ = fs::hard_link(from, to);
    }
}

/// Every file at or below a path, by its path from the root.
fn read(root: &Path, path: &Path, into: &mut BTreeMap<String, Vec<u8>>) {
    if path.is_dir() {
        if path.ends_with("target") {
            return;
        }
        for entry in fs::read_dir(path).unwrap() {
            read(root, &entry.unwrap().path(), into);
        }
    } else {
        let name = path.strip_prefix(root).unwrap().to_str().unwrap();
        into.insert(name.to_owned(), fs::read(path).unwrap());
    }
}

fn write(path: &Path, bytes: &[u8]) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}

#[test]
#[ignore = "needs cargo, and builds the service"]
fn a_new_store_touches_at_most_six_existing_files_and_leaves_nothing_when_removed() {
    let copy = Copy::make();
    let stores = [
        ("metrics", "kayenta-dummydb", METRIC_STORE, &GENERATED[..]),
        ("objects", "kayenta-dummybox", OBJECT_STORE, &GENERATED[..1]),
    ];
    let mut expected = BTreeSet::new();
    for (area, package, edits, generated) in stores {
        copy.add(area, package, edits);
        let edited = edits.iter().map(|(path, _)| *path);
        let touched: BTreeSet<_> = edited.chain(generated.iter().copied()).collect();
        assert!(touched.len() <= MOST_FILES, "{touched:?}");
        expected.extend(touched);
    }
    // Built together, as that takes minutes.
    copy.test(&["wiring::kinds", "documents::openapi"]);
    assert_eq!(copy.touched(), expected);
    let document = fs::read_to_string(copy.root.join("api-spec/openapi.json")).unwrap();
    assert!(
        document.contains("/fetch/dummydb/query"),
        "the route follows from the description"
    );
    assert!(
        !document.contains("dummybox"),
        "an object store leaves the API as it is"
    );
    for (area, package, edits, _) in stores {
        copy.remove(area, package, edits);
    }
    for path in GENERATED {
        write(&copy.root.join(path), &copy.original[path]);
    }
    assert_eq!(copy.touched(), BTreeSet::new());
}
