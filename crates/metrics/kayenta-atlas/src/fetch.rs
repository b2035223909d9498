//! `POST /fetch/atlas/query`.

use kayenta_metrics::{FetchArguments, FetchInput, FetchParameter, FetchRoute, bindings};
use kayenta_model::{CanaryScope, QueryConfig, query::AtlasQuery};

/// The fetch route.
pub(crate) static FETCH: FetchRoute = FetchRoute {
    summary: "Run an Atlas query",
    description: None,
    operation_id: "queryAtlas",
    controller: "AtlasFetchController",
    parameters: &[
        FetchParameter::METRIC_SET_NAME,
        FetchParameter::required("q", "Expression in the Atlas stack language.")
            .such_as("name,CpuRawUser,:eq,:sum"),
        FetchParameter::required("type", "Type of the scope.").such_as("cluster"),
        FetchParameter::required("scope", "Name of the deployment.").such_as("web-main"),
        FetchParameter::required(
            "location",
            "A back end, as `GET /credentials` lists them under `locations`.",
        )
        .such_as("us-east-1.main"),
        FetchParameter::START.such_as("2020-11-20T23:00:00Z"),
        FetchParameter::END.such_as("2020-11-21T00:00:00Z"),
        FetchParameter::STEP.such_as_number(300),
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
        // Without the values a canary's scope has by default: here a location is a whole target.
        extended_scope_params: bindings([
            ("type", arguments.text("type")),
            ("deployment", Some(String::new())),
            ("dataset", Some(String::new())),
            ("environment", Some(String::new())),
        ]),
    };
    let query = QueryConfig::Atlas(AtlasQuery {
        q: arguments.text("q"),
        ..AtlasQuery::default()
    });
    Ok((query, scope))
}
