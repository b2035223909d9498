//! `POST /fetch/graphite/query`.

use kayenta_metrics::{FetchArguments, FetchInput, FetchParameter, FetchRoute};
use kayenta_model::{CanaryScope, QueryConfig, query::GraphiteQuery};

/// The fetch route.
pub(crate) static FETCH: FetchRoute = FetchRoute {
    summary: "Run a Graphite query",
    description: None,
    operation_id: "queryGraphite",
    controller: "GraphiteFetchController",
    parameters: &[
        FetchParameter::METRIC_SET_NAME,
        FetchParameter::required("metricName", "Target with `$scope` and `$location`.")
            .such_as("system.$location.$scope"),
        FetchParameter::START,
        FetchParameter::END,
        FetchParameter::optional("scope", "Bound as `$scope`."),
        FetchParameter::optional("location", "Bound as `$location`."),
        FetchParameter::DRY_RUN,
    ],
    input: FetchInput::Parameters(query),
};

fn query(arguments: &FetchArguments) -> Result<(QueryConfig, CanaryScope), String> {
    let (start, end) = arguments.window()?;
    let scope = CanaryScope {
        scope: arguments.or_default("scope"),
        location: arguments.text("location"),
        start,
        end,
        ..CanaryScope::default()
    };
    let query = QueryConfig::Graphite(GraphiteQuery {
        metric_name: arguments.text("metricName"),
        ..GraphiteQuery::default()
    });
    Ok((query, scope))
}
