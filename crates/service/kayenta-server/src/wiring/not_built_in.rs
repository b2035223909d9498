//! Accounts of stores that are not built in yet: listed in `/credentials` as the reference lists them,
//! and said at start. Each store that comes moves out of here.

use kayenta_config::settings::{self, AccountKind};
use kayenta_engine::Account;
use kayenta_model::AccountType;

use super::accounts::Entry;

/// Whether accounts of this kind cannot do anything yet.
pub(super) fn includes(kind: AccountKind) -> bool {
    [AccountKind::Aws, AccountKind::ConfigBin].contains(&kind)
}

/// Whether accounts of this kind cannot keep objects yet, whatever else they can do.
pub(super) fn objects_of(kind: AccountKind) -> bool {
    includes(kind) || kind == AccountKind::Google
}

/// Whether an account is configured for objects that nothing is built in for, beside what it can do.
pub(super) fn part_of(account: &Account) -> bool {
    account.kind == AccountKind::Google.as_str()
        && account.objects.is_none()
        && [AccountType::ObjectStore, AccountType::ConfigurationStore]
            .iter()
            .any(|wanted| account.supports(*wanted))
}

/// Every configured account that cannot do anything yet.
pub(super) fn accounts(configured: &settings::Accounts) -> Vec<Account> {
    let mut made = Vec::new();
    made.extend(configured.aws.iter().map(aws));
    made.extend(configured.configbin.iter().map(configbin));
    made
}

fn aws(account: &settings::AwsAccount) -> Account {
    let mut entry = Entry::new(&account.name, AccountKind::Aws, &account.supported_types);
    if account.supported_types.contains(&AccountType::ObjectStore) {
        entry.show_some("bucket", account.bucket.as_deref());
        entry.show_some("region", account.region.as_deref());
        entry.show("rootFolder", account.root_folder.as_str());
    }
    entry.finish()
}

fn configbin(account: &settings::ConfigBinAccount) -> Account {
    let mut entry = Entry::new(
        &account.name,
        AccountKind::ConfigBin,
        &account.supported_types,
    );
    entry.show_endpoint(&account.base_url);
    entry.show("ownerApp", account.owner_app.as_str());
    entry.show("configType", account.config_type.as_str());
    entry.finish()
}
