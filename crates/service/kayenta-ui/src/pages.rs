//! The routes.

use std::sync::Arc;

use axum::{Router, middleware, routing::get};
use kayenta_engine::Engine;

use crate::{analysis, assets, list, run, shell, state::Pages};

/// Every route of the pages, as a router matches it.
pub const PAGE_ROUTES: [&str; 7] = [
    "/ui",
    "/ui/runs/{id}",
    "/ui/runs/{id}/report.html",
    "/ui/runs/{id}/metric.csv",
    "/ui/analyses/{id}",
    "/ui/analyses/{id}/report.html",
    "/ui/assets/{file}",
];

/// What an operator can set about the pages.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PagesOptions {
    /// `server.servlet.context-path`, before every link; empty for none.
    pub context_path: String,
}

/// The pages.
pub fn routes(engine: Engine, options: PagesOptions) -> Router {
    let pages = Arc::new(Pages {
        engine,
        root: format!("{}/ui", options.context_path.trim_end_matches('/')),
        evidence: crate::cache::EvidenceCache::default(),
    });
    let [
        list,
        run,
        run_report,
        csv,
        analysis,
        analysis_report,
        assets,
    ] = PAGE_ROUTES;
    Router::new()
        .route(list, get(list::show))
        .route(run, get(run::show))
        .route(run_report, get(run::report))
        .route(csv, get(run::csv))
        .route(analysis, get(analysis::show))
        .route(analysis_report, get(analysis::report))
        .route(assets, get(assets::file))
        .layer(middleware::map_response(shell::protect))
        .with_state(pages)
}
