//! Labels and verdicts with a word, an icon and a colour each; the colour never stands alone.

use crate::chart::{canvas::Style, interval::Outcome};

/// How a label or a status is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Badge {
    /// The word.
    pub word: String,
    /// A sign beside it, for those who do not tell the colours apart.
    pub icon: &'static str,
    /// Class of the style sheet: `pass`, `warn`, `fail`, `none` or `run`.
    pub class: &'static str,
}

impl Badge {
    fn new(word: &str, icon: &'static str, class: &'static str) -> Self {
        Self {
            word: word.to_owned(),
            icon,
            class,
        }
    }

    /// The badge of a metric's or a score's classification. A word that is not known is shown as it is.
    #[must_use]
    pub fn of_label(label: &str) -> Self {
        match label {
            "Pass" => Self::new(label, "✓", "pass"),
            "High" => Self::new(label, "▲", "fail"),
            "Low" => Self::new(label, "▼", "fail"),
            "Fail" | "NodataFailMetric" => Self::new(label, "✕", "fail"),
            "Marginal" | "Error" => Self::new(label, "!", "warn"),
            "Nodata" => Self::new(label, "–", "none"),
            "" => Self::new("none", "–", "none"),
            other => Self::new(other, "?", "none"),
        }
    }

    /// The badge of an execution's status in any case, for what has no verdict.
    #[must_use]
    pub fn of_status(status: &str) -> Self {
        match status.to_ascii_lowercase().as_str() {
            "running" => Self::new("Running", "●", "run"),
            "not_started" => Self::new("Not started", "○", "run"),
            "succeeded" => Self::new("Succeeded", "✓", "pass"),
            "terminal" => Self::new("Failed to run", "✕", "fail"),
            "canceled" => Self::new("Canceled", "–", "none"),
            "skipped" => Self::new("Skipped", "–", "none"),
            _ => Self::new(status, "?", "none"),
        }
    }

    pub(crate) fn style(&self) -> Style {
        match self.class {
            "pass" => Style::Pass,
            "fail" => Style::Fail,
            "warn" => Style::Warn,
            _ => Style::Nothing,
        }
    }

    pub(crate) fn outcome(&self) -> Outcome {
        match self.class {
            "pass" => Outcome::Good,
            "fail" => Outcome::Bad,
            _ => Outcome::Neither,
        }
    }
}
