//! Settings in documents and shipped configuration files.

use kayenta_config::{CheckReport, Environment, check_config};
use kayenta_model::CanaryConfig;
use serde_json::Value;

use crate::wiring::kinds::KINDS;

use super::{files, pages, repository, short};

/// What the variables of the examples would hold.
fn environment(root: &str) -> Environment {
    Environment::empty(root)
        .image(false)
        .variable("AZURE_STORAGEKEY", "c2VjcmV0")
        .variable("PIPELINE_TOKEN", "0123456789abcdef0123456789abcdef")
}

fn checked(text: &str) -> CheckReport {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("kayenta.yml");
    std::fs::write(&path, text).unwrap();
    check_config(&environment("").only_file(&path), KINDS)
}

/// No error, nothing unknown, no account left out.
fn is_clean(report: &CheckReport) -> bool {
    let unknown = report
        .warnings
        .iter()
        .any(|warning| warning.message.starts_with("unknown property"));
    !report.files.is_empty() && report.is_ok() && !unknown && report.skipped.is_empty()
}

#[test]
fn every_configuration_in_a_document_loads() {
    let mut tried = 0;
    for page in pages() {
        for block in &page.blocks {
            let place = format!("{}:{}", short(&page.path), block.line);
            match block.language.as_str() {
                "yaml" if !block.text.contains("apiVersion:") => {
                    let report = checked(&block.text);
                    assert!(is_clean(&report), "{place}: {report}");
                    tried += 1;
                }
                "json" => {
                    serde_json::from_str::<Value>(&block.text)
                        .unwrap_or_else(|error| panic!("{place}: {error}"));
                    tried += 1;
                }
                _ => {}
            }
        }
    }
    assert!(tried > 0);
}

#[test]
fn every_shipped_configuration_loads_without_a_word() {
    for path in files("kayenta.yml") {
        let report = checked(&std::fs::read_to_string(&path).unwrap());
        assert!(is_clean(&report), "{}: {report}", short(&path));
    }
}

#[test]
fn every_setting_of_the_reference_table_exists() {
    let path = repository().join("docs/configure.md");
    let page = kayenta_testkit::documents::Page::read(&path);
    let mut tried = 0;
    for (line, text) in &page.prose {
        let Some(cell) = text.strip_prefix("| `") else {
            continue;
        };
        let (cell, _) = cell.split_once(" | ").unwrap();
        for name in cell.split('`').step_by(2) {
            if name.is_empty() || name.ends_with(".*") || !name.contains('.') {
                continue;
            }
            assert!(
                is_known(name),
                "docs/configure.md:{line}: {name} is unknown"
            );
            tried += 1;
        }
    }
    assert!(tried > 20, "only {tried} settings were found");
}

/// Whether setting it raises no warning; the members of a list are asked for one they may have.
fn is_known(name: &str) -> bool {
    let name = name.replace("[]", "[0]");
    let candidates = match name.ends_with(']') {
        true => vec![
            format!("{name}.name"),
            format!("{name}.username"),
            format!("{name}.path"),
        ],
        false => vec![name],
    };
    candidates.iter().any(|name| {
        let report = check_config(
            &environment("/nonexistent").argument(format!("--{name}=1")),
            KINDS,
        );
        let mut warnings = report.warnings.iter();
        !warnings.any(|warning| warning.message.starts_with("unknown property"))
    })
}

#[test]
fn the_canary_config_of_the_examples_is_one() {
    let path = repository().join("deploy/examples/request/canary-config.json");
    let config: CanaryConfig = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    kayenta_storage::ConfigCatalogue::check("id", &config, true).unwrap();
}

#[test]
fn the_config_map_of_the_guide_is_the_references() {
    let read = |path: &str| std::fs::read_to_string(repository().join(path)).unwrap();
    let map = read("deploy/kubernetes/guide/configmap.yaml");
    let (_, block) = map.split_once("kayenta.yml: |-\n").unwrap();
    let text: String = block
        .lines()
        .map(|line| format!("{}\n", line.strip_prefix("    ").unwrap_or(line)))
        .collect();
    let reference = read("testdata/configuration/guide-kayenta.yml");
    assert_eq!(text.trim_end(), reference.trim_end());
}
