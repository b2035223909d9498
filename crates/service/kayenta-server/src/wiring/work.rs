//! Where jobs and execution records live.

use std::{path::Path, sync::Arc};

use kayenta_config::Settings;
use kayenta_model::Clock;
use kayenta_queue::{
    EmbeddedSettings, EmbeddedStore, ExecutionStore, QueueError, QueueErrorKind, WorkQueue,
};
use kayenta_settings::WorkBackend;

use crate::startup_failure::StartupFailure;

/// Queue and execution records.
#[derive(Clone, Debug)]
pub(crate) struct Work {
    /// The queue.
    pub(crate) queue: Arc<dyn WorkQueue>,
    /// The records.
    pub(crate) executions: Arc<dyn ExecutionStore>,
    /// Name of its component in `/health`.
    pub(crate) component: &'static str,
    embedded: Option<EmbeddedStore>,
}

impl Work {
    /// A queue and records that live elsewhere.
    pub(super) fn shared(
        queue: Arc<dyn WorkQueue>,
        executions: Arc<dyn ExecutionStore>,
        component: &'static str,
    ) -> Self {
        Self {
            queue,
            executions,
            component,
            embedded: None,
        }
    }

    /// Brings everything to disk and lets files go.
    pub(crate) async fn shut_down(&self) {
        if let Some(embedded) = &self.embedded {
            embedded.shut_down().await;
        }
    }
}

/// Opens what the settings ask for.
///
/// # Errors
/// When the embedded file cannot be opened. Redis may be down: it is waited for where it is used.
pub(crate) async fn open_work(settings: &Settings, clock: &Arc<dyn Clock>) -> anyhow::Result<Work> {
    match &settings.work {
        WorkBackend::Embedded => open_embedded(settings, clock).await,
        WorkBackend::Redis(redis) => crate::wiring::redis::open(settings, redis),
    }
}

/// Whether the embedded store can read its file, if there is one.
///
/// # Errors
/// Why not, and what to do.
pub(crate) fn check_file(data_dir: &Path) -> Result<(), StartupFailure> {
    EmbeddedStore::check_file(data_dir).map_err(|error| unusable_file(data_dir, &error))
}

fn unusable_file(data_dir: &Path, error: &QueueError) -> StartupFailure {
    let action = match error.kind {
        QueueErrorKind::Corrupt => format!(
            "Move {} away (finished results stay readable from the object store) and start again.",
            data_dir.join("work.redb").display()
        ),
        _ => format!(
            "Make sure that {} can be written and that no other process uses it, or choose another \
             one with --data-dir.",
            data_dir.display()
        ),
    };
    StartupFailure::new(format!("The work file cannot be opened: {error}"), action)
}

async fn open_embedded(settings: &Settings, clock: &Arc<dyn Clock>) -> anyhow::Result<Work> {
    let data_dir = &settings.data_dir;
    let retention = settings.engine.execution_retention;
    let embedded = EmbeddedSettings {
        lease: settings.engine.lease,
        retention: retention.unwrap_or(super::FOR_EVER),
        ..EmbeddedSettings::default()
    };
    let store = EmbeddedStore::open(data_dir, embedded, Arc::clone(clock))
        .await
        .map_err(|error| unusable_file(data_dir, &error))?;
    let shared = Arc::new(store.clone());
    Ok(Work {
        queue: Arc::clone(&shared) as _,
        executions: shared,
        component: "embeddedQueue",
        embedded: Some(store),
    })
}
