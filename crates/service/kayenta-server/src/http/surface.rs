//! What goes around every answer beside the API's own layer: compression, and the switch for the
//! security headers.

use std::sync::Arc;

use axum::{
    Router,
    body::HttpBody,
    extract::Request,
    http::{self, HeaderName, header},
    middleware::{self, Next},
    response::Response,
};
use kayenta_config::Settings;
use kayenta_settings::CompressionSettings;
use kayenta_web::report_times_as_numbers;
use tower_http::compression::{CompressionLayer, Predicate, predicate::SizeAbove};

/// The headers `kayenta.security.enabled: false` takes away, as in the reference.
const SECURITY_HEADERS: [HeaderName; 6] = [
    header::X_CONTENT_TYPE_OPTIONS,
    header::X_XSS_PROTECTION,
    header::CACHE_CONTROL,
    header::PRAGMA,
    header::EXPIRES,
    header::X_FRAME_OPTIONS,
];

/// Content types compressed unless the operator names others: Spring Boot's list.
const COMPRESSED: [&str; 8] = [
    "text/html",
    "text/xml",
    "text/plain",
    "text/css",
    "text/javascript",
    "application/javascript",
    "application/json",
    "application/xml",
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
        routes = routes.layer(compression_layer(compression));
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

/// Compresses answers of some types.
#[derive(Clone, Debug)]
struct OfTypes(Arc<Vec<String>>);

impl Predicate for OfTypes {
    fn should_compress<B: HttpBody>(&self, response: &http::Response<B>) -> bool {
        let Some(content_type) = response.headers().get(header::CONTENT_TYPE) else {
            return false;
        };
        let content_type = content_type.to_str().unwrap_or_default();
        let essence = content_type.split(';').next().unwrap_or_default().trim();
        self.0
            .iter()
            .any(|known| known.eq_ignore_ascii_case(essence))
    }
}

fn compression_layer(settings: &CompressionSettings) -> CompressionLayer<impl Predicate + use<>> {
    let types = if settings.mime_types.is_empty() {
        COMPRESSED.map(str::to_owned).to_vec()
    } else {
        settings.mime_types.clone()
    };
    let predicate = SizeAbove::new(settings.min_response_bytes).and(OfTypes(Arc::new(types)));
    CompressionLayer::new().gzip(true).compress_when(predicate)
}
