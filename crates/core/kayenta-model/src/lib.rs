//! The wire: every JSON shape that clients, stored objects and judges share.
//!
//! Serde rules live here and nowhere else: the leading `type` of a query, lenient numbers and strings,
//! NaN as a JSON string, ISO-8601 instants and durations, omitted nulls. Field order is the order in
//! which the reference writes the fields.
//!
//! It is no client and no validator: it reads whatever the reference reads, odd as it may be, and leaves
//! it to the engine to refuse. The crate does no I/O and reads no clock; [`Clock`] is only the seam
//! through which time enters the other crates.
//!
//! ```
//! use kayenta_model::CanaryConfig;
//!
//! // A client may send numbers as strings, and fields that are unknown.
//! let config: CanaryConfig = serde_json::from_str(
//!     r#"{"name": "shop", "applications": ["shop"], "isNew": true,
//!         "metrics": [{"name": "errors", "query": {"type": "prometheus", "metricName": "errors"}}],
//!         "classifier": {"groupWeights": {"errors": "100"}}}"#,
//! )?;
//! assert_eq!(config.metrics().len(), 1);
//! let written = serde_json::to_string(&config)?;
//! assert!(written.contains(r#""groupWeights":{"errors":100.0}"#), "{written}");
//! # Ok::<(), serde_json::Error>(())
//! ```

pub mod account;
pub mod analysis;
pub mod canary_config;
pub mod clock;
pub mod comparison;
pub mod execution;
pub mod execution_summary;
pub mod explanation;
pub mod fields;
pub mod java_hash;
pub mod judgement;
pub mod lenient;
pub mod listing;
pub mod metric_set;
pub mod number;
pub mod pipeline;
pub mod query;
#[cfg(feature = "schema")]
pub mod schema;
pub mod scope;
mod series_text;
pub mod side;
pub mod status;
pub mod time;

pub use account::AccountType;
pub use analysis::{
    AnalysisAdhocRequest, AnalysisExecutionResult, AnalysisRequest, AnalysisScope, AnalysisStage,
    AnalysisStatusResponse, CanaryExecutionResult,
};
pub use canary_config::{
    CanaryConfig, ClassifierConfig, JsonMap, JudgeConfig, MetricConfig, Thresholds,
};
pub use clock::{Clock, IdSource, Sleep};
pub use execution::{
    CanaryAdhocRequest, CanaryExecutionRequest, CanaryResult, CanaryStatusResponse,
    ExceptionDetails, ExecutionException, ExecutionMetadata,
};
pub use execution_summary::{ExecutionKind, ExecutionSummary};
pub use java_hash::java_string_hash;
pub use judgement::{
    AnalysisResult, CanaryJudgeResult, GroupScore, JudgeScore, Look, MetricStats, SideMetadata,
    SideStats,
};
pub use listing::{ConfigSummary, JudgeDescription, ListedObject};
pub use metric_set::{MetricSet, MetricSetPair, NULL_SAMPLE, PairScope, is_null_sample};
pub use number::Double;
pub use query::QueryConfig;
pub use scope::{CanaryScope, ScopePair};
pub use series_text::{NeedsWholeText, SeriesText};
pub use side::Side;
pub use status::ExecutionStatus;
pub use time::{Instant, IsoDuration};
