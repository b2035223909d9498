//! Broken files: mistakes are reported with their line, by a check and at start.

use crate::support::{Case, FILE, reported};

fn testdata() -> std::path::PathBuf {
    std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../testdata/configuration/broken")
}

/// Each file begins with comments `# line: text` that list the expected reports.
#[test]
fn every_broken_file_is_reported_by_line() {
    let mut files: Vec<_> = std::fs::read_dir(testdata())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    assert!(files.len() >= 10);
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        let report = Case::only(&text).check();
        let shown = file.display();
        assert!(!report.is_ok(), "{shown}: {report}");
        let expectations: Vec<(&str, &str)> = text
            .lines()
            .filter_map(|line| line.strip_prefix("# expect ")?.split_once(": "))
            .collect();
        assert!(!expectations.is_empty(), "{shown}");
        for (line, wanted) in expectations {
            let error = report
                .errors
                .iter()
                .find(|error| error.to_string().contains(wanted))
                .unwrap_or_else(|| panic!("{shown}: nothing says {wanted:?}:\n{report}"));
            assert!(
                error.to_string().starts_with(&format!("{FILE}:{line}:")),
                "{shown}: expected line {line}: {error}"
            );
        }
        assert_eq!(
            report.errors.len(),
            text.matches("# expect ").count(),
            "{shown}: {report}"
        );
    }
}

#[test]
fn a_check_tells_what_a_start_tells_and_shows_the_settings_masked() {
    let case = Case::yaml(
        "redis.timeout: 500\nkayenta.azure: {enabled: true, accounts: [{name: a, storageAccountName: s, accountAccessKey: c2VjcmV0, container: kayenta, rootFolder: r, supportedTypes: OBJECT_STORE}]}\nkayenta.blobs.enabled: true\nkayenta.prometeus.enabled: true\n",
    );
    let report = case.check();
    assert!(report.is_ok());
    reported(&report.warnings, "did you mean kayenta.prometheus.enabled?");
    let text = report.effective_text();
    assert!(
        text.contains("kayenta.azure.accounts[0].accountAccessKey = ******"),
        "{text}"
    );
    assert!(
        text.contains(&format!("redis.timeout = 500  # {FILE}:3:16")),
        "{text}"
    );
    assert!(
        text.contains("kayenta.metrics.retry.attempts = 10\n"),
        "{text}"
    );
    assert!(!text.contains("c2VjcmV0"));
    assert_eq!(
        report.to_string().lines().last().unwrap(),
        "0 errors, 3 warnings, 0 accounts left out"
    );
    assert_eq!(report.files, [FILE]);
}

#[test]
fn the_report_block_is_that_operators_search_for() {
    let block = Case::yaml("kayenta.metrics.retry.attempts: abc\n")
        .fails()
        .to_string();
    let expected = "\n\n***************************\nAPPLICATION FAILED TO START\n***************************\n\nDescription:\n\nFailed to bind properties under 'kayenta.metrics.retry.attempts' to int: For input string: \"abc\"\n\n    Property: kayenta.metrics.retry.attempts\n    Value: \"abc\"\n    Origin: /opt/kayenta/config/kayenta.yml:3:33\n    Expected: a whole number from -2147483648 to 2147483647\n\nAction:\n\nUpdate your application's configuration\n";
    assert_eq!(block, expected);
}
