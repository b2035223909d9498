//! The step of the GitHub action in `deploy/action`, as a runner starts it.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
};

use kayenta_testkit::FakePrometheus;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::Command;

use crate::{
    requests::{config, metric},
    samples::{BINARY, embedded_service},
};

/// What the step left: exit code, outputs, summary, and what it printed.
struct Ended {
    code: Option<i32>,
    outputs: String,
    summary: String,
    printed: String,
}

impl Ended {
    fn output(&self, name: &str) -> Option<&str> {
        let mut lines = self.outputs.lines();
        lines.find_map(|line| line.strip_prefix(name)?.strip_prefix('='))
    }
}

struct Runner {
    folder: TempDir,
    url: String,
}

impl Runner {
    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, content: &Value) -> String {
        std::fs::write(self.file(name), content.to_string()).unwrap();
        self.file(name).display().to_string()
    }

    async fn step(&self, inputs: &[(&str, &str)]) -> Ended {
        let action = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../deploy/action/gate");
        let binaries = Path::new(BINARY).parent().unwrap().display();
        let path = format!("{binaries}:{}", std::env::var("PATH").unwrap());
        for name in ["output", "summary"] {
            std::fs::write(self.file(name), "").unwrap();
        }
        let output = Command::new(action)
            .env("PATH", path)
            .env("GITHUB_OUTPUT", self.file("output"))
            .env("GITHUB_STEP_SUMMARY", self.file("summary"))
            .env("KAYENTA_URL", &self.url)
            .env("KAYENTA_TOKEN", "")
            .env("INPUT_BASELINE", "baseline")
            .env("INPUT_CANARY", "canary")
            .env("INPUT_APPLICATION", "shop")
            .env("INPUT_LIFETIME", "")
            .env("INPUT_PASS", "95")
            .env("INPUT_MARGINAL", "10")
            .env("INPUT_ALLOW_MARGINAL", "false")
            .env(
                "INPUT_ARGUMENTS",
                "--start\n2020-11-20T23:00:00Z\n--end\n2020-11-21T00:00:00Z\n",
            )
            .envs(inputs.iter().copied())
            .env_remove("http_proxy")
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .output()
            .await
            .unwrap();
        let read = |name: &str| std::fs::read_to_string(self.file(name)).unwrap();
        Ended {
            code: output.status.code(),
            outputs: read("output"),
            summary: read("summary"),
            printed: [output.stdout, output.stderr]
                .map(|bytes| String::from_utf8(bytes).unwrap())
                .concat(),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs curl and jq"]
async fn the_action_ends_by_the_verdict_and_writes_its_outputs_and_a_summary() {
    let prometheus = FakePrometheus::start().await.unwrap();
    let service = embedded_service(&prometheus.base_url(), "").await;
    let runner = Runner {
        folder: tempfile::tempdir().unwrap(),
        url: service.base_url(),
    };
    let load = metric("load", "Load", r#"load{v="${scope}"}"#);
    let errors = metric("errors", "Errors", r#"errors{v="${scope}",kind="bad"}"#);
    let good = config("good", std::slice::from_ref(&load), json!({"Load": 100}));
    let good = runner.write("good.json", &good);
    let mixed = config("mixed", &[load, errors], json!({"Load": 50, "Errors": 50}));
    let mixed = runner.write("mixed.json", &mixed);

    let ended = runner.step(&[("INPUT_CONFIG", &good)]).await;
    assert_eq!(ended.code, Some(0), "{}", ended.printed);
    assert_eq!(ended.output("verdict"), Some("pass"));
    // jq prints 100 or 100.0, by its version.
    let score = ended.output("score").map(str::parse);
    assert_eq!(score, Some(Ok(100.0)), "{}", ended.outputs);
    assert_eq!(ended.output("execution-id").unwrap().len(), 26);
    assert!(ended.summary.contains("load"), "{}", ended.summary);

    let ended = runner.step(&[("INPUT_CONFIG", &mixed)]).await;
    assert_eq!(ended.code, Some(2), "{}", ended.printed);
    assert_eq!(ended.output("verdict"), Some("marginal"));
    let inputs = [("INPUT_CONFIG", &*mixed), ("INPUT_ALLOW_MARGINAL", "true")];
    assert_eq!(runner.step(&inputs).await.code, Some(0));
    let inputs = [("INPUT_CONFIG", &*mixed), ("INPUT_MARGINAL", "75")];
    let ended = runner.step(&inputs).await;
    assert_eq!(
        (ended.code, ended.output("verdict")),
        (Some(1), Some("fail"))
    );

    // The binary from an archive of a release, and one that is another than was said.
    let archived = runner.file("kayenta.tar.gz");
    let made = Command::new("tar")
        .arg("-czf")
        .arg(&archived)
        .args(["--transform", "s|^|kayenta-1.2.3/|", "-C"])
        .arg(Path::new(BINARY).parent().unwrap())
        .arg("kayenta")
        .status()
        .await
        .unwrap();
    assert!(made.success());
    let sum = Command::new("sha256sum")
        .arg(&archived)
        .output()
        .await
        .unwrap();
    let sum = String::from_utf8(sum.stdout).unwrap();
    let url = format!("file://{}", archived.display());
    let fetched = [("INPUT_CONFIG", &*good), ("INPUT_BINARY_URL", &*url)];
    let with_sum = |sum| [fetched[0], fetched[1], ("INPUT_BINARY_SHA256", sum)];
    let ended = runner.step(&with_sum(&sum[..64])).await;
    assert_eq!(ended.code, Some(0), "{}", ended.printed);
    let ended = runner.step(&with_sum(&"0".repeat(64))).await;
    assert_eq!(ended.code, Some(3));
    assert!(
        ended.printed.contains("another SHA-256"),
        "{}",
        ended.printed
    );
    let ended = runner.step(&fetched).await;
    assert!(
        ended.printed.contains("without binary-sha256"),
        "{}",
        ended.printed
    );

    // No config, and no service.
    let ended = runner.step(&[]).await;
    assert_eq!(ended.code, Some(3));
    assert!(
        ended.printed.contains("set one of config and config-id"),
        "{}",
        ended.printed
    );
    let inputs = [
        ("INPUT_CONFIG", &*good),
        ("KAYENTA_URL", "http://127.0.0.1:1"),
        (
            "INPUT_ARGUMENTS",
            "--end\n2020-11-21T00:00:00Z\n--patience\n0\n",
        ),
    ];
    let ended = runner.step(&inputs).await;
    assert_eq!(ended.code, Some(3), "{}", ended.printed);
}
