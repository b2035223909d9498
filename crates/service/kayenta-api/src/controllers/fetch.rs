//! `/fetch/<store>/query`: one query of one metric store, tried out by hand. What its parameters are and
//! how they become a query is described by the store ([`FetchRoute`]).

use axum::{
    Json,
    extract::{FromRef, FromRequest, Request, State},
    routing,
};
use indexmap::IndexMap;
use kayenta_engine::{FetchOneMetric, FetchOutcome};
use kayenta_metrics::{
    FetchArgument, FetchArguments, FetchInput, FetchParameter, FetchRoute, ParameterExample,
    ParameterKind, StoreDescription,
};
use kayenta_model::{CanaryConfig, CanaryScope, MetricConfig, QueryConfig, lenient};
use kayenta_web::{
    BodyLimits, ErrorResponse, JsonBody,
    params::{self, NamedParams},
    schemas::{BodyErrors, CommonErrors},
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::{
    ToSchema,
    openapi::{
        ArrayBuilder, ObjectBuilder, RefOr, Required, Schema, SchemaFormat, Type,
        path::{Parameter, ParameterBuilder, ParameterIn},
        schema::KnownFormat,
    },
};
use utoipa_axum::{
    router::{OpenApiRouter, UtoipaMethodRouter},
    routes,
};

use crate::{controllers::metric_sets::MetricSetListResponse, error::ApiError, state::ApiState};

/// The parameters every store has.
const ACCOUNTS: [FetchParameter; 2] = [
    FetchParameter::optional(
        "metricsAccountName",
        "Account to query; the default account when absent or empty.",
    ),
    FetchParameter::optional(
        "storageAccountName",
        "Account that stores the series; the default account when absent or empty.",
    ),
];

/// The routes of metric stores.
pub(super) fn routes(stores: &[&'static StoreDescription]) -> OpenApiRouter<ApiState> {
    stores
        .iter()
        .filter_map(|store| Some((store.service_type, store.fetch_route?)))
        .fold(OpenApiRouter::new(), |router, (store, route)| {
            router.routes(described(store, route))
        })
}

/// What the reference calls the controller of a fetch route.
pub(crate) fn fetch_controller(
    stores: &[&'static StoreDescription],
    path: &str,
) -> Option<&'static str> {
    let name = path.strip_prefix("/fetch/")?.strip_suffix("/query")?;
    let store = stores.iter().find(|store| store.service_type == name)?;
    Some(store.fetch_route?.controller)
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

/// A body of template bindings.
#[derive(Debug)]
pub(crate) struct Bindings(IndexMap<String, String>);

impl<'de> Deserialize<'de> for Bindings {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        lenient::string_map(deserializer)?
            .map(Self)
            .ok_or_else(|| serde::de::Error::custom("an object is required"))
    }
}

/// The metric of a New Relic query and its bindings.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = NewRelicFetchRequest, example = json!({
    "canaryMetricConfig": {
        "name": "cpu",
        "query": {"type": "newrelic", "select": "SELECT average(cpuPercent)", "q": "FROM SystemSample"},
        "groups": ["system"],
        "analysisConfigurations": {"canary": {"direction": "increase"}},
        "scopeName": "default",
    },
    "extendedScopeParams": {"_scope_key": "autoScalingGroupName", "_location_key": "region"},
}))]
#[serde(rename_all = "camelCase")]
pub(crate) struct NewRelicBody {
    /// The metric.
    canary_metric_config: MetricConfig,
    /// Additional template bindings; `_scope_key` and `_location_key` name the keys of scope and location.
    #[serde(default, deserialize_with = "lenient::string_map")]
    extended_scope_params: Option<IndexMap<String, String>>,
    /// A config with the templates the metric refers to.
    #[serde(default)]
    canary_config: Option<CanaryConfig>,
}

/// A fetch of a store, with responses and body as the API document has them. What differs by store is put
/// in by [`described`].
mod shape {
    use super::*;

    #[utoipa::path(
        post, path = "", tag = "fetch",
        responses(
            (status = 200, description = "The series are stored, or the query of a dry run", body = Fetched),
            CommonErrors,
        )
    )]
    pub(super) async fn parameters() {}

    #[utoipa::path(
        post, path = "", tag = "fetch",
        responses(
            (status = 200, description = "The series are stored", body = MetricSetListResponse),
            CommonErrors,
        )
    )]
    pub(super) async fn without_dry_run() {}

    #[utoipa::path(
        post, path = "", tag = "fetch",
        request_body(content = std::collections::BTreeMap<String, String>, example = json!({})),
        responses(
            (status = 200, description = "The series are stored, or the query of a dry run", body = Fetched),
            BodyErrors, CommonErrors,
        )
    )]
    pub(super) async fn bindings() {}

    #[utoipa::path(
        post, path = "", tag = "fetch",
        request_body = NewRelicBody,
        responses(
            (status = 200, description = "The series are stored, or the query of a dry run", body = Fetched),
            BodyErrors, CommonErrors,
        )
    )]
    pub(super) async fn metric() {}
}

/// The route of a store and its description.
fn described(store: &'static str, route: &'static FetchRoute) -> UtoipaMethodRouter<ApiState> {
    let has_dry_run = route.parameters.iter().any(|known| known.name == "dryRun");
    let (schemas, mut paths, _): UtoipaMethodRouter<ApiState> = match route.input {
        FetchInput::Parameters(_) if !has_dry_run => routes!(shape::without_dry_run),
        FetchInput::Parameters(_) => routes!(shape::parameters),
        FetchInput::Bindings(_) => routes!(shape::bindings),
        FetchInput::Metric(_) => routes!(shape::metric),
    };
    let shapes = std::mem::take(&mut paths.paths);
    paths.paths = shapes
        .into_values()
        .map(|mut item| {
            if let Some(operation) = &mut item.post {
                let parameters = ACCOUNTS.iter().chain(route.parameters);
                operation.summary = Some(route.summary.to_owned());
                operation.description = route.description.map(str::to_owned);
                operation.operation_id = Some(route.operation_id.to_owned());
                operation.parameters =
                    Some(parameters.map(|known| RefOr::T(parameter(known))).collect());
            }
            (format!("/fetch/{store}/query"), item)
        })
        .collect();
    let handler = routing::post(move |State(state): State<ApiState>, request: Request| {
        fetch(state, store, route, request)
    });
    (schemas, paths, handler)
}

fn parameter(known: &FetchParameter) -> Parameter {
    let text = || ObjectBuilder::new().schema_type(Type::String);
    let schema: Schema = match known.kind {
        ParameterKind::Text => text().into(),
        ParameterKind::List => ArrayBuilder::new().items(text()).into(),
        ParameterKind::Integer => ObjectBuilder::new()
            .schema_type(Type::Integer)
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::Int64)))
            .into(),
        ParameterKind::Flag => ObjectBuilder::new().schema_type(Type::Boolean).into(),
    };
    let example = known.example.map(|example| match example {
        ParameterExample::Text(text) => json!(text),
        ParameterExample::List(list) => json!(list),
        ParameterExample::Integer(integer) => json!(integer),
    });
    ParameterBuilder::new()
        .name(known.name)
        .parameter_in(ParameterIn::Query)
        .required(if known.required {
            Required::True
        } else {
            Required::False
        })
        .description(Some(known.description))
        .schema(Some(schema))
        .example(example)
        .build()
}

/// Fetches what the request asks of the store.
async fn fetch(
    state: ApiState,
    store: &'static str,
    route: &'static FetchRoute,
    request: Request,
) -> Result<Json<Fetched>, ApiError> {
    let defaults = state.options().fetch_defaults.get(store);
    let defaults = defaults.cloned().unwrap_or_default();
    let query_string = request.uri().query().unwrap_or_default().to_owned();
    let of_query = || arguments(route, &NamedParams::of_query(&query_string), &defaults);
    let (fetch, arguments) = match route.input {
        FetchInput::Parameters(query) => {
            let named = NamedParams::of_form(request, BodyLimits::from_ref(&state)).await?;
            let arguments = arguments(route, &named, &defaults)?;
            let asked = query(&arguments).map_err(ErrorResponse::bad_request)?;
            (Fetch::of_query(asked, &arguments), arguments)
        }
        FetchInput::Bindings(query) => {
            let arguments = of_query()?;
            let JsonBody(Bindings(further)) = JsonBody::from_request(request, &state).await?;
            let asked = query(&arguments, further).map_err(ErrorResponse::bad_request)?;
            (Fetch::of_query(asked, &arguments), arguments)
        }
        FetchInput::Metric(scope) => {
            let arguments = of_query()?;
            let JsonBody(body) = JsonBody::<NewRelicBody>::from_request(request, &state).await?;
            let scope = scope(&arguments, body.extended_scope_params.clone())
                .map_err(ErrorResponse::bad_request)?;
            (Fetch::of_metric(body, scope, &arguments)?, arguments)
        }
    };
    let outcome = state
        .engine()
        .fetch(FetchOneMetric {
            metrics_account: arguments.text("metricsAccountName"),
            storage_account: arguments.text("storageAccountName"),
            config: fetch.config,
            metric_index: fetch.metric_index,
            scope: fetch.scope,
            dry_run: arguments.flag("dryRun"),
        })
        .await?;
    Ok(Json(match outcome {
        FetchOutcome::Query(text) => Fetched::Query(text),
        FetchOutcome::Stored(id) => Fetched::MetricSetListId(id),
    }))
}

/// The parameters of the request that the route has, in the order of the request; then those that are
/// missing, in the order of the route.
fn arguments(
    route: &FetchRoute,
    named: &NamedParams,
    defaults: &IndexMap<String, String>,
) -> Result<FetchArguments, ErrorResponse> {
    let known = || ACCOUNTS.iter().chain(route.parameters);
    let mut values = IndexMap::new();
    for (name, value) in named.iter() {
        let Some(parameter) = known().find(|p| p.name == name || p.alias == Some(name)) else {
            continue;
        };
        let argument = match parameter.kind {
            ParameterKind::Text => Some(FetchArgument::Text(value.read()?)),
            ParameterKind::List => Some(FetchArgument::List(value.read()?)),
            ParameterKind::Integer if parameter.required => {
                Some(FetchArgument::Integer(value.read_with(params::required)?))
            }
            ParameterKind::Integer => value
                .read_with(params::optional)?
                .map(FetchArgument::Integer),
            ParameterKind::Flag => Some(FetchArgument::Flag(value.read_with(params::flag)?)),
        };
        if let Some(argument) = argument
            && values.insert(parameter.name, argument).is_some()
        {
            return Err(ErrorResponse::bad_request(format!(
                "Parameter '{name}': duplicate field `{}`",
                parameter.name
            )));
        }
    }
    match known().find(|p| p.required && !values.contains_key(p.name)) {
        Some(absent) => Err(params::missing(absent.name)),
        None => Ok(FetchArguments::new(values, defaults.clone())),
    }
}

/// What is fetched: one metric of a config.
struct Fetch {
    config: CanaryConfig,
    metric_index: usize,
    scope: CanaryScope,
}

impl Fetch {
    /// A query of its own under the name of the metric set.
    fn of_query((query, scope): (QueryConfig, CanaryScope), arguments: &FetchArguments) -> Self {
        let metric = MetricConfig {
            name: arguments.text("metricSetName"),
            query: Some(query),
            ..MetricConfig::default()
        };
        Self {
            config: CanaryConfig {
                metrics: Some(vec![metric]),
                ..CanaryConfig::default()
            },
            metric_index: 0,
            scope,
        }
    }

    /// The metric of a body or, unless the query is only to be shown, of the config in it.
    fn of_metric(
        body: NewRelicBody,
        scope: CanaryScope,
        arguments: &FetchArguments,
    ) -> Result<Self, ErrorResponse> {
        let given = body.canary_config.is_some();
        let mut config = body.canary_config.unwrap_or_default();
        let mut metric_index = 0;
        // The metric of the config is what is fetched; a dry run shows the body's own, with the config's
        // templates.
        if given && !arguments.flag("dryRun") {
            let index = arguments.integer("metricIndex").unwrap_or_default();
            let count = config.metrics().len();
            metric_index = usize::try_from(index)
                .ok()
                .filter(|index| *index < count)
                .ok_or_else(|| {
                    ErrorResponse::bad_request(format!(
                        "Index {index} out of bounds for length {count}"
                    ))
                })?;
        } else {
            config.metrics = Some(vec![body.canary_metric_config]);
        }
        Ok(Self {
            config,
            metric_index,
            scope,
        })
    }
}
