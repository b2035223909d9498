//! What must never be shown: the secrets of every kind of account, of callers and of files,
//! wherever the service tells something and whatever a back end repeats of what it was sent.

mod echo;
mod renewed;
mod settings;
mod starts;

use std::{path::Path, time::Duration};

use kayenta_testkit::{Service, ServiceBuilder, eventually};
use p12_keystore::{Certificate, KeyStore, KeyStoreEntry};
use serde_json::{Value, json};

use self::{
    echo::Echo,
    settings::{Reach, SETTINGS, kayenta_yml},
};
use crate::{
    requests::{Caller, WINDOW, canary, config},
    samples::BINARY,
};

/// The part of a secret that no encoding changes.
fn needle(secret: &str) -> &str {
    let end = secret.find(|c: char| !c.is_ascii_alphanumeric() && c != '-');
    &secret[..end.unwrap_or(secret.len())]
}

/// Collects what is read, and where.
#[derive(Default)]
struct Read(Vec<(String, String)>);

impl Read {
    fn add(&mut self, place: impl Into<String>, text: impl Into<String>) {
        self.0.push((place.into(), text.into()));
    }

    /// Every line that tells one of the secrets, with its place.
    fn leaks(&self, secrets: &[String]) -> Vec<String> {
        let mut leaks = Vec::new();
        for (place, text) in &self.0 {
            for secret in secrets {
                if let Some(at) = text.find(secret) {
                    let start = text.floor_char_boundary(at.saturating_sub(120));
                    let end = text.ceil_char_boundary((at + 80).min(text.len()));
                    leaks.push(format!("{place} tells {secret}: …{}…", &text[start..end]));
                }
            }
        }
        leaks
    }
}

/// Every metric account, and a query of its kind.
fn accounts() -> Vec<(String, Value)> {
    let named = |kind: &str| json!({"type": kind, "metricName": "cpu"});
    let mut promql = named("prometheus");
    promql["customInlineTemplate"] = "PromQL:cpu".into();
    let prometheus = ["basic", "bearer", "file", "url", "user"];
    let mut accounts: Vec<_> = prometheus
        .map(|who| (format!("prometheus-{who}"), promql.clone()))
        .to_vec();
    let others = [
        ("datadog", named("datadog")),
        (
            "newrelic",
            json!({"type": "newrelic", "select": "SELECT average(x) FROM t"}),
        ),
        ("signalfx", named("signalfx")),
        (
            "wavefront",
            json!({"type": "wavefront", "metricName": "cpu", "aggregate": "avg"}),
        ),
        ("graphite", named("graphite")),
        ("atlas", json!({"type": "atlas", "q": "name,cpu,:eq"})),
        (
            "influxdb-token",
            json!({"type": "influxdb", "metricName": "cpu", "fields": ["x"]}),
        ),
        (
            "influxdb-basic",
            json!({"type": "influxdb", "metricName": "cpu", "fields": ["x"]}),
        ),
        ("json-headers", named("http-json")),
        ("json-url", named("http-json")),
        (
            "google",
            json!({"type": "stackdriver", "metricType": "cpu", "resourceType": "global"}),
        ),
    ];
    accounts.extend(others.map(|(account, query)| (account.to_owned(), query)));
    accounts
}

/// `{"alg":"RS256","kid":"k"}.{"sub":"x"}.sig`: its key is asked for.
const UNKNOWN_TOKEN: &str = "eyJhbGciOiJSUzI1NiIsImtpZCI6ImsifQ.eyJzdWIiOiJ4In0.c2ln";

/// A canary on the account, which fails: everything that is reported about it.
async fn failed_canary(caller: &Caller, account: &str, query: &Value) -> String {
    let metric = json!({"name": "m", "query": query, "groups": ["g"], "scopeName": "default"});
    let request = canary(
        &config("c", &[metric], json!({"g": 100})),
        "scope:a",
        "scope:b",
        WINDOW,
    );
    let path = format!("/canary?metricsAccountName={account}&storageAccountName=memory");
    let id = caller.start(&path, &request).await.unwrap();
    let status = caller
        .complete(&format!("/canary/{id}"), Duration::from_secs(30))
        .await;
    let (_, record) = caller.get(&format!("/pipelines/{id}")).await.unwrap();
    format!("{status} {record}")
}

/// A pair list judged by the remote judge, which fails.
async fn failed_judgement(caller: &Caller, name: &str) -> String {
    let mut config = config(name, &[], json!({}));
    config["judge"]["name"] = "RemoteJudge-v1.0".into();
    let (_, stored) = caller
        .post("/canaryConfig?configurationAccountName=memory", &config)
        .await
        .unwrap();
    let config_id = stored["canaryConfigId"]
        .as_str()
        .unwrap_or_else(|| panic!("{stored}"))
        .to_owned();
    let (_, stored) = caller
        .post("/metricSetPairList?accountName=memory", &json!([]))
        .await
        .unwrap();
    let pairs = stored["metricSetPairListId"]
        .as_str()
        .unwrap_or_else(|| panic!("{stored}"))
        .to_owned();
    let path = format!(
        "/judges/judge?configurationAccountName=memory&storageAccountName=memory&canaryConfigId={config_id}\
         &metricSetPairListId={pairs}&passThreshold=95&marginalThreshold=75"
    );
    let (status, answer) = caller.post(&path, &json!({})).await.unwrap();
    assert!(status >= 400, "{answer}");
    answer.to_string()
}

fn write_trust_store(folder: &Path, password: &str) {
    let authority = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let certificate = Certificate::from_der(authority.cert.der()).unwrap();
    let mut store = KeyStore::new();
    store.add_entry("authority", KeyStoreEntry::Certificate(certificate));
    let bytes = store.writer(password).write().unwrap();
    std::fs::write(folder.join("trust.p12"), bytes).unwrap();
}

async fn check_config(file: &Path) -> String {
    let output = tokio::process::Command::new(BINARY)
        .arg("check-config")
        .arg(file)
        .env_clear()
        .output()
        .await
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let said = [output.stdout, output.stderr].concat();
    String::from_utf8(said).unwrap()
}

async fn until_it_answers(service: &Service, caller: &Caller) {
    eventually("it answers", Duration::from_secs(30), async || {
        caller.get("/judges").await.map_err(|_| service.log())
    })
    .await;
}

/// Everything is called, everything fails with the secrets repeated, everything is logged; then
/// whatever can be read is read.
#[tokio::test(flavor = "multi_thread")]
async fn no_secret_of_any_setting_is_reported() {
    let folder = tempfile::tempdir().unwrap();
    let echo = Echo::start().await;
    write_trust_store(folder.path(), "zq39-tls");
    let yml = kayenta_yml(folder.path(), &echo.host());
    let file = folder.path().join("kayenta.yml");
    std::fs::write(&file, &yml).unwrap();
    let mut read = Read::default();

    let checked = check_config(&file).await;
    for setting in SETTINGS
        .iter()
        .filter(|one| one.name.starts_with("kayenta."))
    {
        let plain = |text: &str| text.to_lowercase().replace(['-', '[', ']', '.'], "");
        assert!(
            plain(&checked).contains(&plain(setting.name)),
            "{} is no setting:\n{checked}",
            setting.name
        );
    }
    read.add("check-config", checked);

    // Its stores fail, so it is never healthy.
    let service = ServiceBuilder::new(BINARY).config(yml).spawn().unwrap();
    let caller = Caller::patient(service.base_url(), Duration::from_secs(60));
    until_it_answers(&service, &caller).await;
    for refusing in [true, false] {
        echo.refuse(refusing);
        for (account, query) in accounts() {
            let reported = failed_canary(&caller, &account, &query).await;
            assert!(
                !refusing || reported.contains("no use for"),
                "{account}: {reported}"
            );
            read.add(format!("a canary on {account}"), reported);
            let path = format!("/metadata/metricsService?metricsAccountName={account}");
            let (_, answer) = caller.get(&path).await.unwrap();
            read.add(path, answer.to_string());
        }
        let fetch = "/fetch/http-json/query?metricsAccountName=json-headers&storageAccountName=memory\
                     &metricSetName=m&metricName=m&scope=s&step=60&start=2020-11-20T23:00:00Z&end=2020-11-20T23:10:00Z";
        let (_, answer) = caller.post(fetch, &json!({})).await.unwrap();
        read.add(fetch, answer.to_string());
        let fetch = "/fetch/prometheus/query?metricsAccountName=prometheus-basic&storageAccountName=memory\
                     &metricSetName=m&metricName=m&customFilter=PromQL%3Acpu&scope=s&step=60&start=2020-11-20T23:00:00Z&end=2020-11-20T23:10:00Z";
        let (_, answer) = caller.post(fetch, &json!({})).await.unwrap();
        read.add(fetch, answer.to_string());
        for account in ["azure-key", "azure-sas", "azure-suffix", "azure-url"] {
            let path = format!("/canaryConfig?configurationAccountName={account}");
            let body = config("c", &[], json!({}));
            let (_, answer) = caller.post(&path, &body).await.unwrap();
            read.add(path, answer.to_string());
        }
        read.add(
            "a judgement",
            failed_judgement(&caller, &format!("judged-{refusing}")).await,
        );
    }
    for (token, expected) in [("zq33-security", 200), (UNKNOWN_TOKEN, 401)] {
        let (status, answer) = caller.as_bearer(token).get("/judges").await.unwrap();
        assert_eq!(status, expected, "{answer}");
        read.add("an answer to a token", answer.to_string());
    }

    let mut places: Vec<String> = [
        "/credentials",
        "/metricsServices",
        "/env",
        "/configprops",
        "/health",
        "/info",
        "/metrics",
        "/prometheus",
        "/loggers",
        "/scheduledtasks",
    ]
    .map(str::to_owned)
    .to_vec();
    places.extend(SETTINGS.iter().map(|one| format!("/env/{}", one.name)));
    for path in places {
        let (status, answer) = caller.get(&path).await.unwrap();
        assert!([200, 503].contains(&status), "{path}: {status} {answer}");
        read.add(path, answer.to_string());
    }
    read.add("the log", service.log());

    let mut secrets = echo.authorizations();
    for setting in SETTINGS {
        for secret in setting.secrets() {
            let sent = echo.was_sent(needle(secret));
            assert_eq!(
                sent,
                setting.reach == Reach::Sent,
                "{}: whether it reaches the back end",
                setting.name
            );
            secrets.push(needle(secret).to_owned());
        }
    }
    let leaks = read.leaks(&secrets);
    assert!(
        leaks.is_empty(),
        "{} leaks:\n{}",
        leaks.len(),
        leaks.join("\n")
    );
}
