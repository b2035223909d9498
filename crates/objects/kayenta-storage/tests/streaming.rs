//! Large lists of series are passed on piece by piece, within the budget of bytes of the process.

#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot go on should stop there"
)]

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, future::join_all};
use kayenta_limits::{memory_use, scope, set_budget};
use kayenta_model::{MetricSet, MetricSetPair};
use kayenta_storage::{
    DiskStore, Durability, MemoryStore, ObjectKind, ObjectRepository, Series, SeriesStream,
    StorageErrorKind, WriteCondition,
};
use kayenta_testkit::eventually;

const KIND: ObjectKind = ObjectKind::MetricSetList;
const MIB: u64 = 1 << 20;
const BUDGET: u64 = 8 * MIB;
/// The most that one who is passed a list has of the budget.
const EACH: u64 = 2 * MIB;
const LARGE: usize = 3 * BUDGET as usize;

/// A list as it is written, of at least so many bytes.
fn list(bytes: usize) -> String {
    let values: Vec<f64> = (0..bytes / 8).map(|n| n as f64 + 0.25).collect();
    let set = MetricSet {
        name: Some("m".to_owned()),
        values: Some(values),
        ..MetricSet::default()
    };
    let text = serde_json::to_string(&[set]).unwrap();
    assert!(text.len() >= bytes, "{} bytes", text.len());
    text
}

async fn write(repository: &ObjectRepository, key: &str, text: impl Into<Bytes>) {
    repository
        .store_bytes(KIND, key, None, text.into(), WriteCondition::Always)
        .await
        .unwrap();
}

async fn stream(repository: &ObjectRepository, key: &str) -> SeriesStream {
    match scope(repository.load_series::<MetricSet>(KIND, key)).await {
        Ok(Series::Text(stream)) => stream,
        other => panic!("{key} is not passed on: {other:?}"),
    }
}

async fn collect(stream: SeriesStream) -> Vec<u8> {
    let pieces = stream.pieces.map_ok(|piece| piece.to_vec());
    let all = pieces.try_concat().await.unwrap();
    assert_eq!(all.len() as u64, stream.size);
    all
}

fn pair(id: usize) -> MetricSetPair {
    let values = (0..40_000).map(|n| id as f64 + f64::from(n) + 0.5);
    MetricSetPair {
        id: Some(id.to_string()),
        values: Some([("control".to_owned(), values.collect())].into()),
        ..MetricSetPair::default()
    }
}

/// A thread for computing may have its part for a little longer than the one who waits for it.
async fn all_is_given_back() {
    eventually("all is given back", Duration::from_secs(10), async || {
        let reserved = memory_use().unwrap().reserved;
        (reserved == 0).then_some(()).ok_or(reserved)
    })
    .await;
}

/// Of a list that is larger than the budget each pair can be had, and as it is there last.
async fn one_pair_is_read(repository: &ObjectRepository) {
    const KIND: ObjectKind = ObjectKind::MetricSetPairList;
    let pairs: Vec<MetricSetPair> = (0..34).map(pair).collect();
    let own = serde_json::to_string(&pairs).unwrap();
    assert!(own.len() as u64 > BUDGET, "{} bytes", own.len());
    let foreign = own
        .replace(".5,", ".50 ,")
        .replace("\"id\"", "\"more\":[[]],\"id\" ");
    let write = async |key, text: String| {
        repository
            .store_bytes(KIND, key, None, text.into(), WriteCondition::Always)
            .await
            .unwrap();
    };
    let load = |key, id: usize| {
        let id = id.to_string();
        let is_wanted = move |pair: &MetricSetPair| pair.id.as_deref() == Some(&id);
        scope(async move { repository.load_element(KIND, key, is_wanted).await })
    };
    for (key, text) in [("own", &own), ("foreign", &foreign)] {
        write(key, text.clone()).await;
        for id in [33, 0] {
            assert!(load(key, id).await.unwrap() == Some(pair(id)), "{key} {id}");
        }
        assert_eq!(load(key, 60).await.unwrap(), None);
        // The text of a pair, twice while it arrives, and what becomes of it; or the parts of a list.
        for id in join_all([1, 2, 32].map(|id| async move { (id, load(key, id).await) })).await {
            assert!(id.1.unwrap() == Some(pair(id.0)));
        }
        all_is_given_back().await;
        let used = memory_use().unwrap();
        assert_eq!(used.refused, 0, "{used:?}");
        assert!(used.peak <= BUDGET, "{used:?}");
    }
    let whole = scope(repository.load::<Vec<MetricSetPair>>(KIND, "own")).await;
    let too_large = whole.unwrap_err();
    assert!(too_large.message.contains("budget"), "{too_large}");
    // A list with a mistake has no pairs, wherever the mistake is.
    write(
        "own",
        format!("{}x", serde_json::to_string(&pairs[..3]).unwrap()),
    )
    .await;
    let broken = load("own", 0).await.unwrap_err();
    assert_eq!(broken.kind, StorageErrorKind::Corrupt, "{broken}");
    // Pairs that can only be read as a whole are read so.
    let reversed = serde_json::to_string(&pairs[..3]).unwrap();
    let reversed = reversed.replace("]}}", "]},\"name\":\"m\"}");
    write("own", reversed).await;
    for _ in 0..2 {
        let named = MetricSetPair {
            name: Some("m".to_owned()),
            ..pair(1)
        };
        assert!(load("own", 1).await.unwrap() == Some(named));
    }
}

/// One test, as there is one budget for the process.
#[tokio::test(flavor = "multi_thread")]
async fn lists_larger_than_the_budget_are_passed_on_to_several_and_a_slow_reader_keeps_little() {
    set_budget(BUDGET);
    let folder = tempfile::tempdir().unwrap();
    let disk = DiskStore::open(folder.path(), Durability::ProcessCrash)
        .await
        .unwrap();
    let repository = ObjectRepository::new("disk", Arc::new(disk));
    let large = list(LARGE);
    write(&repository, "large", large.clone()).await;

    let readers = (0..3).map(|_| async { collect(stream(&repository, "large").await).await });
    for read in join_all(readers).await {
        assert!(read == large.as_bytes(), "the list came back changed");
    }
    let used = memory_use().unwrap();
    assert!(used.peak <= 3 * EACH, "{used:?}");
    assert_eq!((used.reserved, used.refused, used.too_large), (0, 0, 0));

    // As others write it: with other spellings, fields that nobody knows, and blanks.
    let other = format!(
        " {}\n",
        large
            .replacen(".25,", ".250,", 1_000)
            .replacen("\"name\"", "\"more\":[[]],\"name\" ", 1)
    );
    write(&repository, "other", other).await;
    let rewritten = collect(stream(&repository, "other").await).await;
    assert!(rewritten == large.as_bytes(), "it is not as it is written");
    let used = memory_use().unwrap();
    assert!(used.peak <= 3 * EACH, "{used:?}");
    assert_eq!((used.reserved, used.refused), (0, 0));

    // Three who have a piece each and do not go on.
    let mut slow = Vec::new();
    for key in ["large", "large", "other"] {
        let mut stream = stream(&repository, key).await;
        let piece = stream.pieces.next().await.unwrap().unwrap();
        assert!(large.as_bytes().starts_with(&piece));
        slow.push((stream, piece));
    }
    let used = memory_use().unwrap();
    assert!(used.reserved <= 3 * EACH, "{used:?}");
    drop(slow);
    assert_eq!(memory_use().unwrap().reserved, 0);

    // What is small is read.
    write(&repository, "small", "[{}]").await;
    let read = scope(repository.load_series::<MetricSet>(KIND, "small")).await;
    assert!(matches!(read, Ok(Series::Read(sets)) if sets == [MetricSet::default()]));
    // So is what can only be read as a whole, if there is memory for it.
    let reversed = format!(
        r#"[{{"values":[{}1],"name":"m"}}]"#,
        "1.000000000,".repeat(60_000)
    );
    let sets: Vec<MetricSet> = serde_json::from_str(&reversed).unwrap();
    write(&repository, "reversed", reversed).await;
    for _ in 0..2 {
        scope(async {
            match repository.load_series::<MetricSet>(KIND, "reversed").await {
                Ok(Series::Read(read)) => assert!(read == sets),
                other => panic!("it is not read: {other:?}"),
            }
        })
        .await;
    }
    write(&repository, "broken", format!("{large}x")).await;
    let refused = scope(repository.load_series::<MetricSet>(KIND, "broken")).await;
    assert_eq!(refused.unwrap_err().kind, StorageErrorKind::Unavailable);
    write(&repository, "broken", format!("{}x", list(MIB as usize))).await;
    let broken = scope(repository.load_series::<MetricSet>(KIND, "broken")).await;
    assert_eq!(broken.unwrap_err().kind, StorageErrorKind::Corrupt);
    let missing = scope(repository.load_series::<MetricSet>(KIND, "missing")).await;
    assert_eq!(missing.unwrap_err().kind, StorageErrorKind::NotFound);

    // One that is written anew meanwhile breaks off, and the next reader gets the new one.
    for key in ["large", "other"] {
        let mut old = stream(&repository, key).await;
        old.pieces.next().await.unwrap().unwrap();
        let new = list(2 * MIB as usize);
        write(&repository, key, new.clone()).await;
        let error = loop {
            if let Err(error) = old.pieces.next().await.unwrap() {
                break error;
            }
        };
        assert_eq!(error.kind, StorageErrorKind::Conflict);
        assert!(old.pieces.next().await.is_none());
        assert!(collect(stream(&repository, key).await).await == new.as_bytes());
    }

    one_pair_is_read(&repository).await;
    // In memory the text is there already, and only what is rewritten counts.
    let repository = ObjectRepository::new("memory", Arc::new(MemoryStore::default()));
    one_pair_is_read(&repository).await;
    write(&repository, "large", large.clone()).await;
    assert!(collect(stream(&repository, "large").await).await == large.as_bytes());
    let used = memory_use().unwrap();
    assert_eq!((used.reserved, used.refused), (0, 0));
    assert!(used.peak <= BUDGET, "{used:?}");
}
