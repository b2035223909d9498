//! `redis.*`, `keiko.*`, `queue.*`, `pollers.*`, `kayenta.embedded.*`, `kayenta.engine.*`.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use kayenta_properties::{Binder, Diagnostic};

use kayenta_settings::{
    EngineSettings, ExecutionCleanup, QueueSettings, RedisSettings, RedisTopology, WorkBackend,
};

use super::{Context, redis};

const SECOND: Duration = Duration::from_secs(1);
const DAY: Duration = Duration::from_secs(86_400);

pub(super) fn data_dir(binder: &Binder<'_>) -> PathBuf {
    binder
        .group("kayenta.embedded")
        .path("dataDir")
        .unwrap_or_else(|| PathBuf::from("./kayenta-data"))
}

pub(super) fn backend(binder: &Binder<'_>, context: &Context<'_>, data_dir: &Path) -> WorkBackend {
    let group = binder.group("redis");
    group.accept(&[
        "blockWhenExhausted",
        "external-lock",
        "jmxEnabled",
        "lifo",
        "maxAttempts",
        "maxIdle",
        "maxWaitMillis",
        "minEvictableIdleTimeMillis",
        "minIdle",
        "numTestsPerEvictionRun",
        "poolConfig",
        "softMinEvictableIdleTimeMillis",
        "testOnBorrow",
        "testOnCreate",
        "testOnReturn",
        "testWhileIdle",
        "timeBetweenEvictionRunsMillis",
    ]);
    let timeout = group
        .units_if_set("timeout", Duration::from_millis(1))
        .or_else(|| group.units_if_set("timeoutMs", Duration::from_millis(1)))
        .unwrap_or(2 * SECOND);
    let max_connections = group.integer("maxTotal", 1_u32, 100_000, 100);
    let startup_timeout = group.duration("startup-timeout", 60 * SECOND);
    let username = group.strict_text("username");
    let password = group.secret("password");
    let cluster = group.boolean("cluster-enabled", false);
    let Some(value) = group
        .get("connection")
        .filter(|value| !value.text.trim().is_empty())
    else {
        // C-CONF-01: the reference does not start.
        if !context.gathered.files.is_empty() && !group.is_given("connection") {
            binder.report(
                Diagnostic::warning(format!(
                    "not set: jobs and execution records are kept on disk under {}, not \
                     shared with other replicas",
                    data_dir.display()
                ))
                .property("redis.connection")
                .remedy("set redis.connection: redis://host:6379 to share the work"),
            );
        }
        return WorkBackend::Embedded;
    };
    let Some(text) = group.strict_text("connection") else {
        return WorkBackend::Embedded;
    };
    let mut address = match redis::parse(&text) {
        Ok(address) => address,
        Err(reason) => {
            // The whole text is hidden where a password may stand in an unusual place.
            let mut error = value
                .wrong(format!("the address of Redis cannot be used: {reason}"))
                .expected("redis://[user:password@]host[:port][/db], or rediss:// for TLS");
            if text.contains('@') {
                error.found = None;
            }
            group.report(error);
            return WorkBackend::Embedded;
        }
    };
    if cluster && let RedisTopology::Single { host, port } = &address.topology {
        address.topology = RedisTopology::Cluster {
            nodes: vec![(host.clone(), *port)],
        };
    }
    if matches!(address.topology, RedisTopology::Cluster { .. }) && address.database != 0 {
        group.report(
            value
                .wrong("a Redis cluster has only database 0")
                .remedy("Remove the number after the host"),
        );
    }
    WorkBackend::Redis(RedisSettings {
        topology: address.topology,
        tls: address.tls,
        password: address.password.or(password),
        username,
        database: address.database,
        timeout,
        max_connections,
        startup_timeout,
    })
}

pub(super) fn queue(binder: &Binder<'_>) -> QueueSettings {
    let keiko = binder.group("keiko.queue");
    let queue = binder.group("queue");
    binder.group("keiko").accept(&["object-mapper"]);
    keiko.accept(&[
        "fillExecutorEachCycle",
        "handlerThreadNamePrefix",
        "redis.shards",
        "requeueDelaySeconds",
        "requeueMaxJitterSeconds",
        "sql",
    ]);
    queue.accept(&[
        "metrics",
        "pending-execution-service",
        "shovel",
        "zombie-check",
    ]);
    binder.top().accept(&[
        "chunk-size",
        "dynamic-stage-resolver",
        "execution-repository",
        "executions",
        "expression",
        "front50",
        "monitor",
        "orca",
        "task-overrides",
        "tasks",
        "thread-pool",
        "user-configured-url-restrictions",
    ]);
    let core = keiko.integer_if_set("handlerCorePoolSize", 0_u32, 100_000);
    let most = keiko.integer_if_set("handlerMaxPoolSize", 1_u32, 100_000);
    QueueSettings {
        name: keiko.text_or("redis.queueName", "keiko.queue"),
        dead_letter_name: keiko.text_or("redis.deadLetterQueueName", "keiko.queue.deadLetters"),
        ack_timeout: keiko.units("redis.ackTimeoutSeconds", SECOND, 60 * SECOND),
        enabled: keiko.boolean("enabled", true),
        handler_max_pool_size: most.map(|most| most.max(core.unwrap_or(0))),
        poll_period: queue.millis("poll.frequency.ms", 50),
        retry_period: queue.millis("retry.frequency.ms", 10_000),
        retry_delay: queue.units_if_set("retry.delay.ms", Duration::from_millis(1)),
        task_back_off: binder
            .group("tasks.global")
            .units_if_set("backOffPeriod", Duration::from_millis(1)),
    }
}

pub(super) fn engine(binder: &Binder<'_>, queue: &QueueSettings) -> EngineSettings {
    let group = binder.group("kayenta.engine");
    let workers = queue.handler_max_pool_size.unwrap_or(256);
    let count = |name: &str, default: u32| group.integer(name, 1_u32, 100_000, default) as usize;
    let fetches_per_run = count("fetches-per-run", 16);
    EngineSettings {
        workers: count("workers", workers),
        fetches_per_run,
        fetches_total: count("fetches-total", 128).max(fetches_per_run),
        judgements: group
            .integer_if_set("judgements", 1_u32, 1_024)
            .map(|judgements| judgements as usize),
        lease: group.duration("lease", 10 * SECOND).max(SECOND),
        max_deliveries: group.integer("max-deliveries", 1_u32, 1_000, 5),
        sweep_interval: group.duration("sweep-interval", 30 * SECOND).max(SECOND),
        result_series: group.integer("result-series", 0_u32, 100_000, 200) as usize,
        execution_retention: Some(group.duration("execution-retention", 30 * DAY))
            .filter(|retention| !retention.is_zero()),
        cleanup: cleanup(binder),
    }
}

/// `kayenta.memory` is also where the accounts of the object store in memory are.
pub(super) fn memory_budget(binder: &Binder<'_>) -> Option<u64> {
    let group = binder.group("kayenta.memory");
    Some(group.size("budget", 0)).filter(|bytes| *bytes > 0)
}

fn cleanup(binder: &Binder<'_>) -> Option<ExecutionCleanup> {
    let group = binder.group("pollers.old-pipeline-cleanup");
    let enabled = group.boolean("enabled", false);
    let cleanup = ExecutionCleanup {
        interval: group.millis("interval-ms", 3_600_000).max(SECOND),
        threshold: group.units("threshold-days", DAY, 30 * DAY),
        keep_at_least: group.integer("minimum-pipeline-executions", 0_u32, 1_000_000, 5),
    };
    binder.top().accept(&["pollers"]);
    enabled.then_some(cleanup)
}
