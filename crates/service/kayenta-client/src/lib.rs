//! A client of the HTTP API, and the gate a CI/CD pipeline runs: post a standalone analysis, wait for it
//! through restarts of the server, report the verdict, exit accordingly.
//!
//! It uses nothing but the reference's API, so it works against the Java service as well. Everything it
//! knows of the wire it has from `kayenta-model`.
//!
//! ```
//! use kayenta_client::Verdict;
//! use kayenta_model::AnalysisStatusResponse;
//! use serde_json::json;
//!
//! // What the service says of an analysis whose last run scored below the pass threshold.
//! let status: AnalysisStatusResponse = serde_json::from_value(json!({
//!     "complete": true,
//!     "executionStatus": "SUCCEEDED",
//!     "canaryAnalysisExecutionRequest": {"thresholds": {"pass": "95", "marginal": "75"}},
//!     "canaryAnalysisExecutionResult": {"didPassThresholds": false, "canaryScores": [80.0]},
//! }))?;
//! assert_eq!(Verdict::of(&status), Verdict::Marginal);
//! # Ok::<(), serde_json::Error>(())
//! ```

mod analyze;
mod evidence;
mod html;
mod http;
mod minutes;
mod outcome;
mod preflight;
mod report;
mod verdict;

pub use analyze::{AnalyzeArgs, OutputFormat, run_analyze};
pub use evidence::{Evidence, MetricEvidence};
pub use http::{Client, ClientError, Credentials, StartParameters, Started};
pub use outcome::Outcome;
pub use report::render;
pub use verdict::Verdict;
