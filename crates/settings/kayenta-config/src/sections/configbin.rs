//! Accounts of ConfigBin.

use kayenta_accounts::{name, supported_types_or_warn};
use kayenta_model::AccountType;
use kayenta_properties::{Diagnostic, Group};

use crate::settings::ConfigBinAccount;

pub(super) fn configbin(group: &Group<'_>) -> Option<ConfigBinAccount> {
    let name = name(group);
    let supported_types = supported_types_or_warn(group, AccountType::ConfigurationStore);
    let base_url = group.base_url("endpoint.baseUrl");
    if base_url.is_none()
        && group
            .get("endpoint.baseUrl")
            .is_none_or(|value| value.text.is_empty())
    {
        let mut lacking = group.lacking("endpoint.baseUrl", "the URL of the ConfigBin");
        if !supported_types.contains(&AccountType::ConfigurationStore) {
            lacking.severity = kayenta_properties::Severity::Warning;
            lacking.message.push_str("; the account is left out");
        }
        group.report(lacking);
    }
    let part = |property: &str| {
        group.text(property).unwrap_or_else(|| {
            group.report(
                Diagnostic::warning(format!("{property} is not set: every call will fail"))
                    .property(group.full(property))
                    .at(group.at(property)),
            );
            String::new()
        })
    };
    Some(ConfigBinAccount {
        owner_app: part("ownerApp"),
        config_type: part("configType"),
        name: name?,
        base_url: base_url?,
        supported_types,
    })
}
