//! Proof of who is calling.

use std::sync::Arc;

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use secrecy::{ExposeSecret, SecretString};

use crate::{authorizer::Authorizer, transport::HttpSetupError};

/// What proves to a server who is calling; sent with every request, without waiting for a challenge.
#[derive(Clone, Debug, Default)]
pub enum Credentials {
    /// Nothing.
    #[default]
    None,
    /// User and password.
    Basic {
        /// The user.
        username: String,
        /// The password.
        password: SecretString,
    },
    /// `user:password` in one, as a file holds it; blanks around it do not count.
    UserPassword(SecretString),
    /// `Authorization: Bearer …`.
    Bearer(SecretString),
    /// Headers of the server's own, such as `DD-API-KEY`.
    Headers(Vec<(String, SecretString)>),
    /// Another proof for each request.
    PerRequest(Arc<dyn Authorizer>),
}

/// What of the credentials is known before any request.
pub(crate) struct Prepared {
    pub(crate) headers: HeaderMap,
    pub(crate) secrets: Vec<SecretString>,
    pub(crate) authorizer: Option<Arc<dyn Authorizer>>,
}

impl Credentials {
    /// `more` are headers that are sent besides.
    pub(crate) fn prepare(
        self,
        more: Vec<(String, SecretString)>,
    ) -> Result<Prepared, HttpSetupError> {
        let mut secrets = Vec::new();
        let mut authorizer = None;
        let pairs = match self {
            Self::PerRequest(proof) => {
                authorizer = Some(proof);
                Vec::new()
            }
            Self::None => Vec::new(),
            Self::Basic { username, password } => {
                let pair = format!("{username}:{}", password.expose_secret());
                secrets.push(password);
                vec![basic(&pair)]
            }
            Self::UserPassword(pair) => {
                let pair = pair.expose_secret().trim();
                if let Some((_, password)) = pair.split_once(':') {
                    secrets.push(password.into());
                }
                vec![basic(pair)]
            }
            Self::Bearer(token) => {
                let value = format!("Bearer {}", token.expose_secret());
                secrets.push(token);
                vec![("authorization".to_owned(), value.into())]
            }
            Self::Headers(pairs) => pairs,
        };
        let mut headers = HeaderMap::new();
        for (name, value) in more.into_iter().chain(pairs) {
            let header = HeaderName::try_from(&name)
                .map_err(|_| HttpSetupError::new(format!("'{name}' is not a header name")))?;
            let mut content =
                HeaderValue::from_bytes(&latin1(value.expose_secret())).map_err(|_| {
                    HttpSetupError::new(format!(
                        "the value of header '{name}' has characters no header may have"
                    ))
                })?;
            content.set_sensitive(true);
            headers.insert(header, content);
            secrets.extend(with_proof_alone(value));
        }
        Ok(Prepared {
            headers,
            secrets,
            authorizer,
        })
    }
}

/// The value of a header, and what follows the scheme in one such as `Bearer abc`: a secret without the
/// word before it, too.
pub(crate) fn with_proof_alone(value: SecretString) -> [SecretString; 2] {
    let text = value.expose_secret();
    let proof = text.split_once(' ').map_or(text, |(_, proof)| proof).into();
    [value, proof]
}

fn basic(pair: &str) -> (String, SecretString) {
    use base64::{Engine as _, prelude::BASE64_STANDARD};
    let value = format!("Basic {}", BASE64_STANDARD.encode(latin1(pair)));
    ("authorization".to_owned(), value.into())
}

/// ISO-8859-1, as Java clients encode credentials; characters outside it become `?`.
fn latin1(text: &str) -> Vec<u8> {
    text.chars()
        .map(|c| u8::try_from(u32::from(c)).unwrap_or(b'?'))
        .collect()
}

#[cfg(test)]
mod tests {
    use reqwest::header::AUTHORIZATION;

    use super::*;

    #[test]
    fn credentials_become_sensitive_headers_sent_at_once() {
        let header = |credentials: Credentials| {
            let Prepared {
                headers, secrets, ..
            } = credentials.prepare(Vec::new()).unwrap();
            assert!(headers[AUTHORIZATION].is_sensitive());
            assert!(!secrets.is_empty());
            String::from_utf8(headers[AUTHORIZATION].as_bytes().to_vec()).unwrap()
        };
        let basic = Credentials::Basic {
            username: "user".to_owned(),
            password: "pässword".into(),
        };
        // ISO-8859-1, not UTF-8.
        assert_eq!(header(basic), "Basic dXNlcjpw5HNzd29yZA==");
        assert_eq!(
            header(Credentials::UserPassword(" user:secret\n".into())),
            "Basic dXNlcjpzZWNyZXQ="
        );
        assert_eq!(header(Credentials::Bearer("tok".into())), "Bearer tok");
    }
}
