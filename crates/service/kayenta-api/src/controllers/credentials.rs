//! `/credentials`: the accounts, without their secrets.

use axum::{
    Json,
    extract::{Path, State},
};
use http::StatusCode;
use kayenta_model::JsonMap;

use crate::{schemas, state::ApiState};

/// The accounts
#[utoipa::path(
    get, path = "/credentials", tag = "credentials-controller", operation_id = "listCredentials",
    responses(
        (status = 200, description = "The accounts", body = Vec<schemas::AccountCredentials>),
    )
)]
pub(crate) async fn list(State(state): State<ApiState>) -> Json<Vec<JsonMap>> {
    let accounts = state.accounts().all();
    Json(
        accounts
            .iter()
            .map(|account| account.shown_details())
            .collect(),
    )
}

/// Forgets an account until the service starts again
///
/// 200 whether or not there was one.
#[utoipa::path(
    delete, path = "/credentials/{accountName}", tag = "credentials-controller", operation_id = "deleteCredentials",
    params(("accountName" = String, Path, description = "Its name")),
    responses((status = 200, description = "Forgotten"))
)]
pub(crate) async fn remove(State(state): State<ApiState>, Path(name): Path<String>) -> StatusCode {
    if state.accounts().remove(&name) {
        tracing::warn!(account = %name, "account removed until the next start");
    }
    StatusCode::OK
}
