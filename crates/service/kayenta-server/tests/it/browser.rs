//! A real browser, driven by a script.

use std::{ffi::OsStr, path::Path, process::Stdio, time::Duration};

use kayenta_testkit::{Service, tools};
use serde_json::Value;

/// The package that drives the browser.
const PLAYWRIGHT: (&str, &str) = ("playwright-core", "1.55.0");

/// The browser, by the names distributions give it.
fn chromium() -> &'static str {
    [
        "/usr/bin/chromium",
        "/usr/bin/chromium-browser",
        "/usr/bin/google-chrome",
    ]
    .into_iter()
    .find(|path| Path::new(path).exists())
    .expect("no chromium: ./test installs it")
}

/// Where a package of npm is, installed if it was not.
pub(crate) async fn package((name, version): (&'static str, &'static str)) -> std::path::PathBuf {
    tokio::task::spawn_blocking(move || tools::npm_package(name, version))
        .await
        .unwrap()
        .unwrap()
}

/// Runs a script beside this file against the service; what it has seen.
pub(crate) async fn walk(
    script: &str,
    service: &Service,
    settings: &[(&str, &OsStr)],
    patience: Duration,
) -> Value {
    walk_at(script, &service.base_url(), settings, patience)
        .await
        .unwrap_or_else(|error| panic!("{error}\n{}", service.log()))
}

/// Runs a script beside this file against what serves at this address; what it has seen, or what it reports when it fails.
pub(crate) async fn walk_at(
    script: &str,
    base_url: &str,
    settings: &[(&str, &OsStr)],
    patience: Duration,
) -> Result<Value, String> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/it")
        .join(script);
    let browser = tokio::process::Command::new("node")
        .arg(script)
        .env("PLAYWRIGHT", package(PLAYWRIGHT).await)
        .env("CHROMIUM", chromium())
        .env("BASE_URL", base_url)
        .envs(settings.iter().copied())
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = tokio::time::timeout(patience, browser)
        .await
        .expect("the browser hangs")
        .unwrap();
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    Ok(serde_json::from_slice(&output.stdout).unwrap())
}
