//! Databases that cannot be reached or refuse: the service starts all the same and says why.

use std::time::Duration;

use kayenta_testkit::{
    SqlServer,
    sql_server::{PASSWORD, Product},
};
use serde_json::{Value, json};

use super::fleet::three_metrics;
use crate::{operations_page, requests::Caller, samples::serving};

const WRONG_PASSWORD: &str = "nobody-has-this-password";

/// Name of the account, case in the operations page, JDBC URL, status of a write.
type BrokenDatabase = (String, String, String, u16);

fn broken(product: Product, server: &SqlServer) -> Vec<BrokenDatabase> {
    let prefix = format!("{product:?}").to_lowercase();
    let url = server.jdbc_url();
    let at = |authority: &str| product.jdbc_url(authority);
    [
        ("wrong password", url.replace(PASSWORD, WRONG_PASSWORD), 500),
        ("no database", url.replace("/kayenta?", "/nowhere?"), 500),
        ("unknown host", at("no-such-host.invalid:1"), 503),
        ("no port", at("127.0.0.1:1"), 503),
    ]
    .into_iter()
    .map(|(case, url, status)| {
        let name = format!("{prefix}-{}", case.replace(' ', "-"));
        (name, format!("{product:?} {case}"), url, status)
    })
    .collect()
}

fn yaml(databases: &[BrokenDatabase]) -> String {
    let mut yaml = "server.port: 8090\nmanagement.endpoint.health.show-details: always\nkayenta:\n  sql:\n    \
                    enabled: true\n    connectionPools:\n"
        .to_owned();
    for (name, _, url, _) in databases {
        yaml += &format!("      {name}: {{jdbcUrl: '{url}'}}\n");
    }
    yaml += "    accounts:\n";
    for (name, ..) in databases {
        yaml += &format!("      - {{name: {name}, connectionPool: {name}}}\n");
    }
    yaml
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PostgreSQL and MariaDB"]
async fn databases_that_refuse_or_cannot_be_reached_are_down_with_their_cause() {
    let mut databases = Vec::new();
    let mut servers = Vec::new();
    for product in [Product::Postgres, Product::MariaDb] {
        let server = SqlServer::start(product).await.unwrap();
        databases.extend(broken(product, &server));
        servers.push(server);
    }
    let service = serving(yaml(&databases)).await;
    let caller = Caller::patient(service.base_url(), Duration::from_secs(60));
    let health = caller.health_with_causes().await;
    for (name, case, ..) in &databases {
        let component = &health["components"][format!("storage-{name}")];
        println!("{case}: {component}");
        assert_eq!(component["status"], json!("DOWN"), "{health}");
        operations_page::check(case, || service.log(), component).await;
    }
    let writes = databases.iter().map(|(name, _, _, status)| {
        let (caller, config) = (caller.clone(), three_metrics(name));
        async move {
            let path = format!("/canaryConfig?configurationAccountName={name}");
            (name, status, caller.post(&path, &config).await.unwrap())
        }
    });
    for (name, expected, (status, answer)) in futures::future::join_all(writes).await {
        assert_eq!(status, *expected, "{name}: {answer}");
        let message = answer["message"].as_str().unwrap();
        assert!(message.contains(name.as_str()), "{name}: {message}");
    }
    let shown = format!("{}{}", service.log(), Value::clone(&health));
    for secret in [WRONG_PASSWORD, PASSWORD] {
        assert!(!shown.contains(secret), "a secret is shown");
    }
}
