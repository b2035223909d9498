//! Everything an engine stands on, and processes that can be killed.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use kayenta_engine::{
    Account, Accounts, ConfigSource, Engine, EngineOptions, EngineParts, RandomIds, StartAnalysis,
    StartCanary,
};
use kayenta_http::RetryPolicy;
use kayenta_judge::{Judge, JudgeRegistry, NetflixAcaJudge, PairedCanaryJudge, StaticLimitJudge};
use kayenta_model::{
    AccountType, AnalysisRequest, AnalysisStatusResponse, CanaryConfig, CanaryExecutionRequest,
    CanaryStatusResponse,
};
use kayenta_queue::{EmbeddedSettings, EmbeddedStore};
use kayenta_storage::{MemoryStore, ObjectRepository};
use kayenta_testkit::ManualClock;
use serde_json::{Value, json};
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

use crate::{
    faults::{CountedRecords, FaultyObjects, FaultyQueue},
    scripted::{ScriptedJudge, ScriptedMetrics},
};

const BEGIN: &str = "2025-04-08T10:00:00Z";

pub(crate) struct World {
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) store: EmbeddedStore,
    pub(crate) queue: Arc<FaultyQueue>,
    pub(crate) records: Arc<CountedRecords>,
    pub(crate) metrics: Arc<ScriptedMetrics>,
    pub(crate) judge: Arc<ScriptedJudge>,
    pub(crate) objects: Arc<FaultyObjects>,
    pub(crate) accounts: Arc<Accounts>,
    pub(crate) options: EngineOptions,
}

impl World {
    /// A world at ten o'clock.
    pub(crate) fn new() -> Self {
        Self::with_lease(Duration::from_secs(10))
    }

    pub(crate) fn with_lease(lease: Duration) -> Self {
        let clock = Arc::new(ManualClock::at(BEGIN.parse().unwrap()));
        let settings = EmbeddedSettings {
            lease,
            max_completed: 1_000_000,
            ..EmbeddedSettings::default()
        };
        let store = EmbeddedStore::in_memory(settings, clock.clone()).unwrap();
        let metrics = Arc::new(ScriptedMetrics::default());
        let objects = Arc::new(FaultyObjects::new(MemoryStore::with_clock(clock.clone())));
        let accounts = Arc::new(Accounts::new());
        let mut prom = Account::new("prom", "prometheus");
        prom.supported_types = vec![AccountType::MetricsStore];
        prom.metrics = Some(metrics.clone());
        accounts.add(prom);
        let mut mem = Account::new("mem", "memory");
        mem.supported_types = vec![AccountType::ObjectStore, AccountType::ConfigurationStore];
        mem.objects = Some(Arc::new(ObjectRepository::new("mem", objects.clone())));
        accounts.add(mem);
        Self {
            queue: FaultyQueue::new(store.clone()),
            records: CountedRecords::new(store.clone()),
            clock,
            store,
            metrics,
            judge: Arc::default(),
            objects,
            accounts,
            options: EngineOptions {
                retry: RetryPolicy {
                    attempts: 3,
                    ..RetryPolicy::default()
                },
                instance_id: "here".to_owned(),
                // Out of the way unless a test is about it.
                sweep_interval: Duration::from_secs(86_400 * 365),
                ..EngineOptions::default()
            },
        }
    }

    /// What the clock said when the world began.
    pub(crate) fn clock_start(&self) -> DateTime<Utc> {
        BEGIN.parse().unwrap()
    }

    pub(crate) fn repository(&self) -> Arc<ObjectRepository> {
        self.accounts.get("mem").unwrap().objects.clone().unwrap()
    }

    pub(crate) fn engine(&self) -> Engine {
        let judges = JudgeRegistry::new(vec![
            Judge::Local(Arc::new(NetflixAcaJudge::default())),
            Judge::Local(self.judge.clone()),
            Judge::Local(Arc::new(PairedCanaryJudge::default())),
            Judge::Local(Arc::new(StaticLimitJudge)),
        ]);
        Engine::new(
            EngineParts {
                accounts: self.accounts.clone(),
                judges: Arc::new(judges),
                queue: self.queue.clone(),
                executions: self.records.clone(),
                clock: self.clock.clone(),
                ids: Arc::new(RandomIds::new()),
            },
            self.options.clone(),
        )
    }

    /// A process with workers. Dropping it is a crash.
    pub(crate) fn process(&self) -> Process {
        let engine = self.engine();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        let shutdown = CancellationToken::new();
        let workers = runtime.spawn({
            let (engine, shutdown) = (engine.clone(), shutdown.clone());
            async move { engine.run(shutdown).await }
        });
        Process {
            engine,
            shutdown,
            workers: Some(workers),
            runtime: Some(runtime),
        }
    }

    /// Lets time pass until the condition holds: only when no worker is busy, and step by step.
    pub(crate) async fn until(&self, what: &str, mut holds: impl AsyncFnMut() -> bool) {
        let engine = self.engine();
        let mut quiet = 0;
        for _ in 0..20_000 {
            if holds().await {
                return;
            }
            let before = engine.depth().await.unwrap();
            if before.ready + before.leased == 0 {
                quiet += 1;
            } else {
                quiet = 0;
            }
            // Quiet for a while: what is due counts as ready at once, so no job is overtaken.
            if quiet >= 5 {
                quiet = 0;
                self.clock.advance_to_next();
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        panic!("it never came to be that {what}");
    }

    /// Waits in real time, the clock standing still.
    pub(crate) async fn soon(&self, what: &str, mut holds: impl AsyncFnMut() -> bool) {
        for _ in 0..20_000 {
            if holds().await {
                return;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        panic!("it never came to be that {what}");
    }

    /// Lets time pass, even while somebody works, until the condition holds.
    pub(crate) async fn pressing(&self, what: &str, mut holds: impl AsyncFnMut() -> bool) {
        for _ in 0..20_000 {
            if holds().await {
                return;
            }
            tokio::time::sleep(Duration::from_millis(3)).await;
            self.clock.advance_to_next();
        }
        panic!("it never came to be that {what}");
    }

    pub(crate) async fn canary_end(&self, engine: &Engine, id: &str) -> CanaryStatusResponse {
        self.until("a run ends", async || {
            engine.canary_status(id, None).await.unwrap().complete
        })
        .await;
        engine.canary_status(id, None).await.unwrap()
    }

    pub(crate) async fn analysis_end(&self, engine: &Engine, id: &str) -> AnalysisStatusResponse {
        self.until("an analysis ends", async || {
            engine.analysis_status(id, None).await.unwrap().complete
        })
        .await;
        engine.analysis_status(id, None).await.unwrap()
    }

    /// Until no job is left that is due.
    pub(crate) async fn quiet(&self, engine: &Engine) {
        self.soon("nobody works", async || {
            let depth = engine.depth().await.unwrap();
            depth.ready + depth.leased == 0
        })
        .await;
    }
}

pub(crate) struct Process {
    pub(crate) engine: Engine,
    pub(crate) shutdown: CancellationToken,
    workers: Option<tokio::task::JoinHandle<()>>,
    runtime: Option<Runtime>,
}

impl Process {
    /// Ends it in good order.
    pub(crate) async fn stop(mut self) {
        self.shutdown.cancel();
        self.workers.take().unwrap().await.unwrap();
    }

    /// Kills it.
    pub(crate) fn crash(self) {
        drop(self);
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

pub(crate) fn read<T: serde::de::DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).unwrap()
}

/// A config of these metrics, judged by the scripted judge.
pub(crate) fn scripted_config(metrics: &[&str]) -> CanaryConfig {
    let mut config = config(metrics);
    config.judge = read(json!({"name": ScriptedJudge::NAME}));
    config
}

/// A config of these metrics, judged as the reference does.
pub(crate) fn config(metrics: &[&str]) -> CanaryConfig {
    let metrics: Vec<_> = metrics
        .iter()
        .map(|name| {
            json!({
                "name": name,
                "query": {"type": "prometheus", "customInlineTemplate": "x{v=\"${scope}\"}"},
                "groups": ["all"],
                "analysisConfigurations": {"canary": {"direction": "increase"}},
                "scopeName": "default",
            })
        })
        .collect();
    read(json!({
        "name": "a-config",
        "applications": ["app"],
        "judge": {"name": "NetflixACAJudge-v1.0"},
        "metrics": metrics,
        "classifier": {"groupWeights": {"all": 100}},
    }))
}

pub(crate) fn canary_request() -> CanaryExecutionRequest {
    let side = |scope: &str| {
        json!({
            "scope": scope,
            "location": "here",
            "start": "2025-04-08T08:00:00Z",
            "end": "2025-04-08T09:00:00Z",
            "step": 60,
        })
    };
    read(json!({
        "scopes": {"default": {"controlScope": side("base"), "experimentScope": side("next")}},
        "thresholds": {"pass": 95, "marginal": 75},
    }))
}

pub(crate) fn start(config: CanaryConfig) -> StartCanary {
    StartCanary {
        config_source: ConfigSource::AdHoc {
            config: Some(config),
        },
        request: Some(canary_request()),
        application: None,
        parent_pipeline_execution_id: None,
        metrics_account: None,
        storage_account: None,
    }
}

/// An analysis of one metric, judged by the scripted judge, with one scope unless `request` has its
/// own.
pub(crate) fn analysis(mut request: Value) -> StartAnalysis {
    let fields = request.as_object_mut().unwrap();
    fields.entry("scopes").or_insert(json!([{
        "controlScope": "base", "controlLocation": "us",
        "experimentScope": "next", "experimentLocation": "us",
    }]));
    fields
        .entry("thresholds")
        .or_insert(json!({"pass": 95, "marginal": 75}));
    let request: AnalysisRequest = read(request);
    StartAnalysis {
        config_source: ConfigSource::AdHoc {
            config: Some(scripted_config(&["cpu"])),
        },
        request: Some(request),
        user: None,
        application: Some("app".to_owned()),
        parent_pipeline_execution_id: Some("parent".to_owned()),
        metrics_account: None,
        storage_account: None,
    }
}

pub(crate) fn minutes(count: i64) -> TimeDelta {
    TimeDelta::minutes(count)
}

/// `exception.details.errors` of an answer.
pub(crate) fn errors(exception: &Option<Value>) -> Vec<String> {
    let exception = exception.as_ref().expect("an exception");
    read(exception["details"]["errors"].clone())
}
