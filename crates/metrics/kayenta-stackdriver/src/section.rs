//! `kayenta.google`: the accounts of Google Cloud, as far as they read metrics.

use std::{error::Error, sync::Arc, time::Duration};

use kayenta_accounts::{
    AccountSettings, Section,
    google::{GOOGLE, GoogleAccount},
};
use kayenta_google::GoogleCredentials;
use kayenta_metrics::{
    MetricsStore,
    account::{MetricsAccount, StoreSection, Surroundings, any_store},
};
use kayenta_model::{AccountType, JsonMap};
use kayenta_secrets::BaseUrl;

use crate::{DESCRIPTION, MONITORING_URL, StackdriverAccount, StackdriverStore};

/// The store in the table of stores.
pub static SECTION: StoreSection = StoreSection {
    description: &DESCRIPTION,
    kind: &GOOGLE,
    read: |section| any_store(read(section)),
};

/// An account of `kayenta.google.accounts`.
#[derive(Clone, Debug)]
pub struct GoogleMetrics {
    /// The account.
    pub google: GoogleAccount,
    /// `monitoringEndpoint`, which the Java service does not have: another Cloud Monitoring (an
    /// emulator, a private endpoint).
    pub monitoring_endpoint: Option<BaseUrl>,
    /// `kayenta.stackdriver.metadataCachingIntervalMS`, 60 s.
    pub metadata_interval: Duration,
}

/// Reads the accounts.
#[must_use]
pub fn read(section: &Section<'_>) -> Vec<AccountSettings<GoogleMetrics>> {
    let interval = section
        .service("stackdriver")
        .millis("metadataCachingIntervalMS", 60_000)
        .max(Duration::from_secs(1));
    section.accounts(|group| {
        let monitoring_endpoint = group.base_url_or_flawed("monitoringEndpoint");
        let google = GoogleAccount::read(group)?;
        let (name, types) = (google.name.clone(), google.supported_types.clone());
        let account = GoogleMetrics {
            google,
            monitoring_endpoint,
            metadata_interval: interval,
        };
        Some(AccountSettings::new(name, types, account))
    })
}

impl MetricsAccount for GoogleMetrics {
    fn shown(&self) -> JsonMap {
        let project = ("project".to_owned(), self.google.project.as_str().into());
        let measures = self.google.supports(AccountType::MetricsStore);
        let store = measures.then(|| ("metricsStoreType".to_owned(), "stackdriver".into()));
        std::iter::once(project).chain(store).collect()
    }

    fn open(
        &self,
        surroundings: &Surroundings,
    ) -> Result<Box<dyn MetricsStore>, Box<dyn Error + Send + Sync>> {
        let google = &self.google;
        let credentials =
            GoogleCredentials::find(google.credentials_file(), google.metadata_host.as_deref())?;
        let base_url = match &self.monitoring_endpoint {
            Some(base_url) => base_url.clone(),
            None => MONITORING_URL.parse()?,
        };
        let store = StackdriverStore::new(
            StackdriverAccount {
                name: google.name.clone(),
                project: google.project.clone(),
                credentials,
                base_url,
                metadata_interval: self.metadata_interval,
            },
            &surroundings.transport,
            Arc::clone(&surroundings.clock),
        )?;
        Ok(Box::new(store))
    }
}
