//! Accounts of stores that are not built in yet: listed in `/credentials` as the reference lists them,
//! and said at start. Each store that comes moves out of here.

use kayenta_config::{settings, stores};
use kayenta_engine::Account;
use kayenta_model::AccountType;

use super::{accounts::Entry, kinds::Store};

/// Whether an account is configured for objects that nothing is built in for, beside what it can do.
pub(super) fn part_of(store: &Store, account: &Account) -> bool {
    matches!(store, Store::Google(_))
        && account.objects.is_none()
        && [AccountType::ObjectStore, AccountType::ConfigurationStore]
            .iter()
            .any(|wanted| account.supports(*wanted))
}

pub(super) fn aws(account: &settings::AwsAccount) -> Account {
    let mut entry = Entry::new(&account.name, &stores::AWS, &account.supported_types);
    if account.supported_types.contains(&AccountType::ObjectStore) {
        entry.show_some("bucket", account.bucket.as_deref());
        entry.show_some("region", account.region.as_deref());
        entry.show("rootFolder", account.root_folder.as_str());
    }
    entry.finish()
}

pub(super) fn configbin(account: &settings::ConfigBinAccount) -> Account {
    let mut entry = Entry::new(&account.name, &stores::CONFIGBIN, &account.supported_types);
    entry.show_endpoint(&account.base_url);
    entry.show("ownerApp", account.owner_app.as_str());
    entry.show("configType", account.config_type.as_str());
    entry.finish()
}
