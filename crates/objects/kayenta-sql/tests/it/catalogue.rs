//! Configs in a database: one of many writers wins across processes, and the list is quick.

use std::sync::Arc;

use futures::FutureExt;
use kayenta_storage::ObjectStore;
use kayenta_testkit::{catalogue_suite, sql_server::Product};

use crate::support::{Database, retrying};

async fn processes_exclude_each_other(product: Product) {
    let database = Database::start(product).await;
    let mine = database.account();
    catalogue_suite::one_process_wins_a_name_and_an_id(&|| retrying(&mine)).await;
    let database = Database::start(product).await;
    let mine = database.account();
    catalogue_suite::updates_and_removals_do_not_mix(&|| retrying(&mine)).await;
    let database = &database;
    catalogue_suite::replicas_see_each_other_at_once_and_other_programs_soon(
        &|| -> Arc<dyn ObjectStore> { retrying(&mine) },
        &|name, bytes| {
            async move {
                let id = name.split('/').nth(2).unwrap();
                let content = std::str::from_utf8(&bytes).unwrap();
                database.plant("canary_config", id, content).await;
            }
            .boxed()
        },
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PostgreSQL"]
async fn processes_exclude_each_other_and_see_what_the_others_write_to_postgresql() {
    processes_exclude_each_other(Product::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs MariaDB"]
async fn processes_exclude_each_other_and_see_what_the_others_write_to_mariadb() {
    processes_exclude_each_other(Product::MariaDb).await;
}

async fn two_thousand_configs(product: Product) {
    let database = Database::start(product).await;
    let times = catalogue_suite::time_two_thousand_configs(retrying(&database.account())).await;
    println!("2000 configs on {product:?}: {times:?}");
    assert!(times.warm.as_millis() < 100, "{times:?}");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PostgreSQL"]
async fn two_thousand_configs_in_postgresql_are_listed_warm_in_a_tenth_of_a_second() {
    two_thousand_configs(Product::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs MariaDB"]
async fn two_thousand_configs_in_mariadb_are_listed_warm_in_a_tenth_of_a_second() {
    two_thousand_configs(Product::MariaDb).await;
}
