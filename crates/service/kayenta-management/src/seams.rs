//! What the server hands the management endpoints: log levels, meters, properties, tasks.

use std::fmt::Debug;

use indexmap::IndexMap;
use kayenta_properties::SourceView;
use kayenta_settings::LogLevel;
use serde::Serialize;
use serde_json::Value;

/// The levels of one logger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LoggerLevels {
    /// The level set on this very logger.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub configured_level: Option<LogLevel>,
    /// The level in force, inherited if need be.
    pub effective_level: LogLevel,
}

/// A named set of loggers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LoggerGroup {
    /// The level set on the group as a whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub configured_level: Option<LogLevel>,
    /// Its loggers.
    pub members: Vec<String>,
}

/// The live log levels. Loggers go by the reference's names (`ROOT`, `com.netflix.kayenta`).
pub trait LogLevels: Send + Sync + Debug {
    /// Every logger worth listing, `ROOT` first.
    fn loggers(&self) -> IndexMap<String, LoggerLevels>;

    /// Every group.
    fn groups(&self) -> IndexMap<String, LoggerGroup>;

    /// The levels of the logger, inherited ones for a name never used.
    fn levels(&self, logger: &str) -> LoggerLevels;

    /// Sets the level of a logger or, when `logger` names a group, of its members; `None` goes back
    /// to the inherited one. Never called with `None` for `ROOT`.
    fn set_level(&self, logger: &str, level: Option<LogLevel>);
}

/// What sort of meter it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MeterKind {
    /// Only grows.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Durations in seconds.
    Timer,
    /// Amounts.
    DistributionSummary,
}

impl MeterKind {
    /// The name `/spectator/metrics` uses.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "Counter",
            Self::Gauge => "Gauge",
            Self::Timer => "Timer",
            Self::DistributionSummary => "DistributionSummary",
        }
    }
}

/// One number of a meter, named as `/metrics/{name}` names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Statistic {
    /// How often.
    Count,
    /// Sum of durations in seconds.
    TotalTime,
    /// Sum of amounts.
    Total,
    /// The largest of late.
    Max,
    /// The present value.
    Value,
}

impl Statistic {
    /// The value of the `statistic` tag of `/spectator/metrics`.
    #[must_use]
    pub fn tag(self) -> &'static str {
        match self {
            Self::Count => "count",
            Self::TotalTime | Self::Total => "total",
            Self::Max => "max",
            Self::Value => "value",
        }
    }

    /// Whether numbers of several tag sets add up; otherwise the largest stands for them.
    #[must_use]
    pub fn adds_up(self) -> bool {
        !matches!(self, Self::Max)
    }
}

/// One meter under one set of tags.
#[derive(Clone, Debug, PartialEq)]
pub struct Meter {
    /// Dotted name, such as `canary.telemetry.query`.
    pub name: String,
    /// What it counts, for people.
    pub description: Option<String>,
    /// Unit of its numbers, such as `seconds` or `bytes`.
    pub base_unit: Option<String>,
    /// What sort of meter it is.
    pub kind: MeterKind,
    /// Tags, keys ascending.
    pub tags: Vec<(String, String)>,
    /// Its numbers, at least one.
    pub measurements: Vec<(Statistic, f64)>,
}

/// What has been measured so far.
pub trait MetricsSnapshot: Send + Sync + Debug {
    /// Every meter under every set of tags.
    fn meters(&self) -> Vec<Meter>;

    /// All of it in Prometheus' text format, version 0.0.4.
    fn prometheus(&self) -> String;

    /// When measuring began, milliseconds since 1970.
    fn start_millis(&self) -> i64;
}

/// Where the settings came from.
#[derive(Clone, Debug, Default)]
pub struct Environment {
    /// Active profiles, the last one strongest.
    pub active_profiles: Vec<String>,
    /// The sources, strongest first.
    pub sources: Vec<SourceView>,
    /// The effective settings by prefix (`kayenta.azure`), shown by `/configprops` after masking.
    pub settings: IndexMap<String, Value>,
}

/// How a task is repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Schedule {
    /// Again so long after the last end.
    FixedDelay,
    /// At a steady rate.
    FixedRate,
}

/// A task that repeats in the background.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScheduledTask {
    /// What it is, such as `kayenta_queue::sweep`.
    pub target: String,
    /// How it is repeated.
    pub schedule: Schedule,
    /// Before the first time, in milliseconds.
    pub initial_delay_millis: u64,
    /// Between two times, in milliseconds.
    pub interval_millis: u64,
}
