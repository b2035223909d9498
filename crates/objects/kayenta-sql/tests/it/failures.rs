//! Every failure is an error that says why; nothing is dropped, nothing succeeds in silence.

use std::{sync::Arc, time::Duration};

use futures::future::{Either, select};
use kayenta_http::HttpSettings;
use kayenta_sql::{ConnectionPool, MissingTables, SqlAccount, SqlStore};
use kayenta_storage::{ObjectKind, ObjectStore, StorageErrorKind};
use kayenta_testkit::{
    FaultProxy, SqlServer,
    failure_suite::{self, Cause},
    sql_server::{PASSWORD, Product},
};

use crate::support::{Database, SystemClock, account, open, opened, retrying};

async fn all_say(account: &SqlAccount, kind: StorageErrorKind, words: &str) {
    let cause = Cause {
        kind,
        words,
        account: "my-sql-account",
        secrets: &[PASSWORD, "wrong-pass"],
    };
    failure_suite::every_operation_says(&open(account), cause).await;
}

async fn causes_are_readable(product: Product) {
    let database = Database::start(product).await;
    let server = database.server.address().to_string();
    let unavailable = StorageErrorKind::Unavailable;
    let at = |authority: &str| account(&product.jdbc_url(authority));
    all_say(&at("127.0.0.1:1"), unavailable, "cannot connect to").await;
    all_say(&at("127.0.0.1:1"), unavailable, "refused").await;
    all_say(
        &at("no-such-host.invalid"),
        unavailable,
        "cannot connect to",
    )
    .await;
    let changed = |from: &str, to: &str| account(&product.jdbc_url(&server).replace(from, to));
    let wrong = changed(PASSWORD, "wrong-pass");
    all_say(&wrong, StorageErrorKind::Denied, "refuses: ").await;
    let absent = changed("/kayenta?", "/nowhere?");
    all_say(
        &absent,
        StorageErrorKind::Other,
        "no database 'nowhere'; create it",
    )
    .await;
    let plain = changed("?user", "?sslmode=verify-full&user");
    all_say(&plain, unavailable, "sslrootcert").await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PostgreSQL"]
async fn causes_are_readable_on_postgresql() {
    causes_are_readable(Product::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs MariaDB"]
async fn causes_are_readable_on_mariadb() {
    causes_are_readable(Product::MariaDb).await;
}

async fn comes_up_by_itself_or_is_given_up(product: Product) {
    let mut server = SqlServer::start(product).await.unwrap();
    let mine = account(&server.jdbc_url());
    failure_suite::a_server_down_at_the_start_comes_up_by_itself(
        &mut server,
        retrying(&mine),
        true,
    )
    .await;
    let store = Arc::new(open(&mine));
    failure_suite::a_dead_server_is_given_up_in_time(&mut server, store).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PostgreSQL"]
async fn a_postgresql_that_is_down_comes_up_by_itself_or_is_given_up_in_time() {
    comes_up_by_itself_or_is_given_up(Product::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs MariaDB"]
async fn a_mariadb_that_is_down_comes_up_by_itself_or_is_given_up_in_time() {
    comes_up_by_itself_or_is_given_up(Product::MariaDb).await;
}

async fn broken_and_slow_connections(product: Product) {
    let server = SqlServer::start(product).await.unwrap();
    let proxy = FaultProxy::start(server.address()).await.unwrap();
    let url = product.jdbc_url(&proxy.address().to_string());
    let store = Arc::new(open(&account(&url)));
    let broken = "the connection broke";
    failure_suite::broken_and_slow_connections_are_reported_and_left_behind(&proxy, store, broken)
        .await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PostgreSQL"]
async fn broken_and_slow_connections_to_postgresql_are_reported_and_left_behind() {
    broken_and_slow_connections(Product::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs MariaDB"]
async fn broken_and_slow_connections_to_mariadb_are_reported_and_left_behind() {
    broken_and_slow_connections(Product::MariaDb).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PostgreSQL"]
async fn a_full_pool_is_reported_as_such() {
    let server = SqlServer::start(Product::Postgres).await.unwrap();
    let proxy = FaultProxy::start(server.address()).await.unwrap();
    let url = Product::Postgres.jdbc_url(&proxy.address().to_string());
    let mut mine = account(&url);
    mine.pool = ConnectionPool {
        most_connections: 1,
        connect_timeout: Duration::from_secs(3),
        ..mine.pool
    };
    let store = Arc::new(open(&mine));
    store.check().await.unwrap();
    proxy.set(kayenta_testkit::Fault::Swallow);
    // The first to ask has the connection.
    let busy = store.list(ObjectKind::CanaryConfig);
    let late = store.check();
    let Either::Right((late, busy)) = select(busy, late).await else {
        panic!("a server that does not answer has answered");
    };
    drop(busy);
    let error = late.unwrap_err();
    assert_eq!(error.kind, StorageErrorKind::Unavailable);
    assert!(
        error
            .message
            .contains("all 1 connections are busy; raise maxPoolSize"),
        "{error}"
    );
    proxy.set(kayenta_testkit::Fault::Pass);
    store.check().await.unwrap();
}

async fn encrypted(product: Product) {
    let server = SqlServer::with_tls(product).await.unwrap();
    let http = HttpSettings {
        extra_ca_pem: vec![server.authority_pem().unwrap().into()],
        ..HttpSettings::default()
    };
    let store = |host: &str, http: &HttpSettings| {
        let url = product.jdbc_url(&format!("{host}:{}", server.address().port()));
        let mine = account(&format!("{url}&sslmode=verify-full"));
        SqlStore::new(&mine, http, Arc::new(SystemClock), MissingTables::Create).unwrap()
    };
    store("localhost", &http).check().await.unwrap();
    for stranger in [
        store("localhost", &HttpSettings::default()),
        store("127.0.0.1", &http),
    ] {
        let error = stranger.check().await.unwrap_err();
        assert!(error.message.contains("no encrypted connection"), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PostgreSQL"]
async fn postgresql_is_trusted_with_the_certificate_authority_of_the_settings_alone() {
    encrypted(Product::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs MariaDB"]
async fn mariadb_is_trusted_with_the_certificate_authority_of_the_settings_alone() {
    encrypted(Product::MariaDb).await;
}

async fn missing_tables(product: Product) {
    let database = Database::start(product).await;
    let mine = database.account();
    let reading = opened(&mine, MissingTables::Leave);
    let kind = ObjectKind::CanaryConfig;
    for error in [
        reading.check().await.unwrap_err(),
        reading.list(kind).await.unwrap_err(),
        reading.load(kind, "k").await.map(drop).unwrap_err(),
    ] {
        assert_eq!(error.kind, StorageErrorKind::NotFound);
        assert!(
            error.message.contains("no tables of canary objects"),
            "{error}"
        );
    }
    // A table that vanishes is created again.
    let store = open(&mine);
    store.check().await.unwrap();
    database.run("DROP TABLE canary_config").await;
    assert!(
        store
            .list(kind)
            .await
            .unwrap_err()
            .message
            .contains("canary_config")
    );
    assert_eq!(store.list(kind).await.unwrap(), []);

    // Without the right to create tables, the user of the migration does.
    database
        .run(match product {
            Product::Postgres => {
                "DROP TABLE kayenta_locks;\nCREATE ROLE small LOGIN PASSWORD 'small';\n\
                 GRANT ALL ON ALL TABLES IN SCHEMA public TO small;\n\
                 ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT ALL ON TABLES TO small"
            }
            Product::MariaDb => {
                "DROP TABLE kayenta_locks;\nCREATE USER 'small'@'%' IDENTIFIED BY 'small';\n\
                 GRANT SELECT, INSERT, UPDATE, DELETE ON kayenta.* TO 'small'@'%'"
            }
        })
        .await;
    let small = SqlAccount {
        pool: ConnectionPool {
            user: Some("small".to_owned()),
            password: Some("small".into()),
            ..mine.pool.clone()
        },
        ..mine.clone()
    };
    let error = open(&small).check().await.unwrap_err();
    assert_eq!(error.kind, StorageErrorKind::Denied);
    assert!(
        error.message.contains("set kayenta.sql.migration"),
        "{error}"
    );
    let small = SqlAccount {
        migration: Some(mine.pool),
        ..small
    };
    open(&small).check().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PostgreSQL"]
async fn missing_tables_of_postgresql_are_created_or_reported() {
    missing_tables(Product::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs MariaDB"]
async fn missing_tables_of_mariadb_are_created_or_reported() {
    missing_tables(Product::MariaDb).await;
}
