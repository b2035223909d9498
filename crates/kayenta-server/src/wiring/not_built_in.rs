//! Accounts of stores that are not built in yet: listed in `/credentials` as the reference lists them,
//! and said at start. Each store that comes moves out of here.

use kayenta_config::settings::{self, AccountKind, BaseUrl};
use kayenta_engine::Account;
use kayenta_model::AccountType;

use super::accounts::Entry;

/// Whether accounts of this kind cannot do anything yet.
pub(super) fn includes(kind: AccountKind) -> bool {
    [
        AccountKind::InfluxDb,
        AccountKind::NewRelic,
        AccountKind::SignalFx,
        AccountKind::Wavefront,
        AccountKind::Atlas,
        AccountKind::HttpJson,
        AccountKind::Google,
        AccountKind::Aws,
        AccountKind::ConfigBin,
    ]
    .contains(&kind)
}

/// Every configured account that cannot do anything yet.
pub(super) fn accounts(configured: &settings::Accounts) -> Vec<Account> {
    let mut made = Vec::new();
    let mut behind_url = |kind, name: &str, base_url: &BaseUrl, types: &[AccountType]| {
        let mut entry = Entry::new(name, kind, types);
        entry.show_endpoint(base_url);
        made.push(entry.finish());
    };
    for a in &configured.influxdb {
        behind_url(
            AccountKind::InfluxDb,
            &a.name,
            &a.base_url,
            &a.supported_types,
        );
    }
    for a in &configured.newrelic {
        behind_url(
            AccountKind::NewRelic,
            &a.name,
            &a.base_url,
            &a.supported_types,
        );
    }
    for a in &configured.signalfx {
        behind_url(
            AccountKind::SignalFx,
            &a.name,
            &a.base_url,
            &a.supported_types,
        );
    }
    for a in &configured.wavefront {
        behind_url(
            AccountKind::Wavefront,
            &a.name,
            &a.base_url,
            &a.supported_types,
        );
    }
    made.extend(configured.http_json.iter().map(http_json));
    made.extend(configured.atlas.iter().map(atlas));
    made.extend(configured.google.iter().map(google));
    made.extend(configured.aws.iter().map(aws));
    made.extend(configured.configbin.iter().map(configbin));
    made
}

fn http_json(account: &settings::HttpJsonAccount) -> Account {
    let mut entry = Entry::new(
        &account.name,
        AccountKind::HttpJson,
        &account.supported_types,
    );
    entry.locations(&account.locations, &account.recommended_locations);
    entry.finish()
}

fn atlas(account: &settings::AtlasAccount) -> Account {
    let mut entry = Entry::new(&account.name, AccountKind::Atlas, &account.supported_types);
    entry.locations(&[], &account.recommended_locations);
    entry.show_some("fetchId", account.fetch_id.as_deref());
    entry.finish()
}

fn google(account: &settings::GoogleAccount) -> Account {
    let mut entry = Entry::new(&account.name, AccountKind::Google, &account.supported_types);
    entry.show("project", account.project.as_str());
    entry.show_some("bucket", account.bucket.as_deref());
    entry.show_some("bucketLocation", account.bucket_location.as_deref());
    entry.show("rootFolder", account.root_folder.as_str());
    if account.supported_types.contains(&AccountType::MetricsStore) {
        entry.show("metricsStoreType", "stackdriver");
    }
    entry.finish()
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
