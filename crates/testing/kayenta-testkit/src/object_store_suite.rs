//! What every [`ObjectStore`] must do, checked alike on every one of them.
//!
//! The checks panic with what went wrong; they leave their objects behind, so give them a store of
//! their own.

use std::{
    collections::BTreeSet,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, future::BoxFuture, future::join_all, stream};
use kayenta_model::{MetricSet, MetricSetPair};
use kayenta_storage::{
    ObjectKind, ObjectRepository, ObjectStore, ObjectSummary, Series, StorageError,
    StorageErrorKind, UPLOAD_PART, UpTo, WriteCondition,
};

const CONFIG: ObjectKind = ObjectKind::CanaryConfig;

/// Uploads that run at once when many objects are written.
const CONCURRENCY: usize = 32;

/// Runs every check that needs nothing but the trait.
pub async fn run_all(store: &dyn ObjectStore) {
    answers(store).await;
    roundtrip(store).await;
    exact_keys(store).await;
    unfit_keys(store).await;
    renames(store).await;
    conditions(store).await;
    missing(store).await;
    non_ascii(store).await;
    big_object(store).await;
    parts(store).await;
    listing(store).await;
    concurrent_writers(store).await;
    locks(store).await;
    change_marks(store).await;
}

async fn put(
    store: &dyn ObjectStore,
    kind: ObjectKind,
    key: &str,
    filename: Option<&str>,
    text: &str,
    condition: WriteCondition,
) -> Result<ObjectSummary, StorageError> {
    let bytes = Bytes::copy_from_slice(text.as_bytes());
    store.store(kind, key, filename, bytes, condition).await
}

async fn text(store: &dyn ObjectStore, kind: ObjectKind, key: &str) -> String {
    let object = store.load(kind, key).await.expect("the object is there");
    String::from_utf8(object.bytes.to_vec()).expect("the object is text")
}

async fn listed(store: &dyn ObjectStore, kind: ObjectKind, key: &str) -> Vec<ObjectSummary> {
    let mut all = store.list(kind).await.expect("the store lists");
    all.retain(|summary| summary.key == key);
    all
}

/// Panics unless both are the same object. A service may tell the time of a write less precisely in one
/// answer than in another.
fn assert_same(one: &ObjectSummary, other: &ObjectSummary) {
    assert_same_within(Duration::from_secs(2), one, other);
}

/// The same of a write that took so long.
fn assert_same_within(most: Duration, one: &ObjectSummary, other: &ObjectSummary) {
    let apart = (one.updated - other.updated).abs().to_std();
    assert!(
        apart.is_ok_and(|apart| apart < most),
        "{one:?} and {other:?}"
    );
    let updated = other.updated;
    assert_eq!(
        &ObjectSummary {
            updated,
            ..one.clone()
        },
        other
    );
}

/// Panics unless the listing is of this one object.
fn assert_only(listed: &[ObjectSummary], object: &ObjectSummary) {
    let [only] = listed else {
        panic!("{listed:?} is not one object")
    };
    assert_same(only, object);
}

/// A store in order says so.
pub async fn answers(store: &dyn ObjectStore) {
    store.check().await.expect("the store answers");
    assert!(!store.platform().is_empty());
}

/// What is written is read, listed and deleted, for every kind and apart from other kinds.
pub async fn roundtrip(store: &dyn ObjectStore) {
    for kind in ObjectKind::ALL {
        let first = put(store, kind, "trip", None, "[1]", WriteCondition::Always)
            .await
            .expect("a first write");
        assert_eq!(first.key, "trip");
        assert_eq!(first.filename, kind.default_filename());
        assert!(!first.version.is_empty());
        let age = chrono::Utc::now() - first.updated;
        assert!(age.num_minutes().abs() < 5, "written {age} ago");

        let loaded = store.load(kind, "trip").await.expect("a read");
        assert_eq!(&loaded.bytes[..], b"[1]");
        assert_same(&loaded.summary, &first);
        assert_only(&listed(store, kind, "trip").await, &first);
        let again = store.load_listed(kind, &first).await.expect("a read");
        assert_eq!(again.bytes, loaded.bytes);

        let second = put(store, kind, "trip", None, "[2]", WriteCondition::Always)
            .await
            .expect("a second write");
        assert_ne!(second.version, first.version, "a write changes the version");
        assert_eq!(text(store, kind, "trip").await, "[2]");
        let stale = store.load_listed(kind, &first).await.expect("a read");
        assert_eq!(
            &stale.bytes[..],
            b"[2]",
            "an outdated listing finds the new"
        );
        assert_eq!(stale.summary.version, second.version);
    }
    for kind in ObjectKind::ALL {
        store.delete(kind, "trip").await.expect("a removal");
        let error = store.load(kind, "trip").await.expect_err("it is gone");
        assert!(error.is_not_found(), "{error:?}");
        assert!(listed(store, kind, "trip").await.is_empty());
    }
}

/// A key that begins another is a key of its own.
pub async fn exact_keys(store: &dyn ObjectStore) {
    for key in ["pre-12", "pre-1.2", "pre-1 2"] {
        put(
            store,
            CONFIG,
            key,
            Some("x.json"),
            key,
            WriteCondition::Absent,
        )
        .await
        .expect("a write");
    }
    let error = store.load(CONFIG, "pre-1").await.expect_err("no such key");
    assert!(error.is_not_found());
    let error = store
        .delete(CONFIG, "pre-1")
        .await
        .expect_err("no such key");
    assert!(error.is_not_found());
    put(
        store,
        CONFIG,
        "pre-1",
        Some("x.json"),
        "own",
        WriteCondition::Absent,
    )
    .await
    .expect("the shorter key is free");
    assert_eq!(text(store, CONFIG, "pre-1").await, "own");
    assert_eq!(text(store, CONFIG, "pre-12").await, "pre-12");
    store.delete(CONFIG, "pre-1").await.expect("a removal");
    for key in ["pre-12", "pre-1.2", "pre-1 2"] {
        assert_eq!(text(store, CONFIG, key).await, key);
        store.delete(CONFIG, key).await.expect("a removal");
    }
}

/// Keys that are no path segment are refused, and absent when asked for.
pub async fn unfit_keys(store: &dyn ObjectStore) {
    for key in [
        "",
        ".",
        "..",
        "a/b",
        "/",
        "a\\b",
        "a\u{0}b",
        "../canary_config",
    ] {
        let error = put(store, CONFIG, key, None, "{}", WriteCondition::Always)
            .await
            .expect_err("no key");
        assert_eq!(error.kind, StorageErrorKind::Invalid, "{key:?}");
        for error in [
            store.load(CONFIG, key).await.map(|_| ()),
            store.delete(CONFIG, key).await,
        ] {
            assert!(error.expect_err("no key").is_not_found(), "{key:?}");
        }
    }
    let error = put(
        store,
        CONFIG,
        "k",
        Some("../x"),
        "{}",
        WriteCondition::Always,
    )
    .await
    .expect_err("no file name");
    assert_eq!(error.kind, StorageErrorKind::Invalid);
}

/// A write under another file name leaves one object.
pub async fn renames(store: &dyn ObjectStore) {
    for kind in [CONFIG, ObjectKind::CanaryResultArchive] {
        let old = put(
            store,
            kind,
            "ren",
            Some("old.json"),
            "1",
            WriteCondition::Absent,
        )
        .await
        .expect("a write");
        let new = put(
            store,
            kind,
            "ren",
            Some("new.json"),
            "2",
            WriteCondition::Unchanged(old.version.clone()),
        )
        .await
        .expect("a rename");
        assert_eq!(new.filename, "new.json");
        assert_only(&listed(store, kind, "ren").await, &new);
        assert_eq!(text(store, kind, "ren").await, "2");
        put(store, kind, "ren", None, "3", WriteCondition::Always)
            .await
            .expect("a write under the default name");
        let files: Vec<_> = listed(store, kind, "ren").await;
        assert_eq!(files.len(), 1);
        assert_eq!(files[0].filename, kind.default_filename());
        let late = store.load_listed(kind, &old).await.expect("a read");
        assert_eq!(&late.bytes[..], b"3");
        store.delete(kind, "ren").await.expect("a removal");
        assert!(listed(store, kind, "ren").await.is_empty());
    }
}

/// Conditions hold or the write does not happen.
pub async fn conditions(store: &dyn ObjectStore) {
    for kind in ObjectKind::ALL {
        let conflict = |result: Result<ObjectSummary, StorageError>| {
            let error = result.expect_err("the condition does not hold");
            assert_eq!(error.kind, StorageErrorKind::Conflict, "{error:?}");
        };
        let unchanged = WriteCondition::Unchanged("0x1".to_owned());
        conflict(put(store, kind, "cond", None, "0", unchanged).await);
        let first = put(store, kind, "cond", None, "1", WriteCondition::Absent)
            .await
            .expect("a write");
        conflict(put(store, kind, "cond", None, "2", WriteCondition::Absent).await);
        conflict(
            put(
                store,
                kind,
                "cond",
                Some("o.json"),
                "2",
                WriteCondition::Absent,
            )
            .await,
        );
        let unchanged = || WriteCondition::Unchanged(first.version.clone());
        let second = put(store, kind, "cond", None, "3", unchanged())
            .await
            .expect("nobody changed it");
        conflict(put(store, kind, "cond", None, "4", unchanged()).await);
        conflict(put(store, kind, "cond", Some("o.json"), "4", unchanged()).await);
        assert_eq!(text(store, kind, "cond").await, "3");
        assert_only(&listed(store, kind, "cond").await, &second);
        store.delete(kind, "cond").await.expect("a removal");
        conflict(put(store, kind, "cond", None, "5", unchanged()).await);
        assert!(listed(store, kind, "cond").await.is_empty());
    }
}

/// A missing object is reported as such.
pub async fn missing(store: &dyn ObjectStore) {
    for kind in ObjectKind::ALL {
        let error = store.load(kind, "absent").await.expect_err("nothing there");
        assert!(error.is_not_found(), "{error:?}");
        assert!(error.message.contains("absent"), "{error}");
        let error = store
            .delete(kind, "absent")
            .await
            .expect_err("nothing there");
        assert!(error.is_not_found(), "{error:?}");
    }
}

/// Keys, file names and contents are Unicode.
pub async fn non_ascii(store: &dyn ObjectStore) {
    let key = "grün 100% #1?&+;=,@:~ 日本 🐤";
    let content = "{\"description\":\"größer als 日本 🐤\"}";
    let written = put(
        store,
        CONFIG,
        key,
        Some("ä b.json"),
        content,
        WriteCondition::Absent,
    )
    .await
    .expect("a write");
    assert_eq!(text(store, CONFIG, key).await, content);
    assert_only(&listed(store, CONFIG, key).await, &written);
    let read = store.load_listed(CONFIG, &written).await.expect("a read");
    assert_same(&read.summary, &written);
    store.delete(CONFIG, key).await.expect("a removal");
}

/// Tens of megabytes pass, and nothing at all.
pub async fn big_object(store: &dyn ObjectStore) {
    let mut body = Vec::with_capacity(30_000_000);
    while body.len() < 30_000_000 {
        body.extend_from_slice(format!("{},", body.len()).as_bytes());
    }
    let body = Bytes::from(body);
    let kind = ObjectKind::MetricSetList;
    for condition in [WriteCondition::Absent, WriteCondition::Always] {
        store
            .store(kind, "big", None, body.clone(), condition)
            .await
            .expect("a big write");
        let read = store.load(kind, "big").await.expect("a big read");
        assert!(read.bytes == body, "the big object came back changed");
    }
    store.delete(kind, "big").await.expect("a removal");
    put(store, kind, "empty", None, "", WriteCondition::Always)
        .await
        .expect("an empty write");
    assert!(text(store, kind, "empty").await.is_empty());
    store.delete(kind, "empty").await.expect("a removal");
}

/// An object is found with its size, read in parts, and no part comes from another version.
pub async fn parts(store: &dyn ObjectStore) {
    const SIZE: u64 = 300_000;
    for kind in [CONFIG, ObjectKind::MetricSetList] {
        let body: String = (0..SIZE / 6).map(|n| format!("{n:05},")).collect();
        put(store, kind, "parts", None, &body, WriteCondition::Always)
            .await
            .expect("a write");
        let whole = store.load_up_to(kind, "parts", SIZE).await.expect("a read");
        let UpTo::Whole(whole) = whole else {
            panic!("{whole:?} is as large as asked for")
        };
        assert_eq!(whole.bytes, body);
        // A store that reads no parts has no larger objects.
        let found = store
            .load_up_to(kind, "parts", SIZE - 1)
            .await
            .expect("a look");
        let found = found.summary().clone();
        assert_eq!(found, whole.summary);
        assert_eq!(found.size, SIZE);
        for part in [0..10, 100_000..200_000, SIZE - 7..SIZE] {
            let read = store.load_part(kind, &found, part.clone()).await;
            let expected = &body[part.start as usize..part.end as usize];
            assert_eq!(read.expect("a part"), expected, "{part:?}");
        }
        let longer = format!("{body}x");
        put(store, kind, "parts", None, &longer, WriteCondition::Always)
            .await
            .expect("a second write");
        let changed = store.load_part(kind, &found, 0..10).await;
        assert_eq!(changed.unwrap_err().kind, StorageErrorKind::Conflict);
        store.delete(kind, "parts").await.expect("a removal");
        let gone = store.load_part(kind, &found, 0..10).await;
        let gone = gone.unwrap_err().kind;
        let is_gone = matches!(
            gone,
            StorageErrorKind::Conflict | StorageErrorKind::NotFound
        );
        assert!(is_gone, "{gone:?}");
        let missing = store.load_up_to(kind, "parts", 10).await;
        assert!(missing.unwrap_err().is_not_found());
        put(store, kind, "parts", None, "", WriteCondition::Always)
            .await
            .expect("an empty write");
        let empty = store.load_up_to(kind, "parts", 10).await.expect("a read");
        assert_eq!(empty.summary().size, 0);
        store.delete(kind, "parts").await.expect("a removal");
    }
}

/// What is written in parts shows nothing before its last part, takes the place of what is there, and leaves that alone when
/// it is given up. For stores that take parts.
pub async fn written_in_parts(store: &dyn ObjectStore) {
    let kind = ObjectKind::MetricSetPairList;
    let begin = || store.upload(kind, "in-parts").expect("a store of parts");
    let body = |size: usize| -> Bytes {
        let numbers = (0..size / 8).map(|n| format!("{n:07},"));
        let mut body = numbers.collect::<String>().into_bytes();
        body.resize(size, b'x');
        body.into()
    };
    let mut there: Option<Bytes> = None;
    for size in [UPLOAD_PART + 1, 2 * UPLOAD_PART, 2 * UPLOAD_PART + 12_345] {
        for given_up in [true, false] {
            let mut rest = body(size);
            let began = Instant::now();
            let mut upload = begin();
            while rest.len() > UPLOAD_PART {
                upload
                    .add(rest.split_to(UPLOAD_PART))
                    .await
                    .expect("a part");
            }
            match (store.load(kind, "in-parts").await, &there) {
                (Ok(object), Some(there)) => assert!(object.bytes == there, "it has changed"),
                (Err(error), None) => assert!(error.is_not_found(), "{error:?}"),
                (found, _) => panic!("{:?}", found.map(|object| object.summary)),
            }
            if given_up {
                upload.abandon().await;
                continue;
            }
            let written = upload.finish(rest).await.expect("the last part");
            // The time of the object may be that of its beginning or of its end, in one answer of a service or another.
            let most = began.elapsed() + Duration::from_secs(2);
            let read = store.load(kind, "in-parts").await.expect("a read");
            assert!(read.bytes == body(size), "{size} bytes came back changed");
            assert_same_within(most, &read.summary, &written);
            let listed = listed(store, kind, "in-parts").await;
            assert_eq!(listed.len(), 1, "{listed:?}");
            assert_same_within(most, &listed[0], &written);
            there = Some(read.bytes);
        }
    }
    store.delete(kind, "in-parts").await.expect("a removal");
    assert!(listed(store, kind, "in-parts").await.is_empty());
}

/// A large list of series is passed on in parts as what is written for it, whoever wrote it, and breaks off when another one
/// takes its place.
pub async fn large_lists(store: impl ObjectStore + 'static) {
    let kind = ObjectKind::MetricSetList;
    let store: Arc<dyn ObjectStore> = Arc::new(store);
    let repository = ObjectRepository::new("large", Arc::clone(&store));
    let sets = [0.25, -1e10].map(|first| MetricSet {
        name: Some("m".to_owned()),
        values: Some((0..80_000).map(|n| first + f64::from(n)).collect()),
        ..MetricSet::default()
    });
    let written = serde_json::to_string(&sets).expect("JSON");
    let foreign = written.replacen(".25,", ".250 , ", 1_000);
    let load = async |key| match repository.load_series::<MetricSet>(kind, key).await {
        Ok(Series::Text(stream)) => stream,
        other => panic!("{key} is not passed on in parts: {other:?}"),
    };
    for (key, text) in [("large-own", &written), ("large-foreign", &foreign)] {
        put(&*store, kind, key, None, text, WriteCondition::Always)
            .await
            .expect("a write");
        // The second time it is known how its text becomes what is written.
        for _ in 0..2 {
            let stream = load(key).await;
            let size = stream.size;
            let pieces: Vec<Bytes> = stream.pieces.try_collect().await.expect("a read");
            assert!(pieces.len() > 2, "{} pieces", pieces.len());
            assert!(
                pieces.concat() == written.as_bytes(),
                "{key} came back changed"
            );
            assert_eq!(size, written.len() as u64);
        }
        let mut stream = load(key).await;
        stream
            .pieces
            .next()
            .await
            .expect("a piece")
            .expect("a read");
        let other = text.replacen("\"m\"", "\"n\"", 1);
        put(&*store, kind, key, None, &other, WriteCondition::Always)
            .await
            .expect("a second write");
        let broken = stream.pieces.try_collect::<Vec<Bytes>>().await;
        assert_eq!(broken.unwrap_err().kind, StorageErrorKind::Conflict);
        store.delete(kind, key).await.expect("a removal");
    }
    one_of_a_large_list(&*store, &repository).await;
}

/// An element of a large list is read without the others, whoever wrote the list, and the list that is there now counts.
async fn one_of_a_large_list(store: &dyn ObjectStore, repository: &ObjectRepository) {
    let kind = ObjectKind::MetricSetPairList;
    let pair = |id: &str, first: f64| MetricSetPair {
        id: Some(id.to_owned()),
        values: Some(
            ["control", "experiment"]
                .map(|side| {
                    let values = (0..30_000).map(|n| first + f64::from(n));
                    (side.to_owned(), values.collect())
                })
                .into(),
        ),
        ..MetricSetPair::default()
    };
    let pairs = ["a", "b", "c"].map(|id| pair(id, 0.25));
    let written = serde_json::to_string(&pairs).expect("JSON");
    let foreign = written.replacen(".25,", ".250 , ", 100_000);
    let load = async |key, id: &'static str| {
        let is_wanted = move |pair: &MetricSetPair| pair.id.as_deref() == Some(id);
        repository.load_element(kind, key, is_wanted).await
    };
    for (key, text) in [("one-own", &written), ("one-foreign", &foreign)] {
        put(store, kind, key, None, text, WriteCondition::Always)
            .await
            .expect("a write");
        // The second time it is known that the list can be read.
        for _ in 0..2 {
            for expected in &pairs {
                let id = expected.id.as_deref().expect("an id");
                let id = ["a", "b", "c"].into_iter().find(|known| *known == id);
                let found = load(key, id.expect("a known id")).await.expect("a read");
                assert!(found.as_ref() == Some(expected), "{key} {id:?}");
            }
            assert_eq!(load(key, "d").await.expect("a read"), None);
        }
        let other = [pair("a", 7.5), pair("d", 8.5)];
        let text = serde_json::to_string(&other).expect("JSON");
        put(store, kind, key, None, &text, WriteCondition::Always)
            .await
            .expect("a second write");
        for expected in [&other[0], &other[1]] {
            let id = if expected == &other[0] { "a" } else { "d" };
            let found = load(key, id).await.expect("a read");
            assert!(found.as_ref() == Some(expected), "{key} {id}");
        }
        assert_eq!(load(key, "b").await.expect("a read"), None);
        store.delete(kind, key).await.expect("a removal");
        let missing = load(key, "a").await;
        assert!(missing.unwrap_err().is_not_found());
    }
}

/// A listing is complete and in key order.
pub async fn listing(store: &dyn ObjectStore) {
    let kind = ObjectKind::MetricSetPairList;
    let keys = ["b", "a", "a-1", "a.b", "aB", "B", "10", "9", "ä"];
    for key in keys {
        put(store, kind, key, None, key, WriteCondition::Always)
            .await
            .expect("a write");
    }
    let all = store.list(kind).await.expect("a listing");
    let mut sorted = keys;
    sorted.sort_unstable();
    assert_eq!(
        all.iter().map(|o| o.key.as_str()).collect::<Vec<_>>(),
        sorted
    );
    for key in keys {
        store.delete(kind, key).await.expect("a removal");
    }
}

/// Of many writers of one new key exactly one succeeds, each read sees a whole object, and every
/// conditional change counts once.
pub async fn concurrent_writers(store: &dyn ObjectStore) {
    let creations = (0..16).map(|i| async move {
        put(
            store,
            CONFIG,
            "race",
            Some("race.json"),
            &i.to_string(),
            WriteCondition::Absent,
        )
        .await
    });
    let (created, refused): (Vec<_>, Vec<_>) = join_all(creations)
        .await
        .into_iter()
        .partition(Result::is_ok);
    assert_eq!((created.len(), refused.len()), (1, 15));
    for error in refused.into_iter().filter_map(Result::err) {
        assert_eq!(error.kind, StorageErrorKind::Conflict, "{error:?}");
    }

    put(
        store,
        CONFIG,
        "race",
        Some("race.json"),
        "0",
        WriteCondition::Always,
    )
    .await
    .expect("a write");
    let increments = (0..8).map(|_| async {
        loop {
            let object = store.load(CONFIG, "race").await.expect("a read");
            let count: u32 = std::str::from_utf8(&object.bytes)
                .expect("text")
                .parse()
                .expect("a whole number");
            let written = put(
                store,
                CONFIG,
                "race",
                Some("race.json"),
                &(count + 1).to_string(),
                WriteCondition::Unchanged(object.summary.version),
            )
            .await;
            match written {
                Ok(_) => break,
                Err(error) => assert_eq!(error.kind, StorageErrorKind::Conflict, "{error:?}"),
            }
        }
    });
    join_all(increments).await;
    assert_eq!(text(store, CONFIG, "race").await, "8");
    store.delete(CONFIG, "race").await.expect("a removal");
}

/// A lock comes back, whether released or dropped.
pub async fn locks(store: &dyn ObjectStore) {
    let wait = Duration::from_secs(10);
    let lock = store.lock("suite", wait).await.expect("a lock");
    lock.release().await;
    let lock = store.lock("suite", wait).await.expect("the lock again");
    drop(lock);
    let lock = store.lock("suite", wait).await.expect("the lock again");
    lock.release().await;
}

/// A store that keeps a change mark renews it with every write and removal, and only then.
pub async fn change_marks(store: &dyn ObjectStore) {
    for kind in ObjectKind::ALL {
        let mark = || async { store.change_mark(kind).await.expect("the store answers") };
        let Some(first) = mark().await else { continue };
        assert_eq!(mark().await.as_ref(), Some(&first));
        let written = put(store, kind, "marked", None, "1", WriteCondition::Always)
            .await
            .expect("a write");
        let second = mark().await;
        assert!(second.is_some());
        assert_ne!(second.as_ref(), Some(&first), "after a write");
        store.list(kind).await.expect("a listing");
        store.load(kind, "marked").await.expect("a read");
        let absent = put(store, kind, "marked", None, "2", WriteCondition::Absent).await;
        absent.expect_err("it is there");
        assert_eq!(mark().await, second, "nothing has been written");
        let unchanged = WriteCondition::Unchanged(written.version);
        put(store, kind, "marked", Some("renamed.json"), "3", unchanged)
            .await
            .expect("a rename");
        let third = mark().await;
        assert_ne!(third, second, "after a rename");
        store.delete(kind, "marked").await.expect("a removal");
        assert_ne!(mark().await, third, "after a removal");
    }
}

/// Stores that are shared by processes exclude each other; `other` is the same store as another
/// process would open it.
pub async fn shared_locks(store: &dyn ObjectStore, other: &dyn ObjectStore) {
    let lock = store.lock("shared", Duration::ZERO).await.expect("a lock");
    let error = other
        .lock("shared", Duration::from_millis(200))
        .await
        .expect_err("it is taken");
    assert_eq!(error.kind, StorageErrorKind::Unavailable, "{error:?}");
    let free = other
        .lock("other", Duration::ZERO)
        .await
        .expect("it is free");
    free.release().await;
    lock.release().await;
    let wait = Duration::from_secs(10);
    let lock = other.lock("shared", wait).await.expect("it is free again");
    lock.release().await;
}

/// Puts a file straight under a key, around the store.
pub type Plant<'a> =
    &'a (dyn Fn(ObjectKind, &'static str, &'static str, Bytes) -> BoxFuture<'a, ()> + Sync);

/// Two files under one key read as the newer and are one again after a write or a removal.
pub async fn heals_two_files(store: &dyn ObjectStore, plant: Plant<'_>) {
    for kind in [CONFIG, ObjectKind::CanaryResultArchive] {
        let key = "twice";
        plant(kind, key, "older.json", Bytes::from_static(b"1")).await;
        // Azure tells times by the second.
        tokio::time::sleep(Duration::from_millis(1100)).await;
        plant(kind, key, "newer.json", Bytes::from_static(b"2")).await;
        assert_eq!(text(store, kind, key).await, "2");
        let before = listed(store, kind, key).await;
        assert_eq!(before.len(), 1);
        assert_eq!(before[0].filename, "newer.json");
        let error = put(store, kind, key, None, "3", WriteCondition::Absent)
            .await
            .expect_err("something is there");
        assert_eq!(error.kind, StorageErrorKind::Conflict);

        let unchanged = WriteCondition::Unchanged(before[0].version.clone());
        let healed = put(store, kind, key, Some("newest.json"), "3", unchanged)
            .await
            .expect("a write");
        assert_only(&listed(store, kind, key).await, &healed);
        assert_eq!(text(store, kind, key).await, "3");

        plant(kind, key, "older.json", Bytes::from_static(b"4")).await;
        put(
            store,
            kind,
            key,
            Some("newest.json"),
            "5",
            WriteCondition::Always,
        )
        .await
        .expect("a write");
        assert_eq!(text(store, kind, key).await, "5");

        plant(kind, key, "older.json", Bytes::from_static(b"6")).await;
        store.delete(kind, key).await.expect("a removal of both");
        let error = store.load(kind, key).await.expect_err("both are gone");
        assert!(error.is_not_found());
    }
}

/// A listing of `count` objects (choose more than a page holds) is complete.
pub async fn lists_every_page(store: &dyn ObjectStore, count: usize) {
    let kind = ObjectKind::MetricSetList;
    let keys: Arc<Vec<String>> = Arc::new((0..count).map(|i| format!("page-{i:06}")).collect());
    stream::iter(0..count)
        .map(|i| {
            let keys = Arc::clone(&keys);
            async move {
                put(store, kind, &keys[i], None, "[]", WriteCondition::Always)
                    .await
                    .map(|_| ())
            }
        })
        .buffer_unordered(CONCURRENCY)
        .try_collect::<()>()
        .await
        .expect("many writes");
    let all = store.list(kind).await.expect("a listing");
    assert!(all.is_sorted_by(|a, b| a.key < b.key));
    let seen: BTreeSet<&str> = all.iter().map(|object| object.key.as_str()).collect();
    assert!(keys.iter().all(|key| seen.contains(key.as_str())));
    assert_eq!(
        all.iter().filter(|o| o.key.starts_with("page-")).count(),
        count
    );
}
