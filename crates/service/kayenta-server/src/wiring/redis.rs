//! Queue and execution records in Redis.

use std::sync::Arc;

use anyhow::Context;
use kayenta_config::Settings;
use kayenta_queue::WorkQueue;
use kayenta_redis::{RedisStore, RedisStoreOptions};
use kayenta_settings::RedisSettings;

use super::Work;
use crate::{key_material, startup_failure::StartupFailure};

/// What the adapter has to know, from the settings.
///
/// # Errors
/// When the trust store cannot be read.
#[expect(
    clippy::disallowed_methods,
    reason = "the wiring is where randomness enters"
)]
pub(crate) fn redis_store_options(
    settings: &Settings,
    redis: &RedisSettings,
) -> anyhow::Result<RedisStoreOptions> {
    let trust = settings
        .http_client
        .trust
        .as_ref()
        .filter(|_| redis.tls)
        .map(key_material::read_trust)
        .transpose()
        .context("the trust store for Redis")?;
    Ok(RedisStoreOptions {
        server: redis.clone(),
        trusted_pem: trust.map(|found| key_material::certificates_to_pem(&found)),
        queue_name: settings.queue.name.clone(),
        dead_letter_name: settings.queue.dead_letter_name.clone(),
        lease: settings.engine.lease,
        retention: settings
            .engine
            .execution_retention
            .unwrap_or(super::FOR_EVER),
        consumer: uuid::Uuid::new_v4().to_string(),
    })
}

/// The store, not connected yet.
///
/// # Errors
/// When the settings cannot work with any Redis.
pub(crate) fn prepared(settings: &Settings, redis: &RedisSettings) -> anyhow::Result<RedisStore> {
    RedisStore::new(redis_store_options(settings, redis)?).map_err(|error| {
        StartupFailure::new(
            error.message,
            "Check redis.connection and the settings beside it.",
        )
        .into()
    })
}

/// Prepares the connection. Redis may be down: it is waited for, `/health` says so meanwhile, and the
/// log does once it has lasted (C-REDIS-04).
///
/// # Errors
/// When the settings cannot work with any Redis.
pub(super) fn open(settings: &Settings, redis: &RedisSettings) -> anyhow::Result<Work> {
    let store = prepared(settings, redis)?;
    let (address, patience) = (redis.address(), redis.startup_timeout);
    let waiting = store.clone();
    tokio::spawn(async move {
        let Err(error) = waiting.check().await else {
            return;
        };
        tracing::warn!("waiting for {address}: {}", error.message);
        tokio::time::sleep(patience).await;
        if let Err(error) = waiting.check().await {
            tracing::error!(
                "{address} has not answered for {} s: {}. Nothing is accepted until it answers; check \
                 redis.connection, and that the server is running and reachable from here.",
                patience.as_secs(),
                error.message
            );
        }
    });
    let shared = Arc::new(store);
    Ok(Work::shared(
        Arc::clone(&shared) as _,
        shared,
        "redisHealth",
    ))
}
