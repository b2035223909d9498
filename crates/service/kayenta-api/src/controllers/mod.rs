//! The routes. A handler extracts, calls and maps; what it calls decides.

mod archive;
mod canary;
mod canary_config;
mod credentials;
mod dead_letters;
mod fetch;
mod instance;
mod judges;
mod metric_sets;
mod metrics_services;
mod pipelines;
mod standalone;

use axum::{
    body::Bytes,
    response::{IntoResponse, Response},
};
use http::{HeaderValue, StatusCode, header};
use serde::{Deserialize, Serialize};
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{error::ApiError, options::ApiOptions, state::ApiState};

/// Answers above this size are written on a thread of their own.
const INLINE_ELEMENTS: usize = 64;

/// Every route the options switch on.
pub(crate) fn routes(options: &ApiOptions) -> OpenApiRouter<ApiState> {
    let mut router = OpenApiRouter::new()
        .routes(routes!(canary_config::list, canary_config::create))
        .routes(routes!(
            canary_config::load,
            canary_config::update,
            canary_config::delete
        ))
        .routes(routes!(canary::start_adhoc))
        .routes(routes!(canary::executions, canary::start_executions))
        .routes(routes!(canary::status, canary::start))
        .routes(routes!(judges::list))
        .routes(routes!(judges::judge))
        .routes(routes!(judges::compare))
        .routes(routes!(judges::comparison))
        .routes(routes!(metric_sets::list_sets, metric_sets::store_sets))
        .routes(routes!(metric_sets::load_sets, metric_sets::delete_sets))
        .routes(routes!(metric_sets::list_pairs, metric_sets::store_pairs))
        .routes(routes!(metric_sets::load_pairs, metric_sets::delete_pairs))
        .routes(routes!(metric_sets::load_pair))
        .routes(routes!(archive::list, archive::create))
        .routes(routes!(archive::load, archive::update, archive::delete))
        .routes(routes!(credentials::list))
        .routes(routes!(metrics_services::list))
        .routes(routes!(metrics_services::metadata))
        .routes(routes!(pipelines::cancel))
        .routes(routes!(pipelines::ids))
        .routes(routes!(pipelines::load, pipelines::delete))
        .routes(routes!(instance::set_enabled))
        .routes(routes!(dead_letters::list))
        .routes(routes!(dead_letters::put_back));
    if options.credentials_delete_enabled {
        router = router.routes(routes!(credentials::remove));
    }
    if options.scape_enabled {
        router = router
            .routes(routes!(standalone::start_adhoc))
            .routes(routes!(standalone::status, standalone::start));
    }
    router.merge(fetch::routes(&options.fetch_stores))
}

/// Which storage account.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub(crate) struct StorageParams {
    /// Account that keeps objects; the default one when absent or empty.
    storage_account_name: Option<String>,
}

/// Serialises off the async threads what may be megabytes.
async fn big_json<T: Serialize + Send + 'static>(
    elements: usize,
    body: T,
) -> Result<Response, ApiError> {
    let written = if elements <= INLINE_ELEMENTS {
        serde_json::to_vec(&body)
    } else {
        tokio::task::spawn_blocking(move || serde_json::to_vec(&body))
            .await
            .map_err(|error| ApiError::internal(error.to_string()))?
    };
    let bytes = written.map_err(|error| ApiError::internal(error.to_string()))?;
    Ok(json_bytes(bytes.into()))
}

/// Bytes that are JSON already.
fn json_bytes(bytes: Bytes) -> Response {
    (
        StatusCode::OK,
        [(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/json"),
        )],
        bytes,
    )
        .into_response()
}
