//! What surrounds every page, and the headers that protect it.

use askama::Template;
use axum::response::{Html, IntoResponse, Response};
use http::{HeaderValue, header};
use kayenta_report::Markup;

use crate::{assets, state::PageState};

/// Nothing inline, nothing from elsewhere.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
     form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
);

#[derive(Template)]
#[template(path = "shell.html")]
struct ShellTemplate<'a> {
    root: &'a str,
    style: String,
    script: String,
    title: &'a str,
    trail: &'a [Crumb],
    body: &'a Markup,
    live: bool,
    /// Whether there are links to other pages: not before somebody has signed in.
    links: bool,
    guarded: bool,
}

/// A page above this one.
#[derive(Clone, Debug)]
pub(crate) struct Crumb {
    pub(crate) text: String,
    pub(crate) href: String,
}

impl PageState {
    /// A page. `live` ones are under way: the script fetches them again every few seconds.
    pub(crate) fn page(&self, title: &str, trail: &[Crumb], body: &Markup, live: bool) -> Response {
        self.framed(title, trail, body, live, true)
    }

    /// A page for somebody who may not see the others yet.
    pub(crate) fn entrance(&self, title: &str, body: &Markup) -> Response {
        self.framed(title, &[], body, false, false)
    }

    fn framed(
        &self,
        title: &str,
        trail: &[Crumb],
        body: &Markup,
        live: bool,
        links: bool,
    ) -> Response {
        let template = ShellTemplate {
            root: &self.root,
            style: assets::address(&self.root, assets::STYLE),
            script: assets::address(&self.root, assets::SCRIPT),
            title,
            trail,
            body,
            live,
            links,
            guarded: self.guard.is_some(),
        };
        Html(Markup::of(&template).into_string()).into_response()
    }

    /// The way back to the list.
    pub(crate) fn to_list(&self) -> Crumb {
        Crumb {
            text: "Runs".to_owned(),
            href: self.root.clone(),
        }
    }
}

/// Draws on a thread for computing: a page of hundreds of metrics takes milliseconds. `None` when drawing
/// panics, which the log says.
pub(crate) async fn drawn<T: Send + 'static>(
    draw: impl FnOnce() -> T + Send + 'static,
) -> Option<T> {
    kayenta_limits::compute_short(draw)
        .await
        .inspect_err(|error| tracing::error!(%error, "drawing a page failed"))
        .ok()
}

/// Adds the headers of pages to whatever has none of its own.
pub(crate) async fn protect(response: Response) -> Response {
    protected(response)
}

/// The response with the headers of pages.
pub(crate) fn protected(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers
        .entry(header::CONTENT_SECURITY_POLICY)
        .or_insert(POLICY);
    headers.insert(
        header::REFERRER_POLICY,
        // Not `no-referrer`, under which browsers send the forms of the pages with `Origin: null`.
        HeaderValue::from_static("same-origin"),
    );
    headers.insert(
        "cross-origin-opener-policy",
        HeaderValue::from_static("same-origin"),
    );
    headers.insert(
        "cross-origin-resource-policy",
        HeaderValue::from_static("same-origin"),
    );
    response
}

/// The name of a file: the parts as far as every system takes them, with hyphens between.
pub(crate) fn file_name(parts: &[&str], ending: &str) -> String {
    let words = parts.iter().flat_map(|part| {
        let kept = part.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        let words: String = kept
            .filter(|word| !word.is_empty())
            .collect::<Vec<_>>()
            .join("-");
        (!words.is_empty()).then(|| words[..words.len().min(80)].to_owned())
    });
    format!("{}.{ending}", words.collect::<Vec<_>>().join("-"))
}

/// A report as a file to keep: it has its style within it, and may do nothing else.
pub(crate) fn download(name: &str, id: &str, html: String) -> Response {
    let name = file_name(&[name, id], "html");
    let disposition = format!("attachment; filename=\"{name}\"");
    let mut response = Html(html).into_response();
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static("default-src 'none'; style-src 'unsafe-inline'; sandbox"),
    );
    if let Ok(disposition) = HeaderValue::from_str(&disposition) {
        headers.insert(header::CONTENT_DISPOSITION, disposition);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_named_after_run_and_metric_whatever_those_are_called() {
        assert_eq!(
            file_name(&["01M8", "latency p99 (pod=a/b)"], "svg"),
            "01M8-latency-p99-pod-a-b.svg"
        );
        assert_eq!(
            file_name(&["01M8", "\u{202e}..\"/\u{e9}"], "csv"),
            "01M8.csv"
        );
        let long = file_name(&["01M8", &"n".repeat(4000)], "png");
        assert_eq!(long.len(), "01M8-.png".len() + 80);
    }
}
