//! Prometheus' text format, version 0.0.4.

use std::{collections::BTreeMap, fmt::Write as _};

use kayenta_management::{Meter, MeterKind};
use metrics_exporter_prometheus::formatting::{
    sanitize_description, sanitize_label_key, sanitize_label_value, sanitize_metric_name,
};

use super::summary::{BOUNDS, Totals};

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
        let (kind, suffix) = match meter.kind {
            MeterKind::Counter => ("counter", "_total"),
            _ => ("gauge", unit_suffix(meter)),
        };
        let name = with_suffix(sanitize_metric_name(&meter.name), suffix);
        let value = meter.measurements.first().map_or(0.0, |(_, value)| *value);
        let family = families.entry(name.clone()).or_default();
        family.kind = kind;
        family.description.clone_from(&meter.description);
        sample(&mut family.samples, &name, &labels(meter), value);
    }
    for (meter, totals) in histograms {
        let suffix = if meter.kind == MeterKind::Timer {
            "_seconds"
        } else {
            unit_suffix(meter)
        };
        let name = with_suffix(sanitize_metric_name(&meter.name), suffix);
        let family = families.entry(name.clone()).or_default();
        family.kind = "histogram";
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

fn unit_suffix(meter: &Meter) -> &'static str {
    match meter.base_unit.as_deref() {
        Some("seconds") => "_seconds",
        Some("bytes") => "_bytes",
        _ => "",
    }
}

fn with_suffix(mut name: String, suffix: &str) -> String {
    if !name.ends_with(suffix) {
        name.push_str(suffix);
    }
    name
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
