//! Large lists of series, which are read from their store as the client takes them.

use std::{
    net::SocketAddr,
    ops::Range,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use kayenta_model::MetricSetPair;
use kayenta_storage::{
    MemoryStore, ObjectKind, ObjectStore, ObjectSummary, StorageError, StorageErrorKind,
    StoredObject, UpTo, WriteCondition,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use crate::fixture::{Service, service_storing};

const LARGE: usize = 3 << 20;

/// A store from which so many parts of objects can be read, and then no more.
#[derive(Debug)]
struct Breaking {
    objects: MemoryStore,
    parts: AtomicUsize,
}

#[async_trait]
impl ObjectStore for Breaking {
    fn platform(&self) -> &'static str {
        self.objects.platform()
    }

    async fn load(&self, kind: ObjectKind, key: &str) -> Result<StoredObject, StorageError> {
        self.objects.load(kind, key).await
    }

    async fn load_up_to(
        &self,
        kind: ObjectKind,
        key: &str,
        most: u64,
    ) -> Result<UpTo, StorageError> {
        self.objects.load_up_to(kind, key, most).await
    }

    async fn load_part(
        &self,
        kind: ObjectKind,
        found: &ObjectSummary,
        part: Range<u64>,
    ) -> Result<Bytes, StorageError> {
        let left = |left: usize| left.checked_sub(1);
        let taken = self
            .parts
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, left);
        if taken.is_err() {
            let message = "the store is away";
            return Err(StorageError::new(StorageErrorKind::Unavailable, message));
        }
        self.objects.load_part(kind, found, part).await
    }

    async fn store(
        &self,
        kind: ObjectKind,
        key: &str,
        filename: Option<&str>,
        bytes: Bytes,
        condition: WriteCondition,
    ) -> Result<ObjectSummary, StorageError> {
        self.objects
            .store(kind, key, filename, bytes, condition)
            .await
    }

    async fn delete(&self, kind: ObjectKind, key: &str) -> Result<(), StorageError> {
        self.objects.delete(kind, key).await
    }

    async fn list(&self, kind: ObjectKind) -> Result<Vec<ObjectSummary>, StorageError> {
        self.objects.list(kind).await
    }

    async fn check(&self) -> Result<(), StorageError> {
        self.objects.check().await
    }
}

/// A service with these lists in its store.
async fn service_with(lists: &[(ObjectKind, &str, &str)]) -> (Service, Arc<Breaking>, SocketAddr) {
    let store = Arc::new(Breaking {
        objects: MemoryStore::default(),
        parts: AtomicUsize::new(usize::MAX),
    });
    for (kind, key, text) in lists {
        let bytes = Bytes::copy_from_slice(text.as_bytes());
        store
            .store(*kind, key, None, bytes, WriteCondition::Always)
            .await
            .unwrap();
    }
    let service = service_storing(Arc::clone(&store) as _);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = service.router.clone();
    tokio::spawn(async move { axum::serve(listener, router).await });
    (service, store, address)
}

/// Asks over a socket: the head of the response, and what follows until the service closes the connection.
async fn ask(address: SocketAddr, method: &str, path: &str, version: &str) -> (String, String) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("{method} {path} HTTP/{version}\r\nHost: x\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let reading = stream.read_to_end(&mut answer);
    // A connection that breaks off may be reset.
    let _ = tokio::time::timeout(Duration::from_secs(30), reading)
        .await
        .unwrap();
    let answer = String::from_utf8(answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.to_lowercase(), body.to_owned())
}

fn written(values: usize) -> String {
    let values: Vec<String> = (0..values).map(|n| format!("{n}.25")).collect();
    format!(
        r#"[{{"name":"m","startTimeMillis":0,"endTimeMillis":0,"stepMillis":0,"values":[{}]}}]"#,
        values.join(",")
    )
}

#[tokio::test]
async fn large_lists_have_the_bytes_and_the_length_that_reading_and_writing_them_gives() {
    let as_written = written(LARGE / 8);
    let foreign = as_written
        .replace(".25,", ".250 ,")
        .replace("\"name\"", "\"unknown\":{},\"name\"");
    let sides = format!(
        "{{\"control\":[1,{0}2.5],\"experiment\":[{0}null]}}",
        "3,".repeat(LARGE / 4)
    );
    let pairs = format!(r#"[{{"id":"1","values":{sides}}}, {{"id":"2"}}]"#);
    let (service, _, address) = service_with(&[
        (ObjectKind::MetricSetList, "own", &as_written),
        (ObjectKind::MetricSetList, "foreign", &foreign),
        (ObjectKind::MetricSetPairList, "pairs", &pairs),
    ])
    .await;
    let written_pairs = pairs
        .replace("[1,", "[1.0,")
        .replace("3,", "3.0,")
        .replace("}, {", "},{");
    let cases = [
        ("/metricSetList/own", &as_written),
        ("/metricSetList/foreign", &as_written),
        ("/metricSetPairList/pairs", &written_pairs),
    ];
    for (path, expected) in cases {
        // The second time it is known how its text becomes what is written.
        for version in ["1.1", "1.0"] {
            let (head, body) = ask(address, "GET", path, version).await;
            assert!(head.contains("200 ok"), "{head}");
            assert!(head.contains("content-type: application/json"), "{head}");
            let length = format!("content-length: {}", expected.len());
            assert!(head.contains(&length), "{length} is not in {head}");
            assert!(body == **expected, "{path} came back changed");
        }
        let (head, body) = ask(address, "HEAD", path, "1.1").await;
        let length = format!("content-length: {}", expected.len());
        assert!(head.contains(&length), "{length} is not in {head}");
        assert_eq!(body, "");
    }
    assert_eq!(
        service.get("/metricSetPairList/pairs/2").await.text,
        r#"{"id":"2"}"#
    );
}

#[tokio::test]
async fn a_pair_of_a_large_list_is_what_the_whole_list_has_and_is_read_without_the_rest_of_it() {
    let numbers = |count: usize| "3,".repeat(count);
    let sides = |count| {
        let numbers = numbers(count);
        format!(r#"{{"control":[1,{numbers}2.5],"experiment":[{numbers}null,"NaN"]}}"#)
    };
    let elements = [
        format!(
            r#"{{"name":"m","id":"first","values":{}}}"#,
            sides(LARGE / 16)
        ),
        r#"{"id": "short", "tags": {"a": "b"}}"#.to_owned(),
        format!(
            r#"{{"id":"twice","name":"one","values":{}}}"#,
            sides(LARGE / 16)
        ),
        format!(r#"{{"id":"twice","name":"other","values":{}}}"#, sides(2)),
        r#"{"values":{"control":[7]},"id":"last"}"#.to_owned(),
    ];
    let text = format!("[{}]", elements.join(" , "));
    // As a whole: one element has its values before its id, and is long.
    let reversed = format!(r#"{{"values":{},"id":"reversed"}}"#, sides(LARGE / 32));
    let whole = format!("[{},{reversed}]", elements.join(","));
    let (service, store, _) = service_with(&[
        (ObjectKind::MetricSetPairList, "parts", &text),
        (ObjectKind::MetricSetPairList, "whole", &whole),
        (
            ObjectKind::MetricSetPairList,
            "broken",
            &text.replace("[7]", "[x]"),
        ),
    ])
    .await;
    for (list, ids) in [
        ("parts", ["first", "short", "twice", "last"].as_slice()),
        (
            "whole",
            ["first", "short", "twice", "last", "reversed"].as_slice(),
        ),
    ] {
        let text = if list == "parts" { &text } else { &whole };
        let pairs: Vec<MetricSetPair> = serde_json::from_str(text).unwrap();
        for id in ids {
            let expected = pairs.iter().find(|pair| pair.id.as_deref() == Some(id));
            let expected = serde_json::to_string(expected.unwrap()).unwrap();
            let answer = service
                .get(&format!("/metricSetPairList/{list}/{id}"))
                .await;
            assert_eq!(answer.status, 200, "{:.500}", answer.text);
            assert!(answer.text == expected, "{list}/{id} is another pair");
        }
        let missing = service.get(&format!("/metricSetPairList/{list}/m")).await;
        assert_eq!(missing.status, 404, "{:.500}", missing.text);
        let message = format!("Metric set pair list {list} has no pair m.");
        assert!(missing.text.contains(&message), "{}", missing.text);
    }
    let broken = service.get("/metricSetPairList/broken/first").await;
    assert_eq!(broken.status, 500, "{:.500}", broken.text);
    let missing = service.get("/metricSetPairList/missing/first").await;
    assert_eq!(missing.status, 404, "{:.500}", missing.text);

    // It is known that the list can be read: the parts up to the short pair and that pair are enough.
    let parts = text.find("short").unwrap().div_ceil(512 << 10) + 1;
    store.parts.store(parts, Ordering::SeqCst);
    let short = service.get("/metricSetPairList/parts/short").await;
    assert_eq!(short.text, r#"{"id":"short","tags":{"a":"b"}}"#);
    assert_eq!(store.parts.load(Ordering::SeqCst), 0);
    let away = service.get("/metricSetPairList/parts/short").await;
    assert_eq!(away.status, 503, "{:.500}", away.text);
}

#[tokio::test]
async fn a_store_that_fails_before_the_first_byte_is_503_and_afterwards_the_response_breaks_off() {
    let text = written(LARGE / 8);
    let foreign = format!("{text} ");
    let (service, store, address) = service_with(&[
        (ObjectKind::MetricSetList, "own", &text),
        (ObjectKind::MetricSetList, "foreign", &foreign),
    ])
    .await;
    let missing = service.get("/metricSetList/missing").await;
    assert_eq!(missing.status, 404, "{}", missing.text);
    for path in ["/metricSetList/own", "/metricSetList/foreign"] {
        for (parts, status) in [(0, "503"), (1, "503"), (usize::MAX, "200"), (0, "503")] {
            store.parts.store(parts, Ordering::SeqCst);
            let (head, body) = ask(address, "GET", path, "1.1").await;
            assert!(head.starts_with(&format!("http/1.1 {status}")), "{head}");
            assert_eq!(body == text, status == "200");
        }
        for version in ["1.1", "1.0"] {
            store.parts.store(3, Ordering::SeqCst);
            let (head, body) = ask(address, "GET", path, version).await;
            assert!(head.contains("200 ok"), "{head}");
            let length = format!("content-length: {}", text.len());
            assert!(head.contains(&length), "{length} is not in {head}");
            assert!(body.len() < text.len() && text.starts_with(&body));
        }
    }
}

#[tokio::test]
async fn a_large_list_that_is_no_such_list_is_refused_with_its_mistake() {
    let text = written(LARGE / 8);
    let broken = text.replace(".25]", ".25,]");
    let reversed = text.replace("\"values\"", "\"name\":1,\"values\"");
    let (service, _, _) = service_with(&[
        (ObjectKind::MetricSetList, "broken", &broken),
        (ObjectKind::MetricSetList, "twice", &reversed),
        (ObjectKind::MetricSetPairList, "sets", &text),
    ])
    .await;
    for path in [
        "/metricSetList/broken",
        "/metricSetList/twice",
        "/metricSetPairList/sets",
    ] {
        let answer = service.get(path).await;
        assert_eq!(answer.status, 500, "{:.500}", answer.text);
        assert!(answer.text.len() < 10_000, "{:.500}", answer.text);
    }
}
