//! The text of a query.

use kayenta_metrics::{FetchError, MetricQuery, scope, template};
use kayenta_model::{QueryConfig, query::DatadogQuery};

use crate::DESCRIPTION;

/// The settings of a Datadog metric.
///
/// # Errors
/// When the metric belongs to another store.
pub fn settings<'a>(query: &MetricQuery<'a>) -> Result<&'a DatadogQuery, FetchError> {
    match query.query_config()? {
        QueryConfig::Datadog(settings) => Ok(settings),
        _ => Err(scope::wrong_store(&DESCRIPTION, query.scope)),
    }
}

/// The expanded template as it is, or the metric with the scope between braces: `avg:cpu{tag:x}`.
/// What is missing reads `null`, as the reference writes it. Nothing is escaped.
///
/// # Errors
/// Those of [template expansion](template::expand).
pub fn text(query: &MetricQuery<'_>, settings: &DatadogQuery) -> Result<String, FetchError> {
    let expanded = template::expand(query, &DESCRIPTION, &[])?;
    Ok(expanded.filter(|text| !text.is_empty()).unwrap_or_else(|| {
        let or_null = |text: &Option<String>| text.as_deref().unwrap_or("null").to_owned();
        format!(
            "{}{{{}}}",
            or_null(&settings.metric_name),
            or_null(&query.scope.scope)
        )
    }))
}

#[cfg(test)]
mod tests {
    use kayenta_model::{CanaryConfig, CanaryScope, MetricConfig};
    use serde_json::{Value, json};

    use super::*;

    fn built(settings: Value, scope: Value) -> Result<String, String> {
        let config: CanaryConfig = serde_json::from_value(json!({"templates": {
            "errors": "sum:app.errors{region:${location},${more}}"
        }}))
        .unwrap();
        let metric: MetricConfig = serde_json::from_value(json!({"query": settings})).unwrap();
        let scope: CanaryScope = serde_json::from_value(scope).unwrap();
        let query = MetricQuery {
            config: &config,
            metric: &metric,
            scope: &scope,
        };
        super::settings(&query)
            .and_then(|settings| text(&query, settings))
            .map_err(|error| error.to_string())
    }

    /// The first two are pinned by the reference's own tests.
    #[test]
    fn queries_come_out_letter_for_letter() {
        let tagged = json!({"scope": "tag:some-tag"});
        for (settings, scope, wanted) in [
            (
                json!({"type": "datadog", "metricName": "sum:app.errors"}),
                tagged.clone(),
                "sum:app.errors{tag:some-tag}",
            ),
            (
                json!({"type": "datadog", "customInlineTemplate": "sum:app.errors{${scope}}/sum:app.requests{${scope}}"}),
                tagged.clone(),
                "sum:app.errors{tag:some-tag}/sum:app.requests{tag:some-tag}",
            ),
            (
                json!({"type": "datadog", "metricName": "m", "customFilterTemplate": "errors"}),
                json!({"location": "us", "extendedScopeParams": {"more": "a:b"}}),
                "sum:app.errors{region:us,a:b}",
            ),
            (
                json!({"type": "datadog", "metricName": "m", "customInlineTemplate": ""}),
                json!({}),
                "m{null}",
            ),
            (json!({"type": "datadog"}), tagged, "null{tag:some-tag}"),
        ] {
            assert_eq!(built(settings, scope).as_deref(), Ok(wanted));
        }
    }

    #[test]
    fn what_cannot_be_built_is_reported() {
        let error = |settings| built(settings, json!({"scope": "s"})).unwrap_err();
        assert!(
            error(json!({"type": "graphite", "metricName": "m"}))
                .starts_with("Canary scope not instance of DatadogCanaryScope: ")
        );
        assert_eq!(
            error(json!({"type": "datadog", "customInlineTemplate": "x{${nope}}"})),
            "Problem evaluating custom filter template: x{${nope}}"
        );
    }
}
