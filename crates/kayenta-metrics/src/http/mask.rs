//! Secrets taken out of what is logged or told.

use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::encoding::{form_encoded, path_segment};

/// What stands in for a secret.
pub const MASK: &str = "******";

/// Names of query parameters whose values are never shown.
const SECRET_PARAMETERS: &[&str] = &[
    "access_token",
    "api-key",
    "api_key",
    "apikey",
    "application_key",
    "auth",
    "client_secret",
    "key",
    "p",
    "password",
    "secret",
    "sig",
    "signature",
    "token",
];

/// Shortest secret looked for inside texts; shorter ones would blot out ordinary words.
const SHORTEST_SECRET: usize = 4;

/// Knows the secrets of one account.
#[derive(Clone, Debug, Default)]
pub struct Masker {
    secrets: Vec<SecretString>,
}

impl Masker {
    /// Looks for `secrets`, as they are and URL-encoded.
    #[must_use]
    pub fn new(secrets: Vec<SecretString>) -> Self {
        let secrets = secrets
            .into_iter()
            .filter(|secret| secret.expose_secret().len() >= SHORTEST_SECRET)
            .collect();
        Self { secrets }
    }

    /// `text` without the secrets.
    #[must_use]
    pub fn text(&self, text: &str) -> String {
        let mut masked = text.to_owned();
        for secret in self.secrets.iter().map(ExposeSecret::expose_secret) {
            for form in [
                secret.to_owned(),
                form_encoded(secret),
                path_segment(secret),
            ] {
                if masked.contains(&form) {
                    masked = masked.replace(&form, MASK);
                }
            }
        }
        masked
    }

    /// A URL without the secrets, without a password in its authority and without the values of
    /// parameters that are called like secrets. Otherwise exactly as sent.
    #[must_use]
    pub fn url(&self, url: &Url) -> String {
        let mut shown = url.clone();
        if url.password().is_some() {
            // Cannot fail: a URL with a password has a host.
            let _ = shown.set_password(Some(MASK));
        }
        let mut text = shown.to_string();
        if let Some(query) = url.query() {
            let pairs: Vec<_> = query
                .split('&')
                .map(|pair| match pair.split_once('=') {
                    Some((name, _))
                        if SECRET_PARAMETERS.contains(&name.to_ascii_lowercase().as_str()) =>
                    {
                        format!("{name}={MASK}")
                    }
                    _ => pair.to_owned(),
                })
                .collect();
            text.truncate(text.len() - query.len());
            text.push_str(&pairs.join("&"));
        }
        self.text(&text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_do_not_show_in_urls_or_texts() {
        let masker = Masker::new(vec!["s3cr+t/x".into(), "abc".into()]);
        let url = |text: &str| masker.url(&Url::parse(text).unwrap());
        assert_eq!(
            url("http://u:pw@h/a?q=1&api_key=zz&x=s3cr%2Bt%2Fx"),
            "http://u:******@h/a?q=1&api_key=******&x=******"
        );
        assert_eq!(url("http://h/a?q=%28abc%29"), "http://h/a?q=%28abc%29");
        assert_eq!(masker.text("got s3cr+t/x abc"), "got ****** abc");
        assert!(!format!("{masker:?}").contains("s3cr"));
    }
}
