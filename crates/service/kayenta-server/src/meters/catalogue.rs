//! Every meter of the service, in one list: the descriptions at the management endpoints, `# HELP` at
//! `/prometheus` and `docs/metrics.md` come from it.

/// What a meter is when it is recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Only grows; 0 when the process starts.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Counts values by size.
    Histogram,
}

/// One meter.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Described {
    /// Its name in the code and at `/metrics`.
    pub(crate) name: &'static str,
    /// What it is.
    pub(crate) kind: Kind,
    /// What it is measured in; none for plain numbers.
    pub(crate) unit: Option<&'static str>,
    /// Names of its labels.
    pub(crate) labels: &'static [&'static str],
    /// What it says.
    pub(crate) meaning: &'static str,
}

/// The name's beginning stands for the service type of a metric store, as in `prometheus.fetchTime`.
pub(crate) const ANY_STORE: &str = "<store>";

const SECONDS: Option<&str> = Some("seconds");
const BYTES: Option<&str> = Some("bytes");

macro_rules! meters {
    ($($kind:ident $name:literal $unit:expr, [$($label:literal),*], $meaning:literal;)*) => {
        /// The list, sorted by name.
        pub(crate) const METERS: &[Described] = &[$(Described {
            name: $name,
            kind: Kind::$kind,
            unit: $unit,
            labels: &[$($label),*],
            meaning: $meaning,
        }),*];
    };
}

meters! {
    Histogram "<store>.fetchTime" SECONDS, ["account", "success"],
        "Time of one query of a metric store, without retries";
    Counter "canary.analyses" None, ["status", "passed"],
        "Finished standalone analyses by status and by whether they passed";
    Counter "canary.archive.failures" None, [],
        "Failed attempts to write the archive of a finished execution";
    Histogram "canary.judge.seconds" SECONDS, ["judge"],
        "Time of one judgement";
    Counter "canary.leases.lost" None, [],
        "Executions that another replica took over while this one worked on them";
    Counter "canary.pipelines.initiated" None, [],
        "Canary runs that were started, those of analyses included";
    Histogram "canary.queue.wait.seconds" SECONDS, [],
        "Time between the request for a canary run and its start";
    Histogram "canary.run.seconds" SECONDS, [],
        "Time of one canary run from start to end";
    Counter "canary.runs" None, ["verdict"],
        "Finished canary runs by verdict";
    Gauge "canary.score" None, ["application", "config"],
        "Score of the last canary run that this replica finished";
    Counter "canary.telemetry.query" None, ["metricsStore", "retries"],
        "Fetches of metrics by how often they were retried";
    Counter "canary.verdicts" None, ["application", "config", "verdict"],
        "Finished canary runs by application, config and verdict";
    Histogram "controller.invocations" SECONDS,
        ["controller", "method", "status", "statusCode", "success", "cause", "criticality"],
        "Time to answer a request, by the controller of the Java service";
    Gauge "disk.free" BYTES, ["path"],
        "Free space of the file system of the working directory";
    Gauge "disk.total" BYTES, ["path"],
        "Size of the file system of the working directory";
    Gauge "executions.active" None, [],
        "Executions that this replica is working on";
    Histogram "http.server.requests" SECONDS, ["method", "uri", "status", "outcome"],
        "Time to answer a request, by route";
    Gauge "kayenta.build.info" None, ["version", "commit"],
        "Always 1; the labels say which build runs";
    Gauge "kayenta.memory.budget" BYTES, [],
        "The budget of bytes that all large things of the process share (kayenta.memory.budget); absent without one";
    Counter "kayenta.memory.refusals" None, ["reason"],
        "Reservations of memory that failed: in_use when others did not give it back in time, too_large when it is more than the budget";
    Gauge "kayenta.memory.reserved" BYTES, [],
        "Bytes of the budget that are reserved now";
    Gauge "kayenta.memory.reserved.peak" BYTES, [],
        "Most bytes of the budget that were reserved at once since the process started";
    Gauge "kayenta.memory.waiting" None, [],
        "Requests, runs and answers of stores that wait for bytes of the budget";
    Histogram "kayenta_notification_seconds" SECONDS, ["receiver"],
        "Time of one attempt to deliver a notification";
    Counter "kayenta_notifications_total" None, ["receiver", "outcome"],
        "Attempts to deliver notifications by outcome: delivered, refused, or given up";
    Counter "kayenta_retention_failures_total" None, ["account", "kind"],
        "Objects that retention could not remove";
    Gauge "kayenta_retention_objects" None, ["account", "kind"],
        "Objects that stay after the last round of retention that this replica did";
    Counter "kayenta_retention_removed_total" None, ["account", "kind"],
        "Objects that retention removed";
    Counter "kayenta_storage_bytes_total" BYTES, ["account", "operation", "kind"],
        "Bytes read from and written to an object store";
    Histogram "kayenta_storage_operation_seconds" SECONDS, ["account", "operation", "kind"],
        "Time of one operation of an object store, retries included";
    Counter "kayenta_storage_operations_total" None, ["account", "operation", "kind", "outcome"],
        "Operations of an object store by outcome";
    Counter "kayenta_storage_retries_total" None, ["account", "operation"],
        "Retries of operations of an object store";
    Gauge "process.cpu.usage" None, [],
        "Share of all processors that the process used since the last look, 0 to 1";
    Gauge "process.files.max" Some("files"), [],
        "Most file descriptors that the process may have open";
    Gauge "process.files.open" Some("files"), [],
        "File descriptors that the process has open";
    Gauge "process.resident.memory" BYTES, [],
        "Resident memory of the process";
    Gauge "process.start.time" SECONDS, [],
        "Start of the process since the Unix epoch";
    Gauge "process.threads" Some("threads"), [],
        "Threads of the process";
    Gauge "process.uptime" SECONDS, [],
        "Time since the process started";
    Gauge "queue.age" SECONDS, [],
        "Time for which the oldest due job of all replicas has waited for a worker; 0 if none waits";
    Gauge "queue.dead.depth" None, [],
        "Jobs of all replicas that were given up: dead letters";
    Gauge "queue.depth" None, [],
        "Jobs of all replicas that wait for their time";
    Gauge "queue.ready.depth" None, [],
        "Jobs of all replicas that wait for a worker";
    Gauge "queue.unacked.depth" None, [],
        "Jobs that any replica is working on";
    Gauge "system.cpu.count" None, [],
        "Processors that the process may use";
}

/// What the list has on a meter.
pub(crate) fn described(name: &str) -> Option<&'static Described> {
    METERS.iter().find(|meter| {
        meter.name == name
            || meter
                .name
                .strip_prefix(ANY_STORE)
                .is_some_and(|end| name.ends_with(end))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_sorted_and_has_every_meter_once() {
        assert!(METERS.is_sorted_by(|a, b| a.name < b.name));
        assert_eq!(described("atlas.fetchTime").unwrap().unit, SECONDS);
        assert!(described("canary.run").is_none());
    }
}
