//! Secrets that a reference names in another system.
//!
//! The engines are those of Spinnaker (kork-secrets), and so are the names of their parameters:
//!
//! | engine | parameters |
//! |---|---|
//! | `s3` | `r` region, `b` bucket, `f` file; `k` a key of it, where the file is YAML |
//! | `gcs` | `b` bucket, `f` file; `k` |
//! | `secrets-manager` | `r` region, `s` secret; `k` a member of it, where the secret is JSON |
//! | `google-secrets-manager` | `p` project, `s` secret; `v` version, `k` |
//!
//! [`SecretEngines::source`] makes a [`SecretSource`] of a reference. What it fetches is kept for
//! [`FetchSettings::refresh_interval`], so that references to one document cost one request; a failure is
//! kept for ten seconds. Who asks is what the machine says: the default chain of AWS, and Google's
//! application default credentials.

mod document;
mod fetch;
mod part;
#[cfg(test)]
mod tests;

use std::{
    collections::HashMap,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use kayenta_aws::AwsEnvironment;
use kayenta_http::HttpSettings;
use kayenta_secrets::SecretSource;
use secrecy::SecretSlice;

use crate::{document::Document, part::Part};

/// Least time between two requests for a document: after a failure, or when a server refuses what was
/// fetched.
const LEAST_PAUSE: Duration = Duration::from_secs(10);

/// How other systems are reached, and as whom.
#[derive(Clone, Debug)]
pub struct FetchSettings {
    /// Connections.
    pub http: HttpSettings,
    /// Variables and profiles with the credentials of AWS.
    pub aws: AwsEnvironment,
    /// Google's application default credentials; `None`: the metadata server.
    pub google_credentials: Option<PathBuf>,
    /// Another metadata server than Google's.
    pub google_metadata_host: Option<String>,
    /// Another server than Amazon's for `s3`.
    pub s3_endpoint: Option<String>,
    /// Whether the bucket is in the path of that server's URLs, not in the name of its host.
    pub s3_path_style: bool,
    /// Another server than Amazon's for `secrets-manager`.
    pub secrets_manager_endpoint: Option<String>,
    /// Another server than Google's for `gcs`. One without TLS is asked without a token.
    pub gcs_endpoint: Option<String>,
    /// Another server than Google's for `google-secrets-manager`.
    pub google_secret_manager_endpoint: Option<String>,
    /// How long what was fetched is used without asking again.
    pub refresh_interval: Duration,
}

impl Default for FetchSettings {
    fn default() -> Self {
        Self {
            http: HttpSettings::default(),
            aws: AwsEnvironment::new([], None),
            google_credentials: None,
            google_metadata_host: None,
            s3_endpoint: None,
            s3_path_style: true,
            secrets_manager_endpoint: None,
            gcs_endpoint: None,
            google_secret_manager_endpoint: None,
            refresh_interval: Duration::from_secs(300),
        }
    }
}

type Outcome = Result<Arc<SecretSlice<u8>>, String>;

/// Makes sources of references and keeps what they fetch.
#[derive(Default)]
pub struct SecretEngines {
    /// Locked while a document is fetched, so that all who need it wait for one request.
    kept: Mutex<HashMap<Document, Kept>>,
}

struct Kept {
    at: Instant,
    outcome: Outcome,
}

impl std::fmt::Debug for SecretEngines {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SecretEngines")
    }
}

impl SecretEngines {
    /// The source of a secret that `engine` keeps; `None` for an engine that is none of these. Asks nothing
    /// of the network.
    ///
    /// # Errors
    /// When a parameter is missing.
    pub fn source(
        self: &Arc<Self>,
        engine: &str,
        parameters: &[(&str, &str)],
        settings: impl FnOnce() -> FetchSettings,
    ) -> Option<Result<Arc<dyn SecretSource>, String>> {
        let document = match Document::read(engine, parameters)? {
            Ok(document) => document,
            Err(missing) => return Some(Err(missing)),
        };
        let part = Part::read(&document, parameters);
        Some(Ok(Arc::new(Referenced {
            name: part.named(&document),
            document,
            part,
            settings: settings(),
            engines: Arc::clone(self),
        })))
    }

    fn content(&self, document: &Document, settings: &FetchSettings, refused: bool) -> Outcome {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = kept.get(document) {
            let good_for = match known.outcome {
                Ok(_) if !refused => settings.refresh_interval,
                _ => LEAST_PAUSE.min(settings.refresh_interval),
            };
            if known.at.elapsed() < good_for {
                return known.outcome.clone();
            }
        }
        let outcome = fetch::fetch(document, settings).map(Arc::new);
        kept.insert(
            document.clone(),
            Kept {
                at: Instant::now(),
                outcome: outcome.clone(),
            },
        );
        outcome
    }
}

/// What one reference names.
struct Referenced {
    name: String,
    document: Document,
    part: Part,
    settings: FetchSettings,
    engines: Arc<SecretEngines>,
}

impl SecretSource for Referenced {
    fn name(&self) -> &str {
        &self.name
    }

    fn fetch(&self, refused: bool) -> Result<SecretSlice<u8>, String> {
        let content = self
            .engines
            .content(&self.document, &self.settings, refused)?;
        self.part.of(&self.document, &content)
    }
}
