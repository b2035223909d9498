//! The API document and its user interface.

use std::sync::Arc;

use axum::{
    Extension, Router,
    extract::Path,
    response::{IntoResponse, Response},
    routing::get,
};
use bytes::Bytes;
use http::{HeaderValue, StatusCode, header};
use utoipa::openapi::{Info, OpenApi, OpenApiBuilder, Tag, info::LicenseBuilder, tag::TagBuilder};
use utoipa_swagger_ui::Config;

use crate::{
    error::ApiError,
    front::found,
    options::{ApiOptions, Exposure},
};

/// Where the document is.
const DOCUMENT: &str = "/v3/api-docs";

/// The metric stores with a fetch route.
const FETCH_STORES: [&str; 8] = [
    "prometheus",
    "stackdriver",
    "datadog",
    "graphite",
    "newrelic",
    "wavefront",
    "influxdb",
    "atlas",
];

/// The API document with every route the service can have, whatever is switched on.
#[must_use]
pub fn document() -> OpenApi {
    let mut options = ApiOptions {
        fetch_stores: FETCH_STORES.map(str::to_owned).into(),
        ..ApiOptions::default()
    };
    options.management.exposure = Exposure::all();
    crate::router::described(&options).into_openapi()
}

/// The document before its routes: title, licence, tags.
pub(crate) fn frame(title: &str) -> OpenApi {
    OpenApiBuilder::new()
        .info(
            Info::builder()
                .title(title)
                .version(env!("CARGO_PKG_VERSION"))
                .description(Some(
                    "Compares a canary with its baseline by their metrics, and judges whether it may \
                     go on. Every error that the caller can mend comes with a `message`.",
                ))
                .license(Some(
                    LicenseBuilder::new()
                        .name("Apache-2.0")
                        .identifier(Some("Apache-2.0"))
                        .build(),
                ))
                .build(),
        )
        .tags(Some([
            tag("canary configs", "What to compare and how to judge it"),
            tag("canary runs", "One comparison over one window"),
            tag("standalone analyses", "Comparisons again and again over a lifetime, and one verdict"),
            tag("judges", "Who judges, and judging stored series again"),
            tag("metric sets", "Fetched series"),
            tag("archive", "Finished runs, kept for good"),
            tag("accounts", "Metric and object stores"),
            tag("fetch", "Trying out a query of a metric store"),
            tag("executions", "Runs and analyses as such: cancel, forget"),
            tag("management", "Health, settings, log levels, measurements"),
        ]))
        .build()
}

fn tag(name: &str, description: &str) -> Tag {
    TagBuilder::new()
        .name(name)
        .description(Some(description))
        .build()
}

/// Routes of the document and of the user interface, none of which is in the document.
pub(crate) fn routes(document: &OpenApi, context_path: &str) -> Router {
    let json: Bytes = document.to_json().unwrap_or_default().into();
    let index = format!("{context_path}/swagger-ui/index.html");
    let document_url = format!("{context_path}{DOCUMENT}");
    let swagger_config: Bytes = serde_json::json!({
        "configUrl": format!("{document_url}/swagger-config"),
        "url": document_url,
        "validatorUrl": "",
    })
    .to_string()
    .into();
    let config = Arc::new(Config::from(document_url));
    let to_index = move || {
        let target = index.clone();
        async move { found(&target) }
    };
    Router::new()
        .route(DOCUMENT, get(move || async move { as_json(json) }))
        .route(
            "/v3/api-docs/swagger-config",
            get(move || async move { as_json(swagger_config) }),
        )
        .route("/swagger-ui.html", get(to_index.clone()))
        .route("/swagger-ui", get(to_index.clone()))
        .route("/swagger-ui/", get(to_index))
        .route(
            "/swagger-ui/{*file}",
            get(swagger_file).layer(Extension(config)),
        )
}

/// The paths of [`routes`] that answer something other than JSON.
pub(crate) const UI_ROUTES: [&str; 4] = [
    "/swagger-ui.html",
    "/swagger-ui",
    "/swagger-ui/",
    "/swagger-ui/{*file}",
];

fn as_json(bytes: Bytes) -> Response {
    let content_type = HeaderValue::from_static("application/json");
    ([(header::CONTENT_TYPE, content_type)], bytes).into_response()
}

async fn swagger_file(
    Path(file): Path<String>,
    Extension(config): Extension<Arc<Config<'static>>>,
) -> Response {
    match utoipa_swagger_ui::serve(&file, config) {
        Ok(Some(file)) => {
            let mut response = (StatusCode::OK, file.bytes.into_owned()).into_response();
            if let Ok(content_type) = HeaderValue::from_str(&file.content_type) {
                response
                    .headers_mut()
                    .insert(header::CONTENT_TYPE, content_type);
            }
            if file.gzpipped {
                response
                    .headers_mut()
                    .insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
            }
            response
        }
        Ok(None) => ApiError::no_such_path().into_response(),
        Err(error) => ApiError::internal(error.to_string()).into_response(),
    }
}
