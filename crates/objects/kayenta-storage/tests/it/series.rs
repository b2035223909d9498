//! What is passed on of a list of series is what is written for it.

use std::{path::Path, sync::Arc};

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt};
use kayenta_model::{MetricSet, MetricSetPair, SeriesText};
use kayenta_storage::{
    MemoryStore, ObjectKind, ObjectRepository, RetryPolicy, Retrying, Series, StorageErrorKind,
    WriteCondition,
};
use proptest::{collection::vec, prelude::*, sample::select};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::doubles::{Fault, Faulty};

const SETS: ObjectKind = ObjectKind::MetricSetList;
/// Larger than what is read at a time.
const LARGE: usize = 600 << 10;

/// What is written of the text when it arrives in pieces of `size` bytes; `None` if that takes the whole text.
fn in_pieces<T: DeserializeOwned + Serialize>(text: &str, size: usize) -> Option<(String, bool)> {
    let mut rewriting = SeriesText::<T>::default();
    let mut written = Vec::new();
    for piece in text.as_bytes().chunks(size) {
        rewriting.take(piece, &mut written).ok()?;
    }
    let is_same = rewriting.end().ok()?;
    Some((String::from_utf8(written).unwrap(), is_same))
}

/// What is written for what is read from it.
fn as_a_whole<T: DeserializeOwned + Serialize>(text: &str) -> Option<String> {
    let read: Vec<T> = serde_json::from_str(text).ok()?;
    serde_json::to_string(&read).ok()
}

/// What clients get of a list that is stored as this.
async fn passed_on<T>(kind: ObjectKind, text: &str) -> Option<String>
where
    T: DeserializeOwned + Serialize + Send + 'static,
{
    let repository = ObjectRepository::new("m", Arc::new(MemoryStore::default()));
    let bytes = Bytes::copy_from_slice(text.as_bytes());
    repository
        .store_bytes(kind, "k", None, bytes, WriteCondition::Always)
        .await
        .unwrap();
    match repository.load_series::<T>(kind, "k").await.unwrap() {
        Series::Read(_) => None,
        Series::Text(stream) => {
            let pieces = stream.pieces.map_ok(|piece| piece.to_vec());
            let all = pieces.try_concat().await.unwrap();
            assert_eq!(all.len() as u64, stream.size);
            Some(String::from_utf8(all).unwrap())
        }
    }
}

async fn is_passed_on<T>(kind: ObjectKind, text: &str)
where
    T: DeserializeOwned + Serialize + Send + 'static,
{
    let expected = as_a_whole::<T>(text).unwrap();
    for size in [1, 1000, usize::MAX] {
        let (written, is_same) = in_pieces::<T>(text, size).unwrap();
        assert!(written == expected, "{text:.500}");
        assert_eq!(is_same, expected == text);
    }
    // Again and again, until it is large.
    let elements = text.trim().strip_prefix('[').unwrap();
    let elements = elements.strip_suffix(']').unwrap();
    let many = vec![elements; LARGE / elements.len() + 1];
    let large = format!("[{}]", many.join(" , "));
    let passed_on = passed_on::<T>(kind, &large).await;
    assert!(passed_on == as_a_whole::<T>(&large), "{text:.500}");
}

/// The texts of the metric set lists and pair lists that the reference stored.
fn recorded() -> Vec<(ObjectKind, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../testdata/storage");
    let mut found = Vec::new();
    for (file, objects, name, text) in [
        ("azure-blobs.json", "", "name", "text"),
        ("objects-s3.json", "/objects", "key", "body"),
        ("objects-gcs.json", "/objects", "key", "body"),
    ] {
        let recorded: Value =
            serde_json::from_slice(&std::fs::read(folder.join(file)).unwrap()).unwrap();
        for object in recorded.pointer(objects).unwrap().as_array().unwrap() {
            let (Some(name), Some(text)) = (object[name].as_str(), object[text].as_str()) else {
                panic!("{file}: {object}");
            };
            let group = name.split('/').nth(1).unwrap();
            for kind in [SETS, ObjectKind::MetricSetPairList] {
                if group == kind.group() {
                    found.push((kind, text.to_owned()));
                }
            }
        }
    }
    found
}

#[tokio::test]
async fn recorded_lists_are_passed_on_as_they_are_written() {
    let recorded = recorded();
    for kind in [SETS, ObjectKind::MetricSetPairList] {
        let of_kind = recorded.iter().filter(|(found, _)| *found == kind).count();
        assert!(of_kind > 3, "{of_kind} of {kind}");
    }
    for (kind, text) in &recorded {
        match kind {
            ObjectKind::MetricSetList => is_passed_on::<MetricSet>(*kind, text).await,
            _ => is_passed_on::<MetricSetPair>(*kind, text).await,
        }
    }
}

/// A value in some spelling.
fn value() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<f64>()
            .prop_filter("JSON has no others", |value| value.is_finite())
            .prop_map(|value| format!("{value:?}")),
        any::<f64>()
            .prop_filter("JSON has no others", |value| value.is_finite())
            .prop_map(|value| format!("{value:E}")),
        any::<i32>().prop_map(|value| value.to_string()),
        select(vec![
            "0",
            "-0",
            "1.0",
            "1.50",
            "null",
            "\"\"",
            "\"NaN\"",
            "\"-INF\"",
            "\"Infinity\"",
            "\" 2.5 \"",
            "18446744073709551615",
        ])
        .prop_map(str::to_owned),
    ]
}

/// A list of values, a few of which are repeated until it is as long as it is to be.
fn values() -> impl Strategy<Value = String> {
    let length = select(vec![0_usize, 1, 2, 50, 3_000]);
    (vec(value(), 1..6), length, blank()).prop_map(|(some, length, blank)| {
        let all: Vec<&str> = some
            .iter()
            .map(String::as_str)
            .cycle()
            .take(length)
            .collect();
        format!("[{blank}{}{blank}]", all.join(&format!("{blank},")))
    })
}

fn blank() -> impl Strategy<Value = String> {
    select(vec!["", "", "", " ", "\n\t", "\r\n  "]).prop_map(str::to_owned)
}

fn string() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        select(vec!["values", "\"values\":[", "a\\", "[1.0]", "}]"]).prop_map(str::to_owned),
    ]
    .prop_map(|text| serde_json::to_string(&text).unwrap())
}

fn strings() -> impl Strategy<Value = String> {
    vec((string(), string()), 0..3).prop_map(|all| {
        let all: Vec<String> = all
            .iter()
            .map(|(name, text)| format!("{name}:{text}"))
            .collect();
        format!("{{{}}}", all.join(","))
    })
}

fn number() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<i64>().prop_map(|number| number.to_string()),
        any::<u32>().prop_map(|number| format!("\"{number}\"")),
        Just("null".to_owned()),
    ]
}

/// What nobody knows.
fn unknown() -> impl Strategy<Value = String> {
    select(vec![
        "\"more\":{\"values\":[[1],{}]}",
        "\"valuess\":[1,2]",
        "\"more\":[{\"values\":{\"control\":[1]}}]",
        "\"more\":\"\\\"values\\\":[\"",
    ])
    .prop_map(str::to_owned)
}

/// An object with some of these fields, in this order or in another one.
fn object(fields: Vec<BoxedStrategy<String>>) -> impl Strategy<Value = String> {
    let some = fields
        .into_iter()
        .map(|field| prop::option::weighted(0.8, field).boxed())
        .collect::<Vec<_>>();
    let in_order = (some, blank(), prop::bool::weighted(0.2), any::<u64>());
    in_order.prop_map(|(fields, blank, is_shuffled, seed)| {
        let mut fields: Vec<String> = fields.into_iter().flatten().collect();
        if is_shuffled && !fields.is_empty() {
            let middle = seed as usize % fields.len();
            fields.rotate_left(middle);
        }
        format!(
            "{{{blank}{}{blank}}}",
            fields.join(&format!("{blank},{blank}"))
        )
    })
}

fn field(
    name: &'static str,
    text: impl Strategy<Value = String> + 'static,
) -> BoxedStrategy<String> {
    (text, blank())
        .prop_map(move |(text, blank)| format!("\"{name}\"{blank}:{blank}{text}"))
        .boxed()
}

fn set() -> impl Strategy<Value = String> {
    object(vec![
        field("name", string()),
        field("tags", strings()),
        field("startTimeMillis", number()),
        field("startTimeIso", string()),
        field("endTimeMillis", number()),
        unknown().boxed(),
        field("stepMillis", number()),
        field("values", values()),
        field("attributes", strings()),
    ])
}

fn pair() -> impl Strategy<Value = String> {
    let sides = object(vec![
        field("control", values()),
        field("experiment", values()),
        field("values", values()),
        field("none", Just("null".to_owned())),
    ]);
    let axis = object(vec![
        field("startTimeMillis", number()),
        field("values", Just("[1]".to_owned())),
    ]);
    object(vec![
        field("name", string()),
        field("id", string()),
        field("tags", strings()),
        unknown().boxed(),
        field("values", sides),
        field("scopes", object(vec![field("control", axis)])),
        field("attributes", object(vec![field("control", strings())])),
    ])
}

fn list(element: impl Strategy<Value = String>) -> impl Strategy<Value = String> {
    (vec(element, 0..4), blank()).prop_map(|(elements, blank)| {
        format!(
            "{blank}[{blank}{}]{blank}",
            elements.join(&format!("{blank},{blank}"))
        )
    })
}

/// The text is rewritten to what is written for what is read from it. Only what has a long element takes the whole text, or
/// what cannot be read.
fn check<T: DeserializeOwned + Serialize>(text: &str, size: usize) -> Result<(), TestCaseError> {
    let expected = as_a_whole::<T>(text);
    match in_pieces::<T>(text, size) {
        Some((written, is_same)) => {
            prop_assert_eq!(Some(&written), expected.as_ref());
            prop_assert_eq!(is_same, written == text);
        }
        None => prop_assert!(expected.is_none() || text.len() > 16 << 10, "{:.200}", text),
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn generated_lists_of_sets_are_rewritten_as_they_are_written(text in list(set()), size in 1_usize..5_000) {
        check::<MetricSet>(&text, size)?;
        // What was written once stays as it is.
        if let Some(written) = as_a_whole::<MetricSet>(&text) {
            prop_assert_eq!(in_pieces::<MetricSet>(&written, size), Some((written.clone(), true)));
        }
    }

    #[test]
    fn generated_lists_of_pairs_are_rewritten_as_they_are_written(text in list(pair()), size in 1_usize..5_000) {
        check::<MetricSetPair>(&text, size)?;
        if let Some(written) = as_a_whole::<MetricSetPair>(&text) {
            prop_assert_eq!(in_pieces::<MetricSetPair>(&written, size), Some((written.clone(), true)));
        }
    }

    #[test]
    fn lists_with_a_byte_too_few_are_rewritten_only_if_they_can_be_read(text in list(set()), place in any::<prop::sample::Index>()) {
        let mut bytes = text.into_bytes();
        bytes.remove(place.index(bytes.len()));
        if let Ok(text) = String::from_utf8(bytes) {
            check::<MetricSet>(&text, 1_000)?;
        }
    }
}

/// A list in a store that meets these faults from now on.
async fn with_faults(
    faults: impl IntoIterator<Item = Fault>,
) -> (ObjectRepository, Faulty, String) {
    let store = Faulty::default();
    let policy = RetryPolicy {
        last_start: std::time::Duration::ZERO,
        ..RetryPolicy::default()
    };
    let repository =
        ObjectRepository::new("m", Arc::new(Retrying::new(store.clone(), "m", policy)));
    let element = format!(r#"{{"values":[{}1]}}"#, "1,".repeat(1 << 20));
    let text = format!("[{element}]");
    let bytes = Bytes::copy_from_slice(text.as_bytes());
    repository
        .store_bytes(SETS, "k", None, bytes, WriteCondition::Always)
        .await
        .unwrap();
    store.faults.lock().unwrap().extend(faults);
    (repository, store, text)
}

#[tokio::test]
async fn a_store_that_fails_before_the_first_byte_fails_the_load_and_afterwards_the_stream() {
    let away = Fault::Refuse(StorageErrorKind::Unavailable);
    // What is asked for: the object, its five parts to look through them, the first of them again before anything is
    // answered, and the others as they are sent.
    for asked in 0..11 {
        let faults = [Fault::Pass].into_iter().cycle().take(asked).chain([away]);
        let (repository, store, text) = with_faults(faults).await;
        let loaded = repository.load_series::<MetricSet>(SETS, "k").await;
        if asked < 7 {
            assert_eq!(loaded.unwrap_err().kind, StorageErrorKind::Unavailable);
            continue;
        }
        let Ok(Series::Text(mut stream)) = loaded else {
            panic!("{loaded:?}");
        };
        let mut taken = Vec::new();
        let error = loop {
            match stream.pieces.next().await.unwrap() {
                Ok(piece) => taken.extend_from_slice(&piece),
                Err(error) => break error,
            }
        };
        assert_eq!(error.kind, StorageErrorKind::Unavailable);
        assert!(stream.pieces.next().await.is_none(), "nothing follows");
        let expected = as_a_whole::<MetricSet>(&text).unwrap();
        assert!((taken.len() as u64) < stream.size);
        assert!(expected.as_bytes().starts_with(&taken));
        assert_eq!(store.count("load_part"), asked);
    }
}

#[tokio::test]
async fn a_part_that_could_not_be_read_is_read_again() {
    let away = Fault::Refuse(StorageErrorKind::Unavailable);
    let (_, store, text) = with_faults([]).await;
    let policy = RetryPolicy {
        first_delay: std::time::Duration::from_millis(1),
        ..RetryPolicy::default()
    };
    let repository =
        ObjectRepository::new("m", Arc::new(Retrying::new(store.clone(), "m", policy)));
    let faults = [Fault::Pass, Fault::Pass, away]
        .into_iter()
        .cycle()
        .take(40);
    store.faults.lock().unwrap().extend(faults);
    let Ok(Series::Text(stream)) = repository.load_series::<MetricSet>(SETS, "k").await else {
        panic!("it is not passed on");
    };
    let pieces = stream.pieces.map_ok(|piece| piece.to_vec());
    let all = pieces.try_concat().await.unwrap();
    assert!(all == as_a_whole::<MetricSet>(&text).unwrap().as_bytes());
}
