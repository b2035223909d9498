//! What the disk store writes where, and that nothing acknowledged is lost.

use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use bytes::Bytes;
use kayenta_model::IdSource;
use kayenta_storage::{
    DiskStore, Durability, GroupedIds, ObjectKind, ObjectStore, StorageErrorKind, WriteCondition,
};

use crate::doubles::RandomIds;

const SETS: ObjectKind = ObjectKind::MetricSetList;
const PAIRS: ObjectKind = ObjectKind::MetricSetPairList;
const ARCHIVE: ObjectKind = ObjectKind::CanaryResultArchive;

async fn open(root: &Path) -> DiskStore {
    DiskStore::open(root, Durability::PowerLoss).await.unwrap()
}

async fn put(store: &DiskStore, kind: ObjectKind, key: &str, content: impl Into<Bytes>) {
    let content = content.into();
    store
        .store(kind, key, None, content, WriteCondition::Always)
        .await
        .unwrap();
}

async fn text(store: &DiskStore, kind: ObjectKind, key: &str) -> Option<String> {
    match store.load(kind, key).await {
        Ok(object) => Some(String::from_utf8(object.bytes.to_vec()).unwrap()),
        Err(error) => {
            assert!(error.is_not_found(), "{error}");
            None
        }
    }
}

async fn keys(store: &DiskStore, kind: ObjectKind) -> Vec<String> {
    let listed = store.list(kind).await.unwrap();
    listed.into_iter().map(|object| object.key).collect()
}

/// Every file under a directory.
fn files(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path);
        }
    }
    found
}

fn size(directory: &Path) -> u64 {
    let all = files(directory);
    all.iter()
        .map(|path| fs::metadata(path).unwrap().len())
        .sum()
}

/// Writes what a run of `metrics` metrics writes; the ids of its metric sets, its pair list and archive.
async fn run(store: &DiskStore, metrics: usize) -> (Vec<String>, String, String) {
    let ids = GroupedIds::new(&RandomIds);
    let sets: Vec<_> = (0..2 * metrics).map(|_| ids.uuid()).collect();
    for id in &sets {
        put(store, SETS, id, vec![b'1'; 900]).await;
    }
    let pairs = ids.uuid();
    put(store, PAIRS, &pairs, vec![b'2'; 900 * 2 * metrics]).await;
    let archive = ids.ulid(1_744_113_600_000);
    put(store, ARCHIVE, &archive, vec![b'3'; 10_000]).await;
    (sets, pairs, archive)
}

#[tokio::test]
async fn a_run_is_a_file_of_measurements_and_a_file_for_its_archive_without_folders_of_their_own() {
    let root = tempfile::tempdir().unwrap();
    let store = open(root.path()).await;
    for runs in 1..=3 {
        let (sets, pairs, _) = run(&store, 20).await;
        assert_eq!(text(&store, SETS, &sets[7]).await.unwrap().len(), 900);
        assert_eq!(text(&store, PAIRS, &pairs).await.unwrap().len(), 36_000);
        assert_eq!(files(root.path()).len(), 2 * runs);
        let measurements = root.path().join("packed/measurements");
        assert_eq!(fs::read_dir(measurements).unwrap().count(), runs);
    }
    // What a record costs beside its content.
    let content = 3 * (40 * 900 + 36_000 + 10_000);
    assert!((content..content + 3 * 42 * 130).contains(&size(root.path())));
    let reopened = open(root.path()).await;
    assert_eq!(keys(&reopened, SETS).await.len(), 120);
    assert_eq!(keys(&reopened, PAIRS).await.len(), 3);
    assert_eq!(keys(&reopened, ARCHIVE).await.len(), 3);
}

#[tokio::test]
async fn removing_gives_the_space_back() {
    let root = tempfile::tempdir().unwrap();
    let store = open(root.path()).await;
    let (kept, _, _) = run(&store, 20).await;
    let before = size(root.path());
    let (sets, pairs, archive) = run(&store, 20).await;
    store.delete(PAIRS, &pairs).await.unwrap();
    store.delete(ARCHIVE, &archive).await.unwrap();
    for (removed, id) in sets.iter().enumerate() {
        // Never more than twice what is left, but for a file too small to be worth it.
        let left = (sets.len() - removed) as u64 * 1_030;
        assert!(size(root.path()) - before <= 2 * left + (16 << 10));
        store.delete(SETS, id).await.unwrap();
        assert_eq!(text(&store, SETS, id).await, None);
        assert!(store.delete(SETS, id).await.unwrap_err().is_not_found());
    }
    assert_eq!(size(root.path()), before);
    assert_eq!(files(root.path()).len(), 2);
    let mut expected = kept;
    expected.sort();
    assert_eq!(keys(&store, SETS).await, expected);

    // Writing the same object again and again takes no more than twice its size.
    for _ in 0..50 {
        put(&store, PAIRS, "again", vec![b'x'; 50_000]).await;
    }
    assert!(size(root.path()) < before + 110_000);
}

#[tokio::test]
async fn objects_of_earlier_releases_are_read_listed_replaced_and_removed() {
    let root = tempfile::tempdir().unwrap();
    let store = open(root.path()).await;
    for kind in ObjectKind::ALL {
        for key in ["one", "two", "three"] {
            let folder = root.path().join(kind.group()).join(key);
            fs::create_dir_all(&folder).unwrap();
            fs::write(folder.join(kind.default_filename()), key).unwrap();
        }
        assert_eq!(text(&store, kind, "one").await.as_deref(), Some("one"));
        assert_eq!(keys(&store, kind).await, ["one", "three", "two"]);
        let taken = store
            .store(kind, "one", None, "new".into(), WriteCondition::Absent)
            .await;
        assert_eq!(taken.unwrap_err().kind, StorageErrorKind::Conflict);

        let found = store.load(kind, "two").await.unwrap().summary;
        let unchanged = WriteCondition::Unchanged(found.version);
        let replaced = store
            .store(kind, "two", None, "new".into(), unchanged)
            .await
            .unwrap();
        assert!(replaced.updated >= found.updated);
        assert_eq!(text(&store, kind, "two").await.as_deref(), Some("new"));
        assert_eq!(keys(&store, kind).await, ["one", "three", "two"]);
        store.delete(kind, "two").await.unwrap();
        store.delete(kind, "three").await.unwrap();
        assert_eq!(keys(&store, kind).await, ["one"]);
        assert!(store.delete(kind, "two").await.unwrap_err().is_not_found());
        let left = fs::read_dir(root.path().join(kind.group())).unwrap();
        assert_eq!(left.count(), 1, "{kind}");
    }
}

#[tokio::test]
async fn processes_that_share_a_directory_see_what_the_others_write_and_remove() {
    let root = tempfile::tempdir().unwrap();
    let (one, other) = (open(root.path()).await, open(root.path()).await);
    let ids = GroupedIds::new(&RandomIds);
    let mut expected = BTreeMap::new();
    for round in 0..300 {
        let (writer, reader) = if round % 2 == 0 {
            (&one, &other)
        } else {
            (&other, &one)
        };
        let id = ids.uuid();
        let content = format!("{round}").repeat(200);
        put(writer, SETS, &id, content.clone()).await;
        assert_eq!(text(reader, SETS, &id).await, Some(content.clone()));
        expected.insert(id, content);
        if round % 3 != 0 {
            let (gone, _) = expected.pop_first().unwrap();
            reader.delete(SETS, &gone).await.unwrap();
            assert_eq!(text(writer, SETS, &gone).await, None);
        }
    }
    for store in [&one, &other, &open(root.path()).await] {
        assert!(keys(store, SETS).await.iter().eq(expected.keys()));
        for (id, content) in &expected {
            assert_eq!(text(store, SETS, id).await.as_ref(), Some(content));
        }
    }
}

#[cfg(unix)]
#[tokio::test]
async fn links_and_copies_among_the_packs_are_no_objects() {
    let root = tempfile::tempdir().unwrap();
    let store = open(root.path()).await;
    put(&store, ARCHIVE, "a", "[]").await;
    let folder = root.path().join("packed/canaries");
    fs::copy(folder.join("a.pack"), folder.join("copy.pack")).unwrap();
    std::os::unix::fs::symlink(folder.join("a.pack"), folder.join("link.pack")).unwrap();
    fs::write(folder.join("notes.txt"), "x").unwrap();
    fs::create_dir(folder.join("folder.pack")).unwrap();
    assert_eq!(keys(&store, ARCHIVE).await, ["a"]);
    for key in ["copy", "link", "folder"] {
        assert_eq!(text(&store, ARCHIVE, key).await, None);
    }
}

/// The variable that makes the test below the process that is killed.
const CHILD: &str = "KAYENTA_TEST_PACKS_IN";

/// The child prints each key once its write has been acknowledged, and is killed in the middle, with
/// four writers at work on two runs; then the next one goes on.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_survives_kill_9_and_what_was_not_is_whole_or_absent() {
    if let Ok(root) = std::env::var(CHILD) {
        return write_until_killed(Path::new(&root)).await;
    }
    let root = tempfile::tempdir().unwrap();
    let mut acknowledged = Vec::new();
    for _ in 0..12 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "packs::what_was_acknowledged_survives_kill_9_and_what_was_not_is_whole_or_absent",
            ])
            .arg("--nocapture")
            .env(CHILD, root.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut seen = 0;
        while seen < 60 {
            let line = lines.next().unwrap().unwrap();
            if let Some(key) = line.strip_prefix("wrote ") {
                acknowledged.push(key.to_owned());
                seen += 1;
            }
        }
        child.kill().unwrap();
        child.wait().unwrap();
        // What it printed until then was acknowledged, too.
        for line in lines.map_while(Result::ok) {
            let whole = line.strip_prefix("wrote ").filter(|key| key.len() == 36);
            acknowledged.extend(whole.map(str::to_owned));
        }
    }
    let store = open(root.path()).await;
    let listed = keys(&store, SETS).await;
    for key in &acknowledged {
        assert!(listed.binary_search(key).is_ok(), "{key} is not listed");
    }
    for key in &listed {
        let content = text(&store, SETS, key).await.unwrap();
        assert_eq!(content, content_of(key), "{key} is not whole");
    }
    assert!(acknowledged.len() >= 720);
    println!(
        "{} acknowledged, {} there",
        acknowledged.len(),
        listed.len()
    );
}

fn content_of(key: &str) -> String {
    let times = 1 + key.bytes().map(usize::from).sum::<usize>() % 7_000;
    key.repeat(times)
}

async fn write_until_killed(root: &Path) {
    let store = open(root).await;
    loop {
        let runs = [GroupedIds::new(&RandomIds), GroupedIds::new(&RandomIds)];
        for _ in 0..20 {
            let writes = (0..4).map(|writer| {
                let (key, store) = (runs[writer % 2].uuid(), &store);
                async move {
                    put(store, SETS, &key, content_of(&key)).await;
                    println!("wrote {key}");
                }
            });
            futures::future::join_all(writes).await;
        }
    }
}
