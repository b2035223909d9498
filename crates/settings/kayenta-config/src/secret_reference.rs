//! References to secrets in other systems: `encrypted:<engine>!<p>:<v>…`.

use kayenta_properties::SecretReferences;

/// The references of Spinnaker's secret engines.
pub(crate) const REFERENCES: SecretReferences = SecretReferences {
    prefix: "encrypted",
    resolve,
};

/// The secret from the engine for tests, or why it cannot be had; `None` when the text is no reference.
fn resolve(text: &str) -> Option<Result<String, String>> {
    if text.starts_with("encryptedFile:") {
        return Some(Err(
            "secrets written to files (encryptedFile:) are not supported".to_owned(),
        ));
    }
    let body = text.strip_prefix("encrypted:")?;
    let mut parts = body.split('!');
    let engine = parts.next().unwrap_or_default();
    let parameters: Vec<_> = parts.filter_map(|part| part.split_once(':')).collect();
    if parameters.is_empty() {
        return None;
    }
    Some(match engine {
        "noop" => match parameters.iter().find(|(name, _)| *name == "v") {
            Some((_, value)) => Ok((*value).to_owned()),
            None => Err("Secret parameter is missing (v=...) for engine noop".to_owned()),
        },
        "s3" | "gcs" | "secrets-manager" | "google-secrets-manager" | "k8s" => {
            Err(format!("secret engine {engine} is not supported"))
        }
        _ => Err(format!("Secret Engine does not exist: {engine}")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_texts_of_the_form_are_references() {
        assert_eq!(
            resolve("encrypted:noop!v:he:llo"),
            Some(Ok("he:llo".to_owned()))
        );
        assert_eq!(
            resolve("encrypted:nosuch!k:v"),
            Some(Err("Secret Engine does not exist: nosuch".to_owned()))
        );
        assert!(matches!(resolve("encrypted:s3!b:x!f:y"), Some(Err(_))));
        assert_eq!(resolve("encrypted:"), None);
        assert_eq!(resolve("plain"), None);
    }
}
