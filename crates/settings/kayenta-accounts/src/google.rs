//! `kayenta.google`: what the adapters that work with Google Cloud accounts have in common.

use std::path::{Path, PathBuf};

use kayenta_model::AccountType;
use kayenta_properties::{Diagnostic, Environment, Group};

use crate::{AccountKind, Registered, Service, supported_types};

/// Google Cloud (Cloud Monitoring, Cloud Storage).
pub static GOOGLE: AccountKind = AccountKind {
    services: &[
        Service {
            name: "gcs",
            account_type: AccountType::ObjectStore,
        },
        Service {
            name: "stackdriver",
            account_type: AccountType::MetricsStore,
        },
    ],
    registered: Registered::Late,
    ..AccountKind::new("google", "Google")
};

/// A Google Cloud project and who uses it.
#[derive(Clone, Debug)]
pub struct GoogleAccount {
    /// Account name.
    pub name: String,
    /// `project`
    pub project: String,
    /// `jsonPath`: the service account's key; `None`: application default credentials.
    pub json_path: Option<PathBuf>,
    /// Application default credentials: `GOOGLE_APPLICATION_CREDENTIALS`, or the file of
    /// `gcloud auth application-default login` where there is one; `None`: the metadata server.
    pub default_credentials: Option<PathBuf>,
    /// Another metadata server than Google's (`GCE_METADATA_HOST`).
    pub metadata_host: Option<String>,
    /// `supportedTypes`, none by default.
    pub supported_types: Vec<AccountType>,
}

impl GoogleAccount {
    /// Reads one element of `kayenta.google.accounts`; `None` where the account is left out.
    #[must_use]
    pub fn read(group: &Group<'_>) -> Option<Self> {
        let name = group.text("name");
        let project = group.text("project");
        let supported_types = supported_types(group, &[]);
        let json_path = group.path("jsonPath");
        let leave_out = |property: &str, message: String| {
            group.leave_out::<Self>(
                name.as_deref(),
                Diagnostic::warning(message)
                    .property(group.full(property))
                    .at(group.at(property)),
            )
        };
        if name.is_none() {
            return leave_out("name", "a name is required".to_owned());
        }
        if project.is_none() {
            return leave_out("project", "a project is required".to_owned());
        }
        let environment = group.environment();
        let json_path = json_path.map(|path| environment.locate(path));
        if let Some(path) = &json_path
            && let Err(error) = std::fs::File::open(path)
        {
            return leave_out("jsonPath", format!("{}: {error}", path.display()));
        }
        Some(Self {
            name: name?,
            project: project?,
            json_path,
            default_credentials: default_credentials(environment),
            metadata_host: environment.var("GCE_METADATA_HOST").map(str::to_owned),
            supported_types,
        })
    }

    /// The file with the credentials; without one they are the machine's own.
    #[must_use]
    pub fn credentials_file(&self) -> Option<&Path> {
        self.json_path
            .as_deref()
            .or(self.default_credentials.as_deref())
    }

    /// Where the credentials come from, as an operator would say it.
    #[must_use]
    pub fn credentials_origin(&self) -> String {
        match (&self.json_path, &self.default_credentials) {
            (Some(path), _) => format!("jsonPath {}", path.display()),
            (None, Some(path)) => {
                format!("application default credentials {}", path.display())
            }
            (None, None) => "the metadata server of the machine".to_owned(),
        }
    }

    /// Whether it is configured for a type.
    #[must_use]
    pub fn supports(&self, wanted: AccountType) -> bool {
        self.supported_types.contains(&wanted)
    }
}

/// The file of Google's application default credentials, where its own libraries look for it.
#[must_use]
pub fn default_credentials(environment: &Environment) -> Option<PathBuf> {
    if let Some(named) = environment.var("GOOGLE_APPLICATION_CREDENTIALS") {
        return Some(environment.locate(named));
    }
    let of_gcloud = environment
        .home_dir()
        .join(".config/gcloud/application_default_credentials.json");
    Some(environment.locate(of_gcloud)).filter(|path| path.is_file())
}
