//! `/credentials`: the accounts, without their secrets.

use axum::{
    Json,
    extract::{Path, State},
};
use http::StatusCode;
use kayenta_model::JsonMap;

use crate::{schemas, state::ApiState};

/// List the accounts
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

/// Remove an account until the service restarts
///
/// 200 whether or not the account exists.
#[utoipa::path(
    delete, path = "/credentials/{accountName}", tag = "credentials-controller", operation_id = "deleteCredentials",
    params(("accountName" = String, Path, description = "Name of the account")),
    responses((status = 200, description = "Removed"))
)]
pub(crate) async fn remove(State(state): State<ApiState>, Path(name): Path<String>) -> StatusCode {
    if state.accounts().remove(&name) {
        tracing::warn!(account = %name, "account removed until the next start");
    }
    StatusCode::OK
}
