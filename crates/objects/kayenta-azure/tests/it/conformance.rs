//! The suite of the seam, and what is Azure's own: blob names, types, containers, leases, signatures.

use std::sync::Arc;

use azure_storage_blob::models::BlobClientGetPropertiesResultHeaders;
use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;
use chrono::{TimeDelta, Utc};
use futures::{FutureExt, TryStreamExt};
use hmac::{Hmac, KeyInit, Mac};
use kayenta_accounts::Section;
use kayenta_azure::{AzureAccount, AzureContainer, AzureCredential, DESCRIPTION, azure_store};
use kayenta_http::{HttpSettings, Transport};
use kayenta_properties::{Binder, Environment, Loader};
use kayenta_storage::{
    Bucket, MissingBucket, ObjectKind, ObjectStore, Opening, PartialObject, UPLOAD_PART,
    WriteCondition,
};
use kayenta_testkit::{
    azurite::{ACCOUNT_KEY, ACCOUNT_NAME, Azurite},
    manual_clock::ManualClock,
    object_store_suite,
};

use crate::support::{account, container, put, retrying};

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Azurite"]
async fn azure_conforms() {
    let azurite = Azurite::start().await.unwrap();
    let account = account(&azurite);
    let store = azure_store(&account, &HttpSettings::default(), MissingBucket::Create).unwrap();
    object_store_suite::run_all(&store).await;
    let other = azure_store(&account, &HttpSettings::default(), MissingBucket::Create).unwrap();
    object_store_suite::shared_locks(&store, &other).await;
    object_store_suite::large_lists(other).await;
    object_store_suite::written_in_parts(&store).await;
    object_store_suite::written_in_parts(&*retrying(&account)).await;
    assert_eq!(store.platform(), "azure");

    let raw = Arc::new(container(&account));
    object_store_suite::heals_two_files(&store, &move |kind, key, filename, bytes| {
        let raw = Arc::clone(&raw);
        async move {
            let name = format!("kayenta/{}/{key}/{filename}", kind.group());
            put(&raw, &name, bytes).await;
        }
        .boxed()
    })
    .await;
    object_store_suite::lists_every_page(&*retrying(&account), 5_100).await;
}

/// Blob names are kept verbatim, also with an odd root and a name that needs encoding.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Azurite"]
async fn blobs_lie_where_the_reference_puts_them() {
    let azurite = Azurite::start().await.unwrap();
    for root in ["kayenta", "deep/er", "trailing/", "mit leer & ü"] {
        let account = AzureAccount {
            root_folder: root.to_owned(),
            ..account(&azurite)
        };
        let store = azure_store(&account, &HttpSettings::default(), MissingBucket::Create).unwrap();
        let written = store
            .store(
                ObjectKind::CanaryConfig,
                "0e6d",
                Some("my-config.json"),
                Bytes::from_static(b"{}"),
                WriteCondition::Absent,
            )
            .await
            .unwrap();
        let raw = container(&account);
        let names: Vec<String> = raw
            .list_blobs(None)
            .unwrap()
            .map_ok(|blob| blob.name.unwrap())
            .try_collect()
            .await
            .unwrap();
        let blob = format!("{root}/canary_config/0e6d/my-config.json");
        // Apart from it there is only the change mark, outside the folders that the reference
        // reads.
        assert_eq!(names, [blob, format!("{root}/locks/canary_config-changes")]);
        let properties = raw.blob_client(&names[0]).get_properties(None).await;
        let content_type = properties
            .unwrap()
            .headers()
            .get_optional_string(&"content-type".into());
        assert_eq!(content_type.as_deref(), Some("application/json"));
        assert_eq!(
            store.list(ObjectKind::CanaryConfig).await.unwrap(),
            [written]
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Azurite"]
async fn foreign_blobs_are_not_objects() {
    let azurite = Azurite::start().await.unwrap();
    let account = account(&azurite);
    let store = azure_store(&account, &HttpSettings::default(), MissingBucket::Create).unwrap();
    store.check().await.unwrap();
    let raw = container(&account);
    for name in [
        "kayenta/canary_config/file.json",
        "kayenta/canary_config/a/b/file.json",
        "kayenta/canary_configx/id/file.json",
        "kayenta/canary_config/id/",
        "other/canary_config/id/file.json",
    ] {
        put(&raw, name, Bytes::from_static(b"{}")).await;
    }
    let append = raw.blob_client("kayenta/canary_config/appended/file.json");
    append.append_blob_client().create(None).await.unwrap();
    let kind = ObjectKind::CanaryConfig;
    assert_eq!(store.list(kind).await.unwrap(), []);
    for key in ["a", "id", "appended", "file.json"] {
        assert!(store.load(kind, key).await.unwrap_err().is_not_found());
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Azurite"]
async fn snapshots_go_with_their_blob() {
    let azurite = Azurite::start().await.unwrap();
    let account = account(&azurite);
    let store = azure_store(&account, &HttpSettings::default(), MissingBucket::Create).unwrap();
    let kind = ObjectKind::CanaryConfig;
    let bytes = Bytes::from_static(b"{}");
    store
        .store(kind, "k", Some("n.json"), bytes, WriteCondition::Absent)
        .await
        .unwrap();
    let blob = container(&account).blob_client("kayenta/canary_config/k/n.json");
    blob.create_snapshot(None).await.unwrap();
    store.delete(kind, "k").await.unwrap();
    assert!(!blob.exists().await.unwrap());
}

/// A container that vanishes is made again by the next write or listing, and is absence to a read.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Azurite"]
async fn a_missing_container_is_made_when_needed() {
    let azurite = Azurite::start().await.unwrap();
    let account = account(&azurite);
    let store = azure_store(&account, &HttpSettings::default(), MissingBucket::Create).unwrap();
    let kind = ObjectKind::CanaryConfig;
    let text = "Could not fetch items from Azure Cloud Storage: An error occurred while \
                enumerating the result, check the original exception for details.";
    for error in [
        store.load(kind, "k").await.map(|_| ()).unwrap_err(),
        store.delete(kind, "k").await.unwrap_err(),
    ] {
        assert!(error.is_not_found());
        assert_eq!(error.message, text);
    }
    assert_eq!(store.list(kind).await.unwrap(), []);
    let error = store.load(kind, "k").await.unwrap_err();
    assert_eq!(
        error.message,
        format!(
            "Could not fetch items from Azure Cloud Storage: No {kind} found at \
             kayenta/canary_config/k.{{Null value}}"
        )
    );
    for _ in 0..2 {
        container(&account).delete(None).await.unwrap();
        store
            .store(
                ObjectKind::MetricSetList,
                "m",
                None,
                Bytes::from_static(b"[]"),
                WriteCondition::Always,
            )
            .await
            .unwrap();
        store.load(ObjectKind::MetricSetList, "m").await.unwrap();
    }
    container(&account).delete(None).await.unwrap();
    assert_eq!(store.list(kind).await.unwrap(), []);
    store.check().await.unwrap();
}

/// The reference's ways to an emulator, with the file unchanged.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Azurite"]
async fn an_emulator_is_reached_through_the_suffix() {
    let azurite = Azurite::start().await.unwrap();
    let container = account(&azurite).container;
    let opened = |suffix: String| {
        let environment = [
            "name=a".to_owned(),
            format!("storageAccountName={ACCOUNT_NAME}"),
            format!("accountAccessKey={ACCOUNT_KEY}"),
            format!("container={container}"),
            "rootFolder=kayenta".to_owned(),
            "supportedTypes=OBJECT_STORE".to_owned(),
            format!("endpointSuffix={suffix}"),
        ]
        .iter()
        .fold(
            Environment::empty("/nonexistent"),
            |environment, setting| {
                environment.argument(format!("--kayenta.azure.accounts[0].{setting}"))
            },
        );
        let gathered = Loader::new().load(&environment);
        let binder = Binder::new(&gathered.properties, &environment);
        let section = Section::new(&binder, DESCRIPTION.kind.name, "/data".as_ref());
        let mut accounts = (DESCRIPTION.read)(&section);
        accounts.remove(0).store.unwrap()
    };
    let opening = Opening {
        http: HttpSettings::default(),
        transport: Transport::new(&HttpSettings::default()).unwrap(),
        clock: Arc::new(ManualClock::default()),
    };
    let smuggled = opened(format!(
        "core.windows.net;BlobEndpoint={}",
        azurite.endpoint()
    ));
    let store = smuggled.open(&opening).await.unwrap();
    store.check().await.unwrap();
    let host_style = opened(format!(
        "localhost:{};DefaultEndpointsProtocol=http",
        azurite.port()
    ));
    // Where the resolver does not know names under localhost, the failure says so.
    if let Err(error) = host_style.open(&opening).await.unwrap().check().await {
        assert!(error.message.contains("dns error"), "{error}");
    }
}

/// A service SAS for a container (version 2018-11-09), as the portal makes them.
fn sas(account: &AzureAccount, permissions: &str) -> String {
    let expiry = (Utc::now() + TimeDelta::hours(1)).format("%Y-%m-%dT%H:%M:%SZ");
    let to_sign = format!(
        "{permissions}\n\n{expiry}\n/blob/{ACCOUNT_NAME}/{}\n\n\nhttps,http\n2018-11-09\nc\n\n\n\n\n\n",
        account.container
    );
    let key = BASE64_STANDARD.decode(ACCOUNT_KEY).unwrap();
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(&key).unwrap();
    mac.update(to_sign.as_bytes());
    let signature = BASE64_STANDARD.encode(mac.finalize().into_bytes());
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query
        .append_pair("sv", "2018-11-09")
        .append_pair("sr", "c")
        .append_pair("sp", permissions)
        .append_pair("se", &expiry.to_string())
        .append_pair("spr", "https,http")
        .append_pair("sig", &signature);
    format!("?{}", query.finish())
}

/// A token for the blobs of a container cannot look at the container, which is no failure.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Azurite"]
async fn a_sas_token_is_enough_and_never_shown() {
    let azurite = Azurite::start().await.unwrap();
    let account = account(&azurite);
    let missing = AzureAccount {
        credential: AzureCredential::SasToken(sas(&account, "racwdl").into()),
        ..account.clone()
    };
    let store = azure_store(&missing, &HttpSettings::default(), MissingBucket::Create).unwrap();
    store.check().await.unwrap_err();
    azure_store(&account, &HttpSettings::default(), MissingBucket::Create)
        .unwrap()
        .check()
        .await
        .unwrap();
    store.check().await.unwrap();
    object_store_suite::roundtrip(&store).await;
    object_store_suite::conditions(&store).await;
    object_store_suite::locks(&store).await;

    let read_only = AzureAccount {
        credential: AzureCredential::SasToken(sas(&account, "rl").into()),
        ..missing
    };
    let store = azure_store(&read_only, &HttpSettings::default(), MissingBucket::Create).unwrap();
    store.check().await.unwrap();
    let error = store
        .store(
            ObjectKind::MetricSetList,
            "k",
            None,
            Bytes::from_static(b"[]"),
            WriteCondition::Always,
        )
        .await
        .unwrap_err();
    assert_eq!(error.kind, kayenta_storage::StorageErrorKind::Denied);
    let shown = format!("{error} {error:?} {store:?}");
    assert!(!shown.contains("sig="), "{shown}");
}

/// The container is deleted while the service runs: every write makes it again, whatever it begins with.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Azurite"]
async fn a_container_deleted_under_the_service_is_made_again_by_the_next_write() {
    let azurite = Azurite::start().await.unwrap();
    let account = account(&azurite);
    let store = azure_store(&account, &HttpSettings::default(), MissingBucket::Create).unwrap();
    let kind = ObjectKind::CanaryConfig;
    let write = async |condition| {
        let bytes = Bytes::from_static(b"{}");
        store.store(kind, "a", None, bytes, condition).await
    };
    let written = write(WriteCondition::Always).await.unwrap();
    let raw = container(&account);

    raw.delete(None).await.unwrap();
    let lock = store.lock("a-name", std::time::Duration::ZERO).await;
    lock.expect("a lock").release().await;
    raw.delete(None).await.unwrap();
    write(WriteCondition::Absent).await.unwrap();
    raw.delete(None).await.unwrap();
    write(WriteCondition::Always).await.unwrap();
    raw.delete(None).await.unwrap();
    assert!(store.list(kind).await.unwrap().is_empty());
    raw.delete(None).await.unwrap();
    assert!(store.load(kind, "a").await.unwrap_err().is_not_found());
    let gone = write(WriteCondition::Unchanged(written.version)).await;
    assert_eq!(
        gone.unwrap_err().kind,
        kayenta_storage::StorageErrorKind::Conflict
    );
}

/// Every step may arrive although its answer does not, a run may be at work twice, and a worker may die.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Azurite"]
async fn uploads_in_blocks_survive_repeated_steps_concurrent_writers_and_abandoned_uploads() {
    let azurite = Azurite::start().await.unwrap();
    let account = account(&azurite);
    let http = HttpSettings::default();
    let store = azure_store(&account, &http, MissingBucket::Create).unwrap();
    store.check().await.unwrap();
    let kind = ObjectKind::MetricSetPairList;
    let name = format!("kayenta/{}/k/{}", kind.group(), kind.default_filename());
    let bucket = AzureContainer::new(&account, &http).unwrap();
    let begin = async || PartialObject {
        name: name.clone(),
        upload: bucket.begin_parts(&name).await.unwrap(),
        parts: Vec::new(),
        size: 0,
    };
    let part = |letter: u8| Bytes::from(vec![letter; UPLOAD_PART]);
    let add = async |object: &mut PartialObject, letter| {
        let id = bucket.put_part(object, part(letter)).await.unwrap();
        object.parts.push(id);
        object.size += UPLOAD_PART as u64;
    };
    let content = async || store.load(kind, "k").await.map(|object| object.bytes);

    // Of a new blob there is nothing before its blocks are put together, even when nobody goes on.
    let mut given_up = begin().await;
    add(&mut given_up, b'x').await;
    bucket.remove_parts(&given_up).await.unwrap();
    assert!(content().await.unwrap_err().is_not_found());
    assert_eq!(store.list(kind).await.unwrap(), []);
    assert_eq!(store.strays(kind).await.unwrap(), []);
    assert!(store.delete(kind, "k").await.unwrap_err().is_not_found());

    let mut object = begin().await;
    for letter in [b'a', b'b'] {
        let id = bucket.put_part(&object, part(letter)).await.unwrap();
        add(&mut object, letter).await;
        assert_eq!(object.parts.last(), Some(&id));
    }
    let last = Bytes::from_static(b"c");
    let whole = [&part(b'a')[..], &part(b'b'), &last].concat();
    for _ in 0..2 {
        let written = bucket.complete_parts(&object, last.clone()).await.unwrap();
        assert!(content().await.unwrap() == whole);
        assert_eq!(bucket.list(&name).await.unwrap(), [written]);
    }
    let raw = container(&account).blob_client(&name);
    let properties = raw.get_properties(None).await.unwrap();
    let content_type = properties.content_type().unwrap();
    assert_eq!(content_type.as_deref(), Some("application/json"));

    // Two who write at once do not mix their blocks: one is as if it had been replaced by the other.
    let (mut first, mut second) = (begin().await, begin().await);
    for letter in [b'd', b'e'] {
        add(&mut first, letter).await;
        add(&mut second, letter.to_ascii_uppercase()).await;
    }
    let written = bucket.complete_parts(&second, last.clone()).await.unwrap();
    let replaced = bucket.complete_parts(&first, last.clone()).await.unwrap();
    assert_eq!(replaced, written);
    assert_eq!(bucket.list(&name).await.unwrap(), [written]);
    assert!(content().await.unwrap() == [&part(b'D')[..], &part(b'E'), &last].concat());

    // What nobody has is not acknowledged.
    let mut lost = begin().await;
    add(&mut lost, b'f').await;
    lost.parts[0].replace_range(..1, "-");
    let error = bucket.complete_parts(&lost, last).await.unwrap_err();
    assert!(error.is_transient(), "{error}");
    assert!(error.message.contains("cannot put the blocks"), "{error}");
}

/// An upload makes the container again like any other write.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Azurite"]
async fn a_container_deleted_under_the_service_is_made_again_by_an_upload() {
    let azurite = Azurite::start().await.unwrap();
    let account = account(&azurite);
    let store = azure_store(&account, &HttpSettings::default(), MissingBucket::Create).unwrap();
    store.check().await.unwrap();
    container(&account).delete(None).await.unwrap();
    object_store_suite::written_in_parts(&store).await;
}
