//! The life of an execution or a stage.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// Status of an execution or a stage, upper case on the wire unless a field says otherwise.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ExecutionStatus {
    /// Accepted, nothing has run yet.
    #[default]
    NotStarted,
    /// Being worked on, or waiting between steps.
    Running,
    /// Known to the wire, never produced here.
    Paused,
    /// Known to the wire, never produced here.
    Suspended,
    /// Ended well.
    Succeeded,
    /// Known to the wire, never produced here.
    FailedContinue,
    /// Ended in failure.
    Terminal,
    /// Ended by a cancel.
    Canceled,
    /// Known to the wire, never produced here.
    Redirect,
    /// Known to the wire, never produced here.
    Stopped,
    /// Never ran because something before it ended the execution.
    Skipped,
    /// Known to the wire, never produced here.
    Buffered,
}

/// A text that names no status.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("No enum constant com.netflix.spinnaker.orca.api.pipeline.models.ExecutionStatus.{0}")]
pub struct UnknownStatus(pub String);

impl ExecutionStatus {
    /// Every status, in wire order.
    pub const ALL: [Self; 12] = [
        Self::NotStarted,
        Self::Running,
        Self::Paused,
        Self::Suspended,
        Self::Succeeded,
        Self::FailedContinue,
        Self::Terminal,
        Self::Canceled,
        Self::Redirect,
        Self::Stopped,
        Self::Skipped,
        Self::Buffered,
    ];

    /// The upper-case wire name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotStarted => "NOT_STARTED",
            Self::Running => "RUNNING",
            Self::Paused => "PAUSED",
            Self::Suspended => "SUSPENDED",
            Self::Succeeded => "SUCCEEDED",
            Self::FailedContinue => "FAILED_CONTINUE",
            Self::Terminal => "TERMINAL",
            Self::Canceled => "CANCELED",
            Self::Redirect => "REDIRECT",
            Self::Stopped => "STOPPED",
            Self::Skipped => "SKIPPED",
            Self::Buffered => "BUFFERED",
        }
    }

    /// The lower-case spelling that `/canary` answers use.
    #[must_use]
    pub fn lower(self) -> String {
        self.as_str().to_ascii_lowercase()
    }

    /// Whether nothing more will happen.
    #[must_use]
    pub fn is_complete(self) -> bool {
        matches!(
            self,
            Self::Succeeded
                | Self::FailedContinue
                | Self::Terminal
                | Self::Canceled
                | Self::Stopped
                | Self::Skipped
        )
    }

    /// Whether it ended badly.
    #[must_use]
    pub fn is_halt(self) -> bool {
        matches!(self, Self::Terminal | Self::Canceled | Self::Stopped)
    }
}

impl fmt::Display for ExecutionStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for ExecutionStatus {
    type Err = UnknownStatus;

    /// Reads a name in any case, blanks around it trimmed.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let name = text.trim().to_uppercase();
        Self::ALL
            .into_iter()
            .find(|status| status.as_str() == name)
            .ok_or(UnknownStatus(name))
    }
}
