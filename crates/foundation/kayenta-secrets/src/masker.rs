//! Finds known secrets in texts.

use std::{fmt, sync::Arc};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use percent_encoding::percent_decode_str;
use secrecy::{ExposeSecret, SecretString};

use crate::masking::{MASK, is_secret_parameter, mask_parameters};

/// Shortest secret looked for inside texts; shorter ones would blot out ordinary words.
const SHORTEST_SECRET: usize = 4;

/// Knows secrets and masks them in texts, in every form in which another system may repeat them: as
/// they are, URL-encoded, and escaped for JSON.
#[derive(Clone, Default)]
pub struct Masker {
    /// Longest first, so that no secret is taken apart by one it contains.
    forms: Arc<[SecretString]>,
}

impl fmt::Debug for Masker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Masker({} forms of secrets)", self.forms.len())
    }
}

impl Masker {
    /// Looks for `secrets`: as they are, URL-encoded, and as JSON has them.
    #[must_use]
    pub fn new(secrets: impl IntoIterator<Item = SecretString>) -> Self {
        Self::default().and(secrets)
    }

    /// Looks for these, too.
    #[must_use]
    pub fn and(&self, secrets: impl IntoIterator<Item = SecretString>) -> Self {
        let mut forms: Vec<String> = self
            .forms
            .iter()
            .map(|form| form.expose_secret().to_owned())
            .collect();
        for secret in secrets {
            let secret = secret.expose_secret();
            if secret.len() < SHORTEST_SECRET {
                continue;
            }
            let encoded: String = form_urlencoded::byte_serialize(secret.as_bytes()).collect();
            let in_json = serde_json::Value::from(secret).to_string();
            forms.extend([
                encoded.replace('+', "%20"),
                encoded,
                in_json[1..in_json.len() - 1].to_owned(),
                secret.to_owned(),
            ]);
        }
        forms.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
        forms.dedup();
        Self {
            forms: forms.into_iter().map(SecretString::from).collect(),
        }
    }

    /// Looks for what a URL has of secrets, too: its user information, as it is and as it is sent in
    /// basic authentication, and the values of parameters that are called like secrets.
    #[must_use]
    pub fn and_of_url(&self, url: &str) -> Self {
        let secrets = secrets_of(url);
        if secrets.is_empty() {
            return self.clone();
        }
        self.and(secrets.into_iter().map(SecretString::from))
    }

    /// `text` without the secrets, and without what is left of one where the text is cut off (`…`).
    #[must_use]
    pub fn text(&self, text: &str) -> String {
        let mut masked = text.to_owned();
        for form in self.forms.iter().map(ExposeSecret::expose_secret) {
            if masked.contains(form) {
                masked = masked.replace(form, MASK);
            }
        }
        let cuts: Vec<usize> = masked.match_indices('…').map(|(at, _)| at).collect();
        for at in cuts.into_iter().rev() {
            if let Some(left) = self.cut_off(&masked[..at]) {
                masked.replace_range(at - left..at, MASK);
            }
        }
        masked
    }

    /// How many bytes at the end of a text are the beginning of a secret.
    fn cut_off(&self, text: &str) -> Option<usize> {
        self.forms
            .iter()
            .map(ExposeSecret::expose_secret)
            .filter_map(|form| {
                let beginnings = form.char_indices().map(|(at, _)| at).rev();
                beginnings
                    .take_while(|length| *length >= SHORTEST_SECRET)
                    .find(|length| text.ends_with(&form[..*length]))
            })
            .max()
    }

    /// A URL without the secrets, without user information that opens doors and without the values
    /// of parameters that are called like secrets. Otherwise exactly as sent.
    #[must_use]
    pub fn url(&self, url: &str) -> String {
        let Some((scheme, rest)) = url.split_once("://") else {
            return self.text(url);
        };
        let (authority, rest) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
        let authority = match authority.rsplit_once('@') {
            None => authority.to_owned(),
            Some((user_info, host)) => match user_info.split_once(':') {
                Some((user, password)) if !password.is_empty() => format!("{user}:{MASK}@{host}"),
                _ => format!("{MASK}@{host}"),
            },
        };
        self.text(&format!("{scheme}://{authority}{}", mask_parameters(rest)))
    }
}

fn secrets_of(url: &str) -> Vec<String> {
    let mut secrets = Vec::new();
    let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
    let mut add = |text: &str| secrets.extend([text.to_owned(), decoded(text)]);
    let Some((_, rest)) = url.split_once("://") else {
        return secrets;
    };
    let (authority, rest) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    let mut pair = None;
    if let Some((user_info, _)) = authority.rsplit_once('@') {
        let (user, password) = user_info.split_once(':').unwrap_or((user_info, ""));
        add(if password.is_empty() { user } else { password });
        pair = Some(format!("{}:{}", decoded(user), decoded(password)));
    }
    for parameter in rest.split(['?', '&', '#']).skip(1) {
        match parameter.split_once('=') {
            Some((name, value)) if is_secret_parameter(name) && !value.contains("${") => add(value),
            _ => {}
        }
    }
    secrets.extend(pair.map(|pair| BASE64_STANDARD.encode(pair)));
    secrets
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_do_not_show_in_urls_or_texts() {
        let masker = Masker::new(["s3cr+t/x".into(), "abc".into(), "a \"quote\" ä".into()]);
        assert_eq!(
            masker.url("http://u:pw@h/a?q=1&api_key=zz&x=s3cr%2Bt%2Fx"),
            "http://u:******@h/a?q=1&api_key=******&x=******"
        );
        for untouched in [
            "http://h/a?q=%28abc%29",
            "http://h:80/a?q=x@y",
            "http://h?q=http://a:b@c",
        ] {
            assert_eq!(masker.url(untouched), untouched);
        }
        assert_eq!(masker.text("got s3cr+t/x abc"), "got ****** abc");
        assert_eq!(
            masker.text(r#"{"e": "a \"quote\" ä"}"#),
            r#"{"e": "******"}"#
        );
        assert!(!format!("{masker:?}").contains("s3cr"));
    }

    #[test]
    fn a_secret_within_another_does_not_take_it_apart() {
        let masker = Masker::new(["token".into(), "token-of-the-shop".into()]);
        assert_eq!(masker.text("token-of-the-shop"), "******");
        assert_eq!(masker.and(["the token".into()]).text("the token"), "******");
    }

    #[test]
    fn what_is_left_of_a_secret_that_was_cut_off_is_hidden() {
        let masker = Masker::new(["s3cret-token".into()]);
        assert_eq!(
            masker.text("said \"Bearer s3cret-t… here"),
            "said \"Bearer ******… here"
        );
        assert_eq!(masker.text("s3c… and the rest…"), "s3c… and the rest…");
    }

    #[test]
    fn what_a_url_has_of_secrets_is_known_in_every_form() {
        let masker =
            Masker::default().and_of_url("http://u:p%23ss@h/a?sig=x%2Fyz&q=${query}&token=${t}");
        assert_eq!(
            masker.text("p%23ss p#ss x%2Fyz x/yz ${t}"),
            "****** ****** ****** ****** ${t}"
        );
        // `u:p#ss`, as it is sent.
        assert_eq!(masker.text("Basic dTpwI3Nz"), "Basic ******");
        let masker = Masker::default().and_of_url("http://t0ken@h");
        assert_eq!(masker.text("t0ken dDBrZW46"), "****** ******");
        assert_eq!(masker.url("http://t0ken@h/x"), "http://******@h/x");
    }
}
