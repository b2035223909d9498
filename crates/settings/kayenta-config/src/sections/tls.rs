//! Key and trust stores, wherever they are configured.

use kayenta_properties::{Diagnostic, Group};
use kayenta_secrets::Secret;

use kayenta_settings::{TlsIdentity, TrustStore};

/// Names of one store in a group.
pub(crate) struct StoreNames {
    pub(crate) path: &'static str,
    pub(crate) kind: &'static str,
    pub(crate) password: &'static str,
    pub(crate) alias: Option<&'static str>,
    /// What the password is when none is set.
    pub(crate) default_password: &'static str,
}

/// `key-store`, `key-store-type`, …
pub(crate) const SERVER_KEYS: StoreNames = StoreNames {
    path: "key-store",
    kind: "key-store-type",
    password: "key-store-password",
    alias: Some("key-alias"),
    default_password: "",
};

/// `trust-store`, `trust-store-type`, …
pub(crate) const SERVER_TRUST: StoreNames = StoreNames {
    path: "trust-store",
    kind: "trust-store-type",
    password: "trust-store-password",
    alias: None,
    default_password: "",
};

/// `keyStore`, `keyStoreType`, … of the HTTP client.
pub(crate) const CLIENT_KEYS: StoreNames = StoreNames {
    path: "keyStore",
    kind: "keyStoreType",
    password: "keyStorePassword",
    alias: None,
    default_password: "changeit",
};

/// `trustStore`, `trustStoreType`, … of the HTTP client.
pub(crate) const CLIENT_TRUST: StoreNames = StoreNames {
    path: "trustStore",
    kind: "trustStoreType",
    password: "trustStorePassword",
    alias: None,
    default_password: "changeit",
};

/// A store file: where, whether it is PEM, its password, its alias.
struct Store {
    path: std::path::PathBuf,
    pem: bool,
    password: Secret,
    alias: Option<String>,
}

fn store(group: &Group<'_>, names: &StoreNames) -> Option<Store> {
    let kind = group.text(names.kind).map(|kind| kind.to_uppercase());
    let password = group.secret(names.password);
    let alias = names.alias.and_then(|alias| group.text(alias));
    let path = group.path(names.path)?;
    let extension = path
        .extension()
        .map(|extension| extension.to_string_lossy().to_lowercase())
        .unwrap_or_default();
    let pem = match kind.as_deref() {
        Some("PKCS12") => false,
        Some("PEM") => true,
        None if extension == "jks" => {
            refuse_jks(group, names, "JKS");
            return None;
        }
        None => matches!(extension.as_str(), "pem" | "crt" | "cer"),
        Some(other) => {
            refuse_jks(group, names, other);
            return None;
        }
    };
    Some(Store {
        path,
        pem,
        password: password.unwrap_or_else(|| names.default_password.into()),
        alias,
    })
}

fn refuse_jks(group: &Group<'_>, names: &StoreNames, kind: &str) {
    group.report(
        Diagnostic::error(format!("key stores of type {kind} are not supported"))
            .property(group.full(names.path))
            .at(group.at(names.path))
            .expected("a PKCS#12 file, or PEM")
            .remedy(
                "Convert it: keytool -importkeystore -srckeystore <file> -destkeystore <file>.p12 -deststoretype PKCS12",
            ),
    );
}

/// Certificate and key from a store.
pub(crate) fn identity(group: &Group<'_>, names: &StoreNames) -> Option<TlsIdentity> {
    let store = store(group, names)?;
    Some(if store.pem {
        // One PEM file with both.
        TlsIdentity::Pem {
            certificate: store.path.clone(),
            private_key: store.path,
        }
    } else {
        TlsIdentity::Pkcs12 {
            path: store.path,
            password: store.password,
            alias: store.alias,
        }
    })
}

/// Certificate authorities from a store.
pub(crate) fn trust(group: &Group<'_>, names: &StoreNames) -> Option<TrustStore> {
    let store = store(group, names)?;
    Some(if store.pem {
        TrustStore::Pem { path: store.path }
    } else {
        TrustStore::Pkcs12 {
            path: store.path,
            password: store.password,
        }
    })
}
