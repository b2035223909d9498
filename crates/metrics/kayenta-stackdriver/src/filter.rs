//! Monitoring filters, text for text as the reference writes them. Nothing is escaped.

use kayenta_metrics::{FetchError, MetricQuery, scope, scope::StoreScope, template};
use kayenta_model::{QueryConfig, query::StackdriverQuery};

use crate::DESCRIPTION;

/// Resource labels a request may give, by resource type, in the order they are written.
const KUBERNETES: [&str; 6] = [
    "location",
    "node_name",
    "cluster_name",
    "pod_name",
    "container_name",
    "namespace_name",
];
const GKE: [&str; 6] = [
    "cluster_name",
    "namespace_id",
    "instance_id",
    "pod_id",
    "container_name",
    "zone",
];

/// The settings of a Stackdriver metric.
///
/// # Errors
/// When the metric belongs to another store.
pub(crate) fn settings<'a>(query: &MetricQuery<'a>) -> Result<&'a StackdriverQuery, FetchError> {
    match query.query_config()? {
        QueryConfig::Stackdriver(settings) => Ok(settings),
        _ => Err(scope::wrong_store(&DESCRIPTION, query.scope)),
    }
}

/// The query's own value, else the scope's; empty texts are none.
pub(crate) fn own_or_scope<'a>(
    query: &MetricQuery<'a>,
    own: Option<&'a str>,
    name: &str,
) -> Option<&'a str> {
    let scope = StoreScope::new(&DESCRIPTION, query.scope);
    [own, scope.added(name)]
        .into_iter()
        .flatten()
        .find(|text| !text.is_empty())
}

/// The resource type.
///
/// # Errors
/// `Resource type is required.`
pub(crate) fn resource_type<'a>(
    query: &MetricQuery<'a>,
    settings: &'a StackdriverQuery,
) -> Result<&'a str, FetchError> {
    own_or_scope(query, settings.resource_type.as_deref(), "resourceType")
        .ok_or_else(|| FetchError::invalid("Resource type is required."))
}

/// The filter. `project` is the account's, used where the request names none.
///
/// # Errors
/// Those of [template expansion](template::expand); a missing resource type, metric type, scope or
/// location; a resource type whose labels are unknown.
pub(crate) fn text(
    query: &MetricQuery<'_>,
    settings: &StackdriverQuery,
    project: &str,
) -> Result<String, FetchError> {
    let resource_type = resource_type(query, settings)?;
    let metric_type = settings
        .metric_type
        .as_deref()
        .filter(|text| !text.is_empty())
        .ok_or_else(|| FetchError::invalid("Metric type is required."))?;
    let mut filter = format!("metric.type=\"{metric_type}\" AND resource.type={resource_type}");
    match template::expand(query, &DESCRIPTION, &[])?.filter(|text| !text.is_empty()) {
        Some(own) => filter.push_str(&format!(" AND {own}")),
        None => narrow(&mut filter, query, resource_type, project)?,
    }
    Ok(filter)
}

/// Adds what a resource type stands for.
fn narrow(
    filter: &mut String,
    query: &MetricQuery<'_>,
    resource_type: &str,
    account_project: &str,
) -> Result<(), FetchError> {
    let present = |text: Option<&'_ str>| text.is_some_and(|text| !text.is_empty());
    let needed = |value: Option<&str>, what: &str| match value {
        Some(value) if !value.is_empty() => Ok(value.to_owned()),
        _ => Err(FetchError::invalid(format!(
            "{what} is required when resourceType is '{resource_type}'."
        ))),
    };
    let location = || needed(query.scope.location.as_deref(), "Location (i.e. region)");
    let scope = || needed(query.scope.scope.as_deref(), "Scope");
    let project = own_or_scope(query, None, "project").unwrap_or(account_project);
    match resource_type {
        "gce_instance" => {
            let (location, scope) = (location()?, scope()?);
            filter.push_str(&format!(
                " AND project={project} AND metadata.user_labels.\"spinnaker-region\"={location} \
                 AND metadata.user_labels.\"spinnaker-server-group\"={scope}"
            ));
        }
        "aws_ec2_instance" => {
            let (location, scope) = (location()?, scope()?);
            filter.push_str(&format!(
                " AND resource.labels.region=\"aws:{location}\" AND \
                 metadata.user_labels.\"aws:autoscaling:groupname\"={scope}"
            ));
        }
        "gae_app" => {
            let scope = scope()?;
            filter.push_str(&format!(
                " AND project={project} AND resource.labels.version_id={scope}"
            ));
            let service = query.scope.parameter("service");
            if let Some(service) = service.filter(|_| present(service)) {
                filter.push_str(&format!(" AND resource.labels.module_id={service}"));
            }
        }
        "k8s_container" | "k8s_pod" | "k8s_node" => labels(filter, query, project, &KUBERNETES),
        "gke_container" => labels(filter, query, project, &GKE),
        "global" => {}
        other => {
            return Err(FetchError::invalid(format!(
                "Resource type '{other}' not yet explicitly supported. If you employ a custom \
                 filter, you may use any resource type you like."
            )));
        }
    }
    Ok(())
}

/// Adds the labels among the request's parameters.
fn labels(filter: &mut String, query: &MetricQuery<'_>, project: &str, names: &[&str]) {
    filter.push_str(&format!(" AND project={project}"));
    for name in names {
        if let Some(value) = query.scope.parameter(name).filter(|text| !text.is_empty()) {
            filter.push_str(&format!(" AND resource.labels.{name}={value}"));
        }
    }
    for (key, value) in query.scope.extended_scope_params.iter().flatten() {
        if let Some(label) = key.strip_prefix("user_labels.") {
            filter.push_str(&format!(
                " AND metadata.user_labels.\"{label}\"=\"{value}\""
            ));
        }
    }
}

#[cfg(test)]
mod tests {
    use kayenta_model::{CanaryConfig, CanaryScope, MetricConfig};
    use serde_json::{Value, json};

    use super::*;

    fn built(resource_type: &str, template: Option<&str>, scope: Value) -> Result<String, String> {
        let metric: MetricConfig = serde_json::from_value(json!({"query": {
            "type": "stackdriver", "metricType": "a/b", "resourceType": resource_type,
            "customInlineTemplate": template,
        }}))
        .unwrap();
        let scope: CanaryScope = serde_json::from_value(scope).unwrap();
        let query = MetricQuery {
            config: &CanaryConfig::default(),
            metric: &metric,
            scope: &scope,
        };
        let text = super::settings(&query)
            .and_then(|settings| text(&query, settings, "p0"))
            .map_err(|error| error.to_string())?;
        let start = format!("metric.type=\"a/b\" AND resource.type={resource_type}");
        Ok(text.strip_prefix(&start).unwrap_or(&text).to_owned())
    }

    #[test]
    fn resource_types_stand_for_labels() {
        let params =
            |params: Value| json!({"scope": "s", "location": "l", "extendedScopeParams": params});
        for (resource_type, scope, wanted) in [
            ("global", params(json!({})), ""),
            (
                "gce_instance",
                params(json!({})),
                " AND project=p0 AND metadata.user_labels.\"spinnaker-region\"=l AND \
                 metadata.user_labels.\"spinnaker-server-group\"=s",
            ),
            (
                "gce_instance",
                params(json!({"project": "p1"})),
                " AND project=p1 AND metadata.user_labels.\"spinnaker-region\"=l AND \
                 metadata.user_labels.\"spinnaker-server-group\"=s",
            ),
            (
                "aws_ec2_instance",
                params(json!({"project": "p1"})),
                " AND resource.labels.region=\"aws:l\" AND \
                 metadata.user_labels.\"aws:autoscaling:groupname\"=s",
            ),
            (
                "gae_app",
                params(json!({})),
                " AND project=p0 AND resource.labels.version_id=s",
            ),
            (
                "gae_app",
                params(json!({"service": "default"})),
                " AND project=p0 AND resource.labels.version_id=s AND \
                 resource.labels.module_id=default",
            ),
            (
                "k8s_pod",
                params(
                    json!({"user_labels.app": "x", "pod_name": "p", "location": "z", "other": "o"}),
                ),
                " AND project=p0 AND resource.labels.location=z AND resource.labels.pod_name=p AND \
                 metadata.user_labels.\"app\"=\"x\"",
            ),
            (
                "gke_container",
                params(json!({"zone": "z", "cluster_name": "c", "user_labels.b/c": "y"})),
                " AND project=p0 AND resource.labels.cluster_name=c AND resource.labels.zone=z AND \
                 metadata.user_labels.\"b/c\"=\"y\"",
            ),
        ] {
            assert_eq!(built(resource_type, None, scope).as_deref(), Ok(wanted));
        }
    }

    #[test]
    fn templates_take_the_place_of_the_labels() {
        let scope = json!({
            "scope": "s", "location": "l",
            "extendedScopeParams": {"project": "p", "v": "7", "resourceType": "of the scope"}
        });
        let template =
            "a=${scope} AND b=\"$\\{location}\" AND c=${project} AND d=${resourceType} AND e=${v}";
        assert_eq!(
            built("anything", Some(template), scope.clone()).as_deref(),
            Ok(" AND a=s AND b=\"l\" AND c=p AND d=of the scope AND e=7")
        );
        assert_eq!(built("global", Some(""), scope).as_deref(), Ok(""));
    }

    #[test]
    fn what_is_missing_is_reported_in_the_reference_s_words() {
        let error = |kind, scope| built(kind, None, scope).unwrap_err();
        assert_eq!(error("", json!({})), "Resource type is required.");
        for kind in ["gce_instance", "aws_ec2_instance"] {
            assert_eq!(
                error(kind, json!({"scope": "s"})),
                format!("Location (i.e. region) is required when resourceType is '{kind}'.")
            );
        }
        for kind in ["gce_instance", "aws_ec2_instance", "gae_app"] {
            assert_eq!(
                error(kind, json!({"location": "l"})),
                format!("Scope is required when resourceType is '{kind}'.")
            );
        }
        assert_eq!(
            error("cloud_function", json!({})),
            "Resource type 'cloud_function' not yet explicitly supported. If you employ a custom \
             filter, you may use any resource type you like."
        );
    }
}
