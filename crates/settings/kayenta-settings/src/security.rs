//! Authentication and roles (`kayenta.security.*`), off by default. The Java service has `enabled`
//! alone.

use std::{fmt, time::Duration};

use kayenta_secrets::{Secret, SecretUrl};

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
#[derive(Clone, Debug, Default)]
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
    /// Look at things.
    Read,
    /// Change and start things.
    Write,
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Read => "read",
            Self::Write => "write",
        })
    }
}

/// How browsers show who they are to the pages (`kayenta.ui.*`), beside what every caller may show.
#[derive(Clone, Debug)]
pub struct BrowserAccess {
    /// `userHeader`, lower case: the header in which a trusted proxy names the user; `None`: no header is read.
    pub user_header: Option<String>,
    /// `userRole`, default read: what users of the proxy may do.
    pub user_role: Role,
    /// `sessionLifetime`, default 8 h: how long a browser stays signed in.
    pub session_lifetime: Duration,
    /// `sessionKey`: what sessions are signed with; `None`: a key made of the configured tokens and passwords.
    pub session_key: Option<Secret>,
}

impl Default for BrowserAccess {
    fn default() -> Self {
        Self {
            user_header: None,
            user_role: Role::Read,
            session_lifetime: Duration::from_secs(8 * 3600),
            session_key: None,
        }
    }
}

/// A static bearer token.
#[derive(Clone, Debug)]
pub struct BearerToken {
    /// Who it stands for in logs.
    pub name: String,
    /// The token.
    pub token: Secret,
    /// `role`, default read.
    pub role: Role,
}

/// A user of HTTP basic authentication.
#[derive(Clone, Debug)]
pub struct BasicUser {
    /// `username`.
    pub username: String,
    /// `password`.
    pub password: Secret,
    /// `role`, default read.
    pub role: Role,
}

/// JSON Web Tokens of an identity provider. Only asymmetric signatures are accepted.
#[derive(Clone, Debug)]
pub struct JwtSettings {
    /// `jwksUrl`: where its keys are.
    pub jwks_url: SecretUrl,
    /// `issuer`: the `iss` a token must carry; `None` accepts any, with a warning.
    pub issuer: Option<String>,
    /// `audience`: the `aud` values of which a token must carry one; empty accepts any, with a warning.
    pub audiences: Vec<String>,
    /// `rolesClaim`, default `roles`; dots descend (`realm_access.roles`). Its value is a list of texts
    /// or one text split at blanks (as `scope` is).
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

impl JwtSettings {
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
    /// `methods` in upper case; empty for all.
    pub methods: Vec<String>,
    /// `path` without the context path; `*` at its end stands for everything that begins so.
    pub path: String,
    /// `role`: `read`, `write`, or `None` (`public`) for everybody.
    pub role: Option<Role>,
}

impl AccessRule {
    /// Whether the rule covers a request; `path` is without the context path.
    #[must_use]
    pub fn covers(&self, method: &str, path: &str) -> bool {
        let path_matches = match self.path.strip_suffix('*') {
            Some(prefix) => path.starts_with(prefix),
            None => path == self.path,
        };
        path_matches && self.covers_method(method)
    }

    /// Whether a request is for something below the path of the rule: `/env/server.port` is below `/env`.
    #[must_use]
    pub fn covers_below(&self, method: &str, path: &str) -> bool {
        let below = path.strip_prefix(self.path.trim_end_matches('/'));
        below.is_some_and(|rest| rest.starts_with('/')) && self.covers_method(method)
    }

    fn covers_method(&self, method: &str) -> bool {
        let method_matches = self.methods.is_empty()
            || self
                .methods
                .iter()
                .any(|name| name.eq_ignore_ascii_case(method));
        // What may be read with GET may be asked about with HEAD, and not otherwise.
        let as_get = method.eq_ignore_ascii_case("HEAD")
            && self
                .methods
                .iter()
                .any(|name| name.eq_ignore_ascii_case("GET"));
        method_matches || as_get
    }
}
