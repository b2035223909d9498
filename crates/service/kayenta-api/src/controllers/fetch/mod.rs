//! `/fetch/<store>/query`: one query of one metric store, tried out by hand. What the stores have in
//! common; what is theirs alone is in the modules below.

mod plain;
mod templated;

use std::collections::BTreeSet;

use axum::Json;
use indexmap::IndexMap;
use kayenta_engine::{FetchOneMetric, FetchOutcome};
use kayenta_model::{CanaryConfig, CanaryScope, Instant, MetricConfig, QueryConfig};
use kayenta_web::ErrorResponse;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{error::ApiError, state::ApiState};

/// The parameters of one store: the accounts all of them have, and its own.
macro_rules! fetch_params {
    ($(#[$meta:meta])* $name:ident { $($fields:tt)* }) => {
        $(#[$meta])*
        #[derive(Debug, Deserialize, IntoParams)]
        #[serde(rename_all = "camelCase")]
        #[into_params(parameter_in = Query)]
        pub(crate) struct $name {
            /// Account to query; the default account when absent or empty.
            metrics_account_name: Option<String>,
            /// Account that stores the series; the default account when absent or empty.
            storage_account_name: Option<String>,
            $($fields)*
        }
    };
}
use fetch_params;

/// The route of one metric store.
pub(crate) struct FetchRoute {
    /// The `type` of its queries, part of the path.
    pub(crate) store: &'static str,
    /// What the reference calls the controller.
    pub(crate) controller: &'static str,
    route: fn() -> OpenApiRouter<ApiState>,
}

/// The metric stores with a route.
pub(crate) const FETCH_ROUTES: [FetchRoute; 9] = [
    FetchRoute {
        store: "prometheus",
        controller: "PrometheusFetchController",
        route: || OpenApiRouter::new().routes(routes!(templated::prometheus)),
    },
    FetchRoute {
        store: "stackdriver",
        controller: "StackdriverFetchController",
        route: || OpenApiRouter::new().routes(routes!(templated::stackdriver)),
    },
    FetchRoute {
        store: "datadog",
        controller: "DatadogFetchController",
        route: || OpenApiRouter::new().routes(routes!(templated::datadog)),
    },
    FetchRoute {
        store: "graphite",
        controller: "GraphiteFetchController",
        route: || OpenApiRouter::new().routes(routes!(plain::graphite)),
    },
    FetchRoute {
        store: "newrelic",
        controller: "NewRelicFetchController",
        route: || OpenApiRouter::new().routes(routes!(templated::newrelic)),
    },
    FetchRoute {
        store: "wavefront",
        controller: "WavefrontFetchController",
        route: || OpenApiRouter::new().routes(routes!(plain::wavefront)),
    },
    FetchRoute {
        store: "influxdb",
        controller: "InfluxDbFetchController",
        route: || OpenApiRouter::new().routes(routes!(plain::influxdb)),
    },
    FetchRoute {
        store: "atlas",
        controller: "AtlasFetchController",
        route: || OpenApiRouter::new().routes(routes!(plain::atlas)),
    },
    FetchRoute {
        store: "http-json",
        controller: "HttpJsonFetchController",
        route: || OpenApiRouter::new().routes(routes!(templated::http_json)),
    },
];

/// The routes of the metric stores that are switched on.
pub(super) fn routes(enabled: &BTreeSet<String>) -> OpenApiRouter<ApiState> {
    FETCH_ROUTES
        .iter()
        .filter(|route| enabled.contains(route.store))
        .fold(OpenApiRouter::new(), |router, route| {
            router.merge((route.route)())
        })
}

/// What the reference calls the controller of a fetch route.
pub(crate) fn fetch_controller(path: &str) -> Option<&'static str> {
    let store = path.strip_prefix("/fetch/")?.strip_suffix("/query")?;
    let route = FETCH_ROUTES.iter().find(|route| route.store == store)?;
    Some(route.controller)
}

/// The id of the stored metric set list or, of a dry run, the query.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = FetchResponse)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Fetched {
    /// Id of the stored metric set list, a UUID.
    #[schema(example = json!({"metricSetListId": "0b7d6f1e-9a3c-4a55-8d0e-5b8d7b1f2c3d"}))]
    MetricSetListId(String),
    /// The query that the store would be sent.
    #[schema(example = json!({"query": "avg(node_cpu{job=\"x\"})"}))]
    Query(String),
}

/// A fetch being put together.
#[derive(Debug, Default)]
struct Fetch {
    metrics_account: Option<String>,
    storage_account: Option<String>,
    scope: CanaryScope,
    dry_run: bool,
}

impl Fetch {
    /// Fetches a query of its own under the name of the metric set.
    async fn query(
        self,
        state: &ApiState,
        metric_set_name: String,
        query: QueryConfig,
    ) -> Result<Json<Fetched>, ApiError> {
        let metric = MetricConfig {
            name: Some(metric_set_name),
            query: Some(query),
            ..MetricConfig::default()
        };
        self.metric(state, metric).await
    }

    /// Fetches a metric that belongs to no config.
    async fn metric(
        self,
        state: &ApiState,
        metric: MetricConfig,
    ) -> Result<Json<Fetched>, ApiError> {
        let config = CanaryConfig {
            metrics: Some(vec![metric]),
            ..CanaryConfig::default()
        };
        self.metric_of(state, config, 0).await
    }

    /// Fetches one metric of a config.
    async fn metric_of(
        self,
        state: &ApiState,
        config: CanaryConfig,
        metric_index: usize,
    ) -> Result<Json<Fetched>, ApiError> {
        let outcome = state
            .engine()
            .fetch(FetchOneMetric {
                metrics_account: self.metrics_account,
                storage_account: self.storage_account,
                config,
                metric_index,
                scope: self.scope,
                dry_run: self.dry_run,
            })
            .await?;
        Ok(Json(match outcome {
            FetchOutcome::Query(text) => Fetched::Query(text),
            FetchOutcome::Stored(id) => Fetched::MetricSetListId(id),
        }))
    }
}

/// The store's `test-controller-defaults`.
#[derive(Clone, Copy, Debug)]
struct Defaults<'a>(Option<&'a IndexMap<String, String>>);

impl<'a> Defaults<'a> {
    fn of(state: &'a ApiState, store: &str) -> Self {
        Self(state.options().fetch_defaults.get(store))
    }

    /// The parameter, or when it is absent or empty the store's default.
    fn or(self, given: Option<String>, name: &str) -> Option<String> {
        given
            .filter(|text| !text.is_empty())
            .or_else(|| self.0?.get(name).cloned())
            .filter(|text| !text.is_empty())
    }

    /// The same for a time, which is read here: a bad one is a 400 (C-API-06; the reference answers
    /// 500 with the same text).
    fn time(self, given: Option<String>, name: &str) -> Result<Option<Instant>, ApiError> {
        Ok(self.or(given, name).map(|text| time(&text)).transpose()?)
    }

    /// The same for a time that must be given.
    fn needed_time(
        self,
        given: Option<String>,
        name: &str,
        message: &str,
    ) -> Result<Option<Instant>, ApiError> {
        match self.time(given, name)? {
            Some(time) => Ok(Some(time)),
            None => Err(ErrorResponse::bad_request(message).into()),
        }
    }
}

const START_REQUIRED: &str = "Start time is required.";
const END_REQUIRED: &str = "End time is required.";

/// Reads an ISO-8601 instant as `Instant.parse` does.
fn time(text: &str) -> Result<Instant, ErrorResponse> {
    text.parse()
        .map_err(|error: kayenta_model::time::InstantError| {
            ErrorResponse::bad_request(error.to_string())
        })
}

/// Bindings of which the absent ones are left out.
fn bindings<const N: usize>(
    entries: [(&str, Option<String>); N],
) -> Option<IndexMap<String, String>> {
    let map: IndexMap<String, String> = entries
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), value?)))
        .collect();
    (!map.is_empty()).then_some(map)
}
