//! What a fake store was sent, compared with what the reference sent.

use std::{fmt, path::Path};

use anyhow::Context;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::fake_metric_stores::StoreRequest;

/// Headers that say nothing about the request.
const VOLATILE_HEADERS: [&str; 7] = [
    "host",
    "user-agent",
    "connection",
    "accept-encoding",
    "content-length",
    "transfer-encoding",
    "x-goog-api-client",
];

/// Ends of paths that are asked in the background, whenever it is their time.
const BACKGROUND: [&str; 5] = [
    "/api/v1/metrics",
    "/api/v1/atlas/backends.json",
    "/api/v1/atlas/storage.json",
    "/metricDescriptors",
    "/token",
];

/// The recorded requests of one scenario (`requests-<scenario>.json`).
#[derive(Clone, Debug, Deserialize)]
pub struct StoreRequests {
    /// The transcript they belong to.
    pub scenario: String,
    /// By the step that caused them. Those of a canary run came in any order.
    pub groups: Vec<RequestGroup>,
}

/// The requests one step caused.
#[derive(Clone, Debug, Deserialize)]
pub struct RequestGroup {
    /// The step's name up to its last `: `.
    pub group: String,
    /// Each with `method`, `path`, `query`, `headers`, `body`.
    pub requests: Vec<Value>,
}

/// Requests of one group that differ on purpose.
#[derive(Clone, Debug, Deserialize)]
pub struct RequestDeparture {
    /// The entry of `docs/compatibility.md` that explains it.
    pub id: String,
    /// The transcript.
    pub scenario: String,
    /// The group in it.
    pub group: String,
    /// Why, in a sentence.
    pub why: String,
    /// How many of the recorded requests are not sent.
    #[serde(default)]
    pub missing: usize,
    /// Requests sent that are not recorded, with the members of a recorded one.
    #[serde(default)]
    pub unexpected: Vec<Value>,
}

/// What came of a comparison.
#[derive(Clone, Debug)]
pub struct RequestReport {
    /// The transcript.
    pub scenario: String,
    /// Requests that equal a recorded one.
    pub as_recorded: usize,
    /// Requests that are missing or new as the departures say.
    pub departed: usize,
    /// What is wrong.
    pub complaints: Vec<String>,
}

impl fmt::Display for RequestReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = if self.complaints.is_empty() {
            "ok  "
        } else {
            "FAIL"
        };
        write!(
            f,
            "{verdict} {}: {} requests as recorded ({} differ on purpose)",
            self.scenario, self.as_recorded, self.departed
        )?;
        for complaint in &self.complaints {
            write!(f, "\n     {complaint}")?;
        }
        Ok(())
    }
}

impl RequestDeparture {
    /// Reads a JSON list of departures.
    ///
    /// # Errors
    /// When the file cannot be read or is no such list.
    pub fn read(path: &Path) -> anyhow::Result<Vec<Self>> {
        read(path)
    }
}

fn read<T: serde::de::DeserializeOwned>(path: &Path) -> anyhow::Result<T> {
    let text =
        std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    serde_json::from_str(&text).with_context(|| format!("{} has another shape", path.display()))
}

impl StoreRequests {
    /// Reads one recording.
    ///
    /// # Errors
    /// When the file cannot be read or is no recording.
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        read(path)
    }

    /// The groups whose names begin with `prefix`.
    #[must_use]
    pub fn only(&self, prefix: &str) -> Self {
        Self {
            scenario: self.scenario.clone(),
            groups: self
                .groups
                .iter()
                .filter(|group| group.group.starts_with(prefix))
                .cloned()
                .collect(),
        }
    }

    /// Compares what was sent with the recording, as a collection: the order of requests and of their
    /// parameters does not count, nor do the parts that differ from run to run. Requests sent in the
    /// background are left out.
    #[must_use]
    pub fn compare(&self, sent: &[StoreRequest], departures: &[RequestDeparture]) -> RequestReport {
        let mut unexpected: Vec<Value> = sent
            .iter()
            .filter(|request| !BACKGROUND.iter().any(|end| request.path.ends_with(end)))
            .map(|request| essence(&without_volatile_parts(request)))
            .collect();
        let mut report = RequestReport {
            scenario: self.scenario.clone(),
            as_recorded: 0,
            departed: 0,
            complaints: Vec::new(),
        };
        let own = |group: &str| -> Vec<&RequestDeparture> {
            departures
                .iter()
                .filter(|d| d.scenario == self.scenario && d.group == group)
                .collect()
        };
        for group in &self.groups {
            let mut missing = Vec::new();
            for request in &group.requests {
                match take(&mut unexpected, &essence(request)) {
                    true => report.as_recorded += 1,
                    false => missing.push(request),
                }
            }
            let departures = own(&group.group);
            let allowed: usize = departures.iter().map(|d| d.missing).sum();
            report.departed += missing.len().min(allowed);
            if missing.len() != allowed {
                report.complaints.push(format!(
                    "{}: {} requests are not sent, {allowed} on purpose; the first: {}",
                    group.group,
                    missing.len(),
                    missing.first().map(|r| shown(r)).unwrap_or_default()
                ));
            }
        }
        for departure in departures.iter().filter(|d| d.scenario == self.scenario) {
            if !self.groups.iter().any(|g| g.group == departure.group) {
                report.complaints.push(format!(
                    "departure {} names a group that does not exist: {}",
                    departure.id, departure.group
                ));
            }
            for request in &departure.unexpected {
                match take(&mut unexpected, &essence(request)) {
                    true => report.departed += 1,
                    false => report.complaints.push(format!(
                        "{}: departure {} is listed but not sent: {}",
                        departure.group,
                        departure.id,
                        shown(request)
                    )),
                }
            }
        }
        report.complaints.extend(
            unexpected
                .iter()
                .map(|r| format!("not recorded: {}", shown(r))),
        );
        report
    }
}

/// Takes one equal request out; whether there was one.
fn take(requests: &mut Vec<Value>, wanted: &Value) -> bool {
    match requests.iter().position(|request| request == wanted) {
        Some(at) => {
            requests.swap_remove(at);
            true
        }
        None => false,
    }
}

fn shown(request: &Value) -> String {
    let text = request.to_string();
    text[..text.floor_char_boundary(600)].to_owned()
}

/// A request as recordings hold it.
fn without_volatile_parts(request: &StoreRequest) -> Value {
    let query: Vec<(&str, &str)> = request
        .query
        .iter()
        .map(|(name, value)| match name.as_str() {
            "kayentaQueryUUID" => (name.as_str(), "<uuid>"),
            name => (name, value.as_str()),
        })
        .collect();
    let asks_nrql = request.query.iter().any(|(name, _)| name == "nrql");
    let headers: Map<String, Value> = request
        .headers
        .iter()
        .filter(|(name, _)| {
            !VOLATILE_HEADERS.contains(&name.as_str()) && (*name != "accept" || asks_nrql)
        })
        .map(|(name, value)| (name.clone(), value.as_str().into()))
        .collect();
    let body = match serde_json::from_str::<Value>(&request.body) {
        Ok(mut body @ Value::Object(_)) => {
            mask_body(&mut body);
            body
        }
        _ => request.body.as_str().into(),
    };
    json!({
        "method": request.method, "path": request.path, "query": query, "headers": headers, "body": body
    })
}

/// Ids and times in what a remote judge is sent.
fn mask_body(body: &mut Value) {
    // Indexing a `Value` that can be changed would add what is not there.
    if let Some(pairs) = body
        .get_mut("metricSetPairList")
        .and_then(Value::as_array_mut)
    {
        for pair in pairs {
            pair["id"] = "<uuid>".into();
        }
    }
    if let Some(config) = body.get_mut("canaryConfig").and_then(Value::as_object_mut) {
        for (name, value) in config {
            let volatile = ["id", "createdTimestamp", "createdTimestampIso"]
                .contains(&name.as_str())
                || name.starts_with("updatedTimestamp");
            if volatile {
                *value = "<volatile>".into();
            }
        }
    }
}

/// What has to be equal: parameters in any order, a content type without its charset, numbers by value.
fn essence(request: &Value) -> Value {
    let mut query: Vec<Value> = request["query"].as_array().cloned().unwrap_or_default();
    query.sort_by_key(Value::to_string);
    let headers: Map<String, Value> = request["headers"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, value)| {
            let text = value.as_str().unwrap_or_default();
            let text = match name.as_str() {
                "content-type" => text.split(';').next().unwrap_or_default().to_lowercase(),
                _ => text.to_owned(),
            };
            (name.clone(), text.into())
        })
        .collect();
    json!({
        "method": request["method"], "path": request["path"], "query": query, "headers": headers,
        "body": by_value(&request["body"])
    })
}

fn by_value(value: &Value) -> Value {
    match value {
        Value::Object(fields) => fields
            .iter()
            .map(|(name, value)| (name.clone(), by_value(value)))
            .collect(),
        Value::Array(items) => items.iter().map(by_value).collect(),
        Value::Number(number) => number.as_f64().into(),
        _ => value.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(path: &str, query: &[(&str, &str)], body: &str) -> StoreRequest {
        StoreRequest {
            scheme: "http",
            method: "GET".to_owned(),
            path: path.to_owned(),
            raw: path.to_owned(),
            query: query
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
            headers: [
                ("host", "localhost:1"),
                ("accept", "*/*"),
                ("content-type", "Application/JSON; charset=UTF-8"),
            ]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into(),
            body: body.to_owned(),
        }
    }

    fn recorded() -> StoreRequests {
        serde_json::from_value(
            json!({"scenario": "s", "groups": [{"group": "one", "requests": [{
                "method": "GET", "path": "/q", "query": [["a", "1"], ["b", "2"]],
                "headers": {"content-type": "application/json"}, "body": {"n": 1}
            }]}]}),
        )
        .unwrap()
    }

    #[test]
    fn order_charset_and_spelling_of_numbers_do_not_count() {
        let requests = [
            sent("/q", &[("b", "2"), ("a", "1")], r#"{"n": 1.0}"#),
            sent("/api/v1/metrics", &[], ""),
        ];
        let report = recorded().compare(&requests, &[]);
        assert!(report.complaints.is_empty(), "{report}");
        assert_eq!(report.as_recorded, 1);
    }

    #[test]
    fn missing_and_unexpected_requests_are_reported_unless_they_depart() {
        let requests = [sent("/q", &[("a", "1"), ("b", "3")], r#"{"n": 1}"#)];
        let report = recorded().compare(&requests, &[]);
        assert_eq!(report.complaints.len(), 2, "{report}");
        let departure: RequestDeparture = serde_json::from_value(json!({
            "id": "C-X-01", "scenario": "s", "group": "one", "why": "because", "missing": 1,
            "unexpected": [{
                "method": "GET", "path": "/q", "query": [["a", "1"], ["b", "3"]],
                "headers": {"content-type": "application/json"}, "body": {"n": 1}
            }]
        }))
        .unwrap();
        let report = recorded().compare(&requests, std::slice::from_ref(&departure));
        assert!(report.complaints.is_empty(), "{report}");
        assert_eq!(report.departed, 2);
        let report = recorded().compare(&[], &[departure]);
        assert_eq!(report.complaints.len(), 1, "{report}");
    }
}
