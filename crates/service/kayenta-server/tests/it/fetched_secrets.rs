//! Secrets in objects of real servers of S3 and Google Cloud Storage, by the reference's `encrypted:`.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use kayenta_gcs::{GcsAccount, GcsBucket, gcs_store};
use kayenta_http::{HttpSettings, Transport};
use kayenta_s3::{AwsEnvironment, CredentialSource, S3Account, s3_store};
use kayenta_storage::{Bucket, BucketStore, MissingBucket, PutCondition};
use kayenta_testkit::{
    BucketServer, FakePrometheus, ServiceBuilder,
    bucket_servers::{ACCESS_KEY, REGION, SECRET_KEY},
};
use serde_json::Value;

use crate::{
    bearer_guard::{guarded, judged},
    operations_page,
    requests::{Caller, latency_canary},
    samples::{BINARY, embedded},
};

const PATIENCE: Duration = Duration::from_secs(60);

/// Writes an object whose content is a secret.
async fn write(bucket: &impl Bucket, name: &str, content: &str) {
    let bytes = content.to_owned().into_bytes().into();
    bucket.put(name, bytes, PutCondition::None).await.unwrap();
}

/// A token in a YAML file of the bucket, by its key, is used and followed when it changes; while the server
/// is away, its last value stays in use.
async fn a_token_is_fetched_and_followed(
    mut server: BucketServer,
    store: BucketStore<impl Bucket>,
    settings: String,
    reference: &str,
) {
    let bucket = store.bucket();
    bucket.create().await.unwrap();
    let yaml = |token: &str| format!("prometheus:\n  token: {token}\n");
    write(bucket, "kayenta/secrets.yml", &yaml("first")).await;
    let prometheus = FakePrometheus::start().await.unwrap();
    let accepted = Arc::new(Mutex::new("first".to_owned()));
    let url = guarded(&prometheus, Arc::clone(&accepted)).await;
    let endpoint = "        endpoint:\n";
    let token = format!("        bearerToken: '{reference}!k:prometheus.token'\n{endpoint}");
    let yml = embedded(&url).replacen(endpoint, &token, 1)
        + "kayenta.secrets.refreshInterval: 1s\n"
        + &settings;
    let service = ServiceBuilder::new(BINARY)
        .config(yml)
        .environment("AWS_ACCESS_KEY_ID", ACCESS_KEY)
        .environment("AWS_SECRET_ACCESS_KEY", SECRET_KEY)
        .start()
        .await
        .unwrap();
    let caller = Caller::new(service.base_url());
    judged(&caller).await;

    write(bucket, "kayenta/secrets.yml", &yaml("second")).await;
    *accepted.lock().unwrap() = "second".to_owned();
    service.logged("a secret has changed", PATIENCE).await;
    judged(&caller).await;

    server.stop().await.unwrap();
    service
        .logged(
            "a secret cannot be fetched; its last value stays in use",
            PATIENCE,
        )
        .await;
    judged(&caller).await;
    operations_page::check("secret elsewhere", || service.log(), &Value::Null).await;
    let log = service.log();
    assert!(
        !log.contains("Bearer second") && !log.contains("token: second"),
        "{log}"
    );
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs versitygw"]
async fn a_token_in_a_file_of_s3_is_fetched_with_the_credentials_of_the_environment() {
    let server = BucketServer::versitygw().await.unwrap();
    let account = S3Account {
        name: "secrets".to_owned(),
        bucket: "secrets".to_owned(),
        root_folder: "unused".to_owned(),
        region: Some(REGION.to_owned()),
        endpoint: Some(server.endpoint().as_str().into()),
        credentials: CredentialSource::Keys {
            access_key: ACCESS_KEY.into(),
            secret_key: SECRET_KEY.into(),
            session_token: None,
        },
        proxy: None,
        encryption: None,
    };
    let environment = AwsEnvironment::new([], None);
    let http = HttpSettings::default();
    let store = s3_store(&account, &http, environment, MissingBucket::Create).unwrap();
    let settings = format!(
        "secrets.s3: {{enabled: true, endpointUrl: '{}', pathStyleAccessEnabled: true}}\n",
        server.endpoint()
    );
    let reference = format!("encrypted:s3!r:{REGION}!b:secrets!f:kayenta/secrets.yml");
    a_token_is_fetched_and_followed(server, store, settings, &reference).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs fake-gcs-server"]
async fn a_token_in_a_file_of_cloud_storage_is_fetched() {
    let server = BucketServer::fake_gcs().await.unwrap();
    let store = cloud_storage(&server);
    let settings = format!("kayenta.secrets.gcsEndpoint: {}\n", server.endpoint());
    let reference = "encrypted:gcs!b:secrets!f:kayenta/secrets.yml";
    a_token_is_fetched_and_followed(server, store, settings, reference).await;
}

fn cloud_storage(server: &BucketServer) -> BucketStore<GcsBucket> {
    let account = GcsAccount {
        name: "secrets".to_owned(),
        project: "my-project".to_owned(),
        bucket: "secrets".to_owned(),
        bucket_location: None,
        root_folder: "unused".to_owned(),
        endpoint: Some(server.endpoint().as_str().into()),
        tokens: None,
    };
    let transport = Transport::new(&HttpSettings::default()).unwrap();
    gcs_store(&account, &transport, MissingBucket::Create).unwrap()
}

/// Where a setting names a file, the whole object is in one: the user and password of HTTP basic.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs fake-gcs-server"]
async fn a_setting_that_names_a_file_gets_one_with_the_object() {
    let server = BucketServer::fake_gcs().await.unwrap();
    let store = cloud_storage(&server);
    store.bucket().create().await.unwrap();
    write(store.bucket(), "pair", "metrics:hush\n").await;
    let seen = Arc::new(Mutex::new(String::new()));
    let noted = Arc::clone(&seen);
    let prometheus = FakePrometheus::start().await.unwrap();
    let behind = prometheus.base_url();
    let url = crate::bearer_guard::serve(axum::Router::new().fallback(
        move |request: axum::extract::Request| async move {
            if let Some(value) = request.headers().get("authorization") {
                *noted.lock().unwrap() = value.to_str().unwrap().to_owned();
            }
            let answer = reqwest::get(format!("{behind}{}", request.uri()))
                .await
                .unwrap();
            answer.text().await.unwrap()
        },
    ))
    .await;
    let endpoint = "        endpoint:\n";
    let file =
        format!("        usernamePasswordFile: 'encryptedFile:gcs!b:secrets!f:pair'\n{endpoint}");
    let yml = embedded(&url).replacen(endpoint, &file, 1)
        + &format!("kayenta.secrets.gcsEndpoint: {}\n", server.endpoint());
    let service = crate::samples::serving(yml).await;
    let caller = Caller::new(service.base_url());
    let id = caller.start("/canary", &latency_canary()).await.unwrap();
    let _ = caller.complete(&format!("/canary/{id}"), PATIENCE).await;
    // metrics:hush
    assert_eq!(
        *seen.lock().unwrap(),
        "Basic bWV0cmljczpodXNo",
        "{}",
        service.log()
    );
}
