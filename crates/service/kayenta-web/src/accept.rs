//! Which responses a caller accepts.

use http::{HeaderMap, header};

/// Whether an answer in `application/json` suits the request's `Accept` headers. None at all means
/// anything; text that cannot be understood means nothing.
pub fn takes_json(headers: &HeaderMap) -> bool {
    let mut values = headers.get_all(header::ACCEPT).iter().peekable();
    if values.peek().is_none() {
        return true;
    }
    let mut found = false;
    for value in values {
        let Ok(text) = value.to_str() else {
            return false;
        };
        for range in text.split(',') {
            match range_takes_json(range) {
                Some(takes) => found |= takes,
                None => return false,
            }
        }
    }
    found
}

/// Whether the caller asks for exactly this type, parameters aside.
pub fn names(headers: &HeaderMap, media_type: &str) -> bool {
    headers
        .get_all(header::ACCEPT)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|text| text.split(','))
        .any(|range| {
            range
                .split(';')
                .next()
                .is_some_and(|kind| kind.trim().eq_ignore_ascii_case(media_type))
        })
}

/// Whether a media range covers JSON; `None` if it is no media range.
fn range_takes_json(range: &str) -> Option<bool> {
    let mut parts = range.split(';');
    let kind = parts.next()?.trim();
    if kind == "*" {
        return Some(true);
    }
    let (main, sub) = kind.split_once('/')?;
    if main.is_empty() || sub.is_empty() || (main == "*" && sub != "*") {
        return None;
    }
    let refused = parts.any(refuses);
    let covers = main == "*"
        || (main.eq_ignore_ascii_case("application")
            && (sub == "*"
                || sub.eq_ignore_ascii_case("json")
                || sub.eq_ignore_ascii_case("*+json")));
    Some(covers && !refused)
}

/// Whether a body may be sent as gzip.
pub fn takes_gzip(headers: &HeaderMap) -> bool {
    headers
        .get_all(header::ACCEPT_ENCODING)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|text| text.split(','))
        .any(|coding| {
            let mut parts = coding.split(';');
            let named = parts
                .next()
                .is_some_and(|name| name.trim().eq_ignore_ascii_case("gzip"));
            named && !parts.any(refuses)
        })
}

/// Whether a parameter says that what it belongs to is not wanted.
fn refuses(parameter: &str) -> bool {
    parameter
        .trim()
        .strip_prefix("q=")
        .and_then(|quality| quality.trim().parse::<f32>().ok())
        == Some(0.0)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn takes(accept: &'static str) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT, HeaderValue::from_static(accept));
        takes_json(&headers)
    }

    #[test]
    fn browsers_and_json_clients_are_served() {
        assert!(takes_json(&HeaderMap::new()));
        for accept in [
            "*/*",
            "application/*",
            "application/json",
            "application/*+json",
            "application/json;charset=utf-8",
            "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
        ] {
            assert!(takes(accept), "{accept}");
        }
    }

    #[test]
    fn other_types_and_nonsense_are_not() {
        for accept in [
            "text/html",
            "application/xml",
            "nonsense",
            "application/json;q=0",
            "*/json",
            "/",
        ] {
            assert!(!takes(accept), "{accept}");
        }
    }
}
