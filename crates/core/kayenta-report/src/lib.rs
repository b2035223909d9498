//! A judged canary as a picture: HTML and SVG of config, request, pairs, judgement and explanation.
//!
//! [`JudgedRun`] has the overview of a run and the view of each metric; [`AnalysisView`] shows an analysis as a timeline;
//! [`report_section`] and its neighbours make a file of them that needs nothing beside it. Whatever comes from a config,
//! a store or a client is text and is escaped by the template engine.
//!
//! The crate does no I/O and reads no clock: the same values give the same bytes.
//!
//! ```
//! use kayenta_model::{CanaryConfig, CanaryJudgeResult, Thresholds};
//! use kayenta_report::{JudgedRun, Links, OverviewQuery};
//!
//! # fn main() -> Result<(), serde_json::Error> {
//! let config: CanaryConfig = serde_json::from_str(
//!     r#"{"name": "shop", "metrics": [{"name": "<latency>", "groups": ["app"]}], "classifier": {}}"#,
//! )?;
//! let result: CanaryJudgeResult = serde_json::from_str(
//!     r#"{"results": [{"name": "<latency>", "classification": "Pass", "groups": ["app"]}],
//!         "score": {"score": 100.0, "classification": "Pass"}}"#,
//! )?;
//! let run = JudgedRun {
//!     id: "1",
//!     application: None,
//!     config: &config,
//!     thresholds: Thresholds::default(),
//!     scopes: None,
//!     pairs: &[],
//!     result: &result,
//!     explanation: None,
//!     unread: None,
//! };
//! let html = run.overview(&OverviewQuery::default(), &Links::Sections { run: 1 }).into_string();
//! assert!(html.contains("Pass: 100 of 100") && !html.contains("<latency>"));
//! # Ok(())
//! # }
//! ```

mod analysis;
mod chart;
mod comparison;
mod document;
mod fact;
pub mod failure;
mod label;
mod markup;
mod metric;
pub mod number;
mod overview;
mod run;

pub use analysis::{AnalysisView, NextRun};
pub use chart::{
    score::ScoreBar,
    trend::{MetricChange, TrendPoint, trend},
};
pub use comparison::{ComparisonSide, RunComparison};
pub use document::{
    IndexLine, STYLE, report_failure, report_foot, report_head, report_index, report_section,
};
pub use fact::Fact;
pub use label::Badge;
pub use markup::Markup;
pub use metric::{ChartKind, MetricDisplay, MetricLinks};
pub use overview::{Links, MetricSort, OverviewQuery, encoded};
pub use run::JudgedRun;
