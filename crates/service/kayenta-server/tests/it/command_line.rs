//! The sub-commands.

use std::{
    io::Write,
    process::{Command, Output, Stdio},
};

use kayenta_testkit::{ServiceBuilder, free_port};
use serde_json::{Value, json};

use crate::samples::BINARY;

fn kayenta(arguments: &[&str], input: &str) -> Output {
    let folder = tempfile::tempdir().unwrap();
    let mut child = Command::new(BINARY)
        .args(arguments)
        .env_clear()
        .env("HOME", folder.path())
        .current_dir(folder.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(input.as_bytes())
        .unwrap();
    child.wait_with_output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

pub(crate) fn judge_line(id: &str, experiment: &[f64]) -> String {
    json!({
        "id": id,
        "canaryConfig": {
            "name": "c",
            "judge": {"name": "NetflixACAJudge-v1.0", "judgeConfigurations": {}},
            "metrics": [{"name": "latency", "groups": ["app"],
                "analysisConfigurations": {"canary": {"direction": "increase"}}}],
            "classifier": {"groupWeights": {"app": 100}},
        },
        "thresholds": {"pass": 75, "marginal": 50},
        "metricSetPairList": [{"name": "latency", "id": "1", "tags": {},
            "values": {"control": [1.0, 1.2, 1.1, 1.3, 1.05, 1.15], "experiment": experiment}}],
    })
    .to_string()
}

#[test]
fn judge_answers_line_by_line_and_goes_on_after_a_broken_one() {
    let good = judge_line("good", &[1.0, 1.25, 1.1, 1.2, 1.1, 1.15]);
    let bad = judge_line("bad", &[9.0, 9.5, 9.1, 9.2, 9.3, 9.4]);
    let output = kayenta(&["judge"], &format!("{good}\nno json\n\n{bad}\n"));
    assert_eq!(output.status.code(), Some(1));
    let answers: Vec<Value> = text(&output.stdout)
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(answers.len(), 3, "{answers:?}");
    assert_eq!(answers[0]["id"], json!("good"));
    assert_eq!(answers[0]["result"]["score"]["score"], json!(100.0));
    assert!(answers[1]["error"].is_string(), "{}", answers[1]);
    assert_eq!(answers[2]["result"]["score"]["score"], json!(0.0));
    assert!(
        text(&output.stderr).contains("1 of 3 lines"),
        "{}",
        text(&output.stderr)
    );
}

#[test]
fn judge_reads_a_file_and_tells_which_it_cannot() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("lines");
    std::fs::write(&path, judge_line("one", &[1.0, 1.2, 1.1])).unwrap();
    let output = kayenta(&["judge", path.to_str().unwrap()], "");
    assert!(output.status.success(), "{}", text(&output.stderr));
    let output = kayenta(&["judge", "/nonexistent/lines"], "");
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("/nonexistent/lines"));
}

#[test]
fn judge_writes_a_report_with_an_index_and_a_section_for_every_line() {
    let folder = tempfile::tempdir().unwrap();
    let report = folder.path().join("report.html");
    let good = judge_line("good", &[1.0, 1.25, 1.1, 1.2, 1.1, 1.15]);
    let bad = judge_line("<bad>", &[9.0, 9.5, 9.1, 9.2, 9.3, 9.4]);
    let input = format!("{good}\nno json\n{bad}\n");
    let plain = kayenta(&["judge"], &input);
    let output = kayenta(&["judge", "--report", report.to_str().unwrap()], &input);
    assert_eq!(
        text(&output.stdout),
        text(&plain.stdout),
        "the answers stay"
    );
    let html = std::fs::read_to_string(&report).unwrap();
    assert!(html.starts_with("<!doctype html>") && html.ends_with("</html>\n"));
    for part in [
        "<a href=\"#r1\">good</a>",
        "<a href=\"#r2\">line 2</a>",
        "&#60;bad&#62;</a>",
        "Pass: 100 of 100",
        "Fail: 0 of 100",
        "line 2 is not a valid request",
    ] {
        assert!(html.contains(part), "no {part:?} in {html}");
    }
    let sections = ["id=\"index\"", "id=\"r1\"", "id=\"r2\"", "id=\"r3\""];
    let places: Vec<_> = sections
        .map(|section| html.find(section))
        .into_iter()
        .collect();
    assert!(places.is_sorted() && places[0].is_some(), "{places:?}");
    let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().collect();
    assert_eq!(left.len(), 1, "nothing else stays: {left:?}");

    let nowhere = kayenta(&["judge", "--report", "/nonexistent/report.html"], &good);
    assert_eq!(nowhere.status.code(), Some(1));
    let said = text(&nowhere.stderr);
    assert!(
        said.contains("cannot write /nonexistent/report.html"),
        "{said}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn health_exits_by_the_answer() {
    let service = ServiceBuilder::new(BINARY).start().await.unwrap();
    let url = format!("{}/health", service.base_url());
    let output = kayenta(&["health", "--url", &url], "");
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(text(&output.stdout).contains("\"UP\""));
    let nowhere = format!("http://127.0.0.1:{}/health", free_port().unwrap());
    let output = kayenta(&["health", "--url", &nowhere], "");
    assert_eq!(output.status.code(), Some(1));
    assert!(
        text(&output.stderr).contains("does not answer"),
        "{}",
        text(&output.stderr)
    );
}

#[test]
fn demo_reaches_the_verdict_and_ends() {
    let port = free_port().unwrap().to_string();
    let output = kayenta(&["demo", "--exit", "--port", &port], "");
    let reported = text(&output.stdout);
    assert!(
        output.status.success(),
        "{reported}{}",
        text(&output.stderr)
    );
    for part in [
        "Verdict: FAIL",
        "error rate was classified as High",
        "latency p99 was classified as High",
        "Saturation  100.0",
        "run 3 of 3",
    ] {
        assert!(reported.contains(part), "no {part:?} in\n{reported}");
    }
}

#[test]
fn a_demo_can_be_run_again_on_the_data_of_the_last() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().to_str().unwrap();
    for _ in 0..2 {
        let port = free_port().unwrap().to_string();
        let arguments = ["demo", "--exit", "--port", &port, "--data-dir", data];
        let output = kayenta(&arguments, "");
        assert!(output.status.success(), "{}", text(&output.stderr));
        let shown = text(&output.stdout);
        assert!(shown.contains("Verdict: FAIL"), "{shown}");
    }
}

#[test]
fn mistyped_commands_and_options_do_not_start_a_server() {
    for (arguments, code, part) in [
        (&["analyse", "--url", "x"][..], 3, "did you mean 'analyze'?"),
        (&["check-confg"], 2, "did you mean 'check-config'?"),
        (&["--prot", "1"], 2, "did you mean '--port 1'?"),
        (&["serve", "--confg", "x"], 2, "did you mean '--config x'?"),
        (&["--prot=1"], 2, "did you mean '--port=1'?"),
        (&["serve", "-port=1"], 2, "did you mean '--port=1'?"),
        (&["--datadir=x"], 2, "did you mean '--data-dir=x'?"),
        (&["--hepl"], 2, "did you mean '--help'?"),
        (&["-v"], 2, "did you mean '--version'?"),
        (&["kayenta.yml"], 2, "'serve --config kayenta.yml'?"),
        (&["run"], 2, "the commands are serve, demo"),
        (&["demo", "--prot", "1"], 2, "'--port'"),
        (&["retention", "aply"], 2, "'apply'"),
    ] {
        let output = kayenta(arguments, "");
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
        assert!(said.contains(part), "{arguments:?}: {said}");
    }
}

#[test]
fn lint_names_fields_and_its_exit_code_says_whether_there_are_errors() {
    let good = json!({
        "metrics": [{"name": "m", "groups": ["g"], "scopeName": "default",
            "query": {"type": "prometheus", "customInlineTemplate": "PromQL:up{v=\"${scope}\"}"}}],
        "classifier": {"groupWeights": {"g": 100}}
    });
    let mut warned = good.clone();
    warned["metrics"][0]["query"]["metricname"] = json!("x");
    let mut wrong = good.clone();
    wrong["metrics"][0]["analysisConfigurations"] = json!({"canary": {"critical": "true"}});
    for (document, options, code, part) in [
        (good.to_string(), &[][..], 0, "-: errors: 0, warnings: 0"),
        (
            warned.to_string(),
            &[],
            0,
            "-: metrics[0].query.metricname: warning: has no effect",
        ),
        (
            warned.to_string(),
            &["--deny-warnings"],
            1,
            "did you mean 'metricName'?",
        ),
        (
            json!({"canaryConfig": wrong}).to_string(),
            &[],
            1,
            "-: canaryConfig.metrics[0].analysisConfigurations.canary.critical: error: ",
        ),
        (
            wrong.to_string(),
            &["--output", "json"],
            1,
            "\"level\": \"error\"",
        ),
        (
            good.to_string(),
            &["--to-store"],
            1,
            "-: name: error: a stored config needs a name",
        ),
        ("{".to_owned(), &[], 2, "-: error: "),
    ] {
        let output = kayenta(&[&["lint", "-"], options].concat(), &document);
        let said = text(&output.stdout);
        assert_eq!(
            output.status.code(),
            Some(code),
            "{options:?} {document}: {said}"
        );
        assert!(said.contains(part), "{part}: {said}");
    }
    let output = kayenta(&["lint", "kayenta.yml"], "");
    assert!(text(&output.stdout).contains("kayenta check-config kayenta.yml"));
}

/// Java ignores it as silently as it sets it.
#[tokio::test(flavor = "multi_thread")]
async fn an_option_without_a_value_is_named_in_the_log_and_those_of_java_work() {
    let service = ServiceBuilder::new(BINARY)
        .argument("--kayenta.prometheus.enabled")
        .argument("-Xmx512m")
        .argument("--swagger.enabled=false")
        .start()
        .await
        .unwrap();
    let log = service.log();
    assert!(
        log.contains("'--kayenta.prometheus.enabled' has no value and sets an empty property"),
        "{log}"
    );
    assert!(!log.contains("Xmx512m'"), "{log}");
    let document = reqwest::get(service.base_url() + "/v3/api-docs").await;
    assert_eq!(document.unwrap().status(), 404);
}

#[test]
fn demo_says_when_the_port_is_taken() {
    let taken = std::net::TcpListener::bind("[::]:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let output = kayenta(&["demo", "--exit", "--port", &port], "");
    assert_eq!(output.status.code(), Some(1));
    let reported = text(&output.stderr);
    assert!(
        reported.contains(&format!("Port {port} was already in use.")),
        "{reported}"
    );
}

#[test]
fn check_config_names_the_line_and_masks_secrets() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("kayenta.yml");
    std::fs::write(
        &path,
        "kayenta:\n  metrics:\n    retry:\n      attempts: many\n",
    )
    .unwrap();
    let output = kayenta(&["check-config", path.to_str().unwrap()], "");
    assert_eq!(output.status.code(), Some(1));
    assert!(
        text(&output.stderr).contains("kayenta.yml:4:"),
        "{}",
        text(&output.stderr)
    );

    let key = "c2VjcmV0LXZlcnktc2VjcmV0";
    let good = format!(
        "kayenta:\n  azure:\n    enabled: true\n    accounts:\n      - name: a\n        \
         storageAccountName: s\n        accountAccessKey: {key}\n        container: c\n        \
         rootFolder: r\n        supportedTypes: [OBJECT_STORE]\n  blobs:\n    enabled: true\n"
    );
    std::fs::write(&path, good).unwrap();
    let output = kayenta(&["check-config", path.to_str().unwrap()], "");
    let reported = text(&output.stdout) + &text(&output.stderr);
    assert!(output.status.success(), "{reported}");
    assert!(reported.contains("accounts[0].name = a"), "{reported}");
    assert!(!reported.contains(key), "a secret is shown");
}

#[test]
fn check_config_counts_every_warning_it_prints_and_takes_files_by_option_too() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("kayenta.yml");
    std::fs::write(
        &path,
        "kayenta.s3.enabled: true\nkayenta.aws: {enabled: true, accounts: [{name: a, bucket: b, \
         supportedTypes: [OBJECT_STORE]}]}\n",
    )
    .unwrap();
    let path = path.to_str().unwrap();
    let output = kayenta(&["check-config", "--quiet", "--config", path], "");
    let printed = text(&output.stderr);
    let warnings = printed.lines().filter(|line| line.starts_with("warning: "));
    let counted = format!(
        "0 errors, {} warnings, 0 accounts left out\n",
        warnings.count()
    );
    assert!(
        printed.contains("warning: AWS account a: no region"),
        "{printed}"
    );
    assert!(printed.ends_with(&counted), "{printed}");
    let positional = kayenta(&["check-config", "--quiet", path], "");
    assert_eq!(text(&positional.stderr), printed);
}

#[test]
fn help_and_version_are_reported() {
    let output = kayenta(&["--help"], "");
    for command in [
        "serve",
        "demo",
        "judge",
        "analyze",
        "health",
        "check-config",
    ] {
        assert!(
            text(&output.stdout).contains(command),
            "{}",
            text(&output.stdout)
        );
    }
    assert!(text(&kayenta(&["--version"], "").stdout).starts_with("kayenta "));
}

#[test]
fn init_writes_a_file_that_is_right_and_never_overwrites_one() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("mine.yml");
    let file = file.to_str().unwrap();
    let arguments = ["init", file, "--prometheus", "http://prometheus:9090"];
    let output = kayenta(&arguments, "");
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(text(&output.stdout).contains("kayenta serve --config"));
    let checked = kayenta(&["check-config", "--quiet", file], "");
    let said = text(&checked.stderr);
    assert_eq!(checked.status.code(), Some(0), "{said}");
    assert!(
        !said.contains("note:") && !said.contains("unknown"),
        "{said}"
    );
    let again = kayenta(&arguments, "");
    assert_eq!(again.status.code(), Some(1));
    assert!(
        text(&again.stderr).contains("exists and is not overwritten; name another file"),
        "{}",
        text(&again.stderr)
    );
    for wrong in [
        &["init"][..],
        &["init", "x.yml", "--prometheus", "prometheus:9090"],
    ] {
        let output = kayenta(wrong, "");
        assert_eq!(output.status.code(), Some(1), "{}", text(&output.stdout));
        let said = text(&output.stderr);
        assert!(said.contains("--prometheus http://"), "{said}");
    }
}

#[test]
fn shells_and_manual_pages_know_every_command() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let output = kayenta(&["completions", shell], "");
        assert!(text(&output.stdout).contains("check-config"), "{shell}");
    }
    assert!(text(&kayenta(&["man"], "").stdout).contains(".TH kayenta"));
    let folder = tempfile::tempdir().unwrap();
    let output = kayenta(&["man", "--dir", folder.path().to_str().unwrap()], "");
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(folder.path().join("kayenta-analyze.1").exists());
}

#[test]
fn the_version_names_commit_and_day() {
    let version = text(&kayenta(&["--version"], "").stdout);
    let (_, build) = version.trim().split_once('(').unwrap();
    let (commit, day) = build.trim_end_matches(')').split_once(", ").unwrap();
    assert!(!commit.is_empty(), "{version}");
    assert_eq!(day.len(), "2026-01-01".len(), "{version}");
}
