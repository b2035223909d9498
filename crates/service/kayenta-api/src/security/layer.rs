//! The gate in front of the routes.

use base64::{Engine, prelude::BASE64_STANDARD};
use http::{HeaderMap, Method, header};
use kayenta_settings::{AuthenticationSettings, Role};
use kayenta_web::ErrorResponse;
use percent_encoding::percent_decode_str;
use secrecy::ExposeSecret;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::{SecurityError, check, jwt::JwtVerifier, signing_keys::SigningKeys};

/// Decides whether a request may pass.
#[derive(Debug)]
pub(crate) struct Guard {
    settings: AuthenticationSettings,
    jwt: Option<JwtVerifier>,
    base_path: String,
}

/// A caller who has shown who they are.
#[derive(Debug)]
struct Caller {
    name: String,
    role: Option<Role>,
}

impl Guard {
    /// A guard, or none when security is off. `base_path` is where the management endpoints sit.
    pub(crate) fn new(
        settings: Option<&AuthenticationSettings>,
        keys: Option<&SigningKeys>,
        base_path: &str,
    ) -> Result<Option<Self>, SecurityError> {
        let Some(settings) = settings else {
            return Ok(None);
        };
        check(settings)?;
        let jwt = match (&settings.jwt, keys) {
            (Some(settings), Some(keys)) => Some(JwtVerifier::new(settings.clone(), keys.clone())),
            (Some(_), None) => return Err(SecurityError::NoKeys),
            (None, _) => None,
        };
        Ok(Some(Self {
            settings: settings.clone(),
            jwt,
            base_path: base_path.trim_end_matches('/').to_owned(),
        }))
    }

    /// Lets the request pass or says why not. `path` is without the context path.
    pub(crate) async fn check(
        &self,
        method: &Method,
        path: &str,
        headers: &HeaderMap,
    ) -> Result<(), ErrorResponse> {
        // Rules speak of names, not of their spellings.
        let path = &*percent_decode_str(path).decode_utf8_lossy();
        let Some(needed) = self.needed_role(method, path) else {
            return Ok(());
        };
        let caller = self.authenticate(headers).await?;
        if caller.role.is_some_and(|role| role >= needed) {
            tracing::debug!(caller = %caller.name, %needed, "access granted");
            Ok(())
        } else {
            tracing::info!(caller = %caller.name, %needed, %method, path, "access denied");
            Err(ErrorResponse::forbidden(format!(
                "Access is denied: {} needs the role {needed}.",
                caller.name
            )))
        }
    }

    fn needed_role(&self, method: &Method, path: &str) -> Option<Role> {
        // Probes carry no credentials, and a restart because of that would not help.
        let local = path.strip_prefix(self.base_path.as_str()).unwrap_or(path);
        if local == "/health" || local.starts_with("/health/") {
            return None;
        }
        for rule in &self.settings.rules {
            if rule.covers(method.as_str(), path) {
                return rule.role;
            }
        }
        let reads = matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
            // Judging stored pairs computes an answer and changes nothing.
            || path == "/judges/judge";
        Some(if reads { Role::Read } else { Role::Write })
    }

    async fn authenticate(&self, headers: &HeaderMap) -> Result<Caller, ErrorResponse> {
        let value = headers
            .get(header::AUTHORIZATION)
            .and_then(|value| value.to_str().ok())
            .ok_or_else(|| self.unauthorized("Full authentication is required."))?;
        let (scheme, credentials) = value.split_once(' ').unwrap_or((value, ""));
        let credentials = credentials.trim();
        if scheme.eq_ignore_ascii_case("basic") {
            return self
                .basic(credentials)
                .ok_or_else(|| self.unauthorized("Bad credentials."));
        }
        if scheme.eq_ignore_ascii_case("bearer") {
            if let Some(caller) = self.static_token(credentials) {
                return Ok(caller);
            }
            if let Some(jwt) = &self.jwt {
                return match jwt.verify(credentials).await {
                    Ok(caller) => Ok(Caller {
                        name: caller.name,
                        role: caller.role,
                    }),
                    Err(error) => Err(self.unauthorized(&format!("Bad credentials: {error}."))),
                };
            }
        }
        Err(self.unauthorized("Bad credentials."))
    }

    fn static_token(&self, token: &str) -> Option<Caller> {
        let mut found = None;
        // Every token is compared, so that the time taken tells nothing.
        for known in &self.settings.tokens {
            if same(known.token.expose_secret(), token) {
                found = Some(known);
            }
        }
        found.map(|known| Caller {
            name: known.name.clone(),
            role: Some(known.role),
        })
    }

    fn basic(&self, credentials: &str) -> Option<Caller> {
        let decoded = BASE64_STANDARD.decode(credentials).ok()?;
        let text = std::str::from_utf8(&decoded).ok()?;
        let (username, password) = text.split_once(':')?;
        let mut found = None;
        for user in &self.settings.users {
            let matches =
                same(&user.username, username) & same(user.password.expose_secret(), password);
            if matches {
                found = Some(user);
            }
        }
        found.map(|user| Caller {
            name: user.username.clone(),
            role: Some(user.role),
        })
    }

    fn unauthorized(&self, message: &str) -> ErrorResponse {
        let basic = !self.settings.users.is_empty();
        let bearer = !self.settings.tokens.is_empty() || self.jwt.is_some();
        let challenge = match (basic, bearer) {
            (true, true) => "Basic realm=\"kayenta\", Bearer realm=\"kayenta\"",
            (true, false) => "Basic realm=\"kayenta\"",
            _ => "Bearer realm=\"kayenta\"",
        };
        ErrorResponse::unauthorized(message, challenge)
    }
}

/// Compares in a time that depends on neither text; hashing first hides the lengths too.
fn same(known: &str, given: &str) -> bool {
    Sha256::digest(known.as_bytes())
        .as_slice()
        .ct_eq(Sha256::digest(given.as_bytes()).as_slice())
        .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn authentication_without_any_way_to_authenticate_is_refused_at_start() {
        let error = Guard::new(Some(&AuthenticationSettings::default()), None, "").unwrap_err();
        assert!(error.to_string().contains("no caller could authenticate"));
    }
}
