//! References to secrets in other systems: `encrypted:<engine>!<p>:<v>…`.

/// What a text says about a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum SecretReference {
    /// The secret itself, from the engine for tests.
    Plain(String),
    /// It cannot be had; why, without the text.
    Refused(String),
}

/// Reads a reference; `None` when the text is none.
pub(crate) fn parse(text: &str) -> Option<SecretReference> {
    if text.starts_with("encryptedFile:") {
        return Some(SecretReference::Refused(
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
            Some((_, value)) => SecretReference::Plain((*value).to_owned()),
            None => SecretReference::Refused(
                "Secret parameter is missing (v=...) for engine noop".to_owned(),
            ),
        },
        "s3" | "gcs" | "secrets-manager" | "google-secrets-manager" | "k8s" => {
            SecretReference::Refused(format!("secret engine {engine} is not supported"))
        }
        _ => SecretReference::Refused(format!("Secret Engine does not exist: {engine}")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_texts_of_the_form_are_references() {
        assert_eq!(
            parse("encrypted:noop!v:he:llo"),
            Some(SecretReference::Plain("he:llo".to_owned()))
        );
        assert_eq!(
            parse("encrypted:nosuch!k:v"),
            Some(SecretReference::Refused(
                "Secret Engine does not exist: nosuch".to_owned()
            ))
        );
        assert!(matches!(
            parse("encrypted:s3!b:x!f:y"),
            Some(SecretReference::Refused(_))
        ));
        assert_eq!(parse("encrypted:"), None);
        assert_eq!(parse("plain"), None);
    }
}
