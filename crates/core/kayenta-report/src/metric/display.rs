//! What of a metric is shown: the chart, the sides, the part of the window, and where its links lead.

use kayenta_model::Side;

/// How the view of a metric looks. All of it stands in the URL of a page.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MetricDisplay {
    /// What is drawn.
    pub chart: ChartKind,
    /// The side that is not drawn.
    pub hide: Option<Side>,
    /// The part of the window that is drawn, in seconds from its start.
    pub zoom: Option<(u32, u32)>,
}

/// Where the view of a metric leads.
#[derive(Clone, Copy, Debug, Default)]
pub struct MetricLinks<'a> {
    /// Its values as CSV.
    pub csv: &'a str,
    /// The chart that is shown as an image.
    pub svg: &'a str,
    /// The page of the store's own user interface for a query: an address with `{query}`, `{start}` and `{end}` (ISO-8601),
    /// `{startSeconds}`, `{endSeconds}`, `{startMillis}`, `{endMillis}`, `{range}` and `{step}` (seconds).
    pub store: Option<&'a str>,
}

/// Kinds of charts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ChartKind {
    /// Values over time.
    #[default]
    Series,
    /// Counts by value.
    Histogram,
    /// Share of values at or below each value.
    Ecdf,
    /// Quartiles.
    Box,
}

impl ChartKind {
    /// Every kind.
    pub const ALL: [Self; 4] = [Self::Series, Self::Histogram, Self::Ecdf, Self::Box];

    /// The word in a URL.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Series => "series",
            Self::Histogram => "histogram",
            Self::Ecdf => "ecdf",
            Self::Box => "box",
        }
    }

    /// The kind a word means; time series for a word that means none.
    #[must_use]
    pub fn of(word: &str) -> Self {
        Self::ALL
            .into_iter()
            .find(|kind| kind.word() == word)
            .unwrap_or_default()
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Series => "Time series",
            Self::Histogram => "Histogram",
            Self::Ecdf => "Distribution function",
            Self::Box => "Box plot",
        }
    }
}
