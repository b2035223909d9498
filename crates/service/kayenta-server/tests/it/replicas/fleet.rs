//! What the processes share, the processes, and what is posted to them.

use std::{sync::Arc, time::Duration};

use kayenta_azure::{AzureAccount, AzureCredential, azure_store};
use kayenta_gcs::{GcsAccount, gcs_store};
use kayenta_http::{HttpSettings, Transport};
use kayenta_queue::SystemClock;
use kayenta_s3::{AwsEnvironment, CredentialSource, S3Account, s3_store};
use kayenta_sql::{ConnectionPool, MissingTables, SqlAccount, SqlStore};
use kayenta_storage::{MissingBucket, ObjectStore};
use kayenta_testkit::{
    FakePrometheus, ObjectServer, RedisServer, RemoteStore, Service, ServiceBuilder, azurite,
    bucket_servers, until,
};
use serde_json::{Value, json};

use crate::{
    requests::{Caller, analysis, canary, config, metric},
    samples::{Addresses, BINARY},
};

pub(super) use crate::requests::WINDOW;

/// Real servers, and a Prometheus whose answers follow from the queries.
pub(super) struct Surroundings {
    pub(super) prometheus: FakePrometheus,
    pub(super) redis: RedisServer,
    pub(super) objects: ObjectServer,
}

/// As the reference deployment names them.
const QUEUE: &str = "keiko.queue.redis:\n  queueName: kayenta.keiko.queue\n  \
                     deadLetterQueueName: kayenta.keiko.queue.deadLetters\n";

/// A `kayenta.yml` with `more` lines at its end.
pub(super) fn yaml(addresses: &Addresses, more: &str) -> String {
    addresses.sample() + QUEUE + more
}

/// The objects of the replicas' account without the service before them.
pub(super) fn object_store(objects: &ObjectServer) -> Arc<dyn ObjectStore> {
    let endpoint = objects.endpoint();
    let (name, root_folder) = ("canary-storage".to_owned(), "kayenta".to_owned());
    match objects.store() {
        RemoteStore::Azure => Arc::new(
            azure_store(
                &AzureAccount {
                    name,
                    storage_account_name: azurite::ACCOUNT_NAME.to_owned(),
                    container: "canary".to_owned(),
                    root_folder,
                    endpoint: endpoint.parse().unwrap(),
                    credential: AzureCredential::SharedKey(azurite::ACCOUNT_KEY.into()),
                },
                &HttpSettings::default(),
                MissingBucket::Create,
            )
            .unwrap(),
        ),
        RemoteStore::S3 => {
            let account = S3Account {
                name,
                bucket: "kayenta-bucket".to_owned(),
                root_folder,
                region: None,
                endpoint: Some(endpoint.into()),
                credentials: CredentialSource::Keys {
                    access_key: bucket_servers::ACCESS_KEY.into(),
                    secret_key: bucket_servers::SECRET_KEY.into(),
                    session_token: None,
                },
                proxy: None,
                encryption: None,
            };
            let environment = AwsEnvironment::new([], None);
            let http = HttpSettings::default();
            Arc::new(s3_store(&account, &http, environment, MissingBucket::Create).unwrap())
        }
        RemoteStore::Gcs => {
            let account = GcsAccount {
                name,
                project: "my-project".to_owned(),
                bucket: "kayenta-bucket".to_owned(),
                bucket_location: None,
                root_folder,
                endpoint: Some(endpoint.into()),
                tokens: None,
            };
            let transport = Transport::new(&HttpSettings::default()).unwrap();
            Arc::new(gcs_store(&account, &transport, MissingBucket::Create).unwrap())
        }
        RemoteStore::Sql(_) => {
            let account = SqlAccount {
                name,
                pool: ConnectionPool::new(endpoint.parse().unwrap()),
                migration: None,
            };
            let (http, clock) = (HttpSettings::default(), Arc::new(SystemClock));
            Arc::new(SqlStore::new(&account, &http, clock, MissingTables::Create).unwrap())
        }
    }
}

impl Surroundings {
    pub(super) async fn start() -> Self {
        Self::on(RemoteStore::Azure).await
    }

    pub(super) async fn on(store: RemoteStore) -> Self {
        let redis = RedisServer::start().await.unwrap();
        Self::of(redis, store).await
    }

    pub(super) async fn with_redis(redis: RedisServer) -> Self {
        Self::of(redis, RemoteStore::Azure).await
    }

    async fn of(redis: RedisServer, store: RemoteStore) -> Self {
        Self {
            prometheus: FakePrometheus::start().await.unwrap(),
            redis,
            objects: ObjectServer::start(store).await.unwrap(),
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
            store: self.objects.store(),
            objects: self.objects.endpoint(),
        }
    }

    /// Starts so many replicas, each with `more` lines at the end of its `kayenta.yml`.
    pub(super) async fn replicas(&self, count: usize, more: &str) -> Vec<Service> {
        self.replicas_of(count, &yaml(&self.addresses(), more))
            .await
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
