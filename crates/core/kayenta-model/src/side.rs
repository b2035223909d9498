//! The two sides of a comparison.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A side of a comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// The baseline.
    Control,
    /// The canary.
    Experiment,
}

impl Side {
    /// The key of the side in the maps of a pair, and its name in stages.
    #[must_use]
    pub fn key(self) -> &'static str {
        match self {
            Self::Control => "control",
            Self::Experiment => "experiment",
        }
    }
}

/// `control` or `experiment`.
impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.key())
    }
}
