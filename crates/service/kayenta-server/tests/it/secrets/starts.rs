//! Starts that fail, and a Redis that repeats what it was sent.

use std::time::Duration;

use kayenta_testkit::{ServiceBuilder, eventually};
use serde_json::json;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};

use crate::{
    requests::Caller,
    samples::{BINARY, serving},
};

/// What is wrong, and the setting; every secret begins with `zq5`.
const WRONG: [(&str, &str); 5] = [
    ("Redis", "redis.connection: 'redis://:zq50-redis@h:6379/x'"),
    (
        "Redis' scheme",
        "redis.connection: 'user:zq51-redis@h:6379'",
    ),
    (
        "a template",
        "kayenta.http-json: {enabled: true, accounts: [{name: j, url: 'http://${h}/?api_key=zq55-json', valuesPath: $, headers: {X-Key: zq56-json}}]}",
    ),
    (
        "the YAML",
        "kayenta.security: {tokens: [{token: zq57-security]}",
    ),
    (
        "a password",
        "ok-http-client: {keyStore: '{folder}/key.p12', keyStoreType: PKCS12, keyStorePassword: zq58-tls}",
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn starts_that_fail_tell_no_secret() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("key.p12"), "no key store").unwrap();
    for (what, setting) in WRONG {
        let yml = setting.replace("{folder}", folder.path().to_str().unwrap());
        let mut service = ServiceBuilder::new(BINARY).config(yml).spawn().unwrap();
        let status = service.wait(Duration::from_secs(20)).await.unwrap();
        let log = service.log();
        assert_eq!(status.code(), Some(1), "{what}: {log}");
        assert!(!log.contains("zq5"), "{what}: {log}");
    }
}

/// URLs that are none, with which the service starts all the same.
const FLAWED: &[(&str, &str)] = &[
    (
        "a URL",
        "kayenta.remoteJudge: {enabled: true, endpoint.baseUrl: 'ftp://u:zq52-judge@h/?token=zq53-judge'}",
    ),
    (
        "a URL without a scheme",
        "kayenta.graphite: {enabled: true, accounts: [{name: g, supportedTypes: METRICS_STORE, endpoint.baseUrl: 'u:zq54-graphite@h:80'}]}",
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn a_url_that_is_none_is_reported_without_its_secret() {
    for (what, setting) in FLAWED {
        let service = serving(*setting).await;
        let shown = reqwest::get(service.base_url() + "/credentials")
            .await
            .unwrap()
            .text()
            .await
            .unwrap();
        let log = service.log();
        assert!(log.contains("every call to it will fail"), "{what}: {log}");
        assert!(
            !log.contains("zq5") && !shown.contains("zq5"),
            "{what}: {shown} {log}"
        );
    }
}

/// As a Redis does to which `AUTH` has another name.
async fn repeating_redis() -> std::net::SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((connection, _)) = listener.accept().await {
            tokio::spawn(async move {
                let (read, mut write) = connection.into_split();
                let mut lines = BufReader::new(read).lines();
                let mut next = async || lines.next_line().await.ok().flatten();
                while let Some(count) = next().await {
                    let count: usize = count.trim_start_matches('*').parse().unwrap();
                    let mut words = Vec::new();
                    for _ in 0..count {
                        next().await;
                        words.push(next().await.unwrap_or_default());
                    }
                    let said = format!(
                        "-ERR unknown command '{}', with args beginning with: '{}'\r\n",
                        words[0],
                        words[1..].join("' '")
                    );
                    if write.write_all(said.as_bytes()).await.is_err() {
                        return;
                    }
                }
            });
        }
    });
    address
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_repeats_the_password_is_not_repeated() {
    let address = repeating_redis().await;
    let yml = format!(
        "redis.connection: redis://:zq59-redis@{address}\nmanagement.endpoint.health.show-details: always\n\
         logging.level.root: TRACE\n"
    );
    let service = ServiceBuilder::new(BINARY).config(yml).spawn().unwrap();
    let caller = Caller::new(service.base_url());
    eventually("Redis refuses", Duration::from_secs(20), async || {
        let log = service.log();
        log.contains("AuthenticationFailed")
            .then_some(())
            .ok_or(log)
    })
    .await;
    let mut read = String::new();
    for path in [
        "/health",
        "/canary/executions?application=a",
        "/pipelines/x",
    ] {
        read += &format!("{:?}", caller.get(path).await);
    }
    read += &format!("{:?}", caller.post("/canary", &json!({})).await);
    read += &service.log();
    let at = read.find("zq59").unwrap_or_default();
    assert!(
        !read.contains("zq59"),
        "{}",
        &read[at.saturating_sub(300)..][..400]
    );
}
