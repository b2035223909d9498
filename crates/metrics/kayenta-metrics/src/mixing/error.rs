//! Why fetched series cannot be compared.

use kayenta_model::Side;

/// Most values a side may be padded to. A window that asks for more is a mistake: a year of seconds
/// has 31 million.
pub const MOST_VALUES: i64 = 50_000_000;

/// Why fetched series cannot be compared. The texts are the reference's unless said otherwise.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MixError {
    /// A side without any series of a metric.
    #[error(
        "No {side} metrics found for {metric} and the metric service did not create a placeholder."
    )]
    NoMetrics {
        /// The side.
        side: Side,
        /// Name of the metric.
        metric: String,
    },
    /// The sides are grouped by different labels.
    #[error(
        "Control metrics have different tag keys than the experiment tag set \
         ([{control}] != [{experiment}])."
    )]
    TagKeys {
        /// Keys of the control, comma-separated.
        control: String,
        /// Keys of the experiment.
        experiment: String,
    },
    /// A series without a name.
    #[error("{} metric set name was not set.", capitalised(*side))]
    NoName {
        /// The side.
        side: Side,
    },
    /// The window of a side ends before it starts (own text: the reference prints the number only).
    #[error(
        "The {side} window of metric {metric} ends before it starts, or its step is negative \
         ({expected} data points expected)."
    )]
    NegativeWindow {
        /// The side.
        side: Side,
        /// Name of the metric.
        metric: String,
        /// `(end - start) / step`.
        expected: i64,
    },
    /// Padding would take more memory than any real comparison needs (own text).
    #[error(
        "The {side} window of metric {metric} spans {expected} data points; at most {MOST_VALUES} \
         can be compared. Use a larger step."
    )]
    TooManyValues {
        /// The side.
        side: Side,
        /// Name of the metric.
        metric: String,
        /// `(end - start) / step`.
        expected: i64,
    },
}

fn capitalised(side: Side) -> &'static str {
    match side {
        Side::Control => "Control",
        Side::Experiment => "Experiment",
    }
}
