//! Accounts of Azure Blob Storage.

use std::{collections::HashMap, sync::Arc};

use async_trait::async_trait;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use kayenta_accounts::{AccountKind, AccountSettings, Section, Service, supported_types};
use kayenta_model::{AccountType, JsonMap};
use kayenta_properties::{Diagnostic, Group, Value};
use kayenta_secrets::Secret;
use kayenta_storage::{
    Departure, MissingBucket, ObjectAccount, ObjectStore, ObjectStoreDescription, OpenError,
    Opening, Place, StorageError,
};
use secrecy::ExposeSecret;
use url::Url;

use crate::{
    account::{AzureAccount, AzureCredential},
    azure_store,
};

/// Objects in Azure Blob Storage.
pub static DESCRIPTION: ObjectStoreDescription = ObjectStoreDescription {
    kind: AccountKind {
        services: &[Service {
            name: "blobs",
            account_type: AccountType::ObjectStore,
        }],
        ..AccountKind::new("azure", "Azure")
    },
    read: |section| {
        accounts(section)
            .into_iter()
            .map(|account| account.map(|azure| azure.map(|azure| Arc::new(azure) as _)))
            .collect()
    },
    log_target: "kayenta_azure",
    java_loggers: &["com.netflix.kayenta.azure", "com.netflix.kayenta.blobs"],
};

#[async_trait]
impl ObjectAccount for AzureAccount {
    fn shown(&self) -> JsonMap {
        [("rootFolder".to_owned(), self.root_folder.clone().into())]
            .into_iter()
            .collect()
    }

    fn place(&self) -> Place {
        Place::Network
    }

    async fn open(&self, opening: &Opening) -> Result<Arc<dyn ObjectStore>, OpenError> {
        match azure_store(self, &opening.http, MissingBucket::Create) {
            Ok(store) => Ok(Arc::new(store)),
            Err(error) => Err(OpenError::LeftOut(error)),
        }
    }

    fn open_for_reading(&self, opening: &Opening) -> Result<Arc<dyn ObjectStore>, StorageError> {
        let store = azure_store(self, &opening.http, MissingBucket::Leave)?;
        Ok(Arc::new(store))
    }

    fn departures(&self) -> Vec<Departure> {
        let by_https = Departure {
            id: "C-CONF-03",
            text: "reached over https, as by recent versions of the Java service; 0.17 used http (an \
                   account that allows nothing else needs protocol: http)",
        };
        match self.endpoint.scheme() {
            "https" => vec![by_https],
            _ => Vec::new(),
        }
    }
}

/// Keys of a connection string that may be appended to `endpointSuffix`.
const CONNECTION_KEYS: [&str; 12] = [
    "AccountKey",
    "AccountName",
    "BlobEndpoint",
    "BlobSecondaryEndpoint",
    "DefaultEndpointsProtocol",
    "EndpointSuffix",
    "FileEndpoint",
    "FileSecondaryEndpoint",
    "QueueEndpoint",
    "QueueSecondaryEndpoint",
    "TableEndpoint",
    "TableSecondaryEndpoint",
];

/// The accounts of `kayenta.azure.accounts`; `None` for one that keeps no objects.
#[must_use]
pub fn accounts(section: &Section<'_>) -> Vec<AccountSettings<Option<AzureAccount>>> {
    section.accounts(account)
}

fn account(group: &Group<'_>) -> Option<AccountSettings<Option<AzureAccount>>> {
    let name = group.text("name");
    let supported_types = supported_types(group, &[]);
    let mut storage_account_name = group.text("storageAccountName");
    let key = group
        .get("accountAccessKey")
        .filter(|value| !value.text.is_empty());
    let sas_token = group.secret("sasToken");
    let workload_identity = group.boolean("workloadIdentity", false);
    let container = group.text("container");
    let root_folder = group.text("rootFolder");
    let suffix = group.text_or("endpointSuffix", "core.windows.net");
    let protocol = group.text("protocol");
    let blob_endpoint = group
        .text("blobEndpoint")
        .or_else(|| group.text("endpoint"));
    let objects = supported_types.contains(&AccountType::ObjectStore);
    let skip = |cause: Diagnostic| group.leave_out::<()>(name.as_deref(), cause);

    if name.is_none() {
        skip(without(group, "name", "a name is required"));
        return None;
    }
    let shown = name.as_deref().unwrap_or_default();
    if objects {
        for (property, value) in [("container", &container), ("rootFolder", &root_folder)] {
            if value.is_none() {
                let text =
                    format!("Azure/Blobs account {shown} is required to specify a {property}.");
                skip(without(group, property, &text));
                return None;
            }
        }
        if let Some(container) = &container
            && let Some(reason) = bad_container(container)
        {
            skip(
                Diagnostic::warning(format!(
                    "Azure does not allow this container name: {reason}"
                ))
                .property(group.full("container"))
                .found(container.clone())
                .at(group.at("container")),
            );
            return None;
        }
    }
    let parts = match connection_parts(&suffix) {
        Ok(parts) => parts,
        Err(reason) => {
            skip(
                Diagnostic::warning(reason)
                    .property(group.full("endpointSuffix"))
                    .at(group.at("endpointSuffix"))
                    .expected(
                        "core.windows.net, optionally followed by parts such as ;BlobEndpoint=…",
                    ),
            );
            return None;
        }
    };
    if let Some(account) = parts.get("AccountName") {
        storage_account_name = Some(account.clone());
    }
    let credential = if workload_identity {
        Some(AzureCredential::WorkloadIdentity)
    } else if let Some(token) = sas_token {
        Some(AzureCredential::SasToken(token))
    } else {
        let text = parts
            .get("AccountKey")
            .cloned()
            .or_else(|| key.as_ref().map(|value| value.text.clone()));
        match shared_key(group, key.as_ref(), text) {
            Ok(credential) => credential,
            Err(cause) if objects => {
                skip(*cause);
                return None;
            }
            Err(cause) => {
                group.report(*cause);
                None
            }
        }
    };
    if credential.is_none() && objects {
        skip(without(
            group,
            "accountAccessKey",
            "Storage Key is not a valid base64 encoded string.",
        ));
        return None;
    }
    let endpoint = match endpoint(
        storage_account_name.as_deref(),
        &parts,
        protocol,
        blob_endpoint,
    ) {
        Ok(endpoint) => endpoint,
        Err(reason) => {
            skip(
                Diagnostic::warning(format!(
                    "the address of the blob service cannot be used: {reason}"
                ))
                .property(group.full("endpointSuffix"))
                .at(group.at("endpointSuffix")),
            );
            return None;
        }
    };
    if storage_account_name.is_none() {
        if objects {
            skip(without(
                group,
                "storageAccountName",
                "a storageAccountName is required",
            ));
            return None;
        }
        group.report(without(
            group,
            "storageAccountName",
            "the account cannot be used",
        ));
    }
    let name = name?;
    if !objects {
        return Some(AccountSettings::new(name, supported_types, None));
    }
    let account = AzureAccount {
        name: name.clone(),
        storage_account_name: storage_account_name?,
        container: container?,
        root_folder: root_folder?,
        endpoint: endpoint?,
        credential: credential?,
    };
    Some(AccountSettings::new(name, supported_types, Some(account)))
}

fn without(group: &Group<'_>, property: &str, message: &str) -> Diagnostic {
    Diagnostic::warning(message)
        .property(group.full(property))
        .at(group.at(property))
}

/// The shared key, which must be base64.
fn shared_key(
    group: &Group<'_>,
    value: Option<&Value>,
    text: Option<String>,
) -> Result<Option<AzureCredential>, Box<Diagnostic>> {
    let Some(text) = text else {
        group.report(without(
            group,
            "accountAccessKey",
            "the account has no accountAccessKey, sasToken or workloadIdentity",
        ));
        return Ok(None);
    };
    let secret: Secret = match value.filter(|value| value.text == text) {
        // A mistake is reported there.
        Some(value) => match group.secret_of(value) {
            Some(secret) => secret,
            None => return Ok(None),
        },
        None => text.into(),
    };
    let current = secret.current();
    let trimmed = current.expose_secret().trim();
    if STANDARD.decode(trimmed).is_ok() {
        return Ok(Some(AzureCredential::SharedKey(match secret.rotates() {
            true => secret,
            false => trimmed.into(),
        })));
    }
    let mut cause = without(
        group,
        "accountAccessKey",
        "Storage Key is not a valid base64 encoded string.",
    );
    if let Some(placeholder) = value.and_then(|value| value.unresolved.first()) {
        let variable = placeholder.replace(['.', '-'], "_").to_uppercase();
        cause
            .message
            .push_str(&format!(" The placeholder '{placeholder}' has no value."));
        cause = cause.remedy(format!("set the environment variable {variable}"));
    }
    Err(Box::new(cause))
}

/// The parts of `endpointSuffix` as the reference's client reads its connection string: the suffix
/// proper, and whatever follows after `;`.
fn connection_parts(suffix: &str) -> Result<HashMap<String, String>, String> {
    let mut parts = HashMap::new();
    for (position, part) in suffix.split(';').enumerate() {
        if part.is_empty() {
            continue;
        }
        if position == 0 {
            parts.insert("EndpointSuffix".to_owned(), part.to_owned());
            continue;
        }
        let (key, value) = part.split_once('=').ok_or("Invalid connection string.")?;
        let known = CONNECTION_KEYS
            .iter()
            .find(|known| known.eq_ignore_ascii_case(key.trim()));
        match known {
            Some(known) if !value.trim().is_empty() => {
                parts.insert((*known).to_owned(), value.trim().to_owned());
            }
            _ => return Err(format!("Invalid connection string: {}", key.trim())),
        }
    }
    Ok(parts)
}

fn endpoint(
    account: Option<&str>,
    parts: &HashMap<String, String>,
    protocol: Option<String>,
    explicit: Option<String>,
) -> Result<Option<Url>, String> {
    if let Some(text) = explicit.or_else(|| parts.get("BlobEndpoint").cloned()) {
        let url = Url::parse(text.trim_end_matches('/')).map_err(|error| error.to_string())?;
        check_scheme(url.scheme())?;
        if url.host_str().is_none_or(str::is_empty) {
            return Err("it has no host".to_owned());
        }
        return Ok(Some(url));
    }
    let Some(account) = account else {
        return Ok(None);
    };
    // C-CONF-03: 0.17 spoke http; https is what every Azure account accepts.
    let protocol = protocol
        .or_else(|| parts.get("DefaultEndpointsProtocol").cloned())
        .map_or_else(|| "https".to_owned(), |protocol| protocol.to_lowercase());
    check_scheme(&protocol)?;
    let suffix = parts
        .get("EndpointSuffix")
        .map_or("core.windows.net", String::as_str)
        .trim_end_matches('/');
    let url = Url::parse(&format!("{protocol}://{account}.blob.{suffix}"))
        .map_err(|error| format!("{error}: {protocol}://{account}.blob.{suffix}"))?;
    Ok(Some(url))
}

fn check_scheme(scheme: &str) -> Result<(), String> {
    if matches!(scheme, "http" | "https") {
        Ok(())
    } else {
        Err(format!("the protocol is {scheme}, not http or https"))
    }
}

/// Why Azure would not take the name.
fn bad_container(name: &str) -> Option<&'static str> {
    if matches!(name, "$root" | "$logs" | "$web") {
        return None;
    }
    if !(3..=63).contains(&name.len()) {
        return Some("it must have 3 to 63 characters");
    }
    if !name
        .bytes()
        .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    {
        return Some("only lower-case letters, digits and dashes are allowed");
    }
    if name.starts_with('-') || name.ends_with('-') || name.contains("--") {
        return Some("dashes must stand between letters or digits");
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolved(suffix: &str, protocol: Option<&str>, explicit: Option<&str>) -> String {
        let parts = connection_parts(suffix).unwrap();
        let endpoint = endpoint(
            Some("devstoreaccount1"),
            &parts,
            protocol.map(str::to_owned),
            explicit.map(str::to_owned),
        )
        .unwrap()
        .unwrap();
        endpoint.to_string()
    }

    #[test]
    fn the_blob_service_is_found_by_every_way_of_saying_it() {
        for (suffix, protocol, explicit, url) in [
            (
                "core.windows.net",
                None,
                None,
                "https://devstoreaccount1.blob.core.windows.net/",
            ),
            (
                "core.windows.net",
                Some("HTTP"),
                None,
                "http://devstoreaccount1.blob.core.windows.net/",
            ),
            (
                "localhost:10000;DefaultEndpointsProtocol=http",
                None,
                None,
                "http://devstoreaccount1.blob.localhost:10000/",
            ),
            (
                "core.windows.net;BlobEndpoint=http://127.0.0.1:10000/devstoreaccount1",
                None,
                None,
                "http://127.0.0.1:10000/devstoreaccount1",
            ),
            (
                "core.windows.net",
                None,
                Some("http://azurite:7777/devstoreaccount1/"),
                "http://azurite:7777/devstoreaccount1",
            ),
            (
                "core.windows.net",
                None,
                Some("https://proxy/blobs"),
                "https://proxy/blobs",
            ),
        ] {
            assert_eq!(resolved(suffix, protocol, explicit), url, "{suffix}");
        }
        assert!(connection_parts("x;Nonsense=1").is_err());
        assert!(connection_parts("x;BlobEndpoint=").is_err());
    }

    #[test]
    fn container_names_follow_azures_rules() {
        assert_eq!(bad_container("kayenta"), None);
        for bad in ["ab", "Kayenta", "a--b", "-ab", "a_b"] {
            assert!(bad_container(bad).is_some(), "{bad}");
        }
    }
}
