//! A service without a socket.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use axum::{Router, body::Body, response::Response};
use http::{HeaderMap, HeaderName, Request, StatusCode};
use http_body_util::BodyExt;
use indexmap::IndexMap;
use kayenta_api::{ApiOptions, ApiParts, ApiState, router};
use kayenta_engine::{Account, Accounts, Engine, EngineOptions, EngineParts, RandomIds};
use kayenta_judge::{Judge, JudgeRegistry, NetflixAcaJudge};
use kayenta_management::{
    Environment, Health, HealthIndicator, Impact, Lifecycle, LogLevels, LoggerGroup, LoggerLevels,
    ManagementParts, Meter, MeterKind, MetricsSnapshot, Ping, Schedule, ScheduledTask, Statistic,
};
use kayenta_metrics::{
    FetchError, FetchErrorKind, Metadata, MetricQuery, MetricsStore, StoreDescription,
};
use kayenta_model::{AccountType, ExecutionStatus, MetricSet};
use kayenta_properties::{PropertyView, SourceView};
use kayenta_queue::{
    EmbeddedSettings, EmbeddedStore, ExecutionFilter, ExecutionRecord, ExecutionStore,
    ListedExecution, ListingPlace, QueueError, QueueErrorKind, RecordVersion, SystemClock,
};
use kayenta_settings::{ExposureSettings, LogLevel, Show};
use kayenta_storage::{MemoryStore, ObjectRepository, ObjectStore};
use kayenta_testkit::eventually;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

/// How long a test waits for something that must happen.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// Asks for the execution until it is complete.
pub(crate) async fn complete(service: &Service, path: &str) -> Value {
    eventually(format!("{path} is complete"), PATIENCE, async || {
        let answer = service.get(path).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        let body = answer.json();
        if body["complete"] == true {
            Ok(body)
        } else {
            Err(body)
        }
    })
    .await
}

static PROMETHEUS: StoreDescription = StoreDescription::new("prometheus", "PrometheusCanaryScope");
static WAVEFRONT: StoreDescription = StoreDescription::new("wavefront", "WavefrontCanaryScope");

/// A metric store that answers from the query's text.
#[derive(Debug)]
struct ScriptedStore(&'static StoreDescription);

#[async_trait]
impl MetricsStore for ScriptedStore {
    fn description(&self) -> &'static StoreDescription {
        self.0
    }

    fn query_text(&self, query: &MetricQuery<'_>) -> Result<String, FetchError> {
        let metric = query.metric.query.as_ref();
        let text = metric.and_then(|q| q.inline_template()).unwrap_or("none");
        Ok(format!(
            "{text} of {}",
            query.scope.scope.as_deref().unwrap_or("nobody")
        ))
    }

    async fn fetch(&self, query: &MetricQuery<'_>) -> Result<Vec<MetricSet>, FetchError> {
        let text = self.query_text(query)?;
        if text.contains("teapot") {
            return Err(FetchError::new(
                FetchErrorKind::Http {
                    status: 418,
                    url: "http://p/api".to_owned(),
                    reason: "I'm a teapot".to_owned(),
                },
                "Status: 418, URL: http://p/api, Message: I'm a teapot",
            ));
        }
        let level = if text.ends_with("bad") { 50.0 } else { 5.0 };
        Ok(vec![MetricSet {
            name: query.metric.name.clone(),
            tags: Some(IndexMap::new()),
            start_time_millis: query.scope.start.map_or(0, |start| start.millis()),
            end_time_millis: query.scope.end.map_or(0, |end| end.millis()),
            step_millis: 60_000,
            values: Some((0..60).map(|i| level + f64::from(i % 7)).collect()),
            ..MetricSet::default()
        }])
    }

    /// What was kept a minute and a half ago.
    async fn metadata(&self, filter: &str) -> Result<Metadata, FetchError> {
        assert_ne!(filter, "panic", "asked to panic");
        let entries = ["up", "http_requests_total"]
            .iter()
            .filter(|name| name.contains(&filter.to_lowercase()))
            .map(|name| json!({"name": name}))
            .collect();
        Ok(Metadata {
            entries,
            age: Some(Duration::from_millis(90_500)),
        })
    }

    async fn check(&self) -> Result<(), FetchError> {
        Ok(())
    }
}

/// An indicator with a given result.
#[derive(Debug)]
pub(crate) struct Switch {
    pub(crate) name: &'static str,
    pub(crate) impact: Impact,
    pub(crate) health: Mutex<Health>,
    pub(crate) checks: Mutex<u32>,
}

impl Switch {
    pub(crate) fn new(name: &'static str, impact: Impact) -> Arc<Self> {
        Arc::new(Self {
            name,
            impact,
            health: Mutex::new(Health::up()),
            checks: Mutex::new(0),
        })
    }

    pub(crate) fn say(&self, health: Health) {
        *self.health.lock().unwrap() = health;
    }
}

#[async_trait]
impl HealthIndicator for Switch {
    fn name(&self) -> &str {
        self.name
    }

    fn impact(&self) -> Impact {
        self.impact
    }

    async fn check(&self) -> Health {
        *self.checks.lock().unwrap() += 1;
        self.health.lock().unwrap().clone()
    }
}

#[derive(Debug, Default)]
struct Levels(Mutex<BTreeMap<String, LogLevel>>);

impl LogLevels for Levels {
    fn loggers(&self) -> IndexMap<String, LoggerLevels> {
        ["ROOT", "com.netflix.kayenta"]
            .iter()
            .map(|name| ((*name).to_owned(), self.levels(name)))
            .collect()
    }

    fn groups(&self) -> IndexMap<String, LoggerGroup> {
        let group = LoggerGroup {
            configured_level: None,
            members: vec!["org.springframework.web".to_owned()],
        };
        [("web".to_owned(), group)].into()
    }

    fn levels(&self, logger: &str) -> LoggerLevels {
        let levels = self.0.lock().unwrap();
        let root = levels.get("ROOT").copied().unwrap_or(LogLevel::Info);
        let configured = if logger == "ROOT" {
            Some(root)
        } else {
            levels.get(logger).copied()
        };
        LoggerLevels {
            configured_level: configured,
            effective_level: configured.unwrap_or(root),
        }
    }

    fn set_level(&self, logger: &str, level: Option<LogLevel>) {
        let mut levels = self.0.lock().unwrap();
        match level {
            Some(level) => levels.insert(logger.to_owned(), level),
            None => levels.remove(logger),
        };
    }
}

#[derive(Debug)]
struct Meters;

impl MetricsSnapshot for Meters {
    fn meters(&self) -> Vec<Meter> {
        let timer = |method: &str, count: f64, max: f64| Meter {
            name: "http.server.requests".to_owned(),
            description: None,
            base_unit: Some("seconds".to_owned()),
            kind: MeterKind::Timer,
            tags: vec![("method".to_owned(), method.to_owned())],
            measurements: vec![
                (Statistic::Count, count),
                (Statistic::TotalTime, count / 10.0),
                (Statistic::Max, max),
            ],
        };
        let gauge = Meter {
            name: "queue.depth".to_owned(),
            description: Some("Jobs waiting".to_owned()),
            base_unit: None,
            kind: MeterKind::Gauge,
            tags: Vec::new(),
            measurements: vec![(Statistic::Value, f64::NAN)],
        };
        vec![timer("GET", 8.0, 0.5), timer("POST", 2.0, 0.75), gauge]
    }

    fn prometheus(&self) -> String {
        "queue_depth 0\n".to_owned()
    }

    fn start_millis(&self) -> i64 {
        1_700_000_000_000
    }
}

pub(crate) struct Service {
    pub(crate) router: Router,
    pub(crate) management: Router,
    pub(crate) lifecycle: watch::Sender<Lifecycle>,
    pub(crate) work: Arc<EmbeddedStore>,
    stop: CancellationToken,
}

impl Drop for Service {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// Everything exposed, details shown, `prometheus` fetchable.
pub(crate) fn options() -> ApiOptions {
    let mut options = ApiOptions {
        metric_stores: vec![
            &kayenta_prometheus::DESCRIPTION,
            &kayenta_wavefront::DESCRIPTION,
        ],
        ..ApiOptions::default()
    };
    options.management.exposure = ExposureSettings::all();
    options.management.show_details = Show::Always;
    options
}

pub(crate) fn service() -> Service {
    service_with(options(), vec![Arc::new(Ping)])
}

pub(crate) fn service_with(
    options: ApiOptions,
    indicators: Vec<Arc<dyn HealthIndicator>>,
) -> Service {
    service_on(None, options, indicators)
}

/// The records are away.
#[derive(Debug)]
pub(crate) struct Away;

fn away<T>() -> Result<T, QueueError> {
    let message = "cannot read an execution: Redis at redis:6379: timed out";
    Err(QueueError::new(QueueErrorKind::Unavailable, message))
}

#[async_trait]
impl ExecutionStore for Away {
    async fn create(&self, _: &ExecutionRecord) -> Result<RecordVersion, QueueError> {
        away()
    }

    async fn get(&self, _: &str) -> Result<Option<(ExecutionRecord, RecordVersion)>, QueueError> {
        away()
    }

    async fn save(
        &self,
        _: &ExecutionRecord,
        _: RecordVersion,
    ) -> Result<RecordVersion, QueueError> {
        away()
    }

    async fn status(
        &self,
        _: &str,
    ) -> Result<Option<(ExecutionStatus, RecordVersion)>, QueueError> {
        away()
    }

    async fn delete(&self, _: &str) -> Result<(), QueueError> {
        away()
    }

    async fn list(&self, _: &str, _: &ExecutionFilter) -> Result<Vec<ExecutionRecord>, QueueError> {
        away()
    }

    async fn newest(
        &self,
        _: Option<&ListingPlace>,
        _: usize,
    ) -> Result<Vec<ListedExecution>, QueueError> {
        away()
    }

    async fn ids(&self) -> Result<Vec<String>, QueueError> {
        away()
    }

    async fn unfinished(&self, _: usize) -> Result<Vec<String>, QueueError> {
        away()
    }

    async fn check(&self) -> Result<(), QueueError> {
        away()
    }
}

/// A service that keeps its records elsewhere.
pub(crate) fn service_on(
    executions: Option<Arc<dyn ExecutionStore>>,
    options: ApiOptions,
    indicators: Vec<Arc<dyn HealthIndicator>>,
) -> Service {
    let objects = MemoryStore::with_clock(Arc::new(SystemClock));
    service_of(Arc::new(objects), executions, options, indicators)
}

/// A service that keeps its objects in this store.
pub(crate) fn service_storing(objects: Arc<dyn ObjectStore>) -> Service {
    service_of(objects, None, options(), vec![Arc::new(Ping)])
}

fn service_of(
    objects: Arc<dyn ObjectStore>,
    executions: Option<Arc<dyn ExecutionStore>>,
    options: ApiOptions,
    indicators: Vec<Arc<dyn HealthIndicator>>,
) -> Service {
    let clock = Arc::new(SystemClock);
    let accounts = Accounts::new();
    let mut metrics = Account::new("canary-prometheus", "prometheus");
    metrics.supported_types = vec![AccountType::MetricsStore];
    metrics.metrics = Some(Arc::new(ScriptedStore(&PROMETHEUS)));
    metrics.details = json!({
        "name": "canary-prometheus", "supportedTypes": ["METRICS_STORE"], "locations": [],
        "recommendedLocations": [], "endpoint": {"baseUrl": "http://prometheus:9090"},
        "type": "prometheus",
    })
    .as_object()
    .unwrap()
    .clone();
    accounts.add(metrics);
    let mut wavefront = Account::new("wave", "wavefront");
    wavefront.details = json!({"name": "wave"}).as_object().unwrap().clone();
    wavefront.metrics = Some(Arc::new(ScriptedStore(&WAVEFRONT)));
    accounts.add(wavefront);
    let mut storage = Account::new("canary-storage", "memory");
    storage.supported_types = vec![AccountType::ObjectStore, AccountType::ConfigurationStore];
    storage.objects = Some(Arc::new(ObjectRepository::new("canary-storage", objects)));
    storage.details = json!({"name": "canary-storage", "type": "memory"})
        .as_object()
        .unwrap()
        .clone();
    accounts.add(storage);

    let work =
        Arc::new(EmbeddedStore::in_memory(EmbeddedSettings::default(), clock.clone()).unwrap());
    let engine = Engine::new(
        EngineParts {
            accounts: Arc::new(accounts),
            judges: Arc::new(JudgeRegistry::new(vec![Judge::Local(Arc::new(
                NetflixAcaJudge::default(),
            ))])),
            queue: work.clone(),
            executions: executions.unwrap_or_else(|| work.clone()),
            clock,
            ids: Arc::new(RandomIds::new()),
        },
        EngineOptions::default(),
    );
    let stop = CancellationToken::new();
    tokio::spawn({
        let (engine, stop) = (engine.clone(), stop.clone());
        async move { engine.run(stop).await }
    });
    let (lifecycle, lifecycle_seen) = watch::channel(Lifecycle::Ready);
    let state = ApiState::new(ApiParts {
        engine,
        options,
        management: ManagementParts {
            indicators,
            lifecycle: lifecycle_seen,
            log_levels: Arc::new(Levels::default()),
            metrics: Arc::new(Meters),
            environment: environment(),
            info: json!({"app": {"name": "nm"}}).as_object().unwrap().clone(),
            scheduled_tasks: vec![ScheduledTask {
                target: "kayenta_engine::sweep".to_owned(),
                schedule: Schedule::FixedDelay,
                initial_delay_millis: 0,
                interval_millis: 30_000,
            }],
        },
    })
    .unwrap();
    Service {
        router: router(state.clone()),
        management: kayenta_api::management_router(state),
        lifecycle,
        work,
        stop,
    }
}

fn environment() -> Environment {
    let property = |name: &str, value: Value| PropertyView {
        name: name.to_owned(),
        value,
        origin: Some("kayenta.yml:3:5".to_owned()),
    };
    Environment {
        active_profiles: vec!["local".to_owned()],
        sources: vec![
            SourceView {
                name: "systemEnvironment".to_owned(),
                properties: vec![property("AZURE_STORAGEKEY", json!("geheim"))],
            },
            SourceView {
                name: "kayenta.yml".to_owned(),
                properties: vec![
                    property("server.port", json!(8090)),
                    property("redis.connection", json!("redis://:geheim@redis:6379")),
                ],
            },
        ],
        settings: [(
            "kayenta.azure".to_owned(),
            json!({"accounts": [{"name": "a", "accountAccessKey": "geheim"}]}),
        )]
        .into(),
    }
}

/// An answer, read to its end.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text)
            .unwrap_or_else(|error| panic!("{error}: {} {}", self.status, self.text))
    }

    pub(crate) fn message(&self) -> String {
        self.json()["message"]
            .as_str()
            .unwrap_or_else(|| panic!("no message: {} {}", self.status, self.text))
            .to_owned()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let name: HeaderName = name.parse().unwrap();
        self.headers.get(name)?.to_str().ok()
    }

    pub(crate) async fn read(response: Response) -> Self {
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        Self {
            status: parts.status,
            headers: parts.headers,
            text: String::from_utf8(bytes.to_vec()).unwrap(),
        }
    }
}

pub(crate) async fn send_to(router: &Router, request: Request<Body>) -> Answer {
    Answer::read(router.clone().oneshot(request).await.unwrap()).await
}

impl Service {
    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        send_to(&self.router, request).await
    }

    /// `headers` are name and value in turn.
    pub(crate) async fn call(&self, method: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
        self.send(bare(method, path, headers)).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.call("GET", path, &[]).await
    }

    pub(crate) async fn json(&self, method: &str, path: &str, body: &Value) -> Answer {
        self.raw(method, path, "application/json", &body.to_string())
            .await
    }

    pub(crate) async fn raw(
        &self,
        method: &str,
        path: &str,
        content_type: &str,
        body: &str,
    ) -> Answer {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("content-type", content_type)
            .body(Body::from(body.to_owned()))
            .unwrap();
        self.send(request).await
    }
}

pub(crate) fn bare(method: &str, path: &str, headers: &[(&str, &str)]) -> Request<Body> {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(Body::empty()).unwrap()
}

/// A config that can be stored and run.
pub(crate) fn config(name: &str) -> Value {
    json!({
        "name": name,
        "applications": ["app"],
        "judge": {"name": "NetflixACAJudge-v1.0", "judgeConfigurations": {}},
        "metrics": [{
            "name": "errors",
            "query": {"type": "prometheus", "customInlineTemplate": "PromQL:errors"},
            "groups": ["errors"],
            "analysisConfigurations": {"canary": {"direction": "increase"}},
            "scopeName": "default",
        }],
        "templates": {},
        "classifier": {"groupWeights": {"errors": 100.0}},
    })
}

/// A request that fits [`config`]; the experiment is called so.
pub(crate) fn execution_request(experiment: &str) -> Value {
    let scope = |name: &str| {
        json!({
            "scope": name, "start": "2024-01-01T00:00:00Z", "end": "2024-01-01T01:00:00Z", "step": 60,
        })
    };
    json!({
        "scopes": {"default": {"controlScope": scope("good"), "experimentScope": scope(experiment)}},
        "thresholds": {"pass": 95, "marginal": 75},
    })
}

/// The API document with every metric store, as it is committed; a test of the server, which knows the
/// stores, keeps it up to date.
pub(crate) fn document() -> Value {
    serde_json::from_str(include_str!("../../../../../api-spec/openapi.json")).unwrap()
}
