//! Secrets in files that something else renews while the service runs.

use std::sync::{Arc, Mutex};

use kayenta_testkit::FakePrometheus;
use serde_json::Value;

use crate::{
    bearer_guard::{PATIENCE, guarded, judged},
    operations_page,
    requests::Caller,
    samples::{embedded, serving},
};

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
    judged(&caller).await;

    // Prometheus refuses the old token before the service has looked at the file.
    *accepted.lock().unwrap() = "second".to_owned();
    std::fs::write(&file, "second\n").unwrap();
    judged(&caller).await;

    std::fs::remove_file(&file).unwrap();
    service
        .logged("its last value stays in use", PATIENCE)
        .await;
    judged(&caller).await;
    std::fs::write(&file, "second\n").unwrap();
    service
        .logged("can be read from its file again", PATIENCE)
        .await;
    operations_page::check("secret file", || service.log(), &Value::Null).await;
    let log = service.log();
    assert!(
        !log.contains("Bearer second") && !log.contains("=second"),
        "{log}"
    );
}
