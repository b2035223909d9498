//! Stackdriver. `int64`: whole numbers as texts; `delta`: intervals that begin a step earlier;
//! `untyped`: series without a value type.

use anyhow::Context;
use serde_json::{Value, json};

use super::{
    asked::{Asked, Said},
    numbers::{End, Sample, iso, labels, points, seconds, series_count},
};

pub(super) fn time_series(asked: &Asked<'_>) -> anyhow::Result<Said> {
    let text = asked.text("filter");
    let period = asked.text("aggregation.alignmentPeriod");
    let step: i64 = period
        .trim_end_matches('s')
        .parse()
        .with_context(|| format!("'{period}' is no alignment period"))?;
    let window = (
        seconds(asked.text("interval.startTime"))?,
        seconds(asked.text("interval.endTime"))?,
    );
    let whole = text.contains("int64");
    let series: Vec<Value> = (0..series_count(text))
        .map(|i| {
            let mut points: Vec<Value> = points(text, window, step, End::Included, i)
                .into_iter()
                .map(|(t, sample)| {
                    let value = match sample {
                        Sample::Value(value) if whole => json!({"int64Value": (value as i64).to_string()}),
                        sample => json!({"doubleValue": sample.or(Value::Null)}),
                    };
                    let start = if text.contains("delta") { t - step } else { t };
                    json!({"interval": {"startTime": iso(start), "endTime": iso(t)}, "value": value})
                })
                .collect();
            // The newest point comes first.
            points.reverse();
            let mut one = json!({
                "metric": {"type": "m", "labels": labels(text, i)},
                "resource": {
                    "type": "global",
                    "labels": {"project_id": "my-project", "location": "us-east1"}
                },
                "metricKind": "GAUGE"
            });
            if !text.contains("untyped") {
                one["valueType"] = if whole { "INT64" } else { "DOUBLE" }.into();
            }
            one["points"] = points.into();
            one
        })
        .collect();
    Ok(if series.is_empty() {
        json!({})
    } else {
        json!({"timeSeries": series})
    }
    .into())
}

pub(super) fn descriptors(asked: &Asked<'_>) -> anyhow::Result<Said> {
    let project = asked.path.rsplit('/').nth(1).unwrap_or_default();
    let types = [
        "compute.googleapis.com/instance/cpu/utilization",
        "kubernetes.io/container/cpu/core_usage_time",
        "custom.googleapis.com/Requests",
    ];
    let descriptors = types.map(|kind| {
        json!({
            "name": format!("projects/{project}/metricDescriptors/{kind}"), "type": kind,
            "labels": [{"key": "zone", "valueType": "STRING", "description": "A zone"}],
            "metricKind": "GAUGE", "valueType": "DOUBLE", "unit": "1", "description": "A metric",
            "displayName": kind.rsplit('/').next()
        })
    });
    Ok(json!({"metricDescriptors": descriptors}).into())
}

/// Google's token for the key of a service account.
pub(super) fn token(_: &Asked<'_>) -> anyhow::Result<Said> {
    Ok(
        json!({"access_token": "fake-access-token", "token_type": "Bearer", "expires_in": 3600})
            .into(),
    )
}
