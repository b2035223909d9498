//! Every request that Swagger UI offers, sent to the demo as it stands.

use std::{collections::BTreeMap, time::Duration};

use kayenta_testkit::eventually;
use serde_json::Value;

use crate::demo::Demo;

/// An operation of the document, with everything Swagger UI fills in.
struct Offered<'d> {
    method: &'d str,
    path: &'d str,
    parameters: Vec<(&'d str, bool, Value)>,
    body: Option<(&'d str, &'d Value)>,
}

impl<'d> Offered<'d> {
    fn all(document: &'d Value) -> Vec<Self> {
        let mut all = Vec::new();
        for (path, item) in document["paths"].as_object().unwrap() {
            for (method, operation) in item.as_object().unwrap() {
                let parameters = operation["parameters"].as_array().into_iter().flatten();
                let parameters = parameters.filter_map(|parameter| {
                    let value = [
                        &parameter["example"],
                        &parameter["schema"]["example"],
                        &parameter["schema"]["default"],
                    ];
                    let value = value.into_iter().find(|value| !value.is_null());
                    assert!(
                        value.is_some() || parameter["required"] != true,
                        "{method} {path}: {parameter}"
                    );
                    let name = parameter["name"].as_str().unwrap();
                    Some((name, parameter["in"] == "path", value?.clone()))
                });
                let body = operation["requestBody"]["content"].as_object();
                let body = body.and_then(|contents| contents.iter().next());
                all.push(Self {
                    method,
                    path,
                    parameters: parameters.collect(),
                    body: body.map(|(kind, content)| {
                        assert!(!content["example"].is_null(), "{method} {path}");
                        (kind.as_str(), &content["example"])
                    }),
                });
            }
        }
        // What reads comes first, and what removes last.
        all.sort_by_key(|offered| match offered.method {
            "get" => 0,
            "delete" => 2,
            _ => 1,
        });
        all
    }

    /// Sends it, with ids that exist in place of those of the examples.
    async fn send(&self, demo: &Demo, ids: &BTreeMap<&str, String>) -> (u16, Value) {
        let mut path = self.path.to_owned();
        let mut query = Vec::new();
        for (name, in_path, value) in &self.parameters {
            let values = match value {
                Value::Array(values) => values.iter().collect(),
                one => vec![one],
            };
            for value in values {
                let mut text = value
                    .as_str()
                    .map_or_else(|| value.to_string(), str::to_owned);
                if let Some(id) = ids.get(self.kind_of(name)) {
                    text.clone_from(id);
                }
                match in_path {
                    true => path = path.replace(&format!("{{{name}}}"), &text),
                    false => query.push((*name, text)),
                }
            }
        }
        let method = self.method.to_uppercase().parse().unwrap();
        let mut request = demo.http.request(method, demo.url(&path)).query(&query);
        if let Some((kind, body)) = self.body {
            let text = match body.as_str() {
                Some(text) if kind != "application/json" => text.to_owned(),
                _ => body.to_string(),
            };
            request = request.header("content-type", kind).body(text);
        }
        let answer = request.send().await.unwrap();
        let status = answer.status().as_u16();
        let text = answer.text().await.unwrap();
        let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
        (status, body)
    }

    /// Which id a parameter stands for.
    fn kind_of<'n>(&self, name: &'n str) -> &'n str {
        match (self.method, self.path) {
            ("post", "/canary/{id}" | "/standalone_canary_analysis/{id}") if name == "id" => {
                "canaryConfigId"
            }
            // The example has a name of its own, which only the config that was stored with it may keep.
            ("put" | "delete", "/canaryConfig/{canaryConfigId}") if name == "canaryConfigId" => {
                "storedConfigId"
            }
            (_, path) if path.starts_with("/standalone_canary_analysis/") && name == "id" => {
                "analysis"
            }
            (_, path) if path.starts_with("/canary/") && name == "id" => "run",
            (_, path) if path.starts_with("/judges/comparison/") => "comparison",
            (_, path) if path.starts_with("/pipelines/") => "run",
            (_, path) if path.starts_with("/canaryResultArchive/") => "run",
            _ => name,
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_request_that_swagger_offers_runs_on_the_demo() {
    let demo = Demo::start().await;
    let document = demo.get("/v3/api-docs").await;
    let mut ids = BTreeMap::new();
    for (kind, path, pointer) in [
        ("canaryConfigId", "/canaryConfig", "/0/id"),
        ("run", "/executions?kinds=analysisRun", "/executions/0/id"),
        ("metricSetListId", "/metricSetList", "/0/id"),
        ("metricSetPairListId", "/metricSetPairList", "/0/id"),
    ] {
        let list = demo.get(path).await;
        let id = list.pointer(pointer).and_then(Value::as_str);
        let id = id.unwrap_or_else(|| panic!("{path}: {list}"));
        ids.insert(kind, id.to_owned());
    }
    let pairs = demo
        .get(&format!(
            "/metricSetPairList/{}",
            ids["metricSetPairListId"]
        ))
        .await;
    ids.insert(
        "metricSetPairId",
        pairs[0]["id"].as_str().unwrap().to_owned(),
    );
    let analyses = demo.get("/executions?kinds=analysis").await;
    let analysis = analyses["executions"][0]["id"].as_str().unwrap();
    ids.insert("analysis", analysis.to_owned());

    let offered = Offered::all(&document);
    // Answers with an id that the others need.
    let compares = offered
        .iter()
        .find(|offered| (offered.method, offered.path) == ("post", "/judges/comparison"));
    let (status, compared) = compares.unwrap().send(&demo, &ids).await;
    assert_eq!(status, 200, "{compared}");
    let comparison = compared["canaryExecutionId"].as_str().unwrap();
    ids.insert("comparison", comparison.to_owned());

    let mut wrong = Vec::new();
    for offered in &offered {
        let (status, answer) = offered.send(&demo, &ids).await;
        let expected = match (offered.method, offered.path) {
            // Nothing has been given up in the demo, and no config has the id `executions`.
            (_, "/admin/deadLetters/{id}/putBack") | ("post", "/canary/executions") => 404..=404,
            _ => 200..=204,
        };
        if !expected.contains(&status) {
            wrong.push(format!(
                "{} {}: {status} {answer}",
                offered.method, offered.path
            ));
            continue;
        }
        if (offered.method, offered.path) == ("post", "/canaryConfig") {
            let stored = answer["canaryConfigId"].as_str().unwrap();
            ids.insert("storedConfigId", stored.to_owned());
        }
        let started = answer["canaryExecutionId"]
            .as_str()
            .map(|id| format!("/canary/{id}"))
            .or_else(|| {
                let id = answer["canaryAnalysisExecutionId"].as_str()?;
                Some(format!("/standalone_canary_analysis/{id}"))
            });
        // The example of an analysis by id begins now and lasts an hour.
        if let Some(path) = started
            && offered.path != "/standalone_canary_analysis/{id}"
            && offered.path != "/judges/comparison"
        {
            let ended = eventually(
                format!("{path} ends"),
                Duration::from_secs(30),
                async || {
                    let answer = demo.get(&path).await;
                    match answer["complete"] == true {
                        true => Ok(answer),
                        false => Err(answer),
                    }
                },
            )
            .await;
            if !ended["status"]
                .as_str()
                .is_some_and(|s| s.eq_ignore_ascii_case("succeeded"))
            {
                wrong.push(format!("{} {}: {ended}", offered.method, offered.path));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_committed_json_schema_is_served_as_it_is() {
    let demo = Demo::start().await;
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../api-spec/schemas");
    let mut served = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let committed: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        assert_eq!(
            demo.get(&format!("/schemas/{name}")).await,
            committed,
            "{name}"
        );
        served.push(name);
    }
    served.sort_unstable();
    let names = [
        "analysis-request",
        "canary-config",
        "canary-request",
        "kayenta",
    ];
    assert_eq!(served, names.map(|name| format!("{name}.json")));
}
