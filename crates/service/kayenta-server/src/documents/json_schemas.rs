//! `api-spec/schemas/` is what the service serves, and every sample fits it.

use std::{collections::BTreeMap, fs, path::PathBuf, process::Command};

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

/// Recorded steps that the service takes and the schema reports: numbers and flags as texts, times as numbers, an unknown
/// field, no thresholds.
const LENIENT: [&str; 5] = [
    "string numbers",
    "times as numbers",
    "badsetting: start",
    "unknown field",
    "no thresholds",
];

/// Names, paths and bodies of what the recordings of the Java service posted and it accepted.
fn recorded_requests() -> Vec<(String, String, Value)> {
    let mut found = Vec::new();
    for file in fs::read_dir(repository().join("testdata/http")).unwrap() {
        let text = fs::read_to_string(file.unwrap().path()).unwrap();
        let recording: Value = serde_json::from_str(&text).unwrap();
        for step in recording["steps"].as_array().into_iter().flatten() {
            let request = &step["request"];
            let accepted = step["response"]["status"] == 200 && request["method"] == "POST";
            if accepted && request["body"].is_object() {
                let text = |value: &Value| value.as_str().unwrap().to_owned();
                let name = text(&step["name"]);
                found.push((name, text(&request["path"]), request["body"].clone()));
            }
        }
    }
    found
}

/// Requests of the recordings, but for what the schema is stricter about.
#[test]
#[ignore = "needs python3 and the package index"]
fn recorded_requests_fit_their_schema() {
    let programs =
        tools::python_packages("check-jsonschema", &["check-jsonschema==0.34.0"]).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let check = |schema: &str, files: &[PathBuf]| {
        let output = Command::new(programs.join("check-jsonschema"))
            .arg("--schemafile")
            .arg(repository().join("api-spec/schemas").join(schema))
            .args(files)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        (output.status.success(), said)
    };
    let mut bodies: BTreeMap<&str, Vec<PathBuf>> = BTreeMap::new();
    let mut lenient = 0;
    for (number, (name, path, body)) in recorded_requests().into_iter().enumerate() {
        let schema = match path.split('?').next().unwrap() {
            "/canary" => "canary-request.json",
            "/standalone_canary_analysis" => "analysis-request.json",
            "/canaryConfig" => "canary-config.json",
            _ => continue,
        };
        let file = folder.path().join(format!("{number}.json"));
        fs::write(&file, body.to_string()).unwrap();
        if LENIENT.contains(&name.as_str()) {
            let (fits, _) = check(schema, &[file]);
            assert!(!fits, "{name} fits");
            lenient += 1;
        } else {
            bodies.entry(schema).or_default().push(file);
        }
    }
    assert_eq!(lenient, LENIENT.len());
    assert_eq!(bodies.len(), 3, "{:?}", bodies.keys());
    for (schema, files) in bodies {
        assert!(files.len() > 5, "{schema}: {} requests", files.len());
        let (fits, said) = check(schema, &files);
        assert!(fits, "{schema}: {said}");
    }
}
