//! Authentication and roles (`kayenta.security.*`), off by default. The Java service has `enabled`
//! alone.

use std::time::Duration;

use kayenta_secrets::SecretUrl;
use secrecy::SecretString;

/// Who may call.
#[derive(Clone, Debug)]
pub struct SecuritySettings {
    /// `kayenta.security.enabled`, default true: whether answers carry the security headers. It is
    /// all the reference does with it.
    pub headers: bool,
    /// How callers show who they are; `None`: everybody may do everything, as in the reference.
    pub authentication: Option<AuthenticationSettings>,
}

/// How callers show who they are. At least one way is configured. Probes stay open.
#[derive(Clone, Debug)]
pub struct AuthenticationSettings {
    /// `tokens`: static bearer tokens.
    pub tokens: Vec<BearerToken>,
    /// `users`: HTTP basic.
    pub users: Vec<BasicUser>,
    /// `jwt`: tokens of an identity provider.
    pub jwt: Option<JwtSettings>,
    /// `rules`: exceptions from "GET reads, everything else writes"; the first match wins.
    pub rules: Vec<AccessRule>,
}

/// What a caller may do. Writing includes reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Look.
    Read,
    /// Change and start.
    Write,
}

/// A static bearer token.
#[derive(Clone, Debug)]
pub struct BearerToken {
    /// Who it stands for in logs.
    pub name: String,
    /// The token.
    pub token: SecretString,
    /// `role`, default read.
    pub role: Role,
}

/// A user of HTTP basic authentication.
#[derive(Clone, Debug)]
pub struct BasicUser {
    /// `username`.
    pub username: String,
    /// `password`.
    pub password: SecretString,
    /// `role`, default read.
    pub role: Role,
}

/// JSON Web Tokens of an identity provider.
#[derive(Clone, Debug)]
pub struct JwtSettings {
    /// `jwksUrl`: where its keys are.
    pub jwks_url: SecretUrl,
    /// `issuer`: the `iss` a token must carry; `None` accepts any, with a warning.
    pub issuer: Option<String>,
    /// `audience`: the `aud` values of which a token must carry one; empty accepts any, with a warning.
    pub audiences: Vec<String>,
    /// `rolesClaim`, default `roles`; dots descend.
    pub roles_claim: String,
    /// `readRoles`: values of the claim that allow reading; empty: every valid token may.
    pub read_roles: Vec<String>,
    /// `writeRoles`, default `kayenta-write`.
    pub write_roles: Vec<String>,
    /// `refreshInterval`: how long fetched keys are used, default 10 min.
    pub refresh: Duration,
    /// `leeway`: how far the provider's clock may be off, default 60 s.
    pub leeway: Duration,
}

/// Which role some paths need.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessRule {
    /// `methods` in upper case; empty for all.
    pub methods: Vec<String>,
    /// `path` without the context path; `*` at its end stands for everything that begins so.
    pub path: String,
    /// `role`: `read`, `write`, or `None` (`public`) for everybody.
    pub role: Option<Role>,
}
