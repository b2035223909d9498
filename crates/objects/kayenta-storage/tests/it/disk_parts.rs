//! Objects that are written to the disk in parts.

use std::{
    fs,
    io::{BufRead, BufReader},
    path::Path,
    process::{Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
        mpsc,
    },
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use futures::FutureExt;
use kayenta_model::IdSource;
use kayenta_storage::{
    DiskStore, Durability, ObjectKind, ObjectStore, UPLOAD_PART, Upload, WriteCondition,
};
use kayenta_testkit::until;

use crate::doubles::RandomIds;

const PAIRS: ObjectKind = ObjectKind::MetricSetPairList;
const SETS: ObjectKind = ObjectKind::MetricSetList;
/// Two objects of one run, which share a pack.
const FIRST: &str = "01234567-89ab-4def-8123-000000000001";
const SECOND: &str = "01234567-89ab-4def-8123-000000000002";

async fn open(root: &Path) -> DiskStore {
    DiskStore::open(root, Durability::PowerLoss).await.unwrap()
}

async fn put(store: &DiskStore, kind: ObjectKind, key: &str, content: &'static str) {
    let content = Bytes::from_static(content.as_bytes());
    let write = store.store(kind, key, None, content, WriteCondition::Always);
    write.await.unwrap();
}

fn begin<'s>(store: &'s DiskStore, kind: ObjectKind, key: &str) -> Box<dyn Upload + 's> {
    store.upload(kind, key).expect("a store of parts")
}

fn part(letter: u8) -> Bytes {
    vec![letter; UPLOAD_PART].into()
}

/// Writes an object that is too large for one part.
async fn put_large(store: &DiskStore, kind: ObjectKind, key: &str, letter: u8) {
    let mut upload = begin(store, kind, key);
    upload.add(part(letter)).await.unwrap();
    upload.finish("end".into()).await.unwrap();
}

fn large(letter: u8) -> Vec<u8> {
    [&part(letter)[..], b"end"].concat()
}

async fn content(store: &DiskStore, kind: ObjectKind, key: &str) -> Option<Bytes> {
    match store.load(kind, key).await {
        Ok(object) => Some(object.bytes),
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

fn count(directory: &Path) -> usize {
    fs::read_dir(directory).map_or(0, Iterator::count)
}

fn age(path: &Path) {
    let file = fs::File::options().write(true).open(path).unwrap();
    let hours_ago = SystemTime::now() - Duration::from_secs(2 * 3600);
    file.set_modified(hours_ago).unwrap();
}

#[tokio::test]
async fn a_large_object_and_a_small_one_replace_each_other_wherever_they_lie() {
    for durability in [Durability::PowerLoss, Durability::PowerLossAlways] {
        let root = tempfile::tempdir().unwrap();
        let store = DiskStore::open(root.path(), durability).await.unwrap();
        for kind in ObjectKind::ALL.into_iter().skip(1) {
            let file = root.path().join(kind.group()).join(FIRST);
            let file = file.join(kind.default_filename());
            put(&store, kind, SECOND, "beside").await;
            for round in [b'a', b'b'] {
                put(&store, kind, FIRST, "small").await;
                assert_eq!(content(&store, kind, FIRST).await.unwrap(), "small");
                assert!(!file.exists(), "{kind}");
                assert_eq!(count(&root.path().join(kind.group())), 0);

                // Twice: the second one replaces a file.
                for _ in 0..2 {
                    put_large(&store, kind, FIRST, round).await;
                    assert!(content(&store, kind, FIRST).await.unwrap() == large(round));
                    assert_eq!(fs::metadata(&file).unwrap().len(), UPLOAD_PART as u64 + 3);
                    assert_eq!(keys(&store, kind).await, [FIRST, SECOND]);
                }
                // The pack does not have the small one any more, not even without the file.
                let aside = root.path().join("aside");
                fs::rename(&file, &aside).unwrap();
                assert_eq!(content(&store, kind, FIRST).await, None, "{kind}");
                fs::rename(&aside, &file).unwrap();
            }
            let found = store.load(kind, FIRST).await.unwrap().summary;
            let absent = WriteCondition::Absent;
            let taken = store.store(kind, FIRST, None, "x".into(), absent).await;
            taken.unwrap_err();
            let unchanged = WriteCondition::Unchanged(found.version);
            let small = store
                .store(kind, FIRST, None, "small".into(), unchanged)
                .await
                .unwrap();
            assert!(small.updated > found.updated);
            assert!(!file.exists());

            put_large(&store, kind, FIRST, b'c').await;
            for key in [FIRST, SECOND] {
                store.delete(kind, key).await.unwrap();
                assert!(store.delete(kind, key).await.unwrap_err().is_not_found());
            }
            assert_eq!(keys(&store, kind).await, [""; 0]);
            assert_eq!(count(&root.path().join(kind.group())), 0);
        }
        for shelf in ["measurements", "canaries", "analyses"] {
            assert_eq!(count(&root.path().join("packed").join(shelf)), 0, "{shelf}");
        }
        assert_eq!(count(&root.path().join("tmp")), 0);
    }
}

#[tokio::test]
async fn a_file_of_an_earlier_release_is_replaced_under_whatever_name() {
    let root = tempfile::tempdir().unwrap();
    let store = open(root.path()).await;
    let folder = root.path().join(PAIRS.group()).join("a");
    fs::create_dir_all(&folder).unwrap();
    for name in [PAIRS.default_filename(), "foreign.json"] {
        fs::write(folder.join(name), "earlier").unwrap();
    }
    put_large(&store, PAIRS, "a", b'x').await;
    assert!(content(&store, PAIRS, "a").await.unwrap() == large(b'x'));
    assert_eq!(count(&folder), 1);
}

/// A writer that dies between the two leaves both.
#[tokio::test]
async fn of_an_object_in_a_pack_and_one_in_a_file_the_newer_counts_and_a_removal_takes_both() {
    let root = tempfile::tempdir().unwrap();
    let store = open(root.path()).await;
    put(&store, PAIRS, "a", "small").await;
    let pack = root.path().join("packed/measurements/a.pack");
    let kept = fs::read(&pack).unwrap();
    put_large(&store, PAIRS, "a", b'x').await;
    assert!(!pack.exists());
    fs::write(&pack, kept).unwrap();
    for store in [&store, &open(root.path()).await] {
        assert!(content(store, PAIRS, "a").await.unwrap() == large(b'x'));
        assert_eq!(keys(store, PAIRS).await, ["a"]);
    }
    store.delete(PAIRS, "a").await.unwrap();
    assert_eq!(content(&store, PAIRS, "a").await, None);
    assert!(!pack.exists());
}

/// Nobody hears whether it has arrived, and it is still at work when it is repeated.
#[test]
fn a_step_whose_future_was_dropped_is_repeated() {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.max_blocking_threads(1).enable_all().build();
    runtime.unwrap().block_on(async {
        let root = tempfile::tempdir().unwrap();
        let store = open(root.path()).await;
        // No file work is done before what this returns is dropped.
        let hold = || {
            let (held, release) = mpsc::channel::<()>();
            tokio::task::spawn_blocking(move || release.recv());
            held
        };
        let mut upload = begin(&store, PAIRS, "a");
        for letter in [b'a', b'b'] {
            let held = hold();
            for _ in 0..3 {
                assert!(upload.add(part(letter)).now_or_never().is_none());
            }
            drop(held);
            upload.add(part(letter)).await.unwrap();
        }
        let held = hold();
        for _ in 0..3 {
            assert!(upload.finish("end".into()).now_or_never().is_none());
        }
        drop(held);
        let written = upload.finish("end".into()).await.unwrap();
        drop(upload);
        let read = store.load(PAIRS, "a").await.unwrap();
        assert_eq!(read.summary, written);
        assert!(read.bytes == [&part(b'a')[..], &part(b'b'), b"end"].concat());
        assert_eq!(count(&root.path().join("tmp")), 0);
    });
}

#[tokio::test]
async fn an_upload_that_is_dropped_removes_its_file() {
    let root = tempfile::tempdir().unwrap();
    let store = open(root.path()).await;
    let temporary = root.path().join("tmp");
    for at_work in [false, true] {
        let mut upload = begin(&store, PAIRS, "a");
        upload.add(part(b'a')).await.unwrap();
        assert_eq!(count(&temporary), 1);
        if at_work {
            // Whether or not it has ended by then.
            let _ = upload.add(part(b'b')).now_or_never();
        }
        drop(upload);
        let removed = async || count(&temporary) == 0;
        until("the file is removed", Duration::from_secs(10), removed).await;
    }
    // Dropped before the first part, there never is one.
    drop(begin(&store, PAIRS, "a"));
    assert_eq!(keys(&store, PAIRS).await, [""; 0]);
    let unusable = begin(&store, PAIRS, "../a").add(part(b'a')).await;
    assert_eq!(
        unusable.unwrap_err().kind,
        kayenta_storage::StorageErrorKind::Invalid
    );
    assert!(store.upload(ObjectKind::CanaryConfig, "a").is_none());
}

#[tokio::test]
async fn what_a_killed_process_left_is_cleared_and_what_is_being_written_is_not() {
    let root = tempfile::tempdir().unwrap();
    let store = open(root.path()).await;
    let temporary = root.path().join("tmp");
    let mut upload = begin(&store, PAIRS, "a");
    upload.add(part(b'a')).await.unwrap();
    let left = temporary.join("left.upload");
    fs::write(&left, "half").unwrap();
    for file in fs::read_dir(&temporary).unwrap() {
        age(&file.unwrap().path());
    }
    let young = temporary.join("young.upload");
    fs::write(&young, "").unwrap();

    let other = open(root.path()).await;
    store.check().await.unwrap();
    assert!(!left.exists());
    assert!(young.exists());
    assert_eq!(count(&temporary), 2);
    upload.finish("end".into()).await.unwrap();
    assert!(content(&other, PAIRS, "a").await.unwrap() == large(b'a'));
}

/// An object moves between its pack and a file of its own again and again, about once in each read or listing of other
/// processes.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn readers_always_find_an_object_that_is_replaced_elsewhere() {
    const MOVES: usize = 400;
    let root = tempfile::tempdir().unwrap();
    let open = async || {
        let opened = DiskStore::open(root.path(), Durability::ProcessCrash).await;
        opened.unwrap()
    };
    let writer = open().await;
    put(&writer, SETS, FIRST, "small").await;
    put(&writer, SETS, SECOND, "beside").await;
    let stop = Arc::new(AtomicBool::new(false));
    let start = |store: DiskStore, lists: bool| {
        let (stop, reads) = (Arc::clone(&stop), Arc::new(AtomicUsize::new(0)));
        let done = Arc::clone(&reads);
        let reader = tokio::spawn(async move {
            while !stop.load(Ordering::Relaxed) {
                if lists {
                    assert_eq!(keys(&store, SETS).await, [FIRST, SECOND]);
                } else {
                    let found = content(&store, SETS, FIRST).await;
                    let found = found.expect("it is there");
                    assert!(found == "small" || found == "in a file", "{found:?}");
                }
                done.fetch_add(1, Ordering::Relaxed);
            }
        });
        (reader, reads)
    };
    let readers = [start(open().await, false), start(open().await, true)];
    let all_have_read = async || {
        for (reader, reads) in &readers {
            let before = reads.load(Ordering::Relaxed);
            while reads.load(Ordering::Relaxed) == before && !reader.is_finished() {
                tokio::task::yield_now().await;
            }
        }
    };
    for _ in 0..MOVES {
        let mut upload = begin(&writer, SETS, FIRST);
        upload.finish("in a file".into()).await.unwrap();
        all_have_read().await;
        put(&writer, SETS, FIRST, "small").await;
        all_have_read().await;
    }
    stop.store(true, Ordering::Relaxed);
    for (reader, reads) in readers {
        reader.await.unwrap();
        assert!(reads.load(Ordering::Relaxed) >= MOVES);
    }
}

/// Two processes write one key, each to another place: whoever is last, there is one object.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_two_writers_of_a_key_neither_removes_what_the_other_has_put_elsewhere() {
    let root = tempfile::tempdir().unwrap();
    let (one, other) = (open(root.path()).await, open(root.path()).await);
    let folder = root.path().join(SETS.group()).join(FIRST);
    for _ in 0..100 {
        let mut upload = begin(&one, SETS, FIRST);
        let put_in_pack = put(&other, SETS, FIRST, "small");
        let (written, ()) = tokio::join!(upload.finish("in a file".into()), put_in_pack);
        written.unwrap();
        let found = content(&other, SETS, FIRST).await.expect("an object");
        assert_eq!(folder.exists(), found == "in a file");
        assert_eq!(keys(&one, SETS).await, [FIRST]);
        let pack = root
            .path()
            .join("packed/measurements/01234567-89ab-4def-8123.pack");
        assert_eq!(pack.exists(), found == "small");
    }
}

/// The variable that makes the test below the process that is killed.
const CHILD: &str = "KAYENTA_TEST_PARTS_IN";

/// The child prints each key once its write has been acknowledged, and is killed in the middle.
#[tokio::test(flavor = "multi_thread")]
async fn large_objects_that_were_acknowledged_survive_kill_9_and_others_are_whole_or_absent() {
    if let Ok(root) = std::env::var(CHILD) {
        return write_until_killed(Path::new(&root)).await;
    }
    let root = tempfile::tempdir().unwrap();
    let temporary = root.path().join("tmp");
    let mut acknowledged = Vec::new();
    let mut left = 0;
    for round in 0..6 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "disk_parts::large_objects_that_were_acknowledged_survive_kill_9_and_others_are_whole_or_absent",
            ])
            .arg("--nocapture")
            .env(CHILD, root.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        while acknowledged.len() < 2 * (round + 1) {
            let line = lines.next().unwrap().unwrap();
            acknowledged.extend(line.strip_prefix("wrote ").map(str::to_owned));
        }
        child.kill().unwrap();
        child.wait().unwrap();
        for line in lines.map_while(Result::ok) {
            let whole = line.strip_prefix("wrote ").filter(|key| key.len() == 36);
            acknowledged.extend(whole.map(str::to_owned));
        }
        for file in fs::read_dir(&temporary).unwrap() {
            age(&file.unwrap().path());
            left += 1;
        }
    }
    let store = open(root.path()).await;
    assert!(left > 0, "no process was killed in the middle of a write");
    assert_eq!(count(&temporary), 0);
    let listed = keys(&store, PAIRS).await;
    for key in &acknowledged {
        assert!(listed.binary_search(key).is_ok(), "{key} is not listed");
    }
    for key in &listed {
        let found = content(&store, PAIRS, key).await.unwrap();
        assert!(found == large(key.as_bytes()[0]), "{key} is not whole");
    }
    println!(
        "{} acknowledged, {} there",
        acknowledged.len(),
        listed.len()
    );
}

async fn write_until_killed(root: &Path) {
    let store = open(root).await;
    let writers = (0..3).map(|_| async {
        loop {
            let key = RandomIds.uuid();
            put_large(&store, PAIRS, &key, key.as_bytes()[0]).await;
            println!("wrote {key}");
        }
    });
    futures::future::join_all(writers).await;
}
