//! The gate in front of the routes.

use std::sync::Arc;

use base64::{Engine, prelude::BASE64_STANDARD};
use http::{HeaderMap, Method, header};
use kayenta_model::Clock;
use kayenta_settings::{AuthenticationSettings, BrowserAccess, Role};
use kayenta_web::ErrorResponse;
use percent_encoding::percent_decode_str;
use secrecy::ExposeSecret;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::{
    AccessError,
    caller::Caller,
    check,
    jwt::JwtVerifier,
    session::{SESSION_COOKIE, Session, Sessions},
    signing_keys::SigningKeys,
};

/// Decides whether a request may pass.
#[derive(Debug)]
pub struct Guard {
    settings: AuthenticationSettings,
    jwt: Option<JwtVerifier>,
    base_path: String,
    browser: BrowserAccess,
    sessions: Sessions,
    clock: Arc<dyn Clock>,
}

/// What a request is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Surface {
    /// The API and the management endpoints.
    Api,
    /// The pages, which browsers may also use with a session or behind a proxy that knows their users.
    Pages,
}

/// What somebody shows on the page for signing in.
#[derive(Clone, Copy, Debug)]
pub enum Shown<'a> {
    /// A bearer token: a static one or a JWT.
    Token(&'a str),
    /// A name and a password.
    User(&'a str, &'a str),
}

impl Guard {
    /// A guard, or none when security is off. `base_path` is where the management endpoints sit.
    ///
    /// # Errors
    /// As [`check`].
    pub fn new(
        settings: Option<&AuthenticationSettings>,
        keys: Option<&SigningKeys>,
        base_path: &str,
        browser: BrowserAccess,
        clock: Arc<dyn Clock>,
    ) -> Result<Option<Self>, AccessError> {
        check(settings, keys)?;
        let Some(settings) = settings else {
            return Ok(None);
        };
        let jwt = settings
            .jwt
            .as_ref()
            .zip(keys)
            .map(|(settings, keys)| JwtVerifier::new(settings.clone(), keys.clone()));
        Ok(Some(Self {
            settings: settings.clone(),
            jwt,
            base_path: base_path.trim_end_matches('/').to_owned(),
            sessions: Sessions::new(settings, browser.session_key.as_ref()),
            browser,
            clock,
        }))
    }

    /// Lets the request pass or says why not; who it is, where the rules ask. `path` is without the context path.
    ///
    /// # Errors
    /// 401 without valid credentials, 403 when their role does not suffice.
    pub async fn check(
        &self,
        surface: Surface,
        method: &Method,
        path: &str,
        headers: &HeaderMap,
    ) -> Result<Option<Caller>, ErrorResponse> {
        // Rules speak of names, not of their spellings.
        let path = &*percent_decode_str(path).decode_utf8_lossy();
        let Some(needed) = self.needed_role(method, path) else {
            return Ok(None);
        };
        let known = match surface {
            Surface::Pages if !headers.contains_key(header::AUTHORIZATION) => {
                self.browser(headers).await
            }
            _ => None,
        };
        let caller = match known {
            Some(caller) => caller,
            None => self.authenticate(headers).await?,
        };
        if caller.role.is_some_and(|role| role >= needed) {
            tracing::debug!(caller = %caller.name, %needed, "access granted");
            Ok(Some(caller))
        } else {
            tracing::info!(caller = %caller.name, %needed, %method, path, "access denied");
            Err(ErrorResponse::forbidden(format!(
                "Access is denied: {} needs the role {needed}.",
                caller.name
            )))
        }
    }

    /// Who visits a page that needs no credentials, as far as the request says.
    pub async fn visitor(&self, headers: &HeaderMap) -> Option<Caller> {
        match self.browser(headers).await {
            Some(caller) => Some(caller),
            None => self.authenticate(headers).await.ok(),
        }
    }

    /// A session for a caller with valid credentials.
    ///
    /// # Errors
    /// 401 when they are not valid.
    pub async fn sign_in(&self, shown: Shown<'_>) -> Result<Session, ErrorResponse> {
        let caller = match shown {
            Shown::Token(token) => self.bearer(token).await?,
            Shown::User(username, password) => self
                .user(username, password)
                .ok_or_else(|| self.unauthorized("Bad credentials."))?,
        };
        if caller.role.is_none() {
            return Err(ErrorResponse::forbidden(format!(
                "Access is denied: {} has no role of this service.",
                caller.name
            )));
        }
        let now = self.now();
        let longest = i64::try_from(self.browser.session_lifetime.as_secs()).unwrap_or(i64::MAX);
        let seconds = caller
            .until
            .map_or(longest, |until| until.saturating_sub(now).min(longest));
        self.sessions
            .issue(&caller, now, seconds)
            .await
            .ok_or_else(|| ErrorResponse::internal("The session cannot be signed."))
    }

    /// Whether signing in takes a name and a password, and whether a token.
    #[must_use]
    pub fn ways_in(&self) -> (bool, bool) {
        let users = !self.settings.users.is_empty();
        let tokens = !self.settings.tokens.is_empty() || self.jwt.is_some();
        (users, tokens)
    }

    fn now(&self) -> i64 {
        self.clock.now_millis() / 1_000
    }

    /// Who a browser says it is: by its session, or by the header of a proxy that is trusted to set it.
    async fn browser(&self, headers: &HeaderMap) -> Option<Caller> {
        if let Some(name) = proxied_user(self.browser.user_header.as_deref(), headers) {
            return Some(Caller {
                name,
                role: Some(self.browser.user_role),
                until: None,
            });
        }
        let session = cookie(headers, SESSION_COOKIE)?;
        self.sessions.read(session, self.now()).await
    }

    fn needed_role(&self, method: &Method, path: &str) -> Option<Role> {
        // Probes carry no credentials, and a restart because of that would not help.
        let local = path.strip_prefix(self.base_path.as_str()).unwrap_or(path);
        if local == "/health" || local.starts_with("/health/") {
            return None;
        }
        let reads = matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
            // Judging stored pairs computes an answer and changes nothing.
            || path == "/judges/judge";
        let usual = if reads { Role::Read } else { Role::Write };
        for rule in &self.settings.rules {
            if rule.covers(method.as_str(), path) {
                return rule.role;
            }
            // A rule that closes `/env` closes `/env/{key}`, too; one that opens a path opens that path alone.
            if let Some(role) = rule.role
                && rule.covers_below(method.as_str(), path)
            {
                return Some(role.max(usual));
            }
        }
        Some(usual)
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
            return self.bearer(credentials).await;
        }
        Err(self.unauthorized("Bad credentials."))
    }

    async fn bearer(&self, token: &str) -> Result<Caller, ErrorResponse> {
        if let Some(caller) = self.static_token(token) {
            return Ok(caller);
        }
        match &self.jwt {
            Some(jwt) => jwt
                .verify(token)
                .await
                .map_err(|error| self.unauthorized(&format!("Bad credentials: {error}."))),
            None => Err(self.unauthorized("Bad credentials.")),
        }
    }

    fn static_token(&self, token: &str) -> Option<Caller> {
        let mut found = None;
        // Every token is compared, so that the time taken tells nothing.
        for known in &self.settings.tokens {
            if same(known.token.current().expose_secret(), token) {
                found = Some(known);
            }
        }
        found.map(|known| Caller {
            name: known.name.clone(),
            role: Some(known.role),
            until: None,
        })
    }

    fn basic(&self, credentials: &str) -> Option<Caller> {
        let decoded = BASE64_STANDARD.decode(credentials).ok()?;
        let text = std::str::from_utf8(&decoded).ok()?;
        let (username, password) = text.split_once(':')?;
        self.user(username, password)
    }

    fn user(&self, username: &str, password: &str) -> Option<Caller> {
        let mut found = None;
        for user in &self.settings.users {
            let matches = same(&user.username, username)
                & same(user.password.current().expose_secret(), password);
            if matches {
                found = Some(user);
            }
        }
        found.map(|user| Caller {
            name: user.username.clone(),
            role: Some(user.role),
            until: None,
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

/// The user whom the proxy names in its header, if such a header is trusted.
#[must_use]
pub fn proxied_user(header: Option<&str>, headers: &HeaderMap) -> Option<String> {
    let name = headers.get(header?)?.to_str().ok()?.trim();
    (!name.is_empty()).then(|| name.to_owned())
}

/// The value of a cookie.
#[must_use]
pub fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .find_map(|pair| pair.trim().strip_prefix(name)?.strip_prefix('='))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn authentication_without_any_way_to_authenticate_is_refused_at_start() {
        let error = check(Some(&AuthenticationSettings::default()), None).unwrap_err();
        assert!(error.to_string().contains("no caller could authenticate"));
    }
}
