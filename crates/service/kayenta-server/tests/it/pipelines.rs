//! The pipelines of `deploy/examples`, run as their systems run them: the scripts are taken from the files, and what a
//! system does around them is done here. Nothing in them is replaced; their variables name the service, the binary and
//! the scopes, as a user sets them.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::{Output, Stdio},
};

use futures::future::join_all;
use kayenta_testkit::{FakePrometheus, documents::repository, free_port, tools};
use regex::Regex;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::Command;

use crate::{
    requests::{config, metric},
    samples::{BINARY, embedded_service},
};

/// What the pipeline makes of the gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    GoesOn,
    /// The job is marked, and the pipeline goes on: *allowed to fail*, *unstable*.
    Warns,
    Stops,
}

use Verdict::{GoesOn, Stops, Warns};

/// The systems with an example each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum System {
    GitHub,
    GitLab,
    Azure,
    Jenkins,
}

const SYSTEMS: [System; 4] = [
    System::GitHub,
    System::GitLab,
    System::Azure,
    System::Jenkins,
];

impl System {
    fn file(self) -> PathBuf {
        repository().join("deploy/examples").join(match self {
            Self::GitHub => "github-actions/canary.yml",
            Self::GitLab => "gitlab/.gitlab-ci.yml",
            Self::Azure => "azure-devops/azure-pipelines.yml",
            Self::Jenkins => "jenkins/Jenkinsfile",
        })
    }

    fn text(self) -> String {
        std::fs::read_to_string(self.file()).unwrap()
    }

    /// The file as JSON, by a reader of YAML that all the systems agree with.
    async fn document(self) -> Value {
        let install = || tools::python_packages("pyyaml", &["PyYAML==6.0.3"]).unwrap();
        let programs = tokio::task::spawn_blocking(install).await.unwrap();
        // `on:` is a name, not a switch, for GitHub.
        let program = "import json, sys, yaml; d = yaml.safe_load(open(sys.argv[1])); \
                       print(json.dumps({'on' if k is True else k: v for k, v in d.items()}))";
        let output = Command::new(programs.join("python"))
            .args(["-c", program])
            .arg(self.file())
            .output()
            .await
            .unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        serde_json::from_slice(&output.stdout).unwrap()
    }
}

/// The workspace of one build.
struct Build {
    folder: TempDir,
    variables: BTreeMap<String, String>,
    log: String,
    /// Folders that a step put before the path.
    path: Vec<String>,
}

impl Build {
    fn new(config: &Value, variables: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("deploy")).unwrap();
        let file = folder.path().join("deploy/canary-config.json");
        std::fs::write(file, config.to_string()).unwrap();
        // The image of the runner has what apt-get would install.
        let apt = folder.path().join("image");
        std::fs::create_dir(&apt).unwrap();
        executable(&apt.join("apt-get"), "#!/bin/sh\nexit 0\n");
        Self {
            folder,
            variables: variables
                .iter()
                .map(|(n, v)| ((*n).to_owned(), (*v).to_owned()))
                .collect(),
            log: String::new(),
            path: Vec::new(),
        }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.file(name)).unwrap_or_default()
    }

    /// Runs a script by a shell with these variables; its exit code and standard output.
    async fn script(
        &mut self,
        shell: &[&str],
        script: &str,
        variables: &BTreeMap<String, String>,
    ) -> (i32, String) {
        let file = self.file("step.sh");
        std::fs::write(&file, script).unwrap();
        let mut path = self.path.clone();
        path.push(self.file("image").display().to_string());
        path.push("/usr/bin:/bin".to_owned());
        let Output {
            status,
            stdout,
            stderr,
        } = Command::new(shell[0])
            .args(&shell[1..])
            .arg(&file)
            .env_clear()
            .env("PATH", path.join(":"))
            .env("HOME", self.folder.path())
            .envs(variables)
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .output()
            .await
            .unwrap();
        let out = String::from_utf8_lossy(&stdout).into_owned();
        self.log += &out;
        self.log += &String::from_utf8_lossy(&stderr);
        (status.code().unwrap(), out)
    }

    /// What the system makes of its example.
    async fn run(&mut self, system: System) -> Verdict {
        match system {
            System::GitHub => self.github(&system.document().await).await,
            System::GitLab => self.gitlab(&system.document().await).await,
            System::Azure => self.azure(&system.document().await).await,
            System::Jenkins => self.jenkins(&system.text()).await,
        }
    }

    /// The environment of a step: its `env`, in which `pattern` finds the names of variables.
    fn environment(
        &self,
        step: &Value,
        pattern: &str,
        defaults: &BTreeMap<String, String>,
    ) -> BTreeMap<String, String> {
        let pattern = Regex::new(pattern).unwrap();
        let entries = step["env"].as_object().cloned().unwrap_or_default();
        entries
            .into_iter()
            .map(|(name, value)| {
                let value =
                    pattern.replace_all(value.as_str().unwrap(), |found: &regex::Captures<'_>| {
                        let wanted = &found[1];
                        let set = self
                            .variables
                            .iter()
                            .find(|(name, _)| same_name(name, wanted));
                        let value = set.map(|(_, value)| value).or_else(|| defaults.get(wanted));
                        value
                            .unwrap_or_else(|| panic!("nothing sets {wanted}"))
                            .clone()
                    });
                (name, value.into_owned())
            })
            .collect()
    }

    /// `run` steps by `bash -e`; a step may add to the path of the next ones. The first that fails ends the job.
    async fn github(&mut self, workflow: &Value) -> Verdict {
        let inputs = &workflow["on"]["workflow_call"]["inputs"];
        let defaults = defaults(
            inputs
                .as_object()
                .unwrap()
                .iter()
                .map(|(name, input)| (name.as_str(), input)),
        );
        for step in workflow["jobs"]["analyze"]["steps"].as_array().unwrap() {
            let Some(script) = step["run"].as_str() else {
                continue;
            };
            assert!(
                !script.contains("${{"),
                "a value is put into the text of a script: {script}"
            );
            let mut variables =
                self.environment(step, r"\$\{\{ (?:vars|inputs)\.(\w+) \}\}", &defaults);
            for (name, file) in [
                ("GITHUB_PATH", "github-path"),
                ("GITHUB_STEP_SUMMARY", "summary"),
            ] {
                variables.insert(name.to_owned(), self.file(file).display().to_string());
            }
            let (code, _) = self.script(&["bash", "-e"], script, &variables).await;
            self.path = self
                .read("github-path")
                .lines()
                .map(str::to_owned)
                .collect();
            if code != 0 {
                return Stops;
            }
        }
        GoesOn
    }

    /// `before_script` and `script` are one script, in which the first command that fails ends the job.
    async fn gitlab(&mut self, pipeline: &Value) -> Verdict {
        let job = &pipeline["canary"];
        let lines = ["before_script", "script"].map(|part| job[part].as_array().unwrap().clone());
        let lines: Vec<&str> = lines
            .iter()
            .flatten()
            .map(|line| line.as_str().unwrap())
            .collect();
        let script = format!("set -eo pipefail\n{}\n", lines.join("\n"));
        let of_job = job["variables"].as_object().unwrap();
        let mut variables: BTreeMap<String, String> = of_job
            .iter()
            .map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned()))
            .collect();
        // Variables of a run take precedence over those of the file.
        variables.extend(self.variables.clone());
        let (code, _) = self.script(&["bash"], &script, &variables).await;
        match code {
            0 => GoesOn,
            code if job["allow_failure"]["exit_codes"] == json!(code) => Warns,
            _ => Stops,
        }
    }

    /// `script` steps by `bash --noprofile --norc`, of which the last command counts.
    async fn azure(&mut self, pipeline: &Value) -> Verdict {
        assert_eq!(pipeline["trigger"], "none");
        let parameters = pipeline["parameters"].as_array().unwrap();
        let defaults = defaults(
            parameters
                .iter()
                .map(|parameter| (parameter["name"].as_str().unwrap(), parameter)),
        );
        let prepend = Regex::new(r"(?m)^##vso\[task\.prependpath\](.*)$").unwrap();
        for step in pipeline["jobs"][0]["steps"].as_array().unwrap() {
            let Some(script) = step["script"].as_str() else {
                continue;
            };
            let interpolated = script.contains("${{") || script.contains("$(");
            assert!(
                !interpolated,
                "a value is put into the text of a script: {script}"
            );
            let variables = self.environment(
                step,
                r"\$(?:\(|\{\{ parameters\.)(\w+)(?:\)| \}\})",
                &defaults,
            );
            let (code, out) = self
                .script(&["bash", "--noprofile", "--norc"], script, &variables)
                .await;
            self.path
                .extend(prepend.captures_iter(&out).map(|found| found[1].to_owned()));
            if code != 0 {
                return Stops;
            }
        }
        GoesOn
    }

    /// `sh` steps by `sh -xe`. One without `returnStatus` ends the build if it fails; the status of the other is
    /// looked up in the `switch`.
    async fn jenkins(&mut self, file: &str) -> Verdict {
        let steps = Regex::new(r"(?s)sh(?:\(returnStatus: (true), script:)? ?'''(.*?)'''").unwrap();
        let parameter = Regex::new(r"string\(name: '(\w+)'(?:, defaultValue: '(.*?)')?\)").unwrap();
        let mut variables: BTreeMap<String, String> = parameter
            .captures_iter(file)
            .map(|found| {
                (
                    found[1].to_owned(),
                    found.get(2).map_or("", |m| m.as_str()).to_owned(),
                )
            })
            .collect();
        variables.extend(self.variables.clone());
        let case = Regex::new(r"case (\d+): (\w+)").unwrap();
        let mut verdict = GoesOn;
        for step in steps.captures_iter(file) {
            // Groovy joins the lines of a text after a backslash.
            let script = step[2].replace("\\\n", "");
            let (code, _) = self.script(&["sh", "-xe"], &script, &variables).await;
            if step.get(1).is_none() {
                if code != 0 {
                    return Stops;
                }
                continue;
            }
            let action = case
                .captures_iter(file)
                .find(|found| found[1] == code.to_string());
            verdict = match action.as_ref().map(|found| &found[2]) {
                Some("break") => GoesOn,
                Some("unstable") => Warns,
                _ => Stops,
            };
            self.log += action.map_or("default", |_| "a case of its own");
        }
        verdict
    }
}

/// Whether a variable of the environment stands for a name of the pipeline: `KAYENTA_URL` for `kayentaUrl`.
fn same_name(variable: &str, name: &str) -> bool {
    variable
        .replace('_', "")
        .eq_ignore_ascii_case(&name.replace('_', ""))
}

fn defaults<'a>(inputs: impl Iterator<Item = (&'a str, &'a Value)>) -> BTreeMap<String, String> {
    inputs
        .filter_map(|(name, input)| Some((name.to_owned(), input["default"].as_str()?.to_owned())))
        .collect()
}

fn executable(path: &Path, text: &str) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::write(path, text).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

async fn sha256(path: &Path) -> String {
    let output = Command::new("sha256sum").arg(path).output().await.unwrap();
    String::from_utf8(output.stdout).unwrap()[..64].to_owned()
}

/// A way the gate can end, and what each system makes of it.
struct Case {
    name: &'static str,
    config: Value,
    variables: Vec<(&'static str, String)>,
    verdict: fn(System) -> Verdict,
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs curl, python3 with venv, and two minutes"]
async fn every_example_pipeline_goes_on_warns_or_stops_by_the_verdict_and_stops_without_one() {
    let prometheus = FakePrometheus::start().await.unwrap();
    let service = embedded_service(&prometheus.base_url(), "").await;
    let release = tempfile::tempdir().unwrap();
    let binary = release.path().join("kayenta");
    // The built binary has hundreds of megabytes, and every build fetches it.
    executable(
        &binary,
        &format!("#!/bin/sh\ntouch it-ran\nexec {BINARY} \"$@\"\n"),
    );
    let sum = sha256(&binary).await;
    let url = format!("file://{}", binary.display());

    // In a minute there are two points, of which only equal ones are always judged alike.
    let load = metric("load", "Load", r#"const_load{v="${scope}"}"#);
    let errors = metric("errors", "Errors", r#"errors{v="${scope}",kind="bad"}"#);
    let good = config("good", std::slice::from_ref(&load), json!({"Load": 100}));
    let both = |load_weight, errors_weight| {
        let weights = json!({"Load": load_weight, "Errors": errors_weight});
        config("both", &[load.clone(), errors.clone()], weights)
    };
    let nowhere = format!("http://127.0.0.1:{}", free_port().unwrap());
    let warns_where_it_can = |system| match system {
        System::GitLab | System::Jenkins => Warns,
        System::GitHub | System::Azure => Stops,
    };
    let case = |name, config: &Value, variables: &[(&'static str, &str)], verdict| Case {
        name,
        config: config.clone(),
        variables: variables
            .iter()
            .map(|(name, value)| (*name, (*value).to_owned()))
            .collect(),
        verdict,
    };
    let absent = format!("{url}-of-another-release");
    let cases = [
        case("pass", &good, &[], |_| GoesOn),
        case("fail", &both(50, 50), &[], |_| Stops),
        case("marginal", &both(80, 20), &[], warns_where_it_can),
        case("nothing compared", &good, &[("BASELINE", "canary")], |_| {
            Stops
        }),
        case("unreachable", &good, &[("KAYENTA_URL", &nowhere)], |_| {
            Stops
        }),
        case(
            "another checksum",
            &good,
            &[("KAYENTA_BINARY_SHA256", &"0".repeat(64))],
            |_| Stops,
        ),
        case(
            "no such binary",
            &good,
            &[("KAYENTA_BINARY_URL", &absent)],
            |_| Stops,
        ),
    ];
    let base = [
        ("KAYENTA_URL", service.base_url()),
        ("KAYENTA_BINARY_URL", url.clone()),
        ("KAYENTA_BINARY_SHA256", sum),
        ("BASELINE", "baseline".to_owned()),
        ("CANARY", "canary".to_owned()),
        ("LIFETIME", "1m".to_owned()),
        ("INTERVAL", "1m".to_owned()),
    ];
    let builds = cases
        .iter()
        .flat_map(|case| SYSTEMS.map(|system| (case, system)));
    let wrong: Vec<String> = join_all(builds.map(async |(case, system)| {
        let variables: Vec<(&str, &str)> = base
            .iter()
            .chain(&case.variables)
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        let mut build = Build::new(&case.config, &variables);
        let verdict = build.run(system).await;
        let place = format!("{system:?}, {}", case.name);
        let mut wrong = Vec::new();
        if verdict != (case.verdict)(system) {
            wrong.push(format!("{place}: {verdict:?}\n{}", build.log));
        }
        let fetched = !matches!(case.name, "another checksum" | "no such binary");
        if build.file("it-ran").exists() != fetched {
            wrong.push(format!(
                "{place}: the binary {} run\n{}",
                if fetched { "was not" } else { "was" },
                build.log
            ));
        }
        if build.read("canary.html").starts_with("<!doctype html>") != fetched {
            wrong.push(format!("{place}: the report\n{}", build.log));
        }
        // What the system shows: a summary, or a JUnit report.
        let (shown, part) = match (system, case.name) {
            (System::GitHub, "pass") => (build.read("summary"), "PASS"),
            (System::GitHub, "fail") => (build.read("summary"), "FAIL"),
            (System::GitHub, "marginal") => (build.read("summary"), "MARGINAL"),
            (System::GitHub, _) => (String::new(), ""),
            (_, "pass" | "marginal") => (build.read("canary.xml"), "<testsuite"),
            (_, "fail") => (build.read("canary.xml"), "<failure"),
            (_, "nothing compared" | "unreachable") => (build.read("canary.xml"), "<error"),
            (_, _) => (String::new(), ""),
        };
        if !shown.contains(part) || (case.name == "pass" && shown.contains("<failure")) {
            wrong.push(format!("{place}: shows\n{shown}\n{}", build.log));
        }
        wrong
    }))
    .await
    .concat();
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

/// The defaults of the examples are an hour and ten minutes, which no test waits for.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs python3 with venv"]
async fn every_example_pipeline_has_a_lifetime_and_an_interval_that_a_user_need_not_set() {
    let github = System::GitHub.document().await;
    let inputs = &github["on"]["workflow_call"]["inputs"];
    assert_eq!(
        (
            &inputs["lifetime"]["default"],
            &inputs["interval"]["default"]
        ),
        (&json!("1h"), &json!("10m"))
    );
    let gitlab = System::GitLab.document().await;
    assert_eq!(
        gitlab["canary"]["variables"],
        json!({"LIFETIME": "1h", "INTERVAL": "10m"})
    );
    let azure = System::Azure.document().await;
    let lifetime = json!({"name": "lifetime", "type": "string", "default": "1h"});
    assert!(
        azure["parameters"].as_array().unwrap().contains(&lifetime),
        "{azure}"
    );
    let jenkins = System::Jenkins.text();
    assert!(jenkins.contains("string(name: 'LIFETIME', defaultValue: '1h')"));
    for code in 0..4 {
        assert!(
            jenkins.contains(&format!("case {code}: ")),
            "no case for {code}"
        );
    }
    assert!(jenkins.contains("default: error("));
}
