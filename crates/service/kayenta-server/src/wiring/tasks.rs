//! Tasks that one replica of all does.

use std::sync::Arc;

use kayenta_config::Settings;
use kayenta_engine::{Engine, PeriodicTask};
use kayenta_retention::Retention;

/// The tasks that the settings ask for.
pub(crate) fn periodic_tasks(settings: &Settings, engine: &Engine) -> Vec<Arc<dyn PeriodicTask>> {
    if settings.retention.is_on() {
        let retention = Retention::new(settings.retention.clone(), engine.clone());
        vec![Arc::new(retention)]
    } else {
        Vec::new()
    }
}
