//! The kinds of account whose adapters do not read their own section yet: what each is, and its reader.

use kayenta_accounts::{AccountKind, AccountSettings, Registered, Section, Service};
use kayenta_model::AccountType;

use super::{cloud, configbin as bin};
use crate::settings::{AwsAccount, ConfigBinAccount, GoogleAccount};

/// ConfigBin.
pub static CONFIGBIN: AccountKind = AccountKind::new("configbin", "ConfigBin");
/// AWS (S3).
pub static AWS: AccountKind = AccountKind {
    services: &[Service {
        name: "s3",
        account_type: AccountType::ObjectStore,
    }],
    registered: Registered::LateUnless("s3"),
    ..AccountKind::new("aws", "AWS")
};
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

/// Readers of sections, each of which repeats name and types beside the rest of an account.
macro_rules! readers {
    ($($(#[$doc:meta])* $name:ident: $account:ty = $read:expr;)*) => {
        $(
            $(#[$doc])*
            #[must_use]
            pub fn $name(section: &Section<'_>) -> Vec<AccountSettings<$account>> {
                section
                    .accounts($read)
                    .into_iter()
                    .map(|account| {
                        AccountSettings::new(
                            account.name.clone(),
                            account.supported_types.clone(),
                            account,
                        )
                    })
                    .collect()
            }
        )*
    };
}

readers! {
    /// Accounts of ConfigBin.
    configbin: ConfigBinAccount = bin::configbin;
    /// Accounts of AWS.
    aws: AwsAccount = cloud::aws;
    /// Accounts of Google Cloud.
    google: GoogleAccount = cloud::google;
}
