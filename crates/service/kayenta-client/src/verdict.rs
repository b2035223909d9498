//! What an analysis comes to, and the exit code that says so.

use std::process::ExitCode;

use kayenta_model::{AnalysisStatusResponse, analysis::AnalysisVerdict};

/// What a finished analysis comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The last score met the pass threshold. Exit code 0.
    Pass,
    /// A run was judged, and its score was at or below the marginal threshold. Exit code 1.
    Fail,
    /// Every run was above marginal, but the last score is below the pass threshold. Exit code 2.
    Marginal,
    /// There is no verdict: a run failed, the analysis was canceled or could not be planned. Exit code 3.
    Error,
}

impl Verdict {
    /// The verdict of a finished analysis.
    #[must_use]
    pub fn of(status: &AnalysisStatusResponse) -> Self {
        match status.verdict() {
            Some(AnalysisVerdict::Pass) => Self::Pass,
            Some(AnalysisVerdict::Marginal) => Self::Marginal,
            Some(AnalysisVerdict::Fail) => Self::Fail,
            None => Self::Error,
        }
    }

    /// The process exit code a pipeline reads it from.
    #[must_use]
    pub fn exit_code(self) -> ExitCode {
        ExitCode::from(match self {
            Self::Pass => 0,
            Self::Fail => 1,
            Self::Marginal => 2,
            Self::Error => 3,
        })
    }

    /// The word in the colour of a traffic light, for a terminal.
    pub(crate) fn coloured(self) -> String {
        let colour = match self {
            Self::Pass => 32,
            Self::Fail => 31,
            Self::Marginal => 33,
            Self::Error => 35,
        };
        format!("\x1b[1;{colour}m{}\x1b[0m", self.word())
    }

    /// One word for people.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Pass => "PASS",
            Self::Fail => "FAIL",
            Self::Marginal => "MARGINAL",
            Self::Error => "ERROR",
        }
    }
}
