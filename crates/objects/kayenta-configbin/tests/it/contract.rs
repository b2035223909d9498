//! Requests as the reference sends them, and what comes of the answers.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::{Method, StatusCode};
use kayenta_configbin::{ConfigBinAccount, ConfigBinStore};
use kayenta_http::{HttpSettings, Transport};
use kayenta_storage::{ObjectKind, ObjectStore, StorageErrorKind, WriteCondition};
use kayenta_testkit::{NotedRequest, NotingServer};
use serde_json::json;

const KIND: ObjectKind = ObjectKind::CanaryConfig;

/// A ConfigBin at `/base` with pages of two ids.
async fn config_bin() -> NotingServer {
    let kept = Arc::<Mutex<BTreeMap<String, String>>>::default();
    NotingServer::answering(move |request: &NotedRequest| {
        let mut kept = kept.lock().unwrap();
        let (path, query) = request
            .target
            .split_once('?')
            .unwrap_or((&request.target, ""));
        if path == "/base/browse/my%20app/canary" {
            return page(&kept, query);
        }
        let Some(id) = path.strip_prefix("/base/my%20app/canary/") else {
            return StatusCode::IM_A_TEAPOT.into_response();
        };
        let found = match request.method {
            Method::POST => {
                kept.insert(id.to_owned(), request.body.clone());
                Some(String::new())
            }
            Method::DELETE => kept.remove(id),
            _ => kept.get(id).cloned(),
        };
        match found {
            Some(body) => body.into_response(),
            None => StatusCode::NOT_FOUND.into_response(),
        }
    })
    .await
}

fn page(kept: &BTreeMap<String, String>, query: &str) -> Response {
    let after = query.split_once("nextPageId=").map(|(_, id)| id.to_owned());
    let left: Vec<&String> = kept
        .keys()
        .filter(|id| after.as_ref().is_none_or(|after| *id > after))
        .collect();
    let names: Vec<_> = left
        .iter()
        .take(2)
        .map(|id| json!({"configName": id}))
        .collect();
    let answer = json!({
        "nameVersions": names, "hasNext": left.len() > 2, "nextPageId": left.get(1),
    });
    answer.to_string().into_response()
}

fn store(base_url: &str) -> ConfigBinStore {
    let account = ConfigBinAccount {
        name: "cb".to_owned(),
        base_url: format!("{base_url}/base/").parse().unwrap(),
        owner_app: "my app".to_owned(),
        config_type: "canary".to_owned(),
    };
    ConfigBinStore::new(account, Transport::new(&HttpSettings::default()).unwrap())
}

fn config(name: &str, updated: i64) -> Bytes {
    json!({"name": name, "updatedTimestamp": updated})
        .to_string()
        .into()
}

/// A config can be created, which the reference cannot do.
#[tokio::test]
async fn c_configbin_02_configs_are_created_read_replaced_and_deleted_by_the_requests_of_the_reference()
 {
    let server = config_bin().await;
    let store = store(server.base_url());
    let error = store.load(KIND, "id").await.unwrap_err();
    assert_eq!(error.kind, StorageErrorKind::NotFound);
    assert_eq!(error.message, "No such object named id");
    let before = server.seen().len();
    let written = store
        .store(
            KIND,
            "id",
            Some("one.json"),
            config("one", 5),
            WriteCondition::Always,
        )
        .await
        .unwrap();
    let sent = &server.seen()[before];
    assert_eq!(
        (
            sent.method.as_str(),
            sent.target.as_str(),
            sent.body.as_str()
        ),
        (
            "POST",
            "/base/my%20app/canary/id?overwrite=true&user=kayenta&comment=spinnaker",
            r#"{"name":"one","updatedTimestamp":5}"#,
        )
    );
    assert_eq!(
        sent.headers["content-type"],
        "application/json; charset=UTF-8"
    );
    let read = store.load(KIND, "id").await.unwrap();
    assert_eq!(read.bytes, config("one", 5));
    assert_eq!(read.summary, written);
    store.delete(KIND, "id").await.unwrap();
    let seen = server.seen();
    let removal = seen.last().unwrap();
    assert_eq!(
        (removal.method.as_str(), removal.target.as_str()),
        (
            "DELETE",
            "/base/my%20app/canary/id?user=kayenta&comment=spinnaker"
        )
    );
    assert!(store.delete(KIND, "id").await.unwrap_err().is_not_found());
}

#[tokio::test]
async fn conditions_are_looked_at_before_the_write() {
    let server = config_bin().await;
    let store = store(server.base_url());
    let put = |bytes, condition| store.store(KIND, "id", None, bytes, condition);
    let first = put(config("one", 1), WriteCondition::Absent).await.unwrap();
    let again = put(config("two", 2), WriteCondition::Absent).await;
    assert_eq!(again.unwrap_err().kind, StorageErrorKind::Conflict);
    let unchanged = WriteCondition::Unchanged(first.version);
    put(config("three", 3), unchanged.clone()).await.unwrap();
    let stale = put(config("four", 4), unchanged).await;
    assert_eq!(stale.unwrap_err().kind, StorageErrorKind::Conflict);
    assert_eq!(
        store.load(KIND, "id").await.unwrap().bytes,
        config("three", 3)
    );
}

/// All pages, with name and time from each config; a config without a time is listed too (C-CONFIGBIN-03).
#[tokio::test]
async fn c_configbin_03_every_page_is_listed_with_what_the_configs_say_of_themselves() {
    let server = config_bin().await;
    let store = store(server.base_url());
    for (id, text) in [
        ("a", r#"{"name":"one","updatedTimestamp":1795947213000}"#),
        ("b", r#"{"name":"two"}"#),
        ("c", "{}"),
        ("d", r#"{"name":"four","updatedTimestamp":7}"#),
        ("e", "no json"),
    ] {
        let bytes = Bytes::from_static(text.as_bytes());
        store
            .store(KIND, id, None, bytes, WriteCondition::Always)
            .await
            .unwrap();
    }
    let listed = store.list(KIND).await.unwrap();
    let shown: Vec<_> = listed
        .iter()
        .map(|object| {
            let millis = object.updated.timestamp_millis();
            (object.key.as_str(), object.filename.as_str(), millis)
        })
        .collect();
    assert_eq!(
        shown,
        [
            ("a", "one.json", 1_795_947_213_000),
            ("b", "two.json", 0),
            ("c", "canary_config.json", 0),
            ("d", "four.json", 7),
            ("e", "canary_config.json", 0),
        ]
    );
    assert!(server.seen().iter().any(|request| request.target
        == "/base/browse/my%20app/canary?pageSize=1000&showDeleted=false&nextPageId=b"));
    store.check().await.unwrap();
}

#[tokio::test]
async fn a_listing_that_cannot_be_read_is_an_error() {
    for (status, body, kind, word) in [
        (200, "<html>", StorageErrorKind::Other, "is not ConfigBin's"),
        (404, "", StorageErrorKind::Other, "configType 'canary'"),
        (403, "", StorageErrorKind::Denied, "refuses this service"),
        (503, "", StorageErrorKind::Unavailable, "503"),
        (400, "", StorageErrorKind::Invalid, "400"),
    ] {
        let server = NotingServer::start(status, body).await;
        let store = store(server.base_url());
        for error in [
            store.list(KIND).await.unwrap_err(),
            store.check().await.unwrap_err(),
        ] {
            assert_eq!(error.kind, kind, "{error}");
            assert!(error.message.contains(word), "{error}");
            assert!(error.message.contains("'cb'"), "{error}");
        }
    }
    let error = store("http://127.0.0.1:1")
        .load(KIND, "k")
        .await
        .unwrap_err();
    assert_eq!(error.kind, StorageErrorKind::Unavailable, "{error}");
    let endless = r#"{"nameVersions":[],"hasNext":true,"nextPageId":"x"}"#;
    let server = NotingServer::start(200, endless).await;
    let error = store(server.base_url()).list(KIND).await.unwrap_err();
    assert!(error.message.contains("round in circles"), "{error}");
}

#[tokio::test]
async fn c_configbin_01_other_kinds_are_refused_and_never_listed() {
    let server = config_bin().await;
    let store = store(server.base_url());
    let kind = ObjectKind::MetricSetList;
    let bytes = Bytes::from_static(b"[]");
    let refused = store.store(kind, "m", None, bytes, WriteCondition::Always);
    let error = refused.await.unwrap_err();
    assert_eq!(error.kind, StorageErrorKind::Invalid);
    assert!(error.message.contains("storageAccountName"), "{error}");
    assert_eq!(store.list(kind).await.unwrap(), []);
    assert!(store.load(kind, "m").await.unwrap_err().is_not_found());
    assert!(server.seen().is_empty());
}

/// User information of the base URL, which is the only way to configure credentials, is sent as HTTP basic.
#[tokio::test]
async fn credentials_of_the_base_url_are_sent_and_not_shown() {
    let server = config_bin().await;
    let base_url = server
        .base_url()
        .replace("http://", "http://user:hush-hush@");
    let store = store(&base_url);
    store.check().await.unwrap();
    let seen = server.seen();
    assert_eq!(
        seen[0].headers["authorization"],
        "Basic dXNlcjpodXNoLWh1c2g="
    );
    assert!(!format!("{store:?}").contains("hush-hush"));
}
