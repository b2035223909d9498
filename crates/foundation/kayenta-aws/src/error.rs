//! Why there is no signature.

/// No credentials, no region, or a request that cannot be signed. Holds no secret.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{message}")]
pub struct AwsError {
    /// What is missing or failed, and where it was looked for.
    pub message: String,
    /// Whether another attempt may succeed: a service that issues credentials did not answer or
    /// reported a failure of its own.
    pub transient: bool,
}

impl AwsError {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            transient: false,
        }
    }
}
