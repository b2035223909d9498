//! What happens to a path before it is routed: the context path comes off, one trailing slash is
//! forgiven, and paths no router should see are refused.

use std::{
    convert::Infallible,
    task::{Context, Poll},
};

use axum::{
    Router,
    extract::Request,
    response::{IntoResponse, Redirect, Response},
};
use http::{Uri, uri::PathAndQuery};
use kayenta_web::ErrorResponse;
use percent_encoding::percent_decode_str;
use tower::Service;

/// Why a request is not routed; the fallback answers it.
#[derive(Clone, Debug)]
pub(crate) enum Detour {
    /// The path contains characters that this API does not accept.
    BadPath(&'static str),
    /// Outside the context path.
    Outside,
    /// The bare context path.
    To(String),
}

impl IntoResponse for Detour {
    fn into_response(self) -> Response {
        match self {
            Self::BadPath(what) => ErrorResponse::bad_request(format!(
                "The request was rejected because the URL contains {what}."
            ))
            .into_response(),
            Self::Outside => ErrorResponse::no_such_path().into_response(),
            Self::To(target) => found(&target),
        }
    }
}

/// A 302, which axum's own redirects are not.
pub(crate) fn found(target: &str) -> Response {
    let mut response = Redirect::temporary(target).into_response();
    *response.status_mut() = http::StatusCode::FOUND;
    response
}

/// The router that the path rules protect.
#[derive(Clone, Debug)]
pub(crate) struct Front {
    routes: Router,
    context_path: String,
}

impl Front {
    pub(crate) fn new(routes: Router, context_path: &str) -> Self {
        Self {
            routes,
            context_path: context_path.trim_end_matches('/').to_owned(),
        }
    }

    fn prepare(&self, request: &mut Request) {
        let path = request.uri().path();
        if let Some(what) = problem(path) {
            detour(request, Detour::BadPath(what));
            return;
        }
        if percent_decode_str(path).decode_utf8().is_err() {
            detour(request, Detour::BadPath("bytes that are not UTF-8"));
            return;
        }
        let Some(local) = path.strip_prefix(self.context_path.as_str()) else {
            detour(request, Detour::Outside);
            return;
        };
        if local.is_empty() && !self.context_path.is_empty() {
            let target = format!("{}/", self.context_path);
            detour(request, Detour::To(target));
            return;
        }
        if !local.starts_with('/') {
            // `/kayentab` is not under `/kayenta`; neither is `*`.
            detour(request, Detour::Outside);
            return;
        }
        let bare = if local.len() > 1 && local.ends_with('/') && local != "/swagger-ui/" {
            &local[..local.len() - 1]
        } else {
            local
        };
        if bare.len() == path.len() {
            return;
        }
        let rewritten = match request.uri().query() {
            Some(query) => format!("{bare}?{query}"),
            None => bare.to_owned(),
        };
        match PathAndQuery::try_from(rewritten) {
            Ok(target) => *request.uri_mut() = Uri::from(target),
            Err(_) => detour(request, Detour::Outside),
        }
    }
}

fn detour(request: &mut Request, detour: Detour) {
    // No route lives at `/`, so the fallback gets it.
    *request.uri_mut() = Uri::from_static("/");
    request.extensions_mut().insert(detour);
}

/// What a path holds that it should not, if anything. The reference's firewall answers these with 500
/// or an HTML page; here they are 400 (C-API-03).
fn problem(path: &str) -> Option<&'static str> {
    let bytes = path.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        match bytes[at] {
            b';' => return Some("\";\""),
            b'\\' => return Some("a backslash"),
            b'/' if bytes.get(at + 1) == Some(&b'/') => return Some("\"//\""),
            b'/' if bytes.get(at + 1) == Some(&b'.') && is_dot_segment(&bytes[at + 1..]) => {
                return Some("a \".\" or \"..\" segment");
            }
            b'%' => {
                let code = bytes
                    .get(at + 1..at + 3)
                    .and_then(|digits| std::str::from_utf8(digits).ok())
                    .and_then(|digits| u8::from_str_radix(digits, 16).ok());
                match code {
                    None => return Some("\"%\" without two hexadecimal digits"),
                    Some(b'/' | b'\\') => return Some("an encoded slash"),
                    Some(b'%') => return Some("an encoded percent sign"),
                    Some(b';') => return Some("an encoded semicolon"),
                    Some(b'.') => return Some("an encoded dot"),
                    Some(control) if control.is_ascii_control() => {
                        return Some("an encoded control character");
                    }
                    Some(_) => at += 2,
                }
            }
            _ => {}
        }
        at += 1;
    }
    None
}

fn is_dot_segment(rest: &[u8]) -> bool {
    let end = rest.iter().position(|&b| b == b'/').unwrap_or(rest.len());
    matches!(&rest[..end], b"." | b"..")
}

impl Service<Request> for Front {
    type Response = Response;
    type Error = Infallible;
    type Future = axum::routing::future::RouteFuture<Infallible>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: Request) -> Self::Future {
        self.prepare(&mut request);
        self.routes.call(request)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dots_inside_names_are_fine_and_dot_segments_are_not() {
        for good in [
            "/canaryConfig/a.b.json",
            "/canaryConfig/.hidden",
            "/x/...",
            "/x/k%C3%A4se",
            "/x/a%20b",
        ] {
            assert_eq!(problem(good), None, "{good}");
        }
        for bad in [
            "/a;b",
            "//a",
            "/a//b",
            "/a/../b",
            "/a/.",
            "/a%2Fb",
            "/a%5cb",
            "/a%25",
            "/%2e%2e/x",
            "/a%0a",
            "/a%",
            "/a%zz",
            "/a%3Bb",
        ] {
            assert!(problem(bad).is_some(), "{bad}");
        }
    }
}
