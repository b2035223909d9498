//! `POST /fetch/prometheus/query`.

use kayenta_metrics::{
    FetchArguments, FetchInput, FetchParameter, FetchRoute, ParameterExample, bindings,
};
use kayenta_model::{CanaryScope, QueryConfig, query::PrometheusQuery};

/// The fetch route.
pub(crate) static FETCH: FetchRoute = FetchRoute {
    summary: "Run a Prometheus query",
    description: None,
    operation_id: "queryPrometheus",
    controller: "PrometheusFetchController",
    parameters: &[
        FetchParameter::METRIC_SET_NAME,
        FetchParameter::required("metricName", "Name of the time series.").such_as("node_cpu"),
        FetchParameter::list("groupByFields", "Labels to group by."),
        FetchParameter::optional("project", "Bound as `${project}`."),
        FetchParameter::optional("resourceType", "Resource type of the default filter.")
            .such_as("gce_instance"),
        FetchParameter::optional("location", "Bound as `${location}`.").such_as("us-central1"),
        FetchParameter::optional("scope", "Bound as `${scope}`."),
        FetchParameter {
            example: Some(ParameterExample::List(&["mode=~\"user|system\""])),
            ..FetchParameter::list("labelBindings", "Label matchers.")
        },
        FetchParameter::optional("start", "Start of the window in ISO-8601.")
            .such_as("2024-01-01T00:00:00Z"),
        FetchParameter::optional("end", "End of the window in ISO-8601.")
            .such_as("2024-01-01T01:00:00Z"),
        FetchParameter::STEP,
        FetchParameter::optional(
            "customFilter",
            "A filter, or after `PromQL:` a whole query.",
        ),
        FetchParameter::DRY_RUN,
    ],
    input: FetchInput::Parameters(query),
};

fn query(arguments: &FetchArguments) -> Result<(QueryConfig, CanaryScope), String> {
    let resource_type = arguments.or_default("resourceType");
    let scope = CanaryScope {
        scope: arguments.or_default("scope"),
        location: arguments.or_default("location"),
        start: arguments.time_or_default("start", "start")?,
        end: arguments.time_or_default("end", "end")?,
        step: arguments.integer("step"),
        extended_scope_params: bindings([
            ("project", arguments.or_default("project")),
            ("resourceType", resource_type.clone()),
        ]),
    };
    let query = QueryConfig::Prometheus(PrometheusQuery {
        resource_type,
        metric_name: arguments.text("metricName"),
        label_bindings: arguments.list("labelBindings"),
        group_by_fields: arguments.list("groupByFields"),
        custom_inline_template: arguments.text_if_any("customFilter"),
        ..PrometheusQuery::default()
    });
    Ok((query, scope))
}
