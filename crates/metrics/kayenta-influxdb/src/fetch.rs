//! `POST /fetch/influxdb/query`.

use kayenta_metrics::{FetchArguments, FetchInput, FetchParameter, FetchRoute};
use kayenta_model::{CanaryScope, QueryConfig, query::InfluxDbQuery};

/// The fetch route.
pub(crate) static FETCH: FetchRoute = FetchRoute {
    summary: "Run an InfluxDB query",
    description: None,
    operation_id: "queryInfluxDb",
    controller: "InfluxDbFetchController",
    parameters: &[
        FetchParameter::METRIC_SET_NAME,
        FetchParameter::required("metricName", "Measurement."),
        FetchParameter::list("fields", "Fields of the measurement."),
        FetchParameter::optional("scope", "A `key:value` filter."),
        FetchParameter::optional("start", "Start of the window in ISO-8601."),
        FetchParameter::optional("end", "End of the window in ISO-8601."),
        FetchParameter::STEP,
    ],
    input: FetchInput::Parameters(query),
};

fn query(arguments: &FetchArguments) -> Result<(QueryConfig, CanaryScope), String> {
    let (start, end) = arguments.window()?;
    let scope = CanaryScope {
        scope: arguments.or_default("scope"),
        start,
        end,
        step: arguments.integer("step"),
        ..CanaryScope::default()
    };
    let query = QueryConfig::InfluxDb(InfluxDbQuery {
        metric_name: arguments.text("metricName"),
        fields: arguments.list("fields"),
        ..InfluxDbQuery::default()
    });
    Ok((query, scope))
}
