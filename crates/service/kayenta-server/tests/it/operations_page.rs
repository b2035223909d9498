//! `docs/operations.md` quotes log lines and health answers; here each is looked for in what the service
//! really says in that case.
//!
//! A quotation is a fenced block whose info string is `log`, `health` or `answer` and the name of a case:
//!
//! ```text
//! ~~~log Redis refused
//! redisHealth is DOWN: cannot reach Redis: Redis at <host:port>: Connection refused (os error 111)
//! ~~~
//! ```
//!
//! `<…>` stands for anything within a line.

use std::{path::Path, time::Duration};

use kayenta_testkit::eventually;
use serde_json::Value;

/// What a line is quoted from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Source {
    Log,
    /// A component of `/health`, or what a caller is answered.
    Answer,
}

/// One quoted line.
#[derive(Debug)]
struct Quotation {
    source: Source,
    case: String,
    line: String,
}

fn page() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../docs/operations.md");
    std::fs::read_to_string(path).unwrap()
}

fn quotations(page: &str) -> Vec<Quotation> {
    let (mut found, mut block) = (Vec::new(), None);
    for line in page.lines() {
        if let Some(info) = line.strip_prefix("```") {
            block = info.split_once(' ').and_then(|(kind, case)| match kind {
                "log" => Some((Source::Log, case.trim().to_owned())),
                "health" | "answer" => Some((Source::Answer, case.trim().to_owned())),
                _ => None,
            });
        } else if let Some((source, case)) = &block {
            found.push(Quotation {
                source: *source,
                case: case.clone(),
                line: line.trim().to_owned(),
            });
        }
    }
    found
}

/// Whether the line occurs in the text, `<…>` standing for anything.
fn occurs(quoted: &str, text: &str) -> bool {
    let mut pieces = Vec::new();
    let mut rest = quoted;
    while let Some((before, after)) = rest.split_once('<') {
        pieces.push(before);
        rest = after.split_once('>').map_or("", |(_, after)| after);
    }
    pieces.push(rest);
    text.lines().any(|line| {
        let mut left = line;
        pieces.iter().all(|piece| match left.split_once(piece) {
            Some((_, after)) => {
                left = after;
                true
            }
            None => false,
        })
    })
}

/// How long a line of the log may take: it is written after what it reports.
const PATIENCE: Duration = Duration::from_secs(10);

/// Asserts that everything the page quotes for the case is in the answer, or appears in the log.
pub(crate) async fn check(case: &str, log: impl Fn() -> String, answer: &Value) {
    for quotation in quotations(&page()).iter().filter(|q| q.case == case) {
        let quoted = &quotation.line;
        let what = format!("docs/operations.md quotes for `{case}`:\n{quoted}\n");
        match quotation.source {
            Source::Log => {
                eventually(what, PATIENCE, async || {
                    let log = log();
                    occurs(quoted, &log).then_some(()).ok_or(log)
                })
                .await;
            }
            Source::Answer => assert!(
                occurs(quoted, &answer.to_string()),
                "{what}but there is only\n{answer}"
            ),
        }
    }
}

/// The cases some test passes to [`check`].
const CHECKED: &[&str] = &[
    "Redis cut",
    "Redis refused",
    "Redis delayed",
    "Redis half-open",
    "Redis slow drip",
    "Redis reset in mid-body",
    "Azure cut",
    "Azure refused",
    "Azure delayed",
    "Azure half-open",
    "Azure slow drip",
    "Azure reset in mid-body",
    "S3 cut",
    "S3 refused",
    "S3 half-open",
    "S3 wrong key",
    "S3 unknown host",
    "S3 no port",
    "S3 no TLS",
    "GCS cut",
    "GCS refused",
    "GCS half-open",
    "GCS unknown host",
    "GCS no port",
    "Postgres wrong password",
    "Postgres no database",
    "Postgres unknown host",
    "Postgres no port",
    "MariaDb wrong password",
    "MariaDb no database",
    "MariaDb unknown host",
    "MariaDb no port",
    "Prometheus cut",
    "Prometheus refused",
    "Prometheus delayed",
    "Prometheus half-open",
    "Prometheus slow drip",
    "Prometheus reset in mid-body",
    "notification refused",
    "notification given up",
    "notification away",
    "retention",
    "retention store away",
    "secret file",
    "secret elsewhere",
    "token server away",
    "identity refused",
    "traces",
    "Redis evicts",
    "Redis lost its data",
    "Redis away at start",
    "Redis master replaced",
    "Azure wrong key",
    "Azure unknown host",
    "Azure no TLS",
    "Azure bad container",
    "Azure comes later",
    "dead letter",
    "metric store answers 400",
    "metric store answers 500",
    "run beyond the budget",
    "SIGTERM",
];

#[test]
fn every_quotation_of_the_operations_page_is_checked_by_some_test() {
    let quotations = quotations(&page());
    for quotation in &quotations {
        let case = quotation.case.as_str();
        assert!(CHECKED.contains(&case), "no test checks `{case}`");
    }
    println!("docs/operations.md quotes {} lines", quotations.len());
}

#[test]
fn placeholders_stand_for_anything_within_a_line() {
    let log = "WARN redisHealth is DOWN: Redis at 127.0.0.1:1: refused\nnext";
    assert!(occurs("DOWN: Redis at <host:port>: refused", log));
    assert!(!occurs("UP: Redis at <host:port>: refused", log));
    assert!(!occurs("DOWN<anything>next", log));
}
