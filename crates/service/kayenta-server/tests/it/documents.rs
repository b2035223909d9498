//! The documents, followed: every command of theirs is run, or is in one list with the reason why not; every
//! block has a language, and something reads it.

use std::{collections::BTreeSet, path::Path, process::Stdio};

use kayenta_testkit::documents::{Page, pages, repository, short};
use tempfile::TempDir;
use tokio::process::Command;

use crate::{command_line::judge_line, demo::Demo, samples::BINARY};

/// What becomes of a command of a document.
#[derive(Clone, Copy, Debug)]
enum Fate {
    /// It is run here as it stands: its exit code, and what it says.
    Runs(i32, &'static [&'static str]),
    /// A test of this file runs it; it has this text.
    RunsIn(&'static str, &'static str),
    /// No test can run it, for this reason.
    CannotRun(&'static str),
}

use Fate::{CannotRun, Runs, RunsIn};

const CLUSTER: Fate = CannotRun("needs a cluster; deploy/validate renders what it applies");
const THIS: Fate = CannotRun("runs the tests");

/// Every command in a shell block of a document, by its page and its beginning.
const COMMANDS: &[(&str, &str, Fate)] = &[
    ("CONTRIBUTING.md", "cargo test", THIS),
    (
        "CONTRIBUTING.md",
        "cargo run --bin kayenta -- demo",
        RunsIn("readme.rs", "cargo run --bin kayenta -- demo"),
    ),
    (
        "README.md",
        "cargo run --bin kayenta -- demo",
        RunsIn("readme.rs", "cargo run --bin kayenta -- demo"),
    ),
    ("README.md", "./test", THIS),
    (
        "README.md",
        "cargo install --locked",
        CannotRun("builds the release binary, which takes minutes"),
    ),
    (
        "README.md",
        "docker build",
        CannotRun("needs a container engine; deploy/build-image is tested instead"),
    ),
    (
        "README.md",
        "kayenta check-config kayenta.yml",
        RunsIn("readme.rs", "kayenta check-config"),
    ),
    (
        "README.md",
        "kayenta serve --config kayenta.yml",
        RunsIn("readme.rs", "kayenta serve"),
    ),
    (
        "README.md",
        "kayenta analyze --config canary-config.json",
        RunsIn("readme.rs", "kayenta analyze --config"),
    ),
    (
        "README.md",
        "kayenta analyze --url http://localhost:8090 --config canary-config.json",
        Runs(1, &["canary.xml: <testsuite", "canary.xml: <failure"]),
    ),
    (
        "deploy/examples/remote-judge/README.md",
        "./remote_judge.py",
        RunsIn("remote_judge_example.rs", "remote_judge.py"),
    ),
    ("deploy/helm/kayenta/README.md", "helm install", CLUSTER),
    ("deploy/helm/kayenta/README.md", "kubectl", CLUSTER),
    ("deploy/kubernetes/README.md", "kubectl", CLUSTER),
    ("deploy/kubernetes/guide/README.md", "kubectl", CLUSTER),
    (
        "docs/canary-config.md",
        "kayenta lint canary.json",
        Runs(0, &["canary.json: errors: 0, warnings: 0"]),
    ),
    (
        "docs/canary-config.md",
        "kayenta lint --output json canary.json",
        Runs(0, &["\"problems\": []"]),
    ),
    (
        "docs/changing-stores.md",
        "kayenta migrate copy --from old --to new --config copy.yml --dry-run",
        Runs(0, &["COPY  old -> new", "1 to copy", "nothing was written"]),
    ),
    (
        "docs/changing-stores.md",
        "kayenta migrate copy --from old --to new --config copy.yml --verify",
        Runs(0, &["COPY  old -> new", "1 to copy"]),
    ),
    (
        "docs/changing-stores.md",
        "kayenta migrate copy --from old --to new --config copy.yml",
        Runs(
            0,
            &["1 copied", "complete: the target has every selected object"],
        ),
    ),
    (
        "docs/configure.md",
        "kayenta check-config kayenta.yml",
        Runs(0, &["0 errors"]),
    ),
    (
        "docs/migrate.md",
        "kayenta migrate check",
        Runs(0, &["CONFIGURATION", "RESULT"]),
    ),
    (
        "docs/configure.md",
        "keytool -importkeystore",
        CannotRun("needs Java"),
    ),
    (
        "docs/first-canary-in-the-browser.md",
        "kayenta demo",
        RunsIn("pages/first_canary.rs", "Demo::start()"),
    ),
    (
        "docs/operations.md",
        "curl http://kayenta:8090/admin/deadLetters",
        RunsIn("replicas/dead_letters.rs", "get(\"/admin/deadLetters\")"),
    ),
    (
        "docs/operations.md",
        "curl -X PUT",
        RunsIn("replicas/dead_letters.rs", "/putBack"),
    ),
    (
        "docs/pages.md",
        "kayenta judge --report report.html pairs.jsonl",
        Runs(0, &["\"id\":\"good\"", "report.html: <!doctype html>"]),
    ),
    (
        "docs/pages.md",
        "kayenta analyze --report report.html",
        Runs(1, &["FAIL", "report.html: <!doctype html>"]),
    ),
];

/// Who reads the blocks of a language.
const LANGUAGES: &[(&str, &str)] = &[
    ("sh", "COMMANDS, here"),
    ("yaml", "documents/settings.rs loads it as a kayenta.yml"),
    ("json", "documents/settings.rs"),
    ("json canary-config", "documents/canary_configs.rs"),
    ("json canary-request", "documents/canary_configs.rs"),
    ("json analysis-request", "documents/canary_configs.rs"),
    ("text", "OUTPUTS, here"),
    ("text diagram", "no program prints it"),
    ("text formula", "no program prints it"),
    ("log", "operations_page.rs"),
    ("health", "operations_page.rs"),
    ("answer", "operations_page.rs"),
    ("yml kustomization", "deploy/validate builds it"),
    (
        "yml",
        "a file of another program, of which the lines around it are left out",
    ),
    ("sql", "a query in the language of another program"),
    ("rust", "parts of a crate, of which the rest is left out"),
];

/// The pages that quote what the program prints, and the test that compares.
const OUTPUTS: &[(&str, &str)] = &[
    ("docs/command-line.md", "src/documents/generated.rs"),
    ("docs/configure.md", "tests/it/documents.rs"),
    ("docs/migrate.md", "tests/it/migrate/mod.rs"),
    // The shape of a response, which the example itself writes.
    (
        "deploy/examples/remote-judge/README.md",
        "tests/it/remote_judge_example.rs",
    ),
];

/// The commands of a page, lines joined with their continuations.
fn commands(page: &Page) -> Vec<String> {
    let scripts = page.blocks.iter().filter(|block| block.language == "sh");
    scripts
        .flat_map(|block| {
            let text = block.text.replace("\\\n", " ");
            text.lines().map(words).collect::<Vec<_>>()
        })
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .collect()
}

/// A line with single spaces.
fn words(line: &str) -> String {
    line.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn fate(page: &str, command: &str) -> Option<Fate> {
    let mut known = COMMANDS.iter();
    let found = known.find(|(its, start, _)| *its == page && command.starts_with(start));
    found.map(|(_, _, fate)| *fate)
}

#[test]
fn every_command_of_a_document_is_run_or_has_a_reason_why_not() {
    let mut used = BTreeSet::new();
    for page in pages() {
        let name = short(&page.path);
        for command in commands(&page) {
            assert!(
                fate(&name, &command).is_some(),
                "{name}: {command}\nis not in COMMANDS: run it there, or say why no test can"
            );
            let starts = COMMANDS
                .iter()
                .filter(|(its, start, _)| *its == name && command.starts_with(start));
            used.extend(starts.map(|(its, start, _)| (*its, *start)));
        }
    }
    for (page, start, fate) in COMMANDS {
        assert!(
            used.contains(&(*page, *start)),
            "{page} has no command {start:?} any more"
        );
        match fate {
            RunsIn(file, part) => {
                let path = repository()
                    .join("crates/service/kayenta-server/tests/it")
                    .join(file);
                let test = std::fs::read_to_string(path).unwrap();
                assert!(
                    test.contains(part),
                    "{file} has no {part:?}, for {start:?} of {page}"
                );
            }
            CannotRun(reason) => assert!(!reason.is_empty()),
            Runs(..) => {}
        }
    }
}

#[test]
fn every_block_of_a_document_has_a_language_that_something_reads() {
    let server = repository().join("crates/service/kayenta-server");
    for page in pages() {
        let name = short(&page.path);
        for block in &page.blocks {
            let place = format!("{name}:{}", block.line);
            let kind = block.language.split(' ').next().unwrap();
            let known = LANGUAGES.iter().any(|(language, _)| {
                *language == block.language
                    || (matches!(*language, "log" | "health" | "answer") && *language == kind)
            });
            assert!(
                known,
                "{place}: nothing reads a block of {:?}",
                block.language
            );
            if block.language == "text" {
                let output = OUTPUTS.iter().find(|(page, _)| *page == name);
                let (_, test) =
                    output.unwrap_or_else(|| panic!("{place}: no test compares this output"));
                assert!(server.join(test).exists(), "{test}");
            }
        }
    }
}

/// Two accounts, of which the first has a config.
const COPY: &str = "\
kayenta.disk:
  enabled: true
  accounts:
  - {name: old, path: old, supportedTypes: [OBJECT_STORE, CONFIGURATION_STORE]}
  - {name: new, path: new, supportedTypes: [OBJECT_STORE, CONFIGURATION_STORE]}
";

/// A folder with the files that the commands of the documents name.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let page = |name: &str| Page::read(&repository().join(name));
    let block = |page: &Page, language: &str| {
        let found = page.blocks.iter().find(|block| block.language == language);
        found.unwrap().text.clone()
    };
    let readme = page("README.md");
    for (name, text) in [
        ("canary-config.json", block(&readme, "json canary-config")),
        ("canary.json", block(&readme, "json canary-config")),
        ("kayenta.yml", block(&readme, "yaml")),
        ("copy.yml", COPY.to_owned()),
        (
            "pairs.jsonl",
            judge_line("good", &[1.0, 1.25, 1.1, 1.2, 1.1, 1.15]),
        ),
    ] {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    let stored = folder.path().join("old/kayenta/canary_config/checkout");
    std::fs::create_dir_all(&stored).unwrap();
    std::fs::copy(
        folder.path().join("canary.json"),
        stored.join("checkout.json"),
    )
    .unwrap();
    folder
}

/// Runs it in a shell; its code and what it printed, files it wrote with their names before each line.
async fn run(
    folder: &Path,
    command: &str,
    url: &str,
    variables: &[(&str, &str)],
) -> (Option<i32>, String) {
    let binaries = Path::new(BINARY).parent().unwrap().display();
    let output = Command::new("sh")
        .args(["-c", command])
        .env_clear()
        .env(
            "PATH",
            format!("{binaries}:{}", std::env::var("PATH").unwrap()),
        )
        .env("HOME", folder)
        .env("KAYENTA_URL", url)
        .envs(variables.iter().copied())
        .current_dir(folder)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .unwrap();
    let mut said = String::from_utf8_lossy(&output.stdout).into_owned();
    said += &String::from_utf8_lossy(&output.stderr);
    for name in ["canary.xml", "report.html"] {
        if let Ok(text) = std::fs::read_to_string(folder.join(name)) {
            said += &text
                .lines()
                .map(|line| format!("{name}: {}\n", line.trim_start()))
                .collect::<String>();
        }
    }
    (output.status.code(), said)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_commands_of_the_documents_do_what_the_documents_say() {
    let demo = Demo::start().await;
    let url = &demo.base_url;
    for page in pages() {
        let name = short(&page.path);
        for command in commands(&page) {
            let Some(Runs(code, says)) = fate(&name, &command) else {
                continue;
            };
            let folder = folder();
            // What differs on this machine; and the past instead of an hour of waiting.
            let here = command
                .replace("http://localhost:8090", url)
                .replace("/opt/kayenta/config", &folder.path().display().to_string())
                .replace(
                    "--lifetime 1h",
                    "--start 2026-01-01T00:00:00Z --end 2026-01-01T01:00:00Z",
                );
            let (ended, said) = run(folder.path(), &here, url, &[]).await;
            assert_eq!(ended, Some(code), "{name}: {command}\n{said}");
            for part in says {
                assert!(
                    said.contains(part),
                    "{name}: {command}\nno {part:?} in\n{said}"
                );
            }
        }
    }
}

/// `docs/configure.md` quotes what `check-config` says of an account of S3.
#[tokio::test(flavor = "multi_thread")]
async fn the_quoted_notes_about_credentials_are_what_check_config_prints() {
    let page = Page::read(&repository().join("docs/configure.md"));
    let mut quoted = page.blocks.iter().filter(|block| block.language == "text");
    let block = quoted.next().unwrap();
    assert!(
        quoted.next().is_none(),
        "a second output is quoted, which nothing compares"
    );
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join(".aws")).unwrap();
    let credentials = "[default]\naws_access_key_id = AKIA\naws_secret_access_key = s\n";
    std::fs::write(folder.path().join(".aws/credentials"), credentials).unwrap();
    let yaml = "kayenta:\n  s3.enabled: true\n  aws:\n    enabled: true\n    accounts:\n    - name: canary-storage\n      \
                bucket: b\n      supportedTypes: [OBJECT_STORE, CONFIGURATION_STORE]\n";
    std::fs::write(folder.path().join("kayenta.yml"), yaml).unwrap();
    let check = "kayenta check-config --quiet kayenta.yml";
    let region = [("AWS_REGION", "eu-central-1")];
    let (code, said) = run(folder.path(), check, "", &region).await;
    assert_eq!(code, Some(0), "{said}");
    for line in block.text.lines() {
        assert!(
            said.lines().any(|its| its == line),
            "no {line:?} in\n{said}"
        );
    }
}
