//! Secrets in files that something else renews while the service runs.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use kayenta_testkit::{FakePrometheus, eventually};
use serde_json::{Value, json};

use crate::{
    bearer_guard::guarded,
    operations_page,
    requests::{Caller, canary_score, latency_canary},
    samples::{embedded, serving},
};

const PATIENCE: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread")]
async fn a_rotated_token_is_used_at_once_and_its_last_value_while_its_file_is_away() {
    let prometheus = FakePrometheus::start().await.unwrap();
    let accepted = Arc::new(Mutex::new("first".to_owned()));
    let url = guarded(&prometheus, Arc::clone(&accepted)).await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    std::fs::write(&file, "first\n").unwrap();
    let endpoint = "        endpoint:\n";
    let token = format!("        bearerToken: 'file:{}'\n{endpoint}", file.display());
    let service = serving(embedded(&url).replacen(endpoint, &token, 1)).await;
    let caller = Caller::new(service.base_url());
    let judged = async || {
        let id = caller.start("/canary", &latency_canary()).await.unwrap();
        let answer = caller.complete(&format!("/canary/{id}"), PATIENCE).await;
        assert_eq!(canary_score(&answer), &json!(100.0), "{answer}");
    };
    judged().await;

    // Prometheus refuses the old token before the service has looked at the file.
    *accepted.lock().unwrap() = "second".to_owned();
    std::fs::write(&file, "second\n").unwrap();
    judged().await;

    let logged = async |line: &str| {
        eventually(line.to_owned(), PATIENCE, async || {
            service.log().contains(line).then_some(()).ok_or(())
        })
        .await;
    };
    std::fs::remove_file(&file).unwrap();
    logged("its last value stays in use").await;
    judged().await;
    std::fs::write(&file, "second\n").unwrap();
    logged("can be read from its file again").await;
    operations_page::check("secret file", &service.log(), &Value::Null);
    let log = service.log();
    assert!(
        !log.contains("Bearer second") && !log.contains("=second"),
        "{log}"
    );
}
