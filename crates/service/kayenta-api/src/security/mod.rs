//! Optional authentication: static bearer tokens, HTTP basic, JWT checked against a JWKS URL. Off
//! unless switched on; probes and CORS preflights are open even then.

mod jwt;
mod layer;

use std::{fmt, time::Duration};

use kayenta_secrets::SecretUrl;
use secrecy::SecretString;

pub(crate) use layer::Guard;

/// What a caller may do. Writing includes reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Look at things.
    Read,
    /// Change and start things.
    Write,
}

/// Who may do what.
#[derive(Clone, Debug, Default)]
pub struct SecurityOptions {
    /// Whether callers must show who they are at all.
    pub enabled: bool,
    /// Bearer tokens.
    pub tokens: Vec<StaticToken>,
    /// Users of HTTP basic authentication.
    pub users: Vec<BasicUser>,
    /// JSON Web Tokens of an identity provider.
    pub jwt: Option<JwtOptions>,
    /// Exceptions from the rule "GET reads, everything else writes", first match wins.
    pub rules: Vec<AccessRule>,
}

impl SecurityOptions {
    /// Whether the settings can work at all.
    ///
    /// # Errors
    /// When they are switched on without any way to get in.
    pub fn check(&self) -> Result<(), SecurityError> {
        if self.enabled && self.tokens.is_empty() && self.users.is_empty() && self.jwt.is_none() {
            return Err(SecurityError::NobodyCanGetIn);
        }
        Ok(())
    }
}

/// A bearer token known in advance.
#[derive(Clone, Debug)]
pub struct StaticToken {
    /// Who it stands for in logs.
    pub name: String,
    /// The token itself.
    pub token: SecretString,
    /// What it allows.
    pub role: Role,
}

/// A user of HTTP basic authentication.
#[derive(Clone, Debug)]
pub struct BasicUser {
    /// The name.
    pub username: String,
    /// The password.
    pub password: SecretString,
    /// What the user may do.
    pub role: Role,
}

/// How JSON Web Tokens are checked. Only asymmetric signatures are accepted.
#[derive(Clone, Debug)]
pub struct JwtOptions {
    /// Where the provider publishes its keys.
    pub jwks_url: SecretUrl,
    /// The `iss` a token must carry; `None` accepts any.
    pub issuer: Option<String>,
    /// The `aud` values of which a token must carry one; empty accepts any.
    pub audiences: Vec<String>,
    /// The claim with the caller's roles, dots descend (`realm_access.roles`). Its value is a list of
    /// texts or one text split at blanks (as `scope` is).
    pub roles_claim: String,
    /// Values of the claim that allow reading; empty: every valid token may read.
    pub read_roles: Vec<String>,
    /// Values of the claim that allow writing.
    pub write_roles: Vec<String>,
    /// How long fetched keys are used before they are fetched again.
    pub refresh: Duration,
    /// How far the provider's clock may be off.
    pub leeway: Duration,
}

impl JwtOptions {
    /// Keys from this URL, everything else at its default.
    #[must_use]
    pub fn new(jwks_url: impl Into<SecretUrl>) -> Self {
        Self {
            jwks_url: jwks_url.into(),
            issuer: None,
            audiences: Vec::new(),
            roles_claim: "roles".to_owned(),
            read_roles: Vec::new(),
            write_roles: vec!["kayenta-write".to_owned()],
            refresh: Duration::from_secs(600),
            leeway: Duration::from_secs(60),
        }
    }
}

/// Which role some paths need.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessRule {
    /// Methods it is about, in upper case; empty for all.
    pub methods: Vec<String>,
    /// A path without the context path, or with `*` at the end everything that begins so.
    pub path: String,
    /// What it needs; `None` opens it to everybody.
    pub role: Option<Role>,
}

/// Settings that cannot work.
#[derive(Debug, thiserror::Error)]
pub enum SecurityError {
    /// Switched on without any way to get in.
    #[error(
        "kayenta.security is enabled but names no token, no user and no jwksUrl: no caller could authenticate"
    )]
    NobodyCanGetIn,
    /// The client that fetches keys cannot be built.
    #[error("cannot build the HTTP client that fetches {url}: {source}")]
    Client {
        /// The JWKS URL.
        url: String,
        /// Why.
        source: reqwest::Error,
    },
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Read => "read",
            Self::Write => "write",
        })
    }
}
