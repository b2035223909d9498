//! `kayenta migrate check` on installations of a Java service: what it reports, and that it
//! leaves everything as it is.

mod blobs;
mod copying;
mod listening;
mod reference_redis;

use std::{
    path::{Path, PathBuf},
    process::{Command, Output},
    time::Duration,
};

use kayenta_testkit::{
    azurite::{ACCOUNT_KEY, Azurite},
    free_port,
    redis_server::RedisServer,
};
use serde_json::Value;

use self::{blobs::Blobs, listening::Listening};
use crate::samples::{BINARY, sample, testdata};

/// The check's exit code, its report as JSON, and as text.
struct Checked {
    code: Option<i32>,
    json: Value,
    text: String,
}

fn run(config: &Path, output: &str) -> Output {
    Command::new(BINARY)
        .args(["migrate", "check", "--output", output, "--config"])
        .arg(config)
        .env_clear()
        .current_dir(config.parent().unwrap())
        .output()
        .unwrap()
}

/// Runs the check twice, for either form.
async fn check(config: &str) -> Checked {
    let folder = tempfile::tempdir().unwrap();
    let path: PathBuf = folder.path().join("kayenta.yml");
    let here = folder.path().display().to_string();
    std::fs::write(&path, config).unwrap();
    let outputs = tokio::task::spawn_blocking(move || {
        let _folder = &folder;
        [run(&path, "json"), run(&path, "text")]
    });
    let [json, text] = outputs.await.unwrap();
    assert_eq!(json.status.code(), text.status.code());
    let errors = String::from_utf8(json.stderr).unwrap();
    assert_eq!(errors, "", "nothing is said beside the report");
    Checked {
        code: json.status.code(),
        json: serde_json::from_slice(&json.stdout).unwrap(),
        text: String::from_utf8(text.stdout)
            .unwrap()
            .replace(&here, "/config"),
    }
}

fn config(redis: &str, blobs: &str, key: &str) -> String {
    sample(
        "transcripts-redis-azure.yml",
        &[
            ("prometheus", "http://prometheus:9090"),
            ("redis", redis),
            ("blobs", blobs),
            ("key", key),
        ],
    )
}

fn messages<'j>(findings: &'j Value, subject: &str) -> Vec<&'j str> {
    findings
        .as_array()
        .unwrap()
        .iter()
        .filter(|finding| finding["subject"].as_str().unwrap().contains(subject))
        .map(|finding| finding["message"].as_str().unwrap())
        .collect()
}

/// What the reference stored and a few things that go wrong, in a store of its own.
async fn lived_in() -> (Azurite, Blobs) {
    let azurite = Azurite::start().await.unwrap();
    let blobs = Blobs::of(&azurite);
    blobs.create_container().await;
    blobs.put_golden().await;
    for (name, text) in [
        ("canary_config/cut-off/cut-off.json", r#"{"name": "cut"#),
        ("canary_config/no-object/no-object.json", r#""a text""#),
        (
            "canary_config/unknown-query/unknown-query.json",
            r#"{"name": "q", "applications": ["a"], "metrics": [{"name": "m", "query": {"type": "nagios"}}]}"#,
        ),
        (
            "canary_archive/odd/canary_archive.json",
            r#"{"complete": {}}"#,
        ),
        ("metrics/nothing/metric_sets.json", ""),
        (
            "canary_config/elsewhere/elsewhere.json",
            r#"{"name": "elsewhere", "applications": ["a"], "description": "for ${team}",
                "judge": {"name": "HouseJudge-v2"},
                "metrics": [{"name": "cpu", "query": {"type": "datadog", "metricName": "avg:cpu"}}]}"#,
        ),
        (
            "canary_config/elsewhere-2/elsewhere.json",
            r#"{"name": "elsewhere", "applications": ["a"],
                "metrics": [{"name": "cpu", "query": {"type": "prometheus", "metricName": "cpu"}},
                            {"name": "cpu", "query": {"type": "prometheus", "metricName": "cpu"}}]}"#,
        ),
        (
            "canary_config/twice/before.json",
            r#"{"name": "before", "applications": ["a"]}"#,
        ),
        ("metrics/notes.txt", "not ours"),
    ] {
        blobs.put(&format!("kayenta/{name}"), text).await;
    }
    // Which of two files is newer is known in whole seconds.
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    let after = r#"{"name": "after", "applications": ["a"]}"#;
    blobs
        .put("kayenta/canary_config/twice/after.json", after)
        .await;
    (azurite, blobs)
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Azurite and Redis"]
async fn a_lived_in_installation_is_reported_and_left_alone() {
    let (azurite, blobs) = lived_in().await;
    let redis = RedisServer::start().await.unwrap();
    reference_redis::fill(&redis).await;
    let listening = Listening::before(&azurite.endpoint()).await;

    let blobs_before = blobs.everything().await;
    let redis_before = reference_redis::fingerprint(&redis).await;
    redis.cli(&["CONFIG", "RESETSTAT"]).await.unwrap();
    let checked = check(&config(&redis.url(), &listening.base_url(), ACCOUNT_KEY)).await;
    let used = reference_redis::commands(&redis).await;
    println!("{}", checked.text);

    // Neither store was written to.
    let verbs = listening.verbs();
    assert!(
        verbs
            .iter()
            .all(|verb| matches!(verb.as_str(), "GET" | "HEAD")),
        "{verbs:?}"
    );
    assert_eq!(blobs.everything().await, blobs_before);
    for command in &used {
        assert!(
            [
                "scan",
                "hmget",
                "zcard",
                "hello",
                "ping",
                "client|setinfo",
                "info",
                "config|resetstat"
            ]
            .contains(&command.as_str()),
            "{command} of {used:?}"
        );
    }
    assert_eq!(reference_redis::fingerprint(&redis).await, redis_before);
    println!("requests to the store: {verbs:?}; commands to Redis: {used:?}");

    let report = &checked.json;
    assert_eq!(checked.code, Some(1));
    assert_eq!(report["verdict"], "attention");
    assert_eq!(report["configuration"]["errors"], serde_json::json!([]));

    // Everything the reference wrote is read.
    let store = &report["storage"][0];
    let mut golden = Blobs::golden_by_group();
    for group in store["groups"].as_array().unwrap() {
        let name = group["group"].as_str().unwrap();
        let extra = match name {
            "canary_config" => 3, // elsewhere, elsewhere-2, twice
            _ => 0,
        };
        let expected = golden.remove(name).unwrap() + extra;
        assert_eq!(group["read"], expected, "{group}");
    }
    assert!(golden.is_empty(), "{golden:?}");

    let unreadable: Vec<(&str, &str)> = store["unreadable"]
        .as_array()
        .unwrap()
        .iter()
        .map(|u| (u["id"].as_str().unwrap(), u["reason"].as_str().unwrap()))
        .collect();
    for (id, part) in [
        ("cut-off", "the JSON ends too early at line 1"),
        ("no-object", "expected an object, found the text"),
        ("unknown-query", "there is no metric store 'nagios'"),
        ("odd", "expected true or false, found an object"),
        ("nothing", "the JSON ends too early"),
    ] {
        let reason = unreadable.iter().find(|(of, _)| *of == id).unwrap().1;
        assert!(reason.contains(part), "{id}: {reason}");
    }
    assert_eq!(unreadable.len(), 5, "{unreadable:?}");

    let left_over: Vec<&str> = store["leftOver"]
        .as_array()
        .unwrap()
        .iter()
        .map(|l| l["name"].as_str().unwrap())
        .collect();
    assert_eq!(left_over.len(), 2, "{left_over:?}");
    assert!(
        left_over
            .iter()
            .any(|name| name.starts_with("kayenta/canary_config/twice/"))
    );
    assert!(left_over.contains(&"kayenta/metrics/notes.txt"));

    let about = |subject: &str, part: &str| {
        let found = messages(&store["findings"], subject);
        assert!(
            found.iter().any(|message| message.contains(part)),
            "{subject}: {part}: {found:?}"
        );
    };
    about("elsewhere (elsewhere)", "HouseJudge-v2");
    about("elsewhere (elsewhere)", "queries datadog");
    about("elsewhere (elsewhere)", "an expression in the Java service");
    about("elsewhere-2", "'cpu' is duplicated");
    about("canary_config elsewhere", "2 configs of the application a");
    about("canary_config/elsewhere", "matches by prefix");

    let kept = &report["redis"];
    let count = |kind: &str| {
        let keys = kept["keys"].as_array().unwrap();
        keys.iter().find(|k| k["kind"] == kind).unwrap()["count"].clone()
    };
    assert_eq!(count("execution records"), 4);
    assert_eq!(count("message queue"), 4);
    assert_eq!(count("dead letters"), 1);
    assert_eq!(count("config index"), 2);
    assert_eq!(count("heartbeats"), 1);
    let running: Vec<&str> = kept["unfinished"]
        .as_array()
        .unwrap()
        .iter()
        .map(|run| run["id"].as_str().unwrap())
        .collect();
    assert_eq!(
        running,
        ["01M84DYRFKP3P7ZK48Z6Y5FX76", "01M84DYRFKP3P7ZK48Z6Y5FX77"]
    );
    let found = messages(&kept["findings"], "redis://");
    for part in ["1 instance(s)", "2 execution(s)", "2 message(s)"] {
        assert!(found.iter().any(|m| m.contains(part)), "{part}: {found:?}");
    }
    documented(&checked.text, &redis.url());
}

/// `docs/migrate.md` shows this very output. `UPDATE_DOCS=1 cargo test -p kayenta-server migrate`
/// renews it.
fn documented(text: &str, redis: &str) {
    let shown: String = text
        .lines()
        .map(|line| {
            let line = line.replace(redis, "redis://kayenta-redis-master:6379");
            match line.split_once("read from ") {
                Some((indent, _)) => format!("{indent}read from /opt/kayenta/config/kayenta.yml\n"),
                None => line + "\n",
            }
        })
        .collect();
    let path = testdata("../docs/migrate.md");
    let page = std::fs::read_to_string(&path).unwrap();
    let begin = "<!-- output of the check -->\n```text\n";
    let (before, rest) = page.split_once(begin).unwrap();
    let (block, after) = rest.split_once("```\n").unwrap();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, format!("{before}{begin}{shown}```\n{after}")).unwrap();
        return;
    }
    assert_eq!(
        block, shown,
        "docs/migrate.md is stale: UPDATE_DOCS=1 renews it"
    );
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Azurite and Redis"]
async fn an_empty_installation_is_ready_and_stays_empty() {
    let azurite = Azurite::start().await.unwrap();
    let redis = RedisServer::start().await.unwrap();
    let checked = check(&config(&redis.url(), &azurite.endpoint(), ACCOUNT_KEY)).await;
    assert_eq!(checked.code, Some(0), "{}", checked.text);
    assert_eq!(checked.json["verdict"], "ready");
    let found = messages(&checked.json["storage"][0]["findings"], "canary-storage");
    assert!(
        found[0].contains("do not exist yet; they are created with the first object"),
        "{found:?}"
    );
    assert!(
        checked.text.contains("no key of the Java service"),
        "{}",
        checked.text
    );
    assert!(!Blobs::of(&azurite).container_exists().await);
    assert_eq!(redis.cli(&["DBSIZE"]).await.unwrap(), "0");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Azurite"]
async fn what_cannot_be_reached_is_reported_with_the_reason() {
    let azurite = Azurite::start().await.unwrap();
    let nowhere = format!("redis://127.0.0.1:{}", free_port().unwrap());
    let checked = check(&config(&nowhere, &azurite.endpoint(), "d3Jvbmcta2V5")).await;
    assert_eq!(checked.code, Some(3), "{}", checked.text);
    assert_eq!(checked.json["verdict"], "incomplete");
    let store = checked.json["storage"][0]["failure"].as_str().unwrap();
    assert!(
        store.contains("canary-storage") && store.contains("403"),
        "{store}"
    );
    assert!(!checked.text.contains("d3Jvbmcta2V5"), "a secret is shown");
    let redis = checked.json["redis"]["failure"].as_str().unwrap();
    assert!(redis.contains("refused"), "{redis}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_configuration_that_does_not_start_is_reported_and_nothing_else_is_looked_at() {
    let checked = check("kayenta:\n  metrics:\n    retry:\n      attempts: many\n").await;
    assert_eq!(checked.code, Some(3));
    let error = checked.json["configuration"]["errors"][0].as_str().unwrap();
    assert!(error.contains("kayenta.yml:4:"), "{error}");
    insta::assert_snapshot!(checked.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_of_objects_on_disk_is_read_and_not_even_made() {
    let folder = tempfile::tempdir().unwrap();
    let objects = folder.path().join("objects");
    let config = format!(
        "kayenta:\n  disk:\n    enabled: true\n    accounts:\n      - name: d\n        path: {}\n",
        objects.display()
    );
    let checked = check(&config).await;
    assert_eq!(checked.code, Some(0), "{}", checked.text);
    assert!(!objects.exists());
    let folder = folder.path().display().to_string();
    insta::assert_snapshot!(checked.text.replace(&folder, "/data"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_cannot_be_read_is_never_passed_over() {
    let config = "kayenta:
  google:
    enabled: true
    accounts:
      - {name: g, project: p, bucket: b, endpoint: 'http://127.0.0.1:1', supportedTypes: [OBJECT_STORE]}
  gcs.enabled: true
  aws:
    enabled: true
    accounts:
      - name: s3
        bucket: b
        endpoint: http://127.0.0.1:1
        explicitCredentials: {accessKey: a, secretKey: b}
        supportedTypes: [OBJECT_STORE, CONFIGURATION_STORE]
  s3.enabled: true
  oracle:
    enabled: true
    accounts:
      - {name: o, supportedTypes: [OBJECT_STORE]}
";
    let checked = check(config).await;
    assert_eq!(checked.code, Some(3), "{}", checked.text);
    let stores = checked.json["storage"].as_array().unwrap();
    for account in ["g", "s3"] {
        let store = stores.iter().find(|s| s["account"] == account).unwrap();
        let failure = store["failure"].as_str().unwrap();
        assert!(failure.contains("refused"), "{failure}");
    }
    assert!(
        checked.text.contains("o of type oracle"),
        "{}",
        checked.text
    );
}
