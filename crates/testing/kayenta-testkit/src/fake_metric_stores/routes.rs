//! Which store a path belongs to, and the failure response of each.

use serde_json::{Value, json};

use super::{
    asked::{Asked, Said},
    atlas, datadog, graphite, influxdb, newrelic, remote_judge, signalfx, stackdriver, wavefront,
};

/// Answers a request.
pub(super) type Answer = fn(&Asked<'_>) -> anyhow::Result<Said>;

/// Where the text that scripts an answer stands.
#[derive(Clone, Copy, Debug)]
pub(super) enum Script {
    Parameter(&'static str),
    Body,
    /// The name of the canary config in a JSON body.
    ConfigName,
    /// Nowhere: this path always answers.
    None,
}

/// One path of one store.
#[derive(Clone, Copy, Debug)]
pub(super) struct Route {
    pub(super) store: &'static str,
    pub(super) answer: Answer,
    pub(super) script: Script,
    pub(super) content_type: &'static str,
}

/// The ends of paths, the more particular ones first.
const ROUTES: &[(&str, &str, Answer, Script)] = &[
    ("/api/v1/metrics", "datadog", datadog::metrics, Script::None),
    (
        "/api/v1/query",
        "datadog",
        datadog::query,
        Script::Parameter("query"),
    ),
    (
        "/render",
        "graphite",
        graphite::render,
        Script::Parameter("target"),
    ),
    (
        "/metrics/find",
        "graphite",
        graphite::find,
        Script::Parameter("query"),
    ),
    (
        "/v2/signalflow/execute",
        "signalfx",
        signalfx::execute,
        Script::Body,
    ),
    (
        "/api/v2/chart/api",
        "wavefront",
        wavefront::chart,
        Script::Parameter("q"),
    ),
    (
        "/api/v1/atlas/backends.json",
        "atlas",
        atlas::backends,
        Script::None,
    ),
    (
        "/api/v1/atlas/storage.json",
        "atlas",
        atlas::storage,
        Script::None,
    ),
    (
        "/api/v2/fetch",
        "atlas",
        atlas::fetch,
        Script::Parameter("q"),
    ),
    ("/token", "stackdriver", stackdriver::token, Script::None),
    (
        "/metricDescriptors",
        "stackdriver",
        stackdriver::descriptors,
        Script::None,
    ),
    (
        "/timeSeries",
        "stackdriver",
        stackdriver::time_series,
        Script::Parameter("filter"),
    ),
    (
        "/judge",
        "remote-judge",
        remote_judge::judge,
        Script::ConfigName,
    ),
];

/// The route of a path.
pub(super) fn route(path: &str) -> Option<Route> {
    let known = |&(_, store, answer, script): &(&str, &'static str, Answer, Script)| Route {
        store,
        answer,
        script,
        content_type: match path {
            _ if path.ends_with("/v2/signalflow/execute") => "text/plain",
            _ if path.ends_with("/api/v2/fetch") => "text/event-stream",
            _ => "application/json",
        },
    };
    let segments: Vec<&str> = path.rsplit('/').take(4).collect();
    if let ["query", _, "accounts", "v1"] = segments[..] {
        return Some(known(&(
            "",
            "newrelic",
            newrelic::query,
            Script::Parameter("nrql"),
        )));
    }
    ROUTES
        .iter()
        .find(|(end, ..)| path.ends_with(end))
        .map(known)
        .or_else(|| {
            let influxdb = (
                "",
                "influxdb",
                influxdb::query as Answer,
                Script::Parameter("q"),
            );
            path.ends_with("/query").then(|| known(&influxdb))
        })
}

/// The text that scripts an answer.
pub(super) fn script<'a>(asked: &'a Asked<'_>, script: Script) -> std::borrow::Cow<'a, str> {
    match script {
        Script::Parameter(name) => asked.text(name).into(),
        Script::Body => asked.body.into(),
        Script::ConfigName => {
            let body: Value = serde_json::from_str(asked.body).unwrap_or_default();
            let name = body["canaryConfig"]["name"].as_str().unwrap_or_default();
            name.to_owned().into()
        }
        Script::None => "".into(),
    }
}

/// How a store words an error.
pub(super) fn failure(store: &str) -> Said {
    let text = "scripted failure";
    match store {
        "graphite" => return Said::Text(text.to_owned()),
        "datadog" => json!({"errors": [text]}),
        "signalfx" => json!({
            "code": 400, "context": {"line": 1}, "errorType": "SIGNALFLOW_INVALID", "message": text
        }),
        "wavefront" => json!({"status": {"code": 400}, "message": text}),
        "atlas" => json!({"type": "error", "message": text}),
        "stackdriver" => {
            json!({"error": {"code": 400, "message": text, "status": "INVALID_ARGUMENT"}})
        }
        "remote-judge" => {
            json!({"error": "Unprocessable", "message": text, "errors": ["first", "second"]})
        }
        _ => json!({"error": text}),
    }
    .into()
}
