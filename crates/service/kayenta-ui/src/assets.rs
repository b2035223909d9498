//! The files beside the pages.

use axum::{
    extract::Path,
    response::{IntoResponse, Response},
};
use http::{HeaderValue, StatusCode, header};
use kayenta_report::STYLE as REPORT_STYLE;

pub(crate) const STYLE: &str = "kayenta.css";
pub(crate) const SCRIPT: &str = "kayenta.js";

const PAGE_STYLE: &str = include_str!("../assets/kayenta.css");
/// The script of every page, and the modules it imports.
const SCRIPTS: [(&str, &str); 3] = [
    ("editor.js", include_str!("../assets/editor.js")),
    (SCRIPT, include_str!("../assets/kayenta.js")),
    ("chart.js", include_str!("../assets/chart.js")),
];

/// Where a file is; another version of this service has another address, so that no browser keeps an old one.
pub(crate) fn address(root: &str, file: &str) -> String {
    format!("{root}/assets/{file}?v={}", env!("CARGO_PKG_VERSION"))
}

pub(crate) async fn file(Path(file): Path<String>) -> Response {
    let script = SCRIPTS.iter().find(|(name, _)| *name == file);
    let (kind, text) = match script {
        Some((_, script)) => ("text/javascript; charset=utf-8", (*script).to_owned()),
        None if file == STYLE => (
            "text/css; charset=utf-8",
            format!("{REPORT_STYLE}{PAGE_STYLE}"),
        ),
        None => return StatusCode::NOT_FOUND.into_response(),
    };
    let mut response = text.into_response();
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}
