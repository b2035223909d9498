//! What goes around every answer beside the API's own layer: compression, and the switch for the
//! security headers.

use axum::{
    Router,
    extract::Request,
    http::{HeaderName, header},
    middleware::{self, Next},
    response::Response,
};
use kayenta_config::Settings;
use kayenta_web::report_times_as_numbers;

use super::compressed::compressed;

/// The headers `kayenta.security.enabled: false` takes away, as in the reference.
const SECURITY_HEADERS: [HeaderName; 6] = [
    header::X_CONTENT_TYPE_OPTIONS,
    header::X_XSS_PROTECTION,
    header::CACHE_CONTROL,
    header::PRAGMA,
    header::EXPIRES,
    header::X_FRAME_OPTIONS,
];

/// The routes with what the settings put around them.
pub(crate) fn around(routes: Router, settings: &Settings) -> Router {
    let mut routes = routes;
    if settings.serialization.dates_as_numbers {
        routes = routes.layer(middleware::map_response(report_times_as_numbers));
    }
    if !settings.security.headers {
        routes = routes.layer(middleware::from_fn(without_security_headers));
    }
    if let Some(compression) = &settings.server.compression {
        routes = compressed(routes, compression);
    }
    routes
}

async fn without_security_headers(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    for name in SECURITY_HEADERS {
        response.headers_mut().remove(name);
    }
    response
}
