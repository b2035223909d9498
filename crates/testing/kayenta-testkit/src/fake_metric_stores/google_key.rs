//! The key of a service account that does not exist.

use std::path::{Path, PathBuf};

use rcgen::{KeyPair, PKCS_RSA_SHA256};
use serde_json::json;

/// Writes the JSON key file of a service account whose tokens come from `token_uri`, and returns its
/// path.
///
/// # Errors
/// When no key can be made or the file cannot be written.
pub fn write_google_key(folder: &Path, token_uri: &str) -> anyhow::Result<PathBuf> {
    let key = KeyPair::generate_for(&PKCS_RSA_SHA256)?;
    let path = folder.join("google-service-account.json");
    let content = json!({
        "type": "service_account", "project_id": "my-project", "private_key_id": "0123456789abcdef",
        "private_key": key.serialize_pem(), "client_id": "1234567890",
        "client_email": "canary@my-project.iam.gserviceaccount.com", "token_uri": token_uri
    });
    std::fs::write(&path, content.to_string())?;
    Ok(path)
}
