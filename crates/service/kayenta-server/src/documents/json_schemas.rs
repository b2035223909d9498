//! `api-spec/schemas/` is what the service serves, and every sample fits it.

use std::{fs, path::PathBuf, process::Command};

use kayenta_api::JSON_SCHEMAS;
use kayenta_testkit::tools;
use serde_json::{Value, json};

use super::{generated::up_to_date, pages, repository};
use crate::wiring::kinds::{KINDS, Kind};

#[test]
fn the_committed_schemas_are_up_to_date() {
    let document = kayenta_api::document(Kind::metric_stores().collect());
    for schema in JSON_SCHEMAS {
        let mut made = serde_json::to_string_pretty(&schema.of(&document)).unwrap();
        made.push('\n');
        up_to_date(&format!("api-spec/schemas/{}", schema.file), made);
    }
    let configuration = kayenta_config::configuration_schema(KINDS);
    let places = ["kayenta", "prometheus", "accounts"].map(|step| format!("/properties/{step}"));
    let place = format!(
        "{}/items/properties/endpoint/properties/baseUrl",
        places.concat()
    );
    assert!(configuration.pointer(&place).is_some(), "{place}");
    let mut made = serde_json::to_string_pretty(&configuration).unwrap();
    made.push('\n');
    up_to_date("api-spec/schemas/kayenta.json", made);
}

/// The configs of the documents and of the examples.
fn configs() -> Vec<(String, Value)> {
    let mut found = Vec::new();
    for page in pages() {
        for block in page
            .blocks
            .iter()
            .filter(|block| block.language == "json canary-config")
        {
            let place = format!(
                "{}-{}",
                page.path.file_stem().unwrap().display(),
                block.line
            );
            found.push((place, serde_json::from_str(&block.text).unwrap()));
        }
    }
    let examples = repository().join("deploy/examples/request");
    for file in fs::read_dir(examples).unwrap() {
        let path = file.unwrap().path();
        let Ok(text) = fs::read_to_string(&path) else {
            continue;
        };
        let Ok(value) = serde_json::from_str::<Value>(&text) else {
            continue;
        };
        let config = value.get("canaryConfig").cloned().unwrap_or(value);
        if config.get("metrics").is_some() {
            found.push((path.file_stem().unwrap().display().to_string(), config));
        }
    }
    found
}

#[test]
#[ignore = "needs python3 and the package index"]
fn every_sample_config_fits_the_schema_and_a_misspelt_one_does_not() {
    let programs =
        tools::python_packages("check-jsonschema", &["check-jsonschema==0.34.0"]).unwrap();
    let schema = repository().join("api-spec/schemas/canary-config.json");
    let folder = tempfile::tempdir().unwrap();
    let check = |name: &str, config: &Value| -> (bool, String) {
        let file: PathBuf = folder.path().join(format!("{name}.json"));
        fs::write(&file, config.to_string()).unwrap();
        let output = Command::new(programs.join("check-jsonschema"))
            .arg("--schemafile")
            .arg(&schema)
            .arg(&file)
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        (output.status.success(), text)
    };
    let configs = configs();
    assert!(configs.len() > 6, "only {} configs", configs.len());
    for (name, config) in &configs {
        let (fits, said) = check(name, config);
        assert!(fits, "{name}: {said}");
    }
    // A request of somebody's guide, which has a field in the wrong place.
    let guide = fs::read_to_string(repository().join("testdata/samples/guide-request.json"));
    let guide: Value = serde_json::from_str(&guide.unwrap()).unwrap();
    let (fits, said) = check("guide", &guide["canaryConfig"]);
    assert!(!fits && said.contains("scopeName"), "{said}");
    for (pointer, name) in [
        ("", "metric"),
        ("/metrics/0", "scope"),
        ("/metrics/0/query", "metricname"),
    ] {
        let mut config = configs[0].1.clone();
        config.pointer_mut(pointer).unwrap()[name] = json!("x");
        let (fits, said) = check("misspelt", &config);
        assert!(!fits && said.contains(name), "{pointer}/{name}: {said}");
    }
}
