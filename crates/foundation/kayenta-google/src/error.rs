//! Why there is no token.

use std::error::Error;

use kayenta_http::HttpError;

/// A token that could not be had. Holds no secret.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// A call failed: of Google's token service, or of the server another provider's token comes from.
    #[error(transparent)]
    Call(#[from] HttpError),
    /// There is nothing to exchange: a key that cannot sign, a token that cannot be read.
    #[error("{message}")]
    Unusable {
        /// What cannot be used and why.
        message: String,
        /// The cause underneath.
        #[source]
        source: Option<Box<dyn Error + Send + Sync>>,
    },
}

impl TokenError {
    pub(crate) fn unusable(message: impl Into<String>) -> Self {
        Self::Unusable {
            message: message.into(),
            source: None,
        }
    }

    pub(crate) fn unusable_for(
        message: impl Into<String>,
        cause: impl Into<Box<dyn Error + Send + Sync>>,
    ) -> Self {
        Self::Unusable {
            message: message.into(),
            source: Some(cause.into()),
        }
    }

    /// Whether another attempt may succeed.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Call(error) => error.is_transient(),
            Self::Unusable { .. } => false,
        }
    }
}
