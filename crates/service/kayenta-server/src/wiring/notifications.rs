//! The receivers of notifications, and who delivers them.

use std::sync::Arc;

use kayenta_config::Settings;
use kayenta_http::{Now, Transport};
use kayenta_model::Clock;
use kayenta_notifications::{Receiver, Receivers};

use crate::startup_failure::StartupFailure;

/// The configured receivers.
///
/// # Errors
/// When one of them cannot be called as its settings say.
pub(crate) fn receivers(
    settings: &Settings,
    transport: &Transport,
    clock: &Arc<dyn Clock>,
) -> anyhow::Result<Receivers> {
    let mut receivers = Vec::new();
    for (receiver, connection) in &settings.notifications {
        let name = receiver.name.clone();
        let clock = Arc::clone(clock);
        let now: Now = Arc::new(move || clock.now());
        let opened = || {
            let transport = connection.transport(transport)?;
            let credentials = connection.credentials(&transport, now)?;
            let headers = connection.headers.clone();
            Receiver::new(receiver.clone(), credentials, headers, &transport)
        };
        receivers.push(opened().map_err(|error| {
            StartupFailure::new(
                format!("The receiver of notifications {name} cannot be used: {error}"),
                "Check its entry in kayenta.notifications.",
            )
        })?);
    }
    Ok(Receivers::new(receivers, settings.pages.public_url.clone()))
}
