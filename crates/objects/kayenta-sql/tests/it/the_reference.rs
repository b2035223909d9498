//! A database the reference has filled, and one it is to read.

use std::{path::Path, sync::Arc};

use bytes::Bytes;
use kayenta_sql::MissingTables;
use kayenta_storage::{ObjectKind, ObjectStore, StorageErrorKind, WriteCondition};
use kayenta_testkit::{
    catalogue_suite::{self, StoredByTheReference},
    sql_server::Product,
};
use serde_json::Value;

use crate::support::{Database, open, opened, retrying};

const KIND: ObjectKind = ObjectKind::CanaryConfig;

/// The tables as the reference's migrations leave them.
fn tables(product: Product) -> String {
    let (content, time) = match product {
        Product::Postgres => ("jsonb", "timestamp without time zone"),
        Product::MariaDb => ("JSON", "datetime"),
    };
    let tables = [
        "canary_archive",
        "canary_config",
        "metric_sets",
        "metric_set_pairs",
    ];
    tables
        .map(|table| {
            format!(
                "CREATE TABLE {table} (id VARCHAR(255) NOT NULL PRIMARY KEY, content {content} NOT NULL, \
                 created_at {time} NOT NULL, updated_at {time} NOT NULL);\n"
            )
        })
        .concat()
}

fn table(group: &str) -> &str {
    match group {
        "metrics" => "metric_sets",
        "metric_pairs" => "metric_set_pairs",
        other => other,
    }
}

/// What the reference stored in S3, under the file names its tables have no column for.
fn objects() -> Vec<StoredByTheReference> {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../testdata/storage/objects-s3.json");
    let mut objects = catalogue_suite::stored_by_the_reference(&path).unwrap();
    // It has no table for these.
    objects.retain(|object| !object.key.contains("/standalone_canary_archive/"));
    for object in &mut objects {
        let mut parts: Vec<&str> = object.key.split('/').collect();
        if parts[1] == "canary_archive" {
            parts[3] = "canary_archive.json";
            object.key = parts.join("/");
        }
    }
    objects
}

async fn filled_by_the_reference(product: Product) -> (Database, Vec<StoredByTheReference>) {
    let database = Database::start(product).await;
    database.run(&tables(product)).await;
    let objects = objects();
    for object in &objects {
        let parts: Vec<&str> = object.key.split('/').collect();
        database
            .plant(table(parts[1]), parts[2], &object.body)
            .await;
    }
    (database, objects)
}

async fn its_objects_are_ours(product: Product) {
    let (database, objects) = filled_by_the_reference(product).await;
    // As it is, for `migrate`.
    let reading = opened(&database.account(), MissingTables::Leave);
    for object in &objects {
        let parts: Vec<&str> = object.key.split('/').collect();
        let kinds = ObjectKind::ALL.into_iter();
        let kind = kinds.clone().find(|kind| kind.group() == parts[1]).unwrap();
        let read = reading.load(kind, parts[2]).await.unwrap();
        let value = |bytes: &[u8]| serde_json::from_slice::<Value>(bytes).unwrap();
        assert_eq!(value(&read.bytes), value(object.body.as_bytes()));
        assert_eq!(read.summary.filename, parts[3]);
        let listed = reading.list(kind).await.unwrap();
        assert!(listed.contains(&read.summary));
    }
    let standalone = ObjectKind::StandaloneCanaryResultArchive;
    assert_eq!(reading.list(standalone).await.unwrap(), []);
    assert!(
        reading
            .load(standalone, "x")
            .await
            .unwrap_err()
            .is_not_found()
    );
    assert_eq!(reading.change_mark(KIND).await.unwrap(), None);

    // PostgreSQL keeps the values of a document and not the order of its names.
    let exact = product == Product::MariaDb;
    let store = retrying(&database.account());
    catalogue_suite::objects_of_the_reference_are_ours(Arc::clone(&store), &objects, exact).await;
    store
        .store(
            standalone,
            "s",
            None,
            Bytes::from_static(b"{}"),
            WriteCondition::Absent,
        )
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PostgreSQL"]
async fn its_objects_in_postgresql_are_read_written_changed_and_deleted() {
    its_objects_are_ours(Product::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs MariaDB"]
async fn its_objects_in_mariadb_are_read_written_changed_and_deleted() {
    its_objects_are_ours(Product::MariaDb).await;
}

/// The reference finds its tables, its rows and the log that keeps it from creating the tables again.
async fn a_database_of_ours_is_the_references(product: Product) {
    let database = Database::start(product).await;
    let stores: Vec<_> = (0..3).map(|_| open(&database.account())).collect();
    let started = stores.iter().map(|store| store.check());
    for checked in futures::future::join_all(started).await {
        checked.unwrap();
    }
    let text = Bytes::from_static(b"{\"name\":\"n\",\"applications\":[\"a\"]}");
    stores[0]
        .store(KIND, "k", Some("n.json"), text, WriteCondition::Absent)
        .await
        .unwrap();
    let log = match product {
        Product::Postgres => "databasechangelog",
        Product::MariaDb => "DATABASECHANGELOG",
    };
    let rows = format!(
        "SELECT CONCAT(ID, ' ', AUTHOR, ' ', FILENAME, ' ', EXECTYPE, ' ', MD5SUM) FROM {log} ORDER BY ORDEREXECUTED"
    );
    let rows = database.run(&rows).await;
    let ran = match product {
        Product::Postgres => "EXECUTED",
        Product::MariaDb => "MARK_RAN",
    };
    assert_eq!(rows.len(), 5, "{rows:?}");
    assert_eq!(
        rows[1],
        "create-canary-config-table alexey.bedonik \
         db/changelog/202303091552-create-canary-config-table.yml EXECUTED \
         9:8796ee3e81ca47ca405371ce1acc3156"
    );
    assert_eq!(
        rows[4],
        format!(
            "adjust-tables-for-postgres alexey.bedonik \
             db/changelog/202303091555-adjust-tables-for-postgres.yml {ran} \
             9:9c35c9d4b244e87f946c1e358c793ff9"
        )
    );
    let name = match product {
        Product::Postgres => "SELECT content->>'name' FROM canary_config WHERE id = 'k'",
        Product::MariaDb => {
            "SELECT JSON_VALUE(content, '$.name') FROM canary_config WHERE id = 'k'"
        }
    };
    assert_eq!(database.run(name).await, ["n"]);

    // What it overwrites there is what is there, whatever was kept beside it.
    let (content, later) = match product {
        Product::Postgres => (
            "'{\"name\": \"m\"}'::jsonb",
            "updated_at + interval '1 second'",
        ),
        Product::MariaDb => ("'{\"name\": \"m\"}'", "updated_at + INTERVAL 1 SECOND"),
    };
    let before = stores[1].load(KIND, "k").await.unwrap().summary;
    let update = format!(
        "UPDATE canary_config SET content = {content}, updated_at = {later} WHERE id = 'k'"
    );
    database.run(&update).await;
    let after = stores[1].load(KIND, "k").await.unwrap();
    assert_eq!(&after.bytes[..], b"{\"name\": \"m\"}");
    assert_eq!(after.summary.filename, "m.json");
    let stale = WriteCondition::Unchanged(before.version);
    let bytes = Bytes::from_static(b"{}");
    let error = stores[1].store(KIND, "k", None, bytes, stale).await;
    assert_eq!(error.unwrap_err().kind, StorageErrorKind::Conflict);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PostgreSQL"]
async fn a_postgresql_of_ours_has_the_references_tables_rows_and_log() {
    a_database_of_ours_is_the_references(Product::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs MariaDB"]
async fn a_mariadb_of_ours_has_the_references_tables_rows_and_log() {
    a_database_of_ours_is_the_references(Product::MariaDb).await;
}

/// C-SQL-06
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs MariaDB"]
async fn an_id_that_the_references_table_takes_for_another_is_refused() {
    let database = Database::start(Product::MariaDb).await;
    database.run(&tables(Product::MariaDb)).await;
    let store = open(&database.account());
    let put = |key: &'static str, condition| {
        let bytes = Bytes::from_static(b"{}");
        store.store(KIND, key, None, bytes, condition)
    };
    put("ab", WriteCondition::Always).await.unwrap();
    for other in ["AB", "äb", "ab "] {
        let error = put(other, WriteCondition::Always).await.unwrap_err();
        assert_eq!(error.kind, StorageErrorKind::Invalid);
        assert!(error.message.contains("canary_config.id"), "{error}");
        assert!(store.load(KIND, other).await.unwrap_err().is_not_found());
        assert!(store.delete(KIND, other).await.unwrap_err().is_not_found());
    }
    store.delete(KIND, "ab").await.unwrap();
}
