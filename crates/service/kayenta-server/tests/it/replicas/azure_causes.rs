//! Storage accounts that cannot be reached or refuse: the service starts all the same and says why.

use std::time::Duration;

use kayenta_testkit::{
    azurite::{ACCOUNT_KEY, Azurite},
    until,
};
use serde_json::{Value, json};

use super::fleet::three_metrics;
use crate::{operations_page, requests::Caller, samples::serving};

/// Name of the account, case in the operations page, endpoint, key, container.
type Broken = (
    &'static str,
    &'static str,
    String,
    &'static str,
    &'static str,
);

fn broken(azurite: &Azurite) -> Vec<Broken> {
    let endpoint = azurite.endpoint();
    let tls = endpoint.replace("http:", "https:");
    let nowhere = "http://no-such-account.invalid/devstoreaccount1".to_owned();
    let closed = "http://127.0.0.1:1/devstoreaccount1".to_owned();
    vec![
        (
            "wrong-key",
            "Azure wrong key",
            endpoint,
            "d3Jvbmcga2V5",
            "canary",
        ),
        (
            "no-name",
            "Azure unknown host",
            nowhere,
            ACCOUNT_KEY,
            "canary",
        ),
        ("no-port", "Azure refused", closed, ACCOUNT_KEY, "canary"),
        ("no-tls", "Azure no TLS", tls, ACCOUNT_KEY, "canary"),
    ]
}

fn yaml(accounts: &[Broken]) -> String {
    let mut yaml = "server.port: 8090\nmanagement.endpoint.health.show-details: always\nkayenta:\n  blobs.enabled: true\n  azure:\n    \
                    enabled: true\n    accounts:\n"
        .to_owned();
    for (name, _, endpoint, key, container) in accounts {
        yaml += &format!(
            "      - name: {name}\n        storageAccountName: devstoreaccount1\n        accountAccessKey: {key}\n        \
             blobEndpoint: {endpoint}\n        container: {container}\n        rootFolder: kayenta\n        \
             supportedTypes: [OBJECT_STORE, CONFIGURATION_STORE]\n"
        );
    }
    yaml
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Azurite"]
async fn accounts_that_refuse_or_cannot_be_reached_are_down_with_their_cause() {
    let azurite = Azurite::start().await.unwrap();
    let accounts = broken(&azurite);
    let mut configured = broken(&azurite);
    configured.push((
        "bad-name",
        "",
        azurite.endpoint(),
        ACCOUNT_KEY,
        "Not_Allowed",
    ));
    // Starts, and /health is no reason to restart it.
    let service = serving(yaml(&configured)).await;
    let caller = Caller::patient(service.base_url(), Duration::from_secs(60));
    let health = caller.health_with_causes().await;
    for (name, case, ..) in &accounts {
        println!(
            "{case}: {}",
            health["components"][format!("storage-{name}")]
        );
    }
    for (name, case, _, key, _) in &accounts {
        let component = &health["components"][format!("storage-{name}")];
        assert_eq!(component["status"], json!("DOWN"), "{health}");
        let error = component["details"]["error"].as_str().unwrap();
        assert!(!error.contains(key), "a secret is shown");
        operations_page::check(case, || service.log(), component).await;
    }
    operations_page::check("Azure bad container", || service.log(), &Value::Null).await;
    let writes = accounts.iter().map(|(name, ..)| {
        let (caller, config) = (caller.clone(), three_metrics(name));
        async move {
            let path = format!("/canaryConfig?configurationAccountName={name}");
            (name, caller.post(&path, &config).await.unwrap())
        }
    });
    for (name, (status, answer)) in futures::future::join_all(writes).await {
        let expected = if *name == "wrong-key" { 500 } else { 503 };
        assert_eq!(status, expected, "{name}: {answer}");
        let message = answer["message"].as_str().unwrap();
        assert!(message.contains(name), "{name}: {message}");
    }
    assert!(
        !service.log().contains("d3Jvbmcga2V5"),
        "a secret is logged"
    );
}

/// A container that is missing is made; an account that comes later comes up by itself.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Azurite"]
async fn an_account_that_comes_later_comes_up_by_itself() {
    let mut azurite = Azurite::start().await.unwrap();
    azurite.stop().await.unwrap();
    let account = (
        "later",
        "",
        azurite.endpoint(),
        ACCOUNT_KEY,
        "made-when-missing",
    );
    let service = serving(yaml(&[account])).await;
    let caller = Caller::patient(service.base_url(), Duration::from_secs(60));
    assert_eq!(caller.get("/health/readiness").await.unwrap().0, 503);
    azurite.restart().await.unwrap();
    until("it is ready", Duration::from_secs(15), async || {
        caller.get("/health/readiness").await.unwrap().0 == 200
    })
    .await;
    let (status, answer) = caller
        .post("/canaryConfig", &three_metrics("new"))
        .await
        .unwrap();
    assert_eq!(status, 200, "{answer}");
    operations_page::check("Azure comes later", || service.log(), &Value::Null).await;
}
