//! What is fetched as a whole: an object of a bucket, a secret of a secret manager.

use std::fmt;

/// One document of another system.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Document {
    S3 {
        region: String,
        bucket: String,
        file: String,
    },
    Gcs {
        bucket: String,
        file: String,
    },
    SecretsManager {
        region: String,
        secret: String,
    },
    GoogleSecretManager {
        project: String,
        secret: String,
        version: String,
    },
}

impl Document {
    /// The document of a reference; `None` for another engine. The errors are the reference's.
    pub(crate) fn read(engine: &str, parameters: &[(&str, &str)]) -> Option<Result<Self, String>> {
        let needed = |name: &str, what: &str| {
            parameter(parameters, name)
                .ok_or_else(|| format!("{what} parameter is missing ({name}=...)"))
        };
        Some(match engine {
            "s3" => needed("b", "Storage bucket").and_then(|bucket| {
                Ok(Self::S3 {
                    bucket,
                    region: needed("r", "Storage region")?,
                    file: needed("f", "Storage file")?,
                })
            }),
            "gcs" => needed("b", "Storage bucket").and_then(|bucket| {
                Ok(Self::Gcs {
                    bucket,
                    file: needed("f", "Storage file")?,
                })
            }),
            "secrets-manager" => needed("s", "Secret name").and_then(|secret| {
                Ok(Self::SecretsManager {
                    secret,
                    region: needed("r", "Secret region")?,
                })
            }),
            "google-secrets-manager" => needed("p", "Project number").and_then(|project| {
                Ok(Self::GoogleSecretManager {
                    project,
                    secret: needed("s", "Secret id")?,
                    version: parameter(parameters, "v").unwrap_or_else(|| "latest".to_owned()),
                })
            }),
            _ => return None,
        })
    }

    /// What to do when the caller may not read it, or it is not there.
    pub(crate) fn advice(&self, status: u16, words: &str) -> Option<&'static str> {
        let is_missing = status == 404 || words.contains("ResourceNotFoundException");
        let is_denied = matches!(status, 401 | 403) || words.contains("AccessDenied");
        Some(match self {
            Self::S3 { .. } if is_missing => "check its b, f and r",
            Self::S3 { .. } if is_denied => {
                "allow s3:GetObject on it to the credentials of the environment"
            }
            Self::S3 { .. } if matches!(status, 301 | 307 | 400) => {
                "check that r is the region of the bucket"
            }
            Self::Gcs { .. } if is_missing => "check its b and f",
            Self::Gcs { .. } if is_denied => {
                "grant Storage Object Viewer on the bucket to the application default credentials"
            }
            Self::SecretsManager { .. } if is_missing => "check its s and r",
            Self::SecretsManager { .. } if is_denied => {
                "allow secretsmanager:GetSecretValue on it to the credentials of the environment"
            }
            Self::GoogleSecretManager { .. } if is_missing => "check its p, s and v",
            Self::GoogleSecretManager { .. } if is_denied => {
                "grant Secret Manager Secret Accessor on it to the application default credentials"
            }
            _ => return None,
        })
    }
}

/// As errors and log lines name it.
impl fmt::Display for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::S3 { bucket, file, .. } => write!(f, "s3://{bucket}/{file}"),
            Self::Gcs { bucket, file } => write!(f, "gs://{bucket}/{file}"),
            Self::SecretsManager { region, secret } => {
                write!(f, "the AWS secret {secret} in {region}")
            }
            Self::GoogleSecretManager {
                project,
                secret,
                version,
            } => write!(f, "projects/{project}/secrets/{secret}/versions/{version}"),
        }
    }
}

/// The value of a parameter that is there and not empty.
pub(crate) fn parameter(parameters: &[(&str, &str)], wanted: &str) -> Option<String> {
    let found = parameters.iter().find(|(name, _)| *name == wanted);
    found
        .filter(|(_, value)| !value.is_empty())
        .map(|(_, value)| (*value).to_owned())
}
