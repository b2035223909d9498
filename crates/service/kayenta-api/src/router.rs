//! Routes, document and transport put together.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use axum::{Router, middleware};
use kayenta_access::Guard;
use kayenta_engine::TraceCarrier;
use kayenta_management::ManagementOptions;
use kayenta_web::PageRoute;
use utoipa::openapi::{OpenApi, PathItem};
use utoipa_axum::router::OpenApiRouter;

use crate::{
    controllers,
    front::Front,
    json_schemas, openapi,
    options::ApiOptions,
    page_access::{PageAccess, RefusedPage},
    request_timers::RequestTimers,
    state::ApiState,
    transport::{self, RequestLayer},
};

/// Everything on the main port: the API, its document, and unless they have a port of their own the
/// management endpoints.
pub fn router(state: ApiState) -> Router {
    router_with_pages(state, None)
}

/// Pages for browsers on the main port, with the access control of the API in front of them.
pub struct PageRoutes {
    /// The pages.
    pub router: Router,
    /// Their routes.
    pub routes: Vec<PageRoute>,
    /// Where a browser is sent that asks for `/`.
    pub home: &'static str,
    /// Where a browser is sent that has to sign in first.
    pub sign_in: &'static str,
    /// Draws the page of a refused request: its status, and why.
    pub refused: RefusedPage,
}

impl std::fmt::Debug for PageRoutes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PageRoutes")
            .field("routes", &self.routes)
            .finish_non_exhaustive()
    }
}

/// As [`router`], with pages beside the API.
pub fn router_with_pages(state: ApiState, pages: Option<PageRoutes>) -> Router {
    let options = state.options();
    let (routes, document) = described(options).split_for_parts();
    let mut routes = routes.with_state(state.clone());
    let whole = openapi::completed(&document, options);
    routes = routes.merge(json_schemas::routes(&whole, options.configuration_schema));
    if options.swagger_enabled {
        routes = routes.merge(openapi::routes(whole, options));
    }
    finish(
        routes,
        &document,
        options,
        state.guard(),
        &options.context_path,
        pages,
        state.engine().traces(),
    )
}

/// The management endpoints alone, for a port of their own.
pub fn management_router(state: ApiState) -> Router {
    let options = state.options();
    let (routes, document) = with_management(
        OpenApiRouter::with_openapi(openapi::frame(&options.swagger_title)),
        &options.management,
    )
    .split_for_parts();
    finish(
        routes.with_state(state.clone()),
        &document,
        options,
        state.guard(),
        "",
        None,
        // Probes and scrapers alone.
        None,
    )
}

/// The routes of the main port with their description.
pub(crate) fn described(options: &ApiOptions) -> OpenApiRouter<ApiState> {
    let mut router = OpenApiRouter::with_openapi(openapi::frame(&options.swagger_title))
        .merge(controllers::routes(options));
    if options.spectator_enabled {
        router = router.merge(kayenta_management::spectator_routes());
    }
    if options.management.separate_port {
        router
    } else {
        with_management(router, &options.management)
    }
}

fn with_management(
    router: OpenApiRouter<ApiState>,
    options: &ManagementOptions,
) -> OpenApiRouter<ApiState> {
    let routes = kayenta_management::routes(&options.exposure);
    match options.base_path.trim_end_matches('/') {
        "" => router.merge(routes),
        base_path => router.nest(base_path, routes),
    }
}

/// Puts the transport around routes.
fn finish(
    mut routes: Router,
    document: &OpenApi,
    options: &ApiOptions,
    guard: Option<&Arc<Guard>>,
    context_path: &str,
    pages: Option<PageRoutes>,
    traces: Option<&Arc<dyn TraceCarrier>>,
) -> Router {
    let mut methods = declared_methods(document);
    let mut any_accept = any_accept_routes(document);
    let mut home = None;
    let pages = pages.map(|pages| {
        for route in &pages.routes {
            methods.insert(route.path.to_owned(), route.methods.to_vec());
            any_accept.insert(route.path.to_owned());
        }
        let context_path = context_path.trim_end_matches('/');
        home = Some(format!("{context_path}{}", pages.home));
        routes = std::mem::take(&mut routes).merge(pages.router);
        PageAccess::new(
            &pages.routes,
            format!("{context_path}{}", pages.sign_in),
            pages.refused,
        )
    });
    let transport = RequestLayer::new(
        options.cors.clone(),
        guard.map(Arc::clone),
        &methods,
        any_accept,
        pages,
        &options.management.base_path,
        RequestTimers::new(options.metric_stores.clone()),
    );
    let transport = Arc::new(transport.within(traces));
    let routes = routes
        .fallback(move |request| transport::unknown_path(home.clone(), request))
        .method_not_allowed_fallback(transport::wrong_method)
        .layer(middleware::from_fn_with_state(transport, transport::carry));
    Router::new().fallback_service(Front::new(routes, context_path))
}

fn declared_methods(document: &OpenApi) -> HashMap<String, Vec<&'static str>> {
    let mut methods: HashMap<String, Vec<&'static str>> = document
        .paths
        .paths
        .iter()
        .map(|(path, item)| (path.clone(), methods_of(item)))
        .collect();
    let undescribed = openapi::UI_ROUTES.iter().chain(&openapi::JSON_ROUTES);
    for path in undescribed.chain([&json_schemas::ROUTE]) {
        methods.insert((*path).to_owned(), vec!["GET"]);
    }
    methods
}

fn methods_of(item: &PathItem) -> Vec<&'static str> {
    [
        ("GET", item.get.is_some()),
        ("POST", item.post.is_some()),
        ("PUT", item.put.is_some()),
        ("DELETE", item.delete.is_some()),
    ]
    .into_iter()
    .filter_map(|(method, declared)| declared.then_some(method))
    .collect()
}

/// Management endpoints speak JSON of a type of their own, or text; they serve whatever is asked for.
fn any_accept_routes(document: &OpenApi) -> HashSet<String> {
    let is_management = |item: &PathItem| {
        [&item.get, &item.post]
            .into_iter()
            .flatten()
            .any(|operation| {
                operation
                    .tags
                    .as_ref()
                    .is_some_and(|tags| tags.iter().any(|tag| tag == "management"))
            })
    };
    document
        .paths
        .paths
        .iter()
        .filter(|(_, item)| is_management(item))
        .map(|(path, _)| path.clone())
        .chain(openapi::UI_ROUTES.map(str::to_owned))
        .chain([json_schemas::ROUTE.to_owned()])
        .collect()
}
