//! Queue and execution records in Redis.

use std::sync::Arc;

use kayenta_config::{Settings, settings::RedisSettings};
use kayenta_model::Clock;

use super::Work;
use crate::startup_failure::StartupFailure;

/// Prepares the connection.
///
/// # Errors
/// Until the Redis adapter is there: always.
pub(super) async fn open(
    _settings: &Settings,
    redis: &RedisSettings,
    _clock: &Arc<dyn Clock>,
) -> anyhow::Result<Work> {
    Err(StartupFailure::new(
        format!(
            "The queue on {} is configured but not built in yet.",
            redis.address()
        ),
        "Remove redis.connection to run on the embedded queue.",
    )
    .into())
}
