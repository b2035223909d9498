//! Fakes, fault proxy, seam conformance suites, server launchers and transcript replay for tests.
//!
//! A dev-dependency only: nothing here is shipped. Every server binds a free port of the loopback
//! interface and ends when its handle is dropped. What a test awaits it awaits with [`eventually()`] or
//! [`until`]; a test that starts a real server is marked `#[ignore = "needs …"]`, which `./test` turns on.
//!
//! It is not a mock of HTTP in general: each fake behaves as one real server does, as far as a canary
//! sees of it.
//!
//! ```
//! use std::time::Duration;
//! use kayenta_testkit::{FakePrometheus, eventually};
//!
//! # #[tokio::main]
//! # async fn main() -> anyhow::Result<()> {
//! let prometheus = FakePrometheus::start().await?;
//! let url = format!("{}/api/v1/query_range?query=up&start=0&end=60&step=60", prometheus.base_url());
//! reqwest::get(url).await?.error_for_status()?;
//! let seen = eventually("the query arrives", Duration::from_secs(5), async || {
//!     prometheus.seen().pop().ok_or("nothing seen")
//! });
//! assert!(seen.await.target.starts_with("/api/v1/query_range"));
//! # Ok(())
//! # }
//! ```

#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a conformance suite that cannot go on should stop there"
)]

pub mod azurite;
pub mod bucket_servers;
pub mod catalogue_suite;
pub mod certificates;
pub mod documents;
pub mod eventually;
pub mod execution_store_suite;
pub mod failure_suite;
pub mod fake_metric_stores;
pub mod fake_prometheus;
pub mod fault_proxy;
pub mod free_port;
pub mod manual_clock;
pub mod misbehaving_store;
pub mod noting_server;
pub mod object_server;
pub mod object_store_suite;
pub mod one_fetch;
pub mod prometheus_server;
pub mod redis_server;
pub mod replay;
pub mod scrape_targets;
pub mod service;
pub mod sql_server;
pub mod tools;
pub mod work_queue_suite;

pub use bucket_servers::BucketServer;
pub use catalogue_suite::RandomUuids;
pub use eventually::{eventually, until};
pub use fake_metric_stores::FakeMetricStores;
pub use fake_prometheus::FakePrometheus;
pub use fault_proxy::{Fault, FaultProxy};
pub use free_port::free_port;
pub use manual_clock::ManualClock;
pub use noting_server::{NotedRequest, NotingServer};
pub use object_server::{ObjectServer, RemoteStore};
pub use one_fetch::fetch_once;
pub use prometheus_server::PrometheusServer;
pub use redis_server::RedisServer;
pub use rustix::process::Signal;
pub use scrape_targets::{Behaviour, ScrapeTarget};
pub use service::{Service, ServiceBuilder};
pub use sql_server::SqlServer;
