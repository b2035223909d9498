//! What a start opens of the files its settings name, before it binds a port or asks another system. `serve`
//! starts with it, and `check-config` does it and stops: what one refuses, the other refuses.

use std::{path::Path, sync::Arc};

use anyhow::Context as _;
use kayenta_config::Settings;
use kayenta_http::{HttpSettings, Transport};
use kayenta_judge::JudgeRegistry;
use kayenta_model::Clock;
use kayenta_notifications::Receivers;
use kayenta_settings::WorkBackend;
use kayenta_storage::{OpenError, check_writable};

use crate::{
    http::TlsListeners,
    startup_failure::StartupFailure,
    telemetry,
    wiring::{self, kinds},
};

/// What has been opened.
pub(crate) struct Prepared {
    /// Certificates and keys of the ports.
    pub(crate) tls: TlsListeners,
    /// How other systems are reached, for stores with connections of their own.
    pub(crate) http: HttpSettings,
    /// The connections to other systems.
    pub(crate) transport: Transport,
    /// The judges.
    pub(crate) judges: JudgeRegistry,
    /// Who is notified of what.
    pub(crate) receivers: Arc<Receivers>,
}

/// Opens it.
///
/// # Errors
/// With what is wrong and what to do, when the service cannot start.
pub(crate) fn prepare(
    settings: &Settings,
    accounts: &kinds::Accounts,
    clock: &Arc<dyn Clock>,
) -> anyhow::Result<Prepared> {
    let tls = TlsListeners::new(settings)?;
    let mut http = wiring::http_settings(&settings.http_client)?;
    http.traces = settings
        .tracing
        .endpoint
        .as_ref()
        .map(|_| telemetry::trace_headers());
    let transport = Transport::new(&http).context("the connections of outgoing calls")?;
    let judges = wiring::judges(settings, &transport, clock).context("the remote judge")?;
    let receivers = Arc::new(wiring::receivers(settings, &transport, clock)?);
    match &settings.work {
        WorkBackend::Redis(redis) => drop(wiring::redis::prepared(settings, redis)?),
        WorkBackend::Embedded => {
            check_writable(&settings.data_dir).map_err(|why| {
                StartupFailure::new(
                    format!("The work file cannot be opened: {why}"),
                    format!(
                        "Make sure that {} can be written, or choose another one with --data-dir.",
                        settings.data_dir.display()
                    ),
                )
            })?;
            wiring::work::check_file(&settings.data_dir)?;
        }
    }
    if let Some(file) = &settings.logging.file {
        let folder = file.path.parent().unwrap_or(Path::new("."));
        check_writable(folder).map_err(|why| {
            StartupFailure::new(
                format!("cannot open the log file {}: {why}", file.path.display()),
                "Check logging.file.name and logging.file.path.",
            )
        })?;
    }
    for (kind, account) in &accounts.registered {
        let types = &account.supported_types;
        let Some(objects) = account.store.objects(accounts, kind, types) else {
            continue;
        };
        if let Err(OpenError::Fatal { message, remedy }) = objects.check() {
            return Err(StartupFailure::new(message, remedy).into());
        }
    }
    let options =
        wiring::api_options(settings, accounts, &transport).context("kayenta.security.jwt")?;
    kayenta_access::check(
        options.authentication.as_ref(),
        options.signing_keys.as_ref(),
    )
    .map_err(|error| StartupFailure::new(error.to_string(), "Check kayenta.security.*."))?;
    Ok(Prepared {
        tls,
        http,
        transport,
        judges,
        receivers,
    })
}
