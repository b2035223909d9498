//! Secrets taken out of texts people read: settings, answers, errors, log lines. One rule for every
//! room; none of them hides secrets in a way of its own.

use std::{fmt, sync::Arc};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use percent_encoding::percent_decode_str;
use secrecy::{ExposeSecret, SecretString};

/// What stands in for a secret.
pub const MASK: &str = "******";

/// Names of parameters whose values are never shown, in lower case and without `-`, `_` and `.`.
const SECRET_PARAMETERS: [&str; 37] = [
    "accesskey",
    "accesstoken",
    "accountkey",
    "apikey",
    "apitoken",
    "appkey",
    "applicationkey",
    "auth",
    "authkey",
    "authorization",
    "authtoken",
    "bearertoken",
    "clientsecret",
    "credential",
    "credentials",
    "idtoken",
    "key",
    "licensekey",
    // InfluxDB's password.
    "p",
    "passwd",
    "password",
    "privatekey",
    "privatetoken",
    "pwd",
    "refreshtoken",
    "sastoken",
    "secret",
    "secretkey",
    "securitytoken",
    "sessiontoken",
    "sharedaccesssignature",
    // Of a shared access signature of Azure.
    "sig",
    "signature",
    "subscriptionkey",
    "token",
    "usertoken",
    "xapikey",
];

/// Shortest secret looked for inside texts; shorter ones would blot out ordinary words.
const SHORTEST_SECRET: usize = 4;

/// Whether the value of a parameter of this name is never shown.
#[must_use]
pub fn is_secret_parameter(name: &str) -> bool {
    let squashed: String = name
        .chars()
        .filter(|c| !matches!(c, '-' | '_' | '.'))
        .flat_map(char::to_lowercase)
        .collect();
    SECRET_PARAMETERS.contains(&squashed.as_str())
}

/// Hides what a text says in passing to open doors: the password in every `scheme://user:password@host`,
/// with or without the scheme, user information without a colon, which may be a misplaced password, and
/// values behind `?`, `&` or `;` whose name is that of a secret (`…?api_key=…`, `…;AccountKey=…`).
///
/// It is meant for what people wrote, where a password may have characters no URL has: in doubt more
/// is hidden. For a URL that is sent there is [`Masker::url`].
#[must_use]
pub fn mask_urls(text: &str) -> String {
    let schemeless: String = text
        .split_inclusive(char::is_whitespace)
        .map(|word| mask_schemeless(word).unwrap_or_else(|| word.to_owned()))
        .collect();
    mask_parameters(&mask_passwords(&schemeless))
}

/// `user:password@host` where somebody forgot the scheme.
fn mask_schemeless(word: &str) -> Option<String> {
    let (user, rest) = word.split_once(':')?;
    let (password, host) = rest.rsplit_once('@')?;
    let is_name = |c: char| c.is_alphanumeric() || matches!(c, '.' | '_' | '-');
    let is_address = user.chars().all(is_name) && !password.is_empty() && !rest.starts_with("//");
    is_address.then(|| format!("{user}:{MASK}@{host}"))
}

fn mask_passwords(text: &str) -> String {
    let mut masked = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let (head, tail) = rest.split_at(at + 3);
        masked.push_str(head);
        let authority_end = tail
            .find(|c: char| matches!(c, '/' | '?' | '#' | '"' | '\'') || c.is_whitespace())
            .unwrap_or(tail.len());
        // A password may itself contain the characters that end an authority; the last `@` before
        // blank space counts when it comes later.
        let word_end = tail.find(char::is_whitespace).unwrap_or(tail.len());
        let user_info = tail[..word_end]
            .rfind('@')
            .filter(|&at| at < authority_end || !tail[..at].contains("://"));
        match user_info {
            Some(at) => {
                match tail[..at].split_once(':') {
                    Some((user, _)) => {
                        masked.push_str(user);
                        masked.push(':');
                        masked.push_str(MASK);
                    }
                    None if authority_end < at => masked.push_str(&tail[..at]),
                    None => masked.push_str(MASK),
                }
                rest = &tail[at..];
            }
            None => rest = tail,
        }
    }
    masked.push_str(rest);
    masked
}

/// Hides the values of secret parameters, wherever in a text a list of parameters stands.
fn mask_parameters(text: &str) -> String {
    let mut masked = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(['?', '&', ';']) {
        let (head, tail) = rest.split_at(at + 1);
        masked.push_str(head);
        rest = tail;
        let end = tail
            .find(|c: char| matches!(c, '&' | ';' | '#' | '"' | '\'') || c.is_whitespace())
            .unwrap_or(tail.len());
        if let Some((name, value)) = tail[..end].split_once('=')
            && is_secret_parameter(name)
            && !value.is_empty()
        {
            masked.push_str(name);
            masked.push('=');
            masked.push_str(MASK);
            rest = &tail[end..];
        }
    }
    masked.push_str(rest);
    masked
}

/// A URL, or the template of one, that may have secrets in it: printed, it has none.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct SecretUrl(String);

impl SecretUrl {
    /// All of it, to be called.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl<T: Into<String>> From<T> for SecretUrl {
    fn from(url: T) -> Self {
        Self(url.into())
    }
}

impl fmt::Debug for SecretUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for SecretUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&mask_urls(&self.0))
    }
}

/// Knows secrets and finds them in texts, in any form in which somebody may repeat them.
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
    fn passwords_of_urls_are_hidden_in_whatever_people_wrote() {
        for (text, shown) in [
            ("redis://:secret@host:6379", "redis://:******@host:6379"),
            ("redis://u:s%23:t@host/2", "redis://u:******@host/2"),
            ("redis://u:a/b@host/2", "redis://u:******@host/2"),
            ("redis://secret@host", "redis://******@host"),
            ("http://host/path?a=b:c", "http://host/path?a=b:c"),
            ("http://a/x@y", "http://a/x@y"),
            ("say u:p@h:80 now", "say u:******@h:80 now"),
            ("image/x:1@sha256:0", "image/x:1@sha256:0"),
            ("plain", "plain"),
            (
                "a redis://u:p@h and http://token@h2/x.",
                "a redis://u:******@h and http://******@h2/x.",
            ),
        ] {
            assert_eq!(mask_urls(text), shown);
        }
    }

    #[test]
    fn values_of_parameters_called_like_secrets_are_hidden() {
        for (text, shown) in [
            (
                "http://h/q?q=${query}&api_key=abc&Token=d#e",
                "http://h/q?q=${query}&api_key=******&Token=******#e",
            ),
            (
                "core.windows.net;AccountKey=a+b/c==;BlobEndpoint=http://h",
                "core.windows.net;AccountKey=******;BlobEndpoint=http://h",
            ),
            (
                "jdbc:x://h/d?user=u&password=p",
                "jdbc:x://h/d?user=u&password=******",
            ),
            (
                "?sv=2021&sig=a%2Bb&se=1 rest",
                "?sv=2021&sig=******&se=1 rest",
            ),
            ("http://h/q?token=&sortKey=a", "http://h/q?token=&sortKey=a"),
        ] {
            assert_eq!(mask_urls(text), shown);
        }
    }

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
        let masker = Masker::new(["token".into(), "token-of-the-house".into()]);
        assert_eq!(masker.text("token-of-the-house"), "******");
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
