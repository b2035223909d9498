//! Configs on Azure: one of many writers wins across processes, the list is quick, and what the reference
//! stored is ours.

use std::{path::Path, sync::Arc};

use bytes::Bytes;
use futures::FutureExt;
use kayenta_storage::ObjectStore;
use kayenta_testkit::{azurite::Azurite, catalogue_suite};

use crate::support::{account, container, put, retrying};

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Azurite"]
async fn c_store_05_processes_exclude_each_other_and_see_what_the_others_write() {
    let azurite = Azurite::start().await.unwrap();
    let mine = account(&azurite);
    catalogue_suite::one_process_wins_a_name_and_an_id(&|| retrying(&mine)).await;
    let mine = account(&azurite);
    catalogue_suite::updates_and_removals_do_not_mix(&|| retrying(&mine)).await;
    let mine = account(&azurite);
    let raw = &container(&mine);
    catalogue_suite::replicas_see_each_other_at_once_and_other_programs_soon(
        &|| -> Arc<dyn ObjectStore> { retrying(&mine) },
        &|name, bytes| async move { put(raw, &name, bytes).await }.boxed(),
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Azurite"]
async fn two_thousand_configs_are_listed_again_in_a_fraction_of_the_first_time() {
    let azurite = Azurite::start().await.unwrap();
    let store = retrying(&account(&azurite));
    let times = catalogue_suite::time_two_thousand_configs(store).await;
    println!("2000 configs on Azurite: {times:?}");
    assert!(times.warm * 5 < times.first, "{times:?}");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Azurite"]
async fn objects_of_the_reference_are_read_written_changed_and_deleted() {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../testdata/storage/azure-blobs.json");
    let objects = catalogue_suite::stored_by_the_reference(&path).unwrap();
    let azurite = Azurite::start().await.unwrap();
    let account = account(&azurite);
    let raw = container(&account);
    raw.create(None).await.unwrap();
    for object in &objects {
        put(&raw, &object.key, Bytes::from(object.body.clone())).await;
    }
    catalogue_suite::objects_of_the_reference_are_ours(retrying(&account), &objects, true).await;
}
