//! HTTPS on the port: certificate from PEM or PKCS#12 files, renewed while the process runs.

use std::{
    fs, io,
    path::PathBuf,
    sync::{Arc, PoisonError, RwLock},
    time::{Duration, SystemTime},
};

use kayenta_settings::{ClientAuth, TlsIdentity, TlsSettings};
use rustls::{
    RootCertStore, ServerConfig, SupportedProtocolVersion,
    crypto::{CryptoProvider, aws_lc_rs},
    server::{ClientHello, ResolvesServerCert, WebPkiClientVerifier, danger::ClientCertVerifier},
    sign::CertifiedKey,
    version::{TLS12, TLS13},
};
use tokio::net::TcpStream;
use tokio_rustls::{TlsAcceptor, server::TlsStream};
use tokio_util::sync::CancellationToken;

use crate::key_material::{self, Identity, KeyMaterialError};

/// Why TLS cannot be set up.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TlsError {
    /// Certificates or keys cannot be read.
    #[error(transparent)]
    KeyMaterial(#[from] KeyMaterialError),
    /// Certificate, key or protocols do not work together.
    #[error("TLS cannot be set up: {0}")]
    Rustls(#[from] rustls::Error),
    /// Client certificates cannot be checked.
    #[error("client certificates cannot be checked: {0}")]
    Verifier(#[from] rustls::server::VerifierBuilderError),
    /// `client-auth` without anything to check against.
    #[error(
        "server.ssl.client-auth is set but server.ssl.trust-store (or trust-certificate) is not"
    )]
    NoTrust,
    /// None of `server.ssl.enabled-protocols` exists here.
    #[error("server.ssl.enabled-protocols names neither TLSv1.2 nor TLSv1.3")]
    NoProtocol,
}

/// Accepts TLS. Cheap to clone.
#[derive(Clone)]
pub(crate) struct TlsListener {
    acceptor: TlsAcceptor,
    renewing: Arc<RenewingCertificate>,
}

impl std::fmt::Debug for TlsListener {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TlsListener")
            .field("renewing", &self.renewing)
            .finish_non_exhaustive()
    }
}

impl TlsListener {
    /// Reads everything once.
    ///
    /// # Errors
    /// When something is missing or does not fit.
    pub(crate) fn new(settings: &TlsSettings) -> Result<Self, TlsError> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let renewing = Arc::new(RenewingCertificate::new(
            settings.identity.clone(),
            &provider,
        )?);
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(&versions(&settings.protocols)?)?;
        let builder = match verifier(settings, &provider)? {
            Some(verifier) => builder.with_client_cert_verifier(verifier),
            None => builder.with_no_client_auth(),
        };
        let resolver: Arc<dyn ResolvesServerCert> = Arc::clone(&renewing) as _;
        let mut config = builder.with_cert_resolver(resolver);
        // No HTTP/2 (C-CONF-07).
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self {
            acceptor: Arc::new(config).into(),
            renewing,
        })
    }

    /// Turns a connection into a TLS connection.
    ///
    /// # Errors
    /// When the client does not do its part.
    pub(crate) async fn handshake(&self, stream: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        self.acceptor.accept(stream).await
    }

    /// Looks at the files every `interval` and takes over a renewed certificate, until `shutdown`.
    /// A renewal that cannot be read is logged, and the old certificate stays in use.
    pub(crate) async fn watch(self, interval: Duration, shutdown: CancellationToken) {
        loop {
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = tokio::time::sleep(interval) => {}
            }
            let renewing = Arc::clone(&self.renewing);
            // File access, hence off the async threads.
            match tokio::task::spawn_blocking(move || renewing.renew()).await {
                Ok(Ok(true)) => tracing::info!("loaded the renewed TLS certificate"),
                Ok(Ok(false)) => {}
                Ok(Err(error)) => {
                    tracing::error!(%error, "the renewed TLS certificate is unusable; the old one stays in use");
                }
                Err(error) => {
                    tracing::error!(%error, "could not check for a renewed TLS certificate")
                }
            }
        }
    }
}

fn versions(protocols: &[String]) -> Result<Vec<&'static SupportedProtocolVersion>, TlsError> {
    if protocols.is_empty() {
        return Ok(vec![&TLS13, &TLS12]);
    }
    let named = |name: &str| protocols.iter().any(|p| p.eq_ignore_ascii_case(name));
    let mut versions = Vec::new();
    if named("TLSv1.3") {
        versions.push(&TLS13);
    }
    if named("TLSv1.2") {
        versions.push(&TLS12);
    }
    if versions.is_empty() {
        Err(TlsError::NoProtocol)
    } else {
        Ok(versions)
    }
}

fn verifier(
    settings: &TlsSettings,
    provider: &Arc<CryptoProvider>,
) -> Result<Option<Arc<dyn ClientCertVerifier>>, TlsError> {
    if settings.client_auth == ClientAuth::None {
        return Ok(None);
    }
    let mut roots = RootCertStore::empty();
    for certificate in key_material::read_trust(settings.trust.as_ref().ok_or(TlsError::NoTrust)?)?
    {
        roots.add(certificate)?;
    }
    let builder =
        WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider));
    let builder = match settings.client_auth {
        ClientAuth::Want => builder.allow_unauthenticated(),
        ClientAuth::None | ClientAuth::Need => builder,
    };
    Ok(Some(builder.build()?))
}

/// The certificate in use, exchanged when its files change.
#[derive(Debug)]
struct RenewingCertificate {
    identity: TlsIdentity,
    provider: Arc<CryptoProvider>,
    current: RwLock<(Arc<CertifiedKey>, Vec<Option<SystemTime>>)>,
}

impl RenewingCertificate {
    fn new(identity: TlsIdentity, provider: &Arc<CryptoProvider>) -> Result<Self, TlsError> {
        let written = written(&identity);
        let key = certified(&identity, provider)?;
        Ok(Self {
            identity,
            provider: Arc::clone(provider),
            current: RwLock::new((Arc::new(key), written)),
        })
    }

    /// Whether a new certificate was taken over.
    fn renew(&self) -> Result<bool, TlsError> {
        let written = written(&self.identity);
        let unchanged = self
            .current
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .1
            == written;
        if unchanged {
            return Ok(false);
        }
        let key = Arc::new(certified(&self.identity, &self.provider)?);
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = (key, written);
        Ok(true)
    }
}

impl ResolvesServerCert for RenewingCertificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        Some(Arc::clone(&current.0))
    }
}

/// When the files were last written; an unreadable timestamp counts as a change once readable.
fn written(identity: &TlsIdentity) -> Vec<Option<SystemTime>> {
    let files: Vec<&PathBuf> = match identity {
        TlsIdentity::Pkcs12 { path, .. } => vec![path],
        TlsIdentity::Pem {
            certificate,
            private_key,
        } => vec![certificate, private_key],
    };
    files
        .into_iter()
        .map(|path| fs::metadata(path).and_then(|m| m.modified()).ok())
        .collect()
}

fn certified(identity: &TlsIdentity, provider: &CryptoProvider) -> Result<CertifiedKey, TlsError> {
    let Identity { chain, key } = key_material::read_identity(identity)?;
    Ok(CertifiedKey::from_der(chain, key, provider)?)
}
