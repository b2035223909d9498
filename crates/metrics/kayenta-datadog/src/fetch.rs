//! `POST /fetch/datadog/query`.

use kayenta_metrics::{FetchArguments, FetchInput, FetchParameter, FetchRoute};
use kayenta_model::{CanaryScope, QueryConfig, query::DatadogQuery};

/// The fetch route.
pub(crate) static FETCH: FetchRoute = FetchRoute {
    summary: "Run a Datadog query",
    description: None,
    operation_id: "queryDatadog",
    controller: "DatadogFetchController",
    parameters: &[
        FetchParameter::METRIC_SET_NAME,
        FetchParameter::required("metricName", "Metric with aggregation.")
            .such_as("avg:system.cpu.user"),
        FetchParameter::optional("scope", "Inserted between the braces of the query."),
        FetchParameter::optional("start", "Start of the window in ISO-8601."),
        FetchParameter::optional("end", "End of the window in ISO-8601."),
        FetchParameter::DRY_RUN,
    ],
    input: FetchInput::Parameters(query),
};

fn query(arguments: &FetchArguments) -> Result<(QueryConfig, CanaryScope), String> {
    let scope = CanaryScope {
        scope: arguments.or_default("scope"),
        start: arguments.time_or_default("start", "start")?,
        end: arguments.time_or_default("end", "end")?,
        ..CanaryScope::default()
    };
    let query = QueryConfig::Datadog(DatadogQuery {
        metric_name: arguments.text("metricName"),
        ..DatadogQuery::default()
    });
    Ok((query, scope))
}
