//! What headers of answers say.

use std::time::Duration;

use chrono::{DateTime, Utc};
use http::{
    HeaderMap, HeaderName,
    header::{DATE, RETRY_AFTER},
};

/// The time in a header such as `Date` or `Last-Modified`.
#[must_use]
pub fn time(headers: &HeaderMap, name: &HeaderName) -> Option<DateTime<Utc>> {
    read_time(headers.get(name)?.to_str().ok()?)
}

/// `Retry-After` in seconds, or as a date measured against the answer's own `Date`.
#[must_use]
pub fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    (read_time(text)? - time(headers, &DATE)?).to_std().ok()
}

fn read_time(text: &str) -> Option<DateTime<Utc>> {
    Some(DateTime::parse_from_rfc2822(text).ok()?.to_utc())
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn retry_after_is_read_as_seconds_and_as_a_date() {
        let asked = |pairs: &[(HeaderName, &str)]| {
            let headers = pairs
                .iter()
                .map(|(name, value)| (name.clone(), HeaderValue::from_str(value).unwrap()))
                .collect();
            retry_after(&headers).map(|wait| wait.as_secs())
        };
        assert_eq!(asked(&[(RETRY_AFTER, " 7 ")]), Some(7));
        let date = (DATE, "Tue, 15 Nov 1994 08:12:31 GMT");
        let later = (RETRY_AFTER, "Tue, 15 Nov 1994 08:13:31 GMT");
        assert_eq!(asked(&[date.clone(), later.clone()]), Some(60));
        assert_eq!(asked(&[later]), None);
        assert_eq!(asked(&[(RETRY_AFTER, "soon")]), None);
        assert_eq!(asked(&[(RETRY_AFTER, "-1")]), None);
    }
}
