//! HTTP statuses by name and by series.

/// Every status with a name and its code, after Spring's `HttpStatus`, older and later names of one code
/// included.
pub const NAMED_STATUSES: [(&str, u16); 71] = [
    ("CONTINUE", 100),
    ("SWITCHING_PROTOCOLS", 101),
    ("PROCESSING", 102),
    ("EARLY_HINTS", 103),
    ("CHECKPOINT", 103),
    ("OK", 200),
    ("CREATED", 201),
    ("ACCEPTED", 202),
    ("NON_AUTHORITATIVE_INFORMATION", 203),
    ("NO_CONTENT", 204),
    ("RESET_CONTENT", 205),
    ("PARTIAL_CONTENT", 206),
    ("MULTI_STATUS", 207),
    ("ALREADY_REPORTED", 208),
    ("IM_USED", 226),
    ("MULTIPLE_CHOICES", 300),
    ("MOVED_PERMANENTLY", 301),
    ("FOUND", 302),
    ("MOVED_TEMPORARILY", 302),
    ("SEE_OTHER", 303),
    ("NOT_MODIFIED", 304),
    ("USE_PROXY", 305),
    ("TEMPORARY_REDIRECT", 307),
    ("PERMANENT_REDIRECT", 308),
    ("BAD_REQUEST", 400),
    ("UNAUTHORIZED", 401),
    ("PAYMENT_REQUIRED", 402),
    ("FORBIDDEN", 403),
    ("NOT_FOUND", 404),
    ("METHOD_NOT_ALLOWED", 405),
    ("NOT_ACCEPTABLE", 406),
    ("PROXY_AUTHENTICATION_REQUIRED", 407),
    ("REQUEST_TIMEOUT", 408),
    ("CONFLICT", 409),
    ("GONE", 410),
    ("LENGTH_REQUIRED", 411),
    ("PRECONDITION_FAILED", 412),
    ("PAYLOAD_TOO_LARGE", 413),
    ("REQUEST_ENTITY_TOO_LARGE", 413),
    ("URI_TOO_LONG", 414),
    ("REQUEST_URI_TOO_LONG", 414),
    ("UNSUPPORTED_MEDIA_TYPE", 415),
    ("REQUESTED_RANGE_NOT_SATISFIABLE", 416),
    ("EXPECTATION_FAILED", 417),
    ("I_AM_A_TEAPOT", 418),
    ("INSUFFICIENT_SPACE_ON_RESOURCE", 419),
    ("METHOD_FAILURE", 420),
    ("DESTINATION_LOCKED", 421),
    ("UNPROCESSABLE_ENTITY", 422),
    ("LOCKED", 423),
    ("FAILED_DEPENDENCY", 424),
    ("TOO_EARLY", 425),
    ("UPGRADE_REQUIRED", 426),
    ("PRECONDITION_REQUIRED", 428),
    ("TOO_MANY_REQUESTS", 429),
    ("REQUEST_HEADER_FIELDS_TOO_LARGE", 431),
    ("UNAVAILABLE_FOR_LEGAL_REASONS", 451),
    ("INTERNAL_SERVER_ERROR", 500),
    ("NOT_IMPLEMENTED", 501),
    ("BAD_GATEWAY", 502),
    ("SERVICE_UNAVAILABLE", 503),
    ("GATEWAY_TIMEOUT", 504),
    ("HTTP_VERSION_NOT_SUPPORTED", 505),
    ("VARIANT_ALSO_NEGOTIATES", 506),
    ("INSUFFICIENT_STORAGE", 507),
    ("LOOP_DETECTED", 508),
    ("BANDWIDTH_LIMIT_EXCEEDED", 509),
    ("NOT_EXTENDED", 510),
    ("NETWORK_AUTHENTICATION_REQUIRED", 511),
    // Later names of 413 and 422.
    ("CONTENT_TOO_LARGE", 413),
    ("UNPROCESSABLE_CONTENT", 422),
];

/// Whether a status has a name.
pub(crate) fn is_named(status: u16) -> bool {
    NAMED_STATUSES.iter().any(|(_, known)| *known == status)
}

/// The code of a status by its number or its name. Case and everything but letters and digits do not
/// matter in a name: `TOO_MANY_REQUESTS` is `too-many-requests`.
#[must_use]
pub fn status_by_name(text: &str) -> Option<u16> {
    if let Ok(number) = text.trim().parse::<u16>() {
        return (100..=599).contains(&number).then_some(number);
    }
    let plain = |text: &str| -> String {
        text.chars()
            .filter(|c| c.is_alphanumeric())
            .flat_map(char::to_lowercase)
            .collect()
    };
    let wanted = plain(text);
    NAMED_STATUSES
        .iter()
        .find(|(name, _)| plain(name) == wanted)
        .map(|(_, code)| *code)
}

/// The hundreds of an HTTP status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StatusSeries {
    /// 1xx.
    Informational,
    /// 2xx.
    Successful,
    /// 3xx.
    Redirection,
    /// 4xx.
    ClientError,
    /// 5xx.
    ServerError,
}

impl StatusSeries {
    /// The series a status belongs to; `None` for numbers outside 100 to 599.
    #[must_use]
    pub fn of(status: u16) -> Option<Self> {
        match status / 100 {
            1 => Some(Self::Informational),
            2 => Some(Self::Successful),
            3 => Some(Self::Redirection),
            4 => Some(Self::ClientError),
            5 => Some(Self::ServerError),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_are_found_by_name_and_number() {
        for (text, code) in [
            ("TOO_MANY_REQUESTS", Some(429)),
            ("request-timeout", Some(408)),
            ("Content Too Large", Some(413)),
            ("423", Some(423)),
            ("99", None),
            ("600", None),
            ("TEAPOT", None),
        ] {
            assert_eq!(status_by_name(text), code, "{text}");
        }
    }

    #[test]
    fn series_end_where_statuses_do() {
        assert_eq!(StatusSeries::of(99), None);
        assert_eq!(StatusSeries::of(100), Some(StatusSeries::Informational));
        assert_eq!(StatusSeries::of(599), Some(StatusSeries::ServerError));
        assert_eq!(StatusSeries::of(600), None);
    }
}
