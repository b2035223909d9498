//! The embedded pair against the conformance suites, a second process, full disks and `kill -9`.

#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a test that cannot go on should stop there, and figures are printed"
)]

mod conformance;
mod crash;
mod full_disk;
mod opening;
mod speed;

use std::sync::Arc;

use kayenta_model::clock::Clock;
use kayenta_queue::{EmbeddedSettings, EmbeddedStore, ExecutionRecord, Job};

/// An in-memory store with the default settings.
fn in_memory(clock: impl Clock + 'static) -> EmbeddedStore {
    EmbeddedStore::in_memory(EmbeddedSettings::default(), Arc::new(clock)).unwrap()
}

fn job(id: &str) -> Job {
    Job {
        execution_id: id.to_owned(),
    }
}

fn record(id: &str) -> ExecutionRecord {
    ExecutionRecord {
        id: id.to_owned(),
        group: "guide-standard-canary-pipeline".to_owned(),
        status: kayenta_model::ExecutionStatus::NotStarted,
        build_time_millis: 1_700_000_000_000,
        has_job: true,
        body: format!("{{\"id\":\"{id}\"}}").into(),
        parts: Vec::new(),
        summary: bytes::Bytes::new(),
    }
}
