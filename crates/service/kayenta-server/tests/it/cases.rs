//! Configuration files, canary configs and requests as people wrote them, each with the right answer.

use std::process::Stdio;

use kayenta_testkit::free_port;

use crate::samples::{BINARY, testdata};

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs python3"]
async fn what_real_files_and_reports_bring_is_answered_as_it_should_be() {
    let ports: Vec<String> = (0..10).map(|_| free_port().unwrap().to_string()).collect();
    let run = tokio::process::Command::new("python3")
        .arg(testdata("cases").join("run.py"))
        .arg(BINARY)
        .env("CASE_PORTS", ports.join(" "))
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .unwrap();
    let reported = String::from_utf8_lossy(&run.stdout);
    assert!(
        run.status.success(),
        "{reported}\n{}",
        String::from_utf8_lossy(&run.stderr)
    );
    assert!(reported.contains("right  f12-template"), "{reported}");
    assert!(reported.ends_with("0 of 85 wrong\n"), "{reported}");
}
