//! JSON Web Tokens: signatures and claims checked.

use jsonwebtoken::{
    Algorithm, DecodingKey, Validation, decode, decode_header,
    jwk::{KeyAlgorithm, PublicKeyUse},
};
use kayenta_settings::{JwtSettings, Role};
use serde_json::{Map, Value};

use crate::{caller::Caller, signing_keys::SigningKeys};

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

/// Why a token is rejected; sent to the caller, so it contains nothing secret.
#[derive(Debug, thiserror::Error)]
pub(crate) enum JwtError {
    #[error("the token is not valid: {0}")]
    Invalid(#[from] jsonwebtoken::errors::Error),
    #[error("the token's algorithm {0:?} is not accepted")]
    Algorithm(Algorithm),
    #[error("the token's key id is not among the provider's keys")]
    UnknownKey,
    #[error("the token has critical header fields, of which this service knows none")]
    Critical,
    #[error("the provider's keys cannot be fetched at present")]
    NoKeys,
}

#[derive(Debug)]
pub(crate) struct JwtVerifier {
    settings: JwtSettings,
    keys: SigningKeys,
}

impl JwtVerifier {
    pub(crate) fn new(settings: JwtSettings, keys: SigningKeys) -> Self {
        Self { settings, keys }
    }

    pub(crate) async fn verify(&self, token: &str) -> Result<Caller, JwtError> {
        let header = decode_header(token)?;
        if !ALGORITHMS.contains(&header.alg) {
            return Err(JwtError::Algorithm(header.alg));
        }
        // RFC 7515, 4.1.11: what is marked as critical must be understood, and nothing is here.
        if header.crit.is_some() {
            return Err(JwtError::Critical);
        }
        let set = self
            .keys
            .knowing(header.kid.as_deref(), self.settings.refresh)
            .await
            .ok_or(JwtError::NoKeys)?;
        let candidates = set.keys.iter().filter(|key| {
            let wanted = header.kid.is_none() || key.common.key_id == header.kid;
            let signs = !matches!(key.common.public_key_use, Some(PublicKeyUse::Encryption));
            let algorithm = KeyAlgorithm::from(header.alg);
            let fits = key
                .common
                .key_algorithm
                .is_none_or(|known| known == algorithm);
            wanted && signs && fits
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
        validation.leeway = self.settings.leeway.as_secs();
        validation.validate_nbf = true;
        let mut required = vec!["exp"];
        if let Some(issuer) = &self.settings.issuer {
            validation.set_issuer(&[issuer]);
            required.push("iss");
        }
        if self.settings.audiences.is_empty() {
            validation.validate_aud = false;
        } else {
            validation.set_audience(&self.settings.audiences);
            required.push("aud");
        }
        validation.set_required_spec_claims(&required);
        validation
    }

    fn caller(&self, claims: &Map<String, Value>) -> Caller {
        let name = ["preferred_username", "email", "sub"]
            .into_iter()
            .find_map(|claim| claims.get(claim)?.as_str())
            .unwrap_or("unnamed");
        let roles = roles(claims, &self.settings.roles_claim);
        let holds = |wanted: &[String]| wanted.iter().any(|role| roles.contains(&role.as_str()));
        let role = if holds(&self.settings.write_roles) {
            Some(Role::Write)
        } else if self.settings.read_roles.is_empty() || holds(&self.settings.read_roles) {
            Some(Role::Read)
        } else {
            None
        };
        Caller {
            name: name.to_owned(),
            role,
            until: claims.get("exp").and_then(Value::as_i64),
        }
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
