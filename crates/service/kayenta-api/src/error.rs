//! Which HTTP status an error of the engine, of a store or of a metric store has.

use std::error::Error;

use axum::response::{IntoResponse, Response};
use kayenta_engine::{EngineError, EngineErrorKind};
use kayenta_errors::with_causes;
use kayenta_limits::NoMemory;
use kayenta_metrics::{FetchError, FetchErrorKind};
use kayenta_storage::{StorageError, StorageErrorKind};
use kayenta_web::ErrorResponse;

/// A failed request. `?` turns errors of the engine, of a store or of a metric store into one, and logs
/// those that are not the caller's fault.
#[derive(Debug)]
pub struct ApiError(ErrorResponse);

impl ApiError {
    /// The same as 400 if it is a 404: deleting what does not exist (C-API-01: the reference answers a
    /// missing object on DELETE with 400).
    pub(crate) fn missing_as_bad_request(self) -> Self {
        Self(self.0.missing_as_bad_request())
    }
}

impl From<ErrorResponse> for ApiError {
    fn from(response: ErrorResponse) -> Self {
        Self(response)
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        self.0.into_response()
    }
}

/// The answer to a request that failed for want of memory, if that is the cause.
fn no_memory(error: &(dyn Error + 'static)) -> Option<ErrorResponse> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(full) = error.downcast_ref::<NoMemory>() {
            tracing::warn!("{full}");
            return Some(ErrorResponse::no_memory(full));
        }
        cause = error.source();
    }
    None
}

/// Logs what is not the caller's fault, with all its causes, where it is turned into a response.
fn log_failure(what: &str, error: &(dyn Error + 'static)) {
    tracing::error!("{}", with_causes(format!("{what}: {error}"), error));
}

/// Storage failures beyond the caller's reach are 5xx here, where the reference says 400 (C-API-02).
impl From<StorageError> for ApiError {
    fn from(error: StorageError) -> Self {
        Self(match error.kind {
            StorageErrorKind::NotFound => ErrorResponse::not_found(error.message),
            StorageErrorKind::Invalid => ErrorResponse::bad_request(error.message),
            // C-STORE-11
            StorageErrorKind::Conflict => ErrorResponse::conflict(error.message),
            StorageErrorKind::Unavailable => match no_memory(&error) {
                Some(busy) => busy,
                None => {
                    log_failure("object store does not answer", &error);
                    ErrorResponse::unavailable(error.message)
                }
            },
            StorageErrorKind::Denied | StorageErrorKind::Corrupt | StorageErrorKind::Other => {
                log_failure("object store failed", &error);
                ErrorResponse::internal(error.message)
            }
        })
    }
}

impl From<FetchError> for ApiError {
    fn from(error: FetchError) -> Self {
        Self(match &error.kind {
            FetchErrorKind::Invalid => ErrorResponse::bad_request(error.message),
            FetchErrorKind::Http { status, .. } => {
                log_failure("metric store refused", &error);
                ErrorResponse::remote(*status, error.message)
            }
            FetchErrorKind::Network { .. }
            | FetchErrorKind::Answer { .. }
            | FetchErrorKind::Refused { .. }
            | FetchErrorKind::Incomplete
            | FetchErrorKind::Canceled => {
                log_failure("metric store failed", &error);
                ErrorResponse::internal(error.message)
            }
        })
    }
}

impl From<EngineError> for ApiError {
    fn from(error: EngineError) -> Self {
        Self(match error.kind {
            EngineErrorKind::InvalidRequest | EngineErrorKind::Conflict => {
                ErrorResponse::bad_request(error.message).with_known_accounts(error.known_accounts)
            }
            EngineErrorKind::NotFound => ErrorResponse::not_found(error.message),
            EngineErrorKind::Unavailable => match no_memory(&error) {
                Some(busy) => busy,
                None => {
                    log_failure("a store or the queue does not answer", &error);
                    ErrorResponse::unavailable(error.message)
                }
            },
            EngineErrorKind::Upstream { status } => {
                log_failure("a metric store or remote judge failed", &error);
                match status {
                    Some(status) => ErrorResponse::remote(status, error.message),
                    None => ErrorResponse::internal(error.message),
                }
            }
            EngineErrorKind::Internal => {
                log_failure("request failed", &error);
                ErrorResponse::internal(error.message)
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(error: impl Into<ApiError>) -> u16 {
        error.into().0.status().as_u16()
    }

    #[test]
    fn the_status_of_a_metric_store_is_passed_on() {
        let http = |status| {
            FetchError::new(
                FetchErrorKind::Http {
                    status,
                    url: "http://p/".to_owned(),
                    reason: "x".to_owned(),
                },
                "Status",
            )
        };
        assert_eq!(status(http(400)), 400);
        assert_eq!(status(http(503)), 503);
        assert_eq!(status(http(302)), 500);
    }

    /// C-API-02.
    #[test]
    fn store_failures_keep_their_meaning() {
        let of_kind = |kind| status(StorageError::new(kind, "x"));
        assert_eq!(of_kind(StorageErrorKind::NotFound), 404);
        assert_eq!(of_kind(StorageErrorKind::Conflict), 409);
        assert_eq!(of_kind(StorageErrorKind::Invalid), 400);
        assert_eq!(of_kind(StorageErrorKind::Unavailable), 503);
        assert_eq!(of_kind(StorageErrorKind::Denied), 500);
        let missing = ApiError::from(StorageError::new(StorageErrorKind::NotFound, "gone"));
        assert_eq!(status(missing.missing_as_bad_request().0), 400);
    }
}
