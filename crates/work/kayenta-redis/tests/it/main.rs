//! The adapter on real Redis servers, each started by the test.

#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test that cannot go on should stop there"
)]

mod conformance;
mod eras;
mod outages;
mod topologies;

use std::time::Duration;

use kayenta_redis::{RedisSettings, RedisStore};
use kayenta_testkit::RedisServer;

/// Short times, so that tests need not wait.
fn settings(server: &RedisServer, queue: &str, consumer: &str) -> RedisSettings {
    RedisSettings {
        queue_name: queue.to_owned(),
        lease: Duration::from_millis(1500),
        retention: Duration::from_millis(1200),
        timeout: Duration::from_secs(2),
        ..RedisSettings::single("127.0.0.1", server.port(), consumer)
    }
}

fn store(server: &RedisServer, queue: &str, consumer: &str) -> RedisStore {
    RedisStore::new(settings(server, queue, consumer)).unwrap()
}
