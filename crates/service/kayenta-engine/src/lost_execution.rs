//! The status of an execution whose record is gone because the store lost its data (C-ENG-16). A
//! client that waits for it gets an end instead of a 404 it could mistake for a transient failure.

use indexmap::IndexMap;
use kayenta_model::{
    AnalysisStatusResponse, CanaryStatusResponse, ExecutionException, ExecutionStatus,
    time::iso_millis,
};
use serde_json::Value;

use crate::failure::Failure;

/// An execution that was accepted, and then lost with the data of the store.
#[derive(Debug)]
pub(crate) struct LostExecution {
    id: String,
    accepted: i64,
    exception: ExecutionException,
}

impl LostExecution {
    /// `accepted` and `at`, the time the records were lost, in milliseconds since 1970.
    pub(crate) fn new(id: &str, accepted: i64, at: i64) -> Self {
        let message = format!(
            "Execution {id} was lost: the store of execution records lost its data and has \
             records only since {}. It does not continue; start it again.",
            iso_millis(at)
        );
        Self {
            id: id.to_owned(),
            accepted,
            exception: Failure::new("IllegalStateException", message).at("lostExecution", at),
        }
    }

    fn exception(&self) -> Option<Value> {
        serde_json::to_value(&self.exception).ok()
    }

    /// Answer of `GET /canary/{id}`.
    pub(crate) fn canary(&self) -> CanaryStatusResponse {
        CanaryStatusResponse {
            pipeline_id: Some(self.id.clone()),
            stage_status: Some(IndexMap::new()),
            complete: true,
            status: Some(ExecutionStatus::Terminal.lower()),
            exception: self.exception(),
            build_time_millis: Some(self.accepted),
            build_time_iso: Some(iso_millis(self.accepted)),
            ..CanaryStatusResponse::default()
        }
    }

    /// Answer of `GET /standalone_canary_analysis/{id}`.
    pub(crate) fn analysis(&self) -> AnalysisStatusResponse {
        AnalysisStatusResponse {
            pipeline_id: Some(self.id.clone()),
            stage_status: Some(Vec::new()),
            complete: true,
            execution_status: Some(ExecutionStatus::Terminal),
            exception: self.exception(),
            build_time_millis: Some(self.accepted),
            build_time_iso: Some(iso_millis(self.accepted)),
            ..AnalysisStatusResponse::default()
        }
    }
}
