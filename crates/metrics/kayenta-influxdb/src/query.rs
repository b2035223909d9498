//! InfluxQL from a metric's settings, text for text as the reference writes it.
//!
//! Templates are InfluxDB's own here: three markers, of which two must be there, and no other variables.

use kayenta_metrics::{FetchError, MetricQuery, scope, template};
use kayenta_model::{CanaryScope, QueryConfig, query::InfluxDbQuery};

use crate::DESCRIPTION;

const TIME_FILTER: &str = "${timeFilter}";
const SCOPE: &str = "${scope}";
const STEP: &str = "${step}";

/// What no query may hold: it would be a second statement, a comment, or a look around.
const REFUSED: [&str; 16] = [
    ";",
    "--",
    "SHOW CONTINUOUS QUERIES",
    "SHOW DATABASES",
    "SHOW DIAGNOSTICS",
    "SHOW FIELD",
    "SHOW TAG",
    "SHOW USERS",
    "SHOW GRANTS",
    "SHOW MEASUREMENT",
    "SHOW QUERIES",
    "SHOW RETENTION POLICIES",
    "SHOW SERIES",
    "SHOW SHARD",
    "SHOW STATS",
    "SHOW SUBSCRIPTIONS",
];

/// The settings of an InfluxDB metric.
///
/// # Errors
/// When the metric belongs to another store.
pub fn settings<'a>(query: &MetricQuery<'a>) -> Result<&'a InfluxDbQuery, FetchError> {
    match query.query_config()? {
        QueryConfig::InfluxDb(settings) => Ok(settings),
        _ => Err(scope::wrong_store(&DESCRIPTION, query.scope)),
    }
}

/// The query text: the fields (all of them when none is named) of the measurement within the window,
/// limited to the scope `name:value` when there is one; or the metric's template, filled in.
///
/// # Errors
/// The reference's texts: no measurement, no window, a template without its markers, a scope that is not
/// `name:value`, words no query may hold.
pub fn text(query: &MetricQuery<'_>, settings: &InfluxDbQuery) -> Result<String, FetchError> {
    let template = query
        .query_config()?
        .inline_template()
        .filter(|text| !text.is_empty());
    let measurement = present(&settings.metric_name);
    if measurement.is_none() && template.is_none() {
        return Err(FetchError::invalid(
            "Measurement is required to query metrics",
        ));
    }
    let times = time_filter(query.scope)?;
    let text = match template {
        Some(template) => filled(&template::unescape(template), &times, query.scope)?,
        None => {
            let fields = match settings.fields.as_deref() {
                Some(fields) if !fields.is_empty() => fields.join(", "),
                _ => "*::field".to_owned(),
            };
            let measurement = measurement.unwrap_or_default();
            let scope = match scope_filter(query.scope)? {
                Some(filter) => format!(" AND {filter}"),
                None => String::new(),
            };
            format!("SELECT {fields} FROM {measurement} WHERE {times}{scope}")
        }
    };
    allowed(text)
}

fn present(text: &Option<String>) -> Option<&str> {
    text.as_deref().filter(|text| !text.is_empty())
}

fn allowed(text: String) -> Result<String, FetchError> {
    if REFUSED.iter().any(|refused| text.contains(refused)) {
        return Err(FetchError::invalid("Query type not allowed."));
    }
    Ok(text)
}

fn time_filter(scope: &CanaryScope) -> Result<String, FetchError> {
    let (Some(start), Some(end)) = (scope.start, scope.end) else {
        return Err(FetchError::invalid("Start and End times are required"));
    };
    Ok(format!("time >= '{start}' AND time < '{end}'"))
}

/// `name = 'value'`, or nothing without a scope.
fn scope_filter(scope: &CanaryScope) -> Result<Option<String>, FetchError> {
    let Some(text) = scope.scope.as_deref() else {
        return Ok(None);
    };
    // As Java splits: empty parts at the end do not count.
    let parts: Vec<_> = text.trim_end_matches(':').split(':').collect();
    match parts[..] {
        [name, value] => Ok(Some(format!("{name} = '{value}'"))),
        _ => Err(FetchError::invalid(format!(
            "Scope expected in the format of 'name:value'. e.g. \
             autoscaling_group:myapp-prod-v002, received: {text}"
        ))),
    }
}

/// Puts window, scope and step in for the markers, in one pass: what is put in is not looked at again.
fn filled(template: &str, times: &str, scope: &CanaryScope) -> Result<String, FetchError> {
    for marker in [TIME_FILTER, SCOPE] {
        if !template.contains(marker) {
            return Err(FetchError::invalid(format!(
                "{marker} is required in query"
            )));
        }
    }
    let scope_filter = scope_filter(scope)?.ok_or_else(|| {
        FetchError::invalid(format!(
            "A scope in the format of 'name:value' is required for {SCOPE} in the query."
        ))
    })?;
    let step = match scope.step {
        Some(seconds) => format!("{seconds}s"),
        None if template.contains(STEP) => {
            return Err(FetchError::invalid(format!(
                "A step is required for {STEP} in the query."
            )));
        }
        None => String::new(),
    };
    let markers = [(TIME_FILTER, times), (SCOPE, &scope_filter), (STEP, &step)];
    let mut text = String::with_capacity(template.len() + times.len() + scope_filter.len());
    let mut rest = template;
    while let Some(at) = rest.find("${") {
        text.push_str(&rest[..at]);
        rest = &rest[at..];
        let (taken, put) = markers
            .iter()
            .find(|(marker, _)| rest.starts_with(marker))
            .map_or(("${", "${"), |(marker, value)| (*marker, *value));
        text.push_str(put);
        rest = &rest[taken.len()..];
    }
    text.push_str(rest);
    Ok(text)
}

#[cfg(test)]
mod tests {
    use kayenta_model::{CanaryConfig, MetricConfig};
    use serde_json::{Value, json};

    use super::*;

    fn built(mut settings: Value, scope: Value) -> Result<String, String> {
        settings["type"] = "influxdb".into();
        let metric: MetricConfig = serde_json::from_value(json!({"query": settings})).unwrap();
        let mut whole = json!({
            "start": "2010-01-01T12:00:00Z", "end": "2010-01-01T12:01:40Z", "step": 60
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
            .and_then(|settings| text(&query, settings))
            .map_err(|error| error.to_string())
    }

    const TIMES: &str = "time >= '2010-01-01T12:00:00Z' AND time < '2010-01-01T12:01:40Z'";

    /// The queries the reference's own test pins.
    #[test]
    fn pinned_queries_come_out_letter_for_letter() {
        let two = json!({"metricName": "temperature", "fields": ["external", "internal"]});
        let scope = json!({"scope": "server:myapp-prod-v002"});
        let from = "FROM temperature WHERE";
        for (settings, scope, wanted) in [
            (
                two.clone(),
                json!({}),
                format!("SELECT external, internal {from} {TIMES}"),
            ),
            (
                two,
                scope.clone(),
                format!("SELECT external, internal {from} {TIMES} AND server = 'myapp-prod-v002'"),
            ),
            (
                json!({"metricName": "temperature"}),
                scope.clone(),
                format!("SELECT *::field {from} {TIMES} AND server = 'myapp-prod-v002'"),
            ),
            (
                json!({"metricName": "temperature", "fields": []}),
                json!({"scope": "a:b:::"}),
                format!("SELECT *::field {from} {TIMES} AND a = 'b'"),
            ),
            (
                json!({"customInlineTemplate":
                    "SELECT count FROM measurement WHERE label1 = 'value1' AND $\\{timeFilter} AND $\\{scope}"}),
                scope.clone(),
                format!(
                    "SELECT count FROM measurement WHERE label1 = 'value1' AND {TIMES} AND server = \
                     'myapp-prod-v002'"
                ),
            ),
            (
                json!({"metricName": "unused", "customInlineTemplate":
                    "SELECT mean(v) FROM m WHERE ${timeFilter} AND ${scope} GROUP BY time(${step}), ${x}"}),
                json!({"scope": "a:${step}"}),
                format!(
                    "SELECT mean(v) FROM m WHERE {TIMES} AND a = '${{step}}' GROUP BY time(60s), ${{x}}"
                ),
            ),
        ] {
            assert_eq!(built(settings, scope), Ok(wanted));
        }
    }

    #[test]
    fn what_is_missing_is_reported_in_the_reference_s_words() {
        let error = |settings, scope| built(settings, scope).unwrap_err();
        for settings in [json!({}), json!({"metricName": ""})] {
            assert_eq!(
                error(settings, json!({})),
                "Measurement is required to query metrics"
            );
        }
        for scope in [json!({"start": null}), json!({"end": null})] {
            assert_eq!(
                error(json!({"metricName": "m"}), scope),
                "Start and End times are required"
            );
        }
        let template = |text: &str| json!({"customInlineTemplate": text});
        let scope = || json!({"scope": "a:b"});
        assert_eq!(
            error(template("SELECT x FROM y WHERE ${scope}"), scope()),
            "${timeFilter} is required in query"
        );
        assert_eq!(
            error(template("SELECT x FROM y WHERE ${timeFilter}"), scope()),
            "${scope} is required in query"
        );
        let whole = "SELECT x FROM y WHERE ${timeFilter} AND ${scope} GROUP BY time(${step})";
        assert_eq!(
            error(template(whole), json!({})),
            "A scope in the format of 'name:value' is required for ${scope} in the query."
        );
        assert_eq!(
            error(template(whole), json!({"scope": "a:b", "step": null})),
            "A step is required for ${step} in the query."
        );
        for scope in ["server", "a:b:c", "a:", "", "server='myapp-prod-v002'"] {
            assert_eq!(
                error(json!({"metricName": "m"}), json!({"scope": scope})),
                format!(
                    "Scope expected in the format of 'name:value'. e.g. \
                     autoscaling_group:myapp-prod-v002, received: {scope}"
                )
            );
        }
    }

    #[test]
    fn second_statements_comments_and_looking_around_are_refused() {
        let template =
            |more: &str| format!("SELECT x FROM y WHERE ${{timeFilter}} AND ${{scope}} {more}");
        for (settings, scope) in [
            (
                json!({"customInlineTemplate": template("; DROP DATABASE metrics")}),
                "a:b",
            ),
            (
                json!({"customInlineTemplate": template("; SHOW SERIES")}),
                "a:b",
            ),
            (json!({"customInlineTemplate": template("or 1=1--")}), "a:b"),
            (json!({"metricName": "x; DROP DATABASE y"}), "a:b"),
            (json!({"metricName": "SHOW SERIES"}), "a:b"),
            (json!({"metricName": "m"}), "a:b--"),
        ] {
            assert_eq!(
                built(settings, json!({"scope": scope})).unwrap_err(),
                "Query type not allowed."
            );
        }
    }
}
