//! `POST /fetch/newrelic/query`.

use indexmap::IndexMap;
use kayenta_metrics::{FetchArguments, FetchInput, FetchParameter, FetchRoute, ParameterKind};
use kayenta_model::CanaryScope;

/// The fetch route.
pub(crate) static FETCH: FetchRoute = FetchRoute {
    summary: "Run a New Relic query",
    description: None,
    operation_id: "queryNewRelic",
    controller: "NewRelicFetchController",
    parameters: &[
        FetchParameter::START,
        FetchParameter::END,
        FetchParameter::STEP,
        FetchParameter::optional("scope", "Value for the key of the scope."),
        FetchParameter::optional("location", "Value for the key of the location."),
        FetchParameter {
            kind: ParameterKind::Integer,
            ..FetchParameter::optional(
                "metricIndex",
                "Index of the metric in the config of the body; 0 when absent.",
            )
        },
        FetchParameter::DRY_RUN,
    ],
    input: FetchInput::Metric(scope),
};

fn scope(
    arguments: &FetchArguments,
    extended_scope_params: Option<IndexMap<String, String>>,
) -> Result<CanaryScope, String> {
    let (start, end) = arguments.window()?;
    Ok(CanaryScope {
        scope: arguments.or_default("scope"),
        location: arguments.text("location"),
        start,
        end,
        step: arguments.integer("step"),
        extended_scope_params,
    })
}
