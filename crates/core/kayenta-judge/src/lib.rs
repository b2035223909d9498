//! Canary judges: values in, a verdict out.
//!
//! [`NetflixAcaJudge`] cleans, classifies and scores metric set pairs as the reference does, bit for
//! bit; [`PairedCanaryJudge`] compares point by point and bounds its errors; [`StaticLimitJudge`] needs no
//! baseline; [`RandomDummyJudge`] decides at random; [`batch`] judges whole files, [`explanation`] says why.
//! Through the seam ([`Judge`], [`LocalJudge`], [`RemoteJudge`], [`JudgeRegistry`]) further judges can be
//! added.
//!
//! The crate does no I/O of its own, reads no clock and starts no runtime: a [`LocalJudge`] is a plain
//! function that burns CPU and belongs on a blocking thread, a [`RemoteJudge`] is awaited; the caller
//! distinguishes them by the variant of [`Judge`].
//!
//! It fetches nothing and stores nothing, and knows which side is which from nothing but the pair itself. `examples/judge_a_file.rs` judges requests from a file.
//! ```
//! use std::sync::Arc;
//! use kayenta_judge::{JudgeRequest, LocalJudge, NetflixAcaJudge, ScoreThresholds};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let config = serde_json::from_str(
//!     r#"{"metrics": [{"name": "latency", "groups": ["app"]}], "classifier": {}}"#,
//! )?;
//! let pairs = serde_json::from_str(
//!     r#"[{"name": "latency", "id": "1", "values": {
//!         "experiment": [20, 22, 21, 25, 30], "control": [1, 2.2, 1.1, 2.5, 3]}}]"#,
//! )?;
//! let result = NetflixAcaJudge::default().judge(&JudgeRequest {
//!     canary_config: Arc::new(config),
//!     thresholds: ScoreThresholds { pass: 75.0, marginal: 50.0 },
//!     metric_set_pairs: Arc::new(pairs),
//!     ..JudgeRequest::default()
//! })?;
//! assert_eq!(result.total(), Some(0.0));
//! # Ok(())
//! # }
//! ```

pub mod batch;
mod classification;
mod cleaning;
mod dredd;
mod error;
pub mod explanation;
mod figures;
mod group_order;
mod metrics_by_name;
mod netflix;
mod paired;
mod pool;
mod registry;
mod scoring;
mod seam;
mod setting_table;
mod settings;
mod static_limit;
mod used_values;
#[cfg(test)]
mod vectors;

pub use dredd::{Dice, RandomDummyJudge};
pub use error::{JudgeError, JudgeErrorKind, RemoteWords};
pub use netflix::NetflixAcaJudge;
pub use paired::PairedCanaryJudge;
pub use registry::JudgeRegistry;
pub use scoring::{GroupShare, JudgedPairs, ScoreSum};
pub use seam::{
    EarlySuccess, Judge, JudgeRequest, LocalJudge, LookVerdict, PairJudge, RemoteJudge,
    ScoreThresholds,
};
pub use setting_table::{
    JudgeSetting, METRIC_SETTINGS, PAIRED_JUDGE_SETTINGS, SettingKind, check_config_settings,
    check_metric_settings,
};
pub use static_limit::StaticLimitJudge;
pub use used_values::{UsedSide, UsedValues};
