//! Redis' errors as the seam's, in words a person can act on and without a password.

use kayenta_queue::{QueueError, QueueErrorKind};
use redis::{ErrorKind, RedisError, ServerErrorKind};

/// What was attempted, where, and what became of it.
pub(crate) fn failed(attempted: &str, address: &str, error: RedisError) -> QueueError {
    let (kind, hint) = match error.kind() {
        ErrorKind::AuthenticationFailed => (
            QueueErrorKind::Denied,
            "; check the user and password of redis.connection",
        ),
        ErrorKind::Server(ServerErrorKind::NoPerm) => {
            (QueueErrorKind::Denied, "; the user lacks a permission")
        }
        ErrorKind::Parse | ErrorKind::UnexpectedReturnType => (QueueErrorKind::Corrupt, ""),
        _ if matches!(error.code(), Some("NOAUTH" | "WRONGPASS")) => (
            QueueErrorKind::Denied,
            "; check the user and password of redis.connection",
        ),
        _ => (QueueErrorKind::Unavailable, ""),
    };
    let reason = if error.is_timeout() {
        "timed out".to_owned()
    } else {
        error.to_string()
    };
    QueueError::new(
        kind,
        format!("cannot {attempted}: Redis at {address}: {reason}{hint}"),
    )
    .caused_by(error)
}

/// Whether the connection, not the request, is at fault: another one may do better. A master that was
/// demoted answers `READONLY`; one that is loading its data answers `LOADING`.
pub(crate) fn is_connection_at_fault(error: &RedisError) -> bool {
    error.is_io_error()
        || error.is_connection_dropped()
        || error.is_unrecoverable_error()
        || error.is_timeout()
        || matches!(error.code(), Some("READONLY" | "MASTERDOWN" | "LOADING"))
}
