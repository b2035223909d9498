//! References to secrets in other systems: `encrypted:<engine>!<p>:<v>…` and `encryptedFile:…`.

use std::path::{Path, PathBuf};

use kayenta_properties::{SecretReference, SecretReferences};

/// The references of Spinnaker's secret engines.
pub(crate) const REFERENCES: SecretReferences = SecretReferences {
    prefix: "encrypted",
    directory: "kayenta.secrets.directory",
    default_directory: "/var/run/secrets/kayenta",
    resolve,
};

/// What a reference leads to, or why that cannot be had; `None` when the text is no reference. Whether a
/// property gets the content or the path of a file depends on its name alone, as in the reference.
fn resolve(text: &str) -> Option<Result<SecretReference, String>> {
    let body = text
        .strip_prefix("encrypted:")
        .or_else(|| text.strip_prefix("encryptedFile:"))?;
    let mut parts = body.split('!');
    let engine = parts.next().unwrap_or_default();
    let parameters: Vec<_> = parts.filter_map(|part| part.split_once(':')).collect();
    if parameters.is_empty() {
        return None;
    }
    let parameter = |wanted: &str| {
        let found = parameters.iter().find(|(name, _)| *name == wanted);
        found.map(|(_, value)| *value).ok_or_else(|| {
            format!("Secret parameter is missing ({wanted}=...) for engine {engine}")
        })
    };
    Some(match engine {
        "noop" => parameter("v").map(|value| SecretReference::Text(value.to_owned())),
        // C-SECRETS-01: the reference has no such engine; Spinnaker's operator replaces these references.
        "k8s" => parameter("n").and_then(|secret| mounted(secret, parameter("k")?)),
        "s3" | "gcs" | "secrets-manager" | "google-secrets-manager" => Err(format!(
            "secret engine {engine} is not supported: mount the secret as a file, and write file:/path, or \
             encrypted:k8s!n:NAME!k:KEY for the key of a Kubernetes Secret"
        )),
        _ => Err(format!("Secret Engine does not exist: {engine}")),
    })
}

/// The file a key of a Kubernetes Secret is mounted as.
fn mounted(secret: &str, key: &str) -> Result<SecretReference, String> {
    let is_plain = |name: &str| {
        let path = Path::new(name);
        path.file_name().is_some_and(|last| last == name)
    };
    if !is_plain(secret) || !is_plain(key) {
        return Err("the name and the key of a Secret are names, not paths".to_owned());
    }
    Ok(SecretReference::File(PathBuf::from(secret).join(key)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_texts_of_the_form_are_references() {
        assert_eq!(
            resolve("encrypted:noop!v:he:llo"),
            Some(Ok(SecretReference::Text("he:llo".to_owned())))
        );
        assert_eq!(
            resolve("encrypted:nosuch!k:v"),
            Some(Err("Secret Engine does not exist: nosuch".to_owned()))
        );
        let Some(Err(error)) = resolve("encrypted:s3!b:x!f:y") else {
            panic!("s3 is not supported");
        };
        assert!(error.contains("encrypted:k8s!n:NAME!k:KEY"), "{error}");
        assert!(matches!(resolve("encrypted:k8s!n:x"), Some(Err(_))));
        assert_eq!(resolve("encrypted:"), None);
        assert_eq!(resolve("plain"), None);
    }

    #[test]
    fn mounted_secrets_are_files_below_their_directory_and_nowhere_else() {
        for text in [
            "encrypted:k8s!n:spin-secrets!k:dd",
            "encryptedFile:k8s!n:spin-secrets!k:dd",
        ] {
            let file = SecretReference::File("spin-secrets/dd".into());
            assert_eq!(resolve(text), Some(Ok(file)));
        }
        for (name, key) in [
            ("..", "passwd"),
            ("/etc", "passwd"),
            ("a/b", "c"),
            ("a", ".."),
            ("a", ""),
        ] {
            assert!(matches!(
                resolve(&format!("encrypted:k8s!n:{name}!k:{key}")),
                Some(Err(_))
            ));
        }
    }
}
