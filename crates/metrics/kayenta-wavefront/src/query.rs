//! The `ts(…)` expression of a metric, text for text as the reference writes it. Nothing is escaped.

use kayenta_metrics::{FetchError, MetricQuery, scope, template};
use kayenta_model::{QueryConfig, query::WavefrontQuery};

use crate::DESCRIPTION;

/// The settings of a Wavefront metric.
///
/// # Errors
/// When the metric belongs to another store.
pub fn settings<'a>(query: &MetricQuery<'a>) -> Result<&'a WavefrontQuery, FetchError> {
    match query.query_config()? {
        QueryConfig::Wavefront(settings) => Ok(settings),
        _ => Err(scope::wrong_store(&DESCRIPTION, query.scope)),
    }
}

/// The query text: the metric's template filled in, which only later releases of the reference have, or `ts(<metric>)`, with the scope as its filter when there is one, inside the
/// aggregating function when there is one.
///
/// # Errors
/// When the metric has no name or belongs to another store.
pub fn text(query: &MetricQuery<'_>, settings: &WavefrontQuery) -> Result<String, FetchError> {
    if let Some(whole) = template::expand(query, &DESCRIPTION, &[])? {
        return Ok(whole);
    }
    let metric_name = present(&settings.metric_name).ok_or_else(|| {
        FetchError::invalid(format!(
            "Metric '{}' needs a 'metricName'.",
            query.metric.name()
        ))
    })?;
    let series = match present(&query.scope.scope) {
        Some(filter) => format!("ts({metric_name}, {filter})"),
        None => format!("ts({metric_name})"),
    };
    Ok(match present(&settings.aggregate) {
        Some(function) => format!("{function}({series})"),
        None => series,
    })
}

/// Wavefront's granularity: the largest unit the step is a multiple of (`d`, `h`, `m`, `s`).
#[must_use]
pub fn granularity(step: i64) -> &'static str {
    match step {
        step if step % 86_400 == 0 => "d",
        step if step % 3_600 == 0 => "h",
        step if step % 60 == 0 => "m",
        _ => "s",
    }
}

fn present(text: &Option<String>) -> Option<&str> {
    text.as_deref().filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use kayenta_model::{CanaryConfig, CanaryScope, MetricConfig};
    use serde_json::{Value, json};

    use super::*;

    fn built(settings: Value, scope: Value) -> Result<String, String> {
        let metric: MetricConfig =
            serde_json::from_value(json!({"name": "m", "query": settings})).unwrap();
        let scope: CanaryScope = serde_json::from_value(scope).unwrap();
        let query = MetricQuery {
            config: &CanaryConfig::default(),
            metric: &metric,
            scope: &scope,
        };
        super::settings(&query)
            .and_then(|settings| text(&query, settings))
            .map_err(|error| error.to_string())
    }

    /// The queries the reference's own test pins.
    #[test]
    fn pinned_queries_come_out_letter_for_letter() {
        for (aggregate, scope, wanted) in [
            (json!("avg"), json!(""), "avg(ts(example.metric.name))"),
            (json!("avg"), Value::Null, "avg(ts(example.metric.name))"),
            (
                json!(""),
                json!("env=test"),
                "ts(example.metric.name, env=test)",
            ),
            (
                Value::Null,
                json!("env=test"),
                "ts(example.metric.name, env=test)",
            ),
            (
                json!("avg"),
                json!("env=test"),
                "avg(ts(example.metric.name, env=test))",
            ),
        ] {
            let settings = json!({
                "type": "wavefront", "metricName": "example.metric.name", "aggregate": aggregate
            });
            assert_eq!(
                built(settings, json!({"scope": scope})).as_deref(),
                Ok(wanted)
            );
        }
    }

    #[test]
    fn what_is_missing_is_reported() {
        assert_eq!(
            built(json!({"type": "wavefront"}), json!({})).unwrap_err(),
            "Metric 'm' needs a 'metricName'."
        );
        assert!(
            built(json!({"type": "datadog"}), json!({}))
                .unwrap_err()
                .starts_with("Canary scope not instance of WavefrontCanaryScope")
        );
    }

    #[test]
    fn granularity_is_the_largest_unit_that_fits() {
        let units = [(0, "d"), (86_400, "d"), (7200, "h"), (60, "m"), (90, "s")];
        for (step, unit) in units {
            assert_eq!(granularity(step), unit, "{step}");
        }
    }
}
