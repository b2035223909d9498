//! A canary run: the request and its status.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::Value;

#[cfg(feature = "schema")]
use crate::schema::{FreeObject, NamedScopePair};
use crate::{
    CanaryConfig, CanaryJudgeResult, JsonMap, Look, ScopePair, Thresholds, lenient,
    time::IsoDuration,
};

/// The scopes to compare and the thresholds to judge by.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct CanaryExecutionRequest {
    /// Scope pairs by the name that metrics refer to. A pair that no metric refers to may be `null`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(value_type = Option<IndexMap<String, NamedScopePair>>))]
    pub scopes: Option<IndexMap<String, Option<ScopePair>>>,
    /// Score thresholds; a run without them is accepted and cannot be judged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thresholds: Option<Thresholds>,
    /// Free name-value pairs, returned with the status.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Vec<ExecutionMetadata>>,
    /// A free object, returned with the status.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(value_type = Option<FreeObject>))]
    pub site_local: Option<JsonMap>,
}

/// A free name-value pair of a request.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema), schema(as = Metadata))]
#[serde(rename_all = "camelCase", default)]
pub struct ExecutionMetadata {
    /// Name; an explicit `null` is rejected.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "not_null")]
    pub name: Option<String>,
    /// Value; an explicit `null` is rejected.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "not_null")]
    pub value: Option<String>,
    /// A hint for user interfaces.
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

/// A config and the request to run it with.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema), schema(as = CanaryAdhocExecutionRequest))]
#[serde(rename_all = "camelCase", default)]
pub struct CanaryAdhocRequest {
    /// The config to run.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(required = true))]
    pub canary_config: Option<CanaryConfig>,
    /// The scopes and thresholds to run it with.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(required = true))]
    pub execution_request: Option<CanaryExecutionRequest>,
}

/// Why a stage failed. Clients read `details.errors`, which is always present.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct ExecutionException {
    /// When the stage failed, in ISO-8601 with an offset; old data has milliseconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(value_type = Option<String>))]
    pub timestamp: Option<Value>,
    /// Kind of the failure.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exception_type: Option<String>,
    /// Name of the task that failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operation: Option<String>,
    /// `errors` lists the messages; `error`, `stackTrace` and, for HTTP failures, `status`, `url` and
    /// `kind` may accompany it.
    #[cfg_attr(feature = "schema", schema(value_type = FreeObject))]
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

/// The result of a run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct CanaryResult {
    /// What the judge returned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub judge_result: Option<CanaryJudgeResult>,
    /// Length of the time window in ISO-8601, if all scopes have the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(value_type = Option<String>, example = "PT1H"))]
    pub canary_duration: Option<IsoDuration>,
}

/// Status and result of a run, as `GET /canary/{id}` returns them and the archive keeps them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema), schema(as = CanaryExecutionStatusResponse))]
#[serde(rename_all = "camelCase", default)]
pub struct CanaryStatusResponse {
    /// Application the run was started for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub application: Option<String>,
    /// Id of the pipeline that started the run, as given by the caller.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent_pipeline_execution_id: Option<String>,
    /// Id of the run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pipeline_id: Option<String>,
    /// Lower-case status of each stage.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stage_status: Option<IndexMap<String, String>>,
    /// Whether the run has ended.
    #[cfg_attr(feature = "schema", schema(required = true))]
    pub complete: bool,
    /// Lower-case status: `not_started`, `running`, `succeeded`, `terminal`, `canceled` and others.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// Why the run failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(value_type = Option<ExecutionException>))]
    pub exception: Option<Value>,
    /// The result of a run that succeeded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub result: Option<CanaryResult>,
    /// The config as executed; `${` in templates is written `$\\{`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub config: Option<CanaryConfig>,
    /// Id of the stored config, or `ad-hoc`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub canary_config_id: Option<String>,
    /// The request as it was read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub canary_execution_request: Option<CanaryExecutionRequest>,
    /// Id of the stored metric set pair list, once it is mixed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metric_set_pair_list_id: Option<String>,
    /// Which judgement of its analysis the run is, if its judge shares an error budget among them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub look: Option<Look>,
    /// When the run was accepted, in milliseconds since 1970.
    #[serde(
        skip_serializing_if = "Option::is_none",
        deserialize_with = "lenient::long"
    )]
    pub build_time_millis: Option<i64>,
    /// The same time in ISO-8601.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub build_time_iso: Option<String>,
    /// When work on it began, in milliseconds since 1970.
    #[serde(
        skip_serializing_if = "Option::is_none",
        deserialize_with = "lenient::long"
    )]
    pub start_time_millis: Option<i64>,
    /// The same time in ISO-8601.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_time_iso: Option<String>,
    /// When it ended, in milliseconds since 1970.
    #[serde(
        skip_serializing_if = "Option::is_none",
        deserialize_with = "lenient::long"
    )]
    pub end_time_millis: Option<i64>,
    /// The same time in ISO-8601.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end_time_iso: Option<String>,
    /// Account that stores its objects.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub storage_account_name: Option<String>,
    /// Account its metrics were fetched from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metrics_account_name: Option<String>,
    /// Account its config was loaded from, if it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub configuration_account_name: Option<String>,
}
