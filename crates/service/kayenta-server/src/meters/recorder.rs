//! The recorder behind the `metrics` macros.

use std::{
    collections::HashMap,
    fmt,
    sync::{
        Arc, PoisonError, RwLock,
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

#[derive(Clone, Debug)]
struct Description {
    text: String,
    unit: Option<Unit>,
}

/// Everything measured so far. Clones share it.
#[derive(Clone)]
pub(crate) struct Meters(Arc<Inner>);

struct Inner {
    registry: Registry<Key, Cells>,
    descriptions: RwLock<HashMap<String, Description>>,
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
    Ok(meters)
}

impl Meters {
    #[expect(clippy::disallowed_methods, reason = "when the process started")]
    fn new() -> Self {
        Self(Arc::new(Inner {
            registry: Registry::new(Cells),
            descriptions: RwLock::default(),
            started: Instant::now(),
            usage: process::ProcessorUsage::since(Instant::now()),
            start_millis: Utc::now().timestamp_millis(),
        }))
    }

    fn describe(&self, name: &KeyName, unit: Option<Unit>, text: &SharedString) {
        let description = Description {
            text: text.to_string(),
            unit,
        };
        self.0
            .descriptions
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(name.as_str().to_owned(), description);
    }

    fn meter(&self, key: &Key, kind: MeterKind, measurements: Vec<(Statistic, f64)>) -> Meter {
        let descriptions = self
            .0
            .descriptions
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        let description = descriptions.get(key.name());
        let mut tags: Vec<(String, String)> = key
            .labels()
            .map(|label| (label.key().to_owned(), label.value().to_owned()))
            .collect();
        tags.sort();
        let unit = description
            .and_then(|d| d.unit)
            .map(|unit| unit.as_str().to_owned());
        Meter {
            name: key.name().to_owned(),
            description: description.map(|d| d.text.clone()),
            base_unit: unit.or_else(|| (kind == MeterKind::Timer).then(|| "seconds".to_owned())),
            kind,
            tags,
            measurements,
        }
    }

    /// Whether the histogram's values are seconds.
    fn is_timer(&self, name: &str) -> bool {
        let descriptions = self
            .0
            .descriptions
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        match descriptions.get(name).and_then(|d| d.unit) {
            Some(unit) => unit == Unit::Seconds,
            None => {
                let name = name.to_lowercase();
                [
                    "seconds",
                    "time",
                    "duration",
                    "requests",
                    "query",
                    "invocations",
                ]
                .iter()
                .any(|end| name.ends_with(end))
            }
        }
    }

    /// Calls back for every histogram under every set of tags.
    fn each_histogram(&self, mut visit: impl FnMut(Meter, Totals)) {
        self.0.registry.visit_histograms(|key, summary| {
            let totals = summary.totals();
            let kind = if self.is_timer(key.name()) {
                MeterKind::Timer
            } else {
                MeterKind::DistributionSummary
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
            visit(self.meter(key, kind, measurements), totals);
        });
    }

    /// Counters, gauges and what the system tells.
    fn plain(&self) -> Vec<Meter> {
        let mut meters = process::meters(self.0.started, self.0.start_millis, &self.0.usage);
        self.0.registry.visit_counters(|key, value| {
            let count = value.load(Ordering::Relaxed) as f64;
            meters.push(self.meter(key, MeterKind::Counter, vec![(Statistic::Count, count)]));
        });
        self.0.registry.visit_gauges(|key, value| {
            let value = f64::from_bits(value.load(Ordering::Relaxed));
            meters.push(self.meter(key, MeterKind::Gauge, vec![(Statistic::Value, value)]));
        });
        meters
    }
}

impl Recorder for Meters {
    fn describe_counter(&self, name: KeyName, unit: Option<Unit>, text: SharedString) {
        self.describe(&name, unit, &text);
    }

    fn describe_gauge(&self, name: KeyName, unit: Option<Unit>, text: SharedString) {
        self.describe(&name, unit, &text);
    }

    fn describe_histogram(&self, name: KeyName, unit: Option<Unit>, text: SharedString) {
        self.describe(&name, unit, &text);
    }

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
            metrics::describe_counter!("canary.runs", "Canary runs by verdict");
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
            "# HELP canary_runs_total Canary runs by verdict",
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
