//! Every setting that is a secret can be in a file, and the service uses what the file has later.

use std::{collections::BTreeSet, path::Path, time::Duration};

use kayenta_testkit::{ServiceBuilder, eventually};
use serde_json::{Value, json};

use super::{
    accounts,
    echo::Echo,
    failed_canary,
    settings::{SETTINGS, Setting, kayenta_yml_with},
    until_it_answers, write_trust_store,
};
use crate::{
    requests::{Caller, config},
    samples::BINARY,
};

/// What is used again after a change as other tests show, or at start alone for the reason that docs/configure.md gives.
#[rustfmt::skip]
const ELSEWHERE: &[(&str, &str)] = &[
    // One mechanism, `kayenta_http::Credentials` and `AwsSigner`, whose own tests have files that change.
    ("kayenta.*.accounts[].authentication.accessKey", "kayenta-aws"),
    ("kayenta.*.accounts[].authentication.secretKey", "kayenta-aws"),
    ("kayenta.*.accounts[].authentication.sessionToken", "kayenta-aws"),
    ("kayenta.*.accounts[].authentication.clientSecret", "kayenta-http, kayenta-connections"),
    ("kayenta.*.accounts[].authentication.password", "kayenta-http"),
    ("kayenta.*.accounts[].authentication.token", "kayenta-http"),
    ("kayenta.notifications[].authentication.accessKey", "kayenta-aws"),
    ("kayenta.notifications[].authentication.secretKey", "kayenta-aws"),
    ("kayenta.notifications[].authentication.sessionToken", "kayenta-aws"),
    ("kayenta.notifications[].authentication.clientSecret", "kayenta-http, kayenta-connections"),
    ("kayenta.notifications[].authentication.password", "kayenta-http"),
    ("kayenta.notifications[].authentication.token", "kayenta-http"),
    ("kayenta.notifications[].previousSecret", "kayenta-notifications"),
    ("kayenta.notifications[].secret", "kayenta-notifications"),
    ("kayenta.notifications[].webhookUrl", "kayenta-notifications"),
    ("kayenta.aws.accounts[].explicitCredentials.accessKey", "kayenta-aws, kayenta-s3"),
    ("kayenta.aws.accounts[].explicitCredentials.secretKey", "kayenta-aws, kayenta-s3"),
    ("kayenta.aws.accounts[].explicitCredentials.sessionToken", "kayenta-aws, kayenta-s3"),
    ("kayenta.ui.sessionKey", "kayenta-access"),
    ("redis.password", "kayenta-redis"),
    ("kayenta.sql.migration.password", "used at start alone: tables are created once"),
    ("spring.datasource.password", "not used"),
    ("server.ssl.key-password", "read with the key store whenever that is read"),
    ("server.ssl.key-store-password", "read with the key store whenever that is read"),
    ("server.ssl.trust-store-password", "read with the key store whenever that is read"),
    ("javax.net.ssl.trustStorePassword", "used at start alone, as the store it opens"),
    ("ok-http-client.keyStorePassword", "used at start alone, as the store it opens"),
    ("ok-http-client.trustStorePassword", "used at start alone, as the store it opens"),
];

/// The settings that the schema of `kayenta.yml` marks as secrets; `[]` stands for an element.
fn secrets_of_the_schema() -> BTreeSet<String> {
    fn walk(schema: &Value, name: &str, found: &mut BTreeSet<String>) {
        if schema["writeOnly"] == true {
            found.insert(name.trim_start_matches('.').to_owned());
        }
        for (part, below) in schema["properties"].as_object().into_iter().flatten() {
            walk(below, &format!("{name}.{part}"), found);
        }
        walk_all(&schema["anyOf"], name, found);
        if schema["items"].is_object() {
            walk(&schema["items"], &format!("{name}[]"), found);
        }
    }
    fn walk_all(schemas: &Value, name: &str, found: &mut BTreeSet<String>) {
        for schema in schemas.as_array().into_iter().flatten() {
            walk(schema, name, found);
        }
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../api-spec/schemas/kayenta.json");
    let schema: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let mut found = BTreeSet::new();
    walk(&schema, "", &mut found);
    found
}

/// The name of a setting as the schema has it: no index, and the pool that the schema knows.
fn in_schema(name: &str) -> String {
    let mut parts = name.split(['[', ']']).enumerate();
    let mut plain = String::new();
    for (at, part) in &mut parts {
        plain += if at % 2 == 0 { part } else { "[]" };
    }
    plain.replace("connectionPools.two", "connectionPools.default")
}

/// The settings of the list that are secrets by the schema, each of which can be in a file.
fn renewed() -> Vec<&'static Setting> {
    let secrets = secrets_of_the_schema();
    let elsewhere = |name: &str| ELSEWHERE.iter().any(|(pattern, _)| *pattern == name);
    SETTINGS
        .iter()
        .filter(|setting| {
            let name = in_schema(setting.name);
            secrets.contains(&name) && !elsewhere(&name)
        })
        .collect()
}

#[test]
fn every_secret_of_the_configuration_is_known_to_be_renewed_or_not() {
    let renewed: BTreeSet<String> = renewed().iter().map(|one| in_schema(one.name)).collect();
    let known = |name: &String| {
        let parts: Vec<&str> = name.split('.').collect();
        let any_kind = match parts.as_slice() {
            ["kayenta", _, "accounts[]", rest @ ..] => {
                format!("kayenta.*.accounts[].{}", rest.join("."))
            }
            _ => name.clone(),
        };
        let named = |(pattern, _): &(&str, &str)| *pattern == name || *pattern == any_kind;
        renewed.contains(name) || ELSEWHERE.iter().any(named)
    };
    let unknown: Vec<String> = secrets_of_the_schema()
        .into_iter()
        .filter(|name| !known(name))
        .collect();
    assert!(
        unknown.is_empty(),
        "add {unknown:?} to the SETTINGS of secrets/settings.rs, so that a change in its file is tried"
    );
}

/// Everything that uses a secret is called, every secret is changed in its file, and everything is called again.
#[tokio::test(flavor = "multi_thread")]
async fn every_secret_in_a_file_is_used_as_it_is_after_a_change() {
    let folder = tempfile::tempdir().unwrap();
    let echo = Echo::start().await;
    write_trust_store(folder.path(), "zq39-tls");
    let files: Vec<_> = renewed()
        .into_iter()
        .map(|setting| {
            let file = folder.path().join(setting.name.replace(['[', ']'], "."));
            (setting, file)
        })
        .collect();
    assert!(files.len() > 12, "{files:?}");
    let write = |value: &dyn Fn(String) -> String| {
        for (setting, file) in &files {
            let text = setting.filled(folder.path(), &echo.host());
            std::fs::write(file, value(text)).unwrap();
        }
    };
    write(&|text| text);
    let yml = kayenta_yml_with(folder.path(), &echo.host(), |setting| {
        let file = files.iter().find(|(one, _)| one.name == setting.name)?;
        Some(format!("file:{}", file.1.display()))
    });
    let service = ServiceBuilder::new(BINARY).config(yml).spawn().unwrap();
    let caller = Caller::patient(service.base_url(), Duration::from_secs(60));
    until_it_answers(&service, &caller).await;
    let use_all = async |token: &str, password: &str| {
        for (account, query) in accounts() {
            failed_canary(&caller, &account, &query).await;
        }
        for account in ["azure-key", "azure-sas"] {
            let path = format!("/canaryConfig?configurationAccountName={account}");
            caller
                .post(&path, &config("c", &[], json!({})))
                .await
                .unwrap();
        }
        // A database that never greets is waited for; whether it is asked is all that counts.
        let post = {
            let caller = caller.clone();
            let path = "/canaryConfig?configurationAccountName=sql-password";
            async move { drop(caller.post(path, &config("c", &[], json!({}))).await) }
        };
        tokio::spawn(post);
        let (status, answer) = caller.as_bearer(token).get("/judges").await.unwrap();
        assert_eq!(status, 200, "{answer}");
        let basic = reqwest::Client::new()
            .get(format!("{}/judges", service.base_url()))
            .basic_auth("u", Some(password));
        assert_eq!(basic.send().await.unwrap().status(), 200);
    };
    use_all("zq33-security", "zq34-security").await;
    // Every secret has a number of its own after these letters.
    write(&|text| text.replace("zq", "zr"));
    eventually(
        "every change is noticed",
        Duration::from_secs(30),
        async || {
            let log = service.log();
            let left = files.iter().find(|(_, file)| {
                let noticed = format!(
                    "a secret has changed; the new value is used from now on file={}",
                    file.display()
                );
                !log.contains(&noticed)
            });
            left.map_or(Ok(()), |(setting, _)| Err(setting.name))
        },
    )
    .await;
    use_all("zr33-security", "zr34-security").await;
    // Health tries the object stores on its own.
    eventually(
        "every new value is used",
        Duration::from_secs(60),
        async || {
            let log = service.log();
            let left = files.iter().find(|(_, file)| {
                let used = format!("is used for the first time of={}", file.display());
                !log.contains(&used)
            });
            left.map_or(Ok(()), |(setting, _)| Err(setting.name))
        },
    )
    .await;
}
