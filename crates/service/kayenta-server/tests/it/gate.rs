//! `kayenta analyze` against a running service: exit codes, reports, a restart in between.

use std::{
    path::Path,
    process::{Output, Stdio},
    time::Duration,
};

use kayenta_testkit::{FakePrometheus, Service, Signal, eventually, free_port};
use rustix::process::{Pid, kill_process};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::{Child, Command};

use crate::{
    requests::{Caller, config, metric},
    samples::{BINARY, embedded_service},
};

/// A service with two canary configs in files beside it: one whose canary is as good as its baseline,
/// and one of whose two groups is worse.
struct Stage {
    prometheus: FakePrometheus,
    service: Service,
    folder: TempDir,
}

impl Stage {
    async fn set() -> Self {
        let prometheus = FakePrometheus::start().await.unwrap();
        let service = embedded_service(&prometheus.base_url(), "").await;
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, config: &Value| {
            std::fs::write(folder.path().join(name), config.to_string()).unwrap();
        };
        let load = metric("load", "Load", r#"load{v="${scope}"}"#);
        let errors = metric("errors", "Errors", r#"errors{v="${scope}",kind="bad"}"#);
        let broken = metric("broken", "Load", r#"fail400{v="${scope}"}"#);
        let good = [load.clone()];
        let mixed = [load, errors];
        write("good.json", &config("good", &good, json!({"Load": 100})));
        write(
            "mixed.json",
            &config("mixed", &mixed, json!({"Load": 50, "Errors": 50})),
        );
        write(
            "broken.json",
            &json!({"canaryConfig": config("broken", &[broken], json!({"Load": 100}))}),
        );
        Self {
            prometheus,
            service,
            folder,
        }
    }

    fn file(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    fn gate(&self, arguments: &[&str]) -> Command {
        let mut command = gate(self.folder.path(), &self.service.base_url());
        command.args(arguments);
        command
    }

    /// The gate over a window in the past, judged twice.
    fn retrospective(&self, arguments: &[&str]) -> Command {
        let mut command = self.gate(&[
            "--control-scope",
            "baseline",
            "--experiment-scope",
            "canary",
            "--start",
            "2020-11-20T23:00:00Z",
            "--end",
            "2020-11-21T00:00:00Z",
            "--interval",
            "30",
            "--step",
            "60",
            "--poll",
            "0.05",
        ]);
        command.args(arguments);
        command
    }

    async fn run(&self, arguments: &[&str]) -> Output {
        self.retrospective(arguments).output().await.unwrap()
    }
}

fn gate(folder: &Path, url: &str) -> Command {
    let mut command = Command::new(BINARY);
    command
        .args(["analyze", "--url", url])
        .env_clear()
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

fn out(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn errors(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn exit_codes_tell_the_verdict() {
    let stage = Stage::set().await;
    let (good, mixed, broken) = (
        stage.file("good.json"),
        stage.file("mixed.json"),
        stage.file("broken.json"),
    );
    for (code, word, arguments) in [
        (0, "PASS", vec!["--config", &good]),
        // The mixed canary scores 50.
        (1, "FAIL", vec!["--config", &mixed]),
        (
            2,
            "MARGINAL",
            vec!["--config", &mixed, "--marginal", "10", "--pass", "95"],
        ),
        (
            0,
            "PASS",
            vec!["--config", &mixed, "--marginal", "10", "--pass", "50"],
        ),
        (3, "ERROR", vec!["--config", &broken]),
    ] {
        let output = stage.run(&arguments).await;
        let reported = format!("{arguments:?}: {}{}", out(&output), errors(&output));
        assert_eq!(output.status.code(), Some(code), "{reported}");
        assert!(out(&output).starts_with(word), "{reported}");
    }
    let failed = stage.run(&["--config", &mixed]).await;
    let reported = out(&failed);
    assert!(
        reported.contains("errors was classified as High"),
        "{reported}"
    );
    assert!(
        errors(&failed).contains("Run Canary #1: terminal"),
        "a log of stages: {}",
        errors(&failed)
    );
}

fn gate_of(stage: &Stage, url: &str, config: &str) -> Command {
    let mut command = gate(stage.folder.path(), url);
    command.args(["--config", config, "--canary", "c", "--baseline", "b"]);
    command.args(["--lifetime", "1h", "--patience", "1"]);
    command
}

#[tokio::test(flavor = "multi_thread")]
async fn what_keeps_it_from_a_verdict_is_an_error_and_never_marginal() {
    let stage = Stage::set().await;
    let good = stage.file("good.json");
    let absent = stage.file("absent.json");
    let nowhere = format!("http://127.0.0.1:{}", free_port().unwrap());
    let mut unreachable = gate(stage.folder.path(), &nowhere);
    unreachable.args(["--config", &good, "--patience", "1"]);
    let service = stage.service.base_url();
    let another_path = gate_of(&stage, &(service + "/elsewhere"), &good);
    let another_server = gate_of(&stage, &stage.prometheus.base_url(), &good);
    let nothing = gate_of(&stage, "", &good);
    for (mut command, part) in [
        (unreachable, "refused"),
        (stage.retrospective(&["--config", &absent]), "absent.json"),
        (stage.retrospective(&["--config-id", "none"]), "404"),
        (
            stage.retrospective(&["--config", &good, "--metrics-account", "none"]),
            "--metrics-account none: the service has no account of that name",
        ),
        // A gate that lets marginal pass must not let a typing error pass.
        (
            stage.retrospective(&["--config", &good, "--wiat"]),
            "--wiat",
        ),
        (stage.retrospective(&[]), "--config"),
        // What the service says, with the options of the command.
        (
            stage.gate(&[
                "--config",
                &good,
                "--baseline",
                "b",
                "--canary",
                "c",
                "--start",
                "today",
                "--end",
                "2020-11-21T00:00:00Z",
            ]),
            "(--start): 'today' is not a time; write it as 2026-01-31T12:00:00Z",
        ),
        (
            stage.gate(&["--watch", "nope"]),
            "there is no analysis with the id nope",
        ),
        (
            another_path,
            "404, there is no such path; is the URL right?",
        ),
        (another_server, "is not Kayenta's API"),
        (
            nothing,
            "the URL of the service is empty; set --url or KAYENTA_URL",
        ),
    ] {
        let output = command.output().await.unwrap();
        for word in [
            "invalid type",
            "expected struct",
            "StageExecution",
            "pipeline",
        ] {
            assert!(
                !errors(&output).contains(word),
                "{word}: {}",
                errors(&output)
            );
        }
        assert_eq!(output.status.code(), Some(3), "{part}: {}", errors(&output));
        assert!(
            errors(&output).contains(part),
            "{part}: {}",
            errors(&output)
        );
        assert_eq!(out(&output), "", "{part}");
    }
    let help = stage.gate(&["--help"]).output().await.unwrap();
    assert_eq!(help.status.code(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_canary_compared_with_itself_has_no_verdict() {
    let stage = Stage::set().await;
    let good = stage.file("good.json");
    let itself = [
        "--config",
        &good,
        "--baseline",
        "canary",
        "--canary",
        "canary",
        "--start",
        "2020-11-20T23:00:00Z",
        "--end",
        "2020-11-21T00:00:00Z",
        "--poll",
        "0.05",
    ];
    let output = stage.gate(&itself).output().await.unwrap();
    assert_eq!(output.status.code(), Some(3), "{}", out(&output));
    let text = out(&output);
    assert!(text.starts_with("ERROR  Nothing was compared"), "{text}");
    assert!(text.contains("the same query over the same time"), "{text}");
    let mut allowed = stage.gate(&itself);
    let allowed = allowed.arg("--allow-empty").output().await.unwrap();
    assert_eq!(allowed.status.code(), Some(0), "{}", out(&allowed));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_template_variable_without_a_value_stops_the_gate_before_it_waits() {
    let stage = Stage::set().await;
    let template = metric("zoned", "Load", r#"load{v="${scope}",zone="${zone}"}"#);
    let path = stage.file("zoned.json");
    let zoned = config("zoned", &[template], json!({"Load": 100}));
    std::fs::write(&path, zoned.to_string()).unwrap();
    let output = stage.run(&["--config", &path, "--output", "junit"]).await;
    assert_eq!(output.status.code(), Some(3), "{}", errors(&output));
    for text in [out(&output), errors(&output)] {
        assert!(text.contains("--param zone=VALUE"), "{text}");
    }
    assert!(out(&output).contains(r#"errors="1""#), "{}", out(&output));
    let caller = Caller::new(stage.service.base_url());
    let (_, running) = caller.get("/pipelines").await.unwrap();
    assert_eq!(running, json!([]), "nothing was started");
}

#[tokio::test(flavor = "multi_thread")]
async fn reports_come_in_three_more_forms() {
    let stage = Stage::set().await;
    let mixed = stage.file("mixed.json");
    let report = async |form: &str| {
        let output = stage.run(&["--config", &mixed, "--output", form]).await;
        assert_eq!(output.status.code(), Some(1), "{}", errors(&output));
        out(&output)
    };
    let json: Value = serde_json::from_str(&report("json").await).unwrap();
    assert_eq!(json["status"], "terminal");
    let id = json["pipelineId"].as_str().unwrap();
    let caller = Caller::new(stage.service.base_url());
    let (_, answer) = caller
        .get(&format!("/standalone_canary_analysis/{id}"))
        .await
        .unwrap();
    assert_eq!(json, answer, "the service's own answer");

    let junit = report("junit").await;
    assert!(junit.starts_with("<?xml"), "{junit}");
    for part in [
        r#"testcase name="verdict""#,
        r#"testcase name="load""#,
        r#"testcase name="errors""#,
        "errors was classified as High",
        r#"failures="2""#,
    ] {
        assert!(junit.contains(part), "no {part} in\n{junit}");
    }
    let markdown = report("markdown").await;
    let row = markdown
        .lines()
        .find(|line| line.starts_with("| errors |"))
        .unwrap_or_else(|| panic!("no row in\n{markdown}"));
    assert!(row.contains("High"), "{row}");
    let why = "errors: the canary is higher by";
    assert!(markdown.contains(&format!("\n* {why}")), "{markdown}");
    assert!(junit.contains(why), "{junit}");
    let text = report("text").await;
    assert!(text.contains(&format!("\n    {why}")), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gate_keeps_the_report_as_a_file_and_links_to_the_page_where_its_address_is_known() {
    let mut stage = Stage::set().await;
    let mixed = stage.file("mixed.json");
    let file = stage.file("report.html");
    let judged = [
        "--config", &mixed, "--output", "markdown", "--report", &file,
    ];
    let output = stage.run(&judged).await;
    assert_eq!(output.status.code(), Some(1), "{}", errors(&output));
    assert!(
        !out(&output).contains("See why"),
        "the address is not known: {}",
        out(&output)
    );
    let report = std::fs::read_to_string(&file).unwrap();
    for part in [
        "<!doctype html>",
        "errors: the canary is higher by",
        "run 1 of 1",
        "<svg",
    ] {
        assert!(report.contains(part), "no {part} in the report");
    }
    assert!(!report.contains("<script") && !report.contains("src=\"http"));

    let unwritable = stage.file("no/such/folder/report.html");
    let output = stage
        .run(&["--config", &mixed, "--report", &unwritable])
        .await;
    assert_eq!(output.status.code(), Some(3), "{}", errors(&output));
    assert!(
        errors(&output).contains("report.html"),
        "{}",
        errors(&output)
    );

    let public = "kayenta.ui.publicUrl: https://canary.example.com/kayenta/\n";
    stage.service = embedded_service(&stage.prometheus.base_url(), public).await;
    let output = stage
        .run(&["--config", &mixed, "--output", "markdown"])
        .await;
    assert_eq!(output.status.code(), Some(1), "{}", errors(&output));
    let progress = errors(&output);
    let id = progress
        .lines()
        .find_map(|line| line.strip_prefix("analysis "));
    let page = format!(
        "https://canary.example.com/kayenta/ui/analyses/{}",
        id.unwrap()
    );
    let link = format!("[See why]({page})");
    assert!(
        out(&output).contains(&link),
        "no {link} in {}",
        out(&output)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stored_config_is_named_and_a_started_analysis_watched() {
    let stage = Stage::set().await;
    let caller = Caller::new(stage.service.base_url());
    let good: Value =
        serde_json::from_slice(&std::fs::read(stage.file("good.json")).unwrap()).unwrap();
    let (_, stored) = caller.post("/canaryConfig", &good).await.unwrap();
    let config_id = stored["canaryConfigId"].as_str().unwrap();
    let started = stage.run(&["--config-id", config_id, "--detach"]).await;
    assert_eq!(started.status.code(), Some(0), "{}", errors(&started));
    let id = out(&started).trim().to_owned();
    let watched = stage
        .gate(&["--watch", &id, "--poll", "0.05"])
        .output()
        .await
        .unwrap();
    assert_eq!(watched.status.code(), Some(0), "{}", errors(&watched));
    assert!(out(&watched).starts_with("PASS"), "{}", out(&watched));
}

/// Starts a gate and returns once its analysis runs, with the analysis' id.
async fn under_way(stage: &Stage, caller: &Caller) -> (Child, String) {
    let good = stage.file("good.json");
    let child = stage.retrospective(&["--config", &good]).spawn().unwrap();
    let id = eventually("an analysis runs", Duration::from_secs(30), async || {
        let (_, running) = caller.get("/pipelines").await.unwrap();
        for id in running.as_array().into_iter().flatten() {
            let id = id.as_str().unwrap().to_owned();
            let path = format!("/standalone_canary_analysis/{id}");
            if let Ok((200, status)) = caller.get(&path).await
                && status["executionStatus"] == "RUNNING"
            {
                return Ok(id);
            }
        }
        Err(running)
    })
    .await;
    (child, id)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_of_the_server_is_ridden_out() {
    let mut stage = Stage::set().await;
    // Four answers of a second, two at a time and two runs: time to be killed in.
    stage.prometheus.delay_answers(Duration::from_secs(1));
    let caller = Caller::new(stage.service.base_url());
    let (child, id) = under_way(&stage, &caller).await;
    stage.service.kill().await.unwrap();
    // Long enough for the gate to be refused.
    tokio::time::sleep(Duration::from_millis(1500)).await;
    stage.service.restart().await.unwrap();
    let output = child.wait_with_output().await.unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", errors(&output));
    assert!(out(&output).starts_with("PASS"), "{}", out(&output));
    assert!(errors(&output).contains(&id), "{}", errors(&output));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_gate_takes_its_analysis_along() {
    let stage = Stage::set().await;
    stage.prometheus.delay_answers(Duration::from_secs(5));
    let caller = Caller::new(stage.service.base_url());
    let (child, id) = under_way(&stage, &caller).await;
    let pid = Pid::from_raw(i32::try_from(child.id().unwrap()).unwrap()).unwrap();
    kill_process(pid, Signal::TERM).unwrap();
    let output = child.wait_with_output().await.unwrap();
    assert_eq!(output.status.code(), Some(3), "{}", errors(&output));
    assert!(
        errors(&output).contains("was canceled"),
        "{}",
        errors(&output)
    );
    let path = format!("/standalone_canary_analysis/{id}");
    let answer = caller.complete(&path, Duration::from_secs(20)).await;
    assert_eq!(answer["executionStatus"], "CANCELED");
}

/// `script` of util-linux, which every Debian has, runs a command on a terminal.
#[tokio::test(flavor = "multi_thread")]
async fn the_verdict_is_coloured_on_a_terminal_and_nowhere_else() {
    let stage = Stage::set().await;
    let good = stage.file("good.json");
    let plain = stage.retrospective(&["--config", &good]);
    let words: Vec<String> = std::iter::once(plain.as_std().get_program())
        .chain(plain.as_std().get_args())
        .map(|word| format!("'{}'", word.to_str().unwrap()))
        .collect();
    for (environment, coloured) in [(None, true), (Some(("NO_COLOR", "1")), false)] {
        let mut on_terminal = Command::new("script");
        on_terminal
            .args([
                "--quiet",
                "--return",
                "--command",
                &words.join(" "),
                "/dev/null",
            ])
            .env_clear()
            .env("TERM", "xterm")
            .env("PATH", std::env::var("PATH").unwrap())
            .envs(environment)
            .current_dir(stage.folder.path())
            .stdin(Stdio::null())
            .kill_on_drop(true);
        let output = on_terminal.output().await.unwrap();
        let shown = out(&output);
        assert!(shown.contains("PASS"), "{shown}{}", errors(&output));
        assert_eq!(shown.contains("\u{1b}[1;32mPASS"), coloured, "{shown:?}");
    }
    let piped = stage.run(&["--config", &good]).await;
    assert!(out(&piped).starts_with("PASS") && !out(&piped).contains('\u{1b}'));
}
