//! `docs/metrics.md`, and that the catalogue it comes from has every meter the code records.

use std::{collections::BTreeSet, fmt::Write};

use super::{files, generated::up_to_date, short};
use crate::meters::{
    catalogue::{ANY_STORE, Kind, METERS, described},
    prometheus_name,
};

#[test]
fn the_page_on_metrics_is_up_to_date() {
    up_to_date("docs/metrics.md", page());
}

fn page() -> String {
    let mut page = String::from(
        "# Metrics\n\nThis page is generated from the code. `GET /prometheus` serves all meters in the text format of \
         Prometheus,\nwith `# HELP` and `# TYPE`; `GET /metrics/{name}` serves one of them as JSON under its dotted \
         name.\n\nHistograms have the series `_bucket`, `_sum` and `_count`. In names that begin with `<store>_`, that \
         is the\nservice type of a metric store, for example `prometheus_fetchTime_seconds`.\n\n`application` and \
         `config` come from requests: the first `kayenta.engine.result-series` pairs (200 by default) have\nseries of \
         their own, the rest is counted under `other` and has no score.\n\n\
         [deploy/observability](../deploy/observability/README.md) has a dashboard and alert rules.\n\n\
         | Prometheus | `/metrics` | type | unit | labels | meaning |\n|---|---|---|---|---|---|\n",
    );
    for meter in METERS {
        let end = meter.name.strip_prefix(ANY_STORE).unwrap_or(meter.name);
        let start = &meter.name[..meter.name.len() - end.len()];
        let labels: Vec<String> = meter
            .labels
            .iter()
            .map(|label| format!("`{label}`"))
            .collect();
        let _ = writeln!(
            page,
            "| `{start}{}` | `{}` | {} | {} | {} | {} |",
            prometheus_name(end, meter.kind, meter.unit),
            meter.name,
            match meter.kind {
                Kind::Counter => "counter",
                Kind::Gauge => "gauge",
                Kind::Histogram => "histogram",
            },
            meter.unit.unwrap_or_default(),
            labels.join(", "),
            meter.meaning,
        );
    }
    page
}

#[test]
fn every_meter_that_the_code_records_is_in_the_catalogue_with_its_labels() {
    let mut recorded = BTreeSet::new();
    for path in files(".rs") {
        let shown = short(&path);
        if !shown.contains("/src/") || shown.contains("/testing/") {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        let (code, _) = text.split_once("#[cfg(test)]").unwrap_or((&text, ""));
        for (call, kind) in [
            ("counter!(", Kind::Counter),
            ("gauge!(", Kind::Gauge),
            ("histogram!(", Kind::Histogram),
        ] {
            for (at, _) in code.match_indices(call) {
                let arguments = arguments(&code[at + call.len()..]);
                // The name of another variable: the catalogue's own loop.
                let Some((name, labels)) = literals(arguments) else {
                    continue;
                };
                let name = name.replace("{}", ANY_STORE);
                let meter = described(&name)
                    .unwrap_or_else(|| panic!("{shown}: {name} is not in meters/catalogue.rs"));
                assert_eq!(meter.kind, kind, "{shown}: {name}");
                let mut known = meter.labels.to_vec();
                known.sort_unstable();
                assert_eq!(known, labels, "{shown}: labels of {name}");
                recorded.insert(meter.name);
            }
            for call in ["gauge(\"", "meter(\""] {
                for (at, _) in code.match_indices(call) {
                    let (name, _) = code[at + call.len()..].split_once('"').unwrap();
                    recorded.extend(described(name).map(|meter| meter.name));
                }
            }
        }
    }
    // Made in a loop over both.
    recorded.extend(["disk.free", "disk.total"]);
    let unused: Vec<_> = METERS
        .iter()
        .map(|meter| meter.name)
        .filter(|name| !recorded.contains(name))
        .collect();
    assert!(unused.is_empty(), "nothing records {unused:?}");
}

/// Up to the parenthesis that closes a call.
fn arguments(code: &str) -> &str {
    let mut depth = 1;
    let end = code.find(|c| {
        depth += match c {
            '(' => 1,
            ')' => -1,
            _ => 0,
        };
        depth == 0
    });
    &code[..end.unwrap_or(code.len())]
}

/// The name of a meter, which is its call's first literal, and the names of its labels, sorted.
fn literals(arguments: &str) -> Option<(String, Vec<&str>)> {
    let mut parts = arguments.split('"');
    let before = parts.next()?.trim();
    if !before.is_empty() && before != "format!(" {
        return None;
    }
    let name = parts.next()?.to_owned();
    let rest: Vec<&str> = parts.collect();
    let mut labels: Vec<&str> = rest
        .windows(2)
        .filter(|pair| pair[1].trim_start().starts_with("=>"))
        .map(|pair| pair[0])
        .collect();
    labels.sort_unstable();
    Some((name, labels))
}
