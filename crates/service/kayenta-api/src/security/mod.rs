//! Optional authentication: static bearer tokens, HTTP basic, JWT checked against a JWKS URL. Off
//! unless switched on; probes and CORS preflights are open even then.

mod jwt;
mod layer;
mod signing_keys;

use kayenta_settings::AuthenticationSettings;

pub(crate) use layer::Guard;
pub use signing_keys::{SigningKeys, SigningKeysError};

/// Whether the settings can work at all.
///
/// # Errors
/// When callers have to authenticate and no way to do so is configured.
pub(crate) fn check(settings: &AuthenticationSettings) -> Result<(), SecurityError> {
    if settings.tokens.is_empty() && settings.users.is_empty() && settings.jwt.is_none() {
        return Err(SecurityError::NobodyCanGetIn);
    }
    Ok(())
}

/// Settings that cannot work.
#[derive(Debug, thiserror::Error)]
pub enum SecurityError {
    /// Switched on without any way to get in.
    #[error(
        "kayenta.security is enabled but names no token, no user and no jwksUrl: no caller could authenticate"
    )]
    NobodyCanGetIn,
    /// JWTs are configured, and nobody fetches the keys.
    #[error("kayenta.security.jwt is configured, but there are no keys to check tokens with")]
    NoKeys,
}
