//! `kayenta.google`: the accounts of Google Cloud, as far as they keep objects.

use std::sync::Arc;

use async_trait::async_trait;
use kayenta_accounts::{
    AccountSettings, Section,
    google::{GOOGLE, GoogleAccount},
    root_folder,
};
use kayenta_errors::with_causes;
use kayenta_google::{GoogleCredentials, GoogleTokens};
use kayenta_model::{AccountType, JsonMap};
use kayenta_properties::{Diagnostic, Group};
use kayenta_storage::{
    MissingBucket, ObjectAccount, ObjectStore, ObjectStoreDescription, OpenError, Opening, Place,
    Remark, StorageError,
};

use crate::{STORAGE_SCOPE, gcs_store, settings::GcsAccount};

/// Objects in Google Cloud Storage.
pub static DESCRIPTION: ObjectStoreDescription = ObjectStoreDescription {
    kind: GOOGLE,
    read: |section| {
        accounts(section)
            .into_iter()
            .map(|account| account.map(|gcs| gcs.map(|gcs| Arc::new(gcs) as _)))
            .collect()
    },
    log_target: "kayenta_gcs",
    java_loggers: &["com.netflix.kayenta.gcs"],
};

/// An account of `kayenta.google.accounts` that keeps objects.
#[derive(Clone, Debug)]
pub struct GcsSection {
    /// The account.
    pub google: GoogleAccount,
    /// Its bucket, without tokens.
    pub bucket: GcsAccount,
}

/// The accounts of `kayenta.google.accounts`; `None` for one that keeps no objects.
#[must_use]
pub fn accounts(section: &Section<'_>) -> Vec<AccountSettings<Option<GcsSection>>> {
    section.accounts(account)
}

fn account(group: &Group<'_>) -> Option<AccountSettings<Option<GcsSection>>> {
    let bucket = group.text("bucket");
    let root_folder = root_folder(group);
    let bucket_location = group.text("bucketLocation");
    let endpoint = group.base_url_or_flawed("endpoint");
    let google = GoogleAccount::read(group)?;
    let name = google.name.clone();
    let leave_out = |property: &str, what: &str| {
        group.leave_out(
            Some(&name),
            Diagnostic::warning(format!(
                "Google/GCS account {name} is required to specify a {what}."
            ))
            .property(group.full(property))
            .at(group.at(property)),
        )
    };
    let objects = google.supports(AccountType::ObjectStore);
    if objects && bucket.is_none() {
        return leave_out("bucket", "bucket");
    }
    let Some(root_folder) = root_folder else {
        return leave_out("rootFolder", "rootFolder");
    };
    let types = google.supported_types.clone();
    let store = bucket.filter(|_| objects).map(|bucket| GcsSection {
        bucket: GcsAccount {
            name: name.clone(),
            project: google.project.clone(),
            bucket,
            bucket_location,
            root_folder,
            endpoint: endpoint.map(|endpoint| endpoint.expose().into()),
            tokens: None,
        },
        google,
    });
    Some(AccountSettings::new(name, types, store))
}

impl GcsSection {
    /// Whether requests carry a token. An emulator knows none, and a token must not go where anybody
    /// can read it: with an `endpoint` of `http` only a key that is configured for it is used.
    fn has_tokens(&self) -> bool {
        let plain = self
            .bucket
            .endpoint
            .as_ref()
            .is_some_and(|endpoint| !endpoint.expose().starts_with("https:"));
        !plain || self.google.json_path.is_some()
    }

    fn credentials(&self) -> Result<GoogleCredentials, StorageError> {
        let google = &self.google;
        GoogleCredentials::find(google.credentials_file(), google.metadata_host.as_deref())
            .map_err(|error| self.bucket.unusable(with_causes(error.to_string(), &error)))
    }

    fn store(
        &self,
        opening: &Opening,
        missing: MissingBucket,
    ) -> Result<Arc<dyn ObjectStore>, StorageError> {
        let mut account = self.bucket.clone();
        if self.has_tokens() {
            let clock = Arc::clone(&opening.clock);
            let tokens = GoogleTokens::new(
                self.credentials()?,
                STORAGE_SCOPE,
                &opening.transport,
                Arc::new(move || clock.now()),
            )
            .map_err(|error| account.unusable(error))?;
            account.tokens = Some(Arc::new(tokens));
        }
        Ok(Arc::new(gcs_store(&account, &opening.transport, missing)?))
    }
}

#[async_trait]
impl ObjectAccount for GcsSection {
    fn shown(&self) -> JsonMap {
        let bucket = &self.bucket;
        [
            ("project", Some(&bucket.project)),
            ("bucket", Some(&bucket.bucket)),
            ("bucketLocation", bucket.bucket_location.as_ref()),
            ("rootFolder", Some(&bucket.root_folder)),
        ]
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), value?.as_str().into())))
        .collect()
    }

    fn place(&self) -> Place {
        Place::Network
    }

    async fn open(&self, opening: &Opening) -> Result<Arc<dyn ObjectStore>, OpenError> {
        self.store(opening, MissingBucket::Create)
            .map_err(OpenError::LeftOut)
    }

    fn open_for_reading(&self, opening: &Opening) -> Result<Arc<dyn ObjectStore>, StorageError> {
        self.store(opening, MissingBucket::Leave)
    }

    async fn remarks(&self) -> Vec<Remark> {
        if !self.has_tokens() {
            return vec![Remark::Note(
                "requests carry no credentials: endpoint is plain http and jsonPath is not set"
                    .to_owned(),
            )];
        }
        vec![match self.credentials() {
            Ok(_) => Remark::Note(format!(
                "Google credentials come from {}",
                self.google.credentials_origin()
            )),
            Err(error) => Remark::Warning(error.message),
        }]
    }
}
