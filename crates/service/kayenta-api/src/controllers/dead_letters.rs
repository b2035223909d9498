//! `/admin/deadLetters`: jobs that could not be finished (C-QUEUE-01).

use axum::{
    Json,
    extract::{Path, State},
};
use http::StatusCode;
use kayenta_model::time::iso_millis;
use kayenta_queue::DeadLetter;
use kayenta_web::{Params, params};
use serde::{Deserialize, Serialize};
use utoipa::IntoParams;

use crate::{error::ApiError, schemas, state::ApiState};

/// Length of a list when none is asked for.
const USUAL: i64 = 100;
/// Longest list; the queue keeps no more.
const MOST: i64 = 10_000;

/// How many.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub(crate) struct ListParams {
    /// How many at most, 100 when absent.
    #[serde(default, deserialize_with = "params::optional")]
    #[param(minimum = 0, maximum = 10_000, example = 100)]
    limit: Option<i64>,
}

/// One job that was given up.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Letter {
    id: String,
    execution_id: String,
    reason: String,
    given_up_time_millis: i64,
    given_up_time_iso: String,
}

impl From<DeadLetter> for Letter {
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

/// The jobs that were given up, newest first
///
/// Each with the execution it was for and the reason.
#[utoipa::path(
    get, path = "/admin/deadLetters", tag = "admin-controller", operation_id = "listDeadLetters",
    params(ListParams),
    responses(
        (status = 200, description = "The dead letters", body = Vec<schemas::DeadLetter>),
        schemas::CommonErrors,
    )
)]
pub(crate) async fn list(
    State(state): State<ApiState>,
    Params(params): Params<ListParams>,
) -> Result<Json<Vec<Letter>>, ApiError> {
    let limit = params.limit.unwrap_or(USUAL).clamp(0, MOST);
    let limit = usize::try_from(limit).unwrap_or_default();
    let letters = if limit == 0 {
        Vec::new()
    } else {
        state.engine().dead_letters(limit).await?
    };
    Ok(Json(letters.into_iter().map(Letter::from).collect()))
}

/// Puts a job that was given up back into the queue
///
/// A worker looks at its execution once more, and the dead letter is gone. An execution that is over
/// stays as it ended; only what was left to do for it, such as its archive, is done.
#[utoipa::path(
    put, path = "/admin/deadLetters/{id}/putBack", tag = "admin-controller", operation_id = "putBackDeadLetter",
    params(("id" = String, Path, description = "Id of the dead letter")),
    responses(
        (status = 202, description = "It is in the queue again"),
        schemas::Missing, schemas::CommonErrors,
    )
)]
pub(crate) async fn put_back(
    State(state): State<ApiState>,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiError> {
    state.engine().put_back(&id).await?;
    Ok(StatusCode::ACCEPTED)
}
