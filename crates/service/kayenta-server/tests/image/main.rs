//! The container image, built and walked through as the reference deployment's guide walks it.
//!
//! No container engine is needed: the image is built as an OCI layout, its layer unpacked, and its
//! binary run as uid 10111 in a mount namespace with the root file system read-only. The guide's host
//! names lead to a real Redis, a real Prometheus and Azurite.
//!
//! Needs root (for the mounts and for port 443 on a loopback address).

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test that cannot go on should stop there"
)]

mod container;
mod surroundings;

use std::{fs, os::unix::fs::PermissionsExt, path::Path, time::Duration};

use serde_json::{Value, json};

use crate::{container::Container, surroundings::Surroundings};

fn repository() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../..")
        .canonicalize()
        .unwrap()
}

/// The guide's `/credentials`, its endpoint being the ConfigMap's.
fn credentials() -> Value {
    json!([
        {"name": "canary-prometheus", "supportedTypes": ["METRICS_STORE"], "locations": [], "recommendedLocations": [],
         "endpoint": {"baseUrl": "http://prometheus:9090"}, "type": "prometheus"},
        {"name": "canary-storage", "supportedTypes": ["OBJECT_STORE", "CONFIGURATION_STORE"], "locations": [],
         "recommendedLocations": [], "rootFolder": "kayenta", "type": "azure"}
    ])
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs root, Redis, Prometheus and Azurite"]
async fn the_guide_is_walked_to_its_end_in_the_image() {
    if !rustix::process::getuid().is_root() {
        panic!("this test mounts and binds port 443: run it as root");
    }
    let image = container::build(&repository());
    let size = fs::metadata(&image.archive).unwrap().len();
    println!(
        "image: {:.1} MiB compressed, unpacked {:.1} MiB",
        mib(size),
        mib(image.unpacked_size())
    );
    assert!(size < 40 << 20, "the image has {size} bytes");
    assert_eq!(image.config["config"]["User"], "10111:10111");
    assert_eq!(
        image.config["config"]["Cmd"],
        json!(["/opt/kayenta/bin/kayenta"])
    );
    let binary = image.root.join("opt/kayenta/bin/kayenta");
    assert!(fs::metadata(&binary).unwrap().permissions().mode() & 0o111 != 0);
    assert!(
        !image.root.join("bin/sh").exists(),
        "no shell is needed, none is there"
    );

    // What it is made of lies in it, what a debugger wants beside it.
    let materials = image.root.join("opt/kayenta/kayenta.cdx.json");
    let materials: Value = serde_json::from_slice(&fs::read(materials).unwrap()).unwrap();
    assert_eq!(materials["bomFormat"], "CycloneDX");
    let crates = materials["components"].as_array().unwrap();
    for name in ["axum", "redis", "kayenta-judge"] {
        assert!(crates.iter().any(|part| part["name"] == name), "{name}");
    }
    let symbols = image.archive.with_file_name("kayenta.debug");
    assert!(readelf(&["--sections"], &symbols).contains(".debug_line"));
    assert!(readelf(&["--string-dump=.gnu_debuglink"], &binary).contains("kayenta.debug"));
    assert!(!readelf(&["--sections"], &binary).contains(".debug_line"));

    let surroundings = Surroundings::start().await;
    let container = Container::start(&image, &surroundings, &repository()).await;
    let http = reqwest::Client::new();
    let get = |path: &str| {
        let request = http.get(format!("http://127.0.0.1:8090{path}"));
        async move {
            let answer = request.send().await.unwrap();
            (answer.status().as_u16(), answer.text().await.unwrap())
        }
    };

    // The probes.
    container
        .wait_until_healthy(&http, Duration::from_secs(30))
        .await;
    assert!(container.runs_kayenta_health(), "HEALTHCHECK's command");
    assert_eq!(container.user(), 10111);

    // The first operation the guide has one try, and Swagger.
    let (status, body) = get("/credentials").await;
    assert_eq!(status, 200);
    assert_eq!(serde_json::from_str::<Value>(&body).unwrap(), credentials());
    let (status, body) = get("/swagger-ui.html").await;
    assert_eq!(status, 200, "followed to the page");
    assert!(body.contains("swagger"), "{body}");

    // The sample request. Its times are no instants (`…09.3NZ`), which the reference refuses too.
    let mut sample: Value = serde_json::from_str(
        &fs::read_to_string(repository().join("testdata/samples/guide-request.json")).unwrap(),
    )
    .unwrap();
    let post = |path: &str, body: &Value| {
        let request = http.post(format!("http://127.0.0.1:8090{path}")).json(body);
        async move {
            let answer = request.send().await.unwrap();
            (
                answer.status().as_u16(),
                answer.json::<Value>().await.unwrap(),
            )
        }
    };
    let (status, answer) = post("/canary", &sample).await;
    assert_eq!(status, 400, "{answer}");
    let scopes = &mut sample["executionRequest"]["scopes"]["default"];
    for side in ["controlScope", "experimentScope"] {
        scopes[side]["start"] = json!("2020-11-20T21:01:09.300Z");
        scopes[side]["end"] = json!("2020-11-20T23:01:09.300Z");
    }
    let (status, answer) = post("/canary", &sample).await;
    assert_eq!(status, 200, "{answer}");
    let id = answer["canaryExecutionId"].as_str().unwrap().to_owned();
    let run = loop {
        let (status, body) = get(&format!("/canary/{id}")).await;
        assert_eq!(status, 200, "{body}");
        let run: Value = serde_json::from_str(&body).unwrap();
        if run["complete"] == true {
            break run;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    assert_eq!(run["status"], "succeeded", "{run}\n{}", container.log());
    assert_eq!(
        run["result"]["judgeResult"]["results"][0]["classification"], "Pass",
        "an empty Prometheus, and the sample replaces missing values by 0"
    );

    // What it stored, seen through the API and in the container of the storage account.
    let pairs = run["metricSetPairListId"].as_str().unwrap();
    assert_eq!(get(&format!("/metricSetPairList/{pairs}")).await.0, 200);
    let (_, archives) = get("/canaryResultArchive").await;
    assert!(archives.contains(&id), "{archives}");
    assert!(
        surroundings.redis_keys().await > 0,
        "queue and records are in Redis"
    );

    let ended = container.terminate(Duration::from_secs(20)).await;
    assert_eq!(ended, Some(0), "SIGTERM drains and ends with 0");
}

fn readelf(arguments: &[&str], file: &Path) -> String {
    let output = std::process::Command::new("readelf")
        .args(arguments)
        .arg(file)
        .output()
        .unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn mib(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}
