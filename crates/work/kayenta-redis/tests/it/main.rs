//! The adapter on real Redis servers, each started by the test.

#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test that cannot go on should stop there"
)]

mod conformance;
mod eras;
mod health;
mod outages;
mod topologies;

use std::time::Duration;

use kayenta_redis::{RedisStore, RedisStoreOptions};
use kayenta_settings::RedisSettings;
use kayenta_testkit::RedisServer;

/// Short times, so that tests need not wait.
fn options(server: &RedisServer, queue: &str, consumer: &str) -> RedisStoreOptions {
    RedisStoreOptions {
        queue_name: queue.to_owned(),
        lease: Duration::from_secs(2),
        retention: Duration::from_millis(1200),
        ..RedisStoreOptions::new(RedisSettings::single("127.0.0.1", server.port()), consumer)
    }
}

fn store(server: &RedisServer, queue: &str, consumer: &str) -> RedisStore {
    RedisStore::new(options(server, queue, consumer)).unwrap()
}
