//! Proof of who is calling.

use std::sync::Arc;

use async_trait::async_trait;
use http::request::Parts;
use kayenta_secrets::Secret;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use secrecy::{ExposeSecret, SecretString};

use crate::{
    authorizer::{AuthorizeError, Authorizer, contains},
    transport::HttpSetupError,
};

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
        password: Secret,
    },
    /// `user:password` in one, as a file holds it; blanks around it do not count.
    UserPassword(Secret),
    /// `Authorization: Bearer …`.
    Bearer(Secret),
    /// Headers of the server's own, such as `DD-API-KEY`.
    Headers(Vec<(String, Secret)>),
    /// One header that begins with a word of the server's own, such as `Authorization: Token …`.
    Scheme {
        /// The header.
        header: String,
        /// The word.
        scheme: String,
        /// What follows it.
        proof: Secret,
    },
    /// Another proof for each request.
    PerRequest(Arc<dyn Authorizer>),
}

/// What of the credentials is known before any request.
pub(crate) struct Prepared {
    pub(crate) headers: HeaderMap,
    pub(crate) secrets: Vec<SecretString>,
    pub(crate) authorizer: Option<Arc<dyn Authorizer>>,
}

/// How a header is made of a secret.
#[derive(Clone, Debug)]
enum Form {
    /// As it is.
    Plain,
    /// After a word.
    Scheme(String),
    /// HTTP basic, with this user.
    Basic(String),
    /// HTTP basic, the user in the secret.
    BasicPair,
}

/// A header whose value is secret.
#[derive(Clone, Debug)]
struct Proof {
    header: HeaderName,
    form: Form,
    secret: Secret,
}

impl Proof {
    fn new(header: &str, form: Form, secret: Secret) -> Result<Self, HttpSetupError> {
        let header = HeaderName::try_from(header)
            .map_err(|_| HttpSetupError::new(format!("'{header}' is not a header name")))?;
        Ok(Self {
            header,
            form,
            secret,
        })
    }

    /// The header's value as the secret is now, and the secrets in it.
    fn value(&self) -> Result<(HeaderValue, Vec<SecretString>), String> {
        let secret = self.secret.current();
        let text = secret.expose_secret();
        let mut secrets = Vec::new();
        let whole = match &self.form {
            Form::Plain => text.to_owned(),
            Form::Scheme(word) => format!("{word} {text}"),
            Form::Basic(user) => basic(&format!("{user}:{text}")),
            Form::BasicPair => {
                let pair = text.trim();
                if let Some((_, password)) = pair.split_once(':') {
                    secrets.push(password.into());
                }
                basic(pair)
            }
        };
        let mut value = HeaderValue::from_bytes(&latin1(&whole)).map_err(|_| {
            format!(
                "the value of header '{}' has characters no header may have",
                self.header
            )
        })?;
        value.set_sensitive(true);
        secrets.push(secret);
        secrets.extend(with_proof_alone(whole.into()));
        Ok((value, secrets))
    }
}

impl Credentials {
    /// `more` are headers that are sent besides.
    pub(crate) fn prepare(self, more: Vec<(String, Secret)>) -> Result<Prepared, HttpSetupError> {
        let mut authorizer = None;
        let mut proofs = Vec::new();
        for (header, secret) in more {
            proofs.push(Proof::new(&header, Form::Plain, secret)?);
        }
        let authorization = "authorization";
        match self {
            Self::PerRequest(proof) => authorizer = Some(proof),
            Self::None => {}
            Self::Basic { username, password } => {
                proofs.push(Proof::new(authorization, Form::Basic(username), password)?);
            }
            Self::UserPassword(pair) => {
                proofs.push(Proof::new(authorization, Form::BasicPair, pair)?);
            }
            Self::Bearer(token) => {
                let form = Form::Scheme("Bearer".to_owned());
                proofs.push(Proof::new(authorization, form, token)?);
            }
            Self::Scheme {
                header,
                scheme,
                proof,
            } => proofs.push(Proof::new(&header, Form::Scheme(scheme), proof)?),
            Self::Headers(pairs) => {
                for (header, secret) in pairs {
                    proofs.push(Proof::new(&header, Form::Plain, secret)?);
                }
            }
        }
        let mut headers = HeaderMap::new();
        let mut secrets = Vec::new();
        let mut rotating = Vec::new();
        for proof in proofs {
            let (value, known) = proof.value().map_err(HttpSetupError::new)?;
            secrets.extend(known);
            if proof.secret.rotates() {
                rotating.push(proof);
            } else {
                headers.insert(proof.header, value);
            }
        }
        if !rotating.is_empty() {
            authorizer = Some(Arc::new(Rotating {
                proofs: rotating,
                rest: authorizer,
            }));
        }
        Ok(Prepared {
            headers,
            secrets,
            authorizer,
        })
    }
}

/// Headers made of secrets in files: each request has them as they are then.
#[derive(Debug)]
struct Rotating {
    proofs: Vec<Proof>,
    /// What proves who is calling besides.
    rest: Option<Arc<dyn Authorizer>>,
}

#[async_trait]
impl Authorizer for Rotating {
    async fn authorize(
        &self,
        request: &mut Parts,
        body: &[u8],
    ) -> Result<Vec<SecretString>, AuthorizeError> {
        let mut secrets = Vec::new();
        for proof in &self.proofs {
            let (value, known) = proof.value().map_err(|message| AuthorizeError {
                message,
                transient: false,
            })?;
            request.headers.insert(proof.header.clone(), value);
            secrets.extend(known);
        }
        if let Some(rest) = &self.rest {
            secrets.extend(rest.authorize(request, body).await?);
        }
        Ok(secrets)
    }

    async fn refused(&self, shown: &[SecretString]) -> bool {
        let secrets: Vec<_> = self
            .proofs
            .iter()
            .map(|proof| proof.secret.clone())
            .collect();
        reread(secrets).await;
        // Another request may have had them read before.
        let mut proofs = self.proofs.iter();
        let changed = proofs.any(|proof| !contains(shown, &proof.secret.current()));
        let others = match &self.rest {
            Some(rest) => rest.refused(shown).await,
            None => false,
        };
        changed || others
    }
}

/// Reads the files of secrets that a server has refused.
pub async fn reread(secrets: Vec<Secret>) {
    let read = move || {
        for secret in &secrets {
            let _ = secret.reread();
        }
    };
    // It ends early only when the runtime ends.
    let _ = tokio::task::spawn_blocking(read).await;
}

/// The value of a header, and what follows the scheme in one such as `Bearer abc`: a secret without the
/// word before it, too.
pub(crate) fn with_proof_alone(value: SecretString) -> [SecretString; 2] {
    let text = value.expose_secret();
    let proof = text.split_once(' ').map_or(text, |(_, proof)| proof).into();
    [value, proof]
}

fn basic(pair: &str) -> String {
    use base64::{Engine as _, prelude::BASE64_STANDARD};
    format!("Basic {}", BASE64_STANDARD.encode(latin1(pair)))
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

    /// Basic, bearer and a header of the server's own, each from a file that changes.
    #[tokio::test]
    async fn a_secret_in_a_file_is_sent_as_it_is_now_and_read_again_when_it_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        let files = kayenta_secrets::SecretFiles::default();
        let open = || {
            std::fs::write(&path, "first\n").unwrap();
            files.open(&path).unwrap()
        };
        let basic = |secret| Credentials::Basic {
            username: "u".to_owned(),
            password: secret,
        };
        let named = |secret| Credentials::Headers(vec![("x-key".to_owned(), secret)]);
        let cases: [(Credentials, &str, [&str; 2]); 3] = [
            (
                basic(open()),
                "authorization",
                ["Basic dTpmaXJzdA==", "Basic dTpzZWNvbmQ="],
            ),
            (
                Credentials::Bearer(open()),
                "authorization",
                ["Bearer first", "Bearer second"],
            ),
            (named(open()), "x-key", ["first", "second"]),
        ];
        for (credentials, name, expected) in cases {
            let prepared = credentials.prepare(Vec::new()).unwrap();
            assert!(prepared.headers.is_empty());
            let authorizer = prepared.authorizer.unwrap();
            let sent = async || {
                let (mut parts, ()) = http::Request::new(()).into_parts();
                let secrets = authorizer.authorize(&mut parts, b"").await.unwrap();
                assert!(parts.headers[name].is_sensitive() && !secrets.is_empty());
                let value = parts.headers[name].to_str().unwrap().to_owned();
                (value, secrets)
            };
            std::fs::write(&path, "first").unwrap();
            files.refresh();
            let (value, shown) = sent().await;
            assert_eq!(value, expected[0]);
            // Nothing else to try: the file still has what was refused.
            assert!(!authorizer.refused(&shown).await);
            std::fs::write(&path, "second").unwrap();
            // Two requests that were under way: the first one has the file read.
            assert!(authorizer.refused(&shown).await);
            assert!(authorizer.refused(&shown).await);
            let (value, shown) = sent().await;
            assert_eq!(value, expected[1]);
            assert!(!authorizer.refused(&shown).await);
        }
    }
}
