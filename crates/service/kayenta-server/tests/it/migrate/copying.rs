//! `kayenta migrate copy` between real stores.

use std::{path::Path, process::Command};

use kayenta_testkit::{ObjectServer, RemoteStore, SqlServer, sql_server::Product};
use serde_json::Value;

use crate::samples::{BINARY, testdata};

const GROUPS: [&str; 5] = [
    "canary_config",
    "canary_archive",
    "metrics",
    "metric_pairs",
    "standalone_canary_archive",
];

/// A disk account with what the reference wrote, an S3 and a Google account.
fn configuration(disk: &Path, s3: &str, gcs: &str) -> String {
    format!(
        "kayenta:
  disk:
    enabled: true
    accounts:
      - {{name: d, path: {}}}
  aws:
    enabled: true
    accounts:
      - name: s3
        bucket: copies
        endpoint: {s3}
        explicitCredentials: {{accessKey: a, secretKey: b}}
        supportedTypes: [OBJECT_STORE, CONFIGURATION_STORE]
  s3.enabled: true
  google:
    enabled: true
    accounts:
      - {{name: g, project: p, bucket: copies, endpoint: '{gcs}', supportedTypes: [OBJECT_STORE]}}
  gcs.enabled: true
",
        disk.display()
    )
}

/// Puts what the reference stored into the folder of a disk store; how many objects.
fn fill(disk: &Path) -> usize {
    let text = std::fs::read(testdata("storage/objects-s3.json")).unwrap();
    let recorded: Value = serde_json::from_slice(&text).unwrap();
    let objects = recorded["objects"].as_array().unwrap();
    for object in objects {
        let path = disk.join(object["key"].as_str().unwrap());
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, object["body"].as_str().unwrap()).unwrap();
    }
    objects.len()
}

/// How a copy ended.
struct Ended {
    code: Option<i32>,
    /// The report, null without one.
    json: Value,
    errors: String,
}

async fn run(yaml: &str, arguments: &[&str]) -> Ended {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("kayenta.yml");
    std::fs::write(&path, yaml).unwrap();
    let mut command = Command::new(BINARY);
    command
        .args(arguments)
        .args(["--output", "json", "--config"])
        .arg(&path)
        .env_clear()
        .current_dir(folder.path());
    let output = tokio::task::spawn_blocking(move || command.output().unwrap());
    let output = output.await.unwrap();
    drop(folder);
    Ended {
        code: output.status.code(),
        json: serde_json::from_slice(&output.stdout).unwrap_or_default(),
        errors: String::from_utf8(output.stderr).unwrap(),
    }
}

fn sums(ended: &Ended) -> (u64, u64, usize) {
    let Some(groups) = ended.json["groups"].as_array() else {
        panic!("no report: {}", ended.errors);
    };
    let names: Vec<_> = groups
        .iter()
        .map(|g| g["group"].as_str().unwrap())
        .collect();
    assert_eq!(names, GROUPS);
    let sum = |name: &str| groups.iter().map(|g| g[name].as_u64().unwrap()).sum();
    let problems = ended.json["problems"].as_array().unwrap().len();
    (sum("copied"), sum("present"), problems)
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs gofakes3 and fake-gcs-server"]
async fn objects_are_copied_from_store_to_store_and_compared() {
    let s3 = ObjectServer::start(RemoteStore::S3).await.unwrap();
    let gcs = ObjectServer::start(RemoteStore::Gcs).await.unwrap();
    let disk = tempfile::tempdir().unwrap();
    let count = fill(disk.path());
    let all = u64::try_from(count).unwrap();
    let yaml = configuration(disk.path(), &s3.endpoint(), &gcs.endpoint());
    let copy = async |from: &str, to: &str, more: &[&str]| {
        let mut arguments = vec!["migrate", "copy", "--from", from, "--to", to];
        arguments.extend(more);
        run(&yaml, &arguments).await
    };
    let dry = copy("d", "s3", &["--dry-run"]).await;
    assert_eq!(
        (dry.code, sums(&dry)),
        (Some(0), (all, 0, 0)),
        "{}",
        dry.errors
    );
    let copied = copy("d", "s3", &[]).await;
    assert_eq!(
        (copied.code, sums(&copied)),
        (Some(0), (all, 0, 0)),
        "{} {}",
        copied.errors,
        copied.json["problems"]
    );
    let again = copy("d", "s3", &[]).await;
    assert_eq!((again.code, sums(&again)), (Some(0), (0, all, 0)));
    // On to another cloud, and compared with where it began.
    let on = copy("s3", "g", &[]).await;
    assert_eq!(
        (on.code, sums(&on)),
        (Some(0), (all, 0, 0)),
        "{}",
        on.errors
    );
    let compared = copy("d", "g", &["--verify", "--dry-run"]).await;
    assert_eq!((compared.code, sums(&compared)), (Some(0), (0, all, 0)));
    let configs = copy(
        "d",
        "s3",
        &["--kinds", "canary_config", "--since", "2999-01-01"],
    )
    .await;
    assert_eq!(configs.json["groups"].as_array().unwrap().len(), 1);
    assert_eq!(configs.json["groups"][0]["selected"], 0);
    println!("{count} objects of the reference copied from disk to S3 to Google Cloud Storage");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PostgreSQL and MariaDB"]
async fn objects_are_copied_through_databases_byte_for_byte() {
    let postgres = SqlServer::start(Product::Postgres).await.unwrap();
    let mariadb = SqlServer::start(Product::MariaDb).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (old, new) = (folder.path().join("old"), folder.path().join("new"));
    let all = u64::try_from(fill(&old)).unwrap();
    let yaml = format!(
        "kayenta:
  disk:
    enabled: true
    accounts:
      - {{name: old, path: {}}}
      - {{name: new, path: {}}}
  sql:
    enabled: true
    connectionPools:
      p: {{jdbcUrl: '{}'}}
      m: {{jdbcUrl: '{}'}}
    accounts:
      - {{name: p, connectionPool: p}}
      - {{name: m, connectionPool: m}}
",
        old.display(),
        new.display(),
        postgres.jdbc_url(),
        mariadb.jdbc_url()
    );
    for (from, to) in [("old", "p"), ("p", "m"), ("m", "new")] {
        let ended = run(&yaml, &["migrate", "copy", "--from", from, "--to", to]).await;
        assert_eq!(
            (ended.code, sums(&ended)),
            (Some(0), (all, 0, 0)),
            "{from} to {to}: {} {}",
            ended.errors,
            ended.json["problems"]
        );
    }
    let arguments = [
        "migrate", "copy", "--from", "old", "--to", "new", "--verify",
    ];
    let compared = run(&yaml, &arguments).await;
    assert_eq!((compared.code, sums(&compared)), (Some(0), (0, all, 0)));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_cannot_be_copied_from_or_to_is_named() {
    let disk = tempfile::tempdir().unwrap();
    fill(disk.path());
    let nowhere = "http://127.0.0.1:1";
    let yaml = configuration(disk.path(), nowhere, nowhere);
    for (from, to, words) in [
        ("d", "d", "the same account"),
        ("nobody", "d", "those that do: d, s3, g"),
        ("d", "nobody", "no account 'nobody'"),
        ("s3", "d", "cannot connect"),
    ] {
        let ended = run(&yaml, &["migrate", "copy", "--from", from, "--to", to]).await;
        assert_eq!(ended.code, Some(3), "{}", ended.errors);
        assert!(ended.errors.contains(words), "{}", ended.errors);
    }
}
