//! The examples of the API document, held against a running service: request examples are accepted,
//! and responses have the fields, types and words that their examples show.

use std::{sync::Arc, time::Duration};

use axum::body::Body;
use bytes::Bytes;
use futures::{StreamExt, stream};
use http::Request;
use kayenta_api::ApiOptions;
use kayenta_management::{Health, Impact, Ping};
use kayenta_settings::{AuthenticationSettings, BearerToken, Role};
use kayenta_testkit::eventually;
use serde_json::{Map, Value, json};

use crate::{
    dead_letters::{bury, letters},
    fixture::{
        Answer, Away, PATIENCE, Service, Switch, complete, options, service, service_on,
        service_with,
    },
};

/// Fields whose text an example must share with the response.
const WORDS: [&str; 8] = [
    "status",
    "executionStatus",
    "classification",
    "classificationReason",
    "canaryScoreMessage",
    "judgeName",
    "type",
    "statistic",
];

/// A running service and the document it is held against.
struct Held {
    document: Value,
    service: Service,
}

impl Held {
    fn new() -> Self {
        let mut options = options();
        options.management.probes_listed = true;
        let redis = Switch::new("redisHealth", Impact::HealthAndReadiness);
        Self {
            document: crate::fixture::document(),
            service: service_with(options, vec![Arc::new(Ping), redis]),
        }
    }

    fn content<'a>(&self, part: &'a Value) -> &'a Value {
        let contents = part["content"].as_object().unwrap();
        contents.values().next().unwrap()
    }

    fn request_example(&self, method: &str, path: &str) -> &Value {
        let operation = &self.document["paths"][path][method];
        &self.content(&operation["requestBody"])["example"]
    }

    /// Sends the request example of an operation to `target`, the path with its parameters.
    async fn send_example(&self, method: &str, path: &str, target: &str) -> Value {
        let body = self.request_example(method, path);
        let answer = self
            .service
            .json(&method.to_uppercase(), target, body)
            .await;
        self.check(method, path, &answer)
    }

    async fn get(&self, path: &str, target: &str) -> Value {
        let answer = self.service.get(target).await;
        self.check("get", path, &answer)
    }

    /// The body of a successful response, which the example of the operation describes.
    fn check(&self, method: &str, path: &str, answer: &Answer) -> Value {
        let what = format!("{method} {path}");
        assert!(answer.status.is_success(), "{what}: {}", answer.text);
        let response = &self.document["paths"][path][method]["responses"][answer.status.as_str()];
        if answer.text.is_empty() {
            assert!(response.get("content").is_none(), "{what} sends no body");
            return Value::Null;
        }
        let real = answer.json();
        if let Err(difference) = shows(&self.content(response)["example"], &real) {
            panic!("{what}: {difference}, in {real}");
        }
        real
    }
}

/// Whether the response has every field of the example, with a value of its type.
fn shows(example: &Value, real: &Value) -> Result<(), String> {
    match (example, real) {
        (Value::Object(example), Value::Object(real)) => {
            for (name, example) in example {
                let real = real
                    .get(name)
                    .ok_or_else(|| format!("there is no {name}"))?;
                if WORDS.contains(&name.as_str()) && example.is_string() && example != real {
                    return Err(format!("{name} is {real}, not {example}"));
                }
                shows(example, real).map_err(|why| format!("{name}: {why}"))?;
            }
            Ok(())
        }
        (Value::Array(example), Value::Array(real)) => {
            for example in example {
                let mut reasons = Vec::new();
                for real in real {
                    match shows(example, real) {
                        Ok(()) => break,
                        Err(why) => reasons.push(why),
                    }
                }
                if reasons.len() == real.len() {
                    return Err(format!("no element is like {example}: {reasons:?}"));
                }
            }
            Ok(())
        }
        _ => {
            let same = std::mem::discriminant(example) == std::mem::discriminant(real);
            same.then_some(())
                .ok_or_else(|| format!("{real} is of another type than {example}"))
        }
    }
}

fn field<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap()
}

#[tokio::test]
async fn config_and_run_examples_are_what_the_service_accepts_and_returns() {
    let held = Held::new();
    let stored = held
        .send_example("post", "/canaryConfig", "/canaryConfig")
        .await;
    let config = field(&stored, "canaryConfigId");
    let target = format!("/canaryConfig/{config}");
    held.get("/canaryConfig", "/canaryConfig").await;
    held.get("/canaryConfig/{canaryConfigId}", &target).await;
    held.send_example("put", "/canaryConfig/{canaryConfigId}", &target)
        .await;

    let started = held
        .send_example("post", "/canary/{id}", &format!("/canary/{config}"))
        .await;
    let target = format!("/canary/{}", field(&started, "canaryExecutionId"));
    complete(&held.service, &target).await;

    let started = held.send_example("post", "/canary", "/canary").await;
    let id = field(&started, "canaryExecutionId");
    let target = format!("/canary/{id}");
    let run = complete(&held.service, &target).await;
    held.get("/canary/{id}", &target).await;
    held.get("/canary/executions", "/canary/executions").await;
    held.get("/pipelines", "/pipelines").await;
    held.get("/pipelines/{executionId}", &format!("/pipelines/{id}"))
        .await;
    held.get("/canaryResultArchive", "/canaryResultArchive")
        .await;
    // A run is complete shortly before its archive exists.
    let archive = format!("/canaryResultArchive/{id}");
    eventually("the run is archived", PATIENCE, async || {
        let answer = held.service.get(&archive).await;
        (answer.status == 200).then_some(()).ok_or(answer)
    })
    .await;
    held.get("/canaryResultArchive/{pipelineId}", &archive)
        .await;
    held.send_example("post", "/canaryResultArchive", "/canaryResultArchive")
        .await;

    // An explanation with numbers needs sides that differ.
    let mut body = held.request_example("post", "/canary").clone();
    body["executionRequest"]["scopes"]["default"]["experimentScope"]["scope"] = json!("bad");
    let started = held.service.json("POST", "/canary", &body).await.json();
    let target = format!("/canary/{}", field(&started, "canaryExecutionId"));
    complete(&held.service, &target).await;
    held.get("/canary/{id}/explanation", &format!("{target}/explanation"))
        .await;

    let pairs = field(&run, "metricSetPairListId");
    let query = format!(
        "canaryConfigId={config}&metricSetPairListId={pairs}&passThreshold=95&marginalThreshold=75"
    );
    let compared = held
        .service
        .call("POST", &format!("/judges/comparison?{query}"), &[])
        .await;
    held.check("post", "/judges/comparison", &compared);
}

#[tokio::test]
async fn analysis_examples_are_what_the_service_accepts_and_returns() {
    let held = Held::new();
    let path = "/standalone_canary_analysis";
    let started = held.send_example("post", path, path).await;
    let target = format!("{path}/{}", field(&started, "canaryAnalysisExecutionId"));
    complete(&held.service, &target).await;
    held.get("/standalone_canary_analysis/{id}", &target).await;
    held.get(
        "/standalone_canary_analysis/{id}/explanation",
        &format!("{target}/explanation"),
    )
    .await;

    let stored = held
        .send_example("post", "/canaryConfig", "/canaryConfig")
        .await;
    let target = format!("{path}/{}", field(&stored, "canaryConfigId"));
    held.send_example("post", "/standalone_canary_analysis/{id}", &target)
        .await;
}

#[tokio::test]
async fn examples_of_lists_and_accounts_are_what_the_service_accepts_and_returns() {
    let held = Held::new();
    for (kind, id, path) in [
        (
            "/metricSetList",
            "metricSetListId",
            "/metricSetList/{metricSetListId}",
        ),
        (
            "/metricSetPairList",
            "metricSetPairListId",
            "/metricSetPairList/{metricSetPairListId}",
        ),
    ] {
        let stored = held.send_example("post", kind, kind).await;
        held.get(kind, kind).await;
        held.get(path, &format!("{kind}/{}", field(&stored, id)))
            .await;
    }
    for path in [
        "/judges",
        "/credentials",
        "/metricsServices",
        "/health",
        "/env",
        "/configprops",
        "/loggers",
        "/metrics",
        "/scheduledtasks",
    ] {
        held.get(path, path).await;
    }
    held.get(
        "/metadata/metricsService",
        "/metadata/metricsService?metricsAccountName=canary-prometheus",
    )
    .await;
    held.get("/metrics/{name}", "/metrics/http.server.requests")
        .await;
    held.send_example("post", "/loggers/{name}", "/loggers/com.netflix.kayenta")
        .await;
    held.get("/loggers/{name}", "/loggers/com.netflix.kayenta")
        .await;
    held.send_example(
        "post",
        "/admin/orca/instance/enabled",
        "/admin/orca/instance/enabled",
    )
    .await;
}

#[tokio::test]
async fn examples_of_fetches_judgements_and_the_rest_are_what_the_service_accepts_and_returns() {
    let held = Held::new();
    for (path, account) in [
        ("/fetch/prometheus/query", "canary-prometheus"),
        ("/fetch/wavefront/query", "wave"),
    ] {
        let parameters = held.document["paths"][path]["post"]["parameters"]
            .as_array()
            .unwrap();
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.append_pair("metricsAccountName", account);
        for parameter in parameters {
            let name = field(parameter, "name");
            match &parameter["example"] {
                Value::Null => {}
                Value::Array(values) => {
                    for value in values {
                        query.append_pair(name, value.as_str().unwrap());
                    }
                }
                Value::String(text) => {
                    query.append_pair(name, text);
                }
                other => {
                    query.append_pair(name, &other.to_string());
                }
            }
        }
        let target = format!("{path}?{}", query.finish());
        let answer = held.service.call("POST", &target, &[]).await;
        held.check("post", path, &answer);
    }

    let started = held.send_example("post", "/canary", "/canary").await;
    let id = field(&started, "canaryExecutionId");
    let run = complete(&held.service, &format!("/canary/{id}")).await;
    let config = &held.request_example("post", "/canary")["canaryConfig"];
    let stored = held
        .service
        .json("POST", "/canaryConfig", config)
        .await
        .json();
    let config = field(&stored, "canaryConfigId");
    let pairs = field(&run, "metricSetPairListId");
    let query = format!(
        "canaryConfigId={config}&metricSetPairListId={pairs}&passThreshold=95&marginalThreshold=75"
    );
    let target = format!("/judges/judge?{query}");
    let judged = held.service.call("POST", &target, &[]).await;
    assert_eq!(judged.status, 200, "{}", judged.text);
    // The example is a judgement of sides that differ.
    let mut example = held.document["paths"]["/judges/judge"]["post"]["responses"]["200"].clone();
    let example = &mut example["content"]["application/json"]["example"];
    for word in ["classification", "classificationReason"] {
        example["results"][0].as_object_mut().unwrap().remove(word);
        example["score"].as_object_mut().unwrap().remove(word);
    }
    shows(example, &judged.json()).unwrap();
    let lists = held
        .service
        .get(&format!("/metricSetPairList/{pairs}"))
        .await;
    let pair = lists.json()[0]["id"].as_str().unwrap().to_owned();
    let path = "/metricSetPairList/{metricSetPairListId}/{metricSetPairId}";
    let answer = held
        .service
        .get(&format!("/metricSetPairList/{pairs}/{pair}"))
        .await;
    assert_eq!(answer.status, 200, "{path}: {}", answer.text);

    // A page has a next one while there is more.
    let again = held.send_example("post", "/canary", "/canary").await;
    complete(
        &held.service,
        &format!("/canary/{}", field(&again, "canaryExecutionId")),
    )
    .await;
    bury(&held.service, "01JRAW4P5ZK8Q9W2M7D3N6X0TV").await;
    letters(&held.service, 1).await;
    for (path, target) in [
        ("/admin/deadLetters", "/admin/deadLetters"),
        ("/executions", "/executions?limit=1"),
        ("/info", "/info"),
        ("/env/{key}", "/env/server.port"),
    ] {
        held.get(path, target).await;
    }
    let spectator = held.service.get("/spectator/metrics").await.json();
    let example = &held.document["paths"]["/spectator/metrics"]["get"]["responses"]["200"];
    let mut example = example["content"]["application/json"]["example"].clone();
    // The meters are those of the fixture.
    let meters = example["metrics"].as_object_mut().unwrap();
    let meter = meters.remove("canary.telemetry.query").unwrap();
    shows(&example, &spectator).unwrap();
    let real = spectator["metrics"].as_object().unwrap();
    assert!(
        real.values().any(|real| {
            let mut meter = meter.clone();
            meter["kind"] = real["kind"].clone();
            shows(&meter, real).is_ok()
        }),
        "{spectator}"
    );
}

#[tokio::test]
async fn the_health_of_a_service_that_is_down_is_as_its_example_shows_it() {
    let mut options = options();
    options.management.probes_listed = true;
    let redis = Switch::new("redisHealth", Impact::HealthAndReadiness);
    redis.say(Health::down("no route to host"));
    let service = service_with(options, vec![Arc::new(Ping), redis]);
    let document = crate::fixture::document();
    for (path, target) in [
        ("/health", "/health"),
        ("/health/{component}", "/health/readiness"),
    ] {
        let answer = service.get(target).await;
        assert_eq!(answer.status, 503, "{}", answer.text);
        let responses = &document["paths"][path]["get"]["responses"];
        let contents = responses["503"]["content"].as_object().unwrap();
        let example = &contents.values().next().unwrap()["example"];
        shows(example, &answer.json()).unwrap_or_else(|why| panic!("{path}: {why}"));
    }
}

/// The example of a shared error response.
fn error_example(document: &Value, name: &str) -> Value {
    let response = &document["components"]["responses"][name];
    let example = &response["content"]["application/json"]["example"];
    assert!(example.is_object(), "{name}: {response}");
    example.clone()
}

#[tokio::test]
async fn error_examples_are_what_the_service_returns() {
    let document = crate::fixture::document();
    let service = service();
    let missing = "/pipelines/01HKZ0Q8M4J0W6T3V9Y2C5B7DF";
    let mut answers =
        vec![
        ("BadRequest", service.get("/canaryConfig?configurationAccountName=nope").await),
        ("NotFound", service.get(missing).await),
        (
            "NotAcceptable",
            service.call("GET", "/judges", &[("accept", "text/html")]).await,
        ),
        (
            "UnsupportedMediaType",
            service.raw("POST", "/canaryConfig", "text/plain", "{}").await,
        ),
        (
            "InternalServerError",
            service
                .get("/metadata/metricsService?metricsAccountName=canary-prometheus&filter=panic")
                .await,
        ),
    ];

    let without_records = service_on(Some(Arc::new(Away)), options(), Vec::new());
    answers.push(("ServiceUnavailable", without_records.get(missing).await));

    let hanging = service_with(
        ApiOptions {
            body_timeout: Duration::from_millis(50),
            ..options()
        },
        Vec::new(),
    );
    let pieces = stream::iter([Ok::<_, std::io::Error>(Bytes::from_static(b"{"))]);
    let request = Request::post("/canaryConfig")
        .header("content-type", "application/json")
        .body(Body::from_stream(pieces.chain(stream::pending())))
        .unwrap();
    answers.push(("RequestTimeout", hanging.send(request).await));

    let guarded = service_with(
        ApiOptions {
            authentication: Some(AuthenticationSettings {
                tokens: vec![BearerToken {
                    name: "reader".to_owned(),
                    token: "a-token".into(),
                    role: Role::Read,
                }],
                ..AuthenticationSettings::default()
            }),
            ..options()
        },
        Vec::new(),
    );
    answers.push(("Unauthorized", guarded.get("/judges").await));
    let headers = [("authorization", "Bearer a-token")];
    let path = "/pipelines/x/cancel";
    answers.push(("Forbidden", guarded.call("PUT", path, &headers).await));

    let mut snapshot = Map::new();
    for (name, answer) in answers {
        let example = error_example(&document, name);
        let real = answer.json();
        assert_eq!(real["message"], example["message"], "{name}");
        let keys =
            |value: &Value| -> Vec<String> { value.as_object().unwrap().keys().cloned().collect() };
        assert_eq!(keys(&real), keys(&example), "{name}");
        if let Some(status) = example.get("status") {
            assert_eq!(*status, json!(answer.status.as_u16()), "{name}");
        }
        let mut body = real;
        if let Some(timestamp) = body.get_mut("timestamp") {
            *timestamp = json!("[timestamp]");
        }
        let answer = json!({"status": answer.status.as_u16(), "body": body});
        snapshot.insert(name.to_owned(), answer);
    }
    let snapshot = serde_json::to_string_pretty(&snapshot).unwrap();
    insta::assert_snapshot!(snapshot);
    let too_long = ApiOptions::default().max_body_bytes;
    assert_eq!(
        error_example(&document, "PayloadTooLarge")["message"],
        json!(format!("The request body is longer than {too_long} bytes."))
    );
}
