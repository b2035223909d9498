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
            Value::String(text) => mask_urls(text).into(),
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

    fn is_secret(&self, key: &str) -> bool {
        let lower = key.to_lowercase();
        SECRET_ENDINGS.iter().any(|ending| lower.ends_with(ending))
            // The ending alone would show AZURE_STORAGE_KEY_2.
            || lower
                .split(|c: char| !c.is_alphanumeric())
                .any(|word| SECRET_ENDINGS.contains(&word))
            || lower.contains("credentials")
            || lower.starts_with("vcap.services")
            || SECRET_DOCUMENTS.contains(&lower.as_str())
            || self.extra.iter().any(|pattern| pattern.is_match(key))
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
