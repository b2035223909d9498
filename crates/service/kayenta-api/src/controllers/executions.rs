//! `/executions`: executions of all applications.

use axum::{extract::State, response::Response};
use kayenta_engine::ExecutionQuery;
use kayenta_model::{ExecutionKind, ExecutionStatus, ExecutionSummary, Instant};
use kayenta_web::{ErrorResponse, Params, json, params, schemas::CommonErrors};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use crate::{error::ApiError, state::ApiState};

/// Executions of one page unless the caller says otherwise.
const USUAL: i64 = 50;
/// Executions of one page at most.
const MOST: i64 = 500;

/// Which executions.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub(crate) struct ListParams {
    /// Only executions of these applications, separated by commas; those of all when absent.
    #[param(example = "shop")]
    applications: Option<String>,
    /// Only executions with one of these configs, by name or id, separated by commas; with any when absent.
    configs: Option<String>,
    /// Only executions with one of these statuses, in any case, separated by commas; with any when absent.
    #[param(example = "RUNNING,SUCCEEDED")]
    statuses: Option<String>,
    /// Only executions with one of these verdicts (`Pass`, `Marginal`, `Fail`), in any case, separated by commas; with
    /// any or none when absent.
    #[param(example = "Fail,Marginal")]
    verdicts: Option<String>,
    /// Only executions of these kinds (`run`, `analysisRun`, `analysis`, `comparison`), separated by commas; of all kinds
    /// when absent.
    #[param(example = "run,analysis")]
    kinds: Option<String>,
    /// Only executions accepted at or after this time, in ISO-8601 or milliseconds since 1970; from the oldest when absent.
    #[param(example = "2025-01-01T00:00:00Z")]
    from: Option<String>,
    /// Only executions accepted before this time, in ISO-8601 or milliseconds since 1970; to the newest when absent.
    #[param(example = "2030-01-01T00:00:00Z")]
    to: Option<String>,
    /// Only executions in which this text occurs, in any case: in the id, a name, a scope, the user or the message; all
    /// when absent.
    search: Option<String>,
    /// Executions per page; 50 when absent, 500 at most.
    #[serde(default, deserialize_with = "params::optional")]
    #[param(minimum = 1, maximum = 500, default = 50)]
    limit: Option<i64>,
    /// `next` of the page before; the newest executions when absent.
    cursor: Option<String>,
}

/// A page of executions.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ExecutionPage, example = json!({
    "executions": [{
        "id": "01HKZ0Q8M4J0W6T3V9Y2C5B7DF",
        "kind": "run",
        "application": "shop",
        "status": "SUCCEEDED",
        "configName": "checkout",
        "configId": "ad-hoc",
        "baseline": "1.0 (eu)",
        "canary": "1.1 (eu)",
        "thresholds": {"pass": 95.0, "marginal": 75.0},
        "score": 50.0,
        "verdict": "Fail",
        "buildTimeMillis": 1_704_070_800_000_i64,
        "startTimeMillis": 1_704_070_800_020_i64,
        "endTimeMillis": 1_704_070_801_250_i64,
        "windowStartMillis": 1_704_067_200_000_i64,
        "windowEndMillis": 1_704_070_800_000_i64,
    }],
    "next": "1704070800000-01HKZ0Q8M4J0W6T3V9Y2C5B7DF",
}))]
pub(crate) struct ExecutionPage {
    /// The executions, newest first.
    executions: Vec<ExecutionSummary>,
    /// `cursor` of the next page; absent at the end. A page may have fewer executions than asked for, even none, and still
    /// have a next one, because one request looks at a bounded number of executions.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// List the executions of all applications, newest first
///
/// Canary runs, standalone analyses, the runs of analyses and comparisons of judges whose records are still kept, in a
/// few words each. `GET /canary/{id}` and `GET /standalone_canary_analysis/{id}` return the whole of one.
#[utoipa::path(
    get, path = "/executions", tag = "canary-controller", operation_id = "listExecutions",
    params(ListParams),
    responses(
        (status = 200, description = "A page of executions", body = ExecutionPage),
        CommonErrors,
    )
)]
pub(crate) async fn list(
    State(state): State<ApiState>,
    Params(params): Params<ListParams>,
) -> Result<Response, ApiError> {
    let limit = params.limit.unwrap_or(USUAL).clamp(1, MOST);
    let cursor = params.cursor.as_deref().filter(|text| !text.is_empty());
    let after = match cursor.map(str::parse) {
        None => None,
        Some(Ok(place)) => Some(place),
        Some(Err(_)) => return Err(wrong("cursor", "`next` of an earlier page")),
    };
    let query = query(&params)?;
    let limit = usize::try_from(limit).unwrap_or_default();
    let page = state.engine().list_executions(&query, after, limit).await?;
    let page = ExecutionPage {
        executions: page.executions,
        next: page.next.map(|place| place.to_string()),
    };
    Ok(json(page).await)
}

fn query(params: &ListParams) -> Result<ExecutionQuery, ApiError> {
    let time = |name: &str, text: &Option<String>| match text.as_deref().unwrap_or_default() {
        "" => Ok(None),
        text => Instant::from_json(&Value::from(text))
            .map(|time| Some(time.millis()))
            .map_err(|_| wrong(name, "a time in ISO-8601 or milliseconds since 1970")),
    };
    let statuses = words(&params.statuses)
        .map(|word| {
            word.parse::<ExecutionStatus>()
                .map_err(|_| wrong("statuses", "statuses such as RUNNING"))
        })
        .collect::<Result<_, _>>()?;
    let kinds = words(&params.kinds)
        .map(|word| {
            ExecutionKind::of(word)
                .ok_or_else(|| wrong("kinds", "run, analysisRun, analysis or comparison"))
        })
        .collect::<Result<_, _>>()?;
    Ok(ExecutionQuery {
        applications: words(&params.applications).map(str::to_owned).collect(),
        configs: words(&params.configs).map(str::to_owned).collect(),
        statuses,
        verdicts: words(&params.verdicts).map(str::to_owned).collect(),
        kinds,
        from: time("from", &params.from)?,
        to: time("to", &params.to)?,
        search: params.search.clone().filter(|text| !text.is_empty()),
    })
}

fn words(list: &Option<String>) -> impl Iterator<Item = &str> {
    let words = list.as_deref().unwrap_or_default().split(',');
    words.map(str::trim).filter(|word| !word.is_empty())
}

fn wrong(parameter: &str, expected: &str) -> ApiError {
    ErrorResponse::bad_request(format!("The parameter {parameter} must be {expected}.")).into()
}
