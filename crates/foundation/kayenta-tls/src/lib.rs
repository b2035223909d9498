//! TLS to other systems: which certificates are accepted, and failures in words.
//!
//! Certificates are checked against the system's authorities and those of a trust store. A server's own certificate may
//! be in the trust store, too, even one that says it is an authority, as `openssl req -x509` makes it: Java accepts
//! it, and webpki alone does not (`CaUsedAsEndEntity`). Host name and dates are checked in every case.
//!
//! ```
//! let config = kayenta_tls::client_config(&[], None)?;
//! assert!(config.alpn_protocols.is_empty());
//!
//! let error = kayenta_tls::client_config(&[b"no certificate".to_vec()], None).unwrap_err();
//! assert_eq!(error.to_string(), "a trusted certificate authority is not a PEM certificate");
//! # Ok::<(), kayenta_tls::TlsSetupError>(())
//! ```

use std::{error::Error, io, sync::Arc};

use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error as TlsError, OtherError,
    RootCertStore, SignatureScheme,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
        verify_server_name,
    },
    crypto::{CryptoProvider, aws_lc_rs},
    pki_types::{
        CertificateDer, PrivateKeyDer, ServerName, UnixTime,
        pem::{self, PemObject as _},
    },
    server::ParsedCertificate,
};
use rustls_platform_verifier::Verifier;

/// Why certificates or keys cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsSetupError {
    /// One of the certificates to trust.
    #[error("a trusted certificate authority is not a PEM certificate")]
    Trusted(#[source] pem::Error),
    /// The certificate or key of the client.
    #[error("the client certificate is not a PEM certificate and key")]
    Identity(#[source] pem::Error),
    /// They can be read, but not used.
    #[error("the certificates cannot be used")]
    Unusable(#[from] TlsError),
}

/// How to speak TLS, trusting these certificates beside the system's, with a certificate of the client if there is
/// one. The protocol spoken inside TLS (ALPN) is left to the caller.
///
/// # Errors
/// When a certificate or key is not PEM, or cannot be used.
pub fn client_config(
    trusted_pem: &[Vec<u8>],
    identity_pem: Option<&[u8]>,
) -> Result<ClientConfig, TlsSetupError> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let mut trusted = Vec::new();
    for text in trusted_pem {
        let found = CertificateDer::pem_slice_iter(text)
            .collect::<Result<Vec<_>, _>>()
            .map_err(TlsSetupError::Trusted)?;
        if found.is_empty() {
            return Err(TlsSetupError::Trusted(pem::Error::NoItemsFound));
        }
        trusted.extend(found);
    }
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(TrustStoreVerifier::new(trusted, &provider)?));
    Ok(match identity_pem {
        None => builder.with_no_client_auth(),
        Some(text) => {
            let chain = CertificateDer::pem_slice_iter(text)
                .collect::<Result<Vec<_>, _>>()
                .map_err(TlsSetupError::Identity)?;
            let key = PrivateKeyDer::from_pem_slice(text).map_err(TlsSetupError::Identity)?;
            builder.with_client_auth_cert(chain, key)?
        }
    })
}

/// Checks the certificates of servers.
#[derive(Debug)]
struct TrustStoreVerifier {
    /// The system's authorities and the trust store's.
    all: Verifier,
    /// The trust store.
    trusted: Vec<CertificateDer<'static>>,
    /// Of the trust store alone, for certificates that are in it themselves.
    own: Option<Arc<WebPkiServerVerifier>>,
}

impl TrustStoreVerifier {
    fn new(
        trusted: Vec<CertificateDer<'static>>,
        provider: &Arc<CryptoProvider>,
    ) -> Result<Self, TlsError> {
        let mut roots = RootCertStore::empty();
        for certificate in &trusted {
            roots.add(certificate.clone())?;
        }
        let own = match trusted.as_slice() {
            [] => None,
            _ => Some(
                WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider))
                    .build()
                    .map_err(|error| TlsError::General(error.to_string()))?,
            ),
        };
        Ok(Self {
            all: Verifier::new_with_extra_roots(trusted.iter().cloned(), Arc::clone(provider))?,
            trusted,
            own,
        })
    }
}

impl ServerCertVerifier for TrustStoreVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, TlsError> {
        if let Some(own) = &self.own
            && self.trusted.iter().any(|trusted| trusted == end_entity)
        {
            // webpki has checked the dates before it looks at what the certificate may be used for.
            return match own.verify_server_cert(end_entity, &[], server_name, ocsp_response, now) {
                Err(TlsError::InvalidCertificate(error)) if is_ca_as_end_entity(&error) => {
                    verify_server_name(&ParsedCertificate::try_from(end_entity)?, server_name)?;
                    Ok(ServerCertVerified::assertion())
                }
                outcome => outcome,
            };
        }
        self.all
            .verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        self.all.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        self.all.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.all.supported_verify_schemes()
    }
}

fn is_ca_as_end_entity(error: &CertificateError) -> bool {
    matches!(error, CertificateError::Other(OtherError(other))
        if matches!(other.downcast_ref(), Some(webpki::Error::CaUsedAsEndEntity)))
}

/// A failure of TLS among an error and its causes, in words that say what to do; `None` when there is none.
#[must_use]
pub fn in_words(error: &(dyn Error + 'static)) -> Option<String> {
    let mut next = Some(error);
    while let Some(cause) = next {
        if let Some(tls) = tls_error(cause) {
            return Some(words(tls));
        }
        next = cause.source();
    }
    None
}

/// The error of TLS that this is, or that it wraps: an I/O error does not name what it wraps as its source.
fn tls_error<'e>(error: &'e (dyn Error + 'static)) -> Option<&'e TlsError> {
    error.downcast_ref().or_else(|| {
        let inner = error.downcast_ref::<io::Error>()?.get_ref()?;
        tls_error(inner)
    })
}

fn words(error: &TlsError) -> String {
    match error {
        TlsError::InvalidCertificate(error) => format!(
            "the certificate of the server is not accepted: {}",
            certificate_words(error)
        ),
        TlsError::InvalidMessage(_) => {
            "the server does not speak TLS on this port (use http instead of https, or another port)"
                .to_owned()
        }
        TlsError::AlertReceived(alert) => format!(
            "the server ended the TLS handshake ({alert:?}); it may want a client certificate, or another one"
        ),
        other => format!("TLS failed: {other}"),
    }
}

/// The name within `DnsName("…")` and `IpAddress(…)`, as webpki prints them.
fn bare(name: &str) -> &str {
    name.split_once('(')
        .and_then(|(_, rest)| rest.strip_suffix(')'))
        .unwrap_or(name)
        .trim_matches('"')
}

fn certificate_words(error: &CertificateError) -> String {
    match error {
        CertificateError::UnknownIssuer => {
            "no authority that is trusted has issued it; add its authority, or the certificate itself, to the \
             trust store"
                .to_owned()
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "it has expired".to_owned()
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "it is not valid yet; check the clock".to_owned()
        }
        CertificateError::NotValidForName => "it is for another host name".to_owned(),
        CertificateError::NotValidForNameContext {
            expected,
            presented,
        } => format!(
            "it is not for the host {} but for {}",
            expected.to_str(),
            match presented.as_slice() {
                [] => "none at all (it has no subject alternative name)".to_owned(),
                names => {
                    let names: Vec<_> = names.iter().map(|name| bare(name)).collect();
                    names.join(", ")
                }
            }
        ),
        CertificateError::Revoked => "it has been revoked".to_owned(),
        CertificateError::BadSignature => "its signature is wrong".to_owned(),
        CertificateError::BadEncoding => "it cannot be read".to_owned(),
        other if is_ca_as_end_entity(other) => {
            "it is the certificate of an authority; add it to the trust store to accept it all the same"
                .to_owned()
        }
        other => other.to_string(),
    }
}
