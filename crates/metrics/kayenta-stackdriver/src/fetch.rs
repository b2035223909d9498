//! `POST /fetch/stackdriver/query`.

use indexmap::IndexMap;
use kayenta_metrics::{FetchArguments, FetchInput, FetchParameter, FetchRoute};
use kayenta_model::{CanaryScope, QueryConfig, query::StackdriverQuery};

/// The fetch route.
pub(crate) static FETCH: FetchRoute = FetchRoute {
    summary: "Run a Stackdriver query",
    description: Some("The body contains additional template bindings; `{}` for none."),
    operation_id: "queryStackdriver",
    controller: "StackdriverFetchController",
    parameters: &[
        FetchParameter::METRIC_SET_NAME,
        FetchParameter::required("metricType", "Type of the metric.")
            .such_as("compute.googleapis.com/instance/cpu/utilization"),
        FetchParameter::list("groupByFields", "Fields to group by."),
        FetchParameter::optional("project", "Google project."),
        FetchParameter::optional("resourceType", "Monitored resource type.")
            .such_as("gce_instance"),
        FetchParameter::optional("location", "Bound as `${location}`."),
        FetchParameter::optional("scope", "Bound as `${scope}`."),
        FetchParameter::optional("startTimeIso", "Start of the window in ISO-8601.")
            .such_as("2024-01-01T00:00:00Z"),
        FetchParameter::optional("endTimeIso", "End of the window in ISO-8601.")
            .such_as("2024-01-01T01:00:00Z"),
        FetchParameter::STEP.such_as_number(3600),
        FetchParameter::optional("customFilter", "A custom filter."),
        FetchParameter::DRY_RUN,
    ],
    input: FetchInput::Bindings(query),
};

fn query(
    arguments: &FetchArguments,
    mut further: IndexMap<String, String>,
) -> Result<(QueryConfig, CanaryScope), String> {
    let resource_type = arguments.or_default("resourceType");
    if let Some(project) = arguments.or_default("project") {
        further.insert("project".to_owned(), project);
    }
    if let Some(resource_type) = &resource_type {
        further
            .entry("resourceType".to_owned())
            .or_insert_with(|| resource_type.clone());
    }
    let scope = CanaryScope {
        scope: arguments.or_default("scope"),
        location: arguments.or_default("location"),
        start: arguments.time_or_default("startTimeIso", "start")?,
        end: arguments.time_or_default("endTimeIso", "end")?,
        step: arguments.integer("step"),
        extended_scope_params: Some(further),
    };
    let query = QueryConfig::Stackdriver(StackdriverQuery {
        resource_type,
        metric_type: arguments.text("metricType"),
        group_by_fields: arguments.list("groupByFields"),
        custom_inline_template: arguments.text_if_any("customFilter"),
        ..StackdriverQuery::default()
    });
    Ok((query, scope))
}
