//! What `deploy/compose` starts, without a container engine: three replicas with its very
//! configuration, Redis, Azurite and Prometheus under its names' ports, and nginx with its balancer
//! configuration in front.

use std::{path::Path, process::Stdio, time::Duration};

use kayenta_testkit::{
    BucketServer, PrometheusServer, Service, ServiceBuilder,
    azurite::{ACCOUNT_KEY, Azurite},
    bucket_servers::{ACCESS_KEY, SECRET_KEY},
    eventually, free_port,
    redis_server::{RedisOptions, RedisServer},
};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::{Child, Command};

use crate::{
    requests::{Caller, canary_score, config, metric},
    samples::{BINARY, testdata},
};

fn deploy(path: &str) -> String {
    std::fs::read_to_string(testdata("../deploy").join(path)).unwrap()
}

/// `text` with each of the compose file's names in the place of which a local address is used.
fn with(text: &str, names: &[(&str, &str)]) -> String {
    names.iter().fold(text.to_owned(), |text, (name, address)| {
        assert!(text.contains(name), "no {name} in\n{text}");
        text.replace(name, address)
    })
}

/// nginx with `deploy/compose/balancer.conf`, the name `kayenta` being an upstream of the replicas.
struct Balancer {
    port: u16,
    _child: Child,
    _folder: TempDir,
}

impl Balancer {
    async fn start(replicas: &[Service]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let port = free_port().unwrap();
        let server = with(
            &deploy("compose/balancer.conf"),
            &[
                ("listen 8090;", &format!("listen 127.0.0.1:{port};")),
                // Docker's resolver; here the name is known without one.
                ("  resolver 127.0.0.11 valid=5s;\n", ""),
                ("http://kayenta:8090", "http://kayenta"),
            ],
        );
        std::fs::write(folder.path().join("balancer.conf"), server).unwrap();
        let upstream: String = replicas
            .iter()
            .map(|replica| {
                let address = replica.base_url().replace("http://", "");
                format!("    server {address};\n")
            })
            .collect();
        let here = folder.path().display();
        let frame = format!(
            "daemon off;\nmaster_process off;\nerror_log {here}/error.log;\npid {here}/pid;\n\
             events {{}}\nhttp {{\n  access_log off;\n  client_body_temp_path {here}/body;\n  \
             proxy_temp_path {here}/proxy;\n  fastcgi_temp_path {here}/f;\n  \
             uwsgi_temp_path {here}/u;\n  scgi_temp_path {here}/s;\n  \
             upstream kayenta {{\n{upstream}  }}\n  include {here}/balancer.conf;\n}}\n"
        );
        let path = folder.path().join("nginx.conf");
        std::fs::write(&path, frame).unwrap();
        let child = Command::new("nginx")
            .arg("-c")
            .arg(&path)
            .arg("-e")
            .arg(folder.path().join("start.log"))
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("cannot start `nginx`; ./test installs Debian's nginx-light");
        let balancer = Self {
            port,
            _child: child,
            _folder: folder,
        };
        balancer.wait().await;
        balancer
    }

    fn base_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    async fn wait(&self) {
        let caller = Caller::new(self.base_url());
        eventually(
            "nginx answers",
            Duration::from_secs(10),
            async || match caller.get("/health").await {
                Ok((200, _)) => Ok(()),
                other => Err((other, log(self._folder.path()))),
            },
        )
        .await;
    }
}

fn log(folder: &Path) -> String {
    ["start.log", "error.log"]
        .iter()
        .map(|name| std::fs::read_to_string(folder.join(name)).unwrap_or_default())
        .collect()
}

/// The canary of the compose file's own Prometheus: it scrapes nothing here, so that missing values are
/// what is judged.
fn body() -> Value {
    let mut errors = metric("errors", "Errors", r#"errors{version="${scope}"}"#);
    errors["analysisConfigurations"]["canary"]["nanStrategy"] = json!("replace");
    let side = |scope: &str| json!({"scope": scope, "start": "2020-11-20T21:00:00Z", "end": "2020-11-20T22:00:00Z", "step": 60});
    json!({
        "canaryConfig": config("compose", &[errors], json!({"Errors": 100})),
        "executionRequest": {
            "scopes": {"default": {"controlScope": side("1"), "experimentScope": side("2")}},
            "thresholds": {"pass": 95, "marginal": 75},
        },
    })
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Azurite, Redis, Prometheus and nginx"]
async fn three_replicas_behind_the_balancer_share_the_work_and_outlive_one() {
    let azurite = Azurite::start().await.unwrap();
    // The compose file itself holds the emulator's well-known key.
    assert!(deploy("compose/compose.yaml").contains(ACCOUNT_KEY));
    let settings = with(
        &deploy("compose/kayenta.yml"),
        &[("http://azurite:10000/devstoreaccount1", &azurite.endpoint())],
    );
    share_the_work_and_outlive_one(&settings, &[("AZURE_STORAGEKEY", ACCOUNT_KEY)]).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs versitygw, Redis, Prometheus and nginx"]
async fn three_replicas_on_s3_behind_the_balancer_share_the_work_and_outlive_one() {
    let server = BucketServer::versitygw().await.unwrap();
    let settings = with(
        &deploy("compose/s3/kayenta.yml"),
        &[("http://s3:7070", &server.endpoint())],
    );
    let environment = [
        ("AWS_ACCESS_KEY_ID", ACCESS_KEY),
        ("AWS_SECRET_ACCESS_KEY", SECRET_KEY),
    ];
    for (name, _) in environment {
        assert!(deploy("compose/s3/compose.yaml").contains(name));
    }
    share_the_work_and_outlive_one(&settings, &environment).await;
}

async fn share_the_work_and_outlive_one(settings: &str, environment: &[(&str, &str)]) {
    let redis = RedisServer::start_with(RedisOptions {
        append_only: true,
        ..RedisOptions::default()
    })
    .await
    .unwrap();
    let prometheus = PrometheusServer::start(&[]).await.unwrap();
    let settings = with(
        settings,
        &[
            ("redis://redis:6379", &redis.url()),
            ("http://prometheus:9090", &prometheus.base_url()),
        ],
    );
    let mut replicas = Vec::new();
    for _ in 0..3 {
        let replica = ServiceBuilder::new(BINARY)
            .config(settings.clone())
            .environment("JAVA_OPTS", "-Dlogging.level.root=INFO");
        let replica = environment.iter().fold(replica, |replica, (name, value)| {
            replica.environment(*name, *value)
        });
        replicas.push(replica.start().await.unwrap());
    }
    let balancer = Balancer::start(&replicas).await;
    let caller = Caller::new(balancer.base_url());

    let mut ids = Vec::new();
    for _ in 0..12 {
        ids.push(caller.start("/canary", &body()).await.unwrap());
    }
    // A replica goes away in the middle; its runs go on elsewhere.
    replicas.remove(0).kill().await.unwrap();
    for _ in 0..6 {
        ids.push(caller.start("/canary", &body()).await.unwrap());
    }
    for id in &ids {
        let path = format!("/canary/{id}");
        let answer = caller.complete(&path, Duration::from_secs(60)).await;
        assert_eq!(answer["status"], "succeeded", "{answer}");
        assert_eq!(*canary_score(&answer), json!(100.0), "{answer}");
    }
    // Any replica tells of any run, and of the archive.
    for replica in &replicas {
        let direct = Caller::new(replica.base_url());
        for id in &ids {
            let (status, _) = direct.get(&format!("/canary/{id}")).await.unwrap();
            assert_eq!(status, 200);
        }
        // A run reads complete a moment before its archive is there.
        eventually("all are archived", Duration::from_secs(30), async || {
            let (_, archives) = direct.get("/canaryResultArchive").await.unwrap();
            let archived = archives.as_array().unwrap().len();
            (archived == ids.len()).then_some(()).ok_or(archived)
        })
        .await;
    }
    println!(
        "{} runs through the balancer, one of three replicas killed",
        ids.len()
    );
}
