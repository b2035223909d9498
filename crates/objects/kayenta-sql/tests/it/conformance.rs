//! The suite of the seam, and what is SQL's own.

use bytes::Bytes;
use kayenta_storage::{ObjectKind, ObjectStore, StorageErrorKind, WriteCondition};
use kayenta_testkit::{object_store_suite, sql_server::Product};

use crate::support::{Database, open};

const KIND: ObjectKind = ObjectKind::CanaryConfig;

async fn conforms(product: Product) {
    let database = Database::start(product).await;
    let account = &database.account();
    let store = open(account);
    object_store_suite::run_all(&store).await;
    object_store_suite::shared_locks(&store, &open(account)).await;
    object_store_suite::large_lists(open(account)).await;
    assert_eq!(store.platform(), "sql");
    object_store_suite::lists_every_page(&store, 2_100).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PostgreSQL"]
async fn postgresql_conforms() {
    conforms(Product::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs MariaDB"]
async fn mariadb_conforms() {
    conforms(Product::MariaDb).await;
}

/// JSON that one database or the other does not accept in a JSON column.
async fn odd_json_comes_back(product: Product) {
    let database = Database::start(product).await;
    let store = open(&database.account());
    let deep = format!("{}{}", "[".repeat(60), "]".repeat(60));
    for (number, text) in [
        "{\"a\":\"\\u0000\"}",
        "{\"a\":\"\\ud800\"}",
        "{\"b\":1.0E400}",
        "{\"zz\":1,\"a\":{\"zz\":1,\"a\":-0.0,\"a\":2}}",
        deep.as_str(),
    ]
    .into_iter()
    .enumerate()
    {
        let key = format!("odd-{number}");
        let bytes = Bytes::copy_from_slice(text.as_bytes());
        store
            .store(KIND, &key, None, bytes, WriteCondition::Absent)
            .await
            .unwrap();
        let read = store.load(KIND, &key).await.unwrap();
        assert_eq!(read.bytes, text.as_bytes());
    }
    assert_eq!(store.list(KIND).await.unwrap().len(), 5);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PostgreSQL"]
async fn postgresql_gives_back_json_it_cannot_keep_as_json() {
    odd_json_comes_back(Product::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs MariaDB"]
async fn mariadb_gives_back_json_it_cannot_keep_as_json() {
    odd_json_comes_back(Product::MariaDb).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PostgreSQL"]
async fn an_id_longer_than_the_column_is_refused() {
    let database = Database::start(Product::Postgres).await;
    let store = open(&database.account());
    let bytes = Bytes::from_static(b"{}");
    let id = "x".repeat(256);
    let error = store
        .store(KIND, &id, None, bytes, WriteCondition::Always)
        .await
        .unwrap_err();
    assert_eq!(error.kind, StorageErrorKind::Invalid);
    assert!(error.message.contains("255 characters at most"), "{error}");
}
