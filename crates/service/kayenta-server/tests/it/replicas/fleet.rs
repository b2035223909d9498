//! What the processes share, the processes, and what is posted to them.

use std::time::Duration;

use kayenta_testkit::{
    FakePrometheus, RedisServer, Service, ServiceBuilder,
    azurite::{ACCOUNT_KEY, Azurite},
    until,
};
use serde_json::{Value, json};

use crate::{
    requests::{Caller, analysis, canary, config, metric},
    samples::{BINARY, sample},
};

pub(super) use crate::requests::WINDOW;

/// Real servers, and a Prometheus whose answers follow from the queries.
pub(super) struct Surroundings {
    pub(super) prometheus: FakePrometheus,
    pub(super) redis: RedisServer,
    pub(super) azurite: Azurite,
}

/// Where a service finds them.
pub(super) struct Addresses {
    pub(super) prometheus: String,
    pub(super) redis: String,
    pub(super) blobs: String,
}

/// As the reference deployment names them.
const QUEUE: &str = "keiko.queue.redis:\n  queueName: kayenta.keiko.queue\n  \
                     deadLetterQueueName: kayenta.keiko.queue.deadLetters\n";

impl Addresses {
    /// A `kayenta.yml` with `more` lines at its end.
    pub(super) fn yaml(&self, more: &str) -> String {
        let values = [
            ("prometheus", self.prometheus.as_str()),
            ("redis", &self.redis),
            ("blobs", &self.blobs),
            ("key", ACCOUNT_KEY),
        ];
        sample("transcripts-redis-azure.yml", &values) + QUEUE + more
    }
}

impl Surroundings {
    pub(super) async fn start() -> Self {
        let redis = RedisServer::start().await.unwrap();
        Self::with_redis(redis).await
    }

    pub(super) async fn with_redis(redis: RedisServer) -> Self {
        Self {
            prometheus: FakePrometheus::start().await.unwrap(),
            redis,
            azurite: Azurite::start().await.unwrap(),
        }
    }

    /// How many queries for data have arrived; names of metrics are asked for in the background.
    pub(super) fn queries(&self) -> usize {
        let seen = self.prometheus.seen();
        let queries = seen
            .iter()
            .filter(|request| request.target.contains("/query"));
        queries.count()
    }

    /// Waits until runs are being fetched.
    pub(super) async fn more_queries_than(&self, before: usize) {
        until("queries arrive", Duration::from_secs(20), async || {
            self.queries() > before
        })
        .await;
    }

    pub(super) fn addresses(&self) -> Addresses {
        Addresses {
            prometheus: self.prometheus.base_url(),
            redis: self.redis.url(),
            blobs: self.azurite.endpoint(),
        }
    }

    /// Starts so many replicas, each with `more` lines at the end of its `kayenta.yml`.
    pub(super) async fn replicas(&self, count: usize, more: &str) -> Vec<Service> {
        self.replicas_of(count, &self.addresses().yaml(more)).await
    }

    /// Starts so many replicas with this `kayenta.yml`.
    pub(super) async fn replicas_of(&self, count: usize, yaml: &str) -> Vec<Service> {
        let mut services: Vec<_> = (0..count)
            .map(|_| ServiceBuilder::new(BINARY).config(yaml).spawn().unwrap())
            .collect();
        for service in &mut services {
            service.wait_until_healthy().await.unwrap();
        }
        services
    }
}

/// A client of each replica.
pub(super) fn callers(services: &[Service]) -> Vec<Caller> {
    services
        .iter()
        .map(|service| Caller::new(service.base_url()))
        .collect()
}

/// Three metrics whose series depend on the deployment.
pub(super) fn three_metrics(name: &str) -> Value {
    let metrics = [
        metric("errors", "Errors", r#"errors{v="${scope}",kind="bad"}"#),
        metric("latency", "Latency", r#"latency{v="${scope}"}"#),
        metric("load", "Load", r#"load{v="${scope}"}"#),
    ];
    config(
        name,
        &metrics,
        json!({"Errors": 50, "Latency": 30, "Load": 20}),
    )
}

/// A run of [`three_metrics`]: its path and body.
pub(super) fn one_canary(experiment: &str) -> (&'static str, Value) {
    let config = three_metrics("replicas");
    ("/canary", canary(&config, "baseline", experiment, WINDOW))
}

/// Two runs of [`three_metrics`] one after the other: path and body.
pub(super) fn one_analysis(experiment: &str) -> (&'static str, Value) {
    let config = three_metrics("replicas");
    let body = analysis(&config, "baseline", experiment, WINDOW, 30);
    ("/standalone_canary_analysis", body)
}
