//! PromQL from a metric's settings, text for text as the reference writes it. Nothing is escaped.

use kayenta_metrics::{FetchError, MetricQuery, scope, scope::StoreScope, template};
use kayenta_model::{QueryConfig, query::PrometheusQuery};

use crate::DESCRIPTION;

/// The beginning of a template that is a whole query.
const WHOLE_QUERY: &str = "PromQL:";

/// The settings of a Prometheus metric.
///
/// # Errors
/// When the metric belongs to another store.
pub fn settings<'a>(query: &MetricQuery<'a>) -> Result<&'a PrometheusQuery, FetchError> {
    match query.query_config()? {
        QueryConfig::Prometheus(settings) => Ok(settings),
        _ => Err(scope::wrong_store(&DESCRIPTION, query.scope)),
    }
}

/// The query text.
///
/// `scope_label` is the label that holds the server group of a `gce_instance`
/// (`kayenta.prometheus.scopeLabel`).
///
/// # Errors
/// Those of [template expansion](template::expand); a missing metric name, location or filter; a
/// resource type whose labels are unknown.
pub fn text(
    query: &MetricQuery<'_>,
    settings: &PrometheusQuery,
    scope_label: &str,
) -> Result<String, FetchError> {
    let filter = template::expand(query, &DESCRIPTION, &[])?;
    if let Some(whole) = filter.as_deref().and_then(|f| f.strip_prefix(WHOLE_QUERY)) {
        return Ok(whole.to_owned());
    }
    let metric_name = settings.metric_name.as_deref().unwrap_or_default();
    if metric_name.is_empty() {
        return Err(FetchError::invalid(
            "Metric Name is required when query type is Default.",
        ));
    }
    let bindings = settings.label_bindings.as_deref().unwrap_or_default();
    let matchers = match filter.as_deref().filter(|filter| !filter.is_empty()) {
        Some(filter) => split_on_commas(filter)
            .chain(bindings.iter().map(String::as_str))
            .collect::<Vec<_>>()
            .join(","),
        None => {
            // Built anew each time. The reference adds to the metric's own list of bindings, so
            // that a retry has them twice (C-PROM-02).
            let mut matchers = bindings.to_vec();
            matchers.extend(resource_matchers(query, settings, scope_label)?);
            matchers.join(",")
        }
    };
    let mut text = format!("avg({metric_name}");
    if !matchers.is_empty() {
        text.push_str(&format!("{{{matchers}}}"));
    }
    text.push(')');
    if let Some(fields) = settings.group_by_fields.as_deref()
        && !fields.is_empty()
    {
        text.push_str(&format!(" by ({})", fields.join(",")));
    }
    Ok(text)
}

/// Pieces between commas, empty ones at the end dropped, as Java splits.
fn split_on_commas(text: &str) -> impl Iterator<Item = &str> {
    text.trim_end_matches(',')
        .split(',')
        .filter(move |_| !text.bytes().all(|b| b == b','))
}

/// The matchers a resource type stands for.
fn resource_matchers(
    query: &MetricQuery<'_>,
    settings: &PrometheusQuery,
    scope_label: &str,
) -> Result<Vec<String>, FetchError> {
    let scope = StoreScope::new(&DESCRIPTION, query.scope);
    let resource_type = settings
        .resource_type
        .as_deref()
        .filter(|text| !text.trim().is_empty())
        .or_else(|| scope.added("resourceType"))
        .unwrap_or_default();
    let scope_name = query.scope.scope.as_deref().unwrap_or_default();
    let location = || {
        query
            .scope
            .location
            .as_deref()
            .filter(|location| !location.is_empty())
            .ok_or_else(|| {
                FetchError::invalid(format!(
                    "Location (i.e. region) is required when resourceType is '{resource_type}'."
                ))
            })
    };
    let mut matchers = Vec::new();
    match resource_type {
        "gce_instance" => {
            let location = location()?;
            if !scope_name.is_empty() {
                matchers.push(format!("{scope_label}=~\"{scope_name}-.{{4}}\""));
            }
            let project = scope.added("project").unwrap_or_default();
            matchers.push(if project.is_empty() {
                format!("zone=~\".+/zones/{location}-.{{1}}\"")
            } else {
                format!("zone=~\".+/projects/{project}/zones/{location}-.{{1}}\"")
            });
        }
        "aws_ec2_instance" => {
            let location = location()?;
            if !scope_name.is_empty() {
                matchers.push(format!("asg_groupName=\"{scope_name}\""));
            }
            matchers.push(format!("zone=~\"{location}.{{1}}\""));
        }
        "" => {
            return Err(FetchError::invalid(
                "Either a resource type or a custom filter is required.",
            ));
        }
        other => {
            return Err(FetchError::invalid(format!(
                "There is no explicit support for resourceType '{other}'. You may build whatever \
                 query makes sense for your environment via label bindings and custom filter \
                 templates."
            )));
        }
    }
    Ok(matchers)
}

#[cfg(test)]
mod tests {
    use kayenta_model::{CanaryConfig, CanaryScope, MetricConfig};
    use serde_json::{Value, json};

    use super::*;

    fn built(mut settings: Value, scope: Value) -> Result<String, String> {
        settings["type"] = "prometheus".into();
        let config: CanaryConfig = serde_json::from_value(json!({"templates": {
            "someTemplate": "some-label=${scope}",
            "anotherTemplate": "my-server-group=$\\{scope}",
            "spaced": "namespace='${namespace}', scope='${scope}'",
            "whole": "PromQL:up{scope=\"${scope}\"}",
            "comma": ",",
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
            .and_then(|settings| text(&query, settings, "instance"))
            .map_err(|error| error.to_string())
    }

    /// The table of the reference's own test.
    #[test]
    fn pinned_queries_come_out_letter_for_letter() {
        let gce = "avg(some-metric-name{a=b,instance=~\"some-server-group-.{4}\",\
                   zone=~\".+/zones/us-central1-.{1}\"})";
        let aws = "avg(some-metric-name{a=b,asg_groupName=\"some-server-group\",\
                   zone=~\"us-central1.{1}\"})";
        let custom = "avg(some-metric-name{customFilter=something,andSomething=else,a=b})";
        let inline = "customFilter=something,andSomething=else";
        for (named, inline, resource_type, scope, wanted) in [
            (
                Value::Null,
                json!(""),
                "gce_instance",
                json!("some-server-group"),
                gce,
            ),
            (
                Value::Null,
                Value::Null,
                "gce_instance",
                json!("some-server-group"),
                gce,
            ),
            (
                Value::Null,
                json!(""),
                "aws_ec2_instance",
                json!("some-server-group"),
                aws,
            ),
            (
                json!("someTemplate"),
                Value::Null,
                "gce_instance",
                json!("some-app-canary"),
                "avg(some-metric-name{some-label=some-app-canary,a=b})",
            ),
            (
                json!("someTemplate"),
                json!(inline),
                "gce_instance",
                Value::Null,
                custom,
            ),
            (
                Value::Null,
                json!(inline),
                "aws_ec2_instance",
                Value::Null,
                custom,
            ),
            (
                Value::Null,
                json!(inline),
                "anything_else",
                Value::Null,
                custom,
            ),
            (
                json!("anotherTemplate"),
                Value::Null,
                "",
                json!("some-canary"),
                "avg(some-metric-name{my-server-group=some-canary,a=b})",
            ),
        ] {
            let settings = json!({
                "metricName": "some-metric-name",
                "labelBindings": ["a=b"],
                "customFilterTemplate": named,
                "customInlineTemplate": inline,
                "resourceType": resource_type,
            });
            let scope = json!({"scope": scope, "location": "us-central1"});
            assert_eq!(built(settings, scope).as_deref(), Ok(wanted));
        }
    }

    #[test]
    fn whole_queries_are_taken_as_they_are() {
        let scope = json!({"scope": "/graph", "extendedScopeParams": {"quantile": "0.99"}});
        for (template, wanted) in [
            (
                "PromQL:histogram_quantile(0.5, x{instance=\"localhost:9090\",handler=\"/graph\"})",
                "histogram_quantile(0.5, x{instance=\"localhost:9090\",handler=\"/graph\"})",
            ),
            (
                "PromQL: histogram_quantile(${quantile}, x{handler=\"${scope}\"}) ",
                " histogram_quantile(0.99, x{handler=\"/graph\"}) ",
            ),
            ("PromQL:", ""),
        ] {
            let settings = json!({"customInlineTemplate": template, "labelBindings": ["a=b"]});
            assert_eq!(built(settings, scope.clone()).as_deref(), Ok(wanted));
        }
        assert_eq!(
            built(json!({"customFilterTemplate": "whole"}), scope).as_deref(),
            Ok("up{scope=\"/graph\"}")
        );
    }

    #[test]
    fn filters_are_split_on_commas_and_groups_follow() {
        let scope = json!({"scope": "y", "extendedScopeParams": {"namespace": "x"}});
        for (template, more, wanted) in [
            ("spaced", json!({}), "avg(m{namespace='x', scope='y'})"),
            (
                "spaced",
                json!({"labelBindings": []}),
                "avg(m{namespace='x', scope='y'})",
            ),
            ("comma", json!({}), "avg(m)"),
            ("comma", json!({"labelBindings": ["a=b"]}), "avg(m{a=b})"),
            (
                "someTemplate",
                json!({"groupByFields": ["a", "b"]}),
                "avg(m{some-label=y}) by (a,b)",
            ),
        ] {
            let mut settings = json!({"metricName": "m", "customFilterTemplate": template});
            for (name, value) in more.as_object().unwrap() {
                settings[name] = value.clone();
            }
            assert_eq!(built(settings, scope.clone()).as_deref(), Ok(wanted));
        }
        let trailing = json!({"metricName": "m", "customInlineTemplate": ",a=b,,"});
        assert_eq!(built(trailing, scope).as_deref(), Ok("avg(m{,a=b})"));
    }

    #[test]
    fn resource_types_and_projects_may_come_with_the_scope() {
        let scope = json!({
            "scope": "canary", "location": "us-east1",
            "extendedScopeParams": {"resourceType": "gce_instance", "project": "p1"}
        });
        assert_eq!(
            built(
                json!({"metricName": "m", "groupByFields": ["mode"]}),
                scope.clone()
            )
            .as_deref(),
            Ok("avg(m{instance=~\"canary-.{4}\",\
                zone=~\".+/projects/p1/zones/us-east1-.{1}\"}) by (mode)")
        );
        let own = json!({"metricName": "m", "resourceType": "aws_ec2_instance"});
        assert_eq!(
            built(own, scope).as_deref(),
            Ok("avg(m{asg_groupName=\"canary\",zone=~\"us-east1.{1}\"})")
        );
    }

    #[test]
    fn what_is_missing_is_reported_in_the_reference_s_words() {
        let error = |settings, scope| built(settings, scope).unwrap_err();
        for resource_type in ["gce_instance", "aws_ec2_instance"] {
            assert_eq!(
                error(
                    json!({"metricName": "m", "resourceType": resource_type}),
                    json!({"scope": "s"})
                ),
                format!(
                    "Location (i.e. region) is required when resourceType is '{resource_type}'."
                )
            );
        }
        assert_eq!(
            error(json!({"metricName": "m"}), json!({})),
            "Either a resource type or a custom filter is required."
        );
        assert_eq!(
            error(json!({"metricName": ""}), json!({})),
            "Metric Name is required when query type is Default."
        );
        assert_eq!(
            error(
                json!({"metricName": "m", "resourceType": "k8s_container"}),
                json!({})
            ),
            "There is no explicit support for resourceType 'k8s_container'. You may build whatever \
             query makes sense for your environment via label bindings and custom filter templates."
        );
    }
}
