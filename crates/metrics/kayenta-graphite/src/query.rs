//! The target that is rendered.

use kayenta_metrics::{FetchError, MetricQuery, scope, template};
use kayenta_model::{QueryConfig, query::GraphiteQuery};

use crate::DESCRIPTION;

/// The settings of a Graphite metric.
///
/// # Errors
/// When the metric belongs to another store.
pub fn settings<'a>(query: &MetricQuery<'a>) -> Result<&'a GraphiteQuery, FetchError> {
    match query.query_config()? {
        QueryConfig::Graphite(settings) => Ok(settings),
        _ => Err(scope::wrong_store(&DESCRIPTION, query.scope)),
    }
}

/// The metric's template filled in, which only later releases of the reference have, or its name with every
/// `$scope` and `$location` filled in. What the scope lacks stays as it is written in a name.
///
/// # Errors
/// When there is no name (C-GRAPHITE-01; a null pointer in the reference).
pub fn text(query: &MetricQuery<'_>, settings: &GraphiteQuery) -> Result<String, FetchError> {
    if let Some(whole) = template::expand(query, &DESCRIPTION, &[])? {
        return Ok(whole);
    }
    let name = settings
        .metric_name
        .as_deref()
        .filter(|name| !name.is_empty())
        .ok_or_else(|| FetchError::invalid("Metric Name is required."))?;
    let mut text = name.to_owned();
    for (variable, value) in [
        ("$scope", &query.scope.scope),
        ("$location", &query.scope.location),
    ] {
        if let Some(value) = value.as_deref().filter(|value| !value.is_empty()) {
            text = text.replace(variable, value);
        }
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use kayenta_model::{CanaryConfig, CanaryScope, MetricConfig};
    use serde_json::{Value, json};

    use super::*;

    fn built(settings: Value, scope: Value) -> Result<String, String> {
        let metric: MetricConfig = serde_json::from_value(json!({"query": settings})).unwrap();
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

    #[test]
    fn scope_and_location_are_filled_in_everywhere() {
        let name = json!({"type": "graphite", "metricName": "a.$location.$scope.b.$scopes"});
        for (scope, wanted) in [
            (json!({"scope": "web", "location": "eu"}), "a.eu.web.b.webs"),
            (json!({"scope": "web"}), "a.$location.web.b.webs"),
            (
                json!({"scope": "", "location": "eu"}),
                "a.eu.$scope.b.$scopes",
            ),
        ] {
            assert_eq!(built(name.clone(), scope).as_deref(), Ok(wanted));
        }
    }

    #[test]
    fn c_graphite_01_a_metric_without_a_name_is_reported() {
        for settings in [
            json!({"type": "graphite"}),
            json!({"type": "graphite", "metricName": ""}),
        ] {
            let error = built(settings, json!({"scope": "s"})).unwrap_err();
            assert_eq!(error, "Metric Name is required.");
        }
        let other = built(json!({"type": "datadog", "metricName": "m"}), json!({}));
        assert!(
            other
                .unwrap_err()
                .starts_with("Canary scope not instance of GraphiteCanaryScope")
        );
    }
}
