//! Pages of what went wrong.

use std::sync::Arc;

use askama::Template;
use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use http::StatusCode;
use kayenta_engine::{EngineError, EngineErrorKind};
use kayenta_report::Markup;
use kayenta_storage::StorageError;

use crate::state::PageState;

#[derive(Template)]
#[template(path = "problem.html")]
struct ProblemTemplate<'a> {
    text: &'a str,
    advice: &'a str,
}

/// What answers an address below the pages that none of them has.
pub(crate) async fn no_such_page(State(pages): State<Arc<PageState>>) -> Response {
    pages.problem(
        StatusCode::NOT_FOUND,
        "There is no such page",
        "None of the pages has this address.",
        "Check the address, or go on from the links above.",
    )
}

impl PageState {
    /// The page of an error of the engine.
    pub(crate) fn failed(&self, error: &EngineError) -> Response {
        let (status, title, advice) = match error.kind {
            EngineErrorKind::NotFound => (
                StatusCode::NOT_FOUND,
                "Not found",
                "Records are kept for a while only, and archives only where an account stores them. If another \
                 account than the default one has it, add ?storageAccountName= to the address.",
            ),
            EngineErrorKind::InvalidRequest => (
                StatusCode::BAD_REQUEST,
                "This cannot be shown",
                "Check the address; the list shows what there is.",
            ),
            _ => {
                tracing::warn!(%error, "a page could not be shown");
                (
                    StatusCode::SERVICE_UNAVAILABLE,
                    "This cannot be shown right now",
                    "A store does not answer. Try again; if it lasts, /health says which one.",
                )
            }
        };
        self.problem(status, title, &error.to_string(), advice)
    }

    /// The page of an error of a store of configs.
    pub(crate) fn storage_failed(&self, error: &StorageError) -> Response {
        if error.is_not_found() {
            return self.problem(
                StatusCode::NOT_FOUND,
                "There is no such config",
                &error.to_string(),
                "The list of configs shows what there is. Configs of another account than the default one need \
                 ?configurationAccountName= in the address.",
            );
        }
        tracing::warn!(%error, "a config could not be read or written");
        self.problem(
            StatusCode::SERVICE_UNAVAILABLE,
            "The config cannot be reached",
            &error.to_string(),
            "The store does not answer. Try again; if it lasts, /health says why.",
        )
    }

    /// The page for what could not be drawn; `route` has the data.
    pub(crate) fn not_drawn(&self, what: &str, route: &str) -> Response {
        self.problem(
            StatusCode::INTERNAL_SERVER_ERROR,
            &format!("This {what} cannot be drawn"),
            "Drawing it failed.",
            &format!("The log says more. GET {route} has the data."),
        )
    }

    pub(crate) fn problem(
        &self,
        status: StatusCode,
        title: &str,
        text: &str,
        advice: &str,
    ) -> Response {
        let body = Markup::of(&ProblemTemplate { text, advice });
        let page = self.page(title, &[self.to_list()], &body, false);
        (status, page).into_response()
    }
}
