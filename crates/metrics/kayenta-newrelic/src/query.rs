//! NRQL from a metric's settings, text for text as the reference writes it. Nothing is escaped.

use kayenta_metrics::{FetchError, MetricQuery, scope, scope::StoreScope, template};
use kayenta_model::{Instant, QueryConfig, query::NewRelicQuery};

use crate::DESCRIPTION;

/// What an account fills in where a scope says nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DefaultKeys {
    /// `defaultScopeKey`: the attribute that holds the scope.
    pub scope: Option<String>,
    /// `defaultLocationKey`: the attribute that holds the location.
    pub location: Option<String>,
}

/// The settings of a New Relic metric.
///
/// # Errors
/// When the metric belongs to another store.
pub fn settings<'a>(query: &MetricQuery<'a>) -> Result<&'a NewRelicQuery, FetchError> {
    match query.query_config()? {
        QueryConfig::NewRelic(settings) => Ok(settings),
        _ => Err(scope::wrong_store(&DESCRIPTION, query.scope)),
    }
}

/// The query text. A template is the whole of it; without one it is put together from `select`, the
/// step (0 or none: as many points as New Relic likes), the window and the conditions: the metric's
/// `q`, every extended scope parameter whose name does not begin with `_`, scope, location.
///
/// # Errors
/// A window that is not whole, those of [template expansion](template::expand), a metric without
/// `select`, a scope whose attribute neither it nor the account names.
pub fn text(
    query: &MetricQuery<'_>,
    settings: &NewRelicQuery,
    defaults: &DefaultKeys,
) -> Result<String, FetchError> {
    let (start, end) = scope::window(query.scope)?;
    let (start, end) = (epoch_seconds(start), epoch_seconds(end));
    let injected = [
        ("startEpochSeconds", start.to_string()),
        ("endEpochSeconds", end.to_string()),
    ];
    if let Some(whole) = template::expand(query, &DESCRIPTION, &injected)? {
        return Ok(whole);
    }
    let select = settings
        .select
        .as_deref()
        .map(str::trim)
        .unwrap_or_default();
    if select.is_empty() {
        return Err(FetchError::invalid(format!(
            "Metric '{}' needs a 'select', a 'customInlineTemplate' or a 'customFilterTemplate'.",
            query.metric.name()
        )));
    }
    let verb = if select.starts_with("SELECT") {
        ""
    } else {
        "SELECT "
    };
    let step = match query.scope.step.unwrap_or_default() {
        0 => "MAX".to_owned(),
        seconds => format!("{seconds} seconds"),
    };
    Ok(format!(
        "{verb}{select} TIMESERIES {step} SINCE {start} UNTIL {end} WHERE {}",
        conditions(query, settings, defaults)?.join(" AND ")
    ))
}

fn epoch_seconds(instant: Instant) -> i64 {
    instant.millis().div_euclid(1000)
}

fn conditions(
    query: &MetricQuery<'_>,
    settings: &NewRelicQuery,
    defaults: &DefaultKeys,
) -> Result<Vec<String>, FetchError> {
    let scope = StoreScope::new(&DESCRIPTION, query.scope);
    let like = |key: &str, value: &str| format!("{key} LIKE '{value}'");
    let mut conditions = Vec::new();
    conditions.extend(settings.q.clone().filter(|q| !q.is_empty()));
    for (key, value) in query.scope.extended_scope_params.iter().flatten() {
        if !key.starts_with('_') {
            conditions.push(like(key, value));
        }
    }
    let key = |own, default: &Option<String>| {
        scope
            .added(own)
            .map(str::to_owned)
            .or_else(|| default.clone())
            .filter(|key| !key.is_empty())
    };
    let scope_key = key("scopeKey", &defaults.scope).ok_or_else(|| {
        FetchError::invalid(
            "The NewRelic account must define a default scope key or it must be supplied in the \
             extendedScopeParams in the `_scope_key` key",
        )
    })?;
    // A scope or location that is not there reads `null`, as the reference sends it.
    let value = |text: &Option<String>| text.clone().unwrap_or_else(|| "null".to_owned());
    conditions.push(like(&scope_key, &value(&query.scope.scope)));
    if let Some(location_key) = key("locationKey", &defaults.location) {
        conditions.push(like(&location_key, &value(&query.scope.location)));
    }
    Ok(conditions)
}

#[cfg(test)]
mod tests {
    use kayenta_model::{CanaryConfig, CanaryScope, MetricConfig};
    use serde_json::{Value, json};

    use super::*;

    fn built_by(
        defaults: &DefaultKeys,
        mut settings: Value,
        scope: Value,
    ) -> Result<String, String> {
        settings["type"] = "newrelic".into();
        let metric: MetricConfig =
            serde_json::from_value(json!({"name": "m", "query": settings})).unwrap();
        let mut whole = json!({
            "scope": "myservice-prod-v01", "location": "us-west-2", "step": 60,
            "start": "2020-11-20T23:00:00.750Z", "end": "2020-11-20T23:10:00Z"
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
        super::settings(&query)
            .and_then(|settings| text(&query, settings, defaults))
            .map_err(|error| error.to_string())
    }

    fn built(settings: Value, scope: Value) -> Result<String, String> {
        let defaults = DefaultKeys {
            scope: Some("asg_name".to_owned()),
            location: Some("region".to_owned()),
        };
        built_by(&defaults, settings, scope)
    }

    const WINDOW: &str = "SINCE 1605913200 UNTIL 1605913800";

    /// The queries the reference's own test pins.
    #[test]
    fn pinned_queries_come_out_letter_for_letter() {
        let place = "asg_name LIKE 'myservice-prod-v01' AND region LIKE 'us-west-2'";
        let counted = "SELECT count(*) FROM Transaction";
        for (settings, scope, wanted) in [
            (
                json!({"select": "count(*) FROM Transaction"}),
                json!({}),
                format!("{counted} TIMESERIES 60 seconds {WINDOW} WHERE {place}"),
            ),
            (
                json!({"select": counted}),
                json!({}),
                format!("{counted} TIMESERIES 60 seconds {WINDOW} WHERE {place}"),
            ),
            (
                json!({"select": counted, "q": "httpStatusCode LIKE '5%'"}),
                json!({}),
                format!(
                    "{counted} TIMESERIES 60 seconds {WINDOW} WHERE httpStatusCode LIKE '5%' AND {place}"
                ),
            ),
            (
                json!({"select": counted}),
                json!({"step": 0}),
                format!("{counted} TIMESERIES MAX {WINDOW} WHERE {place}"),
            ),
            (
                json!({"select": counted}),
                json!({"extendedScopeParams": {
                    "_scope_key": "foo", "_location_key": "bar",
                    "_i_should_be_ignored": "x", "some_new_key": "some_value"
                }}),
                format!(
                    "{counted} TIMESERIES 60 seconds {WINDOW} WHERE some_new_key LIKE 'some_value' \
                     AND foo LIKE 'myservice-prod-v01' AND bar LIKE 'us-west-2'"
                ),
            ),
            (
                json!({"select": "  average(duration) FROM T "}),
                json!({"scope": null, "location": null}),
                format!(
                    "SELECT average(duration) FROM T TIMESERIES 60 seconds {WINDOW} WHERE asg_name \
                     LIKE 'null' AND region LIKE 'null'"
                ),
            ),
        ] {
            assert_eq!(built(settings, scope), Ok(wanted));
        }
    }

    #[test]
    fn a_template_is_the_whole_query_and_knows_the_window() {
        let template = "SELECT x FROM T TIMESERIES ${step} seconds SINCE ${startEpochSeconds} UNTIL \
                        $\\{endEpochSeconds} WHERE a = '${scope}' AND b = '${location}' AND c = '${c}'";
        let settings = json!({"select": "unused", "customInlineTemplate": template});
        // The window overrides parameters of the same name.
        let scope = json!({"extendedScopeParams": {"c": "x y", "startEpochSeconds": "1"}});
        assert_eq!(
            built_by(&DefaultKeys::default(), settings, scope),
            Ok(format!(
                "SELECT x FROM T TIMESERIES 60 seconds {WINDOW} WHERE a = 'myservice-prod-v01' AND \
                 b = 'us-west-2' AND c = 'x y'"
            ))
        );
    }

    #[test]
    fn what_is_missing_is_reported() {
        let keyless = built_by(
            &DefaultKeys::default(),
            json!({"select": "x"}),
            json!({"extendedScopeParams": {"_location_key": "loc"}}),
        );
        assert_eq!(
            keyless.unwrap_err(),
            "The NewRelic account must define a default scope key or it must be supplied in the \
             extendedScopeParams in the `_scope_key` key"
        );
        let error = |settings, scope| built(settings, scope).unwrap_err();
        assert_eq!(
            error(json!({}), json!({})),
            "Metric 'm' needs a 'select', a 'customInlineTemplate' or a 'customFilterTemplate'."
        );
        let select = || json!({"select": "x"});
        assert_eq!(
            error(select(), json!({"start": null})),
            "Start time is required."
        );
        assert_eq!(
            error(select(), json!({"end": null})),
            "End time is required."
        );
        assert_eq!(
            error(
                json!({"customInlineTemplate": "SELECT ${nowhere}"}),
                json!({})
            ),
            "Problem evaluating custom filter template: SELECT ${nowhere}"
        );
        let only_scope = DefaultKeys {
            scope: Some("s".to_owned()),
            location: None,
        };
        assert_eq!(
            built_by(&only_scope, select(), json!({})).unwrap(),
            format!("SELECT x TIMESERIES 60 seconds {WINDOW} WHERE s LIKE 'myservice-prod-v01'")
        );
    }
}
