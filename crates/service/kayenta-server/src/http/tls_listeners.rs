//! Which port speaks TLS with which certificate.

use kayenta_config::Settings;
use kayenta_settings::{ManagementPort, ManagementTls, TlsSettings};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::TlsListener;
use crate::startup_failure::StartupFailure;

/// TLS of the main port and of the management endpoints' own.
#[derive(Debug)]
pub(crate) struct TlsListeners {
    /// Of the main port.
    pub(crate) main: Option<TlsListener>,
    /// Of the management port.
    pub(crate) management: Option<TlsListener>,
}

impl TlsListeners {
    /// Reads certificates and keys once.
    ///
    /// # Errors
    /// When something is missing or does not fit.
    pub(crate) fn new(settings: &Settings) -> Result<Self, StartupFailure> {
        let main = settings
            .server
            .tls
            .as_ref()
            .map(|tls| listener(tls, "server.ssl"))
            .transpose()?;
        let management = match &settings.management.tls {
            // Without a port of its own there is nothing to speak TLS on.
            _ if !matches!(settings.management.port, ManagementPort::Separate { .. }) => None,
            ManagementTls::AsMain => main.clone(),
            ManagementTls::Off => None,
            ManagementTls::Own(tls) => Some(listener(tls, "management.server.ssl")?),
        };
        Ok(Self { main, management })
    }

    /// Takes over renewed certificates until `shutdown`.
    pub(crate) fn watch(
        self,
        tasks: &TaskTracker,
        settings: &Settings,
        shutdown: &CancellationToken,
    ) {
        if let (Some(main), Some(tls)) = (self.main, &settings.server.tls) {
            tasks.spawn(main.watch(tls.reload_interval, shutdown.clone()));
        }
        // One that is the main port's is watched with it.
        if let (Some(own), ManagementTls::Own(tls)) = (self.management, &settings.management.tls) {
            tasks.spawn(own.watch(tls.reload_interval, shutdown.clone()));
        }
    }
}

fn listener(tls: &TlsSettings, property: &str) -> Result<TlsListener, StartupFailure> {
    TlsListener::new(tls)
        .map_err(|error| StartupFailure::new(error.to_string(), format!("Check {property}.*.")))
}
