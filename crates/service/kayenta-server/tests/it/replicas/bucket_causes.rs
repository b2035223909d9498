//! Buckets that cannot be reached or refuse: the service starts all the same and says why.

use std::time::Duration;

use kayenta_testkit::{
    BucketServer,
    bucket_servers::{ACCESS_KEY, SECRET_KEY},
};
use serde_json::{Value, json};

use super::fleet::three_metrics;
use crate::{operations_page, requests::Caller, samples::serving};

const WRONG_KEY: &str = "nobody-has-this-key";

/// Name of the account, case in the operations page, endpoint, secret key.
type BrokenBucket = (&'static str, &'static str, String, &'static str);

fn of_s3(server: &BucketServer) -> Vec<BrokenBucket> {
    let endpoint = server.endpoint();
    let tls = endpoint.replace("http:", "https:");
    let nowhere = "http://no-such-host.invalid".to_owned();
    let closed = "http://127.0.0.1:1".to_owned();
    vec![
        ("s3-wrong-key", "S3 wrong key", endpoint, WRONG_KEY),
        ("s3-no-name", "S3 unknown host", nowhere, SECRET_KEY),
        ("s3-no-port", "S3 no port", closed, SECRET_KEY),
        ("s3-no-tls", "S3 no TLS", tls, SECRET_KEY),
    ]
}

fn of_gcs() -> Vec<BrokenBucket> {
    let nowhere = "http://no-such-host.invalid".to_owned();
    let closed = "http://127.0.0.1:1".to_owned();
    vec![
        ("gcs-no-name", "GCS unknown host", nowhere, ""),
        ("gcs-no-port", "GCS no port", closed, ""),
    ]
}

fn yaml(s3: &[BrokenBucket], gcs: &[BrokenBucket]) -> String {
    let mut yaml = "server.port: 8090\nmanagement.endpoint.health.show-details: always\nkayenta:\n  s3.enabled: true\n  \
                    gcs.enabled: true\n  aws:\n    enabled: true\n    accounts:\n"
        .to_owned();
    let types = "supportedTypes: [OBJECT_STORE, CONFIGURATION_STORE]";
    for (name, _, endpoint, key) in s3 {
        yaml += &format!(
            "      - name: {name}\n        endpoint: {endpoint}\n        region: eu-central-1\n        bucket: canary\n        \
             explicitCredentials: {{accessKey: {ACCESS_KEY}, secretKey: {key}}}\n        {types}\n"
        );
    }
    yaml += "  google:\n    enabled: true\n    accounts:\n";
    for (name, _, endpoint, _) in gcs {
        yaml += &format!(
            "      - name: {name}\n        endpoint: {endpoint}\n        project: p\n        bucket: canary\n        {types}\n"
        );
    }
    yaml
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs versitygw"]
async fn buckets_that_refuse_or_cannot_be_reached_are_down_with_their_cause() {
    let server = BucketServer::versitygw().await.unwrap();
    let (s3, gcs) = (of_s3(&server), of_gcs());
    let service = serving(yaml(&s3, &gcs)).await;
    let caller = Caller::patient(service.base_url(), Duration::from_secs(60));
    let health = caller.health_with_causes().await;
    let broken: Vec<BrokenBucket> = s3.into_iter().chain(gcs).collect();
    for (name, case, ..) in &broken {
        let component = &health["components"][format!("storage-{name}")];
        println!("{case}: {component}");
        assert_eq!(component["status"], json!("DOWN"), "{health}");
        operations_page::check(case, || service.log(), component).await;
    }
    let writes = broken.iter().map(|(name, ..)| {
        let (caller, config) = (caller.clone(), three_metrics(name));
        async move {
            let path = format!("/canaryConfig?configurationAccountName={name}");
            (name, caller.post(&path, &config).await.unwrap())
        }
    });
    for (name, (status, answer)) in futures::future::join_all(writes).await {
        let expected = if *name == "s3-wrong-key" { 500 } else { 503 };
        assert_eq!(status, expected, "{name}: {answer}");
        let message = answer["message"].as_str().unwrap();
        assert!(message.contains(name), "{name}: {message}");
    }
    let shown = format!("{}{}", service.log(), Value::clone(&health));
    for secret in [WRONG_KEY, SECRET_KEY] {
        assert!(!shown.contains(secret), "a secret is shown");
    }
}
