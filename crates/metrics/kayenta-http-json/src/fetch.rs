//! `POST /fetch/http-json/query`.

use kayenta_metrics::{FetchArguments, FetchInput, FetchParameter, FetchRoute};
use kayenta_model::{CanaryScope, QueryConfig, query::HttpJsonQuery};

/// The fetch route.
pub(crate) static FETCH: FetchRoute = FetchRoute {
    summary: "Run a query of a server that answers with JSON",
    description: None,
    operation_id: "queryHttpJson",
    controller: "HttpJsonFetchController",
    parameters: &[
        FetchParameter::METRIC_SET_NAME.such_as("latency"),
        FetchParameter::optional(
            "metricName",
            "Bound as `${metricName}`, and as `${query}` without a template.",
        )
        .such_as("latency_p95"),
        FetchParameter::optional(
            "customInlineTemplate",
            "A template; its text is bound as `${query}`.",
        )
        .such_as("p95(latency{service=${scope}})"),
        FetchParameter::optional("scope", "Bound as `${scope}`.").such_as("web-main"),
        FetchParameter::optional("location", "Bound as `${location}`.").such_as("eu-central-1"),
        FetchParameter::START.such_as("2024-01-01T00:00:00Z"),
        FetchParameter::END.such_as("2024-01-01T01:00:00Z"),
        FetchParameter::STEP,
        FetchParameter {
            description: "Return the query without sending it. The request is not returned, as it may contain secrets.",
            ..FetchParameter::DRY_RUN
        },
    ],
    input: FetchInput::Parameters(query),
};

fn query(arguments: &FetchArguments) -> Result<(QueryConfig, CanaryScope), String> {
    let scope = CanaryScope {
        scope: arguments.text("scope"),
        location: arguments.text("location"),
        start: arguments.time("start")?,
        end: arguments.time("end")?,
        step: arguments.integer("step"),
        ..CanaryScope::default()
    };
    let query = QueryConfig::HttpJson(HttpJsonQuery {
        metric_name: arguments.text("metricName"),
        custom_inline_template: arguments.text("customInlineTemplate"),
        ..HttpJsonQuery::default()
    });
    Ok((query, scope))
}
