//! Signatures of the Standard Webhooks convention: HMAC-SHA256 over id, time and body.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use kayenta_secrets::MASK;
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;

/// What a secret begins with.
const PREFIX: &str = "whsec_";
/// Bytes a secret may have.
const LENGTHS: std::ops::RangeInclusive<usize> = 24..=64;

/// A secret that requests are signed with.
#[derive(Clone)]
pub(crate) struct SigningKey(Hmac<Sha256>);

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(MASK)
    }
}

impl SigningKey {
    /// Reads `whsec_<base64>`; the error does not show it.
    pub(crate) fn read(secret: &SecretString) -> Result<Self, String> {
        let wrong = "a secret is whsec_ and the base64 of 24 to 64 bytes; `echo whsec_$(openssl rand -base64 32)` makes one";
        let text = secret.expose_secret().strip_prefix(PREFIX).ok_or(wrong)?;
        let bytes = BASE64_STANDARD.decode(text.trim()).map_err(|_| wrong)?;
        if !LENGTHS.contains(&bytes.len()) {
            return Err(wrong.to_owned());
        }
        let mac = Hmac::new_from_slice(&bytes).map_err(|error| error.to_string())?;
        Ok(Self(mac))
    }

    fn sign(&self, id: &str, timestamp: i64, body: &[u8]) -> String {
        let mut mac = self.0.clone();
        mac.update(format!("{id}.{timestamp}.").as_bytes());
        mac.update(body);
        format!("v1,{}", BASE64_STANDARD.encode(mac.finalize().into_bytes()))
    }
}

/// The value of `webhook-signature`: one signature for each key, so that a secret can be exchanged
/// without a gap.
pub(crate) fn signatures(keys: &[SigningKey], id: &str, timestamp: i64, body: &[u8]) -> String {
    let signatures: Vec<_> = keys
        .iter()
        .map(|key| key.sign(id, timestamp, body))
        .collect();
    signatures.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the specification.
    #[test]
    fn signatures_are_those_of_the_specification() {
        let key = SigningKey::read(&"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".into()).unwrap();
        let body = br#"{"test": 2432232314}"#;
        let signed = signatures(
            std::slice::from_ref(&key),
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            1_614_265_330,
            body,
        );
        assert_eq!(signed, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
        let both = signatures(&[key.clone(), key], "a", 1, b"");
        assert_eq!(both.split(' ').count(), 2);
    }

    #[test]
    fn a_secret_of_another_form_is_refused_without_being_shown() {
        for secret in ["", "s3cret", "whsec_s3cret!", "whsec_c2hvcnQ="] {
            let error = SigningKey::read(&secret.into()).unwrap_err();
            assert!(
                !error.contains("s3cret") && error.contains("openssl"),
                "{error}"
            );
        }
    }
}
