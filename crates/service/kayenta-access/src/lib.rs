//! Who may call the service: static bearer tokens, HTTP basic, JWT checked against a JWKS URL, and for the pages a session
//! that a browser gets after signing in. Off unless `kayenta.security` names somebody; probes are open even then.
//!
//! [`Guard`] stands in front of the routes of the API and of the pages, and issues sessions to users who sign in. It knows
//! paths, methods and headers, and neither routes nor pages.

mod caller;
mod guard;
mod jwt;
mod session;
mod signing_keys;

use kayenta_settings::AuthenticationSettings;

pub use caller::Caller;
pub use guard::{Guard, Shown, Surface, cookie, proxied_user};
pub use session::{SESSION_COOKIE, Session};
pub use signing_keys::{SigningKeys, SigningKeysError};

/// Whether the settings can work at all.
///
/// # Errors
/// When callers have to authenticate and no way to do so is configured, or JWTs cannot be checked.
pub fn check(
    settings: Option<&AuthenticationSettings>,
    keys: Option<&SigningKeys>,
) -> Result<(), AccessError> {
    let Some(settings) = settings else {
        return Ok(());
    };
    if settings.tokens.is_empty() && settings.users.is_empty() && settings.jwt.is_none() {
        return Err(AccessError::NobodyCanGetIn);
    }
    if settings.jwt.is_some() && keys.is_none() {
        return Err(AccessError::NoKeys);
    }
    Ok(())
}

/// Settings that cannot work.
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    /// Switched on without any way to get in.
    #[error(
        "kayenta.security is enabled but names no token, no user and no jwksUrl: no caller could authenticate"
    )]
    NobodyCanGetIn,
    /// JWTs are configured, but no keys are fetched.
    #[error("kayenta.security.jwt is configured, but there are no keys to check tokens with")]
    NoKeys,
}
