//! From settings to a running engine and its HTTP surface: the only place that knows every adapter.

pub(crate) mod accounts;
mod api_options;
mod health;
mod judges;
pub(crate) mod kinds;
mod management;
mod notifications;
mod outbound;
pub(crate) mod reading;
pub(crate) mod redis;
mod tasks;
pub(crate) mod work;

pub(crate) use api_options::api_options;
pub(crate) use health::indicators;
pub(crate) use judges::{batch_judges, judges, local_judges};
pub(crate) use management::{environment, info, scheduled_tasks};
pub(crate) use notifications::receivers;
pub(crate) use outbound::http_settings;
pub(crate) use redis::redis_store_options;
pub(crate) use tasks::periodic_tasks;
pub(crate) use work::{Work, open_work};

/// Retention of records that are never removed: a century, which every store can add to a timestamp.
const FOR_EVER: std::time::Duration = std::time::Duration::from_secs(100 * 365 * 24 * 60 * 60);
