//! Which property values are not to be seen.

use kayenta_secrets::{MASK, mask_urls};
use regex::Regex;
use serde_json::{Map, Value};

/// A key that ends with one of these is secret.
const SECRET_ENDINGS: [&str; 4] = ["password", "secret", "key", "token"];
/// Keys that hold whole documents of unknown content.
const SECRET_DOCUMENTS: [&str; 4] = [
    "vcap_services",
    "sun.java.command",
    "spring.application.json",
    "spring_application_json",
];

/// What variables of the environment that may be shown begin with, in lower case and with dots: the
/// settings, and what describes the machine.
const KNOWN_VARIABLES: [&str; 34] = [
    "container",
    "home",
    "hostname",
    "java",
    "jdk",
    "kayenta",
    "keiko",
    "kubernetes",
    "lang",
    "language",
    "lc",
    "logging",
    "logname",
    "management",
    "no.proxy",
    "ok.http.client",
    "okhttp",
    "oldpwd",
    "path",
    "pollers",
    "pwd",
    "queue",
    "redis",
    "retrofit",
    "server",
    "services",
    "shell",
    "shlvl",
    "spring",
    "swagger",
    "term",
    "tz",
    "user",
    "rust",
];

/// Decides by key, and hides secrets inside URLs whatever the key.
#[derive(Debug)]
pub(crate) struct Masking {
    extra: Vec<Regex>,
}

impl Masking {
    /// The built-in rules and these: a regular expression if the text has any of `*$^+`, otherwise
    /// an ending.
    pub(crate) fn new(extra_keys: &[String]) -> Self {
        let extra = extra_keys
            .iter()
            .filter_map(|key| {
                let pattern = if key.contains(['*', '$', '^', '+']) {
                    format!("(?i)^(?:{key})$")
                } else {
                    format!("(?i).*{}$", regex::escape(key))
                };
                Regex::new(&pattern)
                    .inspect_err(|error| {
                        tracing::warn!(%key, %error, "a key to sanitize is not a valid regular expression");
                    })
                    .ok()
            })
            .collect();
        Self { extra }
    }

    /// The value as it may be shown.
    pub(crate) fn mask(&self, key: &str, value: &Value) -> Value {
        if value.is_null() {
            return Value::Null;
        }
        if self.is_secret(key) {
            return MASK.into();
        }
        match value {
            Value::String(text) => mask_headers(&mask_urls(text)).into(),
            Value::Array(items) => items
                .iter()
                .map(|item| self.mask(key, item))
                .collect::<Vec<_>>()
                .into(),
            Value::Object(fields) => fields
                .iter()
                .map(|(name, field)| {
                    let key = format!("{key}.{name}");
                    (name.clone(), self.mask(&key, field))
                })
                .collect::<Map<_, _>>()
                .into(),
            other => other.clone(),
        }
    }

    /// The value of a variable of the environment as it may be shown. The environment holds much that has
    /// nothing to do with the service, so only what is known to be harmless is shown.
    pub(crate) fn mask_variable(&self, name: &str, value: &Value) -> Value {
        let dotted = name.to_lowercase().replace(['_', '-'], ".");
        let known = KNOWN_VARIABLES.iter().any(|known| {
            dotted
                .strip_prefix(known)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        });
        if known {
            self.mask(name, value)
        } else {
            MASK.into()
        }
    }

    fn is_secret(&self, key: &str) -> bool {
        let lower = key.to_lowercase();
        SECRET_ENDINGS.iter().any(|ending| lower.ends_with(ending))
            // The ending alone would show AZURE_STORAGE_KEY_2.
            || lower
                .split(|c: char| !c.is_alphanumeric())
                .any(|word| SECRET_ENDINGS.contains(&word))
            || lower.contains("credentials")
            // The URL of a webhook contains the right to post to it.
            || lower.contains("webhook")
            || lower.starts_with("vcap.services")
            || SECRET_DOCUMENTS.contains(&lower.as_str())
            || self.extra.iter().any(|pattern| pattern.is_match(key))
    }
}

/// Hides what follows the name of a header that carries credentials.
fn mask_headers(text: &str) -> String {
    let lower = text.to_ascii_lowercase();
    let found = ["authorization:", "cookie:"]
        .iter()
        .filter_map(|name| Some(lower.find(name)? + name.len()))
        .min();
    match found {
        Some(end) => format!("{} {MASK}", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn secrets_are_found_by_ending_by_word_and_by_rule() {
        let masking = Masking::new(&["pin".to_owned(), ".*internal.*".to_owned()]);
        for key in [
            "kayenta.azure.accounts[0].accountAccessKey",
            "AZURE_STORAGEKEY",
            "AZURE_STORAGE_KEY_2",
            "prometheus.password",
            "aws.explicitCredentials.accessKeyId",
            "the.Pin",
            "kayenta.notifications[0].webhookUrl",
            "my.internal.thing",
            "SPRING_APPLICATION_JSON",
        ] {
            assert_eq!(masking.mask(key, &json!("x")), json!(MASK), "{key}");
        }
        for key in ["server.port", "keiko.queue", "monkeys"] {
            assert_eq!(masking.mask(key, &json!(8090)), json!(8090), "{key}");
        }
    }

    #[test]
    fn only_variables_known_to_be_harmless_are_shown() {
        let masking = Masking::new(&[]);
        for name in [
            "AZURE_PAT",
            "BASIC_AUTH",
            "MY_BEARER",
            "JWT",
            "GPG_PASSPHRASE",
            "USERS",
            "HOMES",
        ] {
            assert_eq!(
                masking.mask_variable(name, &json!("x")),
                json!(MASK),
                "{name}"
            );
        }
        for name in [
            "HOME",
            "KAYENTA_ENGINE_WORKERS",
            "server.port",
            "LC_ALL",
            "KUBERNETES_PORT",
        ] {
            assert_eq!(
                masking.mask_variable(name, &json!("x")),
                json!("x"),
                "{name}"
            );
        }
        assert_eq!(
            masking.mask_variable("KAYENTA_X_TOKEN", &json!("x")),
            json!(MASK)
        );
        assert_eq!(
            masking.mask("kayenta.x", &json!("curl -H 'Authorization: Bearer abc' x")),
            "curl -H 'Authorization: ******"
        );
    }

    #[test]
    fn passwords_in_urls_are_hidden_under_any_key() {
        let masking = Masking::new(&[]);
        let shown = |text: &str| masking.mask("redis.connection", &json!(text));
        assert_eq!(
            shown("redis://user:se:cr@et@redis:6379"),
            "redis://user:******@redis:6379"
        );
        assert_eq!(shown("redis://:secret@host"), "redis://:******@host");
        assert_eq!(
            shown("redis://redis:6379/0?a=b:c@d"),
            "redis://redis:******@d",
            "what may be a password is taken for one"
        );
        assert_eq!(
            shown("a://u:p@h, b://u:q@h"),
            "a://u:******@h, b://u:******@h"
        );
    }

    #[test]
    fn nested_values_are_masked_by_their_full_key() {
        let masking = Masking::new(&[]);
        let value = json!([{"name": "a", "password": "p", "empty": null}]);
        assert_eq!(
            masking.mask("kayenta.prometheus.accounts", &value),
            json!([{"name": "a", "password": MASK, "empty": null}])
        );
    }
}
