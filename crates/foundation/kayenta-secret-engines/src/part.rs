//! The part of a document that a reference names.

use kayenta_properties::yaml_text;
use secrecy::{ExposeSecret, SecretSlice};

use crate::document::{Document, parameter};

/// The part of a document that is the secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Whole,
    /// What is at a key of YAML; dots lead into mappings.
    Yaml(String),
    /// A member of a JSON object.
    Json(String),
}

impl Part {
    /// Files of buckets are YAML and secrets of secret managers are JSON, where a reference has a `k`.
    pub(crate) fn read(document: &Document, parameters: &[(&str, &str)]) -> Self {
        match (parameter(parameters, "k"), document) {
            (None, _) => Self::Whole,
            (Some(key), Document::S3 { .. } | Document::Gcs { .. }) => Self::Yaml(key),
            (Some(key), _) => Self::Json(key),
        }
    }

    /// The secret as log lines name it.
    pub(crate) fn named(&self, document: &Document) -> String {
        match self {
            Self::Whole => document.to_string(),
            Self::Yaml(key) | Self::Json(key) => format!("{document} key {key}"),
        }
    }

    /// This part of the content. Errors show nothing of it.
    pub(crate) fn of(
        &self,
        document: &Document,
        content: &SecretSlice<u8>,
    ) -> Result<SecretSlice<u8>, String> {
        let bytes = content.expose_secret();
        let text = || {
            std::str::from_utf8(bytes)
                .map_err(|_| format!("{document} is not UTF-8, so it has no keys; leave out k"))
        };
        let (key, found) = match self {
            Self::Whole => return Ok(bytes.to_vec().into()),
            Self::Yaml(key) => {
                let found = yaml_text(text()?, key)
                    .map_err(|place| format!("{document} is not YAML: see its {place}"))?;
                (key, found)
            }
            Self::Json(key) => {
                let object: serde_json::Map<String, serde_json::Value> =
                    serde_json::from_str(text()?).map_err(|_| {
                        format!("{document} is not a JSON object, so it has no keys; leave out k")
                    })?;
                let found = object.get(key).map(|value| match value {
                    serde_json::Value::String(text) => text.clone(),
                    other => other.to_string(),
                });
                (key, found)
            }
        };
        found
            .map(|found| found.into_bytes().into())
            .ok_or_else(|| format!("{document} has no key {key}: check k"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(engine: &str, key: &str, content: &str) -> Result<String, String> {
        let parameters: Vec<_> = [("b", "b"), ("f", "f"), ("r", "r"), ("s", "s"), ("k", key)]
            .into_iter()
            .filter(|(_, value)| !value.is_empty())
            .collect();
        let document = Document::read(engine, &parameters).unwrap().unwrap();
        Part::read(&document, &parameters)
            .of(&document, &content.as_bytes().to_vec().into())
            .map(|part| String::from_utf8(part.expose_secret().to_vec()).unwrap())
    }

    #[test]
    fn a_key_leads_into_yaml_of_buckets_and_json_of_secret_managers() {
        let yaml = "db:\n  password: hush\nport: 0777\n";
        assert_eq!(of("s3", "db.password", yaml).unwrap(), "hush");
        assert_eq!(of("gcs", "port", yaml).unwrap(), "511");
        assert_eq!(of("s3", "", yaml).unwrap(), yaml);
        let json = r#"{"db.password": "hush", "port": 5}"#;
        assert_eq!(of("secrets-manager", "db.password", json).unwrap(), "hush");
        assert_eq!(of("secrets-manager", "port", json).unwrap(), "5");
    }

    #[test]
    fn what_is_missing_or_malformed_is_named_and_nothing_of_the_content_is_shown() {
        for (engine, key, content, words) in [
            (
                "s3",
                "db.user",
                "db: {password: hush}",
                "s3://b/f has no key db.user",
            ),
            ("s3", "db", "db: {password: hush}", "has no key db"),
            (
                "s3",
                "k",
                "a: hush\n  b: hush: hush",
                "is not YAML: see its line 2",
            ),
            ("secrets-manager", "k", "hush", "is not a JSON object"),
        ] {
            let error = of(engine, key, content).unwrap_err();
            assert!(error.contains(words), "{error}");
            assert!(!error.contains("hush"), "{error}");
        }
    }

    #[test]
    fn a_missing_parameter_is_reported_in_the_words_of_the_reference() {
        for (engine, parameters, words) in [
            (
                "s3",
                &[("b", "x"), ("f", "y")][..],
                "Storage region parameter is missing (r=...)",
            ),
            (
                "gcs",
                &[("f", "y")],
                "Storage bucket parameter is missing (b=...)",
            ),
            (
                "secrets-manager",
                &[("s", "y")],
                "Secret region parameter is missing (r=...)",
            ),
            (
                "google-secrets-manager",
                &[("s", "y")],
                "Project number parameter is missing (p=...)",
            ),
        ] {
            let error = Document::read(engine, parameters).unwrap().unwrap_err();
            assert_eq!(error, words);
        }
        assert!(Document::read("vault", &[("s", "y")]).is_none());
    }
}
