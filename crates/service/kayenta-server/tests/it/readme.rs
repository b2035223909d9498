//! README.md, followed from a clean folder, twice.

use std::{path::Path, process::Stdio, time::Duration};

use kayenta_testkit::{
    ServiceBuilder,
    documents::{Page, repository},
    eventually, free_port,
};
use tokio::process::Command;

use crate::{demo::spawn, samples::BINARY};

/// The texts of the blocks of README.md in a language.
fn blocks(language: &str) -> Vec<String> {
    let blocks = Page::read(&repository().join("README.md")).blocks;
    let found = blocks
        .into_iter()
        .filter(|block| block.language == language);
    found.map(|block| block.text).collect()
}

/// The command of README.md that begins so, its lines joined and comments left out.
fn command(start: &str) -> Vec<String> {
    let scripts = blocks("sh").join("\n").replace("\\\n", " ");
    let line = scripts.lines().find(|line| line.starts_with(start));
    let line = line.unwrap_or_else(|| panic!("no command {start:?} in README.md"));
    let words = line.split(" #").next().unwrap_or(line).split_whitespace();
    words.map(str::to_owned).collect()
}

/// Runs it in the folder with more arguments; its code, and what it printed.
async fn run(folder: &Path, words: &[String], more: &[&str]) -> (Option<i32>, String) {
    let output = Command::new(BINARY)
        .args(&words[1..])
        .args(more)
        .env_clear()
        .env("HOME", folder)
        .current_dir(folder)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned()
        + &String::from_utf8_lossy(&output.stderr);
    (output.status.code(), text)
}

async fn follow(folder: &Path) {
    // The demo, twice in one folder; the second goes on serving.
    let demo = command("cargo run --bin kayenta -- demo");
    let demo = demo[demo.iter().position(|word| word == "--").unwrap()..].to_vec();
    let port = free_port().unwrap();
    let once = ["--port", &port.to_string(), "--exit"];
    let (code, shown) = run(folder, &demo, &once).await;
    assert_eq!(code, Some(0), "{shown}");
    assert!(shown.contains("Verdict: FAIL"), "{shown}");
    let _demo = spawn(&demo[1..], folder, port);
    let url = format!("http://localhost:{port}");
    eventually("the demo serves", Duration::from_secs(60), async || {
        let listed = reqwest::get(format!("{url}/canaryConfig")).await;
        let status = listed.map(|answer| answer.status().as_u16());
        (matches!(status, Ok(200))).then_some(()).ok_or(status)
    })
    .await;

    // The first canary, on the demo.
    let config = &blocks("json canary-config")[0];
    std::fs::write(folder.join("canary-config.json"), config).unwrap();
    let analyze = command("kayenta analyze --config");
    let (code, shown) = run(folder, &analyze, &["--url", &url]).await;
    assert_eq!(code, Some(1), "{shown}");
    assert!(shown.starts_with("FAIL"), "{shown}");
    assert!(shown.contains("latency p99"), "{shown}");

    // A configuration of one's own, written by hand and by the program.
    std::fs::write(folder.join("kayenta.yml"), &blocks("yaml")[0]).unwrap();
    let (code, shown) = run(folder, &command("kayenta check-config"), &[]).await;
    assert_eq!(code, Some(0), "{shown}");
    assert!(shown.contains("0 errors"), "{shown}");
    let serve = command("kayenta serve");
    assert_eq!(serve[1..], ["serve", "--config", "kayenta.yml"]);
    let service = ServiceBuilder::new(BINARY)
        .config(&blocks("yaml")[0])
        .start()
        .await
        .unwrap();
    let accounts = reqwest::get(service.base_url() + "/credentials").await;
    let accounts = accounts.unwrap().text().await.unwrap();
    assert!(accounts.contains("my-prometheus") && accounts.contains("my-objects"));

    let init = ["kayenta", "init", "--prometheus", "http://localhost:9090"];
    let readme = std::fs::read_to_string(repository().join("README.md"));
    assert!(readme.unwrap().contains(&init.join(" ")));
    let elsewhere = folder.join("init");
    std::fs::create_dir(&elsewhere).unwrap();
    let (code, shown) = run(&elsewhere, &init.map(str::to_owned), &[]).await;
    assert_eq!(code, Some(0), "{shown}");
    let written = elsewhere.join("kayenta.yml");
    let check = ["kayenta", "check-config", written.to_str().unwrap()];
    let (code, shown) = run(&elsewhere, &check.map(str::to_owned), &[]).await;
    assert_eq!(code, Some(0), "{shown}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_readme_can_be_followed_from_a_clean_folder_any_number_of_times() {
    for _ in 0..2 {
        let folder = tempfile::tempdir().unwrap();
        follow(folder.path()).await;
    }
}
