//! Prometheus' text format, version 0.0.4.

use std::{collections::BTreeMap, fmt::Write as _};

use kayenta_management::{Meter, MeterKind};
use metrics_exporter_prometheus::formatting::{
    sanitize_description, sanitize_label_key, sanitize_label_value, sanitize_metric_name,
};

use super::{
    catalogue::Kind,
    summary::{BOUNDS, Totals},
};

/// All samples of one metric, which the format wants together under one header.
#[derive(Default)]
struct Family {
    kind: &'static str,
    description: Option<String>,
    samples: String,
}

/// Counters and gauges, and histograms with their totals.
pub(super) fn render(plain: &[Meter], histograms: &[(Meter, Totals)]) -> String {
    let mut families: BTreeMap<String, Family> = BTreeMap::new();
    for meter in plain {
        let kind = match meter.kind {
            MeterKind::Counter => Kind::Counter,
            _ => Kind::Gauge,
        };
        let name = prometheus_name(&meter.name, kind, meter.base_unit.as_deref());
        let value = meter.measurements.first().map_or(0.0, |(_, value)| *value);
        let family = families.entry(name.clone()).or_default();
        family.kind = type_of(kind);
        family.description.clone_from(&meter.description);
        sample(&mut family.samples, &name, &labels(meter), value);
    }
    for (meter, totals) in histograms {
        let name = prometheus_name(&meter.name, Kind::Histogram, meter.base_unit.as_deref());
        let family = families.entry(name.clone()).or_default();
        family.kind = type_of(Kind::Histogram);
        family.description.clone_from(&meter.description);
        histogram(&mut family.samples, &name, &labels(meter), totals);
    }
    let mut text = String::new();
    for (name, family) in families {
        if let Some(description) = &family.description {
            push(
                &mut text,
                format_args!("# HELP {name} {}\n", sanitize_description(description)),
            );
        }
        push(&mut text, format_args!("# TYPE {name} {}\n", family.kind));
        text.push_str(&family.samples);
    }
    text
}

/// The name a meter has for Prometheus: its unit at the end, `_total` after a counter's.
pub(crate) fn prometheus_name(name: &str, kind: Kind, unit: Option<&str>) -> String {
    let suffix = match (kind, unit) {
        (Kind::Counter, _) => "_total",
        (_, Some("seconds")) => "_seconds",
        (_, Some("bytes")) => "_bytes",
        _ => "",
    };
    let mut name = sanitize_metric_name(name);
    if !name.ends_with(suffix) {
        name.push_str(suffix);
    }
    name
}

/// What `# TYPE` says.
fn type_of(kind: Kind) -> &'static str {
    match kind {
        Kind::Counter => "counter",
        Kind::Gauge => "gauge",
        Kind::Histogram => "histogram",
    }
}

fn labels(meter: &Meter) -> String {
    let pairs: Vec<String> = meter
        .tags
        .iter()
        .map(|(key, value)| {
            format!(
                "{}=\"{}\"",
                sanitize_label_key(key),
                sanitize_label_value(value)
            )
        })
        .collect();
    pairs.join(",")
}

fn sample(text: &mut String, name: &str, labels: &str, value: f64) {
    if labels.is_empty() {
        push(text, format_args!("{name} {value}\n"));
    } else {
        push(text, format_args!("{name}{{{labels}}} {value}\n"));
    }
}

fn histogram(text: &mut String, name: &str, labels: &str, totals: &Totals) {
    let lead = if labels.is_empty() {
        String::new()
    } else {
        format!("{labels},")
    };
    let mut below = 0;
    for (bound, count) in BOUNDS.iter().zip(totals.buckets) {
        below += count;
        push(
            text,
            format_args!("{name}_bucket{{{lead}le=\"{bound}\"}} {below}\n"),
        );
    }
    push(
        text,
        format_args!("{name}_bucket{{{lead}le=\"+Inf\"}} {}\n", totals.count),
    );
    sample(text, &format!("{name}_sum"), labels, totals.sum);
    sample(text, &format!("{name}_count"), labels, totals.count as f64);
}

fn push(text: &mut String, what: std::fmt::Arguments<'_>) {
    text.write_fmt(what)
        .expect("writing to a string cannot fail");
}
