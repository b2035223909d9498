//! A running demo.

use std::{path::Path, process::Stdio, time::Duration};

use kayenta_testkit::{eventually, free_port};
use serde_json::Value;
use tokio::process::{Child, Command};

use crate::samples::BINARY;

/// A demo in a folder at a port, which serves until it is dropped.
pub(crate) fn spawn(arguments: &[impl AsRef<std::ffi::OsStr>], folder: &Path, port: u16) -> Child {
    Command::new(BINARY)
        .args(arguments)
        .args(["--port", &port.to_string()])
        .env_clear()
        .env("HOME", folder)
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap()
}

/// A running `kayenta demo` whose analysis has ended.
pub(crate) struct Demo {
    pub(crate) base_url: String,
    pub(crate) http: reqwest::Client,
    _child: Child,
    _folder: tempfile::TempDir,
}

impl Demo {
    pub(crate) async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let port = free_port().unwrap();
        let demo = Self {
            base_url: format!("http://127.0.0.1:{port}"),
            http: reqwest::Client::builder().no_proxy().build().unwrap(),
            _child: spawn(&["demo"], folder.path(), port),
            _folder: folder,
        };
        eventually(
            "the analysis of the demo ends",
            Duration::from_secs(60),
            async || match demo
                .http
                .get(demo.url("/executions?kinds=analysis"))
                .send()
                .await
            {
                Ok(answer) if answer.status() == 200 => {
                    let listed: Value = answer.json().await.unwrap();
                    let ended = listed["executions"][0]["status"] == "SUCCEEDED";
                    ended.then_some(()).ok_or(Ok(listed))
                }
                other => Err(Err(other)),
            },
        )
        .await;
        demo
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base_url)
    }

    pub(crate) async fn get(&self, path: &str) -> Value {
        let answer = self.http.get(self.url(path)).send().await.unwrap();
        assert_eq!(answer.status(), 200, "{path}");
        answer.json().await.unwrap()
    }
}
