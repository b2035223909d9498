//! Faults on the wire to Redis, to the storage account and to Prometheus: what callers get, what
//! `/health` says, and how soon all is well again. Nothing is restarted.

use std::{
    fmt,
    sync::atomic::{AtomicUsize, Ordering},
    time::{Duration, Instant},
};

use futures::{StreamExt, stream};
use kayenta_testkit::{Fault, FaultProxy, RemoteStore, Service, sql_server::Product, until};
use serde_json::{Value, json};

use super::fleet::{Surroundings, one_canary, three_metrics, yaml};
use crate::{operations_page, requests::Caller, samples::serving};

/// Where something breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Redis,
    Objects(RemoteStore),
    Prometheus,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Redis => f.write_str("Redis"),
            Self::Objects(store) => store.fmt(f),
            Self::Prometheus => f.write_str("Prometheus"),
        }
    }
}

const FAULTS: [(&str, Fault); 6] = [
    ("cut", Fault::Cut),
    ("refused", Fault::Refuse),
    ("delayed", Fault::Delay(Duration::from_millis(100))),
    ("half-open", Fault::Swallow),
    (
        "slow drip",
        Fault::Drip {
            bytes: 256,
            pause: Duration::from_millis(10),
        },
    ),
    ("reset in mid-body", Fault::ResetAfter(1_000)),
];

/// How long a fault lasts at least; longer until a write and a read have been answered.
const LASTS: Duration = Duration::from_secs(5);
/// The longest a caller may have to wait for an answer.
const LONGEST_ANSWER: Duration = Duration::from_secs(45);
/// The longest all may take to be well again.
const LONGEST_RECOVERY: Duration = Duration::from_secs(20);
/// Services tried at a time.
const AT_A_TIME: usize = 6;

/// Few tries, soon given up, so that a metric store's failure shows while the test lasts.
const SETTINGS: &str = "kayenta.metrics.retry:\n  attempts: 3\n  backoffPeriodMultiplierMs: 200\n\
                        ok-http-client:\n  readTimeoutMs: 2000\n\
                        kayenta.prometheus.health:\n  enabled: true\n  initial-delay: 0\n  fixed-delay: 1000\n\
                        kayenta.engine.lease: 3s\n";

impl Place {
    fn component(self) -> &'static str {
        match self {
            Self::Redis => "redisHealth",
            Self::Objects(_) => "storage-canary-storage",
            Self::Prometheus => "prometheus",
        }
    }

    /// Whether a replica without it should get no traffic.
    fn bears_on_readiness(self) -> bool {
        self != Self::Prometheus
    }
}

/// One service with a proxy before one of the servers it needs.
struct Case {
    place: Place,
    fault_name: &'static str,
    fault: Fault,
    proxy: FaultProxy,
    service: Service,
    caller: Caller,
    /// A run that ended, and a config that was stored, before the fault.
    run: String,
    config: String,
}

/// What was seen in one case.
#[derive(Debug)]
struct Row {
    place: Place,
    fault: &'static str,
    writes: Seen,
    reads: Seen,
    under_way: String,
    readiness: Seen,
    health: String,
    recovery: Duration,
}

/// Answers counted by status.
#[derive(Debug, Default)]
struct Seen {
    by_status: Vec<(u16, usize)>,
    slowest: Duration,
}

impl Seen {
    fn add(&mut self, status: u16, took: Duration) {
        match self
            .by_status
            .iter_mut()
            .find(|(known, _)| *known == status)
        {
            Some((_, count)) => *count += 1,
            None => self.by_status.push((status, 1)),
        }
        self.by_status.sort_unstable();
        self.slowest = self.slowest.max(took);
    }

    fn count(&self, status: u16) -> usize {
        let found = self.by_status.iter().find(|(known, _)| *known == status);
        found.map_or(0, |(_, count)| *count)
    }

    fn all(&self) -> usize {
        self.by_status.iter().map(|(_, count)| count).sum()
    }
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts: Vec<_> = self
            .by_status
            .iter()
            .map(|(status, count)| format!("{count} x {status}"))
            .collect();
        write!(f, "{} in {:.1?} at most", counts.join(", "), self.slowest)
    }
}

/// An answer in time; a failure has to say in words what failed.
async fn ask(
    caller: &Caller,
    what: &str,
    method: &str,
    path: &str,
    body: &Value,
) -> (u16, Value, Duration) {
    let began = Instant::now();
    let answer = async {
        match method {
            "GET" => caller.get(path).await,
            _ => caller.post(path, body).await,
        }
    };
    let (status, answer) = tokio::time::timeout(LONGEST_ANSWER, answer)
        .await
        .unwrap_or_else(|_| panic!("{what}: no answer to {method} {path} in {LONGEST_ANSWER:?}"))
        .unwrap_or_else(|error| panic!("{what}: {method} {path}: {error}"));
    if status != 200 {
        assert!(status >= 500, "{what}: {status} {answer}");
        let message = answer["message"].as_str().unwrap_or_default();
        assert!(message.len() > 20, "{what}: {status} {answer}");
    }
    (status, answer, began.elapsed())
}

impl Case {
    async fn start(
        shared: &Surroundings,
        place: Place,
        (fault_name, fault): (&'static str, Fault),
    ) -> Self {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let mut addresses = shared.addresses();
        let upstream = match place {
            Place::Redis => ([127, 0, 0, 1], shared.redis.port()).into(),
            Place::Objects(_) => shared.objects.address(),
            Place::Prometheus => shared.prometheus.address(),
        };
        let proxy = FaultProxy::start(upstream).await.unwrap();
        match place {
            Place::Redis => addresses.redis = format!("redis://{}", proxy.address()),
            Place::Objects(store) => addresses.objects = store.endpoint_at(&proxy.base_url()),
            Place::Prometheus => addresses.prometheus = proxy.base_url(),
        }
        let database = format!("case{number}");
        shared.objects.create_database(&database).await.unwrap();
        // Each has its own queue and container, bucket or database in the servers they share.
        let yaml = yaml(&addresses, SETTINGS)
            .replace("queueName: kayenta", &format!("queueName: case{number}"))
            .replace("container: canary", &format!("container: case{number}"))
            .replace("bucket: kayenta-bucket", &format!("bucket: case-{number}"))
            .replace("/kayenta?", &format!("/{database}?"));
        let service = serving(yaml).await;
        let caller = Caller::patient(service.base_url(), LONGEST_ANSWER);
        let (path, body) = one_canary("canary");
        let id = caller.start(path, &body).await.unwrap();
        let run = format!("{path}/{id}");
        caller.complete(&run, Duration::from_secs(30)).await;
        let (status, answer) = caller
            .post("/canaryConfig", &three_metrics("before"))
            .await
            .unwrap();
        assert_eq!(status, 200, "{answer}");
        let id = answer["canaryConfigId"].as_str().unwrap();
        Self {
            place,
            fault_name,
            fault,
            proxy,
            service,
            caller,
            run,
            config: format!("/canaryConfig/{id}"),
        }
    }

    fn name(&self) -> String {
        format!("{} {}", self.place, self.fault_name)
    }

    /// Writes what depends on the place; the path at which it must be found if it was accepted.
    async fn write(&self, number: usize) -> (u16, Option<String>, Duration) {
        let what = format!("{} write {number}", self.name());
        let (path, body, id) = match self.place {
            Place::Objects(_) => {
                let config = three_metrics(&format!("during-{number}"));
                ("/canaryConfig", config, "canaryConfigId")
            }
            Place::Redis => {
                let (path, body) = one_canary("other");
                (path, body, "canaryExecutionId")
            }
            Place::Prometheus => {
                let path = "/fetch/prometheus/query?metricSetName=m&metricName=m&customFilter=x%3D1&scope=s\
                            &start=2020-11-20T23:00:00Z&end=2020-11-21T00:00:00Z&step=60";
                let (status, answer, took) =
                    ask(&self.caller, &what, "POST", path, &json!({})).await;
                let id = answer["metricSetListId"].as_str();
                return (status, id.map(|id| format!("/metricSetList/{id}")), took);
            }
        };
        let (status, answer, took) = ask(&self.caller, &what, "POST", path, &body).await;
        (
            status,
            answer[id].as_str().map(|id| format!("{path}/{id}")),
            took,
        )
    }

    async fn read(&self) -> (u16, Duration) {
        let path = match self.place {
            Place::Redis => &self.run,
            Place::Objects(_) => &self.config,
            Place::Prometheus => "/metadata/metricsService?metricsAccountName=canary-prometheus",
        };
        let what = format!("{} read", self.name());
        let (status, _, took) = ask(&self.caller, &what, "GET", path, &json!(null)).await;
        (status, took)
    }

    /// Goes on as long as the fault does.
    async fn suffer(&self) -> (Seen, Seen, Vec<String>) {
        let began = Instant::now();
        let writing = async {
            let (mut seen, mut accepted) = (Seen::default(), Vec::new());
            while began.elapsed() < LASTS {
                let (status, path, took) = self.write(seen.all()).await;
                seen.add(status, took);
                accepted.extend(path.filter(|_| status == 200));
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
            (seen, accepted)
        };
        let reading = async {
            let mut seen = Seen::default();
            while began.elapsed() < LASTS {
                let (status, took) = self.read().await;
                seen.add(status, took);
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
            seen
        };
        let ((writes, accepted), reads) = tokio::join!(writing, reading);
        (writes, reads, accepted)
    }

    /// Probes as an orchestrator does, until stopped.
    async fn probe(&self) -> (Seen, Vec<Value>) {
        let (mut readiness, mut components) = (Seen::default(), Vec::new());
        loop {
            let began = Instant::now();
            let (live, answer) = self.caller.get("/health/liveness").await.unwrap();
            assert_eq!(live, 200, "{}: liveness fell: {answer}", self.name());
            let (ready, _) = self.caller.get("/health/readiness").await.unwrap();
            readiness.add(ready, began.elapsed());
            let (_, health) = self.caller.get("/health").await.unwrap();
            components.push(health["components"][self.place.component()].clone());
            if let Ok(true) = PROBED.try_with(|stop| stop.is_cancelled()) {
                return (readiness, components);
            }
            tokio::time::sleep(Duration::from_millis(250)).await;
        }
    }

    /// How long it takes until everything is as before.
    async fn recover(&self) -> Duration {
        let began = Instant::now();
        for number in 10_000.. {
            let (written, path, _) = self.write(number).await;
            let (read, _) = self.read().await;
            let (ready, _) = self.caller.get("/health/readiness").await.unwrap();
            let (health, answer) = self.caller.get("/health").await.unwrap();
            let components = answer["components"].as_object().unwrap();
            let is_up = |component: &Value| component["status"] == json!("UP");
            // On a machine that is busy another server may be late, for which readiness falls, too.
            let reported = match components.values().all(is_up) {
                true => (ready, health) == (200, 200),
                false => is_up(&components[self.place.component()]),
            };
            if (written, read, reported) == (200, 200, true) {
                if self.place == Place::Redis {
                    // And workers take jobs again.
                    self.caller.complete(&path.unwrap(), LONGEST_RECOVERY).await;
                }
                break;
            }
            assert!(
                began.elapsed() < LONGEST_RECOVERY,
                "{}: write {written}, read {read}, readiness {ready}, health {health} {answer}\n{}",
                self.name(),
                self.service.log()
            );
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        began.elapsed()
    }

    async fn run(self) -> Row {
        let (path, body) = one_canary("third");
        let id = self.caller.start(path, &body).await.unwrap();
        let under_way = format!("{path}/{id}");
        // The answers to its first queries come while the fault lasts.
        until("it runs", Duration::from_secs(10), async || {
            let (_, status) = self.caller.get(&under_way).await.unwrap();
            status["status"] == json!("running")
        })
        .await;
        self.proxy.set(self.fault);
        let stop = tokio_util::sync::CancellationToken::new();
        let probing = PROBED.scope(stop.clone(), self.probe());
        let suffering = async {
            let seen = self.suffer().await;
            stop.cancel();
            seen
        };
        let ((readiness, components), (writes, reads, accepted)) = tokio::join!(probing, suffering);
        self.proxy.set(Fault::Pass);
        let recovery = self.recover().await;

        let ended = self
            .caller
            .complete(&under_way, Duration::from_secs(40))
            .await;
        let mut outcome = ended["status"].as_str().unwrap_or("?").to_owned();
        if outcome != "succeeded" {
            let errors = &ended["exception"]["details"]["errors"][0];
            outcome += &format!(": {}", errors.as_str().unwrap_or("no reason"));
            assert!(errors.is_string(), "{}: {ended}", self.name());
        }
        // What was acknowledged is there, and a run goes on to its end.
        for path in &accepted {
            let (status, answer) = self.caller.get(path).await.unwrap();
            assert_eq!(status, 200, "{}: {path} is lost: {answer}", self.name());
            if path.starts_with("/canary/") {
                self.caller.complete(path, Duration::from_secs(30)).await;
            }
        }
        let (_, letters) = self.caller.get("/admin/deadLetters").await.unwrap();
        assert_eq!(letters, json!([]), "{}", self.name());
        let last_down = components
            .iter()
            .rev()
            .find(|component| component["status"] != json!("UP"));
        let down = last_down.cloned().unwrap_or(json!({"status": "UP"}));
        operations_page::check(&self.name(), || self.service.log(), &down).await;
        self.tells_the_truth(&writes, &reads, &readiness, &down);
        Row {
            place: self.place,
            fault: self.fault_name,
            writes,
            reads,
            under_way: outcome,
            readiness,
            health: down.to_string(),
            recovery,
        }
    }

    /// Where nothing gets through, health and readiness say so; where all gets through, late, they do not
    /// fall.
    fn tells_the_truth(&self, writes: &Seen, reads: &Seen, readiness: &Seen, component: &Value) {
        let name = self.name();
        match self.fault {
            Fault::Cut | Fault::Refuse | Fault::Swallow => {
                assert_eq!(writes.count(200), 0, "{name}: {writes}");
                match self.place {
                    // A run that has ended is read from its archive.
                    Place::Redis => assert!(reads.count(200) * 2 > reads.all(), "{name}: {reads}"),
                    Place::Objects(_) => assert_eq!(reads.count(200), 0, "{name}: {reads}"),
                    // The names of metrics are answered from memory.
                    Place::Prometheus => {}
                }
                assert_eq!(component["status"], json!("DOWN"), "{name}: {component}");
                if self.place.bears_on_readiness() {
                    assert!(
                        readiness.count(503) * 2 > readiness.all(),
                        "{name}: {readiness}"
                    );
                }
            }
            Fault::Delay(_) | Fault::Drip { .. } => {
                // What is late for other reasons counts as failed on a machine that is busy.
                assert!(writes.count(200) * 2 > writes.all(), "{name}: {writes}");
                assert!(reads.count(200) * 2 > reads.all(), "{name}: {reads}");
                assert!(readiness.count(200) > 0, "{name}: {readiness}");
            }
            Fault::ResetAfter(_) | Fault::Pass => {}
        }
        if !self.place.bears_on_readiness() {
            assert!(
                readiness.count(200) * 2 > readiness.all(),
                "{name}: {readiness}"
            );
        }
    }
}

tokio::task_local! {
    static PROBED: tokio_util::sync::CancellationToken;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Redis and Azurite"]
async fn faults_on_the_wire_are_reported_and_survived() {
    let places = [
        Place::Redis,
        Place::Objects(RemoteStore::Azure),
        Place::Prometheus,
    ];
    reported_and_survived(RemoteStore::Azure, &places).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Redis and gofakes3"]
async fn faults_on_the_wire_to_s3_are_reported_and_survived() {
    reported_and_survived(RemoteStore::S3, &[Place::Objects(RemoteStore::S3)]).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Redis and fake-gcs-server"]
async fn faults_on_the_wire_to_gcs_are_reported_and_survived() {
    reported_and_survived(RemoteStore::Gcs, &[Place::Objects(RemoteStore::Gcs)]).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Redis and PostgreSQL"]
async fn faults_on_the_wire_to_postgresql_are_reported_and_survived() {
    let store = RemoteStore::Sql(Product::Postgres);
    reported_and_survived(store, &[Place::Objects(store)]).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Redis and MariaDB"]
async fn faults_on_the_wire_to_mariadb_are_reported_and_survived() {
    let store = RemoteStore::Sql(Product::MariaDb);
    reported_and_survived(store, &[Place::Objects(store)]).await;
}

async fn reported_and_survived(store: RemoteStore, places: &[Place]) {
    let shared = Surroundings::on(store).await;
    shared.prometheus.delay_answers(Duration::from_millis(400));
    let cases = places
        .iter()
        .flat_map(|place| FAULTS.iter().map(move |fault| (*place, *fault)));
    let rows: Vec<Row> = stream::iter(cases)
        .map(|(place, fault)| {
            let shared = &shared;
            async move { Case::start(shared, place, fault).await.run().await }
        })
        .buffered(AT_A_TIME)
        .collect()
        .await;
    println!(
        "fault | writes | reads | a run under way | readiness | last component that was not UP | well after"
    );
    for row in rows {
        println!(
            "{} {} | {} | {} | {} | {} | {} | {:.1?}",
            row.place,
            row.fault,
            row.writes,
            row.reads,
            row.under_way,
            row.readiness,
            row.health,
            row.recovery
        );
    }
}
