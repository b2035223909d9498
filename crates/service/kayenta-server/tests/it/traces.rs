//! Traces, received by a collector that the test is.

use std::{
    collections::BTreeSet,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use axum::{
    Router,
    body::Bytes,
    http::{HeaderMap, StatusCode, Uri},
    response::{IntoResponse, Response},
    routing::{any, post},
};
use kayenta_testkit::{RedisServer, Service, ServiceBuilder, until};
use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest,
    common::v1::{KeyValue, any_value},
    trace::v1::{ResourceSpans, Span, span::SpanKind, status::StatusCode as SpanStatus},
};
use prost::Message;
use serde_json::{Value, json};
use tokio::{net::TcpListener, sync::watch};

use crate::{
    operations_page,
    requests::{Caller, latency_canary},
    samples::{BINARY, embedded, embedded_service, serving},
};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const CALLER: &str = "00f067aa0ba902b7";
const STATE: &str = "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE";
const PATIENCE: Duration = Duration::from_secs(60);

async fn serve(router: Router) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base_url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    base_url
}

/// A collector.
#[derive(Clone, Debug, Default)]
struct Collector {
    base_url: String,
    exports: Arc<Mutex<Vec<(HeaderMap, ResourceSpans)>>>,
    /// Whether it answers 503 and keeps nothing.
    overloaded: Arc<AtomicBool>,
}

impl Collector {
    async fn start() -> Self {
        let mut collector = Self::default();
        let exports = Arc::clone(&collector.exports);
        let overloaded = Arc::clone(&collector.overloaded);
        let receive = move |headers: HeaderMap, body: Bytes| async move {
            assert_eq!(headers["content-type"], "application/x-protobuf");
            let export = ExportTraceServiceRequest::decode(body).unwrap();
            if overloaded.load(Ordering::Relaxed) {
                return StatusCode::SERVICE_UNAVAILABLE;
            }
            let spans = export.resource_spans.into_iter();
            let noted = spans.map(|spans| (headers.clone(), spans));
            exports.lock().unwrap().extend(noted);
            StatusCode::OK
        };
        collector.base_url = serve(Router::new().route("/v1/traces", post(receive))).await;
        collector
    }

    fn exports(&self) -> Vec<(HeaderMap, ResourceSpans)> {
        self.exports.lock().unwrap().clone()
    }

    fn spans(&self) -> Vec<Span> {
        let exports = self.exports().into_iter();
        let scopes = exports.flat_map(|(_, resource)| resource.scope_spans);
        scopes.flat_map(|scope| scope.spans).collect()
    }

    fn of_trace(&self) -> Vec<Span> {
        let mut spans = self.spans();
        spans.retain(|span| hex(&span.trace_id) == TRACE);
        spans
    }

    fn setting(&self) -> String {
        format!("kayenta.tracing.endpoint: {}/v1/traces\n", self.base_url)
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn named(attributes: &[KeyValue], name: &str) -> Option<Value> {
    let found = attributes.iter().find(|attribute| attribute.key == name)?;
    match found.value.as_ref()?.value.as_ref()? {
        any_value::Value::StringValue(text) => Some(json!(text)),
        any_value::Value::IntValue(number) => Some(json!(number)),
        _ => None,
    }
}

fn attribute(span: &Span, name: &str) -> Option<Value> {
    named(&span.attributes, name)
}

/// A Prometheus that has the same hour for every query, and notes the headers of each.
#[derive(Clone, Debug)]
struct Prometheus {
    base_url: String,
    queries: Arc<Mutex<Vec<HeaderMap>>>,
    /// Whether queries are answered.
    open: watch::Sender<bool>,
}

impl Prometheus {
    async fn start(status: StatusCode) -> Self {
        let queries = Arc::<Mutex<Vec<HeaderMap>>>::default();
        let open = watch::Sender::new(true);
        let (noted, gate) = (Arc::clone(&queries), open.clone());
        let answer = move |uri: Uri, headers: HeaderMap| async move {
            if uri.path().contains("query_range") {
                noted.lock().unwrap().push(headers);
                gate.subscribe().wait_for(|open| *open).await.unwrap();
            }
            (status, hour())
        };
        let base_url = serve(Router::new().fallback(any(answer))).await;
        Self {
            base_url,
            queries,
            open,
        }
    }

    fn queries(&self) -> Vec<HeaderMap> {
        self.queries.lock().unwrap().clone()
    }
}

fn hour() -> Response {
    let values: Vec<Value> = (0..61)
        .map(|i| json!([1_605_913_200 + 60 * i, "1.5"]))
        .collect();
    axum::Json(json!({"status": "success", "data": {"resultType": "matrix",
        "result": [{"metric": {}, "values": values}]}}))
    .into_response()
}

/// Asks for a canary as the caller of a trace, which is sampled or not.
async fn start_in_trace(service: &Service, flags: &str) -> String {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let answer = client
        .post(format!("{}/canary", service.base_url()))
        .header("traceparent", format!("00-{TRACE}-{CALLER}-{flags}"))
        .header("tracestate", STATE)
        .json(&latency_canary())
        .send()
        .await
        .unwrap();
    let answer: Value = answer.json().await.unwrap();
    answer["canaryExecutionId"].as_str().unwrap().to_owned()
}

async fn complete(service: &Service, id: &str) -> Value {
    let caller = Caller::new(service.base_url());
    caller.complete(&format!("/canary/{id}"), PATIENCE).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trace_goes_from_the_request_over_the_queue_to_every_step_and_to_the_metric_store() {
    let collector = Collector::start().await;
    let prometheus = Prometheus::start(StatusCode::OK).await;
    let mut service = embedded_service(&prometheus.base_url, &collector.setting()).await;
    let id = start_in_trace(&service, "01").await;
    complete(&service, &id).await;
    // What is not exported yet is exported at the end.
    service.terminate().await.unwrap();

    let spans = collector.of_trace();
    let names: BTreeSet<&str> = spans.iter().map(|span| span.name.as_str()).collect();
    let expected = [
        "POST /canary",
        "request",
        "execution",
        "stage",
        "metric",
        "fetch",
        "object",
        "archive",
    ];
    assert_eq!(names, BTreeSet::from(expected));
    let one = |name: &str| spans.iter().find(|span| span.name == name).unwrap();
    let http = one("POST /canary");
    assert_eq!(hex(&http.parent_span_id), CALLER);
    assert_eq!(http.kind, SpanKind::Server as i32);
    for (name, value) in [
        ("http.request.method", json!("POST")),
        ("http.route", json!("/canary")),
        ("http.response.status_code", json!(200)),
    ] {
        assert_eq!(attribute(http, name), Some(value), "{name}");
    }
    let ids: BTreeSet<_> = spans.iter().map(|span| &span.span_id).collect();
    for span in spans.iter().filter(|span| span.name != "POST /canary") {
        let name = &span.name;
        assert!(ids.contains(&span.parent_span_id), "{name} has no parent");
    }
    assert_eq!(one("request").parent_span_id, http.span_id);
    assert_eq!(one("execution").parent_span_id, one("request").span_id);
    assert_eq!(attribute(one("execution"), "id"), Some(json!(id)));
    let stages = spans.iter().filter(|span| span.name == "stage");
    let stages: BTreeSet<_> = stages
        .filter_map(|span| Some(attribute(span, "name")?.as_str()?.to_owned()))
        .collect();
    assert_eq!(stages, ["fetch", "judge", "mix"].map(str::to_owned).into());
    let fetches: Vec<_> = spans.iter().filter(|span| span.name == "fetch").collect();
    assert_eq!(fetches.len(), 2);
    for fetch in &fetches {
        assert_eq!(fetch.kind, SpanKind::Client as i32);
        for (name, value) in [
            ("store", json!("prometheus")),
            ("account", json!("canary-prometheus")),
            ("metric", json!("latency")),
            ("tries", json!(1)),
            ("points", json!(61)),
            ("http.response.status_code", json!(200)),
        ] {
            assert_eq!(attribute(fetch, name), Some(value), "{name}");
        }
        let bytes = attribute(fetch, "http.response.body.size");
        assert!(bytes.unwrap().as_u64() > Some(1_000));
    }

    let fetches: BTreeSet<String> = fetches.iter().map(|span| hex(&span.span_id)).collect();
    let parents: BTreeSet<String> = prometheus
        .queries()
        .iter()
        .map(|headers| {
            let header = headers["traceparent"].to_str().unwrap();
            let parts: Vec<&str> = header.split('-').collect();
            assert_eq!((parts[0], parts[1], parts[3]), ("00", TRACE, "01"));
            assert_eq!(headers["tracestate"], STATE);
            parts[2].to_owned()
        })
        .collect();
    assert_eq!(parents, fetches, "each query names the span of its fetch");

    for message in ["canary run finished", "request answered"] {
        let log = service.logged(message, PATIENCE).await;
        let line = log.lines().find(|line| line.contains(message)).unwrap();
        assert!(line.contains(&format!("trace: id={TRACE}")), "{line}");
    }
    // Probes are in no trace.
    assert!(!collector.spans().iter().any(|s| s.name.contains("/health")));
}

/// Starts a run in the trace; it has begun to fetch.
async fn start_fetching(service: &Service, prometheus: &Prometheus) -> String {
    let id = start_in_trace(service, "01").await;
    until("the run has begun to fetch", PATIENCE, async || {
        !prometheus.queries().is_empty()
    })
    .await;
    id
}

/// The queries after those that a process had sent before it was killed are in the trace of the request.
fn assert_continued(prometheus: &Prometheus, killed: usize) {
    let queries = prometheus.queries().split_off(killed);
    assert!(!queries.is_empty());
    for query in queries {
        let header = query["traceparent"].to_str().unwrap().to_owned();
        assert!(header.contains(TRACE), "{header}");
        assert_eq!(query["tracestate"], STATE);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_another_process_continues_stays_in_its_trace() {
    let collector = Collector::start().await;
    let prometheus = Prometheus::start(StatusCode::OK).await;
    prometheus.open.send_replace(false);
    let mut service = embedded_service(&prometheus.base_url, &collector.setting()).await;
    let id = start_fetching(&service, &prometheus).await;
    service.kill().await.unwrap();
    let killed = prometheus.queries().len();
    prometheus.open.send_replace(true);
    service.restart().await.unwrap();
    complete(&service, &id).await;
    service.terminate().await.unwrap();

    let spans = collector.of_trace();
    let execution = spans.iter().find(|span| span.name == "execution").unwrap();
    assert_eq!(attribute(execution, "id"), Some(json!(id)));
    assert_continued(&prometheus, killed);
}

/// Neither the machine's memory nor its files are shared with the second process, but Redis and the objects.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server"]
async fn a_run_that_another_replica_on_redis_continues_stays_in_its_trace() {
    let redis = RedisServer::start().await.unwrap();
    let collector = Collector::start().await;
    let prometheus = Prometheus::start(StatusCode::OK).await;
    prometheus.open.send_replace(false);
    let objects = tempfile::tempdir().unwrap();
    let replica = async || {
        let root = "        rootFolder:";
        let path = format!("        path: {}\n{root}", objects.path().display());
        let shared = embedded(&prometheus.base_url).replacen(root, &path, 1);
        let redis = format!("redis.connection: {}\n", redis.url());
        serving(shared + &redis + &collector.setting()).await
    };
    let mut first = replica().await;
    let id = start_fetching(&first, &prometheus).await;
    let mut second = replica().await;
    first.kill().await.unwrap();
    let killed = prometheus.queries().len();
    prometheus.open.send_replace(true);
    let answer = complete(&second, &id).await;
    assert_eq!(answer["status"], "succeeded", "{answer}");
    second.terminate().await.unwrap();

    let spans = collector.of_trace();
    let executions: Vec<_> = spans.iter().filter(|s| s.name == "execution").collect();
    assert!(!executions.is_empty());
    for execution in executions {
        assert_eq!(attribute(execution, "id"), Some(json!(id)));
    }
    assert_continued(&prometheus, killed);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_notification_names_the_trace_of_the_request_that_asked_for_the_run() {
    let collector = Collector::start().await;
    let prometheus = Prometheus::start(StatusCode::OK).await;
    let received = Arc::<Mutex<Vec<HeaderMap>>>::default();
    let noted = Arc::clone(&received);
    let receive = move |headers: HeaderMap| async move {
        let mut received = noted.lock().unwrap();
        received.push(headers);
        // The first is refused.
        match received.len() {
            1 => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::NO_CONTENT,
        }
    };
    let url = serve(Router::new().fallback(any(receive))).await;
    let receiver = format!(
        "kayenta.notifications: [{{name: hook, type: webhook, webhookUrl: '{url}/hook', events: [ended]}}]\n"
    );
    let more = collector.setting() + &receiver;
    let mut service = embedded_service(&prometheus.base_url, &more).await;
    let id = start_in_trace(&service, "01").await;
    complete(&service, &id).await;
    until("the receiver has taken it", PATIENCE, async || {
        received.lock().unwrap().len() == 2
    })
    .await;
    service.terminate().await.unwrap();

    let spans = collector.of_trace();
    let sent: Vec<&Span> = spans.iter().filter(|s| s.name == "notification").collect();
    let ids: BTreeSet<String> = sent.iter().map(|span| hex(&span.span_id)).collect();
    let mut parents = BTreeSet::new();
    for headers in received.lock().unwrap().iter() {
        let header = headers["traceparent"].to_str().unwrap();
        let parts: Vec<&str> = header.split('-').collect();
        assert_eq!(parts[1], TRACE);
        parents.insert(parts[2].to_owned());
        assert_eq!(headers["tracestate"], STATE);
    }
    assert_eq!(
        parents, ids,
        "each request names the span of its notification"
    );
    let mut statuses: Vec<_> = sent
        .iter()
        .map(|span| attribute(span, "http.response.status_code"))
        .collect();
    statuses.sort_by_key(|status| status.as_ref().and_then(Value::as_u64));
    assert_eq!(statuses, [Some(json!(204)), Some(json!(503))]);
    let log = service.logged("sent a notification", PATIENCE).await;
    let line = log
        .lines()
        .find(|line| line.contains("sent a notification"));
    assert!(
        line.unwrap().contains(&format!("trace.id={TRACE}")),
        "{log}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_fetch_is_an_error_with_its_tries_and_its_reason() {
    let collector = Collector::start().await;
    let prometheus = Prometheus::start(StatusCode::INTERNAL_SERVER_ERROR).await;
    let more = collector.setting()
        + "kayenta.metrics.retry: {attempts: 2, backoffPeriodMultiplierMs: 10}\n";
    let mut service = embedded_service(&prometheus.base_url, &more).await;
    let id = start_in_trace(&service, "01").await;
    complete(&service, &id).await;
    service.terminate().await.unwrap();

    let spans = collector.of_trace();
    let failed = spans.iter().filter(|span| span.name == "fetch");
    let failed = failed.filter_map(|span| Some((span, span.status.as_ref()?)));
    let (fetch, status) = failed.max_by_key(|(_, status)| status.code).unwrap();
    assert_eq!(status.code, SpanStatus::Error as i32);
    assert!(status.message.contains("Status: 500"), "{}", status.message);
    assert_eq!(attribute(fetch, "tries"), Some(json!(2)));
    assert_eq!(
        attribute(fetch, "http.response.status_code"),
        Some(json!(500))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_variables_of_opentelemetry_are_followed() {
    let collector = Collector::start().await;
    let prometheus = Prometheus::start(StatusCode::OK).await;
    let mut service = ServiceBuilder::new(BINARY)
        .config(embedded(&prometheus.base_url))
        .environment("OTEL_EXPORTER_OTLP_ENDPOINT", collector.base_url.clone())
        .environment(
            "OTEL_EXPORTER_OTLP_HEADERS",
            "authorization=Bearer%20s3cret",
        )
        .environment("OTEL_SERVICE_NAME", "judge")
        .environment(
            "OTEL_RESOURCE_ATTRIBUTES",
            "deployment.environment.name=test",
        )
        .environment("OTEL_TRACES_SAMPLER", "parentbased_always_off")
        .start()
        .await
        .unwrap();
    let caller = Caller::new(service.base_url());
    // No caller asks for a trace of this run.
    let id = caller.start("/canary", &latency_canary()).await.unwrap();
    complete(&service, &id).await;
    let queries = prometheus.queries().len();
    let id = start_in_trace(&service, "01").await;
    complete(&service, &id).await;
    service.terminate().await.unwrap();

    assert!(queries > 0);
    for query in &prometheus.queries()[..queries] {
        let header = query["traceparent"].to_str().unwrap();
        assert!(header.ends_with("-00"), "{header}");
    }
    let (exports, of_trace) = (collector.exports(), collector.of_trace().len());
    assert!(of_trace > 0);
    assert_eq!(collector.spans().len(), of_trace, "others are not exported");
    for (headers, spans) in exports {
        assert_eq!(headers["authorization"], "Bearer s3cret");
        let resource = spans.resource.unwrap();
        for (name, value) in [
            ("service.name", "judge"),
            ("deployment.environment.name", "test"),
        ] {
            let found = named(&resource.attributes, name);
            assert_eq!(found, Some(json!(value)), "{name}");
        }
    }
    assert!(!service.log().contains("s3cret"));

    let off = ServiceBuilder::new(BINARY)
        .config(embedded(&prometheus.base_url) + &collector.setting())
        .environment("OTEL_SDK_DISABLED", "true")
        .start()
        .await
        .unwrap();
    assert!(!off.log().contains("traces are exported"), "{}", off.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn without_an_endpoint_there_is_neither_a_header_nor_a_trace_in_the_log() {
    let prometheus = Prometheus::start(StatusCode::OK).await;
    let service = embedded_service(&prometheus.base_url, "").await;
    let id = start_in_trace(&service, "01").await;
    complete(&service, &id).await;
    assert!(!prometheus.queries().is_empty());
    for query in prometheus.queries() {
        assert!(!query.contains_key("traceparent"), "{query:?}");
    }
    assert!(!service.log().contains(TRACE), "{}", service.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_is_away_or_never_answers_holds_up_nothing() {
    let prometheus = Prometheus::start(StatusCode::OK).await;
    let silent = Router::new().fallback(any(std::future::pending::<StatusCode>));
    let silent = serve(silent).await;
    for base_url in ["http://127.0.0.1:1", silent.as_str()] {
        let setting = format!("kayenta.tracing.endpoint: {base_url}/v1/traces\n");
        let mut service = embedded_service(&prometheus.base_url, &setting).await;
        let begun = Instant::now();
        for _ in 0..20 {
            let id = start_in_trace(&service, "01").await;
            let answer = complete(&service, &id).await;
            assert_eq!(answer["status"], "succeeded");
        }
        println!(
            "20 canaries took {:?}, traced to {base_url}",
            begun.elapsed()
        );
        if base_url != silent {
            service.logged("traces cannot be exported", PATIENCE).await;
        }
        let begun = Instant::now();
        service.terminate().await.unwrap();
        let took = begun.elapsed();
        println!("the end took {took:?}, traced to {base_url}");
        assert!(took < Duration::from_secs(8), "{took:?}");
        let log = service.log();
        if base_url != silent {
            operations_page::check("traces", || service.log(), &Value::Null).await;
            let lines = log.matches("traces cannot be exported").count();
            assert_eq!(lines, 1, "a change is logged, not each failure: {log}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_comes_back_receives_traces_again_and_the_log_says_so() {
    let collector = Collector::start().await;
    let prometheus = Prometheus::start(StatusCode::OK).await;
    collector.overloaded.store(true, Ordering::Relaxed);
    let mut service = embedded_service(&prometheus.base_url, &collector.setting()).await;
    let id = start_in_trace(&service, "01").await;
    complete(&service, &id).await;
    let refused = "Status: 503 Service Unavailable; they are dropped until they can";
    service.logged(refused, PATIENCE).await;
    collector.overloaded.store(false, Ordering::Relaxed);
    until("traces arrive", PATIENCE, async || {
        let id = start_in_trace(&service, "01").await;
        complete(&service, &id).await;
        !collector.of_trace().is_empty()
    })
    .await;
    service.terminate().await.unwrap();
    let again = format!(
        "traces are exported to {}/v1/traces again",
        collector.base_url
    );
    assert!(service.log().contains(&again), "{}", service.log());
}
