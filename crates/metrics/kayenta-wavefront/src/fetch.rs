//! `POST /fetch/wavefront/query`.

use kayenta_metrics::{FetchArguments, FetchInput, FetchParameter, FetchRoute};
use kayenta_model::{CanaryScope, QueryConfig, query::WavefrontQuery};

/// The fetch route.
pub(crate) static FETCH: FetchRoute = FetchRoute {
    summary: "Run a Wavefront query",
    description: None,
    operation_id: "queryWavefront",
    controller: "WavefrontFetchController",
    parameters: &[
        FetchParameter::METRIC_SET_NAME,
        FetchParameter::required("metricName", "Name of the time series."),
        FetchParameter::optional("aggregate", "Aggregating function around the series."),
        // C-API-07: the reference's parameter is called by its list of values, by mistake.
        FetchParameter {
            alias: Some("[MEAN, MEDIAN, MIN, MAX, SUM, COUNT, FIRST, LAST]"),
            ..FetchParameter::optional(
                "summarization",
                "How the points of one step are summarised: `MEAN`, `MEDIAN`, `MIN`, `MAX`, `SUM`, `COUNT`,\n\
                 `FIRST`, `LAST`; `MEAN` when absent.",
            )
        },
        FetchParameter::optional("scope", "Inserted into the filter of the query."),
        FetchParameter::START,
        FetchParameter::END,
        FetchParameter::required("step", "Step between data points: `s`, `m`, `h` or `d`.")
            .such_as("m"),
        FetchParameter::DRY_RUN,
    ],
    input: FetchInput::Parameters(query),
};

fn query(arguments: &FetchArguments) -> Result<(QueryConfig, CanaryScope), String> {
    let step = match arguments.text("step").unwrap_or_default().as_str() {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 86_400,
        other => {
            return Err(format!(
                "Parameter 'step': '{other}' is none of s, m, h, d."
            ));
        }
    };
    let scope = CanaryScope {
        scope: Some(arguments.text("scope").unwrap_or_default()),
        start: arguments.time("start")?,
        end: arguments.time("end")?,
        step: Some(step),
        ..CanaryScope::default()
    };
    let query = QueryConfig::Wavefront(WavefrontQuery {
        metric_name: arguments.text("metricName"),
        summarization: arguments
            .text_if_any("summarization")
            .or_else(|| Some("MEAN".to_owned())),
        aggregate: Some(arguments.text("aggregate").unwrap_or_default()),
        ..WavefrontQuery::default()
    });
    Ok((query, scope))
}
