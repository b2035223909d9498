//! Certificates and keys from PEM and PKCS#12 files.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use kayenta_settings::{TlsIdentity, TrustStore};
use p12_keystore::{KeyStore, KeyStoreEntry, Pkcs12ImportPolicy};
use rustls::pki_types::{
    CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, pem, pem::PemObject as _,
};
use secrecy::ExposeSecret as _;

/// Why a file with certificates or keys is of no use. The text is complete: there is no source whose
/// words would be printed a second time.
#[derive(Debug, thiserror::Error)]
pub(crate) enum KeyMaterialError {
    /// It cannot be read.
    #[error("cannot read {}: {cause}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// It holds nothing of what is wanted.
    #[error("{} holds no {what} in PEM form: {cause}", path.display())]
    Pem {
        /// The file.
        path: PathBuf,
        /// What is wanted of it.
        what: &'static str,
        /// Why.
        cause: pem::Error,
    },
    /// A key store cannot be opened, or lacks an entry.
    #[error("{} {message}", path.display())]
    KeyStore {
        /// The file.
        path: PathBuf,
        /// Why.
        message: String,
    },
}

/// A certificate with its chain, and its key. Not printable.
pub(crate) struct Identity {
    /// The certificate first.
    pub(crate) chain: Vec<CertificateDer<'static>>,
    /// Its private key.
    pub(crate) key: PrivateKeyDer<'static>,
}

impl Identity {
    /// Everything as PEM, for clients that want it so.
    pub(crate) fn to_pem(&self) -> Vec<u8> {
        let label = match &self.key {
            PrivateKeyDer::Pkcs1(_) => "RSA PRIVATE KEY",
            PrivateKeyDer::Sec1(_) => "EC PRIVATE KEY",
            _ => "PRIVATE KEY",
        };
        let mut text = armoured(label, self.key.secret_der());
        for certificate in &self.chain {
            text.push_str(&armoured("CERTIFICATE", certificate));
        }
        text.into_bytes()
    }
}

/// Certificates as PEM.
pub(crate) fn certificates_to_pem(certificates: &[CertificateDer<'_>]) -> Vec<u8> {
    certificates
        .iter()
        .flat_map(|c| armoured("CERTIFICATE", c).into_bytes())
        .collect()
}

fn armoured(label: &str, der: &[u8]) -> String {
    let encoded = BASE64_STANDARD.encode(der);
    let mut text = format!("-----BEGIN {label}-----\n");
    let mut rest = encoded.as_str();
    while !rest.is_empty() {
        let (line, tail) = rest.split_at(rest.len().min(64));
        text.push_str(line);
        text.push('\n');
        rest = tail;
    }
    text.push_str(&format!("-----END {label}-----\n"));
    text
}

/// The certificate and key an operator configured.
///
/// # Errors
/// When a file cannot be read or lacks what is wanted.
pub(crate) fn read_identity(identity: &TlsIdentity) -> Result<Identity, KeyMaterialError> {
    match identity {
        TlsIdentity::Pem {
            certificate,
            private_key,
        } => {
            let key = PrivateKeyDer::from_pem_slice(&read(private_key)?).map_err(|cause| {
                KeyMaterialError::Pem {
                    path: private_key.clone(),
                    what: "private key",
                    cause,
                }
            })?;
            Ok(Identity {
                chain: certificates(certificate)?,
                key,
            })
        }
        TlsIdentity::Pkcs12 {
            path,
            password,
            alias,
        } => {
            let store = key_store(
                path,
                password.current().expose_secret(),
                Pkcs12ImportPolicy::Relaxed,
            )?;
            let entry = match alias {
                Some(alias) => match store.entry(alias) {
                    Some(KeyStoreEntry::PrivateKeyChain(chain)) => Some(chain),
                    _ => None,
                },
                None => store.private_key_chain().map(|(_, chain)| chain),
            };
            let entry = entry.ok_or_else(|| KeyMaterialError::KeyStore {
                path: path.clone(),
                message: match alias {
                    Some(alias) => format!("has no key named {alias}"),
                    None => "holds no private key".to_owned(),
                },
            })?;
            let chain = entry
                .certs()
                .iter()
                .map(|c| CertificateDer::from(c.as_der().to_vec()))
                .collect();
            let key = PrivatePkcs8KeyDer::from(entry.key().as_der().to_vec()).into();
            Ok(Identity { chain, key })
        }
    }
}

/// The certificate authorities an operator configured, at least one.
///
/// # Errors
/// When the file cannot be read or holds none.
pub(crate) fn read_trust(
    trust: &TrustStore,
) -> Result<Vec<CertificateDer<'static>>, KeyMaterialError> {
    match trust {
        TrustStore::Pem { path } => certificates(path),
        TrustStore::Pkcs12 { path, password } => {
            let store = key_store(
                path,
                password.current().expose_secret(),
                Pkcs12ImportPolicy::Raw,
            )?;
            let found: Vec<_> = store
                .entries()
                .flat_map(|(_, entry)| match entry {
                    KeyStoreEntry::Certificate(certificate) => vec![certificate.as_der().to_vec()],
                    KeyStoreEntry::PrivateKeyChain(chain) => {
                        chain.certs().iter().map(|c| c.as_der().to_vec()).collect()
                    }
                    KeyStoreEntry::Secret(_) => Vec::new(),
                })
                .map(CertificateDer::from)
                .collect();
            if found.is_empty() {
                return Err(KeyMaterialError::KeyStore {
                    path: path.clone(),
                    message: "holds no certificate".to_owned(),
                });
            }
            Ok(found)
        }
    }
}

fn read(path: &Path) -> Result<Vec<u8>, KeyMaterialError> {
    fs::read(path).map_err(|cause| KeyMaterialError::File {
        path: path.to_owned(),
        cause,
    })
}

fn key_store(
    path: &Path,
    password: &str,
    policy: Pkcs12ImportPolicy,
) -> Result<KeyStore, KeyMaterialError> {
    let bytes = read(path)?;
    KeyStore::from_pkcs12(&bytes, password, policy).map_err(|error| KeyMaterialError::KeyStore {
        path: path.to_owned(),
        message: unopened(path, &bytes, &error.to_string()),
    })
}

/// Why a file cannot be opened as PKCS#12. Advice is given only where it fits the cause.
fn unopened(path: &Path, bytes: &[u8], error: &str) -> String {
    const JKS: [u8; 4] = [0xfe, 0xed, 0xfe, 0xed];
    const JCEKS: [u8; 4] = [0xce, 0xce, 0xce, 0xce];
    const SEQUENCE: u8 = 0x30;
    for (magic, format) in [(JKS, "JKS"), (JCEKS, "JCEKS")] {
        if bytes.starts_with(&magic) {
            let shown = path.display();
            return format!(
                "is in Java's own {format} format, which is not supported; convert it with \
                 `keytool -importkeystore -srckeystore {shown} -srcstoretype {format} -destkeystore {shown}.p12 -deststoretype PKCS12`, \
                 and configure {shown}.p12 with the type PKCS12"
            );
        }
    }
    if bytes.trim_ascii_start().starts_with(b"-----BEGIN") {
        return "is a PEM file; set its type to PEM".to_owned();
    }
    if bytes.first() != Some(&SEQUENCE) {
        return "is not a PKCS#12 file".to_owned();
    }
    format!("cannot be opened with the configured password: {error}")
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, KeyMaterialError> {
    let failed = |cause| KeyMaterialError::Pem {
        path: path.to_owned(),
        what: "certificate",
        cause,
    };
    let found = CertificateDer::pem_slice_iter(&read(path)?)
        .collect::<Result<Vec<_>, _>>()
        .map_err(failed)?;
    if found.is_empty() {
        return Err(failed(pem::Error::NoItemsFound));
    }
    Ok(found)
}
