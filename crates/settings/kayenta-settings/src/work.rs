//! Where jobs and execution records live, and how much is done at a time (`redis.*`, `keiko.*`,
//! `queue.*`, `pollers.*`, `kayenta.engine.*`).

use std::{fmt, time::Duration};

use kayenta_secrets::Secret;

/// Where jobs and execution records live.
#[derive(Clone, Debug)]
pub enum WorkBackend {
    /// In this process, kept on disk in the data directory: no `redis.connection`.
    Embedded,
    /// In Redis, shared by every replica.
    Redis(RedisSettings),
}

/// A Redis (`redis.*`).
#[derive(Clone, Debug)]
pub struct RedisSettings {
    /// Where it is.
    pub topology: RedisTopology,
    /// `rediss://`.
    pub tls: bool,
    /// From the user information of `redis.connection`, percent-escapes decoded.
    pub password: Option<Secret>,
    /// `redis.username` (not in the Java service): user of an access control list. The user named
    /// in `redis.connection` is *not* it (the reference ignores that one and sends
    /// `AUTH password`).
    pub username: Option<String>,
    /// The database number, default 0.
    pub database: u32,
    /// `redis.timeout` or `redis.timeoutMs`: connect and answer; default 2 s.
    pub timeout: Duration,
    /// `redis.maxTotal`, default 100: an upper bound for connections.
    pub max_connections: u32,
    /// `redis.startup-timeout` (not in the Java service): how long until an ERROR is logged;
    /// it is waited for all the same. Default 60 s.
    pub startup_timeout: Duration,
}

impl RedisSettings {
    /// One server without TLS or password, everything else at its default.
    #[must_use]
    pub fn single(host: impl Into<String>, port: u16) -> Self {
        Self {
            topology: RedisTopology::Single {
                host: host.into(),
                port,
            },
            tls: false,
            password: None,
            username: None,
            database: 0,
            timeout: Duration::from_secs(2),
            max_connections: 100,
            startup_timeout: Duration::from_secs(60),
        }
    }

    /// The address for logs: hosts and ports, nothing secret.
    #[must_use]
    pub fn address(&self) -> String {
        let scheme = if self.tls { "rediss" } else { "redis" };
        match &self.topology {
            RedisTopology::Single { host, port } => format!("{scheme}://{host}:{port}"),
            RedisTopology::Sentinel { nodes, master } => {
                format!("{scheme}-sentinel://{}#{master}", join(nodes))
            }
            RedisTopology::Cluster { nodes } => format!("{scheme}-cluster://{}", join(nodes)),
        }
    }
}

fn join(nodes: &[(String, u16)]) -> String {
    nodes
        .iter()
        .map(|(host, port)| format!("{host}:{port}"))
        .collect::<Vec<_>>()
        .join(",")
}

/// How a Redis is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RedisTopology {
    /// One server: `redis://host[:port][/db]`.
    Single {
        /// Host name or address (without the brackets of IPv6).
        host: String,
        /// Port, default 6379.
        port: u16,
    },
    /// Behind sentinels (not in the Java service):
    /// `redis-sentinel://host[:port][,host[:port]…][/db]#master`.
    Sentinel {
        /// The sentinels; default port 26379.
        nodes: Vec<(String, u16)>,
        /// Name of the master.
        master: String,
    },
    /// A cluster (not in the Java service): `redis-cluster://host[:port][,…]`, or
    /// `redis.cluster-enabled: true`.
    Cluster {
        /// Some of its nodes; default port 6379.
        nodes: Vec<(String, u16)>,
    },
}

/// Printed as an address without secrets.
impl fmt::Display for RedisTopology {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Single { host, port } => write!(f, "{host}:{port}"),
            Self::Sentinel { nodes, master } => {
                write!(f, "master {master} of sentinels {}", join(nodes))
            }
            Self::Cluster { nodes } => write!(f, "cluster {}", join(nodes)),
        }
    }
}

/// Names and limits of the queue (`keiko.queue.*`, `queue.*`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueSettings {
    /// `keiko.queue.redis.queueName`, default `keiko.queue`: prefix of the keys.
    pub name: String,
    /// `keiko.queue.redis.deadLetterQueueName`, default `keiko.queue.deadLetters`.
    pub dead_letter_name: String,
    /// `keiko.queue.redis.ackTimeoutSeconds`, default 60 s. The reference redelivers after it; the
    /// lease of this service is [`EngineSettings::lease`].
    pub ack_timeout: Duration,
    /// `keiko.queue.enabled`, default true; false: requests are taken, nothing is worked on here.
    pub enabled: bool,
    /// `keiko.queue.handlerMaxPoolSize` where set, a hint for how much is worked on at a time.
    pub handler_max_pool_size: Option<u32>,
    /// `queue.poll.frequency.ms`, default 50 ms.
    pub poll_period: Duration,
    /// `queue.retry.frequency.ms`, default 10 s.
    pub retry_period: Duration,
    /// `queue.retry.delay.ms` where set.
    pub retry_delay: Option<Duration>,
    /// `tasks.global.backOffPeriod` where set: lower bound of a task's back-off.
    pub task_back_off: Option<Duration>,
}

/// How much is done at a time and how long records are kept (`kayenta.engine.*`, not in the Java
/// service).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EngineSettings {
    /// `workers`: executions one process works on at a time, waiting ones not counted. Default:
    /// `keiko.queue.handlerMaxPoolSize` where set, else 256.
    pub workers: usize,
    /// `fetches-per-run`: fetches one run has under way at a time, default 16.
    pub fetches_per_run: usize,
    /// `fetches-total`: fetches one process has under way at a time, default 128.
    pub fetches_total: usize,
    /// `judgements`: judgements computed at a time; `None` is one a core.
    pub judgements: Option<usize>,
    /// `lease`: a worker that is silent this long has lost its job to another; default 10 s.
    pub lease: Duration,
    /// `max-deliveries`: a job whose worker died this often goes to the dead letters; default 5.
    pub max_deliveries: u32,
    /// `sweep-interval`: how often records whose job got lost are looked for; default 30 s.
    pub sweep_interval: Duration,
    /// `result-series`: pairs of application and config whose results are shown as time series of
    /// their own, default 200.
    pub result_series: usize,
    /// `execution-retention`: how long records of finished executions are kept; `None` (`0`) is for
    /// ever, as in the reference. Default 30 days.
    pub execution_retention: Option<Duration>,
    /// `pollers.old-pipeline-cleanup.*`, if switched on.
    pub cleanup: Option<ExecutionCleanup>,
}

/// The reference's own way to forget finished executions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExecutionCleanup {
    /// `interval-ms`, default an hour.
    pub interval: Duration,
    /// `threshold-days`, default 30 days.
    pub threshold: Duration,
    /// `minimum-pipeline-executions`, default 5: the newest that old are kept all the same.
    pub keep_at_least: u32,
}
