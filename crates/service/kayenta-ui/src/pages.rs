//! The routes.

use std::sync::Arc;

use axum::{
    Router, middleware,
    response::Response,
    routing::{MethodRouter, get, post},
};
use http::StatusCode;
use kayenta_access::Guard;
use kayenta_engine::Engine;
use kayenta_web::PageRoute;
use tokio::sync::Semaphore;

use crate::{
    accounts, actions, analysis, assets, compare, config_catalogues::ConfigCatalogues, configs,
    editor, history, list, new_analysis, options::PagesOptions, problem, run, shell, sign_in,
    state::PageState, visitor, what_if,
};

/// Where a browser is sent that asks for `/`.
pub const HOME: &str = "/ui";
/// Where a browser signs in.
pub const SIGN_IN: &str = "/ui/sign-in";

type Handlers = MethodRouter<Arc<PageState>>;

/// A page.
fn page(path: &'static str, handlers: Handlers) -> (PageRoute, Handlers) {
    with_methods(path, &["GET"], handlers)
}

/// A page whose form posts to its own address.
fn form(path: &'static str, handlers: Handlers) -> (PageRoute, Handlers) {
    with_methods(path, &["GET", "POST"], handlers)
}

/// What the form of another page posts to.
fn action(path: &'static str, handlers: Handlers) -> (PageRoute, Handlers) {
    with_methods(path, &["POST"], handlers)
}

fn with_methods(
    path: &'static str,
    methods: &'static [&'static str],
    handlers: Handlers,
) -> (PageRoute, Handlers) {
    let route = PageRoute {
        path,
        methods,
        open: false,
    };
    (route, handlers)
}

/// One that answers everybody.
fn open((route, handlers): (PageRoute, Handlers)) -> (PageRoute, Handlers) {
    (
        PageRoute {
            open: true,
            ..route
        },
        handlers,
    )
}

/// Every route with what answers it.
fn table() -> Vec<(PageRoute, Handlers)> {
    vec![
        page(HOME, get(list::show)),
        page("/ui/runs/{id}", get(run::show)),
        page("/ui/runs/{id}/report.html", get(run::report)),
        page("/ui/runs/{id}/metric.csv", get(run::csv)),
        page("/ui/runs/{id}/metric.svg", get(run::svg)),
        page("/ui/runs/{id}/what-if", get(what_if::show)),
        page("/ui/compare", get(compare::show)),
        action("/ui/runs/{id}/cancel", post(actions::cancel_run)),
        action("/ui/runs/{id}/again", post(actions::run_again)),
        page("/ui/configs", get(configs::show)),
        form("/ui/configs/{id}", get(editor::show).post(editor::act)),
        page("/ui/configs/{id}/history", get(history::show)),
        form(
            "/ui/new-config",
            get(editor::show_new).post(editor::act_new),
        ),
        form("/ui/new", get(new_analysis::show).post(new_analysis::act)),
        page("/ui/analyses/{id}", get(analysis::show)),
        page("/ui/analyses/{id}/report.html", get(analysis::report)),
        action("/ui/analyses/{id}/cancel", post(actions::cancel_analysis)),
        action("/ui/analyses/{id}/again", post(actions::analysis_again)),
        page("/ui/accounts", get(accounts::show)),
        action("/ui/accounts/{name}/try", post(accounts::try_again)),
        open(form(SIGN_IN, get(sign_in::show).post(sign_in::sign_in))),
        open(form(
            "/ui/sign-out",
            get(sign_in::ask_to_sign_out).post(sign_in::sign_out),
        )),
        open(page("/ui/assets/{file}", get(assets::file))),
        page("/ui/{*path}", get(problem::no_such_page)),
    ]
}

/// The pages. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Pages(Arc<PageState>);

impl Pages {
    /// The pages of what this engine does. `guard` is the one that stands before them.
    pub fn new(
        engine: Engine,
        guard: Option<Arc<Guard>>,
        configs: ConfigCatalogues,
        options: PagesOptions,
    ) -> Self {
        let root = format!("{}{HOME}", options.context_path.trim_end_matches('/'));
        Self(Arc::new(PageState {
            engine,
            guard,
            options,
            root,
            evidence: crate::cache::EvidenceCache::default(),
            configs,
            previews: Semaphore::new(editor::AT_A_TIME),
            accounts: crate::account_watch::AccountWatch::default(),
        }))
    }

    /// Every route.
    #[must_use]
    pub fn routes(&self) -> Vec<PageRoute> {
        table().into_iter().map(|(route, _)| route).collect()
    }

    /// What answers them.
    pub fn router(&self) -> Router {
        let mut router = Router::new();
        for (route, handlers) in table() {
            router = router.route(route.path, handlers);
        }
        router
            .layer(middleware::from_fn_with_state(
                Arc::clone(&self.0),
                visitor::admit,
            ))
            .layer(middleware::map_response(shell::protect))
            .with_state(Arc::clone(&self.0))
    }

    /// The page of a request that is refused before it reaches the pages.
    pub fn refused(&self, status: StatusCode, why: &str) -> Response {
        let advice = if status == StatusCode::UNAUTHORIZED {
            "You are not signed in any more. Sign in in another tab, then send the form again from a page opened afterwards."
        } else {
            "An operator of the service can give you the role; signing in as somebody else may help."
        };
        shell::protected(self.0.problem(status, "Access is denied", why, advice))
    }
}
