//! The routes. A handler extracts, calls and maps; what it calls decides.

mod account_params;
mod archive;
mod canary;
mod canary_config;
mod credentials;
mod dead_letters;
mod executions;
mod fetch;
mod instance;
mod judges;
mod metric_sets;
mod metrics_services;
mod pipelines;
mod standalone;

pub(crate) use fetch::fetch_controller;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{options::ApiOptions, state::ApiState};

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
        .routes(routes!(canary::explanation))
        .routes(routes!(executions::list))
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
            .routes(routes!(standalone::status, standalone::start))
            .routes(routes!(standalone::explanation));
    }
    router.merge(fetch::routes(&options.metric_stores))
}
