//! Configs on S3: one of many writers wins across processes, the list is quick, and what the
//! reference stored is ours.

use std::{path::Path, sync::Arc};

use bytes::Bytes;
use futures::FutureExt;
use kayenta_storage::ObjectStore;
use kayenta_testkit::{BucketServer, catalogue_suite};

use crate::support::{account, put, retrying};

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs gofakes3"]
async fn processes_exclude_each_other_and_see_what_the_others_write() {
    let server = BucketServer::gofakes3().await.unwrap();
    let mine = account(&server.endpoint());
    catalogue_suite::one_process_wins_a_name_and_an_id(&|| retrying(&mine)).await;
    let mine = account(&server.endpoint());
    catalogue_suite::updates_and_removals_do_not_mix(&|| retrying(&mine)).await;
    let mine = &account(&server.endpoint());
    catalogue_suite::replicas_see_each_other_at_once_and_other_programs_soon(
        &|| -> Arc<dyn ObjectStore> { retrying(mine) },
        &|name, bytes| async move { put(mine, &name, bytes).await }.boxed(),
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs gofakes3"]
async fn two_thousand_configs_are_listed_warm_in_a_tenth_of_a_second() {
    let server = BucketServer::gofakes3().await.unwrap();
    let store = retrying(&account(&server.endpoint()));
    let times = catalogue_suite::time_two_thousand_configs(store).await;
    println!("2000 configs on gofakes3: {times:?}");
    assert!(times.warm.as_millis() < 100, "{times:?}");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs gofakes3"]
async fn objects_of_the_reference_are_read_written_changed_and_deleted() {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../testdata/storage/objects-s3.json");
    let objects = catalogue_suite::stored_by_the_reference(&path).unwrap();
    let server = BucketServer::gofakes3().await.unwrap();
    let account = account(&server.endpoint());
    for object in &objects {
        put(&account, &object.key, Bytes::from(object.body.clone())).await;
    }
    catalogue_suite::objects_of_the_reference_are_ours(retrying(&account), &objects, true).await;
}
