//! What the templates of an account may refer to.

use std::collections::HashMap;

use kayenta_metrics::{FetchError, MetricQuery, scope, template};
use kayenta_model::{Instant, QueryConfig, query::HttpJsonQuery};

use crate::DESCRIPTION;

/// One query, ready to be put into URL and body.
#[derive(Debug)]
pub(crate) struct Bindings {
    /// `${query}`: the metric's template filled in, or else its name.
    pub(crate) text: String,
    /// Start and end of the window.
    pub(crate) window: (Instant, Instant),
    /// Distance of points in seconds.
    pub(crate) step: i64,
    values: HashMap<String, String>,
}

fn settings<'a>(query: &MetricQuery<'a>) -> Result<&'a HttpJsonQuery, FetchError> {
    match query.query_config()? {
        QueryConfig::HttpJson(settings) => Ok(settings),
        _ => Err(scope::wrong_store(&DESCRIPTION, query.scope)),
    }
}

impl Bindings {
    /// Everything a query says. Extended scope parameters go over scope, location and step; the window,
    /// `metricName` and `query` go over those.
    pub(crate) fn of(query: &MetricQuery<'_>) -> Result<Self, FetchError> {
        let settings = settings(query)?;
        let window @ (start, end) = scope::window(query.scope)?;
        let step = scope::positive_step(query.scope)?;
        let times = |name: &str, instant: Instant| {
            [
                (name.to_owned(), instant.to_string()),
                (
                    format!("{name}EpochSeconds"),
                    instant.millis().div_euclid(1000).to_string(),
                ),
                (format!("{name}EpochMillis"), instant.millis().to_string()),
            ]
        };
        let window_values: Vec<_> = times("start", start)
            .into_iter()
            .chain(times("end", end))
            .collect();
        let injected: Vec<_> = window_values
            .iter()
            .map(|(name, value)| (name.as_str(), value.clone()))
            .collect();
        let metric_name = settings.metric_name.clone().filter(|name| !name.is_empty());
        let text = template::expand(query, &DESCRIPTION, &injected)?
            .or_else(|| metric_name.clone())
            .ok_or_else(|| {
                FetchError::invalid(format!(
                    "Metric '{}' needs a 'metricName', a 'customInlineTemplate' or a \
                     'customFilterTemplate'.",
                    query.metric.name()
                ))
            })?;

        let mut values = HashMap::new();
        let mut bind = |name: &str, value: Option<String>| {
            if let Some(value) = value {
                values.insert(name.to_owned(), value);
            }
        };
        let present = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        bind("scope", present(&query.scope.scope));
        bind("location", present(&query.scope.location));
        bind("step", Some(step.to_string()));
        for (name, value) in query.scope.extended_scope_params.iter().flatten() {
            bind(name, Some(value.clone()));
        }
        for (name, value) in window_values {
            bind(&name, Some(value));
        }
        bind("metricName", metric_name);
        bind("query", Some(text.clone()));
        Ok(Self {
            text,
            window,
            step,
            values,
        })
    }

    pub(crate) fn get(&self, name: &str) -> Option<String> {
        self.values.get(name).cloned()
    }
}

#[cfg(test)]
mod tests {
    use kayenta_model::{CanaryConfig, CanaryScope, MetricConfig};
    use serde_json::{Value, json};

    use super::*;

    fn of(settings: Value, scope: Value) -> Result<Bindings, String> {
        let metric: MetricConfig =
            serde_json::from_value(json!({"name": "m", "query": settings})).unwrap();
        let mut whole = json!({
            "scope": "s", "start": "2020-11-20T23:00:00.750Z", "end": "2020-11-20T23:10:00Z", "step": 60
        });
        for (name, value) in scope.as_object().unwrap() {
            whole[name] = value.clone();
        }
        let scope: CanaryScope = serde_json::from_value(whole).unwrap();
        let query = MetricQuery {
            config: &CanaryConfig::default(),
            metric: &metric,
            scope: &scope,
        };
        Bindings::of(&query).map_err(|error| error.to_string())
    }

    #[test]
    fn everything_a_query_says_has_a_name() {
        let settings = json!({
            "type": "http-json", "metricName": "cpu",
            "customInlineTemplate": "avg(${zone}, ${startEpochSeconds}) for ${scope}",
        });
        let scope =
            json!({"location": "", "extendedScopeParams": {"zone": "a", "step": "5", "end": "x"}});
        let bindings = of(settings, scope).unwrap();
        for (name, value) in [
            ("query", Some("avg(a, 1605913200) for s")),
            ("metricName", Some("cpu")),
            ("scope", Some("s")),
            ("location", None),
            ("zone", Some("a")),
            ("step", Some("5")),
            ("start", Some("2020-11-20T23:00:00.750Z")),
            ("startEpochSeconds", Some("1605913200")),
            ("startEpochMillis", Some("1605913200750")),
            ("end", Some("2020-11-20T23:10:00Z")),
            ("endEpochMillis", Some("1605913800000")),
        ] {
            assert_eq!(bindings.get(name).as_deref(), value, "{name}");
        }
        assert_eq!(bindings.step, 60);
    }

    #[test]
    fn without_a_template_the_name_is_the_query() {
        let bindings = of(json!({"type": "http-json", "metricName": "cpu"}), json!({})).unwrap();
        assert_eq!(bindings.get("query").as_deref(), Some("cpu"));
        assert_eq!(
            of(json!({"type": "http-json"}), json!({})).unwrap_err(),
            "Metric 'm' needs a 'metricName', a 'customInlineTemplate' or a 'customFilterTemplate'."
        );
        let named = || json!({"type": "http-json", "metricName": "cpu"});
        assert_eq!(
            of(named(), json!({"start": null})).unwrap_err(),
            "Start time is required."
        );
        assert_eq!(
            of(named(), json!({"step": null})).unwrap_err(),
            "Step is required."
        );
    }
}
