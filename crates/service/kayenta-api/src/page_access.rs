//! What the access control does for pages that it does not do for the API: a browser that has not signed in is sent to the
//! page for it, and who is refused reads a page.

use std::{collections::HashMap, fmt};

use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use kayenta_web::{ErrorResponse, PageRoute, RefusalText, accept};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

/// Draws the page of a refused request.
pub type RefusedPage = Box<dyn Fn(StatusCode, &str) -> Response + Send + Sync>;

/// The routes of pages, and what happens to callers that are refused.
pub(crate) struct PageAccess {
    open: HashMap<&'static str, bool>,
    sign_in: String,
    refused: RefusedPage,
}

impl fmt::Debug for PageAccess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PageAccess")
            .field("open", &self.open)
            .finish_non_exhaustive()
    }
}

impl PageAccess {
    /// `sign_in` is the address of the page for signing in, with the context path.
    pub(crate) fn new(routes: &[PageRoute], sign_in: String, refused: RefusedPage) -> Self {
        Self {
            open: routes
                .iter()
                .map(|route| (route.path, route.open))
                .collect(),
            sign_in,
            refused,
        }
    }

    /// Whether the route is one of a page.
    pub(crate) fn has(&self, route: &str) -> bool {
        self.open.contains_key(route)
    }

    /// Whether the route answers everybody.
    pub(crate) fn is_open(&self, route: &str) -> bool {
        self.open.get(route) == Some(&true)
    }

    /// The answer to a refused request for a page; programs get what the API answers.
    pub(crate) fn refuse(
        &self,
        method: &Method,
        uri: &Uri,
        headers: &HeaderMap,
        error: ErrorResponse,
    ) -> Response {
        if !accept::names(headers, "text/html") {
            return error.into_response();
        }
        let status = error.status();
        if status == StatusCode::UNAUTHORIZED && matches!(*method, Method::GET | Method::HEAD) {
            let next = uri.path_and_query().map_or("/", |next| next.as_str());
            let next = utf8_percent_encode(next, NON_ALPHANUMERIC);
            let target = format!("{}?next={next}", self.sign_in);
            if let Ok(target) = HeaderValue::try_from(target) {
                return (StatusCode::SEE_OTHER, [(header::LOCATION, target)]).into_response();
            }
        }
        let mut response = (self.refused)(status, error.message());
        if status == StatusCode::UNAUTHORIZED {
            // One that no browser opens a dialog for.
            let challenge = HeaderValue::from_static("Bearer realm=\"kayenta\"");
            response
                .headers_mut()
                .insert(header::WWW_AUTHENTICATE, challenge);
        }
        let text = RefusalText(error.message().to_owned());
        response.extensions_mut().insert(text);
        response
    }
}
