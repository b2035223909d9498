//! `/admin/deadLetters`: jobs that could not be finished (C-QUEUE-01).

use axum::{
    Json,
    extract::{Path, State},
};
use http::StatusCode;
use kayenta_model::time::iso_millis;
use kayenta_queue::DeadLetter;
use kayenta_web::{
    Params, params,
    schemas::{CommonErrors, Missing},
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::{error::ApiError, state::ApiState};

/// Length of a list when none is asked for.
const USUAL: i64 = 100;
/// Longest list; the queue keeps no more.
const MOST: i64 = 10_000;

/// How many.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub(crate) struct ListParams {
    /// Maximum number of dead letters; 100 when absent.
    #[serde(default, deserialize_with = "params::optional")]
    #[param(minimum = 0, maximum = 10_000, example = 100)]
    limit: Option<i64>,
}

/// A job that was given up.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = DeadLetter, example = json!({
    "id": "1744113600123-0",
    "executionId": "01JRAW4P5ZK8Q9W2M7D3N6X0TV",
    "reason": "5 workers in a row died or lost touch while working on this execution.",
    "givenUpTimeMillis": 1_744_113_600_123_i64,
    "givenUpTimeIso": "2025-04-08T12:00:00.123Z",
}))]
#[serde(rename_all = "camelCase")]
pub(crate) struct ListedDeadLetter {
    /// Id of the dead letter.
    id: String,
    /// Id of the execution the job was for.
    execution_id: String,
    /// Why it was given up.
    reason: String,
    /// When it was given up, in milliseconds since 1970.
    given_up_time_millis: i64,
    /// The same time in ISO-8601.
    given_up_time_iso: String,
}

impl From<DeadLetter> for ListedDeadLetter {
    fn from(letter: DeadLetter) -> Self {
        let millis = letter.at.timestamp_millis();
        Self {
            id: letter.id,
            execution_id: letter.job.execution_id,
            reason: letter.reason,
            given_up_time_millis: millis,
            given_up_time_iso: iso_millis(millis),
        }
    }
}

/// List the dead letters, newest first
///
/// A dead letter is a job that was given up, with its execution and the reason.
#[utoipa::path(
    get, path = "/admin/deadLetters", tag = "admin-controller", operation_id = "listDeadLetters",
    params(ListParams),
    responses(
        (status = 200, description = "The dead letters", body = Vec<ListedDeadLetter>),
        CommonErrors,
    )
)]
pub(crate) async fn list(
    State(state): State<ApiState>,
    Params(params): Params<ListParams>,
) -> Result<Json<Vec<ListedDeadLetter>>, ApiError> {
    let limit = params.limit.unwrap_or(USUAL).clamp(0, MOST);
    let limit = usize::try_from(limit).unwrap_or_default();
    let letters = if limit == 0 {
        Vec::new()
    } else {
        state.engine().dead_letters(limit).await?
    };
    Ok(Json(
        letters.into_iter().map(ListedDeadLetter::from).collect(),
    ))
}

/// Put a dead letter back into the queue
///
/// A worker resumes its execution, and the dead letter is removed. An execution that has ended keeps its
/// status; only remaining work, such as archiving, is done.
#[utoipa::path(
    put, path = "/admin/deadLetters/{id}/putBack", tag = "admin-controller", operation_id = "putBackDeadLetter",
    params(("id" = String, Path, description = "Id of the dead letter")),
    responses(
        (status = 202, description = "Back in the queue"),
        Missing, CommonErrors,
    )
)]
pub(crate) async fn put_back(
    State(state): State<ApiState>,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiError> {
    state.engine().put_back(&id).await?;
    Ok(StatusCode::ACCEPTED)
}
