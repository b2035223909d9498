//! A canary run: the request and its status.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    CanaryConfig, CanaryJudgeResult, JsonMap, ScopePair, Thresholds, lenient, time::IsoDuration,
};

/// Body of `POST /canary/{id}`: over which scopes, judged by which thresholds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CanaryExecutionRequest {
    /// Scope pairs by name; `None` as a value is a JSON `null`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scopes: Option<IndexMap<String, Option<ScopePair>>>,
    /// Score thresholds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thresholds: Option<Thresholds>,
    /// Free pairs, echoed back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Vec<ExecutionMetadata>>,
    /// Free object, echoed back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub site_local: Option<JsonMap>,
}

/// A free pair of a request.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ExecutionMetadata {
    /// Its name; an explicit `null` is refused.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "not_null")]
    pub name: Option<String>,
    /// Its value; an explicit `null` is refused.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "not_null")]
    pub value: Option<String>,
    /// A hint to user interfaces.
    #[serde(deserialize_with = "flag")]
    pub hidden: bool,
}

fn not_null<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    match lenient::string(deserializer)? {
        Some(text) => Ok(Some(text)),
        None => Err(serde::de::Error::custom("null is not allowed here")),
    }
}

fn flag<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    Ok(lenient::boolean(deserializer)?.unwrap_or_default())
}

/// Body of `POST /canary`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CanaryAdhocRequest {
    /// The config to run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub canary_config: Option<CanaryConfig>,
    /// Over which scopes, judged by which thresholds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub execution_request: Option<CanaryExecutionRequest>,
}

/// Why a stage failed, in the reference's shape. Clients read `details.errors`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ExecutionException {
    /// `2025-04-08T12:00:00.123+00:00`; old data has milliseconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timestamp: Option<Value>,
    /// A class-like name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exception_type: Option<String>,
    /// Name of the task that failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operation: Option<String>,
    /// `error`, `errors` (always), `stackTrace`, and for HTTP failures `status`, `url`, `kind`.
    pub details: JsonMap,
    /// Always false in a stored exception.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub should_retry: Option<bool>,
}

/// `details` of an [`ExecutionException`] as this service writes them. What was stored by others may
/// hold anything, which is why they are read as a plain object.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ExceptionDetails {
    /// What sort of failure of another service it is: `HTTP`, `NETWORK` or `UNEXPECTED`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// A heading, or the text of another service's failure.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// What clients show; never empty.
    pub errors: Vec<String>,
    /// What was asked, secrets masked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// The other service's HTTP status.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// Class, text and causes, one to a line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stack_trace: Option<String>,
    /// Name of the metric that was fetched.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metric: Option<String>,
    /// The account it was fetched from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metrics_account_name: Option<String>,
    /// The query as the store was sent it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub query: Option<String>,
    /// How often the fetch was tried.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attempts: Option<u32>,
}

impl ExceptionDetails {
    /// The form an [`ExecutionException`] keeps.
    #[must_use]
    pub fn into_map(self) -> JsonMap {
        match serde_json::to_value(self) {
            Ok(Value::Object(map)) => map,
            // Texts and numbers alone can always be written, and a struct is an object.
            _ => JsonMap::new(),
        }
    }
}

/// Result part of a canary status.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CanaryResult {
    /// The verdict.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub judge_result: Option<CanaryJudgeResult>,
    /// Length of all scopes, when they share one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub canary_duration: Option<IsoDuration>,
}

/// Answer of `GET /canary/{id}`, and the archived form of a finished run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CanaryStatusResponse {
    /// Application it runs for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub application: Option<String>,
    /// As given by the caller.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent_pipeline_execution_id: Option<String>,
    /// The execution id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pipeline_id: Option<String>,
    /// Lower-case status by stage.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stage_status: Option<IndexMap<String, String>>,
    /// Whether nothing more will happen.
    pub complete: bool,
    /// Lower-case status.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exception: Option<Value>,
    /// The verdict, only when it succeeded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub result: Option<CanaryResult>,
    /// The config as executed, templates escaped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub config: Option<CanaryConfig>,
    /// Id of the stored config, or `ad-hoc`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub canary_config_id: Option<String>,
    /// The request as it was read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub canary_execution_request: Option<CanaryExecutionRequest>,
    /// Id of the stored pair list, once mixed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metric_set_pair_list_id: Option<String>,
    /// When it was accepted, milliseconds since 1970.
    #[serde(
        skip_serializing_if = "Option::is_none",
        deserialize_with = "lenient::long"
    )]
    pub build_time_millis: Option<i64>,
    /// The same in ISO-8601.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub build_time_iso: Option<String>,
    /// When work began, milliseconds since 1970.
    #[serde(
        skip_serializing_if = "Option::is_none",
        deserialize_with = "lenient::long"
    )]
    pub start_time_millis: Option<i64>,
    /// The same in ISO-8601.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_time_iso: Option<String>,
    /// When it ended, milliseconds since 1970.
    #[serde(
        skip_serializing_if = "Option::is_none",
        deserialize_with = "lenient::long"
    )]
    pub end_time_millis: Option<i64>,
    /// The same in ISO-8601.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end_time_iso: Option<String>,
    /// Resolved storage account.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub storage_account_name: Option<String>,
    /// Resolved metrics account.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metrics_account_name: Option<String>,
    /// Resolved configuration account, when the config was loaded from one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub configuration_account_name: Option<String>,
}
