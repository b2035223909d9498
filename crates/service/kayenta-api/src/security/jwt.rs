//! JSON Web Tokens: keys from a JWKS URL, kept and refreshed, signatures and claims checked.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use jsonwebtoken::{
    Algorithm, DecodingKey, Validation, decode, decode_header,
    jwk::{JwkSet, PublicKeyUse},
};
use kayenta_secrets::Masker;
use kayenta_settings::{JwtSettings, Role};
use serde_json::{Map, Value};
use tokio::sync::RwLock;

use super::SecurityError;

/// Signatures a public key can check. Symmetric ones never: a public key is no secret.
const ALGORITHMS: [Algorithm; 9] = [
    Algorithm::RS256,
    Algorithm::RS384,
    Algorithm::RS512,
    Algorithm::PS256,
    Algorithm::PS384,
    Algorithm::PS512,
    Algorithm::ES256,
    Algorithm::ES384,
    Algorithm::EdDSA,
];

/// Between two fetches, however many unknown key ids come in.
const SHORTEST_PAUSE: Duration = Duration::from_secs(10);
/// No provider needs more for its keys.
const LONGEST_KEY_SET: usize = 1 << 20;

/// Why a token is rejected; sent to the caller, so it contains nothing secret.
#[derive(Debug, thiserror::Error)]
pub(super) enum JwtError {
    #[error("the token is not valid: {0}")]
    Invalid(#[from] jsonwebtoken::errors::Error),
    #[error("the token's algorithm {0:?} is not accepted")]
    Algorithm(Algorithm),
    #[error("the token's key id is not among the provider's keys")]
    UnknownKey,
    #[error("the provider's keys cannot be fetched at present")]
    NoKeys,
}

/// Who a valid token stands for.
#[derive(Debug)]
pub(super) struct JwtCaller {
    pub(super) name: String,
    pub(super) role: Option<Role>,
}

#[derive(Debug)]
pub(super) struct JwtVerifier {
    options: JwtSettings,
    client: reqwest::Client,
    keys: RwLock<Option<Keys>>,
}

#[derive(Debug)]
struct Keys {
    set: Arc<JwkSet>,
    fetched: Instant,
}

impl JwtVerifier {
    pub(super) fn new(options: JwtSettings) -> Result<Self, SecurityError> {
        let client = reqwest::Client::builder()
            .timeout(Duration::from_secs(5))
            .build()
            .map_err(|source| SecurityError::Client {
                url: options.jwks_url.to_string(),
                source,
            })?;
        Ok(Self {
            options,
            client,
            keys: RwLock::new(None),
        })
    }

    pub(super) async fn verify(&self, token: &str) -> Result<JwtCaller, JwtError> {
        let header = decode_header(token)?;
        if !ALGORITHMS.contains(&header.alg) {
            return Err(JwtError::Algorithm(header.alg));
        }
        let set = self.keys_knowing(header.kid.as_deref()).await?;
        let candidates = set.keys.iter().filter(|key| {
            let wanted = header.kid.is_none() || key.common.key_id == header.kid;
            let signs = !matches!(key.common.public_key_use, Some(PublicKeyUse::Encryption));
            wanted && signs
        });
        let validation = self.validation(header.alg);
        let mut refusal = JwtError::UnknownKey;
        for key in candidates {
            let Ok(decoding_key) = DecodingKey::from_jwk(key) else {
                continue;
            };
            match decode::<Map<String, Value>>(token, &decoding_key, &validation) {
                Ok(data) => return Ok(self.caller(&data.claims)),
                Err(error) => refusal = error.into(),
            }
        }
        Err(refusal)
    }

    fn validation(&self, algorithm: Algorithm) -> Validation {
        let mut validation = Validation::new(algorithm);
        validation.leeway = self.options.leeway.as_secs();
        validation.validate_nbf = true;
        let mut required = vec!["exp"];
        if let Some(issuer) = &self.options.issuer {
            validation.set_issuer(&[issuer]);
            required.push("iss");
        }
        if self.options.audiences.is_empty() {
            validation.validate_aud = false;
        } else {
            validation.set_audience(&self.options.audiences);
            required.push("aud");
        }
        validation.set_required_spec_claims(&required);
        validation
    }

    fn caller(&self, claims: &Map<String, Value>) -> JwtCaller {
        let name = ["preferred_username", "email", "sub"]
            .into_iter()
            .find_map(|claim| claims.get(claim)?.as_str())
            .unwrap_or("unnamed");
        let roles = roles(claims, &self.options.roles_claim);
        let holds = |wanted: &[String]| wanted.iter().any(|role| roles.contains(&role.as_str()));
        let role = if holds(&self.options.write_roles) {
            Some(Role::Write)
        } else if self.options.read_roles.is_empty() || holds(&self.options.read_roles) {
            Some(Role::Read)
        } else {
            None
        };
        JwtCaller {
            name: name.to_owned(),
            role,
        }
    }

    /// The provider's keys: the kept ones while fresh and knowing the id, else fetched again. When
    /// fetching fails, kept ones go on serving.
    async fn keys_knowing(&self, kid: Option<&str>) -> Result<Arc<JwkSet>, JwtError> {
        let usable = |keys: &Keys| {
            let age = keys.fetched.elapsed();
            let knows = kid.is_none_or(|kid| keys.set.find(kid).is_some());
            age < SHORTEST_PAUSE || (age < self.options.refresh && knows)
        };
        if let Some(keys) = &*self.keys.read().await
            && usable(keys)
        {
            return Ok(Arc::clone(&keys.set));
        }
        let mut kept = self.keys.write().await;
        if let Some(keys) = &*kept
            && usable(keys)
        {
            return Ok(Arc::clone(&keys.set));
        }
        match self.fetch().await {
            Ok(set) => {
                let set = Arc::new(set);
                *kept = Some(Keys {
                    set: Arc::clone(&set),
                    fetched: Instant::now(),
                });
                Ok(set)
            }
            Err(error) => {
                let masker = Masker::default().and_of_url(self.options.jwks_url.expose());
                let (url, error) = (
                    masker.url(self.options.jwks_url.expose()),
                    masker.text(&error.to_string()),
                );
                tracing::warn!(url, error, "could not fetch the identity provider's keys");
                let keys = kept.as_mut().ok_or(JwtError::NoKeys)?;
                keys.fetched = Instant::now();
                Ok(Arc::clone(&keys.set))
            }
        }
    }

    async fn fetch(&self) -> Result<JwkSet, Box<dyn std::error::Error + Send + Sync>> {
        let mut response = self
            .client
            .get(self.options.jwks_url.expose())
            .send()
            .await?
            .error_for_status()?;
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await? {
            if body.len() + chunk.len() > LONGEST_KEY_SET {
                return Err("the key set is longer than a megabyte".into());
            }
            body.extend_from_slice(&chunk);
        }
        Ok(serde_json::from_slice(&body)?)
    }
}

fn roles<'a>(claims: &'a Map<String, Value>, path: &str) -> Vec<&'a str> {
    let mut names = path.split('.');
    let mut value = names.next().and_then(|name| claims.get(name));
    for name in names {
        value = value.and_then(|value| value.get(name));
    }
    match value {
        Some(Value::String(text)) => text.split_whitespace().collect(),
        Some(Value::Array(items)) => items.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}
