//! Who asks a Google API, and the access token that proves it.
//!
//! [`GoogleCredentials`] are a service account's key, a person, another provider's identity (workload
//! identity federation) or the machine's own account; [`GoogleTokens`] exchanges them for tokens of one
//! scope, keeps a token while it is good and renews it once for all who wait. Tokens are fetched through
//! the connections of `kayenta-http`, so that its proxies and certificates apply to them too.

mod credentials;
mod error;
mod tokens;

pub use credentials::{CredentialsError, GoogleCredentials};
pub use error::TokenError;
pub use tokens::GoogleTokens;
