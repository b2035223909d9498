//! `api-spec/schemas/` is what the service serves, and every sample fits it.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    fs,
    path::PathBuf,
    process::Command,
};

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
    let descriptions = Descriptions::read();
    let configuration =
        kayenta_config::configuration_schema(KINDS, |name| descriptions.describe(name));
    assert_eq!(
        descriptions.unused(),
        [] as [&str; 0],
        "names that nothing reads"
    );
    let places = ["kayenta", "prometheus", "accounts"].map(|step| format!("/properties/{step}"));
    let place = format!(
        "{}/items/properties/endpoint/properties/baseUrl",
        places.concat()
    );
    assert!(configuration.pointer(&place).is_some(), "{place}");
    let made = format!("{configuration}\n");
    up_to_date("api-spec/schemas/kayenta.json", made);
}

/// Cases of `testdata` whose point is a mistake in the file.
const MISTAKEN: [&str; 5] = [
    "f01-metric-store-serve",
    "f02-clickhouse",
    "f02-keys-of-another-store",
    "f02-minio-keys",
    "f02-within-its-section",
];

/// What settings mean: a list of its own, and the tables of `docs/configure.md`, which come first.
struct Descriptions {
    documented: Vec<(String, String)>,
    listed: Vec<(&'static str, &'static str)>,
    used: RefCell<BTreeSet<&'static str>>,
}

impl Descriptions {
    fn read() -> Self {
        let listed = include_str!("setting_descriptions.txt").lines();
        let listed = listed.filter(|line| !line.is_empty() && !line.starts_with('#'));
        let page = fs::read_to_string(repository().join("docs/configure.md")).unwrap();
        let rows = page.lines().filter_map(|line| line.strip_prefix("| `"));
        let documented = rows.filter_map(|row| {
            let (name, rest) = row.split_once("` |")?;
            let (_, meaning) = rest.split_once(" | ")?;
            Some((
                uniform(name),
                sentence(meaning.trim_end_matches([' ', '|'])),
            ))
        });
        Self {
            documented: documented.collect(),
            listed: listed.map(|line| line.split_once(": ").unwrap()).collect(),
            used: Default::default(),
        }
    }

    fn describe(&self, name: &str) -> Option<String> {
        let mut matching: Vec<_> = self
            .listed
            .iter()
            .filter(|(pattern, _)| match pattern.strip_prefix('*') {
                Some(end) => name.ends_with(end),
                None => name == *pattern,
            })
            .collect();
        matching.sort_by_key(|(pattern, _)| pattern.len());
        self.used
            .borrow_mut()
            .extend(matching.iter().map(|(pattern, _)| *pattern));
        let name = uniform(name);
        let documented = self.documented.iter().find(|(known, _)| *known == name);
        documented
            .map(|(_, text)| text.clone())
            .or_else(|| matching.last().map(|(_, text)| (*text).to_owned()))
    }

    fn unused(&self) -> Vec<&'static str> {
        let used = self.used.borrow();
        let patterns = self.listed.iter().map(|(pattern, _)| *pattern);
        patterns.filter(|pattern| !used.contains(pattern)).collect()
    }
}

fn uniform(name: &str) -> String {
    name.replace(['-', '_'], "").to_lowercase()
}

/// A cell of a table as a sentence without markup.
fn sentence(cell: &str) -> String {
    let mut text = String::new();
    for (at, part) in cell.replace('`', "").split("](").enumerate() {
        let part = match part.split_once(')') {
            Some((_, after)) if at > 0 => after,
            _ => part,
        };
        text.push_str(part);
    }
    let text = text.replace('[', "");
    let mut letters = text.chars();
    let first: String = letters
        .next()
        .into_iter()
        .flat_map(char::to_uppercase)
        .collect();
    format!("{first}{}.", letters.as_str().trim_end_matches('.'))
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

/// Configuration files, with what stands for addresses in samples put in.
fn configurations() -> Vec<(String, String)> {
    let mut folders = vec![repository().join("deploy"), repository().join("testdata")];
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path
                .strip_prefix(repository())
                .unwrap()
                .display()
                .to_string();
            if path.is_dir() {
                // Files with mistakes, for `check-config`.
                if !name.contains("broken") {
                    folders.push(path);
                }
                continue;
            }
            let is_configuration = name.ends_with("/kayenta.yml")
                || name.starts_with("testdata/configuration/") && name.ends_with(".yml")
                || name.starts_with("testdata/samples/") && name.ends_with(".yml");
            if is_configuration {
                let text = fs::read_to_string(&path).unwrap();
                let mut pieces = text.split("{{");
                let mut filled = pieces.next().unwrap().to_owned();
                for piece in pieces {
                    filled.push_str("http://address");
                    filled.push_str(piece.split_once("}}").unwrap().1);
                }
                found.push((name, filled));
            }
        }
    }
    found
}

#[test]
#[ignore = "needs python3 and the package index"]
fn every_configuration_fits_the_schema_and_mistakes_are_reported_where_they_are() {
    let programs =
        tools::python_packages("check-jsonschema", &["check-jsonschema==0.34.0"]).unwrap();
    let schema = repository().join("api-spec/schemas/kayenta.json");
    let folder = tempfile::tempdir().unwrap();
    let check = |files: &[(String, String)]| -> (bool, String) {
        let paths: Vec<PathBuf> = files
            .iter()
            .map(|(name, text)| {
                let path = folder.path().join(name.replace('/', "+"));
                fs::write(&path, text).unwrap();
                path
            })
            .collect();
        let output = Command::new(programs.join("check-jsonschema"))
            .arg("--schemafile")
            .arg(&schema)
            .args(&paths)
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        (output.status.success(), text)
    };
    let files = configurations();
    assert!(files.len() > 40, "only {} files", files.len());
    let (mistaken, sound): (Vec<_>, Vec<_>) = files
        .into_iter()
        .partition(|(name, _)| MISTAKEN.iter().any(|mistaken| name.contains(mistaken)));
    let (fits, said) = check(&sound);
    assert!(fits, "{said}");
    assert_eq!(mistaken.len(), MISTAKEN.len());
    for file in mistaken {
        let name = file.0.clone();
        assert!(!check(&[file]).0, "{name} fits");
    }
    for (text, said_of) in [
        ("kayenta: {promtheus: {enabled: true}}", "promtheus"),
        ("kayenta: {ui: {publicURL2: x}}", "publicURL2"),
        ("kayenta: {prometheus: {accounts: [{nam: x}]}}", "nam"),
        ("kayenta: {engine: {workers: many}}", "many"),
        ("kayenta: {engine: {workers: 0}}", "minimum"),
        ("kayenta: {engine: {lease: soon}}", "soon"),
        ("kayenta: {security: {enabled: maybe}}", "maybe"),
        ("kayenta: {prometheus: {accounts: {name: x}}}", "accounts"),
        ("server: {port: high}", "high"),
    ] {
        let (fits, said) = check(&[("mistake.yml".to_owned(), text.to_owned())]);
        assert!(!fits && said.contains(said_of), "{text}: {said}");
    }
    for text in [
        "kayenta: {embedded: {data-dir: x}, engine: {fetchesPerRun: 3, lease: 10s}}",
        "kayenta: {engine: {workers: '${WORKERS:5}'}}",
        "kayenta.ui.enabled: false",
        "a-setting-of-the-java-service: {x: 1}",
    ] {
        let (fits, said) = check(&[("sound.yml".to_owned(), text.to_owned())]);
        assert!(fits, "{text}: {said}");
    }
}

/// The requests that the recorded transcripts of the Java service hold.
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
