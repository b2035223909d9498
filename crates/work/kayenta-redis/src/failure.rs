//! Redis' errors as the seam's, in words a person can act on and without a password.

use kayenta_queue::{QueueError, QueueErrorKind};
use redis::{ErrorKind, RedisError, ServerErrorKind};

/// What was attempted, where, and what became of it.
pub(crate) fn failed(attempted: &str, address: &str, error: RedisError) -> QueueError {
    let (kind, hint) = match error.kind() {
        _ if is_authentication_refused(&error) => (
            QueueErrorKind::Denied,
            "; check the user and password of redis.connection",
        ),
        ErrorKind::Server(ServerErrorKind::NoPerm) => {
            (QueueErrorKind::Denied, "; the user lacks a permission")
        }
        ErrorKind::Parse | ErrorKind::UnexpectedReturnType => (QueueErrorKind::Corrupt, ""),
        _ => (QueueErrorKind::Unavailable, hint(error.code())),
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

/// Whether the server wants another password, or one at all.
fn is_authentication_refused(error: &RedisError) -> bool {
    error.kind() == ErrorKind::AuthenticationFailed
        || matches!(error.code(), Some("NOAUTH" | "WRONGPASS"))
        // A cluster that cannot be reached is an error of its own, with the last node's in its text alone.
        || error.detail().is_some_and(|nodes| {
            nodes.contains("\"NOAUTH\"") || nodes.contains("Password authentication failed")
        })
}

/// What to do about an answer of a Redis that takes no writes.
fn hint(code: Option<&str>) -> &'static str {
    match code {
        Some("OOM") => "; its memory is full: raise maxmemory, or remove what fills it",
        Some("READONLY") => "; it is a read-only replica: point redis.connection at the master",
        Some("MISCONF") => "; it cannot write its data to disk: look at its log",
        Some("NOREPLICAS") => "; it has too few replicas for its min-replicas-to-write",
        Some("WRONGTYPE") => "; another program uses the key",
        _ => "",
    }
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
