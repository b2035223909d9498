//! The recorder behind the `metrics` macros.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

use anyhow::Context;
use chrono::Utc;
use kayenta_management::{Meter, MeterKind, MetricsSnapshot, Statistic};
use metrics::{Counter, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit};
use metrics_util::registry::{Registry, Storage};

use super::{
    catalogue::{self, Kind},
    process,
    summary::{Summary, Totals},
    text,
};

/// Counters and gauges as plain atomics, histograms in constant space.
#[derive(Debug)]
struct Cells;

impl Storage<Key> for Cells {
    type Counter = Arc<AtomicU64>;
    type Gauge = Arc<AtomicU64>;
    type Histogram = Arc<Summary>;

    fn counter(&self, _: &Key) -> Self::Counter {
        Arc::default()
    }

    fn gauge(&self, _: &Key) -> Self::Gauge {
        Arc::default()
    }

    fn histogram(&self, _: &Key) -> Self::Histogram {
        Arc::default()
    }
}

/// Everything measured so far. Clones share it.
#[derive(Clone)]
pub(crate) struct Meters(Arc<Inner>);

struct Inner {
    registry: Registry<Key, Cells>,
    started: Instant,
    usage: process::ProcessorUsage,
    start_millis: i64,
}

impl fmt::Debug for Meters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Meters").finish_non_exhaustive()
    }
}

/// Makes the process measure.
///
/// # Errors
/// When something else does already.
pub(crate) fn install() -> anyhow::Result<Meters> {
    let meters = Meters::new();
    metrics::set_global_recorder(meters.clone())
        .context("a metrics recorder is installed already")?;
    metrics::gauge!("kayenta.build.info", "version" => env!("CARGO_PKG_VERSION"), "commit" => env!("KAYENTA_BUILD_COMMIT"))
        .set(1.0);
    // Shown from the start, so that an alert sees the first increase.
    for known in catalogue::METERS {
        if known.kind == Kind::Counter && known.labels.is_empty() {
            metrics::counter!(known.name).increment(0);
        }
    }
    Ok(meters)
}

impl Meters {
    #[expect(clippy::disallowed_methods, reason = "when the process started")]
    fn new() -> Self {
        Self(Arc::new(Inner {
            registry: Registry::new(Cells),
            started: Instant::now(),
            usage: process::ProcessorUsage::since(Instant::now()),
            start_millis: Utc::now().timestamp_millis(),
        }))
    }

    /// Calls back for every histogram under every set of tags.
    fn each_histogram(&self, mut visit: impl FnMut(Meter, Totals)) {
        self.0.registry.visit_histograms(|key, summary| {
            let totals = summary.totals();
            let kind = match catalogue::described(key.name()).and_then(|known| known.unit) {
                Some("seconds") => MeterKind::Timer,
                _ => MeterKind::DistributionSummary,
            };
            let total = match kind {
                MeterKind::Timer => Statistic::TotalTime,
                _ => Statistic::Total,
            };
            let measurements = vec![
                (Statistic::Count, totals.count as f64),
                (total, totals.sum),
                (Statistic::Max, totals.max),
            ];
            visit(meter(key, kind, measurements), totals);
        });
    }

    /// Counters, gauges and what the system tells.
    fn plain(&self) -> Vec<Meter> {
        let mut meters = process::meters(self.0.started, self.0.start_millis, &self.0.usage);
        self.0.registry.visit_counters(|key, value| {
            let count = value.load(Ordering::Relaxed) as f64;
            meters.push(meter(
                key,
                MeterKind::Counter,
                vec![(Statistic::Count, count)],
            ));
        });
        self.0.registry.visit_gauges(|key, value| {
            let value = f64::from_bits(value.load(Ordering::Relaxed));
            meters.push(meter(
                key,
                MeterKind::Gauge,
                vec![(Statistic::Value, value)],
            ));
        });
        meters
    }
}

/// A meter as the catalogue describes it.
fn meter(key: &Key, kind: MeterKind, measurements: Vec<(Statistic, f64)>) -> Meter {
    let known = catalogue::described(key.name());
    let mut tags: Vec<(String, String)> = key
        .labels()
        .map(|label| (label.key().to_owned(), label.value().to_owned()))
        .collect();
    tags.sort();
    Meter {
        name: key.name().to_owned(),
        description: known.map(|known| known.meaning.to_owned()),
        base_unit: known.and_then(|known| known.unit).map(str::to_owned),
        kind,
        tags,
        measurements,
    }
}

impl Recorder for Meters {
    // The catalogue describes all meters; what a library says of its own is not shown.
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        self.0
            .registry
            .get_or_create_counter(key, |cell| Counter::from_arc(Arc::clone(cell)))
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        self.0
            .registry
            .get_or_create_gauge(key, |cell| Gauge::from_arc(Arc::clone(cell)))
    }

    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        self.0
            .registry
            .get_or_create_histogram(key, |cell| Histogram::from_arc(Arc::clone(cell)))
    }
}

impl MetricsSnapshot for Meters {
    fn meters(&self) -> Vec<Meter> {
        let mut meters = self.plain();
        self.each_histogram(|meter, _| meters.push(meter));
        meters.sort_by(|a, b| (&a.name, &a.tags).cmp(&(&b.name, &b.tags)));
        meters
    }

    fn prometheus(&self) -> String {
        let mut histograms = Vec::new();
        self.each_histogram(|meter, totals| histograms.push((meter, totals)));
        text::render(&self.plain(), &histograms)
    }

    fn start_millis(&self) -> i64 {
        self.0.start_millis
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_measured_shows_in_both_forms() {
        let meters = Meters::new();
        metrics::with_local_recorder(&meters, || {
            metrics::counter!("canary.runs", "verdict" => "pass").increment(2);
            metrics::gauge!("queue.depth").set(3.0);
            metrics::histogram!("http.server.requests", "uri" => "/health").record(0.002);
        });
        let all = meters.meters();
        let find = |name: &str| all.iter().find(|m| m.name == name).unwrap();
        assert_eq!(find("canary.runs").measurements, [(Statistic::Count, 2.0)]);
        assert_eq!(find("http.server.requests").kind, MeterKind::Timer);
        assert_eq!(find("queue.depth").measurements, [(Statistic::Value, 3.0)]);
        let text = meters.prometheus();
        for line in [
            "# HELP canary_runs_total Finished canary runs by verdict",
            "# TYPE canary_runs_total counter",
            "canary_runs_total{verdict=\"pass\"} 2",
            "queue_depth 3",
            "# TYPE http_server_requests_seconds histogram",
            "http_server_requests_seconds_bucket{uri=\"/health\",le=\"0.001\"} 0",
            "http_server_requests_seconds_bucket{uri=\"/health\",le=\"0.0025\"} 1",
            "http_server_requests_seconds_bucket{uri=\"/health\",le=\"+Inf\"} 1",
            "http_server_requests_seconds_count{uri=\"/health\"} 1",
        ] {
            assert!(
                text.lines().any(|l| l == line),
                "no line {line:?} in\n{text}"
            );
        }
    }
}
