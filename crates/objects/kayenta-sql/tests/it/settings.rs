//! `kayenta.sql` as an operator writes it.

use std::time::Duration;

use kayenta_accounts::{AccountSettings, Section};
use kayenta_model::AccountType;
use kayenta_properties::{Binder, Environment, Loader};
use kayenta_sql::{DESCRIPTION, Dialect, SqlAccount, accounts};
use kayenta_storage::ObjectAccount;
use secrecy::ExposeSecret;
use serde_json::json;

/// The accounts and what is reported.
fn read(properties: &[&str]) -> (Vec<AccountSettings<SqlAccount>>, Vec<String>) {
    let environment = properties
        .iter()
        .fold(Environment::empty("/nonexistent"), |environment, line| {
            environment.argument(format!("--{line}"))
        });
    let gathered = Loader::new().load(&environment);
    let binder = Binder::new(&gathered.properties, &environment);
    let section = Section::new(&binder, DESCRIPTION.kind.name, "/data".as_ref());
    let accounts = accounts(&section);
    let (diagnostics, _) = binder.finish();
    let reports = diagnostics.iter().map(ToString::to_string).collect();
    (accounts, reports)
}

#[test]
fn an_account_is_in_the_database_of_its_connection_pool() {
    let (accounts, reports) = read(&[
        "kayenta.sql.accounts[0].name=one",
        "kayenta.sql.accounts[1].name=other",
        "kayenta.sql.accounts[1].connectionPool=archive",
        "kayenta.sql.accounts[1].supportedTypes=OBJECT_STORE",
        "kayenta.sql.connectionPools.main.default=true",
        "kayenta.sql.connectionPools.main.jdbcUrl=jdbc:mysql://db/kayenta",
        "kayenta.sql.connectionPools.main.user=k",
        "kayenta.sql.connectionPools.main.password=s3cret",
        "kayenta.sql.connectionPools.main.maxPoolSize=7",
        "kayenta.sql.connectionPools.main.connectionTimeoutMs=1500",
        "kayenta.sql.connectionPools.main.dialect=MYSQL",
        "kayenta.sql.connection-pools.archive.jdbc-url=jdbc:postgresql://pg/archive?stringtype=unspecified",
        "kayenta.sql.migration.jdbcUrl=jdbc:mysql://db/kayenta",
        "kayenta.sql.migration.user=owner",
    ]);
    assert_eq!(reports, [""; 0]);
    let [one, other] = &accounts[..] else {
        panic!("{accounts:?}");
    };
    assert_eq!(
        one.supported_types,
        [AccountType::ObjectStore, AccountType::ConfigurationStore]
    );
    assert_eq!(other.supported_types, [AccountType::ObjectStore]);
    let pool = &one.store.pool;
    assert_eq!(pool.user.as_deref(), Some("k"));
    assert_eq!(
        pool.password.as_ref().unwrap().current().expose_secret(),
        "s3cret"
    );
    assert_eq!(pool.most_connections, 7);
    assert_eq!(pool.connect_timeout, Duration::from_millis(1500));
    assert_eq!(other.store.pool.url.dialect, Dialect::Postgres);
    let migration = one.store.migration.as_ref().unwrap();
    assert_eq!(migration.user.as_deref(), Some("owner"));
    assert_eq!(
        json!(one.store.shown()),
        json!({"jdbcUrl": "jdbc:mysql://db:3306/kayenta"})
    );
    assert!(!format!("{accounts:?}").contains("s3cret"));
}

#[test]
fn without_connection_pools_the_database_is_where_the_java_service_has_it() {
    let (accounts, reports) = read(&[
        "kayenta.sql.accounts[0].name=one",
        "spring.datasource.url=jdbc:postgresql://pg:5433/kayenta",
        "spring.datasource.username=k",
        "spring.datasource.hikari.maximum-pool-size=3",
    ]);
    assert_eq!(reports, [""; 0]);
    let pool = &accounts[0].store.pool;
    assert_eq!((pool.url.port, pool.most_connections), (5433, 3));
    assert_eq!(pool.user.as_deref(), Some("k"));
}

#[test]
fn what_cannot_be_used_is_reported_by_name() {
    let database = "kayenta.sql.connectionPools.default.jdbcUrl=jdbc:mysql://db/k";
    for (properties, words) in [
        (vec![database], "kayenta.sql.accounts is empty"),
        (
            vec!["kayenta.sql.accounts[0].name=a"],
            "spring.datasource.url must not be null",
        ),
        (
            vec![
                database,
                "kayenta.sql.accounts[0].name=a",
                "kayenta.sql.accounts[0].connectionPool=x",
            ],
            "there is no connection pool 'x'",
        ),
        (
            vec![
                "kayenta.sql.connectionPools.default.jdbcUrl=jdbc:h2:mem:x",
                "kayenta.sql.accounts[0].name=a",
            ],
            "of the kind 'h2' is not supported",
        ),
        (
            vec![
                database,
                "kayenta.sql.connectionPools.b.user=k",
                "kayenta.sql.accounts[0].name=a",
            ],
            "kayenta.sql.connection-pools.b.jdbc-url must not be null",
        ),
    ] {
        let (_, reports) = read(&properties);
        assert_eq!(reports.len(), 1, "{reports:?}");
        assert!(reports[0].contains(words), "{reports:?}");
    }
}
