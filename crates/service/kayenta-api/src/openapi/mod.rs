//! The API document, in both versions, and its user interface.

mod complete;
mod schema;
mod swagger2;

use std::{io::Read, sync::Arc};

use axum::{
    Extension, Router,
    extract::Path,
    response::{IntoResponse, Response},
    routing::get,
};
use bytes::Bytes;
use flate2::read::GzDecoder;
use http::{HeaderMap, HeaderValue, header};
use kayenta_web::{ErrorResponse, accept};
use regex::Regex;
use serde_json::Value;
use utoipa::openapi::{Info, OpenApi, OpenApiBuilder, Tag, info::LicenseBuilder, tag::TagBuilder};
use utoipa_swagger_ui::Config;

pub(crate) use self::{
    complete::{Security, complete},
    swagger2::swagger_2,
};
use crate::{
    front::found,
    options::{ApiOptions, DEFAULT_TITLE},
};

/// Where the document is.
const DOCUMENT: &str = "/v3/api-docs";
/// Where it is as Swagger 2.0.
const DOCUMENT_2: &str = "/v2/api-docs";
/// Where the user interface looks for its settings.
const UI_SETTINGS: &str = "/v3/api-docs/swagger-config";

/// The paths of [`routes`] that answer JSON.
pub(crate) const JSON_ROUTES: [&str; 3] = [DOCUMENT, DOCUMENT_2, UI_SETTINGS];

pub(crate) fn as_value(document: &OpenApi) -> Value {
    serde_json::to_value(document).unwrap_or_default()
}

/// The document of one service, with what no route says of itself.
pub(crate) fn completed(document: &OpenApi, options: &ApiOptions) -> Value {
    let mut document = as_value(document);
    let security = if options.authentication.is_some() {
        Security::Required
    } else {
        Security::Open
    };
    complete(&mut document, options, security);
    document
}

/// C-API-19: leaves the paths that one of the patterns matches whole (`swagger.patterns`); all when there are
/// none. A pattern that is no regular expression matches nothing.
fn keep_matching(document: &mut Value, patterns: &[String]) {
    if patterns.is_empty() {
        return;
    }
    let patterns: Vec<Regex> = patterns
        .iter()
        .filter_map(|pattern| match Regex::new(&format!("^(?:{pattern})$")) {
            Ok(pattern) => Some(pattern),
            Err(error) => {
                tracing::warn!(%pattern, %error, "swagger.patterns: not a valid regular expression");
                None
            }
        })
        .collect();
    if let Some(paths) = document["paths"].as_object_mut() {
        paths.retain(|path, _| patterns.iter().any(|pattern| pattern.is_match(path)));
    }
}

/// The document before its routes: title, licence, tags.
pub(crate) fn frame(title: &str) -> OpenApi {
    let title = if title.is_empty() {
        DEFAULT_TITLE
    } else {
        title
    };
    OpenApiBuilder::new()
        .info(
            Info::builder()
                .title(title)
                .version(env!("CARGO_PKG_VERSION"))
                .description(Some(
                    "Compares the metrics of a canary with those of its baseline and judges whether \
                     the rollout may continue. Every client error includes a `message`.",
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
            tag("canary-config-controller", "What to compare and how to judge it"),
            tag("canary-controller", "Runs: one comparison over one time window"),
            tag(
                "standalone-canary-analysis-controller",
                "Analyses: runs at an interval over a lifetime, and one result",
            ),
            tag("canary-judges-controller", "Judges, and judging stored metric set pairs"),
            tag("metric-set-list-controller", "Fetched time series of one side"),
            tag("metric-set-pair-list-controller", "Fetched time series of both sides, in pairs"),
            tag("canary-result-archive-controller", "Archived results of runs and analyses"),
            tag("credentials-controller", "Accounts of metric and object stores"),
            tag("metrics-services-controller", "Metric store accounts"),
            tag("metrics-service-metadata-controller", "Metrics of a metric store"),
            tag("fetch", "Running one query of a metric store"),
            tag("pipeline-controller", "Runs and analyses as executions: cancel, delete"),
            tag("admin-controller", "Accepting new work, and dead letters"),
            tag("management", "Health, settings, log levels, meters"),
        ]))
        .build()
}

fn tag(name: &str, description: &str) -> Tag {
    TagBuilder::new()
        .name(name)
        .description(Some(description))
        .build()
}

/// Routes of the [whole document](completed) and of the user interface, none of which is in the document.
pub(crate) fn routes(mut document: Value, options: &ApiOptions) -> Router {
    let context_path = options.context_path.trim_end_matches('/');
    keep_matching(&mut document, &options.swagger_patterns);
    let json: Bytes = document.to_string().into();
    let json_2: Bytes = swagger_2(&document).to_string().into();
    let index = format!("{context_path}/swagger-ui/index.html");
    let document_url = format!("{context_path}{DOCUMENT}");
    let swagger_config: Bytes = serde_json::json!({
        "configUrl": format!("{context_path}{UI_SETTINGS}"),
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
        .route(DOCUMENT_2, get(move || async move { as_json(json_2) }))
        .route(
            UI_SETTINGS,
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
    headers: HeaderMap,
) -> Response {
    let file = match utoipa_swagger_ui::serve(&file, config) {
        Ok(Some(file)) => file,
        Ok(None) => return ErrorResponse::no_such_path().into_response(),
        Err(error) => return ErrorResponse::internal(error.to_string()).into_response(),
    };
    let content_type = match HeaderValue::from_str(&file.content_type) {
        Ok(content_type) => content_type,
        Err(error) => return ErrorResponse::internal(error.to_string()).into_response(),
    };
    let headers_sent = [
        (header::CONTENT_TYPE, content_type),
        (header::VARY, HeaderValue::from_static("accept-encoding")),
    ];
    if !file.gzpipped {
        return (headers_sent, file.bytes.into_owned()).into_response();
    }
    // The binary holds the files as browsers want them; few callers want them otherwise.
    if accept::takes_gzip(&headers) {
        let encoding = [(header::CONTENT_ENCODING, "gzip")];
        return (headers_sent, encoding, file.bytes.into_owned()).into_response();
    }
    let mut plain = Vec::new();
    match GzDecoder::new(&*file.bytes).read_to_end(&mut plain) {
        Ok(_) => (headers_sent, plain).into_response(),
        Err(error) => ErrorResponse::internal(error.to_string()).into_response(),
    }
}
